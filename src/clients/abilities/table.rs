//! What each program can do, one row a program and version. Every cell says where it is from; what nobody is known to have
//! looked at is the cautious reading, and marked. `docs/programs.md` is made of these rows.

use super::{Abilities, AuthLines, Picks, Source, TlsModeBy, Told};
use crate::account::Mechanism::{self, CramMd5, Login, Plain};
use crate::tls_offer::{TlsOffer, TlsVersion};

const SCHANNEL: &str = "learn.microsoft.com, Protocols in TLS/SSL (Schannel SSP)";
const XLOGIN: &str = "[MS-XLOGIN] 6, Product Behavior";

const fn picks(order: &'static [Mechanism]) -> Picks {
    Picks { order, can_be_named: &[], reads: AuthLines::All, astray: &[] }
}

const BY_SETTING: Told<TlsModeBy> = Told::page(TlsModeBy::Setting, "its settings have a choice for it");

/// Outlook Express 5 and 6.
pub const OUTLOOK_EXPRESS: Abilities = Abilities {
    program: "Outlook Express",
    tls: Told::page(TlsOffer::SCHANNEL_XP, "joewein.net 2018"),
    login: Told::page(picks(&[Login]), XLOGIN),
    tls_mode: Told::page(TlsModeBy::StarttlsOn(&[25]), "T. Finch, NANOG list, 2010-04-22"),
};

/// Outlook 2002 and 2003. With service pack 2 it uses STARTTLS on 587 too, which its settings do not tell.
pub const OUTLOOK_2003: Abilities = Abilities {
    program: "Outlook 2003",
    tls: Told::page(TlsOffer::SCHANNEL_XP, SCHANNEL),
    login: Told::page(picks(&[Login]), XLOGIN),
    tls_mode: Told::page(TlsModeBy::StarttlsOn(&[25]), "derekh.com 2006"),
};

/// Outlook 2007 to 2013; its TLS is the system's.
pub const OUTLOOK_2007: Abilities = Abilities {
    program: "Outlook 2007 to 2013",
    tls: Told::unverified(TlsOffer::SCHANNEL_10),
    login: Told::page(picks(&[Login]), XLOGIN),
    tls_mode: BY_SETTING,
};

/// Outlook 2016 and later, and of Microsoft 365; its TLS is the system's. That it takes PLAIN where LOGIN is missing is
/// reported, in which order is not.
pub const OUTLOOK_2016: Abilities =
    Abilities { program: "Outlook", login: Told::page(picks(&[Login, Plain]), XLOGIN), ..OUTLOOK_2007 };

/// Windows Mail of Vista; its TLS is the system's.
pub const WINDOWS_MAIL: Abilities = Abilities {
    program: "Windows Mail",
    tls: Told::page(TlsOffer::SCHANNEL_7, SCHANNEL),
    login: Told::page(picks(&[Login]), XLOGIN),
    tls_mode: Told::page(TlsModeBy::ImplicitOn(&[465]), "Microsoft KB 933612"),
};

/// Windows Live Mail 2009 to 2012; its TLS is the system's.
pub const WINDOWS_LIVE_MAIL: Abilities = Abilities {
    program: "Windows Live Mail",
    tls: Told::unverified(TlsOffer::SCHANNEL_10),
    login: Told::unverified(picks(&[Login])),
    tls_mode: Told::page(TlsModeBy::ImplicitOn(&[465]), "Microsoft KB 933612"),
};

/// Outlook for Mac, the classic one.
pub const OUTLOOK_FOR_MAC: Abilities = Abilities {
    program: "Outlook for Mac",
    tls: Told::unverified(TlsOffer::SECURE_TRANSPORT),
    login: Told::page(picks(&[Login]), "modoboa-installer issue 175"),
    tls_mode: Told::unverified(TlsModeBy::ImplicitOn(&[465])),
};

/// Apple Mail up to OS X 10.11.
pub const APPLE_MAIL_OLD: Abilities = Abilities {
    program: "Apple Mail (up to OS X 10.11)",
    tls: Told::page(TlsOffer::SECURE_TRANSPORT_OLD, "herrbischoff.com 2018; inmotionhosting.com"),
    login: Told::unverified(picks(&[Plain, Login])),
    tls_mode: BY_SETTING,
};

/// Apple Mail of macOS 10.12 and later.
pub const APPLE_MAIL: Abilities = Abilities {
    program: "Apple Mail",
    tls: Told::page(TlsOffer::SECURE_TRANSPORT, "testssl.sh, capture of Apple Mail 16"),
    ..APPLE_MAIL_OLD
};

