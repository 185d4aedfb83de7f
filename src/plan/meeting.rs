//! Do the program and the port meet? What the host showed port26 is held against what the mail program can do: how TLS
//! begins, which mechanisms both have, which versions of TLS both have. Pure.

use super::outcome::Reason;
use crate::account::{AuthSetting, Mechanism, SubmissionServer, TlsMode};
use crate::clients::abilities::{Abilities, AuthLines, Picks, Source};
use crate::probe::finding::{HelloAnswer, HelloFinding, PortFinding};
use crate::tls_offer::TlsVersion;

/// Whether a program can send through a port that proved itself to port26.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meets {
    /// It can.
    Yes,
    /// The host must be asked whether it takes this program's hello.
    Ask,
    /// It was asked, and nothing is known.
    NotKnown(String),
    /// It cannot.
    No(Apart),
}

impl Meets {
    /// How far a program is from sending there: what may be well is nearest, what no other version would change is farthest.
    pub(crate) fn distance(&self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::Ask | Self::NotKnown(_) => 1,
            Self::No(Apart::Mechanism(_)) => 2,
            Self::No(Apart::TooOld | Apart::Ciphers | Apart::TooNew(_)) => 3,
            Self::No(Apart::TlsMode) => 4,
        }
    }
}

/// What keeps program and port apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Apart {
    /// The program begins TLS in the other way on this port, and has no setting for it.
    TlsMode,
    /// All that the program has is older than what the host takes.
    TooOld,
    /// Both have the same versions, and the host takes none of the program's ciphers.
    Ciphers,
    /// All that the program is set to is newer than what the host has.
    TooNew(TlsVersion),
    /// The host offers none of the mechanisms that the program would use.
    Mechanism(Vec<String>),
}

/// Will the program with these abilities, set to `to`, send through the port that showed this?
pub fn meets(abilities: &Abilities, to: &SubmissionServer, seen: &PortFinding, hellos: &[HelloFinding]) -> Meets {
    if !abilities.tls_mode.is.allows(to.port, to.tls) {
        return Meets::No(Apart::TlsMode);
    }
    let offered = mechanisms(abilities, to.tls, seen);
    let in_tls = if to.tls == TlsMode::None { Meets::Yes } else { meets_in_tls(abilities, seen, hellos) };
    // A mechanism more would not bring together what TLS keeps apart.
    let ends_early = abilities.tls.is.newest < TlsVersion::V1_2;
    if matches!(in_tls, Meets::No(_)) || in_tls == Meets::Ask && ends_early {
        return in_tls;
    }
    let by_password = matches!(to.auth, AuthSetting::Password | AuthSetting::Encrypted);
    if by_password && abilities.mechanism(to.auth, to.mechanism, &offered).is_none() {
        return Meets::No(Apart::Mechanism(offered));
    }
    in_tls
}

/// Hosts that have nothing in common with a program do this, and so does a line that breaks.
const CLOSED: &str = "it ends the connection at that";

fn meets_in_tls(abilities: &Abilities, seen: &PortFinding, hellos: &[HelloFinding]) -> Meets {
    let offer = &abilities.tls.is;
    // port26 has 1.2 and 1.3: a host that took 1.2 has nothing newer.
    let taken = seen.tls.as_ref().and_then(|tls| tls.protocol.as_deref()).and_then(TlsVersion::named);
    let has_its_version = taken.is_some_and(|taken| offer.newest >= taken);
    match taken {
        Some(taken) if offer.oldest > taken => return Meets::No(Apart::TooNew(taken)),
        Some(_) if has_its_version && !lacks_the_suite(abilities, seen) => return Meets::Yes,
        _ => {}
    }
    match answer_to(abilities, seen, hellos) {
        None => Meets::Ask,
        Some(HelloAnswer::Taken { .. }) => Meets::Yes,
        Some(HelloAnswer::Refused { .. }) if has_its_version => Meets::No(Apart::Ciphers),
        Some(HelloAnswer::Refused { .. }) => Meets::No(Apart::TooOld),
        Some(HelloAnswer::Closed) => Meets::NotKnown(CLOSED.to_owned()),
        Some(HelloAnswer::NotKnown { why }) => Meets::NotKnown(why.clone()),
    }
}

