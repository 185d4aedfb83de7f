//! What the next start makes of the outgoing servers of a profile that an older version has written (`MailMigrator.sys.mjs`
//! of Thunderbird 153).

use super::preferences::Preferences;
use super::senders::is_unknown;
use super::store::Store;

/// Written by a version that has the steps below.
const DONE: i32 = 44;

/// The version of a profile for which every server is one of SMTP.
const TYPED: i32 = 43;

/// Below this version an earlier step makes the servers with the types that they have, or stumbles over an unknown one.
const MADE_EARLIER: i32 = 35;

/// Does to the store what the program does. A profile without a version is a new one, and stays as it is.
pub(super) fn apply(store: &mut Store) {
    let Some(version) = Preferences(store).int("mail.ui-rdf.version").filter(|version| *version != 0) else { return };
    if version >= DONE {
        return;
    }
    let list = Preferences(store).text("mail.smtpservers").unwrap_or_default();
    let keys = || list.split(',').filter(|key| !key.is_empty());
    if version < MADE_EARLIER && keys().any(|key| is_unknown(&Preferences(store), key)) {
        return;
    }
    for key in keys() {
        if (MADE_EARLIER..TYPED).contains(&version) {
            store.migrate(&format!("mail.smtpserver.{key}.type"), "\"smtp\"");
        }
        // "STARTTLS, if available" becomes STARTTLS
        if Preferences(store).smtp_int(key, "try_ssl") == Some(1) {
            store.migrate(&format!("mail.smtpserver.{key}.try_ssl"), "2");
        }
    }
}
