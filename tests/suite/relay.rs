//! `port26 relay --use`: where no port of the mail host gets through, the account goes to the provider's own server, and
//! comes back with `undo`. The From address stays, the mail host's password is never shown to the provider.

use std::time::Duration;

use port26::rehearsal::certificates::Authority;
use port26::rehearsal::mail_host::{MailHost, MailHostConfig, Service};
use port26_platform::computer::Os;

use crate::support::open_client;
use crate::support::program::{HOST, PASSWORD, Run, USER, World, first_prefs};

const PROVIDER: &str = "smtp.isp.test";
const PROVIDER_USER: &str = "k4711";
const PROVIDER_PASSWORD: &str = "Leitung:77";

/// A world where the mail host's outgoing ports are closed, and the provider's server that is not.
struct ShutOut {
    world: World,
    provider: MailHost,
}

impl ShutOut {
    async fn new() -> Self {
        let world = World::new().await.blocking(&[26, 465, 587, 2525]);
        let authority = Authority::new("Provider CA").unwrap();
        let provider = MailHost::start(MailHostConfig {
            host_name: PROVIDER.to_owned(),
            domains: vec!["isp.test".to_owned()],
            accounts: vec![(PROVIDER_USER.to_owned(), PROVIDER_PASSWORD.to_owned())],
            services: Service::usual(),
            certificate: authority.server(&[PROVIDER]).unwrap(),
        })
        .await
        .unwrap();
        let roots = world.folder.path().join("ca.pem");
        let both = format!("{}{}", std::fs::read_to_string(&roots).unwrap(), authority.pem());
        std::fs::write(roots, both).unwrap();
        Self { world, provider }
    }

    async fn relay(&self, arguments: &[&str], stdin: &str) -> Run {
        let rules = self.provider.connect_to_rules(PROVIDER);
        let rules = rules.iter().flat_map(|rule| ["--connect-to", rule.as_str()]);
        let arguments: Vec<&str> = arguments.iter().copied().chain(rules).collect();
        self.world.with_input(&arguments, stdin).await
    }

    async fn use_it(&self, more: &[&str], stdin: &str) -> Run {
        let server = format!("{PROVIDER}:587");
        let fixed = ["relay", "--use", "--server", &server, "--user", PROVIDER_USER, "--credential-stdin", "--json"];
        self.relay(&[&fixed, more].concat(), stdin).await
    }
}

