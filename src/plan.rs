//! Verdict and policy -> what shall be done with one account. Pure. A move is decided only to a port that
//! proved itself: it reaches the host, TLS is verified, a password login is offered inside it.

pub mod meeting;
mod outcome;

use self::meeting::{Apart, Meets, lacks_the_suite, mechanisms, meets};
pub use self::outcome::{Outcome, Reason};
use crate::account::{Account, AuthSetting, CredentialSource, NotOurs, SubmissionServer, TlsMode};
use crate::clients::abilities::Abilities;
use crate::codes::code_of;
use crate::diagnosis::target::in_the_way as in_the_way_at;
use crate::diagnosis::{Verdict, VerdictCode, offers_password, proves, read_along};
use crate::operator::{self, Lending};
use crate::policy::{Mode, MoveWhen, Policy};
use crate::probe::finding::{HostFindings, PortFinding};
use crate::tls_offer::TlsVersion;

/// What shall be done with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is written.
    Leave {
        /// What the user is told.
        outcome: Outcome,
        /// Why.
        reason: Reason,
    },
    /// Its outgoing server shall be this.
    Move {
        /// The target.
        to: SubmissionServer,
        /// Why, where its own port is well and its program cannot use it; else the verdict says it.
        because: Option<Reason>,
    },
}

/// Accounts that are left alone whatever the network does; `None` means: test it.
pub fn before_testing(account: &Account, policy: &Policy) -> Option<Decision> {
    if !account.used {
        return Some(leave(
            Outcome::NotOurs,
            Reason::new("unused", "No address sends through this server.", "Nothing to do."),
        ));
    }
    if let Some(not_ours) = account.not_ours {
        let (message, hint) = not_ours_words(not_ours);
        return Some(leave(Outcome::NotOurs, Reason::new(code_of(&not_ours), message, hint)));
    }
    if policy.mode.value == Mode::Off {
        let reason = Reason::new(
            "policy_off",
            "The policy of this computer switches port26 off.",
            "Ask whoever manages this computer.",
        );
        return Some(leave(Outcome::Refused, reason));
    }
    if !policy.allows_host(&account.outgoing.host) {
        return Some(leave(
            Outcome::Refused,
            Reason::new(
                "host_not_allowed",
                format!("The policy does not allow changes for {}.", account.outgoing.host),
                "Ask whoever manages this computer to add the server to host_allow_list.",
            ),
        ));
    }
    None
}

/// What comes next for a tested account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing can be decided before its host was asked whether this port takes the hello of the account's program.
    AskHello {
        /// The port.
        port: u16,
        /// How TLS begins there.
        tls: TlsMode,
    },
    /// All that must be known for it is known.
    Decided(Decision),
}

/// What comes next for a tested account. Asked again after each answer, it names each port once. A host that answers
/// nobody any more is left in peace: then it is decided by what is known.
pub fn next(account: &Account, verdict: &Verdict, host: &HostFindings, policy: &Policy, abilities: &Abilities) -> Next {
    match needs_hello(account, verdict, host, policy, abilities).filter(|_| !host.fell_silent) {
        Some(seen) => Next::AskHello { port: seen.port, tls: seen.tls_mode },
        None => Next::Decided(decide(account, verdict, host, policy, abilities)),
    }
}

