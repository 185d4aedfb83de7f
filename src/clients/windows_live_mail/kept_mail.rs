//! Where Windows Mail and Windows Live Mail keep what was sent and what waits: files `.eml` in folders of the store. From public
//! descriptions of the store; not seen with the real programs. A Windows in another language may call these folders otherwise: then
//! nothing is known.

use std::path::Path;

use crate::account::{Account, IncomingProtocol};
use crate::change::Slot;
use crate::past_mail::{FilledBy, Holds, KeptMail, MailFolder, Outbox, Store};

/// Of one account. `Sent Items` is beside its own file: in the folder of the account (Windows Live Mail) or of all of them.
pub(super) fn of(account: &Account, store: Option<&Path>) -> KeptMail {
    let file = account.settings.values().find_map(|setting| match &setting.slot {
        Slot::Setting { file, .. } => file.parent(),
        _ => None,
    });
    let sent = file.map(|folder| folder.join("Sent Items"));
    let outboxes =
        store.into_iter().flat_map(|store| [store.join("Outbox"), store.join("Local Folders").join("Outbox")]);
    // With IMAP it is a copy of the host's folder.
    let imap = account.incoming.as_ref().is_some_and(|incoming| incoming.protocol == IncomingProtocol::Imap);
    let filled_by = if imap { FilledBy::Everybody } else { FilledBy::ThisProgram };
    let folder = |path| MailFolder { path, store: Store::Files, holds: Holds::Several, filled_by };
    KeptMail {
        sent: sent.map(folder).into_iter().collect(),
        // One that is not there may be called otherwise, so it is not taken for empty.
        outbox: outboxes
            .map(folder)
            .find(|folder| folder.path.is_dir())
            .map(|folder| Outbox { folder, called: "Outbox" }),
        sender_keys: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use port26_platform::computer::Os;

    use super::*;
    use crate::account::IncomingServer;
    use crate::clients::MailClient;
    use crate::clients::fixture::at;
    use crate::clients::windows_live_mail::WINDOWS_LIVE_MAIL;

    #[test]
    fn sent_mail_is_beside_the_account_and_what_waits_is_in_the_store() {
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("AppData/Local/Microsoft/Windows Live Mail");
        let folder = store.join("Hosting 1a2");
        std::fs::create_dir_all(&folder).unwrap();
        let file = "<MessageAccount><SMTP_Server type=\"SZ\">mail.hosting.test</SMTP_Server></MessageAccount>";
        std::fs::write(folder.join("account{11111111-1111-4111-8111-111111111111}.oeaccount"), file).unwrap();
        let computer = at(home.path(), Os::Windows);
        let found = WINDOWS_LIVE_MAIL.accounts(&computer, &WINDOWS_LIVE_MAIL.detect(&computer).unwrap().unwrap());
        let kept = || WINDOWS_LIVE_MAIL.kept_mail(&computer, &[&found.accounts[0]]).remove(0);
        assert_eq!(kept().sent[0].path, folder.join("Sent Items"));
        assert_eq!(kept().sent[0].filled_by, FilledBy::ThisProgram);
        assert_eq!(kept().outbox, None, "a folder of another name is not taken for an empty one");
        std::fs::create_dir(store.join("Outbox")).unwrap();
        assert_eq!(kept().outbox.unwrap().folder.path, store.join("Outbox"));
        let incoming = IncomingServer {
            protocol: IncomingProtocol::Imap,
            host: "mail.hosting.test".to_owned(),
            port: None,
            user: None,
        };
        let imap = Account { incoming: Some(incoming), ..found.accounts[0].clone() };
        let kept = WINDOWS_LIVE_MAIL.kept_mail(&computer, &[&imap]).remove(0);
        assert_eq!(kept.sent[0].filled_by, FilledBy::Everybody);
    }
}
