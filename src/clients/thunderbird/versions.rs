//! Which program of the family it is, and which TLS its user lets it use: what decides whether a port that proved itself takes
//! it.

use crate::account::{Account, Setting};
use crate::change::Content;
use crate::clients::abilities::table::{THUNDERBIRD, THUNDERBIRD_24, THUNDERBIRD_52, THUNDERBIRD_68};
use crate::clients::abilities::{Abilities, Source, Told};
use crate::tls_offer::TlsVersion;

/// Major version of the program that used the profile last, among an account's settings; only where it matters.
pub(super) const MAJOR: &str = "version";
/// The oldest and the newest TLS, among an account's settings; only where they are set.
pub(super) const RANGE: [&str; 2] = ["tls_oldest", "tls_newest"];

/// From this version on the program needs TLS 1.2.
pub(super) const NEEDS_TLS_1_2: u32 = 78;

/// What the program of this account can do.
pub(super) fn abilities(account: &Account) -> Abilities {
    let number = |name| raw(account.settings.get(name)?)?.trim().parse::<u32>().ok();
    let row = match number(MAJOR) {
        Some(..=24) => THUNDERBIRD_24,
        Some(25..=59) => THUNDERBIRD_52,
        Some(60..NEEDS_TLS_1_2) => THUNDERBIRD_68,
        _ => THUNDERBIRD,
    };
    let set = RANGE.map(number);
    if set == [None, None] {
        return row;
    }
    // Beyond what the library has a number means the nearest that it has; a range without a version is not used.
    let has = &row.tls.is;
    let of_number = |number: u32| number.checked_sub(1).and_then(|at| TlsVersion::ALL.get(at as usize)).copied();
    let bound = |set: Option<u32>, by_default| match set {
        Some(number) => of_number(number).unwrap_or(if number == 0 { TlsVersion::V1_0 } else { TlsVersion::V1_3 }),
        None => by_default,
    };
    let (oldest, newest) = (bound(set[0], has.oldest), bound(set[1], has.newest).min(has.newest));
    let tls = match oldest <= newest {
        true => Told { is: has.within(oldest, newest), by: Source::Setting("its security.tls.version") },
        false => Told::unverified(*has),
    };
    Abilities { tls, ..row }
}

fn raw(setting: &Setting) -> Option<&str> {
    match &setting.content {
        Some(Content::Raw(raw)) => Some(raw),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::account::{AuthSetting, TlsMode};
    use crate::change::Slot;
    use crate::diagnosis::tests::account;
    use TlsVersion::{V1_0, V1_2, V1_3};

    fn range(settings: &[(&'static str, &str)]) -> (TlsVersion, TlsVersion) {
        let setting = |raw: &str| Setting {
            slot: Slot::Registry { key: String::new(), value: String::new() },
            content: Some(Content::Raw(raw.to_owned())),
        };
        let settings: BTreeMap<_, _> = settings.iter().map(|(name, raw)| (*name, setting(raw))).collect();
        let tls = abilities(&Account { settings, ..account(25, TlsMode::None, AuthSetting::None) }).tls.is;
        (tls.oldest, tls.newest)
    }

    #[test]
    fn version_and_settings_make_the_range() {
        assert_eq!(range(&[]), (V1_2, V1_3));
        assert_eq!(range(&[(MAJOR, "24")]), (V1_0, V1_0));
        assert_eq!(range(&[(MAJOR, "52")]), (V1_0, V1_2));
        assert_eq!(range(&[(MAJOR, "68")]), (V1_0, V1_3));
        assert_eq!(range(&[("tls_oldest", "1")]), (V1_0, V1_3));
        assert_eq!(range(&[("tls_oldest", "4")]), (V1_3, V1_3));
        assert_eq!(range(&[("tls_newest", "3")]), (V1_2, V1_2));
        assert_eq!(range(&[(MAJOR, "52"), ("tls_newest", "4")]), (V1_0, V1_2), "no more than its library has");
        assert_eq!(range(&[("tls_oldest", "4"), ("tls_newest", "3")]), (V1_2, V1_3), "a range without a version");
    }
}