#[tokio::test]
async fn an_account_without_a_route_goes_to_the_provider_and_back() {
    let shut_out = ShutOut::new().await;
    let world = &shut_out.world;
    let both = format!("{USER}@@{HOST}:{PASSWORD}\n{PROVIDER_USER}@@{PROVIDER}:{PROVIDER_PASSWORD}\n");

    let told = shut_out.use_it(&["--dry-run"], &both).await;
    assert_eq!((told.code, told.result().0.as_str()), (3, "would_fix"), "{}{}", told.out, told.err);
    assert_eq!(world.prefs(), first_prefs());

    let used = shut_out.use_it(&["--yes"], &both).await;
    assert_eq!((used.code, used.result().0.as_str()), (0, "fixed"), "{}{}", used.out, used.err);
    let after = &used.json()["accounts"][0]["after"];
    assert_eq!((after["host"].as_str(), after["port"].as_u64()), (Some(PROVIDER), Some(587)), "{after}");
    assert_eq!((after["tls"].as_str(), after["user"].as_str()), (Some("starttls"), Some(PROVIDER_USER)), "{after}");
    assert!(world.prefs().contains(r#"useremail", "anna@hosting.test""#), "the From address stays");
    // One AUTH a run, with the provider's login; the mail host's password went nowhere.
    assert_eq!(shut_out.provider.record().attempts_of(PROVIDER_USER), 2);
    assert_eq!(shut_out.provider.record().attempts_of(USER), 0);
    assert_eq!(world.host.record().attempts_of(USER), 0);

    let undone = world.port26(&["undo", "--json"]).await;
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    assert_eq!(world.prefs(), first_prefs());
}

#[tokio::test]
async fn the_mail_hosts_password_is_no_login_at_the_provider() {
    let shut_out = ShutOut::new().await;
    let used = shut_out.use_it(&["--yes"], &format!("{USER}:{PASSWORD}\n")).await;
    assert_eq!((used.code, used.result()), (6, ("needs_user".into(), "password_missing".into())), "{}", used.out);
    let wrong = shut_out.use_it(&["--yes"], &format!("{PROVIDER_USER}:wrong\n")).await;
    assert_eq!((wrong.code, wrong.result()), (6, ("needs_user".into(), "bad_credentials".into())), "{}", wrong.out);
    assert_eq!(shut_out.provider.record().attempts_of(USER), 0);
    assert_eq!(shut_out.world.prefs(), first_prefs());
}

#[tokio::test]
async fn an_account_that_has_a_route_is_left_to_fix() {
    let shut_out = ShutOut::new().await;
    let open = ShutOut { world: World::new().await, ..shut_out };
    let both = format!("{USER}@@{HOST}:{PASSWORD}\n{PROVIDER_USER}@@{PROVIDER}:{PROVIDER_PASSWORD}\n");
    let used = open.use_it(&["--yes"], &both).await;
    assert_eq!((used.code, used.result().0.as_str()), (3, "would_fix"), "{}{}", used.out, used.err);
    assert_eq!(open.world.prefs(), first_prefs());
    assert_eq!(open.provider.record().attempts_of(PROVIDER_USER), 0);
}

#[tokio::test]
async fn a_policy_that_names_hosts_names_the_provider_or_forbids_it() {
    let shut_out = ShutOut::new().await;
    let policy = shut_out.world.folder.path().join("policy.toml");
    std::fs::write(&policy, "host_allow_list = [\"mail.hosting.test\"]\n").unwrap();
    let more = ["--yes", "--policy", policy.to_str().unwrap()];
    let used = shut_out.use_it(&more, &format!("{PROVIDER_USER}:{PROVIDER_PASSWORD}\n")).await;
    assert_eq!((used.code, used.result()), (0, ("refused".into(), "host_not_allowed".into())), "{}", used.out);
    assert_eq!(shut_out.provider.record().attempts_of(PROVIDER_USER), 0);
    assert_eq!(shut_out.world.prefs(), first_prefs());
}

#[tokio::test]
async fn one_home_is_given_one_persons_passwords() {
    let world = World::new().await;
    let list = format!("{USER}:{PASSWORD}\njan@hosting.test:another\n");
    let run = world.with_input(&["test", "--credential-stdin"], &list).await;
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("--home is one person's") && run.err.contains("USER@@HOST"), "{}", run.err);
    assert_eq!(world.host.record().attempts_of(USER), 0);
    let named = format!("{USER}@@{HOST}:{PASSWORD}\njan@hosting.test@@{HOST}:another\n");
    let run = world.with_input(&["test", "--credential-stdin"], &named).await;
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert_eq!(world.host.record().attempts_of(USER), 1);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let shut_out = ShutOut::new().await;
    let cases: [(&[&str], &str); 4] = [
        (&["relay", "--use"], "--user"),
        (&["relay", "--use", "--user", "k", "--yes", "nobody.test"], "nobody.test"),
        (&["relay", "--use", "--user", "k", "--yes", "--server", "isp.test"], "HOST:PORT"),
        (&["relay", "--use", "--user", "k", "--server", "isp.test:587"], "--yes"),
    ];
    for (arguments, named) in cases {
        let run = shut_out.relay(arguments, "").await;
        assert_eq!(run.code, 2, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(named), "{arguments:?}: {}", run.err);
    }
}

#[tokio::test]
async fn the_test_message_of_the_policy_goes_out_by_the_provider() {
    let shut_out = ShutOut::new().await;
    let policy = shut_out.world.folder.path().join("policy.toml");
    std::fs::write(&policy, "send_test = true\n").unwrap();
    let more = ["--yes", "--policy", policy.to_str().unwrap()];
    let used = shut_out.use_it(&more, &format!("{PROVIDER_USER}:{PROVIDER_PASSWORD}\n")).await;
    assert_eq!((used.code, used.result().0.as_str()), (0, "fixed"), "{}{}", used.out, used.err);
    let notices = used.json()["accounts"][0]["notices"].clone();
    let codes: Vec<_> = notices.as_array().unwrap().iter().map(|notice| notice["code"].clone()).collect();
    assert!(codes.contains(&"test_sent".into()), "{notices}");
    assert_eq!(shut_out.provider.messages().len(), 1);
}

#[tokio::test]
async fn an_open_program_is_waited_for_as_by_fix() {
    if Os::here() != Os::Linux {
        eprintln!("*** NOT TESTED here: waiting for a program that holds a lock in a Linux home.");
        return;
    }
    let shut_out = ShutOut::new().await;
    let lock = Some(shut_out.world.profile().join(".parentlock"));
    let mut client = open_client::Client { lock, ..open_client::Client::default() }.open();
    let login = format!("{PROVIDER_USER}:{PROVIDER_PASSWORD}\n");
    let impatient = shut_out.use_it(&["--yes", "--wait", "--wait-max", "1"], &login).await;
    assert_eq!(
        (impatient.code, impatient.result()),
        (6, ("deferred".into(), "client_open".into())),
        "{}",
        impatient.out
    );
    let close_when_tested = async {
        while shut_out.provider.record().attempts_of(PROVIDER_USER) < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(shut_out.world.prefs(), first_prefs(), "written while the client was open");
        client.close();
    };
    let (used, ()) = tokio::join!(shut_out.use_it(&["--yes", "--wait"], &login), close_when_tested);
    assert_eq!((used.code, used.result().0.as_str()), (0, "fixed"), "{}{}", used.out, used.err);
    assert!(shut_out.world.prefs().contains(PROVIDER), "{}", shut_out.world.prefs());
}

#[tokio::test]
async fn what_only_explains_waits_for_nobody() {
    let shut_out = ShutOut::new().await;
    for flag in ["--wait", "--close"] {
        let run = shut_out.relay(&["relay", flag], "").await;
        assert_eq!(run.code, 2, "{}{}", run.out, run.err);
        assert!(run.err.contains("--use"), "{}", run.err);
    }
}

/// Without `--use` nothing is tried: the server that was named is what is explained.
#[tokio::test]
async fn a_server_that_is_named_is_explained() {
    let world = World::new().await;
    let told = world.port26(&["relay", "--server", "relay.isp.test:465", "--json"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    let json = told.json();
    let relay = &json["relays"][0];
    assert_eq!(
        (&relay["host"], &relay["port"], &relay["tls"]),
        (&"relay.isp.test".into(), &465.into(), &"implicit".into())
    );
    assert!(json["steps"][1].as_str().unwrap().contains("relay.isp.test, port 465"), "{json}");
}
