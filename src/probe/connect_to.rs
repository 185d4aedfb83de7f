//! `--connect-to HOST:PORT:ADDR:PORT` as in curl: where a host and port are dialled instead.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// One rule. An empty part of the left side means any, an empty part of the right side means unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    host: Option<String>,
    port: Option<u16>,
    address: Option<Destination>,
    to_port: Option<u16>,
}

/// The address part of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An IP address.
    Address(IpAddr),
    /// A name; it is the one that is resolved.
    Name(String),
}

/// Why a rule could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectToError {
    /// Not four parts.
    #[error("\"{0}\" is not HOST:PORT:ADDR:PORT (put an IPv6 address in brackets)")]
    Parts(String),
    /// A port is not a number from 1 to 65535.
    #[error("\"{0}\" is not a port number in \"{1}\"")]
    Port(String, String),
    /// Brackets with something else than an IPv6 address on the right side.
    #[error("\"{0}\" is not an IPv6 address in \"{1}\"")]
    Address(String, String),
}

impl ConnectTo {
    /// The first rule that fits.
    pub fn find<'a>(rules: &'a [Self], host: &str, port: u16) -> Option<&'a Self> {
        let host = bare(host);
        rules.iter().find(|rule| {
            rule.port.is_none_or(|wanted| wanted == port)
                && rule.host.as_deref().is_none_or(|wanted| bare(wanted).eq_ignore_ascii_case(host))
        })
    }

    /// Where this rule leads; `None` leaves the host as it was asked for.
    pub fn destination(&self) -> Option<&Destination> {
        self.address.as_ref()
    }

    /// The port that is dialled for `asked`.
    pub fn port_for(&self, asked: u16) -> u16 {
        self.to_port.unwrap_or(asked)
    }
}

/// A host without brackets and without the dot of the root.
fn bare(host: &str) -> &str {
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

impl FromStr for ConnectTo {
    type Err = ConnectToError;

    fn from_str(rule: &str) -> Result<Self, Self::Err> {
        let parts = split(rule);
        let [host, port, address, to_port] = parts.as_slice() else {
            return Err(ConnectToError::Parts(rule.to_owned()));
        };
        let number = |text: &str| match text {
            "" => Ok(None),
            _ => match text.parse::<u16>() {
                Ok(number) if number > 0 => Ok(Some(number)),
                _ => Err(ConnectToError::Port(text.to_owned(), rule.to_owned())),
            },
        };
        let address = match *address {
            "" => None,
            text if text.starts_with('[') => match bare(text).parse::<Ipv6Addr>() {
                Ok(address) => Some(Destination::Address(address.into())),
                Err(_) => return Err(ConnectToError::Address(text.to_owned(), rule.to_owned())),
            },
            text => Some(
                text.parse().map_or_else(|_| Destination::Name(text.to_owned()), |ip: IpAddr| Destination::Address(ip)),
            ),
        };
        Ok(Self {
            host: (!host.is_empty()).then(|| bare(host).to_owned()),
            port: number(port)?,
            address,
            to_port: number(to_port)?,
        })
    }
}

/// Splits at colons that are not inside brackets.
fn split(rule: &str) -> Vec<&str> {
    let mut parts = Vec::with_capacity(4);
    let (mut start, mut inside) = (0, false);
    for (at, letter) in rule.char_indices() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            ':' if !inside => {
                parts.push(&rule[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&rule[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(text: &str) -> ConnectTo {
        text.parse().unwrap()
    }

    #[test]
    fn reads_the_four_parts() {
        let read = rule("mail.hosting.test:25:127.0.0.1:2525");
        assert_eq!(read.destination(), Some(&Destination::Address("127.0.0.1".parse().unwrap())));
        assert_eq!(read.port_for(25), 2525);
        let read = rule("[2001:db8::25]:25:[::1]:2525");
        assert_eq!(read.destination(), Some(&Destination::Address("::1".parse().unwrap())));
        assert!(ConnectTo::find(&[read], "2001:db8::25", 25).is_some());
        assert_eq!(rule("::relay.test:").destination(), Some(&Destination::Name("relay.test".into())));
        assert_eq!(rule("::127.0.0.1:").port_for(587), 587);
        assert_eq!(rule(":::2525").destination(), None);
    }

    #[test]
    fn the_first_match_wins_and_empty_means_any() {
        let rules = [rule("a.test:25:127.0.0.1:1"), rule(":25:127.0.0.1:2"), rule("A.test::127.0.0.1:3")];
        let port = |host, port| ConnectTo::find(&rules, host, port).map(|rule| rule.port_for(port));
        assert_eq!(port("A.TEST.", 25), Some(1));
        assert_eq!(port("b.test", 25), Some(2));
        assert_eq!(port("a.test", 993), Some(3));
        assert_eq!(port("b.test", 993), None);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!("a:25".parse::<ConnectTo>(), Err(ConnectToError::Parts("a:25".into())));
        assert!(matches!("a:0:b:1".parse::<ConnectTo>(), Err(ConnectToError::Port(..))));
        assert!(matches!("a:x:b:1".parse::<ConnectTo>(), Err(ConnectToError::Port(..))));
        assert!(matches!("a:1:[b]:1".parse::<ConnectTo>(), Err(ConnectToError::Address(..))));
        assert!(matches!("a:1:2001:db8::1:1".parse::<ConnectTo>(), Err(ConnectToError::Parts(_))));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = text.parse::<ConnectTo>();
        }
    }
}
