//! What device management laid down: a file on Linux, values in the registry on Windows, the preferences of a
//! configuration profile on macOS.

use std::path::{Path, PathBuf};

use port26_platform::computer::Os;
use port26_platform::files;
use port26_platform::managed::{ManagedKey, ManagedValue, policy_keys};

use super::read::bounded;
use super::value::PolicyValue;
use super::{Place, Policy, PolicyError, Source};
use crate::formats::plist_value;

/// The key below `Software\Policies`.
pub const REGISTRY_NAME: &str = "port26";

/// The preference domain of a configuration profile for macOS. Device profiles (`PayloadScope` System) end up here.
pub const PROFILE_DOMAIN: &str = "org.port26";

/// Files that the owner of a machine with this system may lay down, the weakest first. Windows has the registry instead.
pub fn managed_sources(os: Os) -> Vec<PathBuf> {
    match os {
        Os::Linux => vec![PathBuf::from("/etc/port26/policy.toml")],
        Os::Macos => vec![
            // what a package may lay down: only root writes there, and a profile, read after it, wins
            PathBuf::from("/Library/Application Support/port26/policy.toml"),
            Path::new("/Library/Managed Preferences").join(format!("{PROFILE_DOMAIN}.plist")),
        ],
        Os::Windows => Vec::new(),
    }
}

impl Policy {
    /// Takes in everything that is laid down on this machine; all of it or, with an error, nothing.
    pub(super) fn merge_machine(&mut self, os: Os) -> Result<(), PolicyError> {
        let mut merged = self.clone();
        merged.merge_files(&managed_sources(os))?;
        for ManagedKey { place, values } in policy_keys(REGISTRY_NAME) {
            merged.merge_managed(&place, values.into_iter().map(|(name, value)| (name, from_registry(value))))?;
        }
        *self = merged;
        Ok(())
    }

    fn merge_files(&mut self, paths: &[PathBuf]) -> Result<(), PolicyError> {
        for path in paths {
            let Some(bytes) = bounded(path)? else { continue };
            // Whoever else can write there could lower what protects every user of this machine. To pass it over would be to
            // lower it for them: what its owner forbade would be done.
            if !files::only_root_writes(path) {
                let at = Place { source: Source::Managed(path.display().to_string()), line: None };
                let why = "others than root can write to it; make it root's own (chown root, chmod go-w)".to_owned();
                return Err(PolicyError::Malformed { at, why });
            }
            match path.extension().is_some_and(|extension| extension == "plist") {
                true => self.merge_profile(&bytes, path)?,
                false => self.merge_bytes(&bytes, Source::Managed(path.display().to_string()))?,
            }
        }
        Ok(())
    }

    /// Takes in the managed preferences of a configuration profile: a property list, XML or binary.
    pub fn merge_profile(&mut self, bytes: &[u8], path: &Path) -> Result<(), PolicyError> {
        let malformed = |why: String| PolicyError::Malformed {
            at: Place { source: Source::Managed(path.display().to_string()), line: None },
            why,
        };
        let list = plist_value::read(bytes).map_err(|error| malformed(error.to_string()))?;
        let Some(entries) = list.into_dictionary() else {
            return Err(malformed("not a dictionary".to_owned()));
        };
        // macOS adds who installed the profile.
        let ours = entries.into_iter().filter(|(name, _)| !name.starts_with("Payload"));
        self.merge_managed(&path.display().to_string(), ours.map(|(name, value)| (name, from_profile(value))))
    }
}

fn from_registry(value: ManagedValue) -> PolicyValue {
    match value {
        ManagedValue::Number(number) => {
            i64::try_from(number).map_or(PolicyValue::Other("a number that large"), PolicyValue::Integer)
        }
        ManagedValue::Text(text) => PolicyValue::Text(text),
        ManagedValue::List(items) => PolicyValue::List(items.into_iter().map(PolicyValue::Text).collect()),
        ManagedValue::Other => PolicyValue::Other("a value of that type"),
    }
}

