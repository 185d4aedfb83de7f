//! What is said of Apple Mail's accounts, however they were read: what went wrong, what two accounts share, and the
//! steps by hand.

use std::path::Path;

use crate::account::ClientId;
use crate::clients::Problem;

pub(super) fn by_hand() -> Vec<String> {
    [
        "Open Mail, then Mail > Settings (or Preferences) > Accounts, and choose the account.",
        "Choose Server Settings. Under Outgoing Mail Server, open the menu and choose Edit SMTP Server List if the fields below are not shown.",
        "Switch off \"Automatically manage connection settings\".",
        "Write 26 as the port and switch on \"Use TLS/SSL\".",
        "As Authentication choose Password, and write the user name and password of your incoming server.",
        "Choose Save, close the window, and send a message to yourself.",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(super) fn unreadable(file: &Path, why: &dyn std::fmt::Display) -> Problem {
    Problem {
        client: Some(ClientId::AppleMail),
        at: file.display().to_string(),
        code: "accounts_unreadable".to_owned(),
        message: format!("Mail's accounts cannot be read: {why}."),
        hint: "Open Mail once, look at its account settings, close it, and try again.".to_owned(),
    }
}

pub(super) fn trouble(at: String, code: &str, message: String, hint: &str) -> Problem {
    Problem { client: Some(ClientId::AppleMail), at, code: code.to_owned(), message, hint: hint.to_owned() }
}

pub(super) fn shared_words(count: usize, emails: &[String]) -> String {
    format!("{count} accounts send through this server ({}); they all move with it.", emails.join(", "))
}
