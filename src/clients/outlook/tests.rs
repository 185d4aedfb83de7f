//! Outlook's layouts from 2003 on, on exported registries: what is read, what would be changed.

use port26_platform::registry::Value;
use port26_platform::registry::memory::MemoryRegistry;
use proptest::prelude::*;

use super::*;
use crate::account::{AuthSetting, TlsMode};
use crate::change::Content;
use crate::clients::abilities::table::{OUTLOOK_2003, OUTLOOK_2007, OUTLOOK_2016};
use crate::clients::registry_fixture::{Fixture, computer_with, pairs, shown};

fn fixture(case: &str) -> Fixture {
    Fixture::open(&format!("outlook/{case}"), &OUTLOOK)
}

fn at_26(from: &SubmissionServer, user: &str) -> SubmissionServer {
    SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: CredentialSource::SameAsIncoming,
        user: Some(user.to_owned()),
        ..from.clone()
    }
}

#[test]
fn what_2003_can_do_is_told_by_its_flag_or_by_the_versions_that_were_used() {
    for (case, expected) in [
        ("2003", OUTLOOK_2003),
        ("2003-ssl-flag-only", OUTLOOK_2003),
        ("2010", OUTLOOK_2007),
        ("2013", OUTLOOK_2007),
        ("2016", OUTLOOK_2016),
    ] {
        let fixture = fixture(case);
        let computer = fixture.computer();
        let ours: Vec<&Account> = fixture.found.accounts.iter().filter(|account| account.not_ours.is_none()).collect();
        assert!(
            !ours.is_empty() && ours.iter().all(|account| OUTLOOK.abilities(&computer, account) == expected),
            "{case}"
        );
    }
    let fixture = fixture("2003-ssl-flag-only");
    let now = &fixture.found.accounts[0].outgoing;
    assert_eq!((now.port, now.tls, now.auth), (25, TlsMode::Starttls, AuthSetting::Password));
}

#[test]
fn reads_2003_with_text_in_binary_and_no_port() {
    let fixture = fixture("2003");
    assert_eq!(fixture.installation.version, None);
    assert_eq!(fixture.installation.profiles[0].name, "Outlook");
    assert!(fixture.found.problems.is_empty());
    let ids: Vec<&str> = fixture.found.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(ids, ["outlook/Outlook/00000002", "outlook/Outlook/00000005"], "the address book is no account");
    let account = fixture.account("outlook/Outlook/00000002");
    assert_eq!(
        account.outgoing,
        SubmissionServer {
            host: "smtp.hosting.test".into(),
            port: 25,
            port_is_default: true,
            tls: TlsMode::None,
            auth: AuthSetting::None,
            credential: CredentialSource::None,
            user: None,
            mechanism: None,
        }
    );
    assert_eq!((account.email.as_deref(), account.profile.as_str()), (Some("ada@hosting.test"), "Outlook"));
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Pop3, Some(110)));
    assert_eq!(incoming.user.as_deref(), Some("ada@hosting.test"));
    assert!(account.password_in_client && account.not_ours.is_none() && account.used);
}

#[test]
fn reads_2010_where_2003_was_and_moves_it() {
    let fixture = fixture("2010");
    assert!(fixture.found.problems.is_empty());
    let ids: Vec<&str> = fixture.found.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(ids, ["outlook/Werk/00000002", "outlook/Werk/00000003"], "the data file is no account");
    let eva = fixture.account("outlook/Werk/00000002");
    assert_eq!((eva.outgoing.auth, eva.outgoing.credential), (AuthSetting::Password, CredentialSource::SameAsIncoming));
    assert_eq!(eva.outgoing.user.as_deref(), Some("eva@hosting.test"));
    let to = at_26(&eva.outgoing, "eva@hosting.test");
    let expected = [("SMTP Port", 26), ("SMTP Secure Connection", 2)];
    assert_eq!(shown(&OUTLOOK.changes(eva, &to).unwrap()), pairs(&expected));
    fixture.there_and_back(eva, &to);
    let info = fixture.account("outlook/Werk/00000003");
    fixture.there_and_back(info, &at_26(&info.outgoing, "info@hosting.test"));
}

