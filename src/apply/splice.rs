//! The way back from a file's new bytes to its old ones, holding only the bytes that were taken out. What the
//! two versions share (other accounts, saved passwords) is never in it, nor is what was put in.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One place where the versions differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice {
    /// Offset in the new bytes.
    pub at: usize,
    /// How many bytes were put in there.
    pub inserted: usize,
    /// The bytes that were there before.
    #[serde(with = "as_base64")]
    pub removed: Vec<u8>,
}

/// The splices that lead from `new` back to `old`, in the order of their offsets.
pub fn between(old: &[u8], new: &[u8]) -> Vec<Splice> {
    let mut found = Vec::new();
    Differ { old, new, found: &mut found }.differ(0..old.len(), 0..new.len(), Grain::Lines, 0);
    found
        .into_iter()
        .map(|(old_range, new_range)| Splice {
            at: new_range.start,
            inserted: new_range.len(),
            removed: old[old_range].to_vec(),
        })
        .collect()
}

/// The old bytes; `None` if the splices cannot belong to these bytes.
pub fn revert(new: &[u8], splices: &[Splice]) -> Option<Vec<u8>> {
    let mut old = Vec::with_capacity(new.len());
    let mut at = 0;
    for splice in splices {
        old.extend_from_slice(new.get(at..splice.at)?);
        old.extend_from_slice(&splice.removed);
        at = splice.at.checked_add(splice.inserted)?;
    }
    old.extend_from_slice(new.get(at..)?);
    Some(old)
}

#[derive(Clone, Copy, PartialEq)]
enum Grain {
    Lines,
    Words,
}

/// More nesting than any real file gives; beyond it a stretch is taken as a whole.
const DEPTH: usize = 48;
/// Cells of the table for the longest common subsequence.
const TABLE: usize = 1 << 20;

struct Differ<'a> {
    old: &'a [u8],
    new: &'a [u8],
    found: &'a mut Vec<(Range<usize>, Range<usize>)>,
}

impl Differ<'_> {
    /// Trims what is the same at both ends, then splits at pieces that occur once in each version.
    fn differ(&mut self, old: Range<usize>, new: Range<usize>, grain: Grain, depth: usize) {
        let (old, new) = self.trim(old, new);
        if old.is_empty() && new.is_empty() {
            return;
        }
        if old.is_empty() || new.is_empty() || depth > DEPTH {
            self.found.push((old, new));
            return;
        }
        let old_tokens = tokens(self.old, &old, grain);
        let new_tokens = tokens(self.new, &new, grain);
        let mut same = self.unique_in_both(&old_tokens, &new_tokens);
        if same.is_empty() {
            if grain == Grain::Lines {
                return self.differ(old, new, Grain::Words, depth + 1);
            }
            same = self.longest_common(&old_tokens, &new_tokens);
            if same.is_empty() {
                self.found.push((old, new));
                return;
            }
        }
        let (mut old_at, mut new_at) = (old.start, new.start);
        for (i, j) in same {
            self.differ(old_at..old_tokens[i].start, new_at..new_tokens[j].start, grain, depth + 1);
            (old_at, new_at) = (old_tokens[i].end, new_tokens[j].end);
        }
        self.differ(old_at..old.end, new_at..new.end, grain, depth + 1);
    }

    fn trim(&self, mut old: Range<usize>, mut new: Range<usize>) -> (Range<usize>, Range<usize>) {
        let head = self.old[old.clone()].iter().zip(&self.new[new.clone()]).take_while(|(a, b)| a == b).count();
        old.start += head;
        new.start += head;
        let tail = self.old[old.clone()]
            .iter()
            .rev()
            .zip(self.new[new.clone()].iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        old.end -= tail;
        new.end -= tail;
        (old, new)
    }

    /// Pairs of pieces that occur once in each version, in an order that both have.
    fn unique_in_both(&self, old: &[Range<usize>], new: &[Range<usize>]) -> Vec<(usize, usize)> {
        #[derive(Default)]
        struct Seen {
            old: (usize, usize),
            new: (usize, usize),
        }
        let mut seen: HashMap<&[u8], Seen> = HashMap::with_capacity(old.len());
        for (i, token) in old.iter().enumerate() {
            let entry = seen.entry(&self.old[token.clone()]).or_default();
            entry.old = (entry.old.0 + 1, i);
        }
        for (j, token) in new.iter().enumerate() {
            if let Some(entry) = seen.get_mut(&self.new[token.clone()]) {
                entry.new = (entry.new.0 + 1, j);
            }
        }
        let mut pairs: Vec<(usize, usize)> =
            seen.values().filter(|seen| seen.old.0 == 1 && seen.new.0 == 1).map(|s| (s.old.1, s.new.1)).collect();
        pairs.sort_unstable();
        longest_increasing(&pairs)
    }

    /// For short stretches without such pieces: a table of common subsequences.
    fn longest_common(&self, old: &[Range<usize>], new: &[Range<usize>]) -> Vec<(usize, usize)> {
        let (rows, columns) = (old.len() + 1, new.len() + 1);
        if rows.saturating_mul(columns) > TABLE {
            return Vec::new();
        }
        let equal = |i: usize, j: usize| self.old[old[i].clone()] == self.new[new[j].clone()];
        let mut length = vec![0u32; rows * columns];
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                length[i * columns + j] = if equal(i, j) {
                    length[(i + 1) * columns + j + 1] + 1
                } else {
                    length[(i + 1) * columns + j].max(length[i * columns + j + 1])
                };
            }
        }
        let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
        while i < old.len() && j < new.len() {
            if equal(i, j) {
                pairs.push((i, j));
                (i, j) = (i + 1, j + 1);
            } else if length[(i + 1) * columns + j] >= length[i * columns + j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
        pairs
    }
}

