//! Folders of mail as preferences of real profiles name them.

use port26_platform::computer::Os;

use super::super::tests::{at, found};
use super::super::{THUNDERBIRD, kept_mail};
use super::*;
use crate::past_mail::Store;

/// Three accounts: of IMAP; of POP3 with a folder of its own; of POP3 among the local folders.
const PREFS: &str = r#"
user_pref("mail.accountmanager.accounts", "account1,account2,account3,account4");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.account.account2.identities", "id2,id4");
user_pref("mail.account.account2.server", "server2");
user_pref("mail.account.account3.identities", "id3");
user_pref("mail.account.account3.server", "server3");
user_pref("mail.account.account4.server", "server4");
user_pref("mail.identity.id1.fcc_folder", "imap://jan%40hosting.test@mail.hosting.test/Sent");
user_pref("mail.identity.id1.smtpServer", "smtp1");
user_pref("mail.identity.id1.useremail", "jan@hosting.test");
user_pref("mail.identity.id2.fcc_folder", "mailbox://eva@mail.hosting.test/Archive%20of%20mail/Sent");
user_pref("mail.identity.id2.smtpServer", "smtp2");
user_pref("mail.identity.id2.useremail", "eva@hosting.test");
user_pref("mail.identity.id3.smtpServer", "smtp3");
user_pref("mail.identity.id3.useremail", "ola@hosting.test");
user_pref("mail.identity.id4.fcc", false);
user_pref("mail.identity.id4.fcc_folder", "mailbox://nobody@Local%20Folders/Secret");
user_pref("mail.identity.id4.smtpServer", "smtp2");
user_pref("mail.identity.id4.useremail", "eva@hosting.test");
user_pref("mail.server.server1.directory-rel", "[ProfD]ImapMail/mail.hosting.test");
user_pref("mail.server.server1.hostname", "mail.hosting.test");
user_pref("mail.server.server1.type", "imap");
user_pref("mail.server.server1.userName", "jan@hosting.test");
user_pref("mail.server.server2.directory-rel", "[ProfD]Mail/mail.hosting.test");
user_pref("mail.server.server2.hostname", "mail.hosting.test");
user_pref("mail.server.server2.storeContractID", "@mozilla.org/msgstore/maildirstore;1");
user_pref("mail.server.server2.type", "pop3");
user_pref("mail.server.server2.userName", "eva");
user_pref("mail.server.server3.deferred_to_account", "account4");
user_pref("mail.server.server3.hostname", "mail.hosting.test");
user_pref("mail.server.server3.type", "pop3");
user_pref("mail.server.server3.userName", "ola");
user_pref("mail.server.server4.directory-rel", "[ProfD]Mail/Local Folders");
user_pref("mail.server.server4.hostname", "Local Folders");
user_pref("mail.server.server4.type", "none");
user_pref("mail.server.server4.userName", "nobody");
user_pref("mail.smtpserver.smtp1.hostname", "mail.hosting.test");
user_pref("mail.smtpserver.smtp2.hostname", "mail.hosting.test");
user_pref("mail.smtpserver.smtp3.hostname", "mail.hosting.test");
user_pref("mail.smtpservers", "smtp1,smtp2,smtp3");
"#;

/// What each account keeps, below the profile.
fn kept(prefs: &str, cache: &str) -> Vec<KeptMail> {
    let home = tempfile::tempdir().unwrap();
    let profile = home.path().join(".thunderbird/p");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::write(home.path().join(".thunderbird/profiles.ini"), "[Profile0]\nName=p\nIsRelative=1\nPath=p\n")
        .unwrap();
    std::fs::write(profile.join("prefs.js"), prefs).unwrap();
    std::fs::write(profile.join("folderCache.json"), cache).unwrap();
    let computer = at(home.path(), Os::Linux);
    let accounts = found(&THUNDERBIRD, &computer).accounts;
    let mut all = kept_mail::of(&THUNDERBIRD, &computer, &accounts.iter().collect::<Vec<_>>());
    for folder in
        all.iter_mut().flat_map(|one| one.sent.iter_mut().chain(one.outbox.as_mut().map(|outbox| &mut outbox.folder)))
    {
        folder.path = folder.path.strip_prefix(&profile).unwrap().to_owned();
    }
    all
}

fn paths(kept: &KeptMail) -> Vec<String> {
    kept.sent.iter().map(|folder| folder.path.to_string_lossy().replace('\\', "/")).collect()
}

