//! Whom a host without a login is asked about: most hosts say only to a recipient of somebody else's domain that they do
//! not take mail without a login.

use super::value::{PolicyValue, Reading};
use super::{HostPort, Policy};
use crate::operator::operator_of;

impl Policy {
    /// The address to ask this host about, for an account that sends as `sender`. Never one of the host's own domain or
    /// the sender's: every host takes mail for those. `None`: there is nobody to ask about.
    pub fn recipient_for(&self, host: &str, sender: Option<&str>) -> Option<String> {
        let of_sender = sender.and_then(|sender| sender.rsplit_once('@')).map(|(_, domain)| domain);
        let own: Vec<String> = [Some(host), of_sender].into_iter().flatten().map(operator_of).collect();
        let foreign = |domain: &str| !own.contains(&operator_of(domain));
        if let Some(given) = &self.probe_recipient.value {
            return given.rsplit_once('@').is_some_and(|(_, domain)| foreign(domain)).then(|| given.clone());
        }
        let named = |control: &&HostPort| control.host.parse::<std::net::IpAddr>().is_err();
        let mut domains = self.control_hosts.value.iter().filter(named).map(|control| operator_of(&control.host));
        domains.find(|domain| foreign(domain)).map(|domain| format!("postmaster@{domain}"))
    }
}

/// An address of ASCII letters; an empty text takes back what a weaker source set.
pub(super) fn recipient(value: &PolicyValue, _: Reading) -> Result<Option<String>, String> {
    let wanted = "an e-mail address, as \"postmaster@other.test\"";
    let PolicyValue::Text(text) = value else {
        return Err(format!("must be {wanted}"));
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+=".contains(&byte);
    let address = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && local.bytes().all(plain) && domain.bytes().all(plain)
    });
    if address { Ok(Some(text.to_owned())) } else { Err(format!("must be {wanted}, not {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postmaster_of_somebody_elses_domain() {
        let mut policy = Policy::default();
        let asked = |policy: &Policy, host: &str, sender: &str| policy.recipient_for(host, Some(sender));
        assert_eq!(asked(&policy, "mail.hosting.test", "jan@hosting.test").as_deref(), Some("postmaster@google.com"));
        // Google's own would say yes to its own.
        assert_eq!(asked(&policy, "mail.hosting.test", "jan@google.com").as_deref(), Some("postmaster@yahoodns.net"));
        policy.control_hosts.value = vec!["mx.post.co.uk:25".parse().unwrap(), "192.0.2.1:25".parse().unwrap()];
        assert_eq!(asked(&policy, "mail.hosting.test", "jan@hosting.test").as_deref(), Some("postmaster@post.co.uk"));
        assert_eq!(asked(&policy, "smtp.post.co.uk", "jan@hosting.test"), None);
        policy.probe_recipient.value = Some("test@fleet.test".into());
        assert_eq!(asked(&policy, "mail.hosting.test", "jan@hosting.test").as_deref(), Some("test@fleet.test"));
        assert_eq!(asked(&policy, "mail.fleet.test", "jan@hosting.test"), None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let read = |text: &str| recipient(&PolicyValue::from(text), Reading::Strict);
        assert_eq!(read(" postmaster@other.test "), Ok(Some("postmaster@other.test".into())));
        assert_eq!(read(""), Ok(None));
        for wrong in ["postmaster", "a@b", "a b@other.test", "a@other.test>\r\nDATA", "@other.test"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_old_name_of_a_setting_is_read() {
        let policy = Policy::from_file("allow_cert_name_change = true", std::path::Path::new("P")).unwrap();
        assert!(policy.allow_host_rename.value);
    }
}
