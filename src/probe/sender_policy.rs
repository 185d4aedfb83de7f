//! Would mail of a domain be refused if it came by another server? SPF (RFC 7208) for the addresses of that server, as
//! far as it can be known before sending, and the domain's DMARC policy (RFC 7489). Only DNS is asked.

use std::net::IpAddr;

use futures::future::BoxFuture;

use super::Prober;
use super::resolve::Host;

/// RFC 7208 section 4.6.4: no record may cost more questions.
const MOST_QUESTIONS: u32 = 10;

/// What SPF says about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spf {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// No record, or one that cannot be judged from here (macros, too many questions, no answer).
    Unknown,
}

/// A directive: what it says about those whom it matches, and whom it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Directive {
    All,
    Net(IpAddr, u8),
    /// The addresses of a name; empty: of the domain itself.
    Addresses(String),
    Exchangers(String),
    Include(String),
    NotJudged,
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

    async fn dmarc(&self, domain: &str) -> Option<String> {
        let records = self.inner.names.texts(&format!("_dmarc.{domain}")).await;
        let record = records.into_iter().find(|text| text.to_ascii_lowercase().starts_with("v=dmarc1"))?;
        record.split(';').find_map(|tag| {
            let (name, value) = tag.split_once('=')?;
            name.trim().eq_ignore_ascii_case("p").then(|| value.trim().to_ascii_lowercase())
        })
    }

    fn spf<'a>(&'a self, domain: String, address: IpAddr, left: &'a mut u32) -> BoxFuture<'a, Spf> {
        Box::pin(async move {
            let records = self.inner.names.texts(&domain).await;
            let Some(record) = records.into_iter().find(|text| is_spf(text)) else { return Spf::Unknown };
            let (directives, redirect) = parse(&record);
            for (outcome, directive) in directives {
                let matches = match directive {
                    Directive::All => true,
                    Directive::Net(net, bits) => within(address, net, bits),
                    Directive::NotJudged => return Spf::Unknown,
                    Directive::Addresses(name) => {
                        let name = if name.is_empty() { domain.clone() } else { name };
                        ask(left) && self.has_address(&name, address).await
                    }
                    Directive::Exchangers(name) => {
                        let name = if name.is_empty() { domain.clone() } else { name };
                        let mut found = false;
                        if ask(left) {
                            for exchanger in self.inner.names.exchangers(&name).await {
                                found |= self.has_address(&exchanger, address).await;
                            }
                        }
                        found
                    }
                    Directive::Include(name) => ask(left) && self.spf(name, address, left).await == Spf::Pass,
                };
                if *left == 0 {
                    return Spf::Unknown;
                }
                if matches {
                    return outcome;
                }
            }
            match redirect {
                Some(name) if ask(left) => self.spf(name, address, left).await,
                Some(_) => Spf::Unknown,
                None => Spf::Neutral,
            }
        })
    }

    async fn has_address(&self, name: &str, address: IpAddr) -> bool {
        let found = self.inner.names.destinations(&Host::new(name), 25).await;
        found.is_ok_and(|all| all.iter().any(|at| at.ip() == address))
    }
}

fn ask(left: &mut u32) -> bool {
    *left = left.saturating_sub(1);
    *left > 0
}

fn is_spf(text: &str) -> bool {
    text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
}

fn parse(record: &str) -> (Vec<(Spf, Directive)>, Option<String>) {
    let mut redirect = None;
    let mut directives = Vec::new();
    for term in record.split_whitespace().skip(1) {
        if let Some((name, value)) = term.split_once('=') {
            if name.eq_ignore_ascii_case("redirect") {
                redirect = Some(value.to_owned());
            }
            continue;
        }
        let (outcome, term) = match term.split_at(1) {
            ("+", rest) => (Spf::Pass, rest),
            ("-", rest) => (Spf::Fail, rest),
            ("~", rest) => (Spf::SoftFail, rest),
            ("?", rest) => (Spf::Neutral, rest),
            _ => (Spf::Pass, term),
        };
        directives.push((outcome, directive(term)));
    }
    (directives, redirect)
}

fn directive(term: &str) -> Directive {
    let (name, value) = term.split_once(':').unwrap_or((term, ""));
    // Macros depend on the message; a prefix on a name's addresses is too rare to be worth a wrong judgement.
    if value.contains('%') || (name.contains('/') && !name.starts_with("ip")) {
        return Directive::NotJudged;
    }
    match name.to_ascii_lowercase().as_str() {
        "all" => Directive::All,
        "ip4" | "ip6" => {
            let (net, bits) = value.split_once('/').unwrap_or((value, ""));
            let Ok(net) = net.parse::<IpAddr>() else { return Directive::NotJudged };
            let whole = if net.is_ipv4() { 32 } else { 128 };
            Directive::Net(net, bits.parse().unwrap_or(whole).min(whole))
        }
        "a" if !value.contains('/') => Directive::Addresses(value.to_owned()),
        "mx" if !value.contains('/') => Directive::Exchangers(value.to_owned()),
        "include" => Directive::Include(value.to_owned()),
        _ => Directive::NotJudged,
    }
}

fn within(address: IpAddr, net: IpAddr, bits: u8) -> bool {
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

    #[test]
    fn a_record_is_read() {
        let (directives, redirect) = parse(
            "v=spf1 ip4:192.0.2.0/24 a mx:hosting.test include:spf.isp.test exists:%{i}.x.test ~all redirect=x.test",
        );
        assert_eq!(
            directives,
            [
                (Spf::Pass, Directive::Net("192.0.2.0".parse().unwrap(), 24)),
                (Spf::Pass, Directive::Addresses(String::new())),
                (Spf::Pass, Directive::Exchangers("hosting.test".into())),
                (Spf::Pass, Directive::Include("spf.isp.test".into())),
                (Spf::Pass, Directive::NotJudged),
                (Spf::SoftFail, Directive::All),
            ]
        );
        assert_eq!(redirect.as_deref(), Some("x.test"));
        assert!(is_spf("v=spf1 -all") && !is_spf("v=spf10 -all"));
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
