//! Which mail programs are installed on a Windows machine, as it registers them itself: "Apps and features", App Paths,
//! `Clients\Mail` and packaged apps, for everybody (both views of the registry) and for the user. One table; what
//! Outlook says of itself is in [`super::outlook::installed`]. Profiles and accounts are the adapters' business.

use std::collections::BTreeMap;

use port26_platform::computer::Computer;
use port26_platform::programs::{Entry, Place, Programs, Scope};

use super::outlook;
use crate::account::ClientId;

pub(super) mod program;

pub use program::{InstalledBy, Program};
use program::{bits_of, is_there, registered};

/// What a mail program registers.
struct Known {
    client: ClientId,
    /// Names in "Apps and features" begin with one of these.
    names: &'static [&'static str],
    /// Program files, as in App Paths.
    files: &'static [&'static str],
    /// Names below `Clients\Mail`.
    mail: &'static [&'static str],
    /// Families of packages.
    packages: &'static [&'static str],
}

const fn setup(
    client: ClientId,
    names: &'static [&'static str],
    files: &'static [&'static str],
    mail: &'static [&'static str],
) -> Known {
    Known { client, names, files, mail, packages: &[] }
}

const fn package(client: ClientId, packages: &'static [&'static str], files: &'static [&'static str]) -> Known {
    Known { client, names: &[], files, mail: &[], packages }
}

/// Classic Outlook is not in it: Office registers as a whole. Nor is Windows Mail of Vista, whose program file later
/// versions of Windows keep without being able to run it.
const KNOWN: &[Known] = &[
    setup(ClientId::OutlookExpress, &[], &["msimn.exe"], &["Outlook Express"]),
    setup(ClientId::WindowsLiveMail, &["Windows Live Mail"], &["wlmail.exe"], &["Windows Live Mail"]),
    setup(ClientId::Thunderbird, &["Mozilla Thunderbird"], &["thunderbird.exe"], &["Mozilla Thunderbird"]),
    setup(ClientId::Betterbird, &["Betterbird"], &["betterbird.exe"], &["Betterbird"]),
    setup(ClientId::Seamonkey, &["SeaMonkey"], &["seamonkey.exe"], &["SeaMonkey", "Mozilla SeaMonkey"]),
    setup(ClientId::Postbox, &["Postbox"], &["postbox.exe"], &["Postbox"]),
    setup(ClientId::ClawsMail, &["Claws Mail", "Claws-Mail"], &["claws-mail.exe"], &["Claws Mail", "Claws-Mail"]),
    package(ClientId::NewOutlook, &["Microsoft.OutlookForWindows_8wekyb3d8bbwe"], &["olk.exe"]),
    package(ClientId::WindowsMailApp, &["microsoft.windowscommunicationsapps_8wekyb3d8bbwe"], &["HxOutlook.exe"]),
    setup(ClientId::EmClient, &["eM Client"], &["MailClient.exe"], &["eM Client"]),
    setup(ClientId::Mailbird, &["Mailbird"], &["Mailbird.exe"], &["Mailbird"]),
    setup(ClientId::TheBat, &["The Bat!"], &["thebat.exe", "thebat64.exe", "thebat32.exe"], &["The Bat!"]),
    setup(ClientId::Foxmail, &["Foxmail"], &["Foxmail.exe"], &["Foxmail"]),
    setup(ClientId::Pegasus, &["Pegasus Mail"], &["winpm-32.exe"], &["Pegasus Mail"]),
    setup(ClientId::Becky, &["Becky!"], &["B2.exe"], &["Becky!", "Becky! Internet Mail"]),
    setup(ClientId::Eudora, &["Eudora"], &["Eudora.exe"], &["Eudora"]),
    setup(ClientId::Spark, &["Spark Desktop", "Spark Mail"], &["Spark Desktop.exe"], &["Spark"]),
];

/// Every mail program that is installed, by client. Empty for anything but a Windows whose registries are at hand.
pub fn programs(computer: &Computer) -> BTreeMap<ClientId, Vec<Program>> {
    let mut found = BTreeMap::new();
    let Some(programs) = Programs::of(computer).filter(|programs| !programs.places().is_empty()) else { return found };
    let entries = programs.entries();
    for known in KNOWN {
        found.insert(known.client, Looking { computer, programs: &programs, known }.all(&entries));
    }
    found.insert(ClientId::Outlook, outlook::installed::programs(computer, &programs, &entries));
    found.retain(|_, list| !list.is_empty());
    found
}

