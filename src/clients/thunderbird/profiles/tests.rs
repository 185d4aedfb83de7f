//! Lists of profiles and where they lead, on homes seen from outside.

use std::path::Path;

use port26_platform::computer::{Computer, Os};

use crate::clients::thunderbird::tests::{found, problems};
use crate::clients::thunderbird::{POSTBOX, SEAMONKEY, THUNDERBIRD};
use crate::clients::{Found, MailClient};

const SERVER: &str = "user_pref(\"mail.smtpservers\", \"smtp1\");\nuser_pref(\"mail.smtpserver.smtp1.hostname\", \"smtp.mailhub.example\");\n";

/// Writes a list of profiles, and one profile.
fn put(home: &Path, root: &str, ini: &str, profile: &str) {
    let root = home.join(root);
    std::fs::create_dir_all(root.join(profile)).unwrap();
    std::fs::write(root.join("profiles.ini"), ini).unwrap();
    std::fs::write(root.join(profile).join("prefs.js"), SERVER).unwrap();
}

fn ids(found: &Found) -> Vec<&str> {
    found.accounts.iter().map(|account| account.id.as_str()).collect()
}

const ONE: &str = "[Profile0]\nName=default\nIsRelative=1\nPath=p.default\n";

#[test]
fn the_flatpaks_of_2026_and_the_store_are_found() {
    let home = tempfile::tempdir().unwrap();
    for (id, folder) in [
        ("org.mozilla.Thunderbird", ".thunderbird"),
        ("org.mozilla.thunderbird", ".thunderbird"),
        ("org.mozilla.thunderbird_esr", "config/thunderbird"),
        ("net.thunderbird.Thunderbird", ".thunderbird"),
    ] {
        put(home.path(), &format!(".var/app/{id}/{folder}"), ONE, "p.default");
    }
    put(home.path(), "snap/thunderbird/common/.thunderbird", ONE, "p.default");
    put(home.path(), ".config/thunderbird", ONE, "p.default");
    let everything = found(&THUNDERBIRD, &Computer::folder(home.path(), Os::Linux, None));
    // Windows and macOS take two of these folders for one: their names differ in case alone.
    let folders = if home.path().join(".VAR").exists() { 5 } else { 6 };
    assert_eq!((everything.accounts.len(), problems(&everything)), (folders, vec![]));
    let home = tempfile::tempdir().unwrap();
    let store = "AppData/Local/Packages/MozillaThunderbird.MZLA_h5892qc0xkpca/LocalCache/Roaming/Thunderbird";
    put(
        home.path(),
        store,
        "[Profile0]\r\nName=default-esr\r\nIsRelative=1\r\nPath=Profiles/k3.default-esr\r\n",
        "Profiles/k3.default-esr",
    );
    let computer = Computer::folder(home.path(), Os::Windows, None);
    assert_eq!(ids(&found(&THUNDERBIRD, &computer)), ["thunderbird/k3.default-esr/smtp1"]);
}

#[test]
fn a_home_of_windows_xp_has_its_old_folder() {
    let home = tempfile::tempdir().unwrap();
    for (root, id) in [
        ("Application Data/Thunderbird", "thunderbird/p.default/smtp1"),
        ("Application Data/Mozilla/SeaMonkey", "seamonkey/p.default/smtp1"),
        ("Application Data/PostboxApp", "postbox/p.default/smtp1"),
    ] {
        put(home.path(), root, ONE, "p.default");
        let computer = Computer::folder(home.path(), Os::Windows, None);
        let family = [&THUNDERBIRD, &SEAMONKEY, &POSTBOX].into_iter().find(|family| id.starts_with(family.prefix));
        assert_eq!(ids(&found(family.unwrap(), &computer)), [id]);
    }
}

