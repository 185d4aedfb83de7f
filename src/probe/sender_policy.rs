//! Would mail of a domain be refused if it came by another server? SPF (RFC 7208) for the addresses of that server, as
//! far as it can be known before sending, and the domain's DMARC policy (RFC 7489). Only DNS is asked. What cannot be
//! judged from here is unknown, never forbidden.
//!
//! Our own, since the library for it (`mail-auth`) needs a newer Rust than ours from 0.14 on, and builds before that only
//! together with a dozen crates for signatures.

use std::net::IpAddr;

use futures::future::BoxFuture;

use super::Prober;
use super::finding::Resolution;
use super::resolve::Host;
use crate::operator::operator_of;

/// RFC 7208 section 4.6.4: no record may cost more questions.
const MOST_QUESTIONS: u32 = 10;

/// What SPF says about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spf {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// No record, or one that cannot be judged from here (macros, too many questions, no answer).
    Unknown,
}

/// A directive: what it says about those whom it matches, and whom it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    All,
    Net(IpAddr, u8),
    /// The addresses of a name and those beside them; no name: the domain itself.
    Addresses(String, Beside),
    Exchangers(String, Beside),
    Include(String),
    NotJudged,
}

/// How many bits of an address count (RFC 7208 section 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beside {
    four: u8,
    six: u8,
}

impl Beside {
    const NOBODY: Self = Self { four: 32, six: 128 };
}

impl Prober {
    /// Why receivers would refuse mail of `domain` that comes by `relay`; `None` if nothing in DNS says so.
    pub async fn refused_by(&self, domain: &str, relay: &str) -> Option<String> {
        // An invented network has no such records, and its names are nobody else's business.
        if self.inner.config.network.is_some() {
            return None;
        }
        let addresses: Vec<IpAddr> =
            self.inner.names.destinations(&Host::new(relay), 25).await.ok()?.iter().map(|at| at.ip()).collect();
        let mut left = MOST_QUESTIONS;
        let mut spf = Spf::Unknown;
        for &address in &addresses {
            spf = self.spf(domain.to_owned(), address, &mut left).await;
            if spf == Spf::Pass {
                return None;
            }
        }
        let dmarc = self.dmarc(domain).await;
        let strict = matches!(dmarc.as_deref(), Some("quarantine" | "reject"));
        match (spf, strict) {
            (Spf::Fail, _) => Some(format!("the SPF record of {domain} forbids mail by {relay}")),
            (Spf::SoftFail | Spf::Neutral | Spf::Unknown, true) => Some(format!(
                "{domain} asks receivers to {} mail that {relay} would send (DMARC)",
                dmarc.unwrap_or_default()
            )),
            _ => None,
        }
    }

    /// The policy of the domain, else what the domain it belongs to says for those below it (RFC 7489 section 6.6.3).
    async fn dmarc(&self, domain: &str) -> Option<String> {
        if let Some(record) = self.dmarc_record(domain).await {
            return tag(&record, "p");
        }
        let above = operator_of(domain);
        if above.eq_ignore_ascii_case(domain.trim_end_matches('.')) {
            return None;
        }
        let record = self.dmarc_record(&above).await?;
        tag(&record, "sp").or_else(|| tag(&record, "p"))
    }

    async fn dmarc_record(&self, domain: &str) -> Option<String> {
        let records = self.inner.names.texts(&format!("_dmarc.{}", domain.trim_end_matches('.'))).await?;
        records.into_iter().find(|text| tag(text, "v").as_deref() == Some("dmarc1"))
    }

    fn spf<'a>(&'a self, domain: String, address: IpAddr, left: &'a mut u32) -> BoxFuture<'a, Spf> {
        Box::pin(async move {
            let Some(records) = self.inner.names.texts(&domain).await else { return Spf::Unknown };
            let mut records = records.into_iter().filter(|text| is_spf(text));
            // Two records are an error of the domain's (section 4.5), and say nothing.
            let (Some(record), None) = (records.next(), records.next()) else { return Spf::Unknown };
            let (directives, redirect) = parse(&record);
            for (outcome, directive) in directives {
                match self.matches(&domain, address, directive, left).await {
                    Some(true) => return outcome,
                    Some(false) => {}
                    None => return Spf::Unknown,
                }
            }
            match redirect {
                Some(name) if ask(left) => self.spf(name, address, left).await,
                Some(_) => Spf::Unknown,
                None => Spf::Neutral,
            }
        })
    }

