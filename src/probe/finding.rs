//! What the probe saw, as plain data: everything the diagnosis may use, nothing it concludes.
//! Times are milliseconds from the start of that conversation.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::account::TlsMode;
use crate::tls_offer::TlsVersion;

/// How a name resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resolution {
    /// Addresses, in the order they were dialled; `mapped` when `--connect-to` (or a literal address) took the place of the resolver.
    Addresses {
        /// The addresses.
        addresses: Vec<IpAddr>,
        /// Not resolved but given.
        mapped: bool,
    },
    /// The name does not exist, or has no address (NXDOMAIN, RFC 8020; NODATA).
    NoSuchName,
    /// No resolver answered.
    Silent {
        /// What the system said.
        why: String,
    },
    /// A made-up name under the same resolver got the same address.
    Hijacked {
        /// The address everybody gets.
        address: IpAddr,
    },
}

/// How one attempt to connect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    /// Connected.
    Open,
    /// No answer to any SYN within the deadline.
    Silent,
    /// RST, or ICMP port unreachable.
    Refused,
    /// ICMP prohibited.
    Prohibited,
    /// No route to the address: no network, or not of this family.
    Unreachable,
    /// This machine said no by itself: EPERM, EACCES, WSAEACCES.
    LocalDenied,
    /// Given up because another address won the race (RFC 8305).
    Superseded,
    /// Any other error.
    Other,
}

/// One attempt to connect to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where.
    pub address: IpAddr,
    /// How it ended.
    pub outcome: Connect,
    /// How many fresh connection attempts (SYNs at 0, 250, 500 ms, and beside a witness) were made before it was called silent.
    pub tries: u32,
    /// When it ended.
    pub ms: u64,
}

/// A reply of the server, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Three digits, RFC 5321 4.2.
    pub code: u16,
    /// The lines without code and separator.
    pub lines: Vec<String>,
    /// When its last line was there.
    pub ms: u64,
}

/// What a server offered in its answer to EHLO.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ehlo {
    /// The name it gave itself (first word of the first line).
    pub name: String,
    /// Every keyword line, unknown ones too, as sent.
    pub keywords: Vec<String>,
    /// Mechanisms of AUTH (and of the old `AUTH=`), upper case.
    pub mechanisms: Vec<String>,
    /// STARTTLS is among the keywords.
    pub starttls: bool,
}

/// What TLS showed, verified or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFinding {
    /// The certificate is right for the name, in date, and leads to a trusted anchor.
    pub verified: bool,
    /// Why not.
    pub trouble: Option<TlsTrouble>,
    /// `TLSv1.3`, ..
    pub protocol: Option<String>,
    /// The cipher suite that was agreed on, by number (IANA).
    #[serde(default)]
    pub suite: Option<u16>,
    /// DNS names in the certificate (SAN).
    pub names: Vec<String>,
    /// Common name of its subject: all that an old certificate without names has.
    #[serde(default)]
    pub common_name: Option<String>,
    /// Issuer, as text.
    pub issuer: Option<String>,
    /// Seconds since 1970.
    pub not_before: Option<i64>,
    /// Seconds since 1970.
    pub not_after: Option<i64>,
    /// SHA-256 of the public key (SPKI), hex: the same key on two ports is the same host.
    pub key_sha256: Option<String>,
    /// Verified, but only by a root of this machine: neither public nor given to port26. So a security program, or an
    /// organisation, vouches for it.
    #[serde(default)]
    pub local_root: bool,
    /// When the handshake ended.
    pub ms: u64,
}

impl TlsFinding {
    /// Of a handshake that showed no certificate, or none that was read yet. Nothing is believed of it.
    pub fn bare(trouble: Option<TlsTrouble>, ms: u64) -> Self {
        Self {
            verified: false,
            trouble,
            protocol: None,
            suite: None,
            names: Vec::new(),
            common_name: None,
            issuer: None,
            not_before: None,
            not_after: None,
            key_sha256: None,
            local_root: false,
            ms,
        }
    }
}

/// What was wrong with TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TlsTrouble {
    /// Out of date.
    Expired,
    /// Not yet valid.
    NotYetValid,
    /// For other names.
    WrongName,
    /// Leads to no trusted anchor.
    Untrusted,
    /// Alert, reset or garbage in the handshake.
    Handshake {
        /// What the library said.
        why: String,
    },
    /// The other side does not speak TLS here, or speaks it where plain text was expected.
    WrongMode,
    /// Only TLS 1.0 or 1.1.
    TooOld,
    /// The server does not send the certificate that connects its own with a trusted anchor.
    ChainIncomplete,
    /// The certificate of an issuer on the way to the anchor is out of date, not the server's own.
    IssuerExpired {
        /// That issuer, as text.
        issuer: String,
    },
    /// A key or signature that current programs no longer accept (SHA-1, RSA below 2048).
    TooWeak {
        /// Which.
        why: String,
    },
    /// It has a common name only, and no DNS name: not accepted since RFC 9525.
    NoNames,
}

