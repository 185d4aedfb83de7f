//! Preferences as the program's own code asks for them: by type, and for some parts with a branch of defaults behind.

use super::store::Store;
use crate::formats::prefs_js::PrefValue;

/// The preferences of a profile after a start.
pub(super) struct Preferences<'a>(pub &'a Store);

impl Preferences<'_> {
    /// Text, which may be empty; `None` if there is none or a value of another type.
    pub fn written_text(&self, name: &str) -> Option<String> {
        match self.0.value(name)? {
            PrefValue::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Text that is not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.written_text(name).filter(|text| !text.is_empty())
    }

    /// The same; where nothing is written, of the branch of defaults.
    pub fn text_or(&self, name: &str, default: &str) -> Option<String> {
        self.written_text(name).or_else(|| self.written_text(default)).filter(|text| !text.is_empty())
    }

    /// A number.
    pub fn int(&self, name: &str) -> Option<i32> {
        match self.0.value(name)? {
            PrefValue::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number of an outgoing server, else the one for all outgoing servers. `SmtpServer.sys.mjs` reads `try_ssl` and
    /// `authMethod` so, and neither port, host, nor user.
    pub fn smtp_int(&self, key: &str, part: &str) -> Option<i32> {
        self.int(&format!("mail.smtpserver.{key}.{part}"))
            .or_else(|| self.int(&format!("mail.smtpserver.default.{part}")))
    }

    /// A number of an incoming server, else the one for all incoming servers (`nsMsgIncomingServer::GetIntValue`).
    pub fn incoming_int(&self, key: &str, part: &str) -> Option<i32> {
        self.int(&format!("mail.server.{key}.{part}")).or_else(|| self.int(&format!("mail.server.default.{part}")))
    }

    /// Yes or no.
    pub fn truth(&self, name: &str) -> Option<bool> {
        match self.0.value(name)? {
            PrefValue::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Is this true of an incoming server, or else of all?
    pub fn incoming_is(&self, key: &str, part: &str) -> bool {
        let truth = |key: &str| self.truth(&format!("mail.server.{key}.{part}"));
        truth(key).or_else(|| truth("default")).unwrap_or(false)
    }

    /// The incoming server's port in effect, where it has one.
    pub fn incoming_port(&self, key: &str) -> Option<i32> {
        // -1 is what the program itself has for all servers
        if let Some(port) = self.incoming_int(key, "port").filter(|port| !matches!(port, -1 | 0)) {
            return Some(port);
        }
        let implicit = self.incoming_int(key, "socketType") == Some(3);
        match (self.text(&format!("mail.server.{key}.type"))?.as_str(), implicit) {
            ("imap", false) => Some(143),
            ("imap", true) => Some(993),
            ("pop3", false) => Some(110),
            ("pop3", true) => Some(995),
            _ => None,
        }
    }
}
