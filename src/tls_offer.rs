//! What a TLS client offers in its first message: versions, cipher suites, extensions. Plain data, from which a hello can
//! be made that holds no more than a certain mail program has.

use serde::{Deserialize, Serialize};

/// A version of TLS, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum TlsVersion {
    #[serde(rename = "TLSv1.0")]
    V1_0,
    #[serde(rename = "TLSv1.1")]
    V1_1,
    #[serde(rename = "TLSv1.2")]
    V1_2,
    #[serde(rename = "TLSv1.3")]
    V1_3,
}

impl TlsVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];

    /// `1.2`
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// The two bytes that stand for it (RFC 5246 A.1, RFC 8446 4.2.1).
    pub fn wire(self) -> u16 {
        match self {
            Self::V1_0 => 0x0301,
            Self::V1_1 => 0x0302,
            Self::V1_2 => 0x0303,
            Self::V1_3 => 0x0304,
        }
    }

    /// The version with these bytes.
    pub fn from_wire(bytes: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.wire() == bytes)
    }

    /// The version that a finding names: `TLSv1.2`.
    pub fn named(name: &str) -> Option<Self> {
        let number = name.strip_prefix("TLSv")?.replace('_', ".");
        Self::ALL.into_iter().find(|version| version.number() == number)
    }
}

/// What a TLS client has, and puts into its hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsOffer {
    /// The library it comes from, by which two offers are told apart: `schannel_7`.
    pub stack: &'static str,
    /// The oldest version that it accepts.
    pub oldest: TlsVersion,
    /// The newest version that it has.
    pub newest: TlsVersion,
    /// Cipher suites by number (IANA), up to TLS 1.2.
    pub suites: &'static [u16],
    /// Elliptic curves by number (IANA); without any it sends no extension for them.
    pub groups: &'static [u16],
    /// Does it say which host it wants (SNI, RFC 6066)?
    pub names_the_host: bool,
}

// Suites: Qualys SSL Labs, "User Agent Capabilities", of the browser that uses the same library of the system (IE 8 on XP,
// IE 8 to 10 on 7, IE 11 on 10, Safari 6 on 10.8, Safari 10 on 10.12); the same lists stand in testssl.sh's client simulation.

const CURVES: &[u16] = &[29, 23, 24, 25];

impl TlsOffer {
    /// Schannel of Windows XP: no AES, no SNI, no elliptic curves.
    pub const SCHANNEL_XP: Self = Self {
        stack: "schannel_xp",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_0,
        suites: &[0x0004, 0x0005, 0x000a, 0x0009, 0x0064, 0x0062, 0x0003, 0x0006, 0x0013, 0x0012, 0x0063],
        groups: &[],
        names_the_host: false,
    };

    /// Schannel of Windows Vista and 7 as it is by default: TLS 1.0.
    pub const SCHANNEL_7: Self = Self {
        stack: "schannel_7",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_0,
        suites: &[0x002f, 0x0035, 0x0005, 0x000a, 0xc013, 0xc014, 0xc009, 0xc00a, 0x0032, 0x0038, 0x0013, 0x0004],
        groups: &[23, 24],
        names_the_host: true,
    };

    /// Schannel of Windows 7 where the newer versions are switched on.
    pub const SCHANNEL_7_UPDATED: Self = Self {
        stack: "schannel_7_updated",
        newest: TlsVersion::V1_2,
        suites: &[
            0xc028, 0xc027, 0xc014, 0xc013, 0x009f, 0x009e, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0xc02c,
            0xc02b, 0xc024, 0xc023, 0xc00a, 0xc009, 0x006a, 0x0040, 0x0038, 0x0032, 0x000a, 0x0013, 0x0005, 0x0004,
        ],
        ..Self::SCHANNEL_7
    };

    /// Schannel of Windows 8 to 11, as far as TLS 1.2.
    pub const SCHANNEL_10: Self = Self {
        stack: "schannel_10",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_2,
        suites: &[
            0xc02c, 0xc02b, 0xc030, 0xc02f, 0x009f, 0x009e, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014,
            0xc013, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a,
        ],
        groups: CURVES,
        names_the_host: true,
    };

    /// Secure Transport as Apple Mail used it up to OS X 10.11: TLS 1.0.
    pub const SECURE_TRANSPORT_OLD: Self = Self {
        stack: "secure_transport_old",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_0,
        suites: &[
            0xc00a, 0xc009, 0xc007, 0xc008, 0xc013, 0xc014, 0xc011, 0xc012, 0xc004, 0xc005, 0xc002, 0xc003, 0xc00e,
            0xc00f, 0xc00c, 0xc00d, 0x002f, 0x0005, 0x0004, 0x0035, 0x000a, 0x0033, 0x0039, 0x0016,
        ],
        groups: &[23, 24, 25],
        names_the_host: true,
    };