/// What to do with a tested account.
fn decide(
    account: &Account,
    verdict: &Verdict,
    host: &HostFindings,
    policy: &Policy,
    abilities: &Abilities,
) -> Decision {
    let on_25 =
        verdict.code == VerdictCode::Ok && policy.when.value == MoveWhen::AnyOn25 && account.outgoing.port == 25;
    // What works is not left for what nobody knows.
    let by_policy = on_25 && abilities.tls.is_verified() && abilities.tls_mode.is_verified();
    let works = || leave(Outcome::AlreadyWorks, Reason::new("ok", verdict.summary.clone(), "Nothing to do."));
    let apart = apart_from_its_own_port(account, verdict, host, abilities);
    if verdict.code == VerdictCode::Ok && !by_policy && apart.is_none() {
        return works();
    }
    if !verdict.code.may_change() && !by_policy && apart.is_none() {
        let outcome = match verdict.code {
            VerdictCode::NetworkBlocksMail => Outcome::NoRoute,
            VerdictCode::LocalProgram if host.ports.iter().any(PortFinding::connected) => Outcome::NotOurs,
            _ => Outcome::Refused,
        };
        return leave(outcome, Reason::new(code_of(&verdict.code), verdict.summary.clone(), hint(verdict.code)));
    }
    if let Some(refusal) = cannot_be_proven(account) {
        return refusal;
    }
    let mut proven = Vec::new();
    let can_use = |to: &SubmissionServer, seen: &PortFinding| {
        let meets = meets(abilities, to, seen, &host.hellos);
        let can = meets == Meets::Yes;
        proven.push((to.clone(), meets));
        can
    };
    let of_its_program =
        apart.clone().and_then(|apart| meeting::reason(abilities, &account.outgoing, &Meets::No(apart)));
    match target(account, verdict.code, apart.as_ref(), (host, policy), abilities, can_use) {
        Some((to, _)) if by_policy && to.port == account.outgoing.port => works(),
        Some((to, _)) => Decision::Move { to, because: of_its_program },
        None if by_policy => works(),
        None => {
            // What is said is what comes nearest: a port of which nothing is known, then what a newer program would change.
            let nearest = proven.iter().min_by_key(|(_, meets)| meets.distance());
            match of_its_program.or_else(|| nearest.and_then(|(to, meets)| meeting::reason(abilities, to, meets))) {
                Some(reason) => leave(Outcome::Refused, reason),
                None => in_the_way(account, host, policy).unwrap_or_else(|| no_target(account, verdict, host, policy)),
            }
        }
    }
}

/// The port whose host must be asked whether it takes the hello of this account's program; `None`: nothing depends on it.
fn needs_hello<'a>(
    account: &Account,
    verdict: &Verdict,
    host: &'a HostFindings,
    policy: &Policy,
    abilities: &Abilities,
) -> Option<&'a PortFinding> {
    let meeting = |to: &SubmissionServer, seen: &PortFinding| meets(abilities, to, seen, &host.hellos);
    if verdict.code == VerdictCode::Ok
        && let Some(present) = own_port(account, host)
        && (ends_before_today(abilities) || abilities.tls.is_verified() && lacks_the_suite(abilities, present))
        && meeting(&account.outgoing, present) == Meets::Ask
    {
        return Some(present);
    }
    let apart = apart_from_its_own_port(account, verdict, host, abilities);
    let moved_anyway = policy.when.value == MoveWhen::AnyOn25 && account.outgoing.port == 25;
    let may_move = verdict.code.may_change() || apart.is_some() || verdict.code == VerdictCode::Ok && moved_anyway;
    if !may_move || cannot_be_proven(account).is_some() {
        return None;
    }
    let may_do = |to: &SubmissionServer, seen: &PortFinding| matches!(meeting(to, seen), Meets::Yes | Meets::Ask);
    let (to, seen) = target(account, verdict.code, apart.as_ref(), (host, policy), abilities, may_do)?;
    (meeting(&to, seen) == Meets::Ask).then_some(seen)
}

/// Nothing is wrong with the account's own port but that its program cannot use it: it ends at an older TLS than the host
/// takes, or has none of the host's mechanisms. Said only of what is known for sure: a conversation that broke off says
/// nothing against a port that works.
fn apart_from_its_own_port(
    account: &Account,
    verdict: &Verdict,
    host: &HostFindings,
    abilities: &Abilities,
) -> Option<Apart> {
    let present = own_port(account, host).filter(|seen| verdict.code == VerdictCode::Ok && seen.tls_verified())?;
    let Meets::No(apart) = meets(abilities, &account.outgoing, present, &host.hellos) else { return None };
    let known = match &apart {
        Apart::TooOld | Apart::Ciphers | Apart::TooNew(_) => abilities.tls.is_verified(),
        Apart::Mechanism(_) => abilities.login.is_verified(),
        Apart::TlsMode => false,
    };
    known.then_some(apart)
}

/// It is known to have nothing newer than TLS 1.1, which hosts of today refuse.
fn ends_before_today(abilities: &Abilities) -> bool {
    abilities.tls.is_verified() && abilities.tls.is.newest < TlsVersion::V1_2
}

