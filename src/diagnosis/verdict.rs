//! The verdicts, and which of them may lead to a change.

use serde::{Deserialize, Serialize};

/// Every verdict port26 knows. The names are part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum VerdictCode {
    Ok,
    Offline,
    CaptivePortal,
    BadHostname,
    DnsFault,
    PortBlockedNetwork,
    PortBlockedExceptRelay,
    VpnBlock,
    ServerPortClosed,
    ServerUnreachable,
    Ipv6Broken,
    Intercepted,
    StarttlsStripped,
    UseSubmission,
    NetworkBlocksMail,
    RelayUnsafe,
    LocalFirewall,
    LocalInterception,
    NoTls,
    TlsHandshake,
    CertExpired,
    CertUntrusted,
    ClockWrong,
    CertName,
    WrongTlsMode,
    SlowServer,
    ServerRefusedClient,
    PortRefusedByHost,
    LocalProgram,
    AuthUnavailable,
    BadCredentials,
    /// The password was refused in the form of CRAM-MD5, which a host that keeps hashes of passwords refuses for everybody.
    CramMd5Refused,
    /// The host takes from mail programs only a password that was made for them, and not the one of its web page.
    AppPasswordNeeded,
    /// The host knows the account and keeps mail programs, or all sending, out of it until somebody acts on its web page.
    AccountHeld,
    AuthMethod,
    /// The operator has ended logins with a password, for everybody or for this one.
    PasswordLoginEnded,
    AuthRequired,
    FromNotAllowed,
    TemporaryFailure,
    Uncertain,
}

impl VerdictCode {
    /// May an account with this verdict be changed at all? Everything not named here is a "no change" row.
    pub fn may_change(self) -> bool {
        matches!(
            self,
            Self::PortBlockedNetwork
                | Self::PortBlockedExceptRelay
                | Self::VpnBlock
                | Self::ServerPortClosed
                | Self::Intercepted
                | Self::StarttlsStripped
                | Self::UseSubmission
                | Self::NoTls
                | Self::TlsHandshake
                | Self::WrongTlsMode
                | Self::PortRefusedByHost
                | Self::AuthUnavailable
                | Self::AuthRequired
        )
    }
}

/// Why mail does or does not go out, for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Stable code.
    pub code: VerdictCode,
    /// One plain sentence.
    pub summary: String,
    /// What was seen that led to it, a line each.
    pub evidence: Vec<String>,
}
