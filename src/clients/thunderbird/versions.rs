//! Which program of the family it is, and which TLS its user lets it use: what decides whether a port that proved itself takes
//! it.

use crate::account::{Account, ClientId, Setting};
use crate::change::Content;
use crate::clients::abilities::table::{
    POSTBOX, SEAMONKEY, THUNDERBIRD, THUNDERBIRD_24, THUNDERBIRD_52, THUNDERBIRD_68,
};
use crate::clients::abilities::{Abilities, Source, Told};
use crate::tls_offer::{TlsOffer, TlsVersion};

/// Major version of the program that used the profile last, among an account's settings; only where it matters.
pub(super) const MAJOR: &str = "version";
/// The oldest and the newest TLS, among an account's settings; only where they are set.
pub(super) const RANGE: [&str; 2] = ["tls_oldest", "tls_newest"];

/// From this version on Thunderbird needs TLS 1.2.
pub(super) const NEEDS_TLS_1_2: u32 = 78;

/// What the program of this account can do.
pub(super) fn abilities(account: &Account) -> Abilities {
    let number = |name| raw(account.settings.get(name)?)?.trim().parse::<i64>().ok();
    let row = match (account.client, number(MAJOR)) {
        (ClientId::Seamonkey, _) => SEAMONKEY,
        (ClientId::Postbox, _) => POSTBOX,
        (_, Some(..=24)) => THUNDERBIRD_24,
        (_, Some(25..=59)) => THUNDERBIRD_52,
        (_, Some(60..78)) => THUNDERBIRD_68,
        _ => THUNDERBIRD,
    };
    match RANGE.map(number) {
        [None, None] => row,
        [oldest, newest] => Abilities { tls: within(row.tls, oldest, newest), ..row },
    }
}

/// The range that the settings leave. Where one of both is no version, or they leave none, the program goes by its defaults
/// (`FillTLSVersionRange` in nsNSSComponent.cpp; Thunderbird 153 does).
fn within(has: Told<TlsOffer>, oldest: Option<i64>, newest: Option<i64>) -> Told<TlsOffer> {
    let bound = |set: Option<i64>, by_default| match set {
        Some(number) => usize::try_from(number).ok()?.checked_sub(1).and_then(|at| TlsVersion::ALL.get(at)).copied(),
        None => Some(by_default),
    };
    match (bound(oldest, has.is.oldest), bound(newest, has.is.newest)) {
        (Some(oldest), Some(newest)) if oldest <= newest.min(has.is.newest) => Told {
            is: has.is.within(oldest, newest.min(has.is.newest)),
            by: Source::Setting("its security.tls.version"),
        },
        _ => has,
    }
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
        // seen in Thunderbird 153
        for (oldest, newest) in [("4", "3"), ("0", "0"), ("0", "2"), ("4", "5"), ("5", "5"), ("-1", "3")] {
            assert_eq!(range(&[("tls_oldest", oldest), ("tls_newest", newest)]), (V1_2, V1_3), "{oldest} to {newest}");
        }
        assert_eq!(range(&[("tls_oldest", "1"), ("tls_newest", "1")]), (V1_0, V1_0));
    }

    /// SeaMonkey 2.53 is not Thunderbird 2, nor Postbox 7 Thunderbird 7.
    #[test]
    fn its_relatives_count_by_other_numbers() {
        for (client, major) in [(ClientId::Seamonkey, "2"), (ClientId::Postbox, "7"), (ClientId::Postbox, "1")] {
            let slot = Slot::Registry { key: String::new(), value: String::new() };
            let setting = Setting { slot, content: Some(Content::Raw(major.to_owned())) };
            let settings = BTreeMap::from([(MAJOR, setting)]);
            let old = Account { client, settings, ..account(25, TlsMode::None, AuthSetting::None) };
            let able = abilities(&old);
            assert!(able.tls.is.newest == V1_3 && !able.tls.is_verified() && !able.program.contains("Thunderbird"));
        }
    }
}