/// The account's own port as it was seen in the account's own mode.
fn own_port<'a>(account: &Account, host: &'a HostFindings) -> Option<&'a PortFinding> {
    let SubmissionServer { port, tls, .. } = account.outgoing;
    host.ports.iter().find(|seen| (seen.port, seen.tls_mode) == (port, tls))
}

/// A target gets through, and something at it forbids the move: that is what the user must hear about.
fn in_the_way(account: &Account, host: &HostFindings, policy: &Policy) -> Option<Decision> {
    let now = jiff::Timestamp::now().as_second();
    let targets = policy.target_ports.value.iter().filter(|port| **port != account.outgoing.port);
    let (code, message) = targets
        .flat_map(|port| host.ports.iter().filter(move |seen| seen.port == *port))
        .find_map(|seen| in_the_way_at(host, seen, now))?;
    Some(leave(Outcome::Refused, Reason::new(code_of(&code), message, hint(code))))
}

fn no_target(account: &Account, verdict: &Verdict, host: &HostFindings, policy: &Policy) -> Decision {
    let outcome = match verdict.code {
        VerdictCode::NoTls | VerdictCode::TlsHandshake => Outcome::Refused,
        _ => Outcome::NoRoute,
    };
    let message = without_password(account, host, policy).unwrap_or_else(|| verdict.summary.clone());
    leave(outcome, Reason::new(code_of(&verdict.code), message, hint(verdict.code)))
}

/// A target gets through in verified TLS, and takes no login with a password there.
fn without_password(account: &Account, host: &HostFindings, policy: &Policy) -> Option<String> {
    let targets = policy.target_ports.value.iter().filter(|port| **port != account.outgoing.port);
    let bare = |seen: &&PortFinding| seen.tls_verified() && seen.ehlo_tls.is_some() && !proves(seen);
    let seen = targets.filter_map(|port| host.ports.iter().filter(|seen| seen.port == *port).find(bare)).next()?;
    let offered = seen.last_ehlo().map_or(&[][..], |ehlo| &ehlo.mechanisms);
    let offered = if offered.is_empty() { "none at all".to_owned() } else { format!("only {}", offered.join(", ")) };
    Some(format!(
        "Port {} of {} gets through, and offers no login with a password in its encryption ({offered}), so nothing can be moved there.",
        seen.port, seen.host
    ))
}

/// Logins that port26 cannot try are not switched to a port on a guess.
fn cannot_be_proven(account: &Account) -> Option<Decision> {
    let keeps = matches!(account.outgoing.auth, AuthSetting::None | AuthSetting::Password | AuthSetting::Encrypted);
    (!keeps).then(|| {
        leave(
            Outcome::Refused,
            Reason::new(
                "auth_method",
                "This account logs in with something else than a password, which port26 cannot try out.",
                "Ask the operator of the mail server which port takes this login.",
            ),
        )
    })
}

/// Ports that are for mail from programs, with a login (RFC 6409, RFC 8314, and by custom).
const SUBMISSION: [u16; 4] = [26, 587, 465, 2525];

/// The first port in the order of the policy that proved itself. Where only the login is missing, a submission port is
/// kept; any other port comes last.
fn target<'a>(
    account: &Account,
    code: VerdictCode,
    apart: Option<&Apart>,
    (host, policy): (&'a HostFindings, &Policy),
    abilities: &Abilities,
    mut can_use: impl FnMut(&SubmissionServer, &PortFinding) -> bool,
) -> Option<(SubmissionServer, &'a PortFinding)> {
    let present = account.outgoing.port;
    let mut order: Vec<u16> = policy.target_ports.value.iter().copied().filter(|&port| port != present).collect();
    // Nothing is wrong with the port itself: only the login, or the encryption around it, is missing.
    let lacks_only_a_setting = match code {
        VerdictCode::AuthRequired | VerdictCode::WrongTlsMode => true,
        VerdictCode::AuthUnavailable => account.outgoing.tls == TlsMode::None,
        // A setting can name a mechanism that the host has.
        _ => matches!(apart, Some(Apart::Mechanism(_))),
    };
    if lacks_only_a_setting {
        let is_kept = code != VerdictCode::WrongTlsMode && meant_for_logins(present, policy);
        order.insert(if is_kept { 0 } else { order.len() }, present);
    }
    let read_along = |finding: &PortFinding| !policy.allow_local_interception.value && read_along(host, finding);
    let fits = |finding: &&PortFinding| fits(finding, account, code, policy) && !read_along(finding);
    let server =
        |finding: &'a PortFinding| (server_at(account, &account.outgoing.host, (host, finding), abilities), finding);
    let proven = |port: u16| host.ports.iter().filter(move |finding| finding.port == port).find(fits).map(server);
    order.into_iter().filter_map(proven).find(|(to, seen)| can_use(to, seen))
}