/// The version of TLS that the host took from port26 the program has, but not the cipher suite that went with it.
pub(crate) fn lacks_the_suite(abilities: &Abilities, seen: &PortFinding) -> bool {
    let Some(tls) = &seen.tls else { return false };
    let offer = &abilities.tls.is;
    let taken = tls.protocol.as_deref().and_then(TlsVersion::named);
    // The suites of an offer are those up to TLS 1.2; those of 1.3 every library has.
    let has_its_version = taken.is_some_and(|taken| taken < TlsVersion::V1_3 && taken <= offer.newest);
    has_its_version && tls.suite.is_some_and(|suite| !offer.suites.contains(&suite))
}

/// What the port answered to the hello of this program.
fn answer_to<'a>(abilities: &Abilities, seen: &PortFinding, hellos: &'a [HelloFinding]) -> Option<&'a HelloAnswer> {
    let label = abilities.tls.is.label();
    let asked = |one: &&HelloFinding| (one.port, one.tls_mode) == (seen.port, seen.tls_mode) && one.offer == label;
    hellos.iter().find(asked).map(|one| &one.answer)
}

/// What this program sees offered by the port if it encrypts in this way.
pub(crate) fn mechanisms(abilities: &Abilities, tls: TlsMode, seen: &PortFinding) -> Vec<String> {
    let ehlo = if tls == TlsMode::None { seen.ehlo.as_ref() } else { seen.last_ehlo() };
    let Some(ehlo) = ehlo else { return Vec::new() };
    match abilities.login.is.reads {
        AuthLines::Last if ehlo.keywords.iter().any(|line| line.to_ascii_uppercase().starts_with("AUTH")) => {
            ehlo.last_auth_line()
        }
        _ => ehlo.mechanisms.clone(),
    }
}

/// Why the program of an account is not led to this port; `None`: it can use it.
pub fn reason(abilities: &Abilities, to: &SubmissionServer, meets: &Meets) -> Option<Reason> {
    let Abilities { program, tls, .. } = abilities;
    let SubmissionServer { port, host, .. } = to;
    let newest = tls.is.newest.number();
    const UPDATE: &str = "Update the mail program or the system";
    let (set_by, or_set) = match tls.by {
        Source::Setting(what) => {
            (format!(" (by {what})"), format!(", or let whoever chose {what} allow newer versions"))
        }
        _ => (String::new(), ", or use a newer mail program for this account".to_owned()),
    };
    let too_old = |message: String| {
        Some(Reason::new("client_too_old", message, format!("{UPDATE}{or_set}. Nothing was changed.")))
    };
    match meets {
        Meets::Yes => None,
        Meets::No(Apart::TlsMode) => too_old(format!(
            "{program} chooses how it encrypts by the port, and port {port} of {host} wants the other way."
        )),
        Meets::No(Apart::TooOld) => too_old(format!(
            "{program} ends at TLS {newest} on this computer{set_by}, and port {port} of {host} refuses what it offers."
        )),
        Meets::No(Apart::Ciphers) => too_old(format!(
            "{program} has none of the ciphers on this computer that port {port} of {host} takes at TLS {newest}."
        )),
        Meets::No(Apart::TooNew(version)) => {
            let oldest = tls.is.oldest.number();
            let hint = "Ask the operator of the mail server for a newer TLS. Nothing was changed.";
            let message = format!(
                "{program} is set to TLS {oldest} or newer{set_by}, and port {port} of {host} ends at TLS {}.",
                version.number()
            );
            Some(Reason::new("client_tls", message, hint))
        }
        Meets::Ask | Meets::NotKnown(_) => {
            let why = if let Meets::NotKnown(why) = meets { format!(" ({why})") } else { String::new() };
            let message = format!(
                "{program} ends at TLS {newest} on this computer{set_by}. Whether port {port} of {host} takes that could not be found out{why}."
            );
            let hint =
                format!("Run this again in a few minutes. If it stays so: {UPDATE}{or_set}. Nothing was changed.");
            Some(Reason::new("client_tls", message, hint))
        }
        Meets::No(Apart::Mechanism(offered)) => {
            let wanted = wanted(&abilities.login.is, to);
            let astray = abilities.login.is.led_astray(offered);
            let astray = astray.filter(|_| to.auth == AuthSetting::Password && to.mechanism.is_none());
            let hint = format!("Ask the operator of the mail server to offer {wanted} as well. Nothing was changed.");
            let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
            let why = astray.map_or_else(
                || format!("logs in with {wanted}. Port {port} of {host} does not offer that"),
                |astray| {
                    format!("begins {astray} wherever it is offered, as on port {port} of {host}, and fails there")
                },
            );
            Some(Reason::new("client_mechanism", format!("{program} {why} (it offers: {offered})."), hint))
        }
    }
}