#[test]
fn login_by_receiving_is_no_login() {
    let fixture = fixture("2003");
    let account = fixture.account("outlook/Outlook/00000005");
    assert_eq!((account.outgoing.auth, account.outgoing.credential), (AuthSetting::None, CredentialSource::None));
    assert_eq!(account.notices[0].code, "login_by_receiving");
    let to = at_26(&account.outgoing, "office");
    let expected = [("SMTP Port", 26), ("SMTP Secure Connection", 2), ("SMTP Use SSL", 1), ("SMTP Auth Method", 0)];
    assert_eq!(shown(&OUTLOOK.changes(account, &to).unwrap()), pairs(&expected), "Use Auth is 2: on already");
}

#[test]
fn reads_2013_own_credentials_and_the_older_flag() {
    let fixture = fixture("2013");
    assert_eq!(fixture.installation.version.as_deref(), Some("15.0"));
    assert_eq!(fixture.found.accounts.len(), 2, "one has no outgoing server");
    let account = fixture.account("outlook/B\u{fc}ro/00000002");
    let out = &account.outgoing;
    assert_eq!((out.port, out.port_is_default, out.tls), (25, false, TlsMode::Starttls));
    assert_eq!((out.auth, out.credential), (AuthSetting::Password, CredentialSource::Own));
    assert_eq!(out.user.as_deref(), Some("ben-out"));
    assert!(account.password_in_client);
    let to = SubmissionServer { port: 26, ..out.clone() };
    assert_eq!(shown(&OUTLOOK.changes(account, &to).unwrap()), pairs(&[("SMTP Port", 26)]));

    let out = &fixture.account("outlook/B\u{fc}ro/00000006").outgoing;
    assert_eq!((out.port, out.tls, out.auth), (465, TlsMode::Implicit, AuthSetting::Ntlm));
    assert_eq!((out.credential, out.user.as_deref()), (CredentialSource::SameAsIncoming, Some("shop")));
}

#[test]
fn leaving_implicit_tls_and_spa_is_written_out() {
    let fixture = fixture("2013");
    let account = fixture.account("outlook/B\u{fc}ro/00000006");
    let changes = OUTLOOK.changes(account, &at_26(&account.outgoing, "shop")).unwrap();
    let expected = [("SMTP Port", 26), ("SMTP Secure Connection", 2), ("SMTP Use SPA", 0)];
    assert_eq!(shown(&changes), pairs(&expected));
}

#[test]
fn text_keeps_the_type_that_is_there() {
    for (case, id) in [("2003", "outlook/Outlook/00000002"), ("2016", "outlook/Outlook/00000002")] {
        let fixture = fixture(case);
        let account = fixture.account(id);
        let to = SubmissionServer { host: "mail.hosting.test".into(), ..account.outgoing.clone() };
        let changes = OUTLOOK.changes(account, &to).unwrap();
        let expected =
            if case == "2003" { Value::text_in_binary("mail.hosting.test") } else { Value::sz("mail.hosting.test") };
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].after, Some(Content::Registry(expected)));
    }
}

