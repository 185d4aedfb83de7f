//! Four invented computers, written into a folder: files, a registry and the state of programs that set themselves, as
//! the real programs leave them, with accounts that can no longer send beside accounts that are fine or none of our business.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use port26_platform::computer::Os;
use sha2::{Digest, Sha256};

const LIVE_MAIL: &str = "AppData/Local/Microsoft/Windows Live Mail";
const THUNDERBIRD: &str = ".thunderbird";
const PROFILE: &str = ".thunderbird/k7w2m9qx.default-release";
/// Mail from 10.11 on keeps its accounts elsewhere and tells of them itself; this shows that it was used.
const LATER_MAIL: &str = "Library/Mail/V10/MailData/Signatures/AccountsMap.plist";
const OUTLOOK_MAC: &str =
    "Library/Group Containers/UBF8T346G9.Office/Outlook/Outlook 15 Profiles/Main Profile/Data/Outlook.sqlite";
const UNUSED_PROFILE: &str = ".thunderbird/p3vx81ta.default";

/// Why a machine could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MachineError {
    /// A file or folder of the rehearsal could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The names of the mail host in this rehearsal: one host, known to two customers by two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNames {
    /// What the reception and the workshop call it: `mail.hosting.test`. Their domain is what follows the first dot.
    pub hosting: String,
    /// What the studio calls it: `smtp.atelier.test`.
    pub atelier: String,
}

impl Default for HostNames {
    fn default() -> Self {
        Self { hosting: "mail.hosting.test".to_owned(), atelier: "smtp.atelier.test".to_owned() }
    }
}

impl HostNames {
    /// Both names, for the certificate.
    pub fn names(&self) -> [&str; 2] {
        [&self.hosting, &self.atelier]
    }

    /// The domains of its users.
    pub fn domains(&self) -> [&str; 2] {
        [domain_of(&self.hosting), domain_of(&self.atelier)]
    }

    /// A template with the names filled in, and its line ends as the templates are kept: LF.
    fn fill(&self, template: &str) -> String {
        // A checkout may have turned LF into CRLF.
        template
            .replace("\r\n", "\n")
            .replace("{hosting}", &self.hosting)
            .replace("{hosting_domain}", domain_of(&self.hosting))
            .replace("{atelier}", &self.atelier)
            .replace("{atelier_domain}", domain_of(&self.atelier))
    }

    fn user(&self, local: &str, password: &str) -> (String, String) {
        let [hosting, atelier] = self.domains();
        let domain = if ["studio", "invoices", "sales"].contains(&local) { atelier } else { hosting };
        (format!("{local}@{domain}"), password.to_owned())
    }
}

fn domain_of(host: &str) -> &str {
    host.split_once('.').map_or(host, |(_, domain)| domain)
}

/// An invented computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What its owner calls it.
    pub name: String,
    /// Whose layout its home has.
    pub os: Os,
    /// The home folder (Windows: the profile folder).
    pub home: PathBuf,
    /// Windows: the user's registry as regedit exports it.
    pub registry: Option<PathBuf>,
    /// macOS: what programs that set themselves tell of their settings, for their model.
    pub scripted: Option<PathBuf>,
    /// What its owner types when asked: user and password of every account at the mail host.
    pub credentials: Vec<(String, String)>,
}

impl Machine {
    /// The fingerprint of everything that its user's settings are in.
    pub fn fingerprint(&self) -> Result<BTreeMap<PathBuf, String>, MachineError> {
        fingerprint(&self.home, self.registry.as_deref().or(self.scripted.as_deref()))
    }
}

/// Writes all the machines, each into a folder of its own. The same names give the same bytes.
pub fn build_all(into: &Path, host: &HostNames) -> Result<Vec<Machine>, MachineError> {
    Ok(vec![reception_pc(into, host)?, studio_mac(into, host)?, workshop_laptop(into, host)?, gallery_mac(into, host)?])
}

/// The users that the mail host knows: everybody on all the machines.
pub fn accounts_on_host(host: &HostNames) -> Vec<(String, String)> {
    [reception_users(host), studio_users(host), workshop_users(host), gallery_users(host)].concat()
}

fn reception_users(host: &HostNames) -> Vec<(String, String)> {
    vec![
        host.user("jan", "Kiezel-1907 z"),
        host.user("orders", "drie.Appels+2"),
        host.user("frontdesk", "balie \"noord\" 8"),
    ]
}

fn studio_users(host: &HostNames) -> Vec<(String, String)> {
    vec![host.user("studio", "Verf&Kwast77"), host.user("invoices", "inkt=Blauw-5")]
}

fn workshop_users(host: &HostNames) -> Vec<(String, String)> {
    vec![
        host.user("workshop", "Zaagsel%2014"),
        host.user("sales", "etalage_31\\"),
        // A colon and a letter outside ASCII: both are fine in SASL PLAIN.
        host.user("bench", "hamer:blauwé 6"),
    ]
}

fn gallery_users(host: &HostNames) -> Vec<(String, String)> {
    vec![host.user("gallery", "lijst+Goud:9"), host.user("tickets", "kassa Twee*26")]
}