/// A port on which people log in: by custom, or since the policy moves them there.
pub(crate) fn meant_for_logins(port: u16, policy: &Policy) -> bool {
    SUBMISSION.contains(&port) || policy.target_ports.value.contains(&port)
}

/// The server that this port of a host is for the account, under this name of it.
pub(crate) fn server_at(
    account: &Account,
    name: &str,
    (host, finding): (&HostFindings, &PortFinding),
    abilities: &Abilities,
) -> SubmissionServer {
    let tls = if finding.tls_verified() { finding.tls_mode } else { TlsMode::None };
    let auth = login_kind(account, finding);
    let mechanism = match auth {
        AuthSetting::Password => {
            abilities.to_be_named(account.outgoing.mechanism, &mechanisms(abilities, tls, finding))
        }
        _ => None,
    };
    SubmissionServer {
        host: name.to_owned(),
        port: finding.port,
        port_is_default: false,
        tls,
        auth,
        credential: credential(account, lending(account, host)),
        user: account.login_user().map(str::to_owned),
        mechanism,
    }
}

fn fits(finding: &PortFinding, account: &Account, code: VerdictCode, policy: &Policy) -> bool {
    let plaintext = code == VerdictCode::NoTls
        && policy.plaintext_auth.value
        && account.outgoing.tls == TlsMode::None
        && finding.ehlo.as_ref().is_some_and(offers_password);
    proves(finding) || plaintext
}

fn login_kind(account: &Account, finding: &PortFinding) -> AuthSetting {
    let cram = finding.last_ehlo().is_some_and(|ehlo| ehlo.mechanisms.iter().any(|name| name == "CRAM-MD5"));
    match account.outgoing.auth {
        AuthSetting::Encrypted if cram => AuthSetting::Encrypted,
        _ => AuthSetting::Password,
    }
}

/// An account without a login gets the mailbox's where both servers are one operator's. Another operator's server gets
/// one of its own, or the account stays as it is.
fn credential(account: &Account, lending: Lending) -> CredentialSource {
    match (account.outgoing.credential, lending) {
        (CredentialSource::None, Lending::OneOperator) => CredentialSource::SameAsIncoming,
        (CredentialSource::None, Lending::Strangers) => CredentialSource::Own,
        (kept, _) => kept,
    }
}

/// May the outgoing server have the mailbox's login? By the names of both, and by the certificates that it proved itself
/// with; one that somebody on this machine made says nothing.
pub fn lending(account: &Account, host: &HostFindings) -> Lending {
    let sound = |seen: &&PortFinding| seen.tls_verified() && !read_along(host, seen);
    let certified = host.ports.iter().filter(sound).filter_map(|seen| seen.tls.as_ref());
    operator::lending(account, certified.flat_map(|tls| tls.names.iter().map(String::as_str)))
}

fn leave(outcome: Outcome, reason: Reason) -> Decision {
    Decision::Leave { outcome, reason }
}

