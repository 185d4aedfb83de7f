//! Is a client open on a profile? Asked by the writer right before it writes, and before it undoes.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use port26_platform::computer::Computer;

use crate::account::{ClientId, SubmissionServer};
use crate::apply::OpenCheck;
use crate::change::Slot;
use crate::clients::{InUse, MailClient};

/// Asks the clients themselves.
pub struct OpenClients {
    computer: Computer,
    clients: &'static [&'static dyn MailClient],
}

impl OpenClients {
    /// For the clients of this machine.
    pub fn new(computer: Computer, clients: &'static [&'static dyn MailClient]) -> Self {
        Self { computer, clients }
    }
}

impl OpenCheck for OpenClients {
    fn in_use(&self, client: ClientId, profile: &str) -> InUse {
        let adapter = self.clients.iter().find(|adapter| adapter.id() == client);
        adapter.map_or(InUse::No, |adapter| adapter.profile_in_use(&self.computer, profile))
    }

    fn outgoing(&self, client: ClientId) -> BTreeMap<String, SubmissionServer> {
        let Some(adapter) = self.clients.iter().find(|adapter| adapter.id() == client) else { return BTreeMap::new() };
        let Ok(Some(installation)) = adapter.detect(&self.computer) else { return BTreeMap::new() };
        let found = adapter.accounts(&self.computer, &installation).accounts;
        found.into_iter().map(|one| (one.id, one.outgoing)).collect()
    }

    /// Below the home, in the exported registry, or where a profile that is found now keeps them; of the registry only
    /// below the keys of mail accounts.
    fn keeps_settings_in(&self, client: ClientId, at: &Slot) -> bool {
        match at {
            Slot::Setting { file, .. } => self.keeps_file(client, file),
            Slot::Registry { key, .. } => is_mail_key(key),
            Slot::Script { .. } | Slot::Secret { .. } => true,
        }
    }
}

impl OpenClients {
    fn keeps_file(&self, client: ClientId, file: &Path) -> bool {
        let plain = file.is_absolute() && !file.components().any(|part| part == Component::ParentDir);
        let registry = self.computer.registry.as_ref().and_then(|registry| registry.backing_file());
        if plain && (file.starts_with(&self.computer.folders.home) || registry == Some(file)) {
            return true;
        }
        let adapter = self.clients.iter().find(|adapter| adapter.id() == client);
        let Some(adapter) = adapter.filter(|_| file.is_absolute()) else { return false };
        let Ok(Some(installation)) = adapter.detect(&self.computer) else { return false };
        let accounts = adapter.accounts(&self.computer, &installation).accounts;
        let mut slots = accounts.iter().flat_map(|account| account.settings.values()).map(|setting| &setting.slot);
        // A file beside one of them is the same profile's: which of them a move touches is another matter after it.
        let beside = |known: &Path| known == file || known.parent() == file.parent();
        slots.any(|slot| matches!(slot, Slot::Setting { file: known, .. } if beside(known)))
    }
}