/// From pairs sorted by their first half, the longest choice whose second halves rise too.
fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let place = ends.partition_point(|&end| pairs[end].1 < pair.1);
        before.push(place.checked_sub(1).map(|previous| ends[previous]));
        if place == ends.len() {
            ends.push(index);
        } else {
            ends[place] = index;
        }
    }
    let mut chosen = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        chosen.push(pairs[index]);
        at = before[index];
    }
    chosen.reverse();
    chosen
}

fn tokens(bytes: &[u8], range: &Range<usize>, grain: Grain) -> Vec<Range<usize>> {
    let joins = |a: u8, b: u8| match grain {
        Grain::Lines => a != b'\n',
        Grain::Words => is_word(a) && is_word(b),
    };
    let mut tokens = Vec::new();
    let mut start = range.start;
    for at in range.clone().skip(1) {
        if !joins(bytes[at - 1], bytes[at]) {
            tokens.push(start..at);
            start = at;
        }
    }
    tokens.push(start..range.end);
    tokens
}

/// What numbers, names and base64 are made of: a saved password is one piece.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"+/=_-.".contains(&byte)
}

mod as_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn removed(old: &str, new: &str) -> String {
        let splices = between(old.as_bytes(), new.as_bytes());
        assert_eq!(revert(new.as_bytes(), &splices).as_deref(), Some(old.as_bytes()));
        splices.iter().map(|splice| String::from_utf8_lossy(&splice.removed).into_owned()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn only_what_was_taken_out_is_kept() {
        assert_eq!(removed("port=25\n", "port=26\n"), "5");
        assert_eq!(removed("a=1\n", "a=1\nb=2\n"), "");
        assert_eq!(removed("a=1\nb=2\n", "a=1\n"), "b=2\n");
        assert_eq!(removed("", "x"), "");
    }

    #[test]
    fn passwords_between_two_edits_stay_out_even_on_one_long_line() {
        let old = r#"{"nextId":3,"logins":[{"id":1,"encryptedPassword":"AAAA1111","guid":"{g1}"},{"id":2,"encryptedPassword":"BBBB2222","guid":"{g2}"}],"version":3}"#;
        let new = r#"{"nextId":4,"logins":[{"id":1,"encryptedPassword":"AAAA1111","guid":"{g1}"},{"id":2,"encryptedPassword":"BBBB2222","guid":"{g2}"},{"id":3,"encryptedPassword":"AAAA1111","guid":"{g3}"}],"version":3}"#;
        assert_eq!(removed(old, new), "3|");
    }

    #[test]
    fn passwords_between_edits_of_alike_sections_stay_out() {
        let section = |n: usize, port: u16| format!("[Account: {n}]\nport={port}\npassword=secret{n}\nauth=0\n\n");
        let old: String = (0..1000).map(|n| section(n, 25)).collect();
        let new: String = (0..1000).map(|n| section(n, 26)).collect();
        let removed = removed(&old, &new);
        assert!(!removed.contains("secret"), "{removed}");
        assert_eq!(removed.matches('5').count(), 1000);
    }

    #[test]
    fn splices_that_do_not_belong_are_noticed() {
        assert_eq!(revert(b"abc", &[Splice { at: 2, inserted: 2, removed: vec![] }]), None);
        let twisted = [Splice { at: 2, inserted: 1, removed: vec![] }, Splice { at: 0, inserted: 1, removed: vec![] }];
        assert_eq!(revert(b"abc", &twisted), None);
    }

    proptest! {
        #[test]
        fn any_bytes_revert(old in prop::collection::vec(any::<u8>(), 0..200), new in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(revert(&new, &between(&old, &new)), Some(old));
        }

        #[test]
        fn alike_texts_revert(old in "[ab\n,= ]{0,120}", new in "[ab\n,= ]{0,120}") {
            let splices = between(old.as_bytes(), new.as_bytes());
            let text = serde_json::to_string(&splices).unwrap();
            let splices: Vec<Splice> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(revert(new.as_bytes(), &splices), Some(old.into_bytes()));
        }
    }
}
