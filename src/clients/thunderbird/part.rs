//! The preferences of an outgoing server, and under which names their values are captured.

use std::ops::RangeInclusive;

use crate::change::Slot;

/// In `Account::settings`: the outgoing server's saved login, to be made by copying. Nothing is there yet.
pub(super) const LOGIN: &str = "login";

/// In `Account::settings`: the incoming server's saved login that it would be a copy of.
pub(super) const LOGIN_SOURCE: &str = "login, source";

/// Under which a saved login of an outgoing server is kept: without a port.
pub(super) fn smtp_origin(host: &str) -> String {
    if host.contains(':') { format!("smtp://[{host}]") } else { format!("smtp://{host}") }
}

/// The preferences of an outgoing server that an edit may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Host,
    Port,
    TrySsl,
    Auth,
    User,
}

impl Part {
    pub(super) const ALL: [Self; 5] = [Self::Host, Self::Port, Self::TrySsl, Self::Auth, Self::User];

    /// Behind `mail.smtpserver.KEY.`
    pub(super) fn pref(self) -> &'static str {
        match self {
            Self::Host => "hostname",
            Self::Port => "port",
            Self::TrySsl => "try_ssl",
            Self::Auth => "authMethod",
            Self::User => "username",
        }
    }

    /// In `Account::settings`: what `prefs.js` holds.
    pub(super) fn setting(self) -> &'static str {
        self.pref()
    }

    /// In `Account::settings`: what something else puts over it.
    pub(super) fn fixed(self) -> &'static str {
        match self {
            Self::Host => "hostname, set elsewhere",
            Self::Port => "port, set elsewhere",
            Self::TrySsl => "try_ssl, set elsewhere",
            Self::Auth => "authMethod, set elsewhere",
            Self::User => "username, set elsewhere",
        }
    }

    /// In `Account::settings`: a default that is in effect since nothing else is set.
    pub(super) fn suggested(self) -> &'static str {
        match self {
            Self::Host => "hostname, by default",
            Self::Port => "port, by default",
            Self::TrySsl => "try_ssl, by default",
            Self::Auth => "authMethod, by default",
            Self::User => "username, by default",
        }
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Host => "host name",
            Self::Port => "port",
            Self::TrySsl => "connection security",
            Self::Auth => "authentication method",
            Self::User => "user name",
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Host | Self::User)
    }

    /// Numbers that are known for it.
    pub(super) fn range(self) -> RangeInclusive<i32> {
        match self {
            Self::Port => 0..=65535,
            Self::TrySsl => 0..=3,
            _ => 0..=10,
        }
    }
}

/// Where a setting is, for people.
pub(super) fn place(slot: &Slot) -> String {
    match slot {
        Slot::Setting { file, .. } if file.to_string_lossy().starts_with("HKEY_") => {
            format!("the policy {}", file.display())
        }
        Slot::Setting { file, .. } => file.display().to_string(),
        Slot::Registry { key, .. } => format!("the policy HKEY_CURRENT_USER\\{key}"),
        Slot::Script { app, .. } => app.name.clone(),
        Slot::Secret { service, .. } => service.clone(),
    }
}
