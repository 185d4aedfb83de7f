//! How TLS is tried on a port: the account's own, and one that it may be moved to.

use crate::account::{Account, AuthSetting, TlsMode};

/// A plain account that logs in is tried with STARTTLS, so that its password can be proven without being sent in the clear.
pub(crate) fn probe_mode(account: &Account) -> TlsMode {
    match (account.outgoing.tls, account.outgoing.auth) {
        (TlsMode::None, AuthSetting::None) => TlsMode::None,
        (TlsMode::None, _) => TlsMode::Starttls,
        (mode, _) => mode,
    }
}

/// 465 is "submissions" (implicit TLS, RFC 8314); every other target port speaks STARTTLS.
pub(crate) fn target_mode(port: u16) -> TlsMode {
    if port == 465 { TlsMode::Implicit } else { TlsMode::Starttls }
}
