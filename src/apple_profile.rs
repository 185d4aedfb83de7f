//! A configuration profile that sets up an account in Apple Mail, the other way of an administrator: a profile cannot
//! edit an account that is there, it makes a new one, on the port that gets through. Keys: Apple's schema of
//! `com.apple.mail.managed` (github.com/apple/device-management). It never holds a password: the user is asked.

use plist::{Dictionary, Value};
use sha2::{Digest, Sha256};

use crate::account::IncomingProtocol;
use crate::operator::{Lending, lending_between};
use crate::policy::HostPort;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailProfileError {
    /// Mail knows no other protocols.
    #[error("the incoming server of {address} speaks neither IMAP nor POP3")]
    Protocol {
        /// The account's address.
        address: String,
    },
    /// The property list could not be written.
    #[error("the profile for {address} could not be written: {source}")]
    Write {
        /// The account's address.
        address: String,
        /// What the library said.
        source: plist::Error,
    },
}

/// A server and who logs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Host and port.
    pub at: HostPort,
    /// The user name.
    pub user: String,
}

/// An account as a profile sets it up. Both servers are asked for TLS and for a login with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailProfile {
    /// The address.
    pub address: String,
    /// The person's name in sent messages.
    pub name: Option<String>,
    /// Who hands the profile out.
    pub organization: Option<String>,
    /// The protocol of the incoming server.
    pub protocol: IncomingProtocol,
    /// The incoming server.
    pub incoming: Login,
    /// The outgoing server.
    pub outgoing: Login,
}

impl MailProfile {
    /// The profile as a property list in XML, as a `.mobileconfig` holds it.
    pub fn to_xml(&self) -> Result<Vec<u8>, MailProfileError> {
        let mut xml = Vec::new();
        let written = self.to_value()?.to_writer_xml(&mut xml);
        written.map_err(|source| MailProfileError::Write { address: self.address.clone(), source })?;
        xml.push(b'\n');
        Ok(xml)
    }

    fn to_value(&self) -> Result<Value, MailProfileError> {
        let kind = match self.protocol {
            IncomingProtocol::Imap => "EmailTypeIMAP",
            IncomingProtocol::Pop3 => "EmailTypePOP",
            IncomingProtocol::Other => return Err(MailProfileError::Protocol { address: self.address.clone() }),
        };
        let identifier = format!("org.port26.mail.{}", hex::encode(&self.fingerprint("identifier")[..6]));
        let mut account = head("com.apple.mail.managed", &format!("{identifier}.account"), self.uuid("account"));
        let mut put = |key: &str, value: Value| account.insert(key.to_owned(), value);
        put("EmailAccountDescription", self.address.as_str().into());
        if let Some(name) = &self.name {
            put("EmailAccountName", name.as_str().into());
        }
        put("EmailAccountType", kind.into());
        put("EmailAddress", self.address.as_str().into());
        for (side, login) in [("Incoming", &self.incoming), ("Outgoing", &self.outgoing)] {
            put(&format!("{side}MailServerAuthentication"), "EmailAuthPassword".into());
            put(&format!("{side}MailServerHostName"), login.at.host.as_str().into());
            put(&format!("{side}MailServerPortNumber"), login.at.port.into());
            put(&format!("{side}MailServerUseSSL"), true.into());
            put(&format!("{side}MailServerUsername"), login.user.as_str().into());
        }
        // Another company's server is not handed the mailbox's password: Mail asks for one of its own.
        let lending = lending_between(&self.outgoing.at.host, &self.incoming.at.host, &self.address);
        put("OutgoingPasswordSameAsIncomingPassword", (lending == Lending::OneOperator).into());

        let mut profile = head("Configuration", &identifier, self.uuid("profile"));
        profile.insert("PayloadDisplayName".to_owned(), format!("Mail: {}", self.address).into());
        if let Some(organization) = &self.organization {
            profile.insert("PayloadOrganization".to_owned(), organization.as_str().into());
        }
        // accounts are a user's own: Apple takes this payload in the user channel only
        profile.insert("PayloadScope".to_owned(), "User".into());
        profile.insert("PayloadContent".to_owned(), Value::Array(vec![Value::Dictionary(account)]));
        Ok(Value::Dictionary(profile))
    }

