//! Providers whose own servers want other ports and logins than a hosting company's, and Exchange: their accounts are
//! explained, never moved.

use crate::account::{AuthSetting, CredentialSource, NotOurs, SubmissionServer, TlsMode};

const OWNERS: &[(NotOurs, &[&str])] = &[
    (NotOurs::Google, &["gmail.com", "googlemail.com", "google.com"]),
    (NotOurs::Icloud, &["icloud.com", "me.com", "mac.com"]),
    (
        NotOurs::Yahoo,
        &[
            "yahoo.com",
            "yahoo.co.uk",
            "yahoo.de",
            "yahoo.fr",
            "yahoo.it",
            "yahoo.es",
            "yahoo.co.jp",
            "ymail.com",
            "aol.com",
            "yahoodns.net",
        ],
    ),
    (
        NotOurs::Microsoft,
        &[
            "outlook.com",
            "office365.com",
            "office365.us",
            "outlook.cn",
            "hotmail.com",
            "live.com",
            "msn.com",
            "microsoft.com",
        ],
    ),
];

/// Whose server this is, if it is one of theirs.
pub(crate) fn owner_of(host: &str) -> Option<NotOurs> {
    let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
    let within = |domain: &str| host.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'));
    OWNERS.iter().find(|(_, domains)| domains.iter().any(|domain| within(domain))).map(|&(owner, _)| owner)
}

/// What stands for the outgoing server of an Exchange account: there is no SMTP server to name.
pub(crate) fn exchange_server() -> SubmissionServer {
    https_server("exchange".to_owned())
}

/// What stands for the outgoing server of an account whose mail goes by a protocol of its own inside HTTPS.
pub(crate) fn https_server(host: String) -> SubmissionServer {
    SubmissionServer {
        host,
        port: 443,
        port_is_default: true,
        tls: TlsMode::Implicit,
        auth: AuthSetting::None,
        credential: CredentialSource::None,
        user: None,
        mechanism: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_domains_only() {
        assert_eq!(owner_of("SMTP.gmail.com."), Some(NotOurs::Google));
        assert_eq!(owner_of("p12-smtp.mail.me.com"), Some(NotOurs::Icloud));
        assert_eq!(owner_of("smtp.live.com"), Some(NotOurs::Microsoft));
        assert_eq!(owner_of("yahoo.com"), Some(NotOurs::Yahoo));
        assert_eq!(owner_of("smtp.notgmail.com"), None);
        assert_eq!(owner_of("gmail.com.hosting.test"), None);
    }
}
