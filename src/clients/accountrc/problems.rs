//! What cannot be read of the file, in words.

use std::path::Path;

use super::dialect::Dialect;
use crate::clients::Problem;

impl Dialect {
    pub(super) fn unreadable(&self, file: &Path, why: &str) -> Problem {
        let name = self.name;
        Problem {
            client: Some(self.client),
            at: file.display().to_string(),
            code: "unreadable_profile".to_owned(),
            message: format!("{name}'s accounts could not be read: {why}."),
            hint: format!("Start {name}, see that your accounts are there, close it and run port26 again."),
        }
    }

    pub(super) fn duplicate(&self, file: &Path, section: &str) -> Problem {
        let name = self.name;
        Problem {
            client: Some(self.client),
            at: format!("{}, {section}", file.display()),
            code: "duplicate_account".to_owned(),
            message: format!(
                "Two accounts have the same number ([{section}]): {name} reads the first of them twice, and port26 changes neither."
            ),
            hint: format!("In {name} remove the account that stands there twice and set the other one up again."),
        }
    }

    pub(super) fn bad_heading(&self, file: &Path, heading: &str) -> Problem {
        let name = self.name;
        Problem {
            client: Some(self.client),
            at: format!("{}, {heading}", file.display()),
            code: "account_unreadable".to_owned(),
            message: format!(
                "The heading of an account is not as {name} reads it ({heading:?}), so {name} does not see that account."
            ),
            hint: format!("Set the account up again in {name}."),
        }
    }

    pub(super) fn no_port(&self, file: &Path, section: &str, raw: &str) -> Problem {
        let name = self.name;
        Problem {
            client: Some(self.client),
            at: format!("{}, {section}", file.display()),
            code: "port_out_of_range".to_owned(),
            message: format!(
                "The outgoing port of this account is written as {raw:?}; a port is a number from 1 to 65535."
            ),
            hint: format!(
                "In {name} open this account's preferences, correct the SMTP port under Advanced, and close the program."
            ),
        }
    }
}
