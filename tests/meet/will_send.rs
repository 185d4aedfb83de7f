//! What port26 makes of a program and a port, for the lab that asks the real program and the real server: `will_send PROGRAM
//! HOST PORT MODE AUTH`, the login as `user:password` on standard input. One line of JSON: will it send, logged in, and why.

use std::io::Read;

use port26::account::{AuthSetting, CredentialSource, Mechanism, SubmissionServer, TlsMode};
use port26::clients::abilities::Abilities;
use port26::clients::abilities::table::{CLAWS_MAIL, EVOLUTION, MSMTP, NEOMUTT, S_NAIL, SYLPHEED, THUNDERBIRD};
use port26::pipeline::runtime;
use port26::plan::meeting::{Meets, meets, reason};
use port26::probe::finding::{End, HelloAnswer, PortFinding, TlsTrouble};
use port26::probe::{Config, PlaintextAuth, Prober, Session};
use secrecy::SecretString;

/// What is asked.
struct Pair {
    abilities: Abilities,
    to: SubmissionServer,
    password: SecretString,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, host, port, mode, auth] = &arguments[..] else {
        anyhow::bail!("will_send PROGRAM HOST PORT starttls|implicit automatic|plain|login|cram_md5");
    };
    let abilities = match program.as_str() {
        "thunderbird" => THUNDERBIRD,
        "claws_mail" => CLAWS_MAIL,
        "sylpheed" => SYLPHEED,
        "evolution" => EVOLUTION,
        "msmtp" => MSMTP,
        "neomutt" => NEOMUTT,
        "s_nail" => S_NAIL,
        other => anyhow::bail!("no row for {other}"),
    };
    let mut login = String::new();
    std::io::stdin().read_to_string(&mut login)?;
    let (user, password) = login.trim_end().split_once(':').unwrap_or_default();
    // Thunderbird has a setting of its own for CRAM-MD5; in the others it is a mechanism that is named.
    let encrypted = auth == "cram_md5" && program == "thunderbird";
    let to = SubmissionServer {
        host: host.clone(),
        port: port.parse()?,
        port_is_default: false,
        tls: if mode == "implicit" { TlsMode::Implicit } else { TlsMode::Starttls },
        auth: if encrypted { AuthSetting::Encrypted } else { AuthSetting::Password },
        credential: CredentialSource::Own,
        user: Some(user.to_owned()),
        mechanism: match auth.as_str() {
            "plain" => Some(Mechanism::Plain),
            "login" => Some(Mechanism::Login),
            "cram_md5" if !encrypted => Some(Mechanism::CramMd5),
            _ => None,
        },
    };
    let (will, why) = runtime()?.block_on(judged(&Pair { abilities, to, password: SecretString::from(password) }))?;
    println!("{}", serde_json::json!({ "will_send": will, "why": why }));
    Ok(())
}

async fn judged(pair: &Pair) -> anyhow::Result<(Option<bool>, String)> {
    let Pair { abilities, to, .. } = pair;
    let prober = Prober::new(Config::default())?;
    let (seen, session) = prober.open(&to.host, to.port, to.tls).await;
    let target = (to.port, to.tls).into();
    let mut hellos = Vec::new();
    let Some(session) = session.filter(|_| seen.tls_verified()) else {
        let too_old = seen.tls.as_ref().and_then(|tls| tls.trouble.as_ref());
        if !matches!(too_old, Some(TlsTrouble::Handshake { .. } | TlsTrouble::TooOld)) {
            return Ok((None, format!("{:?} {:?}: {too_old:?}", seen.phase, seen.end)));
        }
        // A host that is older than port26: what the program's own hello gets, and what was offered before TLS.
        let answer = prober.hello(&to.host, target, &abilities.tls.is).await.answer;
        return Ok(match answer {
            HelloAnswer::Taken { version, .. } => in_the_clear(pair, &seen, version.number()),
            HelloAnswer::Refused { alert } => (Some(false), format!("its hello is refused (alert {alert:?})")),
            HelloAnswer::Closed => (Some(false), "the connection is ended at its hello".to_owned()),
            HelloAnswer::NotKnown { why } => (None, why),
        });
    };
    if meets(abilities, to, &seen, &hellos) == Meets::Ask {
        hellos.push(prober.hello(&to.host, target, &abilities.tls.is).await);
    }
    let meets = meets(abilities, to, &seen, &hellos);
    match (&meets, reason(abilities, to, &meets)) {
        (Meets::Yes, _) => log_in(pair, session, &seen).await,
        (Meets::NotKnown(why), _) => Ok((None, why.clone())),
        (_, reason) => Ok((Some(false), reason.map(|reason| reason.message).unwrap_or_default())),
    }
}

fn in_the_clear(pair: &Pair, seen: &PortFinding, version: &str) -> (Option<bool>, String) {
    let offered = seen.ehlo.as_ref().map_or(&[][..], |ehlo| &ehlo.mechanisms);
    let picks = pair.abilities.mechanism(pair.to.auth, pair.to.mechanism, offered);
    match picks {
        Some(one) => (Some(true), format!("TLS {version}, {} (not proven)", one.name())),
        None if offered.is_empty() => (None, format!("TLS {version}; what is offered inside it is not known")),
        None => (Some(false), format!("TLS {version}; offered in the clear: {}", offered.join(" "))),
    }
}

/// The login by the mechanism that the program will use.
async fn log_in(pair: &Pair, session: Session, seen: &PortFinding) -> anyhow::Result<(Option<bool>, String)> {
    let offered = seen.last_ehlo().map_or(&[][..], |ehlo| &ehlo.mechanisms);
    let mechanism = pair.abilities.mechanism(pair.to.auth, pair.to.mechanism, offered);
    let user = pair.to.user.as_deref().unwrap_or_default();
    let proof = session.log_in(user, &pair.password, mechanism, None, PlaintextAuth::Refused).await?;
    let said = proof.auth.map(|reply| format!("{} {}", reply.code, reply.lines.join(" "))).unwrap_or_default();
    let taken = proof.end == End::Complete && said.starts_with("235");
    Ok((Some(taken), format!("{}: {said}", proof.mechanism.unwrap_or_default())))
}