const NSS: &str = "Mozilla's release notes of Thunderbird";

/// Thunderbird up to 24.
pub const THUNDERBIRD_24: Abilities = Abilities {
    program: "Thunderbird (up to 24)",
    tls: Told::page(TlsOffer::NSS_OLD, NSS),
    login: Told::page(picks(&[Plain, Login]), "comm-central, nsSmtpProtocol.cpp"),
    tls_mode: BY_SETTING,
};

/// Thunderbird 31 to 59.
pub const THUNDERBIRD_52: Abilities =
    Abilities { program: "Thunderbird (31 to 59)", tls: Told::page(TlsOffer::NSS, NSS), ..THUNDERBIRD_24 };

/// Thunderbird 60 to 77.
pub const THUNDERBIRD_68: Abilities =
    Abilities { program: "Thunderbird (60 to 77)", tls: Told::page(TlsOffer::CURRENT, NSS), ..THUNDERBIRD_24 };

/// Thunderbird 78 and later.
pub const THUNDERBIRD: Abilities = Abilities {
    program: "Thunderbird",
    tls: Told::seen(TlsOffer::CURRENT.within(TlsVersion::V1_2, TlsVersion::V1_3), "Thunderbird 153"),
    login: Told::seen(Picks { reads: AuthLines::Last, ..picks(&[Plain, Login]) }, "Thunderbird 153"),
    tls_mode: BY_SETTING,
};

/// SeaMonkey. It counts its versions in another way, and brings a library of its own choice.
pub const SEAMONKEY: Abilities =
    Abilities { program: "SeaMonkey", tls: Told::unverified(TlsOffer::CURRENT), ..THUNDERBIRD_24 };

/// Postbox; the same holds.
pub const POSTBOX: Abilities = Abilities { program: "Postbox", ..SEAMONKEY };

/// Claws Mail 3 and 4.
pub const CLAWS_MAIL: Abilities = Abilities {
    program: "Claws Mail",
    tls: Told::seen(TlsOffer::CURRENT, "Claws Mail 4.1.1"),
    login: Told::seen(Picks { can_be_named: &[Plain, Login], ..picks(&[CramMd5, Login, Plain]) }, "Claws Mail 4.1.1"),
    tls_mode: BY_SETTING,
};

/// Sylpheed 3. Its hello begins at TLS 1.0, and its OpenSSL ends a handshake with anything before 1.2.
pub const SYLPHEED: Abilities = Abilities {
    program: "Sylpheed",
    tls: Told::seen(TlsOffer::CURRENT.within(TlsVersion::V1_2, TlsVersion::V1_3), "Sylpheed 3.8.0beta1, Debian 12"),
    login: Told::seen(
        Picks { can_be_named: &[Plain, Login], astray: &["XOAUTH2"], ..picks(&[CramMd5, Plain, Login]) },
        "Sylpheed 3.8.0beta1",
    ),
    tls_mode: BY_SETTING,
};

/// Geary. No setting names a mechanism.
pub const GEARY: Abilities = Abilities {
    program: "Geary",
    tls: Told::seen(TlsOffer::CURRENT, "Geary 43.0, Debian 12"),
    login: Told::seen(picks(&[Plain, Login]), "Geary 43.0"),
    tls_mode: BY_SETTING,
};

/// Evolution 3. It takes none by itself: its account editor writes one, PLAIN where nobody chooses another.
pub const EVOLUTION: Abilities = Abilities {
    program: "Evolution",
    tls: Told::seen(TlsOffer::CURRENT, "Evolution 3.46.4"),
    login: Told::seen(Picks { can_be_named: &[Plain, Login], ..picks(&[Plain]) }, "Evolution 3.46.4"),
    tls_mode: BY_SETTING,
};

/// KMail. It takes none by itself: the window for a new login begins with PLAIN.
pub const KMAIL: Abilities = Abilities {
    program: "KMail",
    tls: Told::seen(TlsOffer::CURRENT, "KMail 22.12.3, Debian 12"),
    login: Told::seen(Picks { can_be_named: &[Plain, Login], ..picks(&[Plain]) }, "KMail 22.12.3"),
    tls_mode: BY_SETTING,
};

/// Balsa. No setting names a mechanism; what it has no Kerberos ticket for it tries with the password after that.
pub const BALSA: Abilities = Abilities {
    program: "Balsa",
    tls: Told::seen(TlsOffer::CURRENT, "Balsa 2.6.4, Debian 12"),
    login: Told::page(
        Picks { astray: &["CRAM-SHA1"], ..picks(&[CramMd5, Plain, Login]) },
        "its public source, net-client-smtp.c",
    ),
    tls_mode: BY_SETTING,
};

