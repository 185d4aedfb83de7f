//! Taking back at once what was begun and cannot be completed, since a write failed: setting by setting. Nobody has seen the
//! account so; what holds something else was changed in the same moment, beside what stands there now.

use super::error::StoreError;
use super::place::restore;
use super::put_back::PutBack;
use super::reach::Reach;
use super::receipt::Leftover;
use super::record::Intent;

/// Puts back intent after intent. One that cannot be written does not keep the others from it; the last such
/// error is returned beside everything that is not as it was.
pub(super) fn take_back<'i>(
    reach: Reach,
    intents: impl Iterator<Item = &'i Intent>,
) -> (Vec<Leftover>, Option<StoreError>) {
    let (mut left, mut failed) = (Vec::new(), None);
    for intent in intents {
        let temp = intent.file().map_or("", |edit| edit.temp.as_str());
        match restore(reach, intent, temp, &PutBack::EachSetting) {
            Ok(outcome) => left.extend(outcome.leftovers(intent)),
            Err(error) => {
                left.extend(intent.all_left(&error.source.to_string()));
                failed = Some(error.source);
            }
        }
    }
    (left, failed)
}