    /// Secure Transport of macOS 10.12 and later, as Apple Mail uses it: TLS 1.2.
    pub const SECURE_TRANSPORT: Self = Self {
        stack: "secure_transport",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_2,
        suites: &[
            0xc02c, 0xc02b, 0xc024, 0xc023, 0xc00a, 0xc009, 0xc030, 0xc02f, 0xc028, 0xc027, 0xc014, 0xc013, 0x009d,
            0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a,
        ],
        groups: &[23, 24, 25],
        names_the_host: true,
    };

    /// NSS as Thunderbird had it up to version 24: TLS 1.0.
    pub const NSS_OLD: Self = Self {
        stack: "nss_old",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_0,
        suites: &[
            0xc00a, 0xc014, 0x0088, 0x0087, 0x0039, 0x0038, 0xc00f, 0xc005, 0x0084, 0x0035, 0xc009, 0xc013, 0x0033,
            0x0032, 0x002f, 0xc007, 0xc011, 0x0005, 0x0004, 0xc008, 0xc012, 0x0016, 0x0013, 0x000a,
        ],
        groups: &[23, 24, 25],
        names_the_host: true,
    };

    /// NSS of Thunderbird 31 to 59: TLS 1.2.
    pub const NSS: Self = Self {
        stack: "nss",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_2,
        suites: &[
            0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013, 0xc014, 0x0033, 0x0039, 0x002f,
            0x0035, 0x000a,
        ],
        groups: CURVES,
        names_the_host: true,
    };

    /// A library of today, with TLS 1.3 and everything before it.
    pub const CURRENT: Self = Self {
        stack: "current",
        oldest: TlsVersion::V1_0,
        newest: TlsVersion::V1_3,
        suites: &[
            0xc02c, 0xc02b, 0xc030, 0xc02f, 0xcca9, 0xcca8, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014,
            0xc013, 0x009f, 0x009e, 0x009d, 0x009c, 0x003d, 0x003c, 0x0039, 0x0033, 0x0035, 0x002f,
        ],
        groups: CURVES,
        names_the_host: true,
    };

    /// Is it the library that Windows itself brings along?
    pub fn is_the_systems(&self) -> bool {
        self.stack.starts_with("schannel")
    }

    /// The same library with another range of versions.
    #[must_use]
    pub const fn within(self, oldest: TlsVersion, newest: TlsVersion) -> Self {
        Self { oldest, newest, ..self }
    }

    /// What an answer to it is filed under: the library and the range.
    pub fn label(&self) -> String {
        format!("{} {} to {}", self.stack, self.oldest.number(), self.newest.number())
    }

    /// The range in words: `TLS 1.0`, `TLS 1.0 to 1.2`.
    pub fn range(&self) -> String {
        match self.oldest == self.newest {
            true => format!("TLS {}", self.newest.number()),
            false => format!("TLS {} to {}", self.oldest.number(), self.newest.number()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_by_its_bytes_and_by_its_name() {
        for version in TlsVersion::ALL {
            assert_eq!(TlsVersion::from_wire(version.wire()), Some(version));
            assert_eq!(TlsVersion::named(&format!("TLSv{}", version.number())), Some(version));
        }
        assert_eq!(TlsVersion::from_wire(0x0300), None, "SSL 3.0 is none");
        assert_eq!(TlsVersion::named("TLSv2"), None);
        assert!(TlsVersion::V1_0 < TlsVersion::V1_3);
    }

    #[test]
    fn an_old_library_has_no_suite_that_only_a_newer_version_knows() {
        // RFC 5246 made SHA-256 and GCM suites for TLS 1.2 and later.
        let newer = |suite: &u16| matches!(suite, 0x003c..=0x0040 | 0x0067..=0x006d | 0x009c..=0x00a7 | 0xc023..=0xc032 | 0xcca8..=0xccae);
        for old in [TlsOffer::SCHANNEL_XP, TlsOffer::SCHANNEL_7, TlsOffer::SECURE_TRANSPORT_OLD, TlsOffer::NSS_OLD] {
            assert_eq!(old.newest, TlsVersion::V1_0);
            assert!(!old.suites.iter().any(newer), "{}", old.stack);
        }
        assert_eq!(TlsOffer::SCHANNEL_XP.range(), "TLS 1.0");
        assert_eq!(TlsOffer::NSS.within(TlsVersion::V1_2, TlsVersion::V1_3).range(), "TLS 1.2 to 1.3");
    }
}
