//! The values of a policy and how they are read: from a file strictly, from device management as its templates can
//! store them (a list in one text, 0 and 1 for no and yes).

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A value as some source holds it, before it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyValue {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<PolicyValue>),
    /// A kind of value that no setting takes, in words: "a date".
    Other(&'static str),
}

impl From<bool> for PolicyValue {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<u32> for PolicyValue {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<&str> for PolicyValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u16]> for PolicyValue {
    fn from(ports: &[u16]) -> Self {
        Self::List(ports.iter().map(|&port| Self::Integer(port.into())).collect())
    }
}

impl From<&[String]> for PolicyValue {
    fn from(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Self::Text(text.clone())).collect())
    }
}

impl PolicyValue {
    /// What it is, for "not ..".
    fn kind(&self) -> &'static str {
        match self {
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Integer(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }
}

/// How exactly a value must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Strict,
    Managed,
}

/// What to do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Test and move what can be moved.
    Fix,
    /// Test and explain; change nothing.
    Test,
    /// Nothing.
    Off,
}

/// When to move an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveWhen {
    /// When it cannot send.
    Failing,
    /// When it uses port 25, working or not.
    #[serde(rename = "any_on_25")]
    AnyOn25,
}

/// How often the background agent looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Once, when the user logs on.
    Logon,
    /// Then, every hour, when the network changes, and when a mail program that was in the way has closed.
    Hourly,
    /// The same, every day instead of every hour.
    Daily,
}

/// A setting that is one of a few words.
pub(super) trait Word: Sized + Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl Word for Mode {
    const WORDS: &'static [(&'static str, Self)] = &[("fix", Self::Fix), ("test", Self::Test), ("off", Self::Off)];
}

impl Word for MoveWhen {
    const WORDS: &'static [(&'static str, Self)] = &[("failing", Self::Failing), ("any_on_25", Self::AnyOn25)];
}

impl Word for Schedule {
    const WORDS: &'static [(&'static str, Self)] =
        &[("logon", Self::Logon), ("hourly", Self::Hourly), ("daily", Self::Daily)];
}

/// A host and its port, written `host:port`, an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort {
    /// Name or address, lower case.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl HostPort {
    /// Two mail hosts that everybody can reach, of different owners.
    pub(super) fn defaults() -> Vec<Self> {
        let at_25 = |host: &str| Self { host: host.to_owned(), port: 25 };
        vec![at_25("gmail-smtp-in.l.google.com"), at_25("mx-aol.mail.gm0.yahoodns.net")]
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<HostPort> for String {
    fn from(at: HostPort) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for HostPort {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not HOST:PORT", quoted(text));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|&port| port != 0).ok_or_else(wrong)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_string(),
            None => host_name(host).ok_or_else(wrong)?,
        };
        Ok(Self { host, port })
    }
}

/// The name in lower case and without the closing dot, if it can be one (letters, digits, hyphen; `xn--` for others).
fn host_name(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let letters = |label: &str| label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let fits = name.len() <= 253;
    (fits && name.split('.').all(|label| !label.is_empty() && label.len() <= 63 && letters(label))).then_some(name)
}

fn not(wanted: &str, value: &PolicyValue) -> String {
    format!("must be {wanted}, not {}", value.kind())
}

pub(super) fn boolean(value: &PolicyValue, reading: Reading) -> Result<bool, String> {
    match (value, reading) {
        (PolicyValue::Bool(yes), _) => Ok(*yes),
        (PolicyValue::Integer(number @ (0 | 1)), Reading::Managed) => Ok(*number == 1),
        (PolicyValue::Text(text), Reading::Managed) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(format!("must be true or false, not {}", quoted(text))),
        },
        (PolicyValue::Integer(number), Reading::Managed) => Err(format!("must be 0 or 1, not {number}")),
        (other, _) => Err(not("true or false", other)),
    }
}

fn integer(value: &PolicyValue, reading: Reading, wanted: &str) -> Result<i64, String> {
    match (value, reading) {
        (PolicyValue::Integer(number), _) => Ok(*number),
        (PolicyValue::Text(text), Reading::Managed) => {
            text.trim().parse().map_err(|_| format!("must be {wanted}, not {}", quoted(text)))
        }
        (other, _) => Err(not(wanted, other)),
    }
}

pub(super) fn seconds(value: &PolicyValue, reading: Reading) -> Result<u32, String> {
    let wanted = "a number of seconds from 1 to 120";
    let number = integer(value, reading, wanted)?;
    u32::try_from(number)
        .ok()
        .filter(|n| (1..=120).contains(n))
        .ok_or_else(|| format!("must be {wanted}, not {number}"))
}

pub(super) fn days(value: &PolicyValue, reading: Reading) -> Result<u32, String> {
    let wanted = "a number of days from 0 (for ever) to 36500";
    let number = integer(value, reading, wanted)?;
    u32::try_from(number)
        .ok()
        .filter(|n| (0..=36_500).contains(n))
        .ok_or_else(|| format!("must be {wanted}, not {number}"))
}

/// Entries of one list. More are no policy that somebody keeps, and each account would be held against all of them.
const MOST_ITEMS: usize = 4096;

/// Letters of an entry that are told.
const TOLD: usize = 100;

