//! `port26 profile`: a configuration profile for Apple Mail, from an account that is found here or from flags.

use std::io::Write;

use anyhow::Context;
use serde::Serialize;

use super::args::{Global, Incoming, ProfileArgs};
use super::output;
use super::output_mode::OutputMode;
use super::page::remark;
use super::{Exit, UsageError, context};
use crate::account::{Account, IncomingProtocol};
use crate::apple_profile::{Login, MailProfile};
use crate::clients::CLIENTS;
use crate::codes::code_of;
use crate::pipeline::discover;
use crate::policy::HostPort;
use crate::report::SCHEMA;

/// The document of `profile --json`.
#[derive(Debug, Serialize)]
struct ProfileDocument<'a> {
    schema: &'static str,
    verb: &'static str,
    address: &'a str,
    outgoing: &'a HostPort,
    /// The profile as XML.
    profile: &'a str,
}

pub(super) fn run(global: &Global, args: &ProfileArgs) -> anyhow::Result<Exit> {
    let found = found(global, args)?;
    let profile = profile(args, found.as_ref(), context::policy(global)?.target_ports.value.first().copied())?;
    let xml = profile.to_xml()?;
    let text = std::str::from_utf8(&xml).context("reading the profile back")?;
    let outgoing = &profile.outgoing.at;
    match context::manner(global) {
        OutputMode::Json => {
            let address = &profile.address;
            output::json(&ProfileDocument { schema: SCHEMA, verb: "profile", address, outgoing, profile: text })?;
        }
        OutputMode::Silent => {}
        OutputMode::Quiet | OutputMode::People | OutputMode::Detailed => {
            std::io::stdout().lock().write_all(text.as_bytes())?;
            remark(format_args!("{} sends through {outgoing}, which was not tested.", profile.address));
            remark("next: `port26 test` tests the ports of accounts that are set up here.");
        }
    }
    Ok(Exit::Done)
}

/// The account with this address, unless the flags say everything.
fn found(global: &Global, args: &ProfileArgs) -> anyhow::Result<Option<Account>> {
    if args.incoming.is_some() && args.outgoing.is_some() && args.protocol.is_some() {
        return Ok(None);
    }
    let address = &args.address;
    let accounts = discover(&context::computer(global)?, CLIENTS).accounts;
    let mut here =
        accounts.into_iter().filter(|one| one.emails.iter().any(|email| email.eq_ignore_ascii_case(address)));
    let give = "Give --incoming, --protocol and --outgoing.";
    let first = here.next().ok_or_else(|| UsageError::new(format!("there is no account {address} here"), give))?;
    let servers = |one: &Account| {
        let incoming = one.incoming.as_ref().map(|incoming| (incoming.protocol, incoming.host.to_lowercase()));
        (one.outgoing.host.to_lowercase(), incoming)
    };
    if here.any(|other| servers(&other) != servers(&first)) {
        let message = format!("{address} is set up here more than once, with different servers");
        return Err(UsageError::new(message, give).into());
    }
    if let Some(not_ours) = first.not_ours {
        let why = code_of(&not_ours);
        let message = format!("the account {address} needs no profile from port26 ({why})");
        return Err(UsageError::new(message, "`port26 test` says what is the matter with it.").into());
    }
    Ok(Some(first))
}

fn profile(args: &ProfileArgs, found: Option<&Account>, best_port: Option<u16>) -> Result<MailProfile, UsageError> {
    let address = &args.address;
    if address.split_once('@').is_none_or(|(who, host)| who.is_empty() || host.is_empty()) {
        return Err(UsageError::new(format!("{address} is no e-mail address"), "Write it as anna@example.org."));
    }
    let incoming = found.and_then(|account| account.incoming.as_ref());
    let protocol = match (args.protocol, incoming.map(|incoming| incoming.protocol)) {
        (Some(Incoming::Imap), _) | (None, Some(IncomingProtocol::Imap)) => IncomingProtocol::Imap,
        (Some(Incoming::Pop3), _) | (None, Some(IncomingProtocol::Pop3)) => IncomingProtocol::Pop3,
        _ => return Err(missing(address, "protocol of the incoming server", "--protocol imap or --protocol pop3")),
    };
    // With TLS from the first byte, RFC 8314.
    let usual = if protocol == IncomingProtocol::Imap { 993 } else { 995 };
    let incoming_at = match (&args.incoming, incoming) {
        (Some(text), _) => server("--incoming", text, usual)?,
        (None, Some(incoming)) => at(&incoming.host, incoming.port.unwrap_or(usual)),
        (None, None) => return Err(missing(address, "incoming server", "--incoming HOST")),
    };
    // The port that everybody is moved to, unless the account has left 25 already.
    let best_port = best_port.unwrap_or(26);
    let outgoing_at = match (&args.outgoing, found.map(|account| &account.outgoing)) {
        (Some(text), _) => server("--outgoing", text, best_port)?,
        (None, Some(outgoing)) => at(&outgoing.host, if outgoing.port == 25 { best_port } else { outgoing.port }),
        (None, None) => return Err(missing(address, "outgoing server", "--outgoing HOST")),
    };
    let user = |known: Option<&str>| args.user.as_deref().or(known).unwrap_or(address).to_owned();
    Ok(MailProfile {
        address: address.clone(),
        name: args.name.clone(),
        organization: args.organization.clone(),
        protocol,
        incoming: Login { user: user(incoming.and_then(|incoming| incoming.user.as_deref())), at: incoming_at },
        outgoing: Login { user: user(found.and_then(Account::login_user)), at: outgoing_at },
    })
}

fn at(host: &str, port: u16) -> HostPort {
    HostPort { host: host.to_owned(), port }
}

fn missing(address: &str, what: &str, flag: &str) -> UsageError {
    UsageError::new(format!("the {what} of {address} is not known here"), format!("Give {flag}."))
}

/// `HOST` or `HOST:PORT`.
fn server(flag: &str, text: &str, port: u16) -> Result<HostPort, UsageError> {
    let wrong = |why: String| UsageError::new(format!("{flag} {text}: {why}"), "Write it as HOST or HOST:PORT.");
    match text.parse() {
        Ok(at) => Ok(at),
        Err(why) if text.contains(':') => Err(wrong(why)),
        Err(_) => format!("{text}:{port}").parse().map_err(wrong),
    }
}