struct Looking<'a> {
    computer: &'a Computer,
    programs: &'a Programs<'a>,
    known: &'a Known,
}

impl Looking<'_> {
    fn all(&self, entries: &[Entry]) -> Vec<Program> {
        let mut list: Vec<Program> = Vec::new();
        let mut add = |program: Program| {
            // Parts of the registry that both views share show an entry twice.
            let same = |other: &Program| {
                (&other.name, &other.version, &other.path, other.installed_for)
                    == (&program.name, &program.version, &program.path, program.installed_for)
            };
            if !list.iter().any(same) {
                list.push(program);
            }
        };
        entries.iter().filter(|entry| self.is_named(&entry.name)).for_each(|entry| add(self.of_entry(entry)));
        for package in self.programs.packages() {
            if let Some(family) = self.known.packages.iter().find(|family| family.eq_ignore_ascii_case(&package.family))
            {
                let name = family.rsplit_once('_').map_or(*family, |(name, _)| name).to_owned();
                let (installed_by, installed_for) = (InstalledBy::Package, Scope::User);
                add(Program {
                    version: Some(package.version),
                    bits: package.bits,
                    ..self.bare(name, installed_by, installed_for)
                });
            }
        }
        for (place, path) in registered(self.programs, self.known.files, self.known.mail) {
            self.of_file(&mut list, place, path);
        }
        list
    }

    fn is_named(&self, name: &str) -> bool {
        self.known.names.iter().any(|known| {
            let (front, rest) = (name.get(..known.len()), name.get(known.len()..));
            front.is_some_and(|front| front.eq_ignore_ascii_case(known)) && rest.is_some_and(is_no_other_name)
        })
    }

    fn bare(&self, name: String, installed_by: InstalledBy, installed_for: Scope) -> Program {
        Program {
            name,
            version: None,
            bits: None,
            edition: None,
            installed_by,
            installed_for,
            path: None,
            running: !self.computer.processes.running(self.known.files).is_empty(),
        }
    }

    fn of_entry(&self, entry: &Entry) -> Program {
        let by = if entry.by_windows_installer { InstalledBy::WindowsInstaller } else { InstalledBy::Setup };
        let is_known = |path: &String| self.known.files.iter().any(|file| is_file(path, file));
        let below = || Some(format!(r"{}\{}", entry.folder.as_ref()?, self.known.files.first()?));
        let path = entry.icon.clone().filter(is_known).or_else(below);
        let bits = path.as_deref().and_then(|path| bits_of(self.programs, path)).or(self.programs.bits(entry.place));
        Program { version: entry.version.clone(), bits, path, ..self.bare(entry.name.clone(), by, entry.place.scope()) }
    }

    /// A program file that is registered without an entry, or stands for one that is known.
    fn of_file(&self, list: &mut Vec<Program>, place: Place, path: String) {
        let same = |program: &Program| {
            program.path.as_ref().is_some_and(|known| folder_of(known).eq_ignore_ascii_case(folder_of(&path)))
        };
        if list.iter().any(same) {
            return;
        }
        // An entry that names no folder: this is its program.
        if let Some(entry) = list.iter_mut().find(|program| program.path.is_none()) {
            entry.path = Some(path);
            return;
        }
        if !is_there(self.programs, &path) {
            return;
        }
        let name = self.known.mail.first().or(self.known.names.first()).copied().unwrap_or(file_of(&path)).to_owned();
        let bits = bits_of(self.programs, &path);
        list.push(Program { bits, path: Some(path), ..self.bare(name, InstalledBy::NotTold, place.scope()) });
    }
}

/// What follows a name: not "Postbox Express" for "Postbox", but "Postbox (x86 en-US)", "Mailbird 3", "The Bat! v11".
fn is_no_other_name(rest: &str) -> bool {
    let rest = rest.trim_start();
    let version = rest.strip_prefix('v').unwrap_or(rest);
    version.chars().next().is_none_or(|c| !c.is_alphabetic())
}

fn file_of(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once(['\\', '/']).map_or("", |(folder, _)| folder)
}

fn is_file(path: &str, file: &str) -> bool {
    file_of(path).eq_ignore_ascii_case(file)
}

#[cfg(test)]
mod tests;