/// Where Outlook and the Internet Account Manager (Outlook Express) keep accounts, below `HKEY_CURRENT_USER`.
fn is_mail_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["\\outlook\\profiles\\", "\\windows messaging subsystem\\profiles\\", "\\internet account manager\\accounts\\"]
        .iter()
        .any(|place| key.contains(place))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use port26_platform::computer::Os;
    use port26_platform::processes::{Holder, Processes};

    use super::*;
    use crate::clients::CLIENTS;

    struct Locked(PathBuf);

    impl Processes for Locked {
        fn running(&self, _names: &[&str]) -> Vec<u32> {
            Vec::new()
        }
        fn lock_holder(&self, file: &Path) -> Option<Holder> {
            (file == self.0).then_some(Holder { pid: Some(7) })
        }
        fn socket_answers(&self, _socket: &Path) -> bool {
            false
        }
    }

    #[test]
    fn of_two_profiles_with_one_name_each_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let roots = [".thunderbird", "snap/thunderbird/common/.thunderbird"].map(|root| home.path().join(root));
        for root in &roots {
            let profile = root.join("p.default");
            std::fs::create_dir_all(&profile).unwrap();
            let ini = "[Profile0]\nName=default\nIsRelative=1\nPath=p.default\n";
            std::fs::write(root.join("profiles.ini"), ini).unwrap();
            let prefs = [
                ("mail.accountmanager.accounts", "account1"),
                ("mail.account.account1.identities", "id1"),
                ("mail.account.account1.server", "server1"),
                ("mail.identity.id1.smtpServer", "smtp1"),
                ("mail.server.server1.type", "imap"),
                ("mail.smtpservers", "smtp1"),
                ("mail.smtpserver.smtp1.hostname", "mail.hosting.test"),
            ];
            let text: String =
                prefs.iter().map(|(name, value)| format!("user_pref(\"{name}\", \"{value}\");\n")).collect();
            std::fs::write(profile.join("prefs.js"), text).unwrap();
        }
        for root in &roots {
            let mut computer = Computer::folder(home.path(), Os::Linux, None);
            computer.processes = Arc::new(Locked(root.join("p.default/.parentlock")));
            let open_check = OpenClients::new(computer, CLIENTS);
            assert_eq!(open_check.in_use(ClientId::Thunderbird, "default"), InUse::Yes(Some(7)), "{}", root.display());
        }
    }

    /// A list of profiles may lead anywhere; after a move its login may lie in a file that no setting names.
    #[test]
    fn a_profile_that_is_found_is_put_back_wherever_it_is() {
        let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = home.path().join(".thunderbird");
        std::fs::create_dir_all(&root).unwrap();
        let away = outside.path().join("p.default");
        let ini = format!(
            "[Profile0]\nName=one\nIsRelative=0\nPath={}\n[Profile1]\nName=two\nIsRelative=1\nPath=../mail/p.two\n",
            away.display()
        );
        std::fs::write(root.join("profiles.ini"), ini).unwrap();
        let beside = root.join("../mail/p.two");
        for profile in [&away, &beside] {
            std::fs::create_dir_all(profile).unwrap();
            let prefs = "user_pref(\"mail.smtpservers\", \"smtp1\");\n\
                         user_pref(\"mail.smtpserver.smtp1.hostname\", \"mail.hosting.test\");\n";
            std::fs::write(profile.join("prefs.js"), prefs).unwrap();
        }
        // With --home only that folder is looked at.
        let computer = Computer { own_session: true, ..Computer::folder(home.path(), Os::Linux, None) };
        let open_check = OpenClients::new(computer, CLIENTS);
        for (profile, file) in [(&away, "prefs.js"), (&away, "logins.json"), (&beside, "prefs.js")] {
            let slot = Slot::Setting {
                file: profile.join(file),
                format: crate::formats::FileFormat::PrefsJs,
                name: "mail.smtpserver.smtp1.port".to_owned(),
            };
            assert!(open_check.keeps_settings_in(ClientId::Thunderbird, &slot), "{}", profile.join(file).display());
        }
    }

    #[test]
    fn a_receipt_leads_only_to_mail_settings() {
        let home = tempfile::tempdir().unwrap();
        let open_check = OpenClients::new(Computer::folder(home.path(), Os::Linux, None), CLIENTS);
        let file = |path: PathBuf| Slot::Setting {
            file: path,
            format: crate::formats::FileFormat::PrefsJs,
            name: "mail.smtpserver.smtp1.port".to_owned(),
        };
        let may = |slot: &Slot| open_check.keeps_settings_in(ClientId::Thunderbird, slot);
        assert!(may(&file(home.path().join(".thunderbird/p.default/prefs.js"))));
        for elsewhere in ["/etc/passwd", "notes", "/root/.ssh/authorized_keys"] {
            assert!(!may(&file(elsewhere.into())), "{elsewhere}");
        }
        assert!(!may(&file(home.path().join("../other/.thunderbird/prefs.js"))));
        let value = |key: &str| Slot::Registry { key: key.to_owned(), value: "SMTP Port".to_owned() };
        let outlook =
            r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook\9375CFF0413111d3B88A00104B2A6676\00000002";
        assert!(may(&value(outlook)));
        assert!(may(&value(r"Identities\{A}\Software\Microsoft\Internet Account Manager\Accounts\00000001")));
        assert!(!may(&value(r"Software\Microsoft\Windows\CurrentVersion\Run")));
    }
}
