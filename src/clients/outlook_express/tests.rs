//! Outlook Express on its exported registries: what is read, what would be changed.

use super::*;
use crate::clients::registry_fixture::{Fixture, computer_with, pairs, shown};
use crate::tls_offer::TlsVersion;

const FIRST: &str = "outlook_express/{6F9A2C10-0000-4000-8000-00000000A001}/00000001";
const GUEST: &str = "outlook_express/{6F9A2C10-0000-4000-8000-00000000A002}/00000001";

fn fixture() -> Fixture {
    Fixture::open("outlook_express/6", &OUTLOOK_EXPRESS)
}

fn at_465(from: &SubmissionServer, user: &str) -> SubmissionServer {
    SubmissionServer {
        port: 465,
        port_is_default: false,
        tls: TlsMode::Implicit,
        auth: AuthSetting::Password,
        credential: CredentialSource::SameAsIncoming,
        user: Some(user.to_owned()),
        ..from.clone()
    }
}

#[test]
fn the_default_identity_first_then_the_others_then_the_shared_place() {
    let fixture = fixture();
    let ids: Vec<&str> = fixture.found.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(ids, [FIRST, GUEST, "outlook_express/main/00000001", "outlook_express/main/00000002"]);
    assert_eq!(fixture.found.problems.len(), 1);
    assert_eq!(fixture.found.problems[0].at, "outlook_express/main/00000003");
}

#[test]
fn reads_what_each_way_to_log_in_means() {
    let fixture = fixture();
    let first = fixture.account(FIRST);
    assert_eq!((first.outgoing.port, first.outgoing.port_is_default), (25, true));
    assert_eq!((first.outgoing.tls, first.outgoing.auth), (TlsMode::None, AuthSetting::None));
    assert!(first.password_in_client);
    let guest = fixture.account(GUEST);
    assert_eq!((guest.outgoing.credential, guest.outgoing.user.as_deref()), (CredentialSource::Own, Some("guest-out")));
    let implicit = fixture.account("outlook_express/main/00000001");
    assert_eq!((implicit.outgoing.tls, implicit.outgoing.user.as_deref()), (TlsMode::Implicit, Some("finn")));
    let spa = fixture.account("outlook_express/main/00000002");
    // On every port but 25 it encrypts from the first byte.
    assert_eq!((spa.outgoing.port, spa.outgoing.tls, spa.outgoing.auth), (587, TlsMode::Implicit, AuthSetting::Ntlm));
}

#[test]
fn changes_only_what_must_change() {
    let fixture = fixture();
    let first = fixture.account(FIRST);
    let changes = OUTLOOK_EXPRESS.changes(first, &at_465(&first.outgoing, "eve")).unwrap();
    let expected = [("SMTP Port", 465), ("SMTP Secure Connection", 1), ("SMTP Use Sicily", 2)];
    assert_eq!(shown(&changes), pairs(&expected));
    // From 465 the same flag means STARTTLS on 25.
    let implicit = fixture.account("outlook_express/main/00000001");
    let to = SubmissionServer { port: 25, tls: TlsMode::Starttls, ..at_465(&implicit.outgoing, "finn") };
    assert_eq!(shown(&OUTLOOK_EXPRESS.changes(implicit, &to).unwrap()), pairs(&[("SMTP Port", 25)]));
}

#[test]
fn refuses_what_the_program_cannot_do() {
    let fixture = fixture();
    let first = fixture.account(FIRST);
    let good = at_465(&first.outgoing, "eve");
    let bad = [
        SubmissionServer { port: 25, ..good.clone() },
        SubmissionServer { tls: TlsMode::Starttls, ..good.clone() },
        SubmissionServer { port: 26, tls: TlsMode::Starttls, ..good.clone() },
        SubmissionServer { auth: AuthSetting::Oauth2, ..good.clone() },
        SubmissionServer { credential: CredentialSource::Own, ..good.clone() },
        SubmissionServer { user: Some("somebody-else".into()), ..good.clone() },
    ];
    for to in bad {
        assert!(matches!(OUTLOOK_EXPRESS.changes(first, &to), Err(PlanError::CannotExpress { .. })), "{to:?}");
    }
}

#[test]
fn changes_lead_to_the_target_and_back_to_every_byte() {
    let fixture = fixture();
    for account in &fixture.found.accounts {
        assert_eq!(OUTLOOK_EXPRESS.changes(account, &account.outgoing), Ok(vec![]), "{}", account.id);
        let user = account.incoming.as_ref().unwrap().user.clone().unwrap();
        let base = at_465(&account.outgoing, &user);
        let none = (AuthSetting::None, CredentialSource::None, None);
        fixture.there_and_back(account, &base);
        fixture.there_and_back(account, &SubmissionServer { auth: AuthSetting::Ntlm, ..base.clone() });
        fixture.there_and_back(account, &SubmissionServer { port: 2526, ..base.clone() });
        fixture.there_and_back(account, &SubmissionServer { host: "mail.hosting.test".into(), ..base.clone() });
        let (auth, credential, user) = none;
        fixture.there_and_back(account, &SubmissionServer { auth, credential, user, tls: TlsMode::None, ..base });
    }
    let guest = fixture.account(GUEST);
    let own = SubmissionServer { port: 465, tls: TlsMode::Implicit, ..guest.outgoing.clone() };
    fixture.there_and_back(guest, &own);
}

#[test]
fn tls_on_25_is_read_and_starttls_is_for_no_other_port() {
    let fixture = Fixture::open("outlook_express/ssl-on-25", &OUTLOOK_EXPRESS);
    let account = &fixture.found.accounts[0];
    let now = &account.outgoing;
    assert_eq!((now.port, now.tls, now.auth), (25, TlsMode::Starttls, AuthSetting::Password));
    let abilities = OUTLOOK_EXPRESS.abilities(&fixture.computer(), account);
    assert_eq!(abilities.tls.is.newest, TlsVersion::V1_0);
    assert!(!abilities.tls_mode.is.allows(26, TlsMode::Starttls));
    assert!(
        abilities.tls_mode.is.allows(465, TlsMode::Implicit) && abilities.tls_mode.is.allows(25, TlsMode::Starttls)
    );
}

#[test]
fn nothing_where_there_are_no_accounts() {
    assert_eq!(OUTLOOK_EXPRESS.detect(&computer_with(None)).unwrap(), None);
}
