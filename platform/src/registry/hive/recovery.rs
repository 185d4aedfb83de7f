//! A hive that was not closed cleanly is brought up to date in memory from its logs (`.LOG1`, `.LOG2`, `.LOG`), as
//! Windows does it at the next start. Nothing is written.

use std::collections::BTreeMap;

use super::{HEAD, Hive, HiveError, MAGIC, checksum, u32_at};

/// A sector: what logs are laid out in.
const SECTOR: usize = 512;
/// Hive bins come in blocks of this size.
const BLOCK: usize = 4096;
/// The head of a log entry.
const ENTRY: usize = 40;

/// How well a hive tells what its user last saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It was closed cleanly.
    Clean,
    /// It was not, and its logs have the rest.
    Recovered,
    /// It was not, and no log that fits is there: its last changes are missing.
    Stale,
}

/// What is needed of a first block, of a hive or of a log.
struct Head {
    first_sequence: u32,
    second_sequence: u32,
    written: u64,
    minor: u32,
    kind: u32,
    root: u32,
    bins: usize,
    sound: bool,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..SECTOR).filter(|head| head.starts_with(MAGIC))?;
        let part = |at| u32_at(head, at).unwrap_or_default();
        Some(Self {
            first_sequence: part(4),
            second_sequence: part(8),
            written: u64::from(part(16)) << 32 | u64::from(part(12)),
            minor: part(24),
            kind: part(28),
            root: part(36),
            bins: usize::try_from(part(40)).ok()?,
            sound: part(508) == checksum::of_head(head),
        })
    }

    /// Old logs are 1 or 2, new ones 6.
    fn is_new_log(&self) -> bool {
        self.kind == 6
    }
}

/// Reads a hive, with the logs that lie beside it, if there are any.
pub fn recovered(primary: &[u8], logs: &[Vec<u8>]) -> Result<(Hive, Freshness), HiveError> {
    let own = Head::of(primary).ok_or(HiveError::NotAHive)?;
    let bins = primary.get(HEAD..).unwrap_or_default().to_vec();
    let clean = own.sound && own.first_sequence == own.second_sequence;
    let logs: Vec<(Head, &[u8])> = match clean {
        true => Vec::new(),
        false => {
            logs.iter().filter_map(|log| Some((Head::of(log).filter(|head| head.sound)?, log.as_slice()))).collect()
        }
    };
    // The copy in a log stands in for a first block that is torn.
    let head = match (own.sound, logs.iter().map(|(head, _)| head).max_by_key(|head| head.second_sequence)) {
        (true, _) => &own,
        (false, Some(copy)) => copy,
        (false, None) => {
            return Err(HiveError::Damaged { at: 0, why: "its first block is torn, and no log beside it has a copy" });
        }
    };
    let mut hive = Hive { bins, root: head.root, minor: head.minor };
    let most = primary.len() + logs.iter().map(|(_, log)| log.len()).sum::<usize>();
    let (new, old): (Vec<_>, Vec<_>) = logs.iter().partition(|(log, _)| log.is_new_log());
    let by_new = apply_entries(&mut hive.bins, &new, head.second_sequence, most);
    let by_old = by_new.is_none().then(|| apply_old(&mut hive.bins, &old, own.sound.then_some(own.written), most));
    hive.find("")?;
    let freshness = match (clean, by_new.is_some() || by_old == Some(true)) {
        (true, _) => Freshness::Clean,
        (false, true) => Freshness::Recovered,
        (false, false) => Freshness::Stale,
    };
    Ok((hive, freshness))
}

/// From Windows 8.1 on: entries with a number each. Those that follow on the hive's own number without a gap are applied.
/// `None` if there is not even the first.
fn apply_entries(bins: &mut Vec<u8>, logs: &[&(Head, &[u8])], expected: u32, most: usize) -> Option<()> {
    let mut entries: BTreeMap<u32, &[u8]> = BTreeMap::new();
    for (_, log) in logs {
        let mut at = SECTOR;
        while let Some(entry) = entry_at(log, at) {
            entries.entry(u32_at(entry, 12)?).or_insert(entry);
            at += entry.len();
        }
    }
    let mut number = expected;
    while let Some(pages) = entries.get(&number).and_then(|entry| pages_of(entry, most)) {
        if pages.bins > bins.len() {
            bins.resize(pages.bins, 0);
        }
        for (at, page) in pages.pages {
            bins[at..at + page.len()].copy_from_slice(page);
        }
        match number.checked_add(1) {
            Some(next) => number = next,
            None => break,
        }
    }
    (number != expected).then_some(())
}

