//! Hives as Windows writes them, hives that were not closed, and hives that lie.

use std::time::{Duration, Instant};

use super::build::{HiveBuilder, log, old_log, sign, sign_entry, unfinished};
use super::*;

const KEY: &str = r"Software\Mail\Büro";

fn binary(length: usize) -> Value {
    Value { kind: ValueKind::Binary, data: (0..length).map(|n| (n * 7 % 251) as u8).collect() }
}

fn builder() -> HiveBuilder {
    let mut hive = HiveBuilder::new()
        .value(KEY, "SMTP Port", Value::dword(25))
        .value(KEY, "", Value::sz("default"))
        .value(KEY, "Zażółć", Value::sz("smtp.hosting.test"))
        .value(KEY, "none", Value { kind: ValueKind::Other(0), data: vec![] })
        .value(KEY, "long", binary(16_344))
        .value(KEY, "longer", binary(16_345))
        .value(KEY, "longest", binary(100_000))
        .key(r"Software\日本");
    for n in 0..1_200 {
        hive = hive.key(&format!(r"Software\Many\{n:08X}"));
    }
    hive
}

fn read(bytes: &[u8]) -> Hive {
    let (hive, freshness) = recovered(bytes, &[]).unwrap();
    assert_eq!(freshness, Freshness::Clean);
    hive
}

#[test]
fn reads_keys_and_values() {
    let hive = read(&builder().bytes(1));
    assert_eq!(hive.subkeys("").unwrap(), ["Software"]);
    assert_eq!(hive.subkeys("software").unwrap(), ["Mail", "Many", "日本"]);
    assert_eq!(hive.subkeys(r"SOFTWARE\MANY").unwrap().len(), 1_200);
    assert!(hive.has_key(r"software\many\000003e8").unwrap() && !hive.has_key(r"Software\Nobody").unwrap());
    let key = r"software\MAIL\bÜRO";
    assert_eq!(hive.value(key, "smtp port").unwrap(), Some(Value::dword(25)));
    assert_eq!(hive.value(key, "").unwrap(), Some(Value::sz("default")));
    assert_eq!(hive.value(key, "ZAŻÓŁĆ").unwrap(), Some(Value::sz("smtp.hosting.test")));
    assert_eq!(hive.value(key, "gone").unwrap(), None);
    for (name, length) in [("long", 16_344), ("longer", 16_345), ("longest", 100_000)] {
        assert_eq!(hive.value(key, name).unwrap(), Some(binary(length)), "{name}");
    }
    let names: Vec<String> = hive.values(key).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["SMTP Port", "", "Zażółć", "none", "long", "longer", "longest"]);
    assert_eq!(hive.subkeys(r"Software\Nobody").unwrap(), [""; 0]);
    assert_eq!(hive.values(r"Software\Nobody").unwrap(), []);
}

#[test]
fn a_hive_that_was_not_closed_is_read_with_its_logs() {
    let old = builder().bytes(7);
    let newer = builder().value(r"Software\Mail\Late", "SMTP Port", Value::dword(26)).bytes(8);
    let newest = builder().value(r"Software\Mail\Late", "SMTP Port", Value::dword(587)).key(r"Software\Last").bytes(9);
    let late = |logs: &[Vec<u8>]| {
        let (hive, freshness) = recovered(&unfinished(&old), logs).unwrap();
        let port = hive.value(r"Software\Mail\Late", "SMTP Port").unwrap().and_then(|port| port.as_dword());
        (freshness, port)
    };
    assert_eq!(late(&[]), (Freshness::Stale, None));
    let (first, second) = (log(&old, &newer, 7), log(&newer, &newest, 8));
    assert_eq!(late(std::slice::from_ref(&first)), (Freshness::Recovered, Some(26)));
    assert_eq!(late(&[first.clone(), second.clone()]), (Freshness::Recovered, Some(587)));
    assert_eq!(late(&[second.clone(), first.clone()]), (Freshness::Recovered, Some(587)), "their numbers tell");
    assert_eq!(late(&[second.clone(), vec![]]), (Freshness::Stale, None), "the first is missing");
    assert_eq!(late(&[log(&old, &newer, 6)]), (Freshness::Stale, None), "done long ago");
    assert_eq!(late(&[old_log(&old, &newer)]), (Freshness::Recovered, Some(26)));
    // Two entries in one file, the second of them torn.
    let mut both = [first.as_slice(), &second[512..]].concat();
    assert_eq!(late(&[both.clone()]), (Freshness::Recovered, Some(587)));
    let end = both.len() - 100;
    both[end] ^= 1;
    assert_eq!(late(&[both]), (Freshness::Recovered, Some(26)));
    // A clean hive has no use for logs.
    let (hive, freshness) = recovered(&old, &[first]).unwrap();
    assert_eq!((hive, freshness), (read(&old), Freshness::Clean));
}