#[test]
fn a_profile_on_a_drive_that_is_not_there_is_told_and_nothing_is_taken_for_it() {
    let home = tempfile::tempdir().unwrap();
    // the same folder below the home is another one
    put(
        home.path(),
        "AppData/Roaming/Thunderbird",
        "[Profile0]\nName=work\nIsRelative=0\nPath=D:\\Thunderbird\\Profiles\\p.default\n",
        "p.default",
    );
    put(home.path(), "Thunderbird/Profiles", ONE, "p.default");
    put(home.path(), "Profiles", ONE, "p.default");
    let on_drive = found(&THUNDERBIRD, &Computer::folder(home.path(), Os::Windows, None));
    assert_eq!(
        (ids(&on_drive), problems(&on_drive)),
        (vec![], vec![("profile_not_reachable", r"D:\Thunderbird\Profiles\p.default")])
    );
    assert!(on_drive.problems[0].message.contains("\"work\"") && on_drive.problems[0].is_for_the_user());

    let home = tempfile::tempdir().unwrap();
    let ini = format!(
        "{ONE}[Profile1]\nName=old\nIsRelative=1\nPath=gone.default\n[Profile2]\nName=usb\nIsRelative=0\nPath=/media/ola/USB/.thunderbird/p.default\n[Install1]\nDefault=/media/ola/USB/.thunderbird/p.default\n"
    );
    put(home.path(), ".thunderbird", &ini, "p.default");
    let mut computer = Computer::folder(home.path(), Os::Linux, None);
    for own_session in [false, true] {
        computer.own_session = own_session;
        let on_stick = found(&THUNDERBIRD, &computer);
        assert_eq!(ids(&on_stick), ["thunderbird/p.default/smtp1"]);
        assert_eq!(
            problems(&on_stick),
            [("profile_not_reachable", "/media/ola/USB/.thunderbird/p.default")],
            "told once"
        );
    }
}

#[test]
fn a_list_that_no_program_writes_costs_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut ini = format!("{ONE}[Profile1]\nName=far\nIsRelative=0\nPath=/{}\n", "a/".repeat(200_000));
    for n in 2..20_000 {
        ini.push_str(&format!("[Profile{n}]\nName=p{n}\nIsRelative=1\nPath=p{n}.default\n"));
    }
    put(home.path(), ".thunderbird", &ini, "p.default");
    let began = std::time::Instant::now();
    let computer = Computer::folder(home.path(), Os::Linux, None);
    let found = found(&THUNDERBIRD, &computer);
    assert_eq!(found.accounts.len(), 1);
    let codes: Vec<_> = found.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["too_many_settings", "profile_not_reachable"]);
    assert!(found.problems.iter().all(|problem| problem.message.len() < 600 && problem.at.len() < 300));
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    std::fs::File::create(home.path().join(".thunderbird/profiles.ini")).unwrap().set_len((16 << 20) + 1).unwrap();
    assert_eq!(THUNDERBIRD.detect(&computer).unwrap_err().code, "unreadable_profile_list");
}

/// As Thunderbird 153.7 lists them.
#[test]
fn a_list_is_read_as_far_as_the_program_reads_it() {
    let p = |number: u32, lines: &str| format!("[Profile{number}]\n{lines}\n");
    const GOOD: &str = "Name=x\nIsRelative=1\nPath=p.default";
    for (what, ini, count, told) in [
        ("one", p(0, GOOD), 1, vec![]),
        ("a list without any", "[General]\nVersion=2\n".to_owned(), 0, vec![]),
        ("numbers begin at 0", p(1, GOOD), 0, vec!["unreadable_profile_list"]),
        ("a gap", p(0, "Name=x\nIsRelative=1\nPath=gone") + &p(2, GOOD), 0, vec![]),
        ("the order of the file is nothing", p(1, GOOD) + &p(0, "Name=x\nIsRelative=1\nPath=gone"), 1, vec![]),
        ("no flag ends the list", p(0, "Name=x\nPath=p.default") + &p(1, GOOD), 0, vec!["unreadable_profile_list"]),
        ("no name", p(0, "IsRelative=1\nPath=p.default"), 0, vec!["unreadable_profile_list"]),
        ("no name, and another", p(0, "IsRelative=1\nPath=x") + &p(1, GOOD), 1, vec![]),
        ("another flag", p(0, "Name=x\nIsRelative=true\nPath=p.default"), 0, vec!["unreadable_profile_list"]),
        ("blanks", p(0, "Name = x\nIsRelative = 1\nPath = p.default"), 0, vec!["unreadable_profile_list"]),
        ("an installation's default alone", "[Install1]\nDefault=p.default\n".to_owned(), 0, vec![]),
    ] {
        let home = tempfile::tempdir().unwrap();
        put(home.path(), ".thunderbird", &ini, "p.default");
        let computer = Computer::folder(home.path(), Os::Linux, None);
        match THUNDERBIRD.detect(&computer) {
            Err(problem) => assert_eq!((0, vec![problem.code.as_str()]), (count, told), "{what}"),
            Ok(here) => assert_eq!((here.unwrap().profiles.len(), vec![]), (count, told), "{what}"),
        }
    }
}
