//! Hives and their logs, as they lie on the disk of a strange computer.

use port26_platform::registry::hive::build::{sign, sign_entry};
use port26_platform::registry::hive::{Hive, MAGIC, recovered};

/// The block before the bins.
const HEAD: usize = 4096;
/// Logs are made of these.
const SECTOR: usize = 512;
/// Keys that are looked at: with names that say nothing a path may lead to its own key again.
const MOST_KEYS: usize = 300;

/// A whole hive, with the logs behind it; or only its bins, that begin with where the root is.
pub fn hive(data: &[u8]) {
    if !data.starts_with(MAGIC) {
        return read(&around(data), &[]);
    }
    let cut = |at: &usize| data[*at..].starts_with(MAGIC);
    let mut cuts: Vec<usize> = (SECTOR..data.len()).step_by(SECTOR).filter(cut).take(3).collect();
    cuts.push(data.len());
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut from = 0;
    for to in cuts {
        parts.push(data[from..to].to_vec());
        from = to;
    }
    read(&parts[0], &parts[1..]);
    // With sums that are right: what reads them sees further.
    parts.iter_mut().for_each(|part| signed(part));
    read(&parts[0], &parts[1..]);
}

/// A hive with these bins.
fn around(bins: &[u8]) -> Vec<u8> {
    let mut file = vec![0; HEAD];
    file[..4].copy_from_slice(MAGIC);
    // Data in pieces exists from this version on.
    let minor = if bins.len().is_multiple_of(2) { 5 } else { 3 };
    for (at, number) in [(4, 1), (8, 1), (20, 1), (24, minor), (32, 1)] {
        file[at] = number;
    }
    if let Some(root) = bins.get(..4) {
        file[36..40].copy_from_slice(root);
    }
    let size = u32::try_from(bins.len()).unwrap_or(u32::MAX);
    file[40..44].copy_from_slice(&size.to_le_bytes());
    sign(&mut file);
    file.extend_from_slice(bins);
    file
}

/// Puts the sums of a hive or a log right.
fn signed(part: &mut [u8]) {
    if part.len() < SECTOR {
        return;
    }
    sign(&mut part[..SECTOR]);
    let mut at = SECTOR;
    while part.get(at..).is_some_and(|rest| rest.starts_with(b"HvLE") && rest.len() >= SECTOR) {
        let rest = &mut part[at..];
        let said = u32::from_le_bytes([rest[4], rest[5], rest[6], rest[7]]);
        let length = usize::try_from(said).unwrap_or(usize::MAX).clamp(SECTOR, rest.len());
        sign_entry(&mut rest[..length]);
        at += length;
    }
}

fn read(primary: &[u8], logs: &[Vec<u8>]) {
    let most = primary.len() + logs.iter().map(Vec::len).sum::<usize>();
    let Ok((hive, _)) = recovered(primary, logs) else { return };
    let mut keys = vec![String::new()];
    let mut left = MOST_KEYS;
    while let Some(key) = keys.pop()
        && left > 0
    {
        left -= 1;
        keys.extend(looked_at(&hive, &key, most));
    }
}

/// The paths below this key. What one key says is in proportion to the file.
fn looked_at(hive: &Hive, key: &str, most: usize) -> Vec<String> {
    if let Ok(values) = hive.values(key) {
        // A name in Latin-1 is twice as long in UTF-8, and what ends the reading comes on top.
        let size: usize = values.iter().map(|(name, value)| name.len() + value.data.len()).sum();
        assert!(size <= 4 * most, "{size} bytes of values in a file of {most}");
        for (name, value) in values.iter().take(3) {
            let found = hive.value(key, name);
            assert!(matches!(found, Ok(Some(_))), "{name:?} is listed and not there: {found:?}");
            let _ = (value.as_text(), value.as_texts(), value.as_dword(), value.as_qword());
        }
    }
    let names = hive.subkeys(key).unwrap_or_default();
    assert!(names.len() <= most / 80, "{} keys in a file of {most} bytes", names.len());
    names
        .iter()
        .take(MOST_KEYS)
        .map(|name| if key.is_empty() { name.clone() } else { format!("{key}\\{name}") })
        .collect()
}
