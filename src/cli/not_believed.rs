//! Receipts that are not believed, for `undo` and `status`: which, why, and what they say, for somebody who sets it by hand.

use std::io::Result;
use std::path::PathBuf;

use serde::Serialize;

use super::output::Words;
use super::words::server_words;
use crate::apply::{Kind, Says, Unbelieved};
use crate::clients::client_title;
use crate::pipeline::Who;
use crate::shown::Shown;

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct NotBelieved {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    code: &'static str,
    message: String,
    hint: &'static str,
    says: Box<Says>,
}

impl NotBelieved {
    pub(super) fn of(receipt: Unbelieved) -> Self {
        Self {
            line: receipt.error.line(),
            code: receipt.code(),
            message: receipt.what(),
            hint: receipt.hint(),
            file: receipt.file,
            says: receipt.says,
        }
    }

    /// The whole of it in a line.
    pub(super) fn line(&self) -> String {
        format!("{}, {}. {}", self.file.display(), self.message, self.hint)
    }

    pub(super) fn tell(&self, page: &mut Words, who: &Who) -> Result<()> {
        page.line(0, format_args!("cannot be believed: {}", Shown(&self.line())))?;
        if self.says.accounts.is_empty() {
            return Ok(());
        }
        let doubt = if self.says.intact {
            ""
        } else {
            " (not all of it may be as it was written, so hold it against the account)"
        };
        page.line(4, format_args!("nothing is put back by it; what it says, for a hand{doubt}:"))?;
        for account in &self.says.accounts {
            let client = self.says.client.map(|client| format!(" in {}", client_title(client))).unwrap_or_default();
            page.line(4, format_args!("{}{client}", who.name(&account.account_id)))?;
            let done = if self.says.kind == Some(Kind::Undo) { "put back to" } else { "changed to" };
            page.line(8, format_args!("{done} {}", server_words(&account.after)))?;
            page.line(8, format_args!("from {}", server_words(&account.before)))?;
        }
        Ok(())
    }
}

/// Files that lie among the receipts and are none.
pub(super) fn tell_strays(page: &mut Words, strays: &[PathBuf]) -> Result<()> {
    strays.iter().try_for_each(|stray| {
        page.line(0, format_args!("no receipt, and passed over: {}", Shown(&stray.to_string_lossy())))
    })
}
