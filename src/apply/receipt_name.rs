//! How receipts are named: by the second, and counted within it, so that later ones sort after earlier ones.

use std::path::Path;

use jiff::{Timestamp, ToSpan, civil::DateTime};

use super::receipt::ReceiptId;

const NAME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The first name of this second.
pub(super) fn now() -> ReceiptId {
    ReceiptId(format!("{}-0001", Timestamp::now().strftime(NAME_FORMAT)))
}

/// Is it a name as we give it?
pub(super) fn is_id(name: &str) -> bool {
    let Some((time, count)) = name.rsplit_once('-') else { return false };
    let is_count = count.len() == 4 && count.bytes().all(|digit| digit.is_ascii_digit());
    is_count && DateTime::strptime(NAME_FORMAT, time).is_ok()
}

/// The name that follows this one.
pub(super) fn after(id: &ReceiptId) -> Option<ReceiptId> {
    let (time, count) = id.0.rsplit_once('-')?;
    let count: u32 = count.parse().ok()?;
    if count < 9999 {
        return Some(ReceiptId(format!("{time}-{:04}", count + 1)));
    }
    let later = DateTime::strptime(NAME_FORMAT, time).ok()?.checked_add(1.second()).ok()?;
    Some(ReceiptId(format!("{}-0001", later.strftime(NAME_FORMAT))))
}

/// The name of a receipt whose file ends so.
pub(super) fn id_of(path: &Path, ending: &str) -> Option<ReceiptId> {
    let stem = path.file_stem()?.to_str().filter(|stem| is_id(stem))?;
    let has_ending = path.extension().is_some_and(|extension| extension == ending);
    has_ending.then(|| ReceiptId(stem.to_owned()))
}