/// Where a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Phase {
    Resolve,
    Connect,
    Greeting,
    Ehlo,
    Starttls,
    Tls,
    EhloAfterTls,
    Auth,
    MailFrom,
    Done,
}

/// How it ended there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum End {
    /// All that was asked for was done.
    Complete,
    /// The deadline passed while waiting in this phase. After `Connect` this is "open, waiting for an answer", not "silent".
    TimedOut,
    /// The other side closed or reset the connection.
    Closed,
    /// We ended it: the certificate was not accepted, or nothing more was wanted.
    Left,
    /// A reply that ends the conversation (421, 554, ..); it is recorded. In `Connect` and `Resolve`: an answer that was no.
    Refused,
    /// Not SMTP.
    Garbage {
        /// The first bytes, printable part.
        seen: String,
    },
}

/// Everything one conversation with one port showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortFinding {
    /// The host's name as asked for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How TLS was tried: `Implicit` speaks it at once; `Starttls` takes it if offered; `None` never.
    pub tls_mode: TlsMode,
    /// Attempts to connect.
    pub attempts: Vec<Attempt>,
    /// The greeting. With `Greeting` and `TimedOut`: what there is of one that was begun (`220-`) and did not end.
    pub greeting: Option<Reply>,
    /// EHLO in the clear.
    pub ehlo: Option<Ehlo>,
    /// EHLO was refused and HELO taken (RFC 5321 4.1.4): nothing is offered then. In the clear `ehlo` stays empty.
    #[serde(default)]
    pub helo: bool,
    /// What the server said where it refused EHLO, and HELO as well, in the clear or inside TLS.
    #[serde(default)]
    pub refusal: Option<Reply>,
    /// The answer to STARTTLS.
    pub starttls: Option<Reply>,
    /// TLS, if it got that far.
    pub tls: Option<TlsFinding>,
    /// EHLO inside TLS (for implicit TLS, the only one).
    pub ehlo_tls: Option<Ehlo>,
    /// The last phase that was begun; `Done` after the last EHLO that was to be had.
    pub phase: Phase,
    /// How it ended there.
    pub end: End,
    /// Round trips after DNS: connect 1, greeting 1 (0 if it came with the handshake is not assumed), each command 1, TLS handshake 1 (1.3) or 2 (1.2).
    pub round_trips: u32,
    /// When it ended.
    pub ms: u64,
}

/// How a proof by login ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFinding {
    /// The port.
    pub port: u16,
    /// The mechanism used; `None` if no AUTH was tried.
    pub mechanism: Option<String>,
    /// The answer to AUTH.
    pub auth: Option<Reply>,
    /// The answer to MAIL FROM with the account's own address.
    pub mail_from: Option<Reply>,
    /// The answer to RCPT with a postmaster of another domain, where an account without a login was tried.
    #[serde(default)]
    pub recipient: Option<Reply>,
    /// The answer to RCPT with the account's own address, after a login: many servers say only there whose address it is.
    /// `end` does not depend on it.
    #[serde(default)]
    pub to_itself: Option<Reply>,
    /// How it ended.
    pub end: End,
    /// Round trips of this part.
    pub round_trips: u32,
}

/// A control: does something else get through?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFinding {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How it resolved, in short: connected or not is in `outcome`.
    pub resolved: bool,
    /// The best outcome over its addresses.
    pub outcome: Connect,
    /// Its greeting, where one was waited for (port 25 of a second host).
    pub greeting: Option<Reply>,
}

