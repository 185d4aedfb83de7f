//! What the program of an account needs to know of its host beyond what port26 saw for itself: whether a port takes the
//! program's own hello. Only asked where the decision hangs on it.

use port26_platform::system_tls::Shaken;

use super::Tools;
use crate::account::{Account, Mechanism, Notice, SubmissionServer, TlsMode};
use crate::clients::abilities::Abilities;
use crate::diagnosis::Verdict;
use crate::plan::meeting::{self, Meets, meets};
use crate::plan::{self, Decision, Next, Reason};
use crate::probe::finding::{HelloAnswer, HelloFinding, HostFindings};
use crate::probe::{Survey, Target};
use crate::tls_offer::TlsOffer;

/// What shall be done with the account, once its host was asked what must be known for that.
pub(super) async fn decided(tools: &Tools, survey: &mut Survey, account: &Account, verdict: &Verdict) -> Decision {
    let abilities = tools.abilities(account);
    loop {
        match plan::next(account, verdict, &survey.findings, &tools.policy, &abilities) {
            Next::AskHello { port, tls } => ask(tools, &mut survey.findings, (port, tls).into(), &abilities).await,
            Next::Decided(decision) => return decision,
        }
    }
}

/// Why this account's program cannot send through a port that proved itself; `None`: it can.
pub(super) async fn kept_apart(
    tools: &Tools,
    findings: &mut HostFindings,
    account: &Account,
    to: &SubmissionServer,
) -> Option<Reason> {
    let abilities = tools.abilities(account);
    let seen = findings.ports.iter().find(|seen| (seen.port, seen.tls_mode) == (to.port, to.tls)).cloned()?;
    if meets(&abilities, to, &seen, &findings.hellos) == Meets::Ask {
        ask(tools, findings, (seen.port, seen.tls_mode).into(), &abilities).await;
    }
    meeting::reason(&abilities, to, &meets(&abilities, to, &seen, &findings.hellos))
}

/// What is not known for sure of the program that is led to `to`, where the other reading would mean that it cannot send.
pub(super) fn doubt(abilities: &Abilities, to: &SubmissionServer, offered: &[String]) -> Option<Notice> {
    let Abilities { program, tls, login, tls_mode } = abilities;
    let one_only = Mechanism::Plain.is_in(offered) != Mechanism::Login.is_in(offered);
    let doubts = [
        (!tls.is_verified() && to.tls != TlsMode::None, "which TLS it has on this computer"),
        (!tls_mode.is_verified() && to.tls != TlsMode::None, "how it begins TLS on this port"),
        (!login.is_verified() && one_only, "whether it logs in as this server wants"),
    ];
    let doubts: Vec<&str> = doubts.into_iter().filter_map(|(is, what)| is.then_some(what)).collect();
    (!doubts.is_empty()).then(|| Notice {
        code: "ability_unverified".to_owned(),
        message: format!(
            "The port was proven by port26. Of {program} it is not known for sure {}: send a message, and if it fails, `port26 undo` puts everything back.",
            doubts.join(", and ")
        ),
    })
}

async fn ask(tools: &Tools, findings: &mut HostFindings, target: Target, abilities: &Abilities) {
    let offer = &abilities.tls.is;
    let mut seen = match was_mute(&findings.hellos, offer) {
        true => tools.prober.hello_once(&findings.host, target, offer).await,
        false => tools.prober.hello(&findings.host, target, offer).await,
    };
    // The program's own TLS is at hand where it is this computer's: it has the last word.
    if tools.computer.own_session && abilities.tls.is.is_the_systems() {
        let by_system = tools.prober.hello_by_system(&findings.host, target).await;
        seen.answer = by_both(seen.answer, by_system);
    }
    findings.hellos.push(seen);
}

/// A host that would not say on one port is given one chance on the next, and not two.
fn was_mute(hellos: &[HelloFinding], offer: &TlsOffer) -> bool {
    hellos.iter().any(|one| one.offer == offer.label() && matches!(one.answer, HelloAnswer::NotKnown { .. }))
}

/// What two witnesses say: where they differ nothing is known.
fn by_both(by_hand: HelloAnswer, by_system: Option<Shaken>) -> HelloAnswer {
    match (&by_hand, by_system) {
        (HelloAnswer::Taken { .. }, Some(Shaken::Not(_))) | (HelloAnswer::Refused { .. }, Some(Shaken::Agreed)) => {
            HelloAnswer::NotKnown { why: "this computer's own TLS says otherwise than what is known of it".to_owned() }
        }
        _ => by_hand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls_offer::TlsVersion;

    #[test]
    fn a_host_that_said_nothing_is_asked_once_on_its_next_port() {
        let asked = |offer: &TlsOffer, answer| {
            vec![HelloFinding { port: 26, tls_mode: TlsMode::Starttls, offer: offer.label(), answer, ms: 9 }]
        };
        let mute = || HelloAnswer::NotKnown { why: "nothing in time".into() };
        let old = TlsOffer::SCHANNEL_7;
        assert!(was_mute(&asked(&old, mute()), &old));
        assert!(!was_mute(&asked(&TlsOffer::SCHANNEL_XP, mute()), &old), "another program's");
        assert!(!was_mute(&asked(&old, HelloAnswer::Refused { alert: None }), &old));
        assert!(!was_mute(&[], &old));
    }

    #[test]
    fn where_two_witnesses_differ_nothing_is_known() {
        let taken = || HelloAnswer::Taken { version: TlsVersion::V1_2, suite: 0 };
        let refused = || HelloAnswer::Refused { alert: Some(70) };
        let unknown = || HelloAnswer::NotKnown { why: "cut off".into() };
        let not = || Shaken::Not("no common suite".into());
        assert_eq!(by_both(taken(), None), taken(), "other systems have one witness only");
        assert_eq!(by_both(taken(), Some(Shaken::Agreed)), taken());
        assert_eq!(by_both(refused(), Some(not())), refused());
        assert_eq!(by_both(unknown(), Some(Shaken::Agreed)), unknown());
        for (one, other) in [(taken(), not()), (refused(), Shaken::Agreed)] {
            assert!(matches!(by_both(one, Some(other)), HelloAnswer::NotKnown { .. }));
        }
    }
}
