//! `port26 relay`: the internet provider's own outgoing server, explained in steps; with `--use`, written to the accounts
//! that no port of their own host gets through for.

use std::borrow::Cow;

use port26_platform::network::NetworkSigns;
use serde::Serialize;

use super::args::{Global, RelayArgs};
use super::output::{self, Words};
use super::{Exit, UsageError, context, fix};
use crate::account::TlsMode;
use crate::operator::operator_of;
use crate::pipeline::{ProviderServer, Request, Route};
use crate::policy::HostPort;
use crate::relay::{self, Relay};
use crate::report::SCHEMA;

/// The document of `relay --json`.
#[derive(Debug, Serialize)]
struct RelayDocument {
    schema: &'static str,
    verb: &'static str,
    relays: Vec<Cow<'static, Relay>>,
    steps: Vec<String>,
}

pub(super) fn run(global: &Global, args: &RelayArgs) -> anyhow::Result<Exit> {
    if let Some(user) = args.user.as_deref().filter(|_| args.use_it) {
        return use_it(global, args, user);
    }
    if args.waits.any() {
        let message = "without --use nothing is changed, so no program is waited for";
        return Err(UsageError::new(message, "Add --use and --user NAME, or leave --wait and --close out.").into());
    }
    let relays = known(args);
    let exit = if relays.is_empty() { Exit::NeedsUser } else { Exit::Done };
    let steps = relays.first().map(|relay| relay::steps(relay)).unwrap_or_default();
    let document = RelayDocument { schema: SCHEMA, verb: "relay", relays, steps };
    output::tell(context::manner(global), &document, |page| text(page, &document, args.provider.as_deref()))?;
    Ok(exit)
}

/// The server that was named, else those that are known of the provider.
fn known(args: &RelayArgs) -> Vec<Cow<'static, Relay>> {
    if let Some(HostPort { host, port }) = &args.server {
        let tls = if *port == 465 { TlsMode::Implicit } else { TlsMode::Starttls };
        let provider = args.provider.clone().unwrap_or_else(|| operator_of(host));
        let named =
            Relay { provider: provider.into(), host: host.clone().into(), port: *port, tls, domains: Vec::new() };
        return vec![Cow::Owned(named)];
    }
    let relays = match &args.provider {
        Some(provider) => relay::of_provider(provider),
        None => relay::of_network(&NetworkSigns::now()),
    };
    relays.into_iter().map(Cow::Borrowed).collect()
}

/// Tests the accounts, and moves those without a route to the provider's server once a login there has worked.
fn use_it(global: &Global, args: &RelayArgs, user: &str) -> anyhow::Result<Exit> {
    let patience = context::patience(&args.waits)?;
    let consent = context::consent(global, "relay --use")?;
    let route = Route::Provider(servers(args, user)?);
    let accounts = args.accounts.clone();
    fix::carry_out(global, &Request { verb: "relay", accounts, consent, route, patience, send_test: false })
}

/// The provider's servers, the one on "submissions" or "submission" first as the table has them.
fn servers(args: &RelayArgs, user: &str) -> anyhow::Result<Vec<ProviderServer>> {
    let server = |relay: &Relay| ProviderServer {
        host: relay.host.clone().into_owned(),
        port: relay.port,
        tls: relay.tls,
        user: user.to_owned(),
    };
    let servers: Vec<_> = known(args).iter().map(|relay| server(relay)).collect();
    if servers.is_empty() {
        let message = match &args.provider {
            Some(provider) => format!("the outgoing mail server of {provider} is not known to port26"),
            None => "the network does not say who your internet provider is, or the provider is not known".to_owned(),
        };
        return Err(UsageError::new(message, "Name the server that your provider gave you: --server HOST:PORT.").into());
    }
    Ok(servers)
}

fn text(page: &mut Words, document: &RelayDocument, asked: Option<&str>) -> std::io::Result<()> {
    if document.relays.is_empty() {
        let (known, next) = match asked {
            Some(provider) => (
                format!("port26 does not know the outgoing mail server of {provider}."),
                format!("ask {provider} for it, or name the provider by its domain, e.g. `port26 relay 1und1.de`."),
            ),
            None => (
                "The network does not say who your internet provider is, or the provider is not known.".to_owned(),
                "name it, e.g. `port26 relay 1und1.de`, or ask it for its outgoing mail server.".to_owned(),
            ),
        };
        page.line(0, known)?;
        return page.line(0, format_args!("next: {next}"));
    }
    for relay in &document.relays {
        let tls = if relay.tls == TlsMode::Implicit { "TLS" } else { "STARTTLS" };
        page.line(0, format_args!("{}: {} port {}, {tls}, with login", relay.provider, relay.host, relay.port))?;
    }
    page.line(0, "How to use it:")?;
    let steps = document.steps.iter().enumerate();
    steps.into_iter().try_for_each(|(number, step)| page.line(4, format_args!("{}. {step}", number + 1)))
}
