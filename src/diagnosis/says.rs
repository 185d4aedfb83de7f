//! What a host means by its refusal of a login or of an account, where the code alone does not tell: by the words that hosts
//! are known to use. Where each was seen stands in `tests/replies.toml`, which holds this to it.

use crate::probe::finding::Reply;

/// Exchange Online, of logins with a password: ended for all (5.7.30), or switched off for this organisation or mailbox. Its
/// 5.7.139 alone does not mean that: it stands before wrong passwords and locked accounts as well.
pub(super) fn password_logins_have_ended(reply: &Reply) -> bool {
    let known = ["5.7.30 ", "basic authentication is disabled", "smtpclientauthentication is disabled"];
    has_any(reply, &known)
}

/// The password of the web page is the wrong kind: Google, Mail.ru, QQ (whose page about it is no. 1001256; the words before it
/// are in GBK).
pub(super) fn an_app_password_is_needed(reply: &Reply) -> bool {
    let known = [
        "application-specific password required",
        "application password is required",
        "neobhodim parol prilozheniya",
        "enter your authorization code",
        "using authorized code to login",
        "no=1001256",
    ];
    has_any(reply, &known)
}

/// The password is not what is wrong: mail programs are switched off for the account, it is locked, or its owner has to show
/// on the web page who it is.
pub(super) fn the_account_is_held(reply: &Reply) -> bool {
    let known = [
        // RFC 5248: user account disabled; Aruba and one.com say so of mailboxes that were misused
        "5.7.13 ",
        // Google
        "log in via your web browser",
        "log in with your web browser",
        // Yandex
        "does not have access rights to this service",
        "you need to use web for sending",
        // NetEase (163.com, 126.com)
        "user has no permission",
        // Exchange Online
        "mailbox cannot be accessed",
        "locked by your organization",
        "account locked",
        "did not meet the criteria to be authenticated",
        // hosts
        "account disabled",
        "account is disabled",
        "account has been disabled",
        "account suspended",
        "account is suspended",
        "account has been suspended",
        "login is currently disabled",
    ];
    has_any(reply, &known)
}

/// To a sender who has logged in: it is not the address, but how much was sent from it (Zoho, cPanel).
pub(super) fn sending_is_stopped(reply: &Reply) -> bool {
    let known = ["unusual sending activity", "sending limit", "sending quota", "has been suspended"];
    has_any(reply, &known)
}

/// In one line and small letters, since a reply may be broken anywhere between two words.
fn has_any(reply: &Reply, known: &[&str]) -> bool {
    let lines = reply.lines.iter().map(|line| without_status(line));
    let status = reply.lines.first().map(|line| line.split(' ').next().unwrap_or_default());
    let said = status.into_iter().chain(lines).collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    known.iter().any(|words| said.match_indices(words).any(|(at, _)| !is_one_of_several(&said[..at])))
}

/// What stands behind "or" and "if" is a possibility, and not what is the matter.
fn is_one_of_several(before: &str) -> bool {
    before.split_whitespace().rev().take(3).any(|word| matches!(word, "or" | "if" | "may" | "maybe" | "perhaps"))
}

/// The enhanced status (RFC 3463) stands before each line.
fn without_status(line: &str) -> &str {
    match line.split_once(' ') {
        Some((status, rest)) if status.starts_with(|first: char| first.is_ascii_digit()) && status.contains('.') => {
            rest.trim_start()
        }
        _ => line,
    }
}