/// Everything seen about one host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFindings {
    /// The name.
    pub host: String,
    /// How it resolved.
    pub resolution: Resolution,
    /// One entry for each port asked for, in that order.
    pub ports: Vec<PortFinding>,
    /// Other ports of the same host (143, 993, 443, ..), connect only.
    pub controls: Vec<ControlFinding>,
    /// Port 25 of unrelated hosts; empty if none was needed.
    pub second_hosts: Vec<ControlFinding>,
    /// Silent ports that were dialled once more: a line that answers one time and not the other is not a block.
    #[serde(default)]
    pub repeats: Vec<ControlFinding>,
    /// What date servers say it is, where a certificate's dates were in doubt.
    #[serde(default)]
    pub dates: Vec<ServerDate>,
    /// Names in a certificate for other names that lead to the same address as the host.
    #[serde(default)]
    pub same_address_names: Vec<String>,
    /// Names that another machine on one of its ports gave itself, and that lead into the host's own network.
    #[serde(default)]
    pub own_names: Vec<String>,
    /// It answered earlier in this run and does not any more, on a port that was open: it may have banned this address.
    #[serde(default)]
    pub fell_silent: bool,
    /// An address of it answered on this network in an earlier run, so many seconds ago: not long enough for a ban to have
    /// ended.
    #[serde(default)]
    pub answered_s_ago: Option<u64>,
    /// What its ports answered to hellos of older mail programs. Only asked for the sake of an account of such a program.
    #[serde(default)]
    pub hellos: Vec<HelloFinding>,
    /// The policy names this host: whoever manages the computer knows it, and may have made its certificate.
    #[serde(default)]
    pub named_by_policy: bool,
}

impl HostFindings {
    /// A host of which nothing but its addresses is known.
    pub fn nothing_of(host: &str, resolution: Resolution) -> Self {
        Self {
            host: host.to_owned(),
            resolution,
            ports: Vec::new(),
            controls: Vec::new(),
            second_hosts: Vec::new(),
            repeats: Vec::new(),
            dates: Vec::new(),
            same_address_names: Vec::new(),
            own_names: Vec::new(),
            fell_silent: false,
            answered_s_ago: None,
            hellos: Vec::new(),
            named_by_policy: false,
        }
    }
}

/// What a port answered to a hello with no more in it than a certain mail program has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloFinding {
    /// The port.
    pub port: u16,
    /// How TLS was begun.
    pub tls_mode: TlsMode,
    /// Whose hello it was ([`TlsOffer::label`](crate::tls_offer::TlsOffer::label)).
    pub offer: String,
    /// What was answered.
    pub answer: HelloAnswer,
    /// How long it took.
    pub ms: u64,
}

/// The answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelloAnswer {
    /// It goes on.
    Taken {
        /// With this version.
        version: TlsVersion,
        /// And this suite, by its number (IANA).
        suite: u16,
    },
    /// It says no: by an alert (its number), or by an answer that the program leaves at.
    Refused {
        /// The alert.
        alert: Option<u8>,
    },
    /// It ended the connection without a word, twice. So do servers that have nothing in common with a program; and so
    /// does a connection that breaks.
    Closed,
    /// Nothing is known.
    NotKnown {
        /// Why.
        why: String,
    },
}

/// The date by a server's own clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDate {
    /// Who said so.
    pub source: String,
    /// Seconds since 1970.
    pub seconds: i64,
}

/// The answer to a plain HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpFinding {
    /// The host that was asked.
    pub host: String,
    /// Status of the answer; `None` if none came.
    pub status: Option<u16>,
    /// Where it sends the browser.
    pub location: Option<String>,
    /// Its date, in seconds since 1970.
    pub date: Option<i64>,
}

impl Ehlo {
    /// The mechanisms of the last line that begins with `AUTH` and a space, upper case; none if there is no such line.
    pub fn last_auth_line(&self) -> Vec<String> {
        let of_auth = |line: &&String| line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("AUTH "));
        let last = self.keywords.iter().rfind(of_auth);
        last.map_or_else(Vec::new, |line| line[5..].split_whitespace().map(str::to_ascii_uppercase).collect())
    }

    /// PLAIN or LOGIN is offered (RFC 4616; LOGIN is what Outlook speaks).
    pub fn offers_password(&self) -> bool {
        self.mechanisms.iter().any(|mechanism| mechanism == "PLAIN" || mechanism == "LOGIN")
    }
}

impl PortFinding {
    /// Any address answered the SYN.
    pub fn connected(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.outcome == Connect::Open)
    }

    /// The last EHLO: inside TLS if it got there, else in the clear.
    pub fn last_ehlo(&self) -> Option<&Ehlo> {
        self.ehlo_tls.as_ref().or(self.ehlo.as_ref())
    }

    /// TLS stands and is verified.
    pub fn tls_verified(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.verified)
    }

    /// The port proves itself: TLS is verified and a password login is offered inside it.
    pub fn proves(&self) -> bool {
        self.tls_verified() && self.last_ehlo().is_some_and(Ehlo::offers_password)
    }
}
