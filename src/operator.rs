//! Whose machines are these? A mailbox's password goes to its own operator only, and two names are one operator's where
//! both lie below a name that somebody registered (public suffix list), or where a verified certificate holds both.

use std::net::IpAddr;

use crate::account::Account;

/// Whether the outgoing server may be given the login of the account's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lending {
    /// Both servers are one operator's, who has that password anyway.
    OneOperator,
    /// The outgoing server is another operator's, or nobody can tell: it gets a login of its own or none.
    Strangers,
}

/// By the names alone: the incoming and the outgoing server have one registered name, or every address that sends
/// through the outgoing server is below its registered name.
pub fn lending_by_names(account: &Account) -> Lending {
    lending(account, std::iter::empty())
}

/// The same for servers and an address that no account has yet.
pub fn lending_between(outgoing: &str, incoming: &str, address: &str) -> Lending {
    let one = same_operator(outgoing, incoming) || of_their_own_domain(outgoing, [address]);
    if one { Lending::OneOperator } else { Lending::Strangers }
}

/// By the names, or by what is in the certificates that the outgoing server showed. Only names of certificates that
/// were verified for the outgoing server may be given.
pub fn lending<'a>(account: &Account, certified: impl IntoIterator<Item = &'a str>) -> Lending {
    let outgoing = &account.outgoing.host;
    let incoming = account.incoming.as_ref().map(|incoming| incoming.host.as_str());
    let one = incoming.is_some_and(|incoming| {
        same_operator(outgoing, incoming) || certified.into_iter().any(|name| vouches_for(name, incoming))
    });
    let addresses = account.emails.iter().chain(&account.email).map(String::as_str);
    if one || of_their_own_domain(outgoing, addresses) { Lending::OneOperator } else { Lending::Strangers }
}

/// Two hosts of one operator: the same name, or two below one registered name. Addresses and names of one label are
/// only ever the same as themselves.
pub fn same_operator(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    !one.is_empty() && (one == other || (registered(&one).is_some() && registered(&one) == registered(&other)))
}

/// The name by which an operator is told from others: the registered name, else the whole name.
pub fn operator_of(host: &str) -> String {
    let host = plain(host);
    registered(&host).unwrap_or(&host).to_owned()
}

/// Endings of names that mean something in one's own network only (RFC 6762 with its appendix G, RFC 8375, RFC 6761).
const OWN_NETWORK: [&str; 9] =
    ["local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa", "localhost"];

/// A name that everybody may ask for. Not: one label, an address, and what ends as names of one's own network do.
pub fn is_public_name(host: &str) -> bool {
    let host = plain(host);
    let address = host.parse::<IpAddr>().is_ok();
    let own = |ending: &str| host.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
    host.contains('.') && !address && !OWN_NETWORK.into_iter().any(own)
}

/// Whoever sends from their own domain through a server of that domain has chosen it for both.
fn of_their_own_domain<'a>(host: &str, addresses: impl IntoIterator<Item = &'a str>) -> bool {
    let host = plain(host);
    let Some(own) = registered(&host) else { return false };
    let of_it = |email: &str| email.rsplit_once('@').is_some_and(|(_, domain)| registered(&plain(domain)) == Some(own));
    let mut addresses = addresses.into_iter().peekable();
    addresses.peek().is_some() && addresses.all(of_it)
}

/// A name in a certificate that stands for the host itself (RFC 9525: a star is one whole first label), or for the whole
/// of its registered name. A sister name (`shop.hosting.test`) does not: names below are let to customers.
fn vouches_for(certified: &str, host: &str) -> bool {
    let (certified, host) = (plain(certified), plain(host));
    if host.is_empty() {
        return false;
    }
    match certified.strip_prefix("*.") {
        Some(above) => registered(above).is_some() && host.split_once('.').is_some_and(|(_, rest)| rest == above),
        None => certified == host || registered(&host) == Some(certified.as_str()),
    }
}

/// As names are compared: in ASCII and lower case, without the closing dot, an address without its brackets.
fn plain(host: &str) -> String {
    let host = host.trim().trim_end_matches('.');
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address.to_string();
    }
    idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_ascii_lowercase())
}