/// What the program would have logged in with.
fn wanted(picks: &Picks, to: &SubmissionServer) -> String {
    let names = |all: &[Mechanism]| all.iter().map(|one| one.name()).collect::<Vec<_>>().join(" or ");
    match (to.auth, to.mechanism) {
        (AuthSetting::Encrypted, _) => names(&[Mechanism::CramMd5]),
        (_, Some(named)) => names(&[named]),
        // Only what is named is safe from others that it would take.
        (_, None) if !picks.astray.is_empty() => names(picks.can_be_named),
        (_, None) => names(picks.order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::CredentialSource;
    use crate::clients::abilities::Told;
    use crate::clients::abilities::table::{
        CLAWS_MAIL, OUTLOOK_2007, OUTLOOK_EXPRESS, SYLPHEED, THUNDERBIRD, WINDOWS_MAIL,
    };
    use crate::diagnosis::tests::good;
    use crate::tls_offer::TlsOffer;

    fn at(port: u16, tls: TlsMode) -> SubmissionServer {
        SubmissionServer {
            host: "mail.hosting.test".to_owned(),
            port,
            port_is_default: false,
            tls,
            auth: AuthSetting::Password,
            credential: CredentialSource::SameAsIncoming,
            user: Some("ada".to_owned()),
            mechanism: None,
        }
    }

    /// A port that took port26 with this version and offers these mechanisms.
    fn shown(port: u16, tls_mode: TlsMode, protocol: &str, mechanisms: &[&str]) -> PortFinding {
        let mut seen = PortFinding { tls_mode, ..good(port) };
        seen.tls.as_mut().unwrap().protocol = Some(protocol.to_owned());
        seen.ehlo_tls.as_mut().unwrap().mechanisms = mechanisms.iter().map(|&name| name.to_owned()).collect();
        seen
    }

    fn answered(port: u16, tls_mode: TlsMode, offer: &TlsOffer, answer: HelloAnswer) -> HelloFinding {
        HelloFinding { port, tls_mode, offer: offer.label(), answer, ms: 20 }
    }

    const ALL: [&str; 2] = ["PLAIN", "LOGIN"];

    #[test]
    fn a_program_of_today_is_asked_nothing_more() {
        for protocol in ["TLSv1.2", "TLSv1.3"] {
            let seen = shown(26, TlsMode::Starttls, protocol, &ALL);
            assert_eq!(meets(&THUNDERBIRD, &at(26, TlsMode::Starttls), &seen, &[]), Meets::Yes, "{protocol}");
        }
        // One that ends at 1.2, at a host that took 1.2: nothing to ask.
        let seen = shown(26, TlsMode::Starttls, "TLSv1.2", &ALL);
        assert_eq!(meets(&OUTLOOK_2007, &at(26, TlsMode::Starttls), &seen, &[]), Meets::Yes);
        let seen = shown(26, TlsMode::Starttls, "TLSv1.3", &ALL);
        assert_eq!(meets(&OUTLOOK_2007, &at(26, TlsMode::Starttls), &seen, &[]), Meets::Ask);
    }

    #[test]
    fn an_old_program_is_led_where_the_host_takes_its_hello_and_nowhere_else() {
        let (to, seen) = (at(465, TlsMode::Implicit), shown(465, TlsMode::Implicit, "TLSv1.3", &ALL));
        let offer = OUTLOOK_EXPRESS.tls.is;
        let with = |answer| meets(&OUTLOOK_EXPRESS, &to, &seen, &[answered(465, TlsMode::Implicit, &offer, answer)]);
        assert_eq!(meets(&OUTLOOK_EXPRESS, &to, &seen, &[]), Meets::Ask);
        assert_eq!(with(HelloAnswer::Taken { version: TlsVersion::V1_0, suite: 10 }), Meets::Yes);
        assert_eq!(with(HelloAnswer::Refused { alert: Some(70) }), Meets::No(Apart::TooOld));
        assert_eq!(with(HelloAnswer::NotKnown { why: "cut off".into() }), Meets::NotKnown("cut off".into()));
        // What was answered to another hello, or on another port, says nothing.
        let taken = || HelloAnswer::Taken { version: TlsVersion::V1_0, suite: 47 };
        let others = [
            answered(465, TlsMode::Implicit, &TlsOffer::SCHANNEL_7, taken()),
            answered(26, TlsMode::Starttls, &offer, taken()),
        ];
        assert_eq!(meets(&OUTLOOK_EXPRESS, &to, &seen, &others), Meets::Ask);
        // Not STARTTLS on 26, whatever the host takes.
        let seen = shown(26, TlsMode::Starttls, "TLSv1.3", &ALL);
        assert_eq!(meets(&OUTLOOK_EXPRESS, &at(26, TlsMode::Starttls), &seen, &others), Meets::No(Apart::TlsMode));
        assert!(matches!(meets(&WINDOWS_MAIL, &at(26, TlsMode::Starttls), &seen, &[]), Meets::Ask));
    }

    #[test]
    fn a_program_meets_a_host_only_where_both_have_a_mechanism() {
        let to = at(26, TlsMode::Starttls);
        let with = |abilities: &Abilities, to: &SubmissionServer, offered: &[&str]| {
            meets(abilities, to, &shown(26, TlsMode::Starttls, "TLSv1.2", offered), &[])
        };
        assert_eq!(with(&OUTLOOK_2007, &to, &["PLAIN"]), Meets::No(Apart::Mechanism(vec!["PLAIN".into()])));
        assert_eq!(with(&OUTLOOK_2007, &to, &["LOGIN"]), Meets::Yes);
        assert_eq!(with(&THUNDERBIRD, &to, &["PLAIN"]), Meets::Yes);
        let encrypted = SubmissionServer { auth: AuthSetting::Encrypted, ..to.clone() };
        assert!(matches!(with(&THUNDERBIRD, &encrypted, &["PLAIN"]), Meets::No(Apart::Mechanism(_))));
        let named = SubmissionServer { mechanism: Some(Mechanism::Login), ..to.clone() };
        assert!(matches!(with(&CLAWS_MAIL, &named, &["PLAIN"]), Meets::No(Apart::Mechanism(_))));
        assert_eq!(with(&CLAWS_MAIL, &to, &["PLAIN"]), Meets::Yes);
        let token = ["PLAIN", "LOGIN", "XOAUTH2"];
        assert!(matches!(with(&SYLPHEED, &to, &token), Meets::No(Apart::Mechanism(_))), "it takes the last one");
        assert_eq!(with(&SYLPHEED, &SubmissionServer { mechanism: Some(Mechanism::Login), ..to }, &token), Meets::Yes);
    }

    #[test]
    fn a_program_that_is_set_to_newer_versions_only_meets_no_older_host() {
        let strict = Abilities {
            tls: crate::clients::abilities::Told::page(
                TlsOffer::CURRENT.within(TlsVersion::V1_3, TlsVersion::V1_3),
                "its settings",
            ),
            ..THUNDERBIRD
        };
        let seen = shown(26, TlsMode::Starttls, "TLSv1.2", &ALL);
        let told = meets(&strict, &at(26, TlsMode::Starttls), &seen, &[]);
        assert_eq!(told, Meets::No(Apart::TooNew(TlsVersion::V1_2)));
        assert_eq!(reason(&strict, &at(26, TlsMode::Starttls), &told).unwrap().code, "client_tls");
    }

    #[test]
    fn where_the_host_shows_another_cipher_it_is_asked() {
        let to = at(26, TlsMode::Starttls);
        let updated = Abilities { tls: Told::page(TlsOffer::SCHANNEL_7_UPDATED, "a page"), ..OUTLOOK_2007 };
        let agreed = |suite| {
            let mut seen = shown(26, TlsMode::Starttls, "TLSv1.2", &ALL);
            if let Some(tls) = &mut seen.tls {
                tls.suite = Some(suite);
            }
            seen
        };
        let answer = |answer| [answered(26, TlsMode::Starttls, &TlsOffer::SCHANNEL_7_UPDATED, answer)];
        // ECDHE with RSA and GCM came with Windows 8.1
        assert_eq!(meets(&updated, &to, &agreed(0xc02f), &[]), Meets::Ask);
        assert_eq!(meets(&updated, &to, &agreed(0xc02b), &[]), Meets::Yes);
        assert_eq!(meets(&THUNDERBIRD, &to, &agreed(0xc02f), &[]), Meets::Yes);
        let refused = meets(&updated, &to, &agreed(0xc02f), &answer(HelloAnswer::Refused { alert: Some(40) }));
        assert_eq!(refused, Meets::No(Apart::Ciphers));
        let told = reason(&updated, &to, &refused).unwrap();
        assert!(told.code == "client_too_old" && told.message.contains("cipher"), "{}", told.message);
        // A connection that only ends is no answer.
        let closed = meets(&updated, &to, &agreed(0xc02f), &answer(HelloAnswer::Closed));
        assert!(matches!(closed, Meets::NotKnown(_)), "{closed:?}");
    }

    #[test]
    fn a_setting_that_keeps_them_apart_is_named() {
        let old = TlsOffer::CURRENT.within(TlsVersion::V1_0, TlsVersion::V1_0);
        let tls = Told { is: old, by: Source::Setting("its security.tls.version") };
        let set = Abilities { tls, ..THUNDERBIRD };
        let told = reason(&set, &at(26, TlsMode::Starttls), &Meets::No(Apart::TooOld)).unwrap();
        assert!(told.message.contains("ends at TLS 1.0 on this computer (by its security.tls.version)"));
        assert!(told.hint.contains("its security.tls.version"), "{}", told.hint);
    }

    #[test]
    fn each_reason_names_program_port_and_what_is_missing() {
        let say = |abilities: &Abilities, meets: Meets| reason(abilities, &at(465, TlsMode::Implicit), &meets).unwrap();
        let old = say(&OUTLOOK_EXPRESS, Meets::No(Apart::TooOld));
        assert_eq!(old.code, "client_too_old");
        assert_eq!(
            old.message,
            "Outlook Express ends at TLS 1.0 on this computer, and port 465 of mail.hosting.test refuses what it offers."
        );
        let astray = say(&SYLPHEED, Meets::No(Apart::Mechanism(vec!["CRAM-MD5".into(), "XOAUTH2".into()])));
        assert_eq!(
            astray.message,
            "Sylpheed begins XOAUTH2 wherever it is offered, as on port 465 of mail.hosting.test, and fails there (it offers: CRAM-MD5, XOAUTH2)."
        );
        assert!(astray.hint.contains("offer PLAIN or LOGIN as well"), "{}", astray.hint);
        let mechanism = say(&OUTLOOK_2007, Meets::No(Apart::Mechanism(vec!["PLAIN".into()])));
        assert_eq!(mechanism.code, "client_mechanism");
        assert!(
            mechanism.message.contains("LOGIN") && mechanism.message.contains("it offers: PLAIN"),
            "{}",
            mechanism.message
        );
        assert_eq!(say(&OUTLOOK_EXPRESS, Meets::NotKnown("the answer was cut off".into())).code, "client_tls");
        assert_eq!(reason(&THUNDERBIRD, &at(26, TlsMode::Starttls), &Meets::Yes), None);
        for told in [old, mechanism] {
            assert!(!told.hint.to_lowercase().contains("lower"), "nobody is told to weaken TLS: {}", told.hint);
        }
    }
}