/// Windows with Outlook 16 (POP3 on 25 without a login; IMAP on 587 that works; Exchange) and Windows Live Mail
/// (POP3 on 25 without a login; a directory, which is no mail account).
fn reception_pc(into: &Path, host: &HostNames) -> Result<Machine, MachineError> {
    let folder = into.join("reception-pc");
    let home = folder.join("home");
    let registry = folder.join("registry.reg");
    write(&registry, &utf16_crlf(&host.fill(include_str!("machines/reception_pc.reg"))))?;
    let store = home.join(LIVE_MAIL);
    write(
        &store.join("Hosting (frontdesk)/account{3B0A7C52-26D1-4C55-8E47-1F2600A00001}.oeaccount"),
        &utf16_crlf(&host.fill(include_str!("machines/front_desk.oeaccount"))),
    )?;
    write(
        &store.join("account{3B0A7C52-26D1-4C55-8E47-1F2600A00002}.oeaccount"),
        &utf16_crlf(&host.fill(include_str!("machines/directory.oeaccount"))),
    )?;
    let credentials = reception_users(host);
    Ok(Machine {
        name: "Reception PC".to_owned(),
        os: Os::Windows,
        home,
        registry: Some(registry),
        scripted: None,
        credentials,
    })
}

/// macOS 10.8 with Apple Mail: one server on 25 without a login for two accounts, and iCloud.
fn studio_mac(into: &Path, host: &HostNames) -> Result<Machine, MachineError> {
    let home = into.join("studio-mac").join("home");
    write(
        &home.join("Library/Mail/V2/MailData/Accounts.plist"),
        host.fill(include_str!("machines/studio_mac_accounts.plist")).as_bytes(),
    )?;
    let credentials = studio_users(host);
    Ok(Machine { name: "Studio Mac".to_owned(), os: Os::Macos, home, registry: None, scripted: None, credentials })
}

/// Linux with Thunderbird 140 (IMAP with 25 and no login; another on 465 that works) and Claws Mail (25, no login).
fn workshop_laptop(into: &Path, host: &HostNames) -> Result<Machine, MachineError> {
    let home = into.join("workshop-laptop").join("home");
    let profile = home.join(PROFILE);
    let templates = [
        (home.join(THUNDERBIRD).join("profiles.ini"), include_str!("machines/thunderbird_profiles.ini")),
        (home.join(THUNDERBIRD).join("installs.ini"), include_str!("machines/thunderbird_installs.ini")),
        (home.join(UNUSED_PROFILE).join("times.json"), "{\n\"created\": 1704189990000,\n\"firstUse\": null\n}\n"),
        (profile.join("times.json"), "{\n\"created\": 1704189991000,\n\"firstUse\": 1704189992000\n}\n"),
        (profile.join("compatibility.ini"), include_str!("machines/thunderbird_compatibility.ini")),
        (profile.join("prefs.js"), include_str!("machines/thunderbird_prefs.js")),
        (profile.join("logins.json"), include_str!("machines/thunderbird_logins.json")),
        (home.join(".claws-mail/accountrc"), include_str!("machines/claws_accountrc")),
        (home.join(".claws-mail/clawsrc"), include_str!("machines/claws_clawsrc")),
        (home.join(".claws-mail/passwordstorerc"), include_str!("machines/claws_passwordstorerc")),
    ];
    for (path, template) in templates {
        write(&path, host.fill(template).as_bytes())?;
    }
    let credentials = workshop_users(host);
    Ok(Machine { name: "Workshop laptop".to_owned(), os: Os::Linux, home, registry: None, scripted: None, credentials })
}

/// macOS 14 with Apple Mail (25 without a login; iCloud) and the classic Outlook (25 without a login; Exchange), both of
/// which are asked for their settings.
fn gallery_mac(into: &Path, host: &HostNames) -> Result<Machine, MachineError> {
    let folder = into.join("gallery-mac");
    let (home, scripted) = (folder.join("home"), folder.join("scripted.json"));
    write(&home.join(LATER_MAIL), &empty_property_list())?;
    write(&home.join(OUTLOOK_MAC), b"SQLite format 3\0")?;
    write(&scripted, host.fill(include_str!("machines/gallery_mac.json")).as_bytes())?;
    let credentials = gallery_users(host);
    let (name, os, scripted) = ("Gallery Mac".to_owned(), Os::Macos, Some(scripted));
    Ok(Machine { name, os, home, registry: None, scripted, credentials })
}

fn empty_property_list() -> Vec<u8> {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
                \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n";
    format!("{head}<plist version=\"1.0\">\n<dict/>\n</plist>\n").into_bytes()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MachineError> {
    let failed = |source| MachineError::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, bytes).map_err(failed)
}

/// UTF-16LE with BOM and CRLF, as regedit and Windows Live Mail write.
fn utf16_crlf(text: &str) -> Vec<u8> {
    let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// SHA-256 (hex) of every file of a home, and of one beside it. Equal before and after: every byte is back, and nothing was left behind.
pub fn fingerprint(home: &Path, beside: Option<&Path>) -> Result<BTreeMap<PathBuf, String>, MachineError> {
    let mut prints = BTreeMap::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |source| MachineError::Io { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(failed)?;
                prints.insert(path, format!("link to {}", target.display()));
            } else {
                prints.insert(path.clone(), sha256_of(&path)?);
            }
        }
    }
    if let Some(beside) = beside {
        prints.insert(beside.to_owned(), sha256_of(beside)?);
    }
    Ok(prints)
}

fn sha256_of(path: &Path) -> Result<String, MachineError> {
    let bytes = fs::read(path).map_err(|source| MachineError::Io { path: path.to_owned(), source })?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests;
