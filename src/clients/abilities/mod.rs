//! What a mail program can do by itself, whatever its settings say: a port that proved itself to port26, with a TLS of
//! today and a mechanism of port26's choice, need not take the program. The rows are in [`table`], each cell with its source.

pub mod gnutls;
pub mod table;
pub mod windows;

use crate::account::{AuthSetting, Mechanism, TlsMode};
use crate::tls_offer::TlsOffer;

/// What a program can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Its name, with version and system where that matters.
    pub program: &'static str,
    /// What TLS it has.
    pub tls: Told<TlsOffer>,
    /// How it logs in.
    pub login: Told<Picks>,
    /// How it chooses between STARTTLS and TLS from the first byte.
    pub tls_mode: Told<TlsModeBy>,
}

/// A fact, and where it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<T> {
    /// The fact.
    pub is: T,
    /// Who says so.
    pub by: Source,
}

/// Where a fact is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A public page or report, in short.
    Page(&'static str),
    /// The program itself was run and watched, this version of it.
    Seen(&'static str),
    /// A setting of this computer or account says it.
    Setting(&'static str),
    /// Nobody is known to have looked: the cautious reading.
    Unverified,
}

impl<T> Told<T> {
    /// By a page.
    pub const fn page(is: T, page: &'static str) -> Self {
        Self { is, by: Source::Page(page) }
    }

    /// By the program itself.
    pub const fn seen(is: T, version: &'static str) -> Self {
        Self { is, by: Source::Seen(version) }
    }

    /// By nobody.
    pub const fn unverified(is: T) -> Self {
        Self { is, by: Source::Unverified }
    }

    /// Has somebody looked?
    pub fn is_verified(&self) -> bool {
        self.by != Source::Unverified
    }
}

/// How a program logs in with a password, where no setting names the mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picks {
    /// Those that it tries by itself, the first one first. It takes the first that the host offers. No program that was
    /// watched tries another one after a refusal.
    pub order: &'static [Mechanism],
    /// Those that a setting of it can name, the best to name first.
    pub can_be_named: &'static [Mechanism],
    /// In which lines of the host's answer it looks for them.
    pub reads: AuthLines,
    /// Others, by their names in SASL, that it tries before all of these where the host offers one. They are proven with no
    /// password, so that it fails there.
    pub astray: &'static [&'static str],
}

/// Where a program looks for the mechanisms that a host offers: a host may have more than one line for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthLines {
    /// In each line, in the old form `AUTH=` as well.
    All,
    /// In the last one that begins with `AUTH` and a space.
    Last,
}

impl Picks {
    /// What it takes of what is offered although it has nothing for it, by the name in SASL.
    pub fn led_astray(&self, offered: &[String]) -> Option<&'static str> {
        self.astray.iter().copied().find(|astray| offered.iter().any(|one| one == astray))
    }

    /// What it takes by itself of what is offered; `None` also where that is none for a password.
    pub fn by_itself(&self, offered: &[String]) -> Option<Mechanism> {
        if self.led_astray(offered).is_some() {
            return None;
        }
        self.order.iter().copied().find(|one| one.is_in(offered))
    }
}