#[test]
fn each_identity_has_its_folder_of_sent_mail_and_all_have_one_outbox() {
    // As Thunderbird 153.8 left it, where it had made a folder before it heard that the host has one of that name.
    let cache = r#"{
        "/home/jan/.thunderbird/p/ImapMail/mail.hosting.test": {"onlineName": "", "hierDelim": 46},
        "/home/jan/.thunderbird/p/ImapMail/mail.hosting.test/Sent-1.msf": {"onlineName": "Sent", "hierDelim": 46},
        "/home/jan/.thunderbird/p/ImapMail/../Sent.msf": {"onlineName": "Sent", "hierDelim": 46},
        "/home/jan/.thunderbird/p/Mail/Local Folders/Trash.msf": {"folderName": "Trash"}
    }"#;
    let all = kept(PREFS, cache);
    assert_eq!(paths(&all[0]), ["ImapMail/mail.hosting.test/Sent", "ImapMail/mail.hosting.test/Sent-1"]);
    assert!(all[0].sent.iter().all(|one| (one.holds, one.filled_by) == (Holds::Several, FilledBy::Everybody)));
    assert_eq!(paths(&all[1]), ["Mail/mail.hosting.test/Archive of mail.sbd/Sent/cur"]);
    let own = &all[1].sent[0];
    assert_eq!((own.store, own.holds, own.filled_by), (Store::Files, Holds::OneAccount, FilledBy::ThisProgram));
    assert_eq!(paths(&all[2]), ["Mail/Local Folders/Sent"]);
    assert_eq!((all[2].sent[0].store, all[2].sent[0].holds), (Store::Mbox, Holds::Several));
    for (one, keys) in all.iter().zip([vec!["id1"], vec!["id2", "id4"], vec!["id3"]]) {
        assert_eq!(one.sender_keys, keys);
        let outbox = &one.outbox.as_ref().unwrap().folder;
        assert_eq!(outbox.path.to_string_lossy().replace('\\', "/"), "Mail/Local Folders/Unsent Messages");
        assert_eq!((outbox.store, outbox.holds), (Store::Mbox, Holds::Several));
    }
}

#[test]
fn a_folder_that_two_servers_share_is_nobodys_own() {
    let shared = PREFS
        .replace("Archive%20of%20mail/Sent", "Sent")
        .replace("imap://jan%40hosting.test@mail.hosting.test/Sent", "mailbox://eva@mail.hosting.test/Sent");
    let all = kept(&shared, "no list at all");
    assert_eq!((paths(&all[0]), paths(&all[1])), (vec!["Mail/mail.hosting.test/Sent/cur".to_owned()], paths(&all[0])));
    assert!(all[..2].iter().all(|one| one.sent[0].holds == Holds::Several));
}

#[test]
fn an_address_that_leads_out_or_nowhere_is_not_known() {
    for odd in [
        "mailbox://eva@mail.hosting.test/..",
        "mailbox://eva@mail.hosting.test/%2Fetc%2Fpasswd",
        "mailbox://eva",
        "ews://x@y/Sent",
        "mailbox://x@nowhere.test/Sent",
    ] {
        let prefs = PREFS.replace("mailbox://eva@mail.hosting.test/Archive%20of%20mail/Sent", odd);
        assert_eq!(paths(&kept(&prefs, "{}")[1]), Vec::<String>::new(), "{odd}");
    }
    let without = PREFS.replace("[ProfD]Mail/Local Folders", "[ProfD]../../../../elsewhere");
    assert_eq!(kept(&without, "{}")[0].outbox, None);
}

/// How long accounts are asked about, each with a folder of the same name at its host.
fn time_of_accounts(count: usize) -> std::time::Duration {
    let list = |name: &str| (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(",");
    let mut prefs = format!(
        "user_pref(\"mail.smtpservers\", \"{}\");\nuser_pref(\"mail.accountmanager.accounts\", \"{}\");\n",
        list("smtp"),
        list("account")
    );
    for n in 0..count {
        for (name, value) in [
            (format!("account.account{n}.identities"), format!("id{n}")),
            (format!("account.account{n}.server"), format!("server{n}")),
            (format!("identity.id{n}.fcc_folder"), format!("imap://u{n}@h{n}.test/Sent")),
            (format!("identity.id{n}.smtpServer"), format!("smtp{n}")),
            (format!("identity.id{n}.useremail"), format!("u{n}@hosting.test")),
            (format!("server.server{n}.directory-rel"), format!("[ProfD]ImapMail/h{n}.test")),
            (format!("server.server{n}.hostname"), format!("h{n}.test")),
            (format!("server.server{n}.type"), "imap".to_owned()),
            (format!("server.server{n}.userName"), format!("u{n}")),
            (format!("smtpserver.smtp{n}.hostname"), format!("h{n}.test")),
        ] {
            prefs += &format!("user_pref(\"mail.{name}\", \"{value}\");\n");
        }
    }
    let entry =
        |n| format!("\"/home/jan/p/ImapMail/h{n}.test/Sent-1.msf\": {{\"onlineName\": \"Sent\", \"hierDelim\": 47}}");
    let cache = format!("{{{}}}", (0..count).map(entry).collect::<Vec<_>>().join(","));
    let began = std::time::Instant::now();
    let all = kept(&prefs, &cache);
    assert!(all.len() == count && all.iter().all(|one| one.sent.len() == 2));
    began.elapsed()
}

/// Neither their profile nor the list of folders is gone through for each. Against a tenth of them, so that a busy machine is no
/// failure: that would take a hundred times as long.
#[test]
fn thousands_of_accounts_are_asked_about_in_one_pass() {
    let (few, many) = (time_of_accounts(400), time_of_accounts(4_000));
    assert!(many < few * 50, "{many:?} after {few:?}");
}