fn from_profile(value: plist::Value) -> PolicyValue {
    match value {
        plist::Value::Boolean(yes) => PolicyValue::Bool(yes),
        plist::Value::Integer(number) => {
            number.as_signed().map_or(PolicyValue::Other("a number that large"), PolicyValue::Integer)
        }
        plist::Value::String(text) => PolicyValue::Text(text),
        plist::Value::Array(items) => PolicyValue::List(items.into_iter().map(from_profile).collect()),
        plist::Value::Real(_) => PolicyValue::Other("a fraction"),
        plist::Value::Date(_) => PolicyValue::Other("a date"),
        plist::Value::Dictionary(_) => PolicyValue::Other("a dictionary"),
        _ => PolicyValue::Other("a value of that type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Mode;

    const PROFILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>mode</key><string>test</string>
<key>target_ports</key><array><integer>26</integer><integer>587</integer></array>
<key>host_allow_list</key><array><string>*.hosting.test</string></array>
<key>send_test</key><true/>
<key>max_wait_s</key><integer>5</integer>
<key>PayloadUUID</key><string>invented</string>
</dict></plist>"#;

    fn path() -> PathBuf {
        managed_sources(Os::Macos).pop().unwrap()
    }

    #[test]
    fn a_profile_in_both_forms_is_the_same_policy() {
        let mut from_xml = Policy::default();
        from_xml.merge_profile(PROFILE.as_bytes(), &path()).unwrap();
        assert_eq!(from_xml.mode.value, Mode::Test);
        assert_eq!(from_xml.target_ports.value, [26, 587]);
        assert!(from_xml.send_test.value && from_xml.allows_host("mail.hosting.test"));
        assert_eq!(from_xml.max_wait_s.from, Source::Managed(path().display().to_string()));

        let list = plist::Value::from_reader(std::io::Cursor::new(PROFILE)).unwrap();
        let mut binary = Vec::new();
        list.to_writer_binary(&mut binary).unwrap();
        let mut from_binary = Policy::default();
        from_binary.merge_profile(&binary, &path()).unwrap();
        assert_eq!(from_binary, from_xml);
    }

    #[test]
    fn a_profile_wins_over_a_file_that_a_package_laid_down() {
        let disk = tempfile::tempdir().unwrap();
        let here = |path: &PathBuf| disk.path().join(path.strip_prefix("/").unwrap());
        let paths: Vec<PathBuf> = managed_sources(Os::Macos).iter().map(here).collect();
        let write = |path: &Path, bytes: &[u8]| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        write(&paths[0], b"mode = 'off'\nplaintext_auth = true\n");
        write(&paths[1], PROFILE.as_bytes());
        let mut policy = Policy::default();
        policy.merge_files(&paths).unwrap();
        assert_eq!(policy.mode.value, Mode::Test);
        assert!(policy.plaintext_auth.value);
        assert_eq!(policy.plaintext_auth.from, Source::Managed(paths[0].display().to_string()));
    }

    /// The profile that is handed to device management says what port26 does anyway, with every setting in it.
    #[test]
    fn the_profile_of_the_installer_has_every_setting_with_its_default() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("installer/macos/profiles/port26-settings.mobileconfig");
        let profile = plist_value::read(&std::fs::read(&path).unwrap()).unwrap().into_dictionary().unwrap();
        let payload = profile["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
        assert_eq!(payload["PayloadType"].as_string(), Some(PROFILE_DOMAIN));
        let mut bytes = Vec::new();
        plist::Value::Dictionary(payload.clone()).to_writer_xml(&mut bytes).unwrap();
        let mut policy = Policy::default();
        policy.merge_profile(&bytes, &path).unwrap();
        for (row, default) in policy.rows().iter().zip(Policy::default().rows()) {
            assert_eq!((row.name, &row.value), (default.name, &default.value));
            assert_eq!(row.from, Source::Managed(path.display().to_string()), "{} is not in the profile", row.name);
        }
    }

    #[test]
    fn a_profile_that_cannot_be_read_changes_nothing_and_is_named() {
        let large = vec![b' '; plist_value::MOST_BYTES + 1];
        let unknown = PROFILE.replace("send_test", "send_tset");
        let wrong = PROFILE.replace("<integer>5</integer>", "<real>5.5</real>");
        for bytes in
            [&b"bplist00garbage"[..], b"<plist><array/></plist>", b"", &large, unknown.as_bytes(), wrong.as_bytes()]
        {
            let mut policy = Policy::default();
            let error = policy.merge_profile(bytes, &path()).unwrap_err().to_string();
            assert!(error.contains("org.port26.plist"), "{error}");
            assert_eq!(policy, Policy::default(), "{error}");
        }
    }

    #[test]
    fn registry_values_are_policy_values() {
        assert_eq!(from_registry(ManagedValue::Number(26)), PolicyValue::Integer(26));
        assert_eq!(from_registry(ManagedValue::Number(u64::MAX)), PolicyValue::Other("a number that large"));
        assert_eq!(from_registry(ManagedValue::Text("fix".into())), PolicyValue::Text("fix".into()));
        let list = PolicyValue::List(vec![PolicyValue::Text("a.test".into())]);
        assert_eq!(from_registry(ManagedValue::List(vec!["a.test".into()])), list);
        assert_eq!(from_registry(ManagedValue::Other), PolicyValue::Other("a value of that type"));
    }
}