    /// The same address always gets the same names, so that a profile handed out again replaces the first.
    fn fingerprint(&self, part: &str) -> [u8; 32] {
        Sha256::digest(format!("port26 {part} {}", self.address.to_lowercase()).as_bytes()).into()
    }

    /// A UUID of version 8 (RFC 9562): made of a hash.
    fn uuid(&self, part: &str) -> String {
        let mut bytes = self.fingerprint(part);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let text = hex::encode_upper(&bytes[..16]);
        [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
    }
}

fn head(kind: &str, identifier: &str, uuid: String) -> Dictionary {
    let mut head = Dictionary::new();
    head.insert("PayloadType".to_owned(), kind.into());
    head.insert("PayloadVersion".to_owned(), 1.into());
    head.insert("PayloadIdentifier".to_owned(), identifier.into());
    head.insert("PayloadUUID".to_owned(), uuid.into());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> MailProfile {
        let login = |at: &str| Login { at: at.parse().unwrap(), user: "anna".to_owned() };
        MailProfile {
            address: "anna@hosting.test".to_owned(),
            name: Some("Anna <& Co>".to_owned()),
            organization: None,
            protocol: IncomingProtocol::Imap,
            incoming: login("mail.hosting.test:993"),
            outgoing: login("mail.hosting.test:26"),
        }
    }

    #[test]
    fn it_reads_back_as_meant() {
        let xml = anna().to_xml().unwrap();
        let list = crate::formats::plist_value::read(&xml).unwrap().into_dictionary().unwrap();
        let account = list["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
        assert_eq!(account["OutgoingMailServerPortNumber"].as_signed_integer(), Some(26));
        assert_eq!(account["OutgoingMailServerUseSSL"].as_boolean(), Some(true));
        assert_eq!(account["EmailAccountType"].as_string(), Some("EmailTypeIMAP"));
        assert_eq!(account["EmailAccountName"].as_string(), Some("Anna <& Co>"));
        assert!(!account.keys().any(|key| key.ends_with("Password") && !key.starts_with("OutgoingPasswordSame")));
    }

    #[test]
    fn the_password_is_shared_by_servers_of_one_operator_only() {
        for (outgoing, shared) in [("smtp.hosting.test:26", true), ("smtp.other.test:26", false)] {
            let at = Login { at: outgoing.parse().unwrap(), user: "anna".to_owned() };
            let list = MailProfile { outgoing: at, ..anna() }.to_value().unwrap().into_dictionary().unwrap();
            let account = list["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
            assert_eq!(account["OutgoingPasswordSameAsIncomingPassword"].as_boolean(), Some(shared), "{outgoing}");
        }
    }

    #[test]
    fn one_address_has_one_profile_and_another_has_another() {
        let names = |profile: &MailProfile| {
            let list = profile.to_value().unwrap().into_dictionary().unwrap();
            let account = list["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
            ["PayloadIdentifier", "PayloadUUID"].map(|key| (list[key].clone(), account[key].clone()))
        };
        let moved = MailProfile { outgoing: anna().incoming, address: "Anna@Hosting.test".to_owned(), ..anna() };
        assert_eq!(names(&anna()), names(&moved));
        let other = MailProfile { address: "jan@hosting.test".to_owned(), ..anna() };
        for (one, another) in names(&anna()).iter().zip(names(&other)) {
            assert!(one.0 != another.0 && one.1 != another.1 && one.0 != one.1);
        }
        let uuid = anna().uuid("profile");
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
        assert!("89AB".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn another_protocol_is_refused() {
        let error = MailProfile { protocol: IncomingProtocol::Other, ..anna() }.to_xml().unwrap_err();
        assert!(error.to_string().contains("anna@hosting.test"), "{error}");
    }
}