    /// Does it match the address? `None`: that cannot be known.
    async fn matches(&self, domain: &str, address: IpAddr, directive: Directive, left: &mut u32) -> Option<bool> {
        let of = |name: String| if name.is_empty() { domain.to_owned() } else { name };
        match directive {
            Directive::All => Some(true),
            Directive::Net(net, bits) => Some(within(address, net, bits)),
            Directive::NotJudged => None,
            Directive::Addresses(name, beside) if ask(left) => self.is_at(&of(name), address, beside).await,
            Directive::Exchangers(name, beside) if ask(left) => {
                for exchanger in self.inner.names.exchangers(&of(name)).await? {
                    if !ask(left) {
                        return None;
                    }
                    if self.is_at(&exchanger, address, beside).await? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Directive::Include(name) if ask(left) => match self.spf(name, address, left).await {
                Spf::Pass => Some(true),
                Spf::Fail | Spf::SoftFail | Spf::Neutral => Some(false),
                // A record that is not there or not to be had says nothing about anybody (section 5.2).
                Spf::Unknown => None,
            },
            Directive::Addresses(..) | Directive::Exchangers(..) | Directive::Include(_) => None,
        }
    }

    async fn is_at(&self, name: &str, address: IpAddr, beside: Beside) -> Option<bool> {
        let bits = if address.is_ipv4() { beside.four } else { beside.six };
        match self.inner.names.destinations(&Host::new(name), 25).await {
            Ok(found) => Some(found.iter().any(|at| within(address, at.ip(), bits))),
            Err(Resolution::NoSuchName) => Some(false),
            Err(_) => None,
        }
    }
}

fn ask(left: &mut u32) -> bool {
    let may = *left > 0;
    *left = left.saturating_sub(1);
    may
}

/// The value of a tag of a DMARC record, in lower case.
pub(super) fn tag(record: &str, wanted: &str) -> Option<String> {
    record.split(';').find_map(|tag| {
        let (name, value) = tag.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_ascii_lowercase())
    })
}

pub(super) fn is_spf(text: &str) -> bool {
    text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
}

/// The directives in their order, and the domain that answers if none of them matches. DNS is text from outside: whatever
/// stands there is read without a cut into the middle of a letter.
pub(super) fn parse(record: &str) -> (Vec<(Spf, Directive)>, Option<String>) {
    let mut redirect = None;
    let mut directives = Vec::new();
    for term in record.split_whitespace().skip(1) {
        // A modifier; `=` may stand in a macro of a mechanism, behind its colon.
        if let Some((name, value)) = term.split_once('=').filter(|(name, _)| !name.contains([':', '/'])) {
            if name.eq_ignore_ascii_case("redirect") {
                redirect = Some(value.to_owned());
            }
            continue;
        }
        let (outcome, term) = match term.chars().next() {
            Some('+') => (Spf::Pass, &term[1..]),
            Some('-') => (Spf::Fail, &term[1..]),
            Some('~') => (Spf::SoftFail, &term[1..]),
            Some('?') => (Spf::Neutral, &term[1..]),
            _ => (Spf::Pass, term),
        };
        directives.push((outcome, directive(term)));
    }
    // A macro depends on the message.
    match redirect {
        Some(name) if name.contains('%') => {
            directives.push((Spf::Unknown, Directive::NotJudged));
            (directives, None)
        }
        redirect => (directives, redirect),
    }
}

fn directive(term: &str) -> Directive {
    let (name, value) = match term.find([':', '/']) {
        Some(at) if term[at..].starts_with(':') => (&term[..at], &term[at + 1..]),
        Some(at) => (&term[..at], &term[at..]),
        None => (term, ""),
    };
    // Macros depend on the message.
    if value.contains('%') {
        return Directive::NotJudged;
    }
    let judged = match name.to_ascii_lowercase().as_str() {
        "all" if value.is_empty() => Some(Directive::All),
        "ip4" | "ip6" => net(value),
        "a" => beside(value).map(|(name, beside)| Directive::Addresses(name.to_owned(), beside)),
        "mx" => beside(value).map(|(name, beside)| Directive::Exchangers(name.to_owned(), beside)),
        "include" if !value.is_empty() => Some(Directive::Include(value.to_owned())),
        _ => None,
    };
    judged.unwrap_or(Directive::NotJudged)
}

fn net(value: &str) -> Option<Directive> {
    let (net, bits) = value.split_once('/').map_or((value, None), |(net, bits)| (net, Some(bits)));
    let net: IpAddr = net.parse().ok()?;
    let whole = if net.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(whole), |bits| bits.parse().ok())?;
    (bits <= whole).then_some(Directive::Net(net, bits))
}

