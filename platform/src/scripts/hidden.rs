//! The passwords of a request, taken out of whatever a program says about it: its words go to the screen, to the log and
//! into the journal.

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{NewValue, ObjectWrite, text};

/// What stands in their place.
const MARK: &str = "***";

/// Each password in the ways in which an answer may quote it, the longest first: a shorter one may be a part of a longer.
#[derive(Default)]
pub(super) struct Hidden(Vec<Zeroizing<String>>);

impl Hidden {
    /// The passwords that are written.
    pub(super) fn of(writes: &[ObjectWrite]) -> Self {
        let mut forms = Vec::new();
        for set in writes.iter().flat_map(|write| &write.set) {
            if let NewValue::Secret(secret) = &set.value {
                let clear = secret.expose_secret();
                let in_json = in_json(clear);
                // As it stands in the text that the runner was given, which it may quote when it cannot read it.
                forms.push(text::literal(&in_json));
                forms.extend([in_json, text::literal(clear), Zeroizing::new(clear.to_owned())]);
            }
        }
        forms.retain(|form| !form.is_empty());
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self(forms)
    }

    /// The same words without any of them.
    pub(super) fn taken_out_of(&self, words: &str) -> String {
        let mut left = Zeroizing::new(words.to_owned());
        for form in &self.0 {
            left = Zeroizing::new(left.replace(form.as_str(), MARK));
        }
        std::mem::take(&mut *left)
    }
}

/// Between the quotation marks, as the request has it.
fn in_json(clear: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(serde_json::to_string(clear).unwrap_or_default());
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Zeroizing::new(inner.unwrap_or_default().to_owned())
}