/// How a program chooses between STARTTLS and TLS from the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsModeBy {
    /// A setting says it.
    Setting,
    /// STARTTLS on these ports, TLS from the first byte on every other one.
    StarttlsOn(&'static [u16]),
    /// TLS from the first byte on these ports, STARTTLS on every other one.
    ImplicitOn(&'static [u16]),
}

impl TlsModeBy {
    /// Can the program be brought to encrypt in this way on this port?
    pub fn allows(self, port: u16, tls: TlsMode) -> bool {
        match (self, tls) {
            (_, TlsMode::None) | (Self::Setting, _) => true,
            (Self::StarttlsOn(ports), tls) => ports.contains(&port) == (tls == TlsMode::Starttls),
            (Self::ImplicitOn(ports), tls) => ports.contains(&port) == (tls == TlsMode::Implicit),
        }
    }
}

impl Abilities {
    /// The mechanism by which it will log in with these settings, of what is offered. `None`: it has none of those.
    pub fn mechanism(&self, auth: AuthSetting, named: Option<Mechanism>, offered: &[String]) -> Option<Mechanism> {
        match (auth, named) {
            (AuthSetting::Encrypted, _) => Some(Mechanism::CramMd5).filter(|one| one.is_in(offered)),
            (_, Some(named)) => Some(named).filter(|one| one.is_in(offered)),
            (_, None) => self.login.is.by_itself(offered),
        }
    }

    /// The mechanism that a setting is to name so that the program logs in as port26 proves it; `None`: what it takes by
    /// itself is that, or no setting can name one.
    ///
    /// CRAM-MD5 is not left to chance: a host that keeps its passwords hashed announces it all the same and refuses
    /// everybody, and the one login of a run would tell that too late.
    pub fn to_be_named(&self, now: Option<Mechanism>, offered: &[String]) -> Option<Mechanism> {
        let sent_as_it_is = |one: &Mechanism| *one != Mechanism::CramMd5 && one.is_in(offered);
        match now {
            Some(named) if sent_as_it_is(&named) => return Some(named),
            None if self.login.is.by_itself(offered).is_some_and(|one| sent_as_it_is(&one)) => return None,
            _ => {}
        }
        self.login.is.can_be_named.iter().copied().find(sent_as_it_is)
    }
}

#[cfg(test)]
mod tests {
    use super::table::{CLAWS_MAIL, OUTLOOK_EXPRESS, SYLPHEED, THUNDERBIRD};
    use super::*;
    use Mechanism::{CramMd5, Login, Plain};

    fn offered(names: &[Mechanism]) -> Vec<String> {
        names.iter().map(|one| one.name().to_owned()).collect()
    }

    #[test]
    fn what_a_program_takes_by_itself() {
        let all = offered(&[Plain, Login, CramMd5]);
        let by_itself =
            |abilities: &Abilities, offered: &[String]| abilities.mechanism(AuthSetting::Password, None, offered);
        assert_eq!(by_itself(&THUNDERBIRD, &all), Some(Plain));
        assert_eq!(by_itself(&CLAWS_MAIL, &all), Some(CramMd5));
        assert_eq!(by_itself(&OUTLOOK_EXPRESS, &all), Some(Login));
        assert_eq!(by_itself(&OUTLOOK_EXPRESS, &offered(&[Plain])), None);
        assert_eq!(THUNDERBIRD.mechanism(AuthSetting::Encrypted, None, &offered(&[Plain])), None);
        assert_eq!(CLAWS_MAIL.mechanism(AuthSetting::Password, Some(Login), &all), Some(Login));
        assert_eq!(CLAWS_MAIL.mechanism(AuthSetting::Password, Some(Login), &offered(&[Plain])), None);
    }

    #[test]
    fn a_mechanism_is_named_only_where_the_programs_own_choice_may_fail() {
        let all = offered(&[Plain, Login, CramMd5]);
        assert_eq!(CLAWS_MAIL.to_be_named(None, &offered(&[Plain, Login])), None);
        assert_eq!(CLAWS_MAIL.to_be_named(None, &all), Some(Plain));
        assert_eq!(CLAWS_MAIL.to_be_named(None, &offered(&[Login, CramMd5])), Some(Login));
        assert_eq!(CLAWS_MAIL.to_be_named(Some(Login), &all), Some(Login), "what is named and offered stays");
        assert_eq!(CLAWS_MAIL.to_be_named(Some(Login), &offered(&[Plain])), Some(Plain));
        assert_eq!(THUNDERBIRD.to_be_named(None, &all), None);
        assert_eq!(OUTLOOK_EXPRESS.to_be_named(None, &offered(&[Plain])), None, "it has no setting for it");
    }

    /// Sylpheed 3.8.0beta1 begins AUTH XOAUTH2 wherever it is offered, has no token, and does not send.
    #[test]
    fn a_program_that_is_led_astray_is_told_the_way() {
        let offered = offered(&[Plain, Login]).into_iter().chain(["XOAUTH2".to_owned()]).collect::<Vec<_>>();
        assert_eq!(SYLPHEED.mechanism(AuthSetting::Password, None, &offered), None);
        assert_eq!(SYLPHEED.to_be_named(None, &offered), Some(Plain));
        assert_eq!(SYLPHEED.mechanism(AuthSetting::Password, Some(Plain), &offered), Some(Plain));
        assert_eq!(SYLPHEED.to_be_named(None, &offered[..2]), None);
        assert_eq!(THUNDERBIRD.mechanism(AuthSetting::Password, None, &offered), Some(Plain));
    }

    #[test]
    fn a_mode_that_the_port_decides_must_be_the_ports_own() {
        let by_port = OUTLOOK_EXPRESS.tls_mode.is;
        for (port, tls, can) in [
            (25, TlsMode::Starttls, true),
            (25, TlsMode::Implicit, false),
            (26, TlsMode::Starttls, false),
            (26, TlsMode::Implicit, true),
            (465, TlsMode::Implicit, true),
            (587, TlsMode::Starttls, false),
            (587, TlsMode::None, true),
        ] {
            assert_eq!(by_port.allows(port, tls), can, "{port} {tls:?}");
        }
        let live_mail = TlsModeBy::ImplicitOn(&[465]);
        assert!(live_mail.allows(26, TlsMode::Starttls) && !live_mail.allows(26, TlsMode::Implicit));
        assert!(live_mail.allows(465, TlsMode::Implicit) && !live_mail.allows(465, TlsMode::Starttls));
    }
}
