//! `port26 credential`: passwords in this computer's keychain. They come by a hidden prompt or
//! `--credential-stdin`, never as an argument, and are never shown.

use std::collections::BTreeSet;

use jiff::Timestamp;
use port26_platform::computer::Computer;
use serde::Serialize;

use super::args::{CredentialAction, CredentialArgs, ForgetArgs, Global, Selection};
use super::output::{self, Words};
use super::terminal::Asks;
use super::{Exit, UsageError, context};
use crate::account::Account;
use crate::clients::CLIENTS;
use crate::credentials::{Item, Kept, Origin, logins_of};
use crate::operator::lending_by_names;
use crate::pipeline::{Tools, discover, select};
use crate::report::SCHEMA;
use crate::shown::Shown;

/// The document of `credential --json`: whose passwords are kept, never the passwords.
#[derive(Debug, Serialize)]
struct CredentialDocument {
    schema: &'static str,
    verb: &'static str,
    credentials: Vec<KeptPassword>,
}

/// One account and what became of its password.
#[derive(Debug, Serialize)]
struct KeptPassword {
    host: String,
    user: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub(super) fn run(global: &Global, args: &CredentialArgs) -> anyhow::Result<Exit> {
    let (entries, exit) = match &args.action {
        CredentialAction::Set(selection) => set(global, selection)?,
        CredentialAction::List => (list(global)?, Exit::Done),
        CredentialAction::Forget(whose) => forget(global, whose)?,
    };
    let document = CredentialDocument { schema: SCHEMA, verb: "credential", credentials: entries };
    output::tell(context::manner(global), &document, |page| text(page, &document))?;
    Ok(exit)
}

fn text(page: &mut Words, document: &CredentialDocument) -> std::io::Result<()> {
    if document.credentials.is_empty() {
        return page.line(0, "port26 keeps no passwords in the keychain of this computer.");
    }
    let mut entries = document.credentials.iter();
    entries.try_for_each(|entry| {
        let why = entry.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        page.line(0, format_args!("{} at {}: {}{why}", Shown(&entry.user), Shown(&entry.host), entry.state))
    })
}

fn set(global: &Global, selection: &Selection) -> anyhow::Result<(Vec<KeptPassword>, Exit)> {
    let asks = if global.silent || global.credential_stdin { Asks::Nobody } else { Asks::Somebody };
    let tools = context::tools(global, asks)?;
    let mut entries = Vec::new();
    let mut exit = Exit::Done;
    let mut accounts = context::discover_selected(&tools, selection)?.accounts;
    accounts.retain(|account| account.not_ours.is_none() && account.used);
    tools.credentials.given().meet(&accounts);
    for account in accounts {
        let (entry, ended) = set_one(global, &tools, &account)?;
        entries.extend(entry);
        exit = exit.worst(ended);
    }
    if entries.is_empty() {
        return Err(UsageError::new(
            "no password was given for any of these accounts",
            "Type it when asked, or give USER:PASSWORD lines with --credential-stdin.",
        )
        .into());
    }
    Ok((entries, exit))
}

/// Keeps the password that is given or typed for this account: what is kept already is not what was meant.
fn set_one(global: &Global, tools: &Tools, account: &Account) -> anyhow::Result<(Option<KeptPassword>, Exit)> {
    let entry = |user: Option<String>, state, why| {
        let user = user.or_else(|| account.login_user().map(str::to_owned)).unwrap_or_default();
        Some(KeptPassword { host: account.outgoing.host.clone(), user, state, why })
    };
    let lending = lending_by_names(account);
    let given = match tools.credentials.given().find(account, lending) {
        Ok(given) => given,
        Err(withheld) => return Ok((entry(None, "not kept", Some(withheld.to_string())), Exit::NeedsUser)),
    };
    if global.dry_run {
        let state = if given.is_some() { "would be kept" } else { "would be asked for" };
        return Ok((entry(given.map(|given| given.user), state, None), Exit::Pending));
    }
    let meant = given.map_or_else(|| tools.credentials.prompt(account, lending), |given| Ok(Some(given)))?;
    let Some(credential) = meant else { return Ok((None, Exit::NeedsUser)) };
    let (state, why, exit) = match tools.credentials.keep(account, &credential) {
        Kept::Kept(_) => ("kept", None, Exit::Done),
        Kept::NotKept { why } => ("not kept", Some(why), Exit::NeedsUser),
    };
    // Whoever types a password means that it is tried, though it was refused a while ago.
    if credential.origin == Origin::Asked {
        let refusals = context::refusals(global, &context::state_dir(global)?);
        refusals.forget(&account.outgoing.host, &credential.user, Timestamp::now());
    }
    Ok((entry(Some(credential.user), state, why), exit))
}

fn list(global: &Global) -> anyhow::Result<Vec<KeptPassword>> {
    let host = context::computer(global)?;
    let kept = context::kept_passwords(global, &host)?.list()?;
    Ok(kept.iter().map(|item| entry(item, "kept")).collect())
}

fn forget(global: &Global, whose: &ForgetArgs) -> anyhow::Result<(Vec<KeptPassword>, Exit)> {
    let host = context::computer(global)?;
    let book = context::kept_passwords(global, &host)?;
    let kept = book.list()?;
    let items = if whose.all { kept } else { items_of(&host, &kept, &whose.accounts)? };
    let mut exit = Exit::Done;
    let mut entries = Vec::new();
    for item in items {
        let (state, why) = match global.dry_run {
            true => ("would be forgotten", None),
            false => match book.forget(&item) {
                Ok(true) => ("forgotten", None),
                Ok(false) => ("was not there", None),
                Err(error) => ("not forgotten", Some(error.to_string())),
            },
        };
        exit = if why.is_some() { exit.worst(Exit::NeedsUser) } else { exit };
        entries.push(KeptPassword { why, ..entry(&item, state) });
    }
    let exit = if global.dry_run && !entries.is_empty() { Exit::Pending } else { exit };
    Ok((entries, exit))
}

/// The items of these names: of accounts as `fix` knows them, and of logins whose account may be gone.
fn items_of(computer: &Computer, kept: &[Item], names: &[String]) -> anyhow::Result<Vec<Item>> {
    let accounts = discover(computer, CLIENTS).accounts;
    let mut items = BTreeSet::new();
    for name in names {
        let by_login: Vec<Item> = kept.iter().filter(|item| item.account.eq_ignore_ascii_case(name)).cloned().collect();
        let named = select(accounts.clone(), std::slice::from_ref(name)).unwrap_or_default();
        if by_login.is_empty() && named.is_empty() {
            let message = format!("there is no account {name} on this computer, and no password is kept for that name");
            return Err(UsageError::new(message, "`port26 credential list` lists whose passwords are kept.").into());
        }
        for account in &named {
            let logins = logins_of(account);
            let here: Vec<Item> = logins.iter().filter(|login| kept.contains(login)).cloned().collect();
            // Nothing is kept for it: that is told of the login that it has.
            let told = if here.is_empty() && by_login.is_empty() { logins.into_iter().take(1).collect() } else { here };
            items.extend(told);
        }
        items.extend(by_login);
    }
    Ok(items.into_iter().collect())
}

fn entry(item: &Item, state: &'static str) -> KeptPassword {
    KeptPassword { host: item.host().to_owned(), user: item.account.clone(), state, why: None }
}