#[test]
fn reads_2016_with_pop_imap_and_exchange() {
    let fixture = fixture("2016");
    assert_eq!(fixture.installation.version.as_deref(), Some("16.0"));
    assert_eq!(fixture.found.accounts.len(), 3);
    assert!(fixture.found.problems.is_empty());
    let imap = fixture.account("outlook/Outlook/00000003");
    assert_eq!((imap.outgoing.port, imap.outgoing.tls), (587, TlsMode::Starttls));
    assert_eq!(imap.incoming.as_ref().unwrap().port, Some(993));
    let exchange = fixture.account("outlook/Outlook/00000004");
    assert_eq!((exchange.not_ours, exchange.email.as_deref()), (Some(NotOurs::Exchange), Some("cleo@corp.test")));
    assert!(!exchange.outgoing.host.is_empty() && exchange.settings.is_empty());
    assert!(OUTLOOK.changes(exchange, &at_26(&exchange.outgoing, "cleo")).is_err());
    assert!(fixture.found.accounts.iter().all(|account| account.notices.is_empty()), "new Outlook is off");

    let pop = fixture.account("outlook/Outlook/00000002");
    let changes = OUTLOOK.changes(pop, &at_26(&pop.outgoing, "cleo@hosting.test")).unwrap();
    let expected = [("SMTP Port", 26), ("SMTP Secure Connection", 2), ("SMTP Use Auth", 1)];
    assert_eq!(shown(&changes), pairs(&expected));
    assert_eq!(changes[0].before, Some(Content::Registry(Value::dword(25))));
    assert_eq!(changes[1].before, None);
}

#[test]
fn what_is_odd_is_a_problem_and_hides_nothing() {
    let fixture = fixture("odd");
    let at: Vec<(&str, &str)> = fixture.found.problems.iter().map(|p| (p.at.as_str(), p.code.as_str())).collect();
    assert_eq!(
        at,
        [
            ("outlook/Outlook/00000004", "unexpected_form"),
            ("outlook/Outlook/00000005", "unexpected_form"),
            ("outlook/Outlook/00000007", "unexpected_form"),
        ]
    );
    assert_eq!(fixture.account("outlook/Outlook/00000002").not_ours, Some(NotOurs::Oauth2), "Google, no password");
    assert_eq!(fixture.account("outlook/Outlook/00000003").not_ours, Some(NotOurs::Yahoo));
    let plain = fixture.account("outlook/Outlook/00000006");
    assert_eq!((plain.not_ours, plain.password_in_client), (None, false), "no password alone is not OAuth");
    assert_eq!(plain.outgoing.tls, TlsMode::Starttls);
    let codes: Vec<&str> = plain.notices.iter().map(|notice| notice.code.as_str()).collect();
    assert_eq!(codes, ["tls_automatic", "new_outlook_in_use"]);
    let to = SubmissionServer { port: 26, ..plain.outgoing.clone() };
    let expected = [("SMTP Port", 26), ("SMTP Secure Connection", 2)];
    assert_eq!(shown(&OUTLOOK.changes(plain, &to).unwrap()), pairs(&expected), "automatic may send in the clear");
}

#[test]
fn profiles_of_two_versions_have_two_names() {
    let fixture = fixture("odd");
    let names: Vec<&str> = fixture.installation.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["Outlook", "Outlook (15.0)"]);
    assert_eq!(fixture.account("outlook/Outlook (15.0)/00000002").email.as_deref(), Some("old@hosting.test"));
}

#[test]
fn what_outlook_cannot_do_is_refused() {
    let fixture = fixture("2016");
    let account = fixture.account("outlook/Outlook/00000002");
    let good = at_26(&account.outgoing, "cleo@hosting.test");
    let bad = [
        SubmissionServer { auth: AuthSetting::Oauth2, ..good.clone() },
        SubmissionServer { auth: AuthSetting::Encrypted, ..good.clone() },
        SubmissionServer { credential: CredentialSource::Own, ..good.clone() },
        SubmissionServer { credential: CredentialSource::None, ..good.clone() },
        SubmissionServer { user: Some("somebody-else".into()), ..good.clone() },
    ];
    for to in bad {
        assert!(matches!(OUTLOOK.changes(account, &to), Err(PlanError::CannotExpress { .. })), "{to:?}");
    }
    let mut odd = account.clone();
    odd.settings.get_mut("SMTP Port").unwrap().content = Some(Content::Registry(Value::sz("25")));
    assert!(matches!(OUTLOOK.changes(&odd, &good), Err(PlanError::Unexpected { .. })));
}

