//! What to write so that an account's outgoing server becomes another one. Pure: everything comes from
//! what discovery captured.

use super::part::{LOGIN, LOGIN_SOURCE, Part, place, smtp_origin};
use crate::account::{Account, AuthSetting, Setting, SubmissionServer, TlsMode};
use crate::change::{Change, Content, Slot};
use crate::clients::PlanError;
use crate::formats::mozilla_logins::copy_raw;
use crate::formats::prefs_js::{self, PrefValue};

/// The changes, in the order they are explained.
pub(super) fn changes(account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
    let now = &account.outgoing;
    if to == now {
        return Ok(Vec::new());
    }
    if let Some(reason) = account.not_ours {
        return Err(cannot(account, format!("this account is not one that port26 writes ({reason:?})")));
    }
    let mut changes = Vec::new();
    let mut put = |part: Part, value: PrefValue| -> Result<(), PlanError> {
        changes.extend(part_change(account, part, value)?);
        Ok(())
    };
    if to.host != now.host {
        put(Part::Host, PrefValue::Text(to.host.clone()))?;
    }
    // a port that is not written follows the TLS mode, so it is pinned when that changes
    let default_moves = now.port_is_default && (to.tls == TlsMode::Implicit) != (now.tls == TlsMode::Implicit);
    if to.port != now.port || default_moves {
        put(Part::Port, PrefValue::Int(i32::from(to.port)))?;
    }
    if to.auth != now.auth {
        put(Part::Auth, PrefValue::Int(auth_number(account, to.auth)?))?;
    }
    let user = wanted_user(account, to)?;
    if let Some(user) = &user
        && written_user(account)?.as_ref() != Some(user)
    {
        put(Part::User, PrefValue::Text(user.clone()))?;
    }
    if to.tls != now.tls || (!changes.is_empty() && to.tls == TlsMode::Starttls && starttls_is_optional(account)) {
        changes.extend(part_change(account, Part::TrySsl, PrefValue::Int(tls_number(to.tls)))?);
    }
    changes.extend(login_copied(account, to, user.as_deref()));
    Ok(changes)
}

/// The incoming server's saved login for the outgoing one, where that is to log in as the same user.
fn login_copied(account: &Account, to: &SubmissionServer, user: Option<&str>) -> Option<Change> {
    // The plan says no where the outgoing server is not to have the mailbox's password.
    let may = to.host == account.outgoing.host && account.password_in_client;
    let by_password = matches!(to.auth, AuthSetting::Password | AuthSetting::Encrypted);
    let incoming = account.incoming.as_ref().and_then(|incoming| incoming.user.as_deref());
    if !may || !by_password || user.is_none() || user != incoming {
        return None;
    }
    let (login, source) = (account.settings.get(LOGIN)?, account.settings.get(LOGIN_SOURCE)?);
    let Slot::Setting { name: source, .. } = &source.slot else { return None };
    let after = Some(Content::Raw(copy_raw(source, &smtp_origin(&to.host))));
    Some(Change { slot: login.slot.clone(), before: login.content.clone(), after })
}

fn cannot(account: &Account, why: impl Into<String>) -> PlanError {
    PlanError::CannotExpress { client: account.client, why: why.into() }
}

fn tls_number(tls: TlsMode) -> i32 {
    match tls {
        TlsMode::None => 0,
        TlsMode::Starttls => 2,
        TlsMode::Implicit => 3,
    }
}

fn auth_number(account: &Account, auth: AuthSetting) -> Result<i32, PlanError> {
    Ok(match auth {
        AuthSetting::None => 1,
        AuthSetting::Password => 3,
        AuthSetting::Encrypted => 4,
        AuthSetting::Kerberos => 5,
        AuthSetting::Ntlm => 6,
        AuthSetting::External => 7,
        AuthSetting::Oauth2 => return Err(cannot(account, "OAuth 2 needs a consent in the program's own window")),
    })
}

fn setting(account: &Account, part: Part) -> Result<&Setting, PlanError> {
    account
        .settings
        .get(part.setting())
        .ok_or_else(|| PlanError::Unexpected { setting: part.pref().to_owned(), why: "it was not read".to_owned() })
}

fn raw(setting: &Setting) -> Option<&str> {
    match &setting.content {
        Some(Content::Raw(raw)) => Some(raw),
        _ => None,
    }
}

fn part_change(account: &Account, part: Part, value: PrefValue) -> Result<Option<Change>, PlanError> {
    let setting = setting(account, part)?;
    let name = format!("{} ({})", part.words(), place(&setting.slot));
    if let Some(fixed) = account.settings.get(part.fixed()) {
        return Err(PlanError::Overridden { setting: part.words().to_owned(), by: place(&fixed.slot) });
    }
    if let Some(raw) = raw(setting) {
        let why = match (part.is_text(), prefs_js::decode(raw)) {
            (true, Some(PrefValue::Text(_))) => None,
            (false, Some(PrefValue::Int(number))) if part.range().contains(&number) => None,
            _ => Some(format!("{raw:?} is not what this preference holds")),
        };
        if let Some(why) = why {
            return Err(PlanError::Unexpected { setting: name, why });
        }
    }
    let after = prefs_js::encode(&value);
    if raw(setting) == Some(after.as_str()) {
        return Ok(None);
    }
    Ok(Some(Change { slot: setting.slot.clone(), before: setting.content.clone(), after: Some(Content::Raw(after)) }))
}

/// What wins: whoever fixes it, else what is written, else a default.
fn effective(account: &Account, part: Part) -> Result<Option<PrefValue>, PlanError> {
    let other = account.settings.get(part.fixed()).or_else(|| account.settings.get(part.suggested()));
    let setting = other.map_or_else(|| setting(account, part), Ok)?;
    Ok(raw(setting).and_then(prefs_js::decode))
}

fn written_user(account: &Account) -> Result<Option<String>, PlanError> {
    Ok(match effective(account, Part::User)? {
        Some(PrefValue::Text(user)) if !user.is_empty() => Some(user),
        _ => None,
    })
}

fn wanted_user(account: &Account, to: &SubmissionServer) -> Result<Option<String>, PlanError> {
    if !matches!(to.auth, AuthSetting::Password | AuthSetting::Encrypted | AuthSetting::Ntlm) {
        return Ok(None);
    }
    let user = match &to.user {
        Some(user) => Some(user.clone()),
        None => written_user(account)?.or_else(|| account.incoming.as_ref().and_then(|incoming| incoming.user.clone())),
    };
    // no name at all is what the program starts with by itself, so only a login that is new must have one
    if user.is_none() && account.outgoing.auth == AuthSetting::None {
        return Err(cannot(account, "no user name is known to log in with"));
    }
    Ok(user)
}

/// "STARTTLS, if available" is made firm with any other change: a password must not go out in the clear.
fn starttls_is_optional(account: &Account) -> bool {
    effective(account, Part::TrySsl).is_ok_and(|value| value == Some(PrefValue::Int(1)))
}