/// A text of the policy as it is told: in quotes, not longer than a person reads.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{:?}..", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The items of a list; from device management also one text with commas, semicolons, blanks or line ends between.
fn items(value: &PolicyValue, reading: Reading, wanted: &str) -> Result<Vec<PolicyValue>, String> {
    let most = |number: usize| match number > MOST_ITEMS {
        true => Err(format!(
            "has {number} entries, and {MOST_ITEMS} is the most that is read; name whole domains, as *.hosting.test"
        )),
        false => Ok(()),
    };
    match (value, reading) {
        (PolicyValue::List(items), _) => most(items.len()).map(|()| items.clone()),
        (PolicyValue::Text(text), Reading::Managed) => {
            let parts =
                text.split(|c: char| matches!(c, ',' | ';') || c.is_whitespace()).filter(|item| !item.is_empty());
            most(parts.clone().count())?;
            Ok(parts.map(PolicyValue::from).collect())
        }
        (PolicyValue::Integer(_), Reading::Managed) => Ok(vec![value.clone()]),
        (other, _) => Err(not(wanted, other)),
    }
}

fn texts(value: &PolicyValue, reading: Reading, wanted: &str) -> Result<Vec<String>, String> {
    let items = items(value, reading, wanted)?;
    let text = |item: &PolicyValue| match item {
        PolicyValue::Text(text) => Ok(text.clone()),
        other => Err(format!("must be {wanted}; {} is in it", other.kind())),
    };
    items.iter().map(text).collect()
}

/// A list in which each item stands once.
struct Once<T> {
    list: Vec<T>,
    seen: HashSet<T>,
}

impl<T: Clone + Eq + Hash + fmt::Display> Once<T> {
    fn new() -> Self {
        Self { list: Vec::new(), seen: HashSet::new() }
    }

    fn add(&mut self, item: T) -> Result<(), String> {
        if !self.seen.insert(item.clone()) {
            return Err(format!("has {item} twice"));
        }
        self.list.push(item);
        Ok(())
    }
}

pub(super) fn ports(value: &PolicyValue, reading: Reading) -> Result<Vec<u16>, String> {
    let wanted = "a list of port numbers, as [26, 587]";
    let mut ports = Once::new();
    for item in items(value, reading, wanted)? {
        let number =
            integer(&item, reading, "a number").map_err(|_| format!("must be {wanted}; {} is in it", item.kind()))?;
        let port = u16::try_from(number).ok().filter(|&port| port != 0);
        let port = port.ok_or_else(|| format!("has {number}; ports are numbers from 1 to 65535"))?;
        if port == 25 {
            return Err("has 25, the port that accounts are moved away from; leave it out".into());
        }
        ports.add(port)?;
    }
    if ports.list.is_empty() { Err(format!("is empty; it must be {wanted}")) } else { Ok(ports.list) }
}

pub(super) fn host_patterns(value: &PolicyValue, reading: Reading) -> Result<Vec<String>, String> {
    let wanted = "a list of host names, as [\"mail.hosting.test\", \"*.hosting.test\"]";
    let mut patterns = Once::new();
    for text in texts(value, reading, wanted)? {
        let (star, name) = text.strip_prefix("*.").map_or(("", text.as_str()), |name| ("*.", name));
        let name = match name.parse::<IpAddr>() {
            Ok(address) if star.is_empty() => Some(address.to_string()),
            Ok(_) => None,
            Err(_) => host_name(name),
        };
        let name =
            name.ok_or_else(|| format!("has {}, which is neither a host name nor *. and a host name", quoted(&text)))?;
        patterns.add(format!("{star}{name}"))?;
    }
    Ok(patterns.list)
}

pub(super) fn control_hosts(value: &PolicyValue, reading: Reading) -> Result<Vec<HostPort>, String> {
    let wanted = "a list of HOST:PORT, as [\"mx.other.test:25\"]";
    let mut hosts = Once::new();
    for text in texts(value, reading, wanted)? {
        let at = text.parse().map_err(|why| format!("must be {wanted}; {why}"))?;
        hosts.add(at)?;
    }
    Ok(hosts.list)
}

/// An empty text takes back an address that a weaker source set.
pub(super) fn url(value: &PolicyValue, _: Reading) -> Result<Option<String>, String> {
    let wanted = "an address that begins with http://, since a portal cannot answer in the place of https";
    let PolicyValue::Text(text) = value else {
        return Err(not(wanted, value));
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let rest = text.strip_prefix("http://").filter(|rest| !rest.contains(char::is_whitespace));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if host.is_empty() { Err(format!("must be {wanted}, not {}", quoted(text))) } else { Ok(Some(text.to_owned())) }
}

pub(super) fn word<W: Word>(value: &PolicyValue, reading: Reading) -> Result<W, String> {
    let words: Vec<_> = W::WORDS.iter().map(|(word, _)| format!("{word:?}")).collect();
    let wanted = words.join(" or ");
    let PolicyValue::Text(text) = value else {
        return Err(not(&wanted, value));
    };
    let lower = text.trim().to_ascii_lowercase();
    let text = if reading == Reading::Managed { &lower } else { text };
    let found = W::WORDS.iter().find(|(word, _)| word == text).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| format!("must be {wanted}, not {}", quoted(text)))
}
