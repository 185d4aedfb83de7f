//! Is a client open on a profile? Asked by the writer right before it writes, and before it undoes.

use port26_platform::host::Host;

use crate::account::ClientId;
use crate::apply::Guard;
use crate::clients::{InUse, MailClient};

/// Asks the clients themselves.
pub struct OpenClients {
    host: Host,
    clients: &'static [&'static dyn MailClient],
}

impl OpenClients {
    /// For the clients of this machine.
    pub fn new(host: Host, clients: &'static [&'static dyn MailClient]) -> Self {
        Self { host, clients }
    }
}

impl Guard for OpenClients {
    fn in_use(&self, client: ClientId, profile: &str) -> InUse {
        let adapter = self.clients.iter().find(|adapter| adapter.id() == client);
        adapter.map_or(InUse::No, |adapter| adapter.profile_in_use(&self.host, profile))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use port26_platform::host::Os;
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
            let mut host = Host::folder(home.path(), Os::Linux, None);
            host.processes = Arc::new(Locked(root.join("p.default/.parentlock")));
            let guard = OpenClients::new(host, CLIENTS);
            assert_eq!(guard.in_use(ClientId::Thunderbird, "default"), InUse::Yes(Some(7)), "{}", root.display());
        }
    }
}