/// The registered name above a plain host name; `None` for addresses, single labels, and what is a public suffix itself.
fn registered(host: &str) -> Option<&str> {
    // What ends in a number is an address, however it is written; no domain does.
    let number = host.rsplit('.').next().is_none_or(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if host.contains(':') || number || host.split('.').any(str::is_empty) {
        return None;
    }
    psl::domain_str(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AuthSetting, IncomingProtocol, IncomingServer, TlsMode};
    use crate::diagnosis::tests::account;

    #[test]
    fn one_operator_by_the_registered_name() {
        let one = [
            ("smtp.hosting.test", "POP.Hosting.test."),
            ("hosting.test", "pop.hosting.test"),
            ("a.b.hosting.co.uk", "mail.hosting.co.uk"),
            ("smtp.hosting.com.au", "hosting.com.au"),
            ("localhost", "LOCALHOST"),
            ("nas", "nas."),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::7]", "2001:0db8:0::7"),
            ("smtp.m\u{fc}ller.de", "imap.xn--mller-kva.de"),
            ("smtp.M\u{dc}LLER.de", "imap.m\u{fc}ller.de"),
            ("w01.kasserver.com", "w01.kasserver.com"),
        ];
        for (a, b) in one {
            assert!(same_operator(a, b) && same_operator(b, a), "{a} and {b}");
            assert_eq!(operator_of(a), operator_of(b), "{a} and {b}");
        }
        let two = [
            ("smtp.hosting.test", "smtp.other.test"),
            ("hosting.test", "other.test"),
            ("smtp.hosting.test", "test"),
            ("hosting", "other"),
            ("hosting.co.uk", "other.co.uk"),
            ("mail.hosting.com.au", "mail.other.com.au"),
            ("a.co.jp", "b.co.jp"),
            ("co.uk", "other.co.uk"),
            ("anna.github.io", "bob.github.io"),
            ("anna.blogspot.com", "bob.blogspot.com"),
            ("anna.dyndns.org", "bob.dyndns.org"),
            ("192.0.2.7", "192.0.2.8"),
            ("192.0.2.7", "3.0.2.7"),
            ("192.0.2.007", "3.0.2.007"),
            ("a.\u{516c}\u{53f8}.cn", "b.xn--55qx5d.cn"),
            ("[2001:db8::7]", "[2001:db8::8]"),
            ("hosting.test", "hosting.test.other.test"),
            ("nothosting.test", "hosting.test"),
            ("", ""),
            (".", "."),
            ("a..test", "b..test"),
        ];
        for (a, b) in two {
            assert!(!same_operator(a, b) && !same_operator(b, a), "{a} and {b}");
        }
    }

    #[test]
    fn a_certificate_stands_for_the_host_or_the_whole_domain() {
        for (name, host) in [
            ("imap.hosting.test", "IMAP.hosting.test."),
            ("*.hosting.test", "imap.hosting.test"),
            ("hosting.test", "imap.hosting.test"),
            ("hosting.co.uk", "imap.hosting.co.uk"),
        ] {
            assert!(vouches_for(name, host), "{name} for {host}");
        }
        for (name, host) in [
            ("shop.hosting.test", "imap.hosting.test"),
            ("*.hosting.test", "a.imap.hosting.test"),
            ("*.hosting.test", "hosting.test"),
            ("*.co.uk", "hosting.co.uk"),
            ("*.test", "hosting.test"),
            ("co.uk", "imap.hosting.co.uk"),
            ("test", "hosting.test"),
            ("", ""),
            ("*.", "imap.hosting.test"),
            ("other.test", "imap.hosting.test"),
        ] {
            assert!(!vouches_for(name, host), "{name} for {host}");
        }
    }

    #[test]
    fn names_that_everybody_may_ask_for() {
        for host in ["mail.hosting.test", "hosting.de.", "notlocal.de", "mail.fritz.box", "home.arpa.test"] {
            assert!(is_public_name(host), "{host}");
        }
        for host in ["mail", "Mail.Local.", "x.home.arpa", "mail.lan", "a.b.internal", "10.0.0.7", "[fd00::1]", ""] {
            assert!(!is_public_name(host), "{host}");
        }
    }

    #[test]
    fn who_may_be_lent_the_mailboxs_login() {
        let world = |outgoing: &str, incoming: &str, emails: &[&str]| {
            let mut account = account(25, TlsMode::None, AuthSetting::None);
            account.outgoing.host = outgoing.into();
            account.incoming = Some(IncomingServer {
                protocol: IncomingProtocol::Imap,
                host: incoming.into(),
                port: Some(993),
                user: Some("anna".into()),
            });
            account.emails = emails.iter().map(|&email| email.to_owned()).collect();
            account.email = account.emails.first().cloned();
            account
        };
        let anna = ["anna@hosting.test"];
        assert_eq!(lending_by_names(&world("smtp.hosting.test", "pop.hosting.test", &anna)), Lending::OneOperator);
        let elsewhere = world("smtp.other.test", "imap.hosting.test", &anna);
        assert_eq!(lending_by_names(&elsewhere), Lending::Strangers, "the provider's server");
        assert_eq!(lending(&elsewhere, ["smtp.other.test", "imap.hosting.test"]), Lending::OneOperator);
        assert_eq!(lending(&elsewhere, ["smtp.other.test", "other.test"]), Lending::Strangers);
        let own = world("smtp.hosting.test", "imap.provider.test", &anna);
        assert_eq!(lending_by_names(&own), Lending::OneOperator, "a server of the address's own domain");
        let shared = world("smtp.hosting.test", "imap.provider.test", &["anna@hosting.test", "bob@other.test"]);
        assert_eq!(lending_by_names(&shared), Lending::Strangers, "one address is of another domain");
        let nobody = world("smtp.hosting.test", "imap.provider.test", &[]);
        assert_eq!(lending_by_names(&nobody), Lending::Strangers);
        let suffix = world("anna.co.uk", "bob.co.uk", &["anna@co.uk"]);
        assert_eq!(lending_by_names(&suffix), Lending::Strangers);
        let mut unknown = world("smtp.other.test", "x", &anna);
        unknown.incoming = None;
        assert_eq!(lending(&unknown, ["imap.hosting.test"]), Lending::Strangers, "nobody knows whose password it is");
    }
}
