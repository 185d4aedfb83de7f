//! What the next start makes of the outgoing servers of a profile that an older version has written (`MailMigrator.sys.mjs`
//! of Thunderbird 153).

use super::preferences::Preferences;
use super::store::Store;

/// Written by a version that has the steps below.
const DONE: i32 = 44;

/// The version of a profile for which every server is one of SMTP.
const TYPED: i32 = 43;

/// Does to the store what the program does. A profile without a version is a new one, and stays as it is.
pub(super) fn apply(store: &mut Store) {
    let Some(version) = Preferences(store).int("mail.ui-rdf.version").filter(|version| *version != 0) else { return };
    if version >= DONE {
        return;
    }
    let list = Preferences(store).text("mail.smtpservers").unwrap_or_default();
    for key in list.split(',').filter(|key| !key.is_empty()) {
        if version < TYPED {
            store.migrate(&format!("mail.smtpserver.{key}.type"), "\"smtp\"");
        }
        // "STARTTLS, if available" becomes STARTTLS
        if Preferences(store).smtp_int(key, "try_ssl") == Some(1) {
            store.migrate(&format!("mail.smtpserver.{key}.try_ssl"), "2");
        }
    }
}