/// The next step for a verdict that changes nothing.
pub fn hint(code: VerdictCode) -> &'static str {
    match code {
        VerdictCode::Offline => "Connect to the internet, then run this again.",
        VerdictCode::CaptivePortal => "Open any page in a browser, log in to the network there, then run this again.",
        VerdictCode::RelayUnsafe => {
            "Use another network or webmail for now; ask your mail host for a port that gets through."
        }
        VerdictCode::LocalInterception => {
            "Switch off the mail scan of the security program for outgoing mail, or allow it by policy (allow_local_interception)."
        }
        VerdictCode::VpnBlock => "Switch the VPN off for a moment, or ask who runs it to let mail out.",
        VerdictCode::BadHostname => "Compare the outgoing server's name with what your mail host gave you.",
        VerdictCode::DnsFault => "Try again in a minute, or on another network; restart the router if it stays.",
        VerdictCode::ServerUnreachable => {
            "Ask your mail host whether the server is down, or has banned this address; run this again in an hour."
        }
        VerdictCode::Ipv6Broken => "Tell your internet provider that IPv6 does not work; nothing was changed.",
        VerdictCode::NetworkBlocksMail => {
            "Use your internet provider's own outgoing server, another network, or webmail for now."
        }
        VerdictCode::LocalFirewall => {
            "Allow your mail program in the firewall or security program, then run this again."
        }
        VerdictCode::NoTls => "Ask your mail host for a server with encryption. A policy can allow plaintext_auth.",
        VerdictCode::CertExpired | VerdictCode::CertUntrusted => "Tell your mail host; do not accept the warning.",
        VerdictCode::ClockWrong => "Set date and time of this computer, then run this again.",
        VerdictCode::CertName => "Ask your mail host for the server name that its certificate is for.",
        VerdictCode::SlowServer => "Wait half a minute when sending; nothing was changed.",
        VerdictCode::ServerRefusedClient => "Ask your mail host why it turns your connection away.",
        VerdictCode::LocalProgram => "If mail does not go out, look whether that program runs; nothing was changed.",
        VerdictCode::CramMd5Refused => {
            "Choose a normal password (PLAIN) in the place of CRAM-MD5 (encrypted password) in the mail program, with encryption; if that is refused too, the password is wrong."
        }
        VerdictCode::BadCredentials => {
            "Check the password. Some hosts want one made for mail programs (an app password). No more is tried now, so that nothing gets locked."
        }
        VerdictCode::AppPasswordNeeded => {
            "Make an app password on the host's web page, in the settings of the account, and enter that in the mail program. No port helps."
        }
        VerdictCode::AccountHeld => {
            "Log in on the host's web page: mail programs may have to be allowed there, or the account is locked. Its operator can tell. No port helps."
        }
        VerdictCode::PasswordLoginEnded => {
            "Set the account up again in the mail program so that it logs in through the browser (OAuth), or ask your organisation for another way to send."
        }
        VerdictCode::AuthMethod => "Set the account up again in the mail program; it will offer the right login.",
        VerdictCode::FromNotAllowed => "Ask your mail host to allow this address for your login.",
        VerdictCode::TemporaryFailure => "Try again in a few minutes.",
        VerdictCode::Uncertain => "Run this again; if it stays, send the output to your help desk.",
        VerdictCode::Ok => "Nothing to do.",
        _ => "Ask your mail host which port takes mail with a login.",
    }
}

fn not_ours_words(why: NotOurs) -> (&'static str, &'static str) {
    match why {
        NotOurs::Oauth2 => {
            ("This account logs in through the browser (OAuth).", "It does not use port 25; nothing to do.")
        }
        NotOurs::Exchange => ("This is an Exchange account.", "It does not use SMTP; nothing to do."),
        NotOurs::Icloud => ("This is an iCloud account.", "Apple sets its port; nothing to do."),
        NotOurs::Google => ("This is a Google account.", "Google takes mail on 587 and 465 only."),
        NotOurs::Yahoo => ("This is a Yahoo account.", "Yahoo takes mail on 587 and 465 only."),
        NotOurs::Microsoft => (
            "This is a Microsoft account.",
            "Microsoft takes mail on 587 only. Exchange Online ends logins with a password at the end of December 2026: if it refuses yours, set the account up again so that it logs in through the browser (OAuth).",
        ),
        NotOurs::ClosedStore => (
            "This program keeps its accounts where no other program may write.",
            "Run `port26 scan` to see the steps by hand.",
        ),
        NotOurs::LocalCommand => ("This account sends through a program on this computer.", "Nothing to do."),
        NotOurs::Proxy => (
            "This account sends through a proxy: what this computer sees of the mail server is not what the program sees.",
            "If it cannot send, ask whoever runs the proxy.",
        ),
        NotOurs::OnlineAccounts => (
            "The Online Accounts of this desktop keep this account and its servers.",
            "If it cannot send, look at it in Settings, Online Accounts.",
        ),
        NotOurs::Managed => ("Your organisation manages this account.", "Ask whoever manages this computer."),
    }
}

#[cfg(test)]
mod tests;
