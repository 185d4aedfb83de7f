//! Why an account that could be moved waits for its user: no password is at hand, or the one at hand belongs elsewhere.

use crate::account::Account;
use crate::clients::client_name;
use crate::credentials::{BorrowError, Trouble, Withheld};
use crate::operator::{Lending, operator_of};
use crate::plan::Reason;

/// The reason, from the surest sign to the last resort.
pub(super) fn reason(
    account: &Account,
    lending: Lending,
    withheld: Option<Withheld>,
    unusable: Option<&BorrowError>,
    keychain: Option<&Trouble>,
) -> Reason {
    match (withheld, unusable, keychain) {
        (Some(Withheld::AmbiguousHost), ..) => ambiguous(account),
        (Some(Withheld::OtherOperator), ..) if !account.logs_in() => other_operator(account),
        // The keychain's item belongs to this very host, whoever's that is.
        (_, _, Some(Trouble::Item(why))) => odd_item(why),
        (_, _, Some(Trouble::Shut(why))) => shut(why),
        _ if !account.logs_in() && lending == Lending::Strangers => other_operator(account),
        (_, Some(why), _) => unreadable(account, why),
        // Where the mailbox's password was given and the account has a login of its own, that one is missing too.
        (Some(Withheld::OtherOperator) | None, None, _) => missing(),
    }
}

fn shut(why: &str) -> Reason {
    Reason::new(
        "keychain_locked",
        format!("The new port needs a login, and the keychain does not say whether it has the password: {why}."),
        "Unlock the keychain (the password program of this computer), then run this again; or type the password when `port26 fix` asks.",
    )
}

fn odd_item(why: &str) -> Reason {
    Reason::new(
        "keychain_item",
        format!("The new port needs a login, and the password in the keychain cannot be used: {why}."),
        "Run `port26 credential set` for this address, or run `port26 fix` and type the password when asked.",
    )
}

fn missing() -> Reason {
    Reason::new(
        "password_missing",
        "The new port needs a login, and neither the mail program nor the keychain has the password.",
        "Run `port26 credential set` for this address, or run `port26 fix` and type it when asked.",
    )
}

fn unreadable(account: &Account, why: &BorrowError) -> Reason {
    let client = client_name(account);
    Reason::new(
        "password_unusable",
        format!("The new port needs a login, and the password that {client} keeps cannot be used: {why}."),
        format!("Type the password into {client} once more, or run `port26 credential set` for this address."),
    )
}

fn ambiguous(account: &Account) -> Reason {
    let (user, host) = (account.login_user().unwrap_or("USER"), &account.outgoing.host);
    Reason::new(
        "ambiguous_host",
        format!(
            "The password that was given for {user} fits accounts at servers of different companies, so none of them gets it."
        ),
        format!("Give it with the host that it is for: {user}@@{host}:PASSWORD."),
    )
}

/// The password of the mailbox would open the mailbox to whoever runs the outgoing server.
fn other_operator(account: &Account) -> Reason {
    let host = &account.outgoing.host;
    let mailbox = account.incoming.as_ref().map(|incoming| incoming.host.as_str());
    let (whose, other_way) = match mailbox {
        Some(mailbox) => (
            format!("{host} needs a login and belongs to another company than your mailbox ({mailbox})."),
            format!("Or set the outgoing server of {} in the mail program, if it has one.", operator_of(mailbox)),
        ),
        None => (
            format!("{host} needs a login, and nobody can tell whether it belongs to the company of your mailbox."),
            "Or set your mail host's own outgoing server in the mail program.".to_owned(),
        ),
    };
    Reason::new(
        "other_operator",
        format!("{whose} So it is not given the password of the mailbox."),
        format!(
            "If {host} gave you a password of its own, run `port26 credential set` for this address and type it. {other_way}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AuthSetting, IncomingProtocol, IncomingServer, TlsMode};
    use crate::diagnosis::tests::account;

    fn told(account: &Account, lending: Lending, withheld: Option<Withheld>) -> (String, String) {
        let reason = reason(account, lending, withheld, None, None);
        (reason.code, format!("{} {}", reason.message, reason.hint))
    }

    #[test]
    fn another_companys_server_is_named_with_the_next_step() {
        let mut silent = account(25, TlsMode::None, AuthSetting::None);
        silent.outgoing.host = "smtp.other.test".into();
        let (code, said) = told(&silent, Lending::Strangers, None);
        assert_eq!(code, "other_operator");
        assert!(said.contains("smtp.other.test") && said.contains("nobody can tell"), "{said}");
        silent.incoming = Some(IncomingServer {
            protocol: IncomingProtocol::Imap,
            host: "imap.hosting.test".into(),
            port: None,
            user: None,
        });
        let (code, said) = told(&silent, Lending::Strangers, Some(Withheld::OtherOperator));
        assert_eq!(code, "other_operator");
        insta::assert_snapshot!(said, @"smtp.other.test needs a login and belongs to another company than your mailbox (imap.hosting.test). So it is not given the password of the mailbox. If smtp.other.test gave you a password of its own, run `port26 credential set` for this address and type it. Or set the outgoing server of hosting.test in the mail program, if it has one.");
        assert_eq!(told(&silent, Lending::OneOperator, None).0, "password_missing");
    }

    #[test]
    fn a_keychain_that_says_no_is_not_one_without_the_password() {
        let login = account(587, TlsMode::Starttls, AuthSetting::Password);
        let with = |trouble: &Trouble| reason(&login, Lending::OneOperator, None, None, Some(trouble));
        let locked = with(&Trouble::Shut("it is locked; unlock it and run port26 again".into()));
        assert_eq!(locked.code, "keychain_locked");
        assert!(locked.message.contains("it is locked") && !locked.message.contains("neither"), "{}", locked.message);
        assert_eq!(with(&Trouble::Item("it is empty".into())).code, "keychain_item");
        assert_eq!(with(&Trouble::NoKeychain("none".into())).code, "password_missing");
    }

    #[test]
    fn who_logs_in_there_already_is_only_asked_for_the_password() {
        let login = account(587, TlsMode::Starttls, AuthSetting::Password);
        assert_eq!(told(&login, Lending::Strangers, None).0, "password_missing");
        assert_eq!(told(&login, Lending::Strangers, Some(Withheld::OtherOperator)).0, "password_missing");
        let (code, said) = told(&login, Lending::OneOperator, Some(Withheld::AmbiguousHost));
        assert_eq!(code, "ambiguous_host");
        assert!(said.contains("jan@hosting.test@@mail.hosting.test:PASSWORD"), "{said}");
    }
}
