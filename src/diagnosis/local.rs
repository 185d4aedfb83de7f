//! Accounts that send through a program on this computer: the bridge of a mail service, a spam filter, a security
//! program. What such a program does behind its door is its own business, so nothing is ever changed there.

use std::net::IpAddr;

use super::case::Case;
use super::signs::known_for;
use super::verdict::{Verdict, VerdictCode};
use super::{conclude, words};

/// This name or address is this computer itself (RFC 1122 3.2.1.3, RFC 4291 2.5.3, RFC 6761 6.3).
pub fn is_this_computer(host: &str) -> bool {
    let host = host.trim_end_matches('.').trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost") || host == "localhost.localdomain",
    }
}

pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let outgoing = &case.account.outgoing;
    if !is_this_computer(&outgoing.host) {
        return None;
    }
    let mut evidence = vec![format!("{} is this computer", outgoing.host)];
    evidence.extend(words::ports(case));
    evidence.extend(known_for(outgoing.port).map(|programs| format!("port {} is what {programs} use", outgoing.port)));
    Some(conclude::verdict(case, VerdictCode::LocalProgram, evidence))
}
