//! Which Apple Mail it is: it comes with the system, and the system decides which TLS it has.

use port26_platform::computer::Computer;
use port26_platform::files;

use crate::account::Account;
use crate::clients::abilities::table::{APPLE_MAIL, APPLE_MAIL_OLD};
use crate::clients::abilities::{Abilities, Told};

const VERSION_FILE: &str = "System/Library/CoreServices/SystemVersion.plist";

/// The first system whose Apple Mail has TLS 1.2: macOS 10.12, and everything from 11 on.
const WITH_TLS_1_2: (u32, u32) = (10, 12);

/// What this Apple Mail can do. Where the system does not tell its version, the place of the accounts does: a property list
/// is that of a Mail up to OS X 10.10.
pub(super) fn abilities(computer: &Computer, account: &Account) -> Abilities {
    match version(computer) {
        Some(version) if version < WITH_TLS_1_2 => APPLE_MAIL_OLD,
        Some(_) => APPLE_MAIL,
        None if account.settings.contains_key("default_ports") => APPLE_MAIL_OLD,
        None => Abilities { tls: Told::unverified(APPLE_MAIL.tls.is), ..APPLE_MAIL },
    }
}

/// `(10, 15)` of `10.15.7`.
fn version(computer: &Computer) -> Option<(u32, u32)> {
    let bytes = files::read(&computer.system_root()?.join(VERSION_FILE)).ok()??;
    let read: plist::Dictionary = plist::from_bytes(&bytes).ok()?;
    let mut numbers = read.get("ProductVersion")?.as_string()?.split('.').map(str::parse);
    let (Some(Ok(first)), second) = (numbers.next(), numbers.next()) else { return None };
    Some((first, second.and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use port26_platform::computer::Os;

    use super::*;
    use crate::account::{AuthSetting, TlsMode};
    use crate::diagnosis::tests::account;
    use crate::tls_offer::TlsVersion;

    fn newest(version: Option<&str>, is_property_list: bool) -> (TlsVersion, bool) {
        let disk = tempfile::tempdir().unwrap();
        let home = disk.path().join("Users/ada");
        std::fs::create_dir_all(&home).unwrap();
        if let Some(version) = version {
            let file = disk.path().join(VERSION_FILE);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let mut said = plist::Dictionary::new();
            said.insert("ProductVersion".into(), version.into());
            plist::to_file_xml(&file, &said).unwrap();
        }
        let mut account = account(25, TlsMode::None, AuthSetting::None);
        if is_property_list {
            let slot = crate::change::Slot::Registry { key: String::new(), value: String::new() };
            account.settings = BTreeMap::from([("default_ports", crate::account::Setting { slot, content: None })]);
        }
        let told = abilities(&Computer::folder(home, Os::Macos, None), &account).tls;
        (told.is.newest, told.is_verified())
    }

    #[test]
    fn the_system_tells_which_tls_its_mail_has() {
        assert_eq!(newest(Some("10.9.5"), true), (TlsVersion::V1_0, true));
        assert_eq!(newest(Some("10.11.6"), false), (TlsVersion::V1_0, true));
        assert_eq!(newest(Some("10.12"), false), (TlsVersion::V1_2, true));
        assert_eq!(newest(Some("15.1"), false), (TlsVersion::V1_2, true));
        assert_eq!(newest(None, true), (TlsVersion::V1_0, true));
        assert_eq!(newest(None, false), (TlsVersion::V1_2, false));
        assert_eq!(newest(Some("Catalina"), false), (TlsVersion::V1_2, false));
    }
}
