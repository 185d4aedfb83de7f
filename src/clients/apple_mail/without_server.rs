//! Addresses of Mail whose account names an outgoing server that Mail does not have. No server's account would tell of
//! them, and they cannot send.

use super::fields::{MOST, Receiver, place, text};
use super::plan;
use super::words::trouble;
use crate::clients::Problem;
use crate::formats::FormatError;
use crate::formats::plist_doc::PlistDoc;
use crate::shown::Shown;

/// So many are told one by one.
const MOST_TOLD: usize = 20;

/// An address and the server that it names in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Homeless {
    pub(super) email: String,
    /// As a person can read it; `None` where the name is only a number of the system.
    pub(super) named: Option<String>,
}

/// In the arrays of the property list. One outgoing server that cannot be read may be the one that is named: then nobody
/// is told anything.
pub(super) fn in_list(doc: &PlistDoc, count: usize, receivers: &[Receiver]) -> Vec<Homeless> {
    let Ok(servers) = servers(doc, count) else { return Vec::new() };
    let there = |named: &str| servers.iter().any(|(host, user)| may_be(named, host, user.as_deref()));
    let (with, without): (Vec<_>, Vec<_>) = receivers.iter().partition(|receiver| there(&receiver.sends_through));
    // The same address may send through another account.
    let sends = |email: &String| with.iter().any(|receiver| receiver.emails.contains(email));
    let address = |receiver: &Receiver| {
        let user = receiver.server.as_ref().and_then(|server| server.user.clone());
        let user = user.filter(|user| user.contains('@'));
        if receiver.emails.is_empty() { user.into_iter().collect() } else { receiver.emails.clone() }
    };
    let named = |receiver: &Receiver| Some(receiver.sends_through.trim_end_matches(':').to_owned());
    let one = |receiver| address(receiver).into_iter().map(move |email| Homeless { email, named: named(receiver) });
    without.into_iter().flat_map(one).filter(|homeless| !sends(&homeless.email)).collect()
}

/// Host and user name of each outgoing server, of whatever kind it is.
fn servers(doc: &PlistDoc, count: usize) -> Result<Vec<(String, Option<String>)>, FormatError> {
    let mut servers = Vec::new();
    for index in 0..count.min(MOST) {
        let path = place(doc, "DeliveryAccounts", index)?;
        if let Some(host) = text(doc, &format!("{path}/Hostname"))? {
            servers.push((host, text(doc, &format!("{path}/Username"))?));
        }
    }
    Ok(servers)
}

/// Mail writes the user name or leaves it out; case is nothing that a server is missed for.
fn may_be(named: &str, host: &str, user: Option<&str>) -> bool {
    let bare = [host.to_owned(), format!("{host}:")];
    let full = user.map(|user| plan::identifier(host, Some(user)));
    let of_that_host = || named.to_lowercase().starts_with(&format!("{}:", host.to_lowercase()));
    bare.iter().chain(&full).any(|fits| fits.eq_ignore_ascii_case(named)) || (user.is_none() && of_that_host())
}

/// What is told of them.
pub(super) fn problems(homeless: Vec<Homeless>) -> impl Iterator<Item = Problem> {
    homeless.into_iter().take(MOST_TOLD).map(|Homeless { email, named }| {
        let named = named.map(|named| format!(" \"{}\"", Shown(&named))).unwrap_or_default();
        let message = format!(
            "{email} has no outgoing server in Mail and cannot send: its account names the outgoing server{named}, which \
             Mail does not have."
        );
        let hint = "Open Mail's account settings, choose this account and pick its outgoing mail server (SMTP). If the \
                    right one is missing, add it there first.";
        trouble(email, "no_outgoing_server", message, hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_goes_by_its_host_with_or_without_a_user() {
        for (named, host, user, there) in [
            ("smtp.h.test:ann", "smtp.h.test", Some("ann"), true),
            ("smtp.h.test", "smtp.h.test", Some("ann"), true),
            ("smtp.h.test:", "smtp.h.test", None, true),
            ("smtp.h.test:ann", "smtp.h.test", None, true),
            ("SMTP.h.test:ann", "smtp.h.test", Some("ann"), true),
            ("smtp.h.test:bob", "smtp.h.test", Some("ann"), false),
            ("smtp.other.test:ann", "smtp.h.test", Some("ann"), false),
            ("smtp.h.test.example", "smtp.h.test", None, false),
        ] {
            assert_eq!(may_be(named, host, user), there, "{named}");
        }
    }
}