#[test]
fn changes_lead_to_the_target_and_back_to_every_byte() {
    for case in ["2003", "2013", "2016", "odd"] {
        let fixture = fixture(case);
        for account in &fixture.found.accounts {
            assert_eq!(OUTLOOK.changes(account, &account.outgoing), Ok(vec![]), "{}", account.id);
            if account.not_ours.is_some() {
                continue;
            }
            let user = account.incoming.as_ref().unwrap().user.clone().unwrap();
            let base = at_26(&account.outgoing, &user);
            let own = account.outgoing.credential == CredentialSource::Own;
            let targets = [
                base.clone(),
                SubmissionServer { port: 465, tls: TlsMode::Implicit, ..base.clone() },
                SubmissionServer { auth: AuthSetting::Ntlm, ..base.clone() },
                SubmissionServer { host: "m\u{fc}ller.hosting.test".into(), ..base.clone() },
                SubmissionServer { tls: TlsMode::None, ..base.clone() },
                SubmissionServer {
                    auth: AuthSetting::None,
                    credential: CredentialSource::None,
                    user: None,
                    ..base.clone()
                },
                if own { SubmissionServer { port: 26, ..account.outgoing.clone() } } else { base },
            ];
            for to in targets {
                fixture.there_and_back(account, &to);
            }
        }
    }
}

#[test]
fn nothing_where_there_is_no_registry_or_no_profile() {
    let computer = computer_with(None);
    assert_eq!(OUTLOOK.detect(&computer).unwrap(), None);
    let computer =
        computer_with(Some(MemoryRegistry::new().with_key(r"Software\Microsoft\Office\16.0\Outlook\Profiles")));
    assert_eq!(OUTLOOK.detect(&computer).unwrap(), None);
}

fn flag() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), (0_u32..4).prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_account_reaches_port_26(
        (port, secure, ssl) in (prop_oneof![Just(None), Just(Some(25)), Just(Some(465))], flag(), flag()),
        (auth, method, spa) in (flag(), prop_oneof![Just(None), (0_u32..3).prop_map(Some)], flag()),
    ) {
        let root = r"Software\Microsoft\Office\16.0\Outlook\Profiles\P";
        let key = format!(r"{root}\{ACCOUNTS}\0000000A");
        let mut registry = MemoryRegistry::new();
        for (name, text) in [("clsid", POP3), ("POP3 Server", "p"), ("POP3 User", "u"), ("SMTP Server", "s"), ("SMTP User", "o")] {
            registry = registry.with(&key, name, Value::sz(text));
        }
        let numbers = [("Port", port), ("Secure Connection", secure), ("Use SSL", ssl), ("Use Auth", auth), ("Auth Method", method), ("Use SPA", spa)];
        for (name, number) in numbers {
            if let Some(number) = number {
                registry = registry.with(&key, &format!("SMTP {name}"), Value::dword(number));
            }
        }
        let computer = computer_with(Some(registry));
        let at = OUTLOOK.detect(&computer).unwrap().unwrap();
        let account = OUTLOOK.accounts(&computer, &at).accounts.remove(0);
        prop_assert_eq!(OUTLOOK.changes(&account, &account.outgoing), Ok(vec![]));
        let to = at_26(&account.outgoing, "u");
        let changes = OUTLOOK.changes(&account, &to).unwrap();
        crate::clients::registry_fixture::apply(&computer, &changes);
        let after = OUTLOOK.accounts(&computer, &at).accounts.remove(0);
        prop_assert_eq!(&after.outgoing, &to);
        prop_assert_eq!(after.settings["SMTP Secure Connection"].content.clone(), Some(Content::Registry(Value::dword(2))));
        prop_assert!(changes.iter().all(|change| change.before != change.after));
    }
}