/// A sound entry.
fn entry_at(log: &[u8], at: usize) -> Option<&[u8]> {
    let rest = log.get(at..)?;
    let length = usize::try_from(u32_at(rest, 4)?).ok()?;
    let entry = rest.get(..length).filter(|entry| entry.len() > ENTRY && entry.starts_with(b"HvLE"))?;
    let sum = |at: usize| Some(u64::from(u32_at(entry, at + 4)?) << 32 | u64::from(u32_at(entry, at)?));
    let sound = sum(24)? == checksum::of_entry(&entry[ENTRY..]) && sum(32)? == checksum::of_entry(&entry[..32]);
    (sound && length.is_multiple_of(SECTOR)).then_some(entry)
}

struct Pages<'a> {
    /// Size of the hive bins afterwards.
    bins: usize,
    /// Where each goes.
    pages: Vec<(usize, &'a [u8])>,
}

/// `None` if one of them fits nowhere: then nothing of this entry is applied.
fn pages_of(entry: &[u8], most: usize) -> Option<Pages<'_>> {
    let bins = usize::try_from(u32_at(entry, 16)?).ok()?;
    let count = usize::try_from(u32_at(entry, 20)?).ok()?;
    let mut from = ENTRY.checked_add(count.checked_mul(8)?)?;
    // What a log makes a hive grow by is in the log.
    if !bins.is_multiple_of(BLOCK) || bins > most || from > entry.len() {
        return None;
    }
    let mut pages = Vec::with_capacity(count);
    for n in 0..count {
        let at = usize::try_from(u32_at(entry, ENTRY + 8 * n)?).ok()?;
        let length = usize::try_from(u32_at(entry, ENTRY + 8 * n + 4)?).ok()?;
        let page = entry.get(from..from.checked_add(length)?)?;
        from += length;
        if at.checked_add(length)? > bins {
            return None;
        }
        pages.push((at, page));
    }
    Some(Pages { bins, pages })
}

/// Up to Windows 8: a map with a bit for each sector, and the sectors. The log that fits bears the hive's own time.
fn apply_old(bins: &mut Vec<u8>, logs: &[&(Head, &[u8])], written: Option<u64>, most: usize) -> bool {
    let fits = |log: &&&(Head, &[u8])| written.is_none_or(|written| log.0.written == written);
    let Some(changed) = logs.iter().filter(fits).find_map(|(head, log)| Some((head.bins, sectors_of(head, log)?)))
    else {
        return false;
    };
    let (size, sectors) = changed;
    if size > most {
        return false;
    }
    if size > bins.len() {
        bins.resize(size, 0);
    }
    for (at, sector) in sectors {
        bins[at..at + SECTOR].copy_from_slice(sector);
    }
    true
}

/// `None` if the log is not whole.
fn sectors_of<'a>(head: &Head, log: &'a [u8]) -> Option<Vec<(usize, &'a [u8])>> {
    let map = log.get(SECTOR..)?.strip_prefix(b"DIRT")?;
    if !head.bins.is_multiple_of(BLOCK) {
        return None;
    }
    let map = map.get(..head.bins / BLOCK)?;
    let mut from = (SECTOR + 4 + map.len()).next_multiple_of(SECTOR);
    let mut sectors = Vec::new();
    for (bit, at) in (0..map.len() * 8).map(|bit| (bit, bit * SECTOR)) {
        if map[bit / 8] >> (bit % 8) & 1 == 1 {
            sectors.push((at, log.get(from..from + SECTOR)?));
            from += SECTOR;
        }
    }
    // A log that changes nothing was never filled.
    (!sectors.is_empty()).then_some(sectors)
}
