//! `port26 relay`: the internet provider's own outgoing server, explained in steps. Changes nothing.

use std::io::Write;

use port26_platform::network::NetworkSigns;
use serde::Serialize;

use super::args::{Global, RelayArgs};
use super::output::{self, Manner};
use super::{Exit, context};
use crate::relay::{self, Relay};
use crate::report::SCHEMA;

/// The document of `relay --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    relays: Vec<&'static Relay>,
    steps: Vec<String>,
}

pub(super) fn run(global: &Global, args: &RelayArgs) -> anyhow::Result<Exit> {
    let relays = match &args.provider {
        Some(provider) => relay::of_provider(provider),
        None => relay::of_network(&NetworkSigns::now()),
    };
    let exit = if relays.is_empty() { Exit::NeedsUser } else { Exit::Done };
    let steps = relays.first().map(|relay| relay::steps(relay)).unwrap_or_default();
    let document = Document { schema: SCHEMA, verb: "relay", relays, steps };
    match context::manner(global) {
        Manner::Json => output::json(&document)?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People | Manner::Detailed => text(&document, args.provider.as_deref())?,
    }
    Ok(exit)
}

fn text(document: &Document, asked: Option<&str>) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if document.relays.is_empty() {
        return match asked {
            Some(provider) => {
                writeln!(out, "port26 does not know the outgoing mail server of {provider}.")?;
                writeln!(
                    out,
                    "next: ask {provider} for it, or name the provider by its domain, e.g. `port26 relay 1und1.de`."
                )
            }
            None => {
                writeln!(out, "The network does not say who your internet provider is, or the provider is not known.")?;
                writeln!(out, "next: name it, e.g. `port26 relay 1und1.de`, or ask it for its outgoing mail server.")
            }
        };
    }
    for relay in &document.relays {
        let tls = if relay.tls == crate::account::TlsMode::Implicit { "TLS" } else { "STARTTLS" };
        writeln!(out, "{}: {} port {}, {tls}, with login", relay.provider, relay.host, relay.port)?;
    }
    writeln!(out, "How to use it:")?;
    for (number, step) in document.steps.iter().enumerate() {
        writeln!(out, "    {}. {step}", number + 1)?;
    }
    Ok(())
}