/// msmtp.
pub const MSMTP: Abilities = Abilities {
    program: "msmtp",
    tls: Told::seen(TlsOffer::CURRENT, "msmtp 1.8.23"),
    login: Told::seen(picks(&[Plain, CramMd5, Login]), "msmtp 1.8.23"),
    tls_mode: BY_SETTING,
};

/// NeoMutt. SCRAM-SHA-256 comes before these where it is offered, which was not seen to work or fail.
pub const NEOMUTT: Abilities = Abilities {
    program: "NeoMutt",
    tls: Told::seen(TlsOffer::CURRENT.within(TlsVersion::V1_2, TlsVersion::V1_3), "NeoMutt 20220429"),
    login: Told::seen(picks(&[CramMd5, Plain, Login]), "NeoMutt 20220429"),
    tls_mode: BY_SETTING,
};

/// S-nail: PLAIN, offered or not.
pub const S_NAIL: Abilities = Abilities {
    program: "S-nail",
    tls: Told::seen(TlsOffer::CURRENT.within(TlsVersion::V1_2, TlsVersion::V1_3), "S-nail 14.9.24, Debian 12"),
    login: Told::seen(picks(&[Plain]), "S-nail 14.9.24"),
    tls_mode: BY_SETTING,
};

/// Eudora 7.
pub const EUDORA: Abilities = Abilities {
    program: "Eudora",
    tls: Told::page(TlsOffer::NSS_OLD, "OpenSSL 0.9.7, its public source of 2018"),
    login: Told::unverified(picks(&[CramMd5, Login, Plain])),
    tls_mode: BY_SETTING,
};

/// A program of which nothing is known that it could not do; no account of such a one is written.
pub const UNKNOWN: Abilities = Abilities {
    program: "the mail program",
    tls: Told::unverified(TlsOffer::CURRENT),
    login: Told::unverified(picks(&[Plain, Login])),
    tls_mode: Told::unverified(TlsModeBy::Setting),
};

/// Every row, and on which system, in the order of the page.
pub const ROWS: [(&str, Abilities); 27] = [
    ("Windows XP and older", OUTLOOK_EXPRESS),
    ("Windows XP and older", OUTLOOK_2003),
    ("Windows 7", Abilities { tls: Told::page(TlsOffer::SCHANNEL_7, SCHANNEL), ..OUTLOOK_2007 }),
    ("Windows 8 to 11", Abilities { tls: Told::page(TlsOffer::SCHANNEL_10, SCHANNEL), ..OUTLOOK_2007 }),
    ("Windows 8 to 11", Abilities { tls: Told::page(TlsOffer::SCHANNEL_10, SCHANNEL), ..OUTLOOK_2016 }),
    ("Windows Vista", WINDOWS_MAIL),
    ("Windows 7", Abilities { tls: Told::page(TlsOffer::SCHANNEL_7, SCHANNEL), ..WINDOWS_LIVE_MAIL }),
    ("Windows 8 to 11", Abilities { tls: Told::page(TlsOffer::SCHANNEL_10, SCHANNEL), ..WINDOWS_LIVE_MAIL }),
    ("macOS", OUTLOOK_FOR_MAC),
    ("up to OS X 10.11", APPLE_MAIL_OLD),
    ("macOS 10.12 and later", APPLE_MAIL),
    ("all", THUNDERBIRD_24),
    ("all", THUNDERBIRD_52),
    ("all", THUNDERBIRD_68),
    ("all", THUNDERBIRD),
    ("all", SEAMONKEY),
    ("Windows, macOS", POSTBOX),
    ("Linux, Windows", CLAWS_MAIL),
    ("all", SYLPHEED),
    ("Linux", GEARY),
    ("Linux", EVOLUTION),
    ("Linux", KMAIL),
    ("Linux", BALSA),
    ("Linux", MSMTP),
    ("Linux", NEOMUTT),
    ("Linux", S_NAIL),
    ("Windows", EUDORA),
];

impl Source {
    /// For the page.
    pub fn words(self) -> String {
        match self {
            Self::Page(page) => page.to_owned(),
            Self::Seen(version) => format!("seen: {version}"),
            Self::Setting(what) => what.to_owned(),
            Self::Unverified => "unverified".to_owned(),
        }
    }
}
