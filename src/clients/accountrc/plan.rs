//! What to change in a section so that its outgoing server is another one.

use super::dialect::{DEFAULT_METHOD, Dialect, Way};
use super::rc;
use super::section::{DEFAULT_SMTP_PORT, default_port};
use crate::account::{Account, AuthSetting, CredentialSource, Mechanism, SubmissionServer, TlsMode};
use crate::change::{Change, Content};
use crate::clients::PlanError;

/// Only what must change; empty if the account is there already.
pub(in crate::clients) fn changes(
    dialect: &'static Dialect,
    account: &Account,
    to: &SubmissionServer,
) -> Result<Vec<Change>, PlanError> {
    if *to == account.outgoing {
        return Ok(Vec::new());
    }
    let mut planner = Planner { dialect, account, changes: Vec::new() };
    if let Some(reason) = account.not_ours {
        return Err(planner.cannot(&format!("this account is not one that port26 writes ({reason:?})")));
    }
    planner.plan(to)?;
    Ok(planner.changes)
}

/// Collects changes to one account's settings.
struct Planner<'a> {
    dialect: &'static Dialect,
    account: &'a Account,
    changes: Vec<Change>,
}

impl Planner<'_> {
    fn raw(&self, key: &'static str) -> Result<Option<&str>, PlanError> {
        let unexpected = |why: &str| PlanError::Unexpected { setting: key.to_owned(), why: why.to_owned() };
        match self.account.settings.get(key) {
            None => Err(unexpected("it was not read")),
            Some(setting) => match &setting.content {
                None => Ok(None),
                Some(Content::Raw(raw)) if !raw.contains('\0') => Ok(Some(raw)),
                Some(_) => Err(unexpected("it cannot be read as text, or is there more than once")),
            },
        }
    }

    /// Strict: what the program would take for 0 and is no number is better left alone.
    fn number(&self, key: &'static str) -> Result<Option<i64>, PlanError> {
        self.raw(key)?
            .map(|raw| {
                raw.trim().parse().map_err(|_| PlanError::Unexpected {
                    setting: key.to_owned(),
                    why: format!("{raw:?} is not a number"),
                })
            })
            .transpose()
    }

    fn set(&mut self, key: &'static str, after: &str) -> Result<(), PlanError> {
        if self.raw(key)? != Some(after)
            && let Some(setting) = self.account.settings.get(key)
        {
            let after = Some(Content::Raw(after.to_owned()));
            self.changes.push(Change { slot: setting.slot.clone(), before: setting.content.clone(), after });
        }
        Ok(())
    }

    /// `default` is what the program takes for a missing key.
    fn set_number(&mut self, key: &'static str, after: i64, default: i64) -> Result<(), PlanError> {
        if self.number(key)?.unwrap_or(default) == after { Ok(()) } else { self.set(key, &after.to_string()) }
    }

    fn flag(&self, key: &'static str) -> Result<bool, PlanError> {
        Ok(self.raw(key)?.is_some_and(rc::flag))
    }

    fn set_flag(&mut self, key: &'static str, after: bool) -> Result<(), PlanError> {
        if self.flag(key)? == after { Ok(()) } else { self.set(key, if after { "1" } else { "0" }) }
    }

    fn cannot(&self, why: &str) -> PlanError {
        PlanError::CannotExpress { client: self.dialect.client, why: why.to_owned() }
    }

    fn plan(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        if to.host != now.host {
            self.set("smtp_server", &to.host)?;
        }
        if to.tls != now.tls {
            let mode = match to.tls {
                TlsMode::None => 0,
                TlsMode::Implicit => 1,
                TlsMode::Starttls => 2,
            };
            self.set_number("ssl_smtp", mode, 0)?;
        }
        let port_then = if self.flag("set_smtpport")? { now.port } else { default_port(to.tls) };
        if to.port != port_then {
            self.set_flag("set_smtpport", true)?;
            self.set_number("smtp_port", i64::from(to.port), i64::from(DEFAULT_SMTP_PORT))?;
        }
        if to.auth == AuthSetting::None {
            return if now.auth == AuthSetting::None { Ok(()) } else { self.set_flag("use_smtp_auth", false) };
        }
        let method = self.number("smtp_auth_method")?.unwrap_or(DEFAULT_METHOD);
        if !self.dialect.known_methods.contains(&method) {
            let why = format!("{method} is no way to log in known to us");
            return Err(PlanError::Unexpected { setting: "smtp_auth_method".to_owned(), why });
        }
        let way = match (to.auth, to.mechanism) {
            (AuthSetting::Password, None) => Way::Automatic,
            (AuthSetting::Password, Some(named)) => Way::Named(named),
            (AuthSetting::Encrypted, _) => Way::Named(Mechanism::CramMd5),
            _ => return Err(self.cannot("it logs in with a password or CRAM-MD5")),
        };
        let Some(method) = self.dialect.number(way) else {
            return Err(self.cannot("it has no setting for this way to log in"));
        };
        self.set_number("smtp_auth_method", method, DEFAULT_METHOD)?;
        self.set_flag("use_smtp_auth", true)?;
        self.plan_user(to)
    }

    fn plan_user(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let own = self.raw("smtp_user_id")?.unwrap_or_default().to_owned();
        let shared = self.raw("user_id")?.unwrap_or_default().to_owned();
        let wanted = match (to.credential, &to.user) {
            (CredentialSource::SameAsIncoming, None) => String::new(),
            (CredentialSource::SameAsIncoming, Some(user)) if *user == shared => String::new(),
            // Without a name of its own the outgoing server gets the incoming server's password.
            (CredentialSource::Own, Some(user)) if own.is_empty() => user.clone(),
            (_, Some(user)) if *user == own || (own.is_empty() && *user == shared) => return Ok(()),
            (_, Some(user)) => user.clone(),
            (_, None) => return if own.is_empty() && shared.is_empty() { Err(self.nobody()) } else { Ok(()) },
        };
        if wanted.is_empty() && shared.is_empty() {
            return Err(self.nobody());
        }
        if wanted == own { Ok(()) } else { self.set("smtp_user_id", &wanted) }
    }

    fn nobody(&self) -> PlanError {
        self.cannot("no user name is known to log in with")
    }
}
