//! When a password is sent at all: not where somebody on this machine reads along, and not again to a host that refused it
//! lately. The program as a script sees it, with an embedded mail host that counts logins.

use std::process::Command;

use port26_platform::computer::Os;

use crate::support::program::{HOST, PASSWORD, Run, USER, World, contains, first_prefs, run};

/// An account that works on a submission port, with TLS and a login.
fn submission() -> String {
    let prefs = first_prefs().replace("smtp1.port\", 25", "smtp1.port\", 587");
    format!("{prefs}user_pref(\"mail.smtpserver.smtp1.try_ssl\", 2);\n")
}

async fn given(world: &World, arguments: &[&str], password: &str) -> Run {
    let arguments = [arguments, &["--json", "--credential-stdin"]].concat();
    world.with_input(&arguments, &format!("{USER}:{password}\n")).await
}

/// The host's authority is in this machine's trust store and nowhere else, as that of a security program is.
async fn with_a_local_root(world: &World, arguments: &[&str], more: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(arguments).args(["--json", "--credential-stdin", "--os", "linux", "--home"]).arg(world.home());
    command.arg("--state").arg(world.state()).env("SSL_CERT_FILE", world.folder.path().join("ca.pem"));
    command.env_remove("SSL_CERT_DIR");
    for rule in world.host.connect_to_rules(HOST) {
        command.args(["--connect-to", &rule]);
    }
    command.args(["--connect-to", "::127.0.0.1:1"]);
    for (flag, value) in more {
        command.args([flag, value]);
    }
    run(command, &format!("{USER}:{PASSWORD}\n")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_somebody_reads_along() {
    if Os::here() != Os::Linux {
        return; // elsewhere the trust store is not a file that a test may name
    }
    for prefs in [submission(), first_prefs()] {
        let world = World::new().await;
        std::fs::write(world.profile().join("prefs.js"), &prefs).unwrap();
        for arguments in [["test"].as_slice(), &["fix", "--yes", "--send-test"]] {
            let run = with_a_local_root(&world, arguments, &[]).await;
            let account = &run.json()["accounts"][0];
            assert_eq!(account["verdict"]["code"], "local_interception", "{}{}", run.out, run.err);
            assert_eq!(run.result().0, "refused", "{}", run.out);
            assert_eq!(world.host.record().attempts_of(USER), 0, "the password was sent");
        }
        assert_eq!(world.prefs(), prefs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_the_policy_names_may_have_the_organisations_own_certificate() {
    if Os::here() != Os::Linux {
        return;
    }
    let world = World::new().await;
    std::fs::write(world.profile().join("prefs.js"), submission()).unwrap();
    let policy = world.folder.path().join("policy.toml");
    std::fs::write(&policy, format!("host_allow_list = [\"{HOST}\"]\n")).unwrap();
    let run = with_a_local_root(&world, &["test"], &[("--policy", &policy.display().to_string())]).await;
    assert_eq!(run.json()["accounts"][0]["verdict"]["code"], "ok", "{}{}", run.out, run.err);
    assert_eq!(world.host.record().attempts_of(USER), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_not_sent_again_by_the_next_runs() {
    let world = World::new().await;
    let notices = |run: &Run| {
        run.json()["accounts"][0]["account"]["notices"].to_string() + &run.json()["accounts"][0]["notices"].to_string()
    };
    let first = given(&world, &["fix", "--yes"], "wrong").await;
    assert_eq!(first.result(), ("needs_user".to_owned(), "bad_credentials".to_owned()), "{}{}", first.out, first.err);
    for arguments in [["fix", "--yes"].as_slice(), &["fix", "--yes", "--silent"], &["test"], &["fix", "--dry-run"]] {
        let again = given(&world, arguments, "wrong").await;
        assert_eq!(world.host.record().attempts_of(USER), 1, "{arguments:?}");
        if !arguments.contains(&"--silent") {
            assert_eq!(again.result().1, "bad_credentials", "{arguments:?}: {}{}", again.out, again.err);
            assert!(notices(&again).contains("refused_before"), "{}", again.out);
        }
    }
    assert!(contains(&world.state(), USER) && !contains(&world.state(), "wrong"));

    let right = given(&world, &["fix", "--yes"], PASSWORD).await;
    assert_eq!(right.result().0, "fixed", "another password may be tried: {}{}", right.out, right.err);
    assert_eq!(world.host.record().attempts_of(USER), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_remembers_no_refusal() {
    let world = World::new().await;
    given(&world, &["fix", "--dry-run"], "wrong").await;
    assert!(!contains(&world.state(), USER));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_one_login_are_one() {
    let world = World::new().await;
    let two = first_prefs()
        .replace(r#""account1""#, r#""account1,account2""#)
        .replace(r#"mail.smtpservers", "smtp1""#, r#"mail.smtpservers", "smtp1,smtp2""#);
    let second = first_prefs().replace("account1", "account2").replace("id1", "id2").replace("server1", "server2");
    let second = second.replace("smtp1", "smtp2").replace("smtp2.username\", \"anna@", "smtp2.username\", \"ANNA@");
    let second: String = second
        .lines()
        .filter(|line| !line.contains("accountmanager") && !line.contains("mail.smtpservers"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(world.profile().join("prefs.js"), two + &second).unwrap();
    let run = given(&world, &["test"], "wrong").await;
    assert_eq!(run.json()["accounts"].as_array().map(Vec::len), Some(2), "{}{}", run.out, run.err);
    let record = world.host.record();
    let sent = record.attempts_of(USER) + record.attempts_of("ANNA@hosting.test");
    assert_eq!(sent, 1, "{}", run.out);
}