#[test]
fn a_torn_first_block_is_taken_from_the_log() {
    let old = builder().bytes(7);
    let newer = builder().value(r"Software\Mail\Late", "SMTP Port", Value::dword(26)).bytes(8);
    let mut log = log(&old, &newer, 7);
    log[36..40].copy_from_slice(&old[36..40]);
    sign(&mut log);
    let mut torn = old.clone();
    torn[36] ^= 0xFF;
    let (hive, freshness) = recovered(&torn, &[log]).unwrap();
    assert_eq!((freshness, hive.has_key(r"Software\Mail\Late").unwrap()), (Freshness::Recovered, true));
    assert!(matches!(recovered(&torn, &[]), Err(HiveError::Damaged { at: 0, .. })));
}

#[test]
fn what_is_no_hive_is_told() {
    for bytes in [&b""[..], b"regf", b"Windows Registry Editor Version 5.00", &[0; 8192]] {
        assert_eq!(recovered(bytes, &[]), Err(HiveError::NotAHive), "{} bytes", bytes.len());
    }
    let bytes = builder().bytes(1);
    assert!(matches!(recovered(&bytes[..HEAD], &[]), Err(HiveError::Damaged { .. })));
    assert!(matches!(recovered(&bytes[..HEAD + 40], &[]), Err(HiveError::Damaged { .. })));
}

/// Every key and value that can be reached; how many there were.
fn walk(hive: &Hive, key: &str, left: &mut usize) {
    let _ = hive.values(key);
    for name in hive.subkeys(key).unwrap_or_default() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        walk(hive, &format!(r"{key}\{name}"), left);
    }
}

/// A small deterministic generator: this package keeps no property-test dependency.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

fn small(port: u32) -> HiveBuilder {
    let hive = HiveBuilder::new().value(r"Software\Mail\Late", "SMTP Port", Value::dword(port));
    hive.value(r"Software\Mail\Late", "host", Value::sz("smtp.hosting.test")).key(r"Software\Other\Deeper")
}

#[test]
fn a_damaged_hive_or_log_never_panics_and_ends_soon() {
    let (old, newer) = (small(25).bytes(7), small(26).key("Last").bytes(8));
    let (dirty, logs) = (unfinished(&old), [log(&old, &newer, 7), old_log(&old, &newer)]);
    let used = HEAD + 32 + 900;
    let mut dice = Dice(26);
    let begin = Instant::now();
    for round in 0..6_000 {
        let (mut hive, mut log) = (dirty.clone(), logs[round % 2].clone());
        let target = if round % 3 == 0 { &mut log } else { &mut hive };
        for _ in 0..=dice.roll(4) {
            let at = match dice.roll(3) {
                0 => dice.roll(target.len().min(600)),
                _ => HEAD.min(target.len() - 1) + dice.roll(used.min(target.len()) - HEAD.min(target.len() - 1)),
            };
            let odd = [0, 1, 0x7F, 0x80, 0xFF, dice.roll(256) as u8][dice.roll(6)];
            target[at] = odd;
        }
        if dice.roll(4) == 0 {
            target.truncate(dice.roll(target.len()));
        }
        // Sums that are right let the rest be looked at.
        if hive.len() >= 512 {
            sign(&mut hive);
        }
        if log.len() > 512 + 40 {
            sign(&mut log);
            sign_entry(&mut log[512..]);
        }
        if let Ok((hive, _)) = recovered(&hive, &[log]) {
            walk(&hive, "", &mut 1_000);
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn keys_that_go_round_in_circles_are_damage() {
    let bytes = small(25).bytes(1);
    let hive = read(&bytes);
    let (root, software) = (hive.find("").unwrap().unwrap(), hive.find("Software").unwrap().unwrap());
    // Software's list becomes that of the root: Software below Software.
    let list = |at: u32| HEAD + usize::try_from(at).unwrap() + 4 + 28;
    let mut round = bytes.clone();
    round.copy_within(list(root)..list(root) + 4, list(software));
    let hive = read(&round);
    assert!(matches!(hive.subkeys("Software"), Err(HiveError::Damaged { .. })));
    assert!(matches!(hive.has_key(r"Software\Software"), Err(HiveError::Damaged { .. })));
}

#[test]
fn a_log_that_asks_for_gigabytes_is_not_believed() {
    let (old, newer) = (small(25).bytes(7), small(26).bytes(8));
    let mut log = log(&old, &newer, 7);
    log[512 + 16..512 + 20].copy_from_slice(&0xFFFF_F000_u32.to_le_bytes());
    sign_entry(&mut log[512..]);
    let (_, freshness) = recovered(&unfinished(&old), &[log]).unwrap();
    assert_eq!(freshness, Freshness::Stale);
}

#[test]
fn ten_thousand_accounts_are_found_in_seconds() {
    let accounts = (0..10_000).map(|n| format!(r"Accounts\{n:08X}"));
    let hive = accounts.fold(HiveBuilder::new(), |hive, key| hive.value(&key, "SMTP Port", Value::dword(25)));
    let hive = read(&hive.bytes(1));
    let begin = Instant::now();
    for name in hive.subkeys("Accounts").unwrap().iter().step_by(20) {
        assert_eq!(hive.values(&format!(r"Accounts\{name}")).unwrap().len(), 1);
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