/// `name/24//64`: the name, and the bits that count of its addresses.
fn beside(value: &str) -> Option<(&str, Beside)> {
    let (value, six) = value.split_once("//").map_or((value, None), |(value, six)| (value, Some(six)));
    let (name, four) = value.split_once('/').map_or((value, None), |(name, four)| (name, Some(four)));
    let bits = |text: Option<&str>, whole: u8| match text {
        Some(text) => text.parse().ok().filter(|bits| *bits <= whole),
        None => Some(whole),
    };
    Some((name, Beside { four: bits(four, Beside::NOBODY.four)?, six: bits(six, Beside::NOBODY.six)? }))
}

pub(super) fn within(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    let number = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    address.is_ipv4() == net.is_ipv4() && (number(address) ^ number(net)) & mask == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_read() {
        let (directives, redirect) = parse(
            "v=spf1 ip4:192.0.2.0/24 a mx:hosting.test include:spf_c.isp.test mx/24 a:mail.test/28//64 exists:%{i}.x.test ~all redirect=x.test",
        );
        let beside = |four, six| Beside { four, six };
        assert_eq!(
            directives,
            [
                (Spf::Pass, Directive::Net("192.0.2.0".parse().unwrap(), 24)),
                (Spf::Pass, Directive::Addresses(String::new(), Beside::NOBODY)),
                (Spf::Pass, Directive::Exchangers("hosting.test".into(), Beside::NOBODY)),
                (Spf::Pass, Directive::Include("spf_c.isp.test".into())),
                (Spf::Pass, Directive::Exchangers(String::new(), beside(24, 128))),
                (Spf::Pass, Directive::Addresses("mail.test".into(), beside(28, 64))),
                (Spf::Pass, Directive::NotJudged),
                (Spf::SoftFail, Directive::All),
            ]
        );
        assert_eq!(redirect.as_deref(), Some("x.test"));
        assert!(is_spf("v=spf1 -all") && !is_spf("v=spf10 -all"));
    }

    #[test]
    fn what_is_no_mechanism_is_not_judged() {
        for term in ["évil", "é", "ip4:192.0.2.0/33", "ip4:", "a/x", "all:x", "include:", "a:%{d}", "ptr", "-"] {
            let (directives, _) = parse(&format!("v=spf1 {term} -all"));
            assert_eq!(directives[0].1, Directive::NotJudged, "{term}");
        }
        let (directives, redirect) = parse("v=spf1 redirect=%{d}.x.test");
        assert_eq!((directives, redirect), (vec![(Spf::Unknown, Directive::NotJudged)], None));
    }

    proptest! {
        /// Whoever owns the domain, or answers for it, writes what he likes.
        #[test]
        fn any_text_is_read(text in "(v=spf1 )?([+?~-]?\\PC{0,9}[:/=]?\\PC{0,9} ){0,9}") {
            parse(&text);
            tag(&text, "p");
        }
    }

    #[test]
    fn a_dmarc_record_has_tags() {
        let record = "v=DMARC1; P = Quarantine ;sp=none";
        assert_eq!(tag(record, "v").as_deref(), Some("dmarc1"));
        assert_eq!(tag(record, "p").as_deref(), Some("quarantine"));
        assert_eq!(tag(record, "pct"), None);
    }

    #[test]
    fn networks_contain_their_addresses() {
        let within = |address: &str, net: &str, bits| within(address.parse().unwrap(), net.parse().unwrap(), bits);
        assert!(within("192.0.2.9", "192.0.2.0", 24) && !within("192.0.3.9", "192.0.2.0", 24));
        assert!(within("192.0.2.9", "192.0.2.9", 32) && !within("192.0.2.8", "192.0.2.9", 32));
        assert!(within("198.51.100.1", "0.0.0.0", 0) && !within("2001:db8::1", "0.0.0.0", 0));
        assert!(within("2001:db8::1", "2001:db8::", 32));
    }
}
