//! The invented machines are what the adapters find on them, with nothing of a real person.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;

fn built() -> (tempfile::TempDir, Vec<Machine>) {
    let folder = tempfile::tempdir().unwrap();
    let machines = build_all(folder.path(), &HostNames::default()).unwrap();
    (folder, machines)
}

/// Fingerprints with paths relative to the folder, of all machines.
fn prints(folder: &Path, machines: &[Machine]) -> BTreeMap<PathBuf, String> {
    let of = |machine: &Machine| machine.fingerprint().unwrap();
    let relative = |(path, print): (PathBuf, String)| (path.strip_prefix(folder).unwrap().to_owned(), print);
    machines.iter().flat_map(of).map(relative).collect()
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

/// The text of a UTF-16LE file with BOM, all of whose lines end in CRLF; LF in the result.
fn utf16(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.len().is_multiple_of(2) && bytes.starts_with(b"\xff\xfe"), "{}", path.display());
    let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(text.matches('\r').count(), text.matches("\r\n").count());
    text.replace("\r\n", "\n")
}

/// Keys of a .reg text with their lines, continued lines joined.
fn registry_keys(text: &str) -> Vec<(String, Vec<String>)> {
    let joined = text.replace("\\\n  ", "");
    let mut lines = joined.lines();
    assert_eq!((lines.next(), lines.next()), (Some("Windows Registry Editor Version 5.00"), Some("")));
    let mut keys: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(key) => keys.push((key.to_owned(), Vec::new())),
            None => keys.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    keys
}

#[test]
fn the_same_bytes_each_time() {
    let (first_folder, first) = built();
    let (second_folder, second) = built();
    let prints_of_first = prints(first_folder.path(), &first);
    assert_eq!(prints_of_first, prints(second_folder.path(), &second));
    assert_eq!(prints_of_first.len(), 3 + 1 + 10 + 3);
    assert_eq!(
        first.iter().map(|machine| machine.os).collect::<Vec<_>>(),
        [Os::Windows, Os::Macos, Os::Linux, Os::Macos]
    );
}

#[test]
fn a_fingerprint_notices_a_byte_a_new_file_and_a_lost_one() {
    let (folder, machines) = built();
    let before = prints(folder.path(), &machines);
    let file = machines[2].home.join(".claws-mail/accountrc");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, [&bytes[..], b"\n"].concat()).unwrap();
    assert_ne!(prints(folder.path(), &machines), before);
    fs::write(&file, bytes).unwrap();
    assert_eq!(prints(folder.path(), &machines), before);
    let extra = machines[1].home.join("Library/left-behind");
    fs::write(&extra, "").unwrap();
    assert_ne!(prints(folder.path(), &machines), before);
    fs::remove_file(&extra).unwrap();
    fs::write(machines[0].registry.as_ref().unwrap(), "").unwrap();
    assert_ne!(prints(folder.path(), &machines), before);
    assert!(fingerprint(&folder.path().join("nowhere"), None).is_err());
}

#[test]
fn no_placeholder_stays_and_other_names_are_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let host = HostNames { hosting: "mx.example.test".to_owned(), atelier: "out.other.test".to_owned() };
    let machines = build_all(folder.path(), &host).unwrap();
    for path in machines.iter().flat_map(|m| m.fingerprint().unwrap().into_keys()) {
        let bytes: Vec<u8> = fs::read(&path).unwrap().into_iter().filter(|&byte| byte != 0).collect();
        let text = String::from_utf8_lossy(&bytes);
        for word in ["{hosting", "{atelier", "mail.hosting.test", "atelier.test"] {
            assert!(!text.contains(word), "{word} in {}", path.display());
        }
    }
    assert_eq!(machines[1].credentials[0].0, "studio@other.test");
    assert_eq!(accounts_on_host(&host).len(), machines.iter().map(|m| m.credentials.len()).sum::<usize>());
}

#[test]
fn the_registry_is_as_regedit_exports_it() {
    let (_folder, machines) = built();
    let text = utf16(machines[0].registry.as_ref().unwrap());
    assert!(text.lines().filter(|line| line.contains("hex:") || line.starts_with("  ")).all(|line| line.len() <= 80));
    let keys = registry_keys(&text);
    // regedit writes parents before children and siblings in order of their names.
    let sortable = |key: &str| key.to_ascii_uppercase().replace('\\', "\u{1}");
    assert!(keys.windows(2).all(|pair| sortable(&pair[0].0) < sortable(&pair[1].0)));
    for line in keys.iter().flat_map(|(_, lines)| lines) {
        let (name, value) = line.split_once('=').unwrap();
        assert!(name.starts_with('"') && name.ends_with('"'), "{line}");
        let hex = value.strip_prefix("hex:").or_else(|| value.strip_prefix("hex(2):"));
        let good = match (hex, value.strip_prefix("dword:")) {
            (Some(bytes), _) => bytes.split(',').all(|byte| byte.len() == 2 && hex::decode(byte).is_ok()),
            (_, Some(number)) => number.len() == 8 && u32::from_str_radix(number, 16).is_ok(),
            _ => value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
        };
        assert!(good, "{line}");
    }
}

#[test]
fn outlook_has_one_account_on_25_one_on_587_and_exchange() {
    let (_folder, machines) = built();
    let keys = registry_keys(&utf16(machines[0].registry.as_ref().unwrap()));
    let account = |number: &str| {
        let tail = format!("\\Profiles\\Outlook\\9375CFF0413111d3B88A00104B2A6676\\{number}");
        keys.iter().find(|(key, _)| key.ends_with(&tail)).map(|(_, lines)| lines.clone()).unwrap()
    };
    let (pop3, imap, exchange) = (account("00000003"), account("00000005"), account("00000008"));
    let has = |lines: &[String], line: &str| lines.iter().any(|here| here == line);
    assert!(has(&pop3, r#""clsid"="{ED475411-B0D6-11D2-8C3B-00104B2A6676}""#));
    assert!(has(&pop3, r#""SMTP Server"="mail.hosting.test""#));
    for absent in ["SMTP Port", "SMTP Use Auth", "SMTP Secure Connection"] {
        assert!(pop3.iter().all(|line| !line.contains(absent)), "{absent}");
    }
    // 0x02, then a DPAPI blob of the system's own provider.
    let blob = r#""POP3 Password"=hex:02,01,00,00,00,d0,8c,9d,df,01,15,d1,11,8c,7a,00,c0,4f,c2,97,eb"#;
    assert!(pop3.iter().any(|line| line.starts_with(blob)));
    assert!(has(&imap, r#""SMTP Port"=dword:0000024b"#) && has(&imap, r#""SMTP Use Auth"=dword:00000001"#));
    assert!(has(&imap, r#""SMTP Secure Connection"=dword:00000002"#));
    assert!(has(&exchange, r#""Service Name"="MSEMS""#));
    assert!(exchange.iter().all(|line| !line.contains("SMTP Server")));
}

#[test]
fn live_mail_files_are_well_formed_and_one_is_mail() {
    let (_folder, machines) = built();
    let all: Vec<PathBuf> = fingerprint(&machines[0].home, None).unwrap().into_keys().collect();
    assert_eq!(all.len(), 2);
    let mut with_smtp = 0;
    for path in all {
        let text = utf16(&path);
        let mut reader = Reader::from_str(&text);
        let mut elements = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(_) => elements += 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert!(elements > 5);
        if text.contains("<SMTP_Server type=\"SZ\">mail.hosting.test</SMTP_Server>") {
            with_smtp += 1;
            assert!(!text.contains("SMTP_Port") && text.contains("<SMTP_Use_Sicily type=\"DWORD\">00000000<"));
        }
    }
    assert_eq!(with_smtp, 1);
}

#[test]
fn apple_mail_has_one_server_for_two_accounts_and_icloud() {
    let (_folder, machines) = built();
    let file = machines[1].home.join("Library/Mail/V2/MailData/Accounts.plist");
    let root = plist::Value::from_file(file).unwrap().into_dictionary().unwrap();
    let list =
        |name: &str| root[name].as_array().unwrap().iter().map(|v| v.as_dictionary().unwrap()).collect::<Vec<_>>();
    let string = |of: &plist::Dictionary, key: &str| of.get(key).and_then(|v| v.as_string()).map(str::to_owned);
    let servers = list("DeliveryAccounts");
    let server = servers[0];
    assert_eq!(string(server, "PortNumber").as_deref(), Some("25"));
    assert_eq!(string(server, "ShouldUseAuthentication").as_deref(), Some("NO"));
    let identifier = format!("{}:{}", string(server, "Hostname").unwrap(), string(server, "Username").unwrap());
    let users = list("MailAccounts").into_iter().filter(|a| string(a, "SMTPIdentifier").as_ref() == Some(&identifier));
    assert_eq!(users.count(), 2);
    assert!(string(servers[1], "Hostname").unwrap().ends_with(".mail.me.com"));
}

#[test]
fn the_later_mac_is_asked_and_has_two_programs_that_cannot_send() {
    use crate::clients::{CLIENTS, scripted};
    let (_folder, machines) = built();
    let gallery = &machines[3];
    let mut computer = port26_platform::computer::Computer::folder(&gallery.home, gallery.os, None);
    let explained: Vec<_> = crate::pipeline::discover(&computer, CLIENTS).clients;
    assert!(explained.len() == 2 && explained.iter().all(|client| !client.by_hand.is_empty()), "{explained:?}");
    computer.scripts = std::sync::Arc::new(scripted::twin(gallery.scripted.as_ref().unwrap()).unwrap());
    let found = crate::pipeline::discover(&computer, CLIENTS);
    assert_eq!(found.problems, []);
    let ids: Vec<_> = found.accounts.iter().map(|account| (account.id.as_str(), account.outgoing.port)).collect();
    assert_eq!(
        ids,
        [
            ("apple_mail/mail.hosting.test:gallery@hosting.test", 25),
            ("apple_mail/p00-smtp.mail.me.com:gallery", 587),
            ("outlook_mac/imap/mail.hosting.test:tickets@hosting.test", 25),
            ("outlook_mac/exchange/gallery@museum.test", 443),
        ]
    );
    assert_eq!(found.accounts.iter().filter(|account| account.not_ours.is_none()).count(), 2);
}

#[test]
fn thunderbird_and_claws_are_as_they_write_themselves() {
    let (_folder, machines) = built();
    let profile = machines[2].home.join(PROFILE);
    let prefs = text(profile.join("prefs.js"));
    let lines: Vec<&str> = prefs.lines().filter(|line| line.starts_with("user_pref(")).collect();
    assert!(lines.iter().all(|line| line.ends_with(");")) && prefs.ends_with(");\n"));
    let names: Vec<&str> = lines.iter().map(|line| line.split('"').nth(1).unwrap()).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "Thunderbird sorts its preferences");
    assert!(prefs.contains(r#"user_pref("mail.smtpserver.smtp1.port", 25);"#));
    assert!(prefs.contains(r#"user_pref("mail.smtpserver.smtp2.port", 465);"#));
    assert!(!prefs.contains("smtp1.username"), "none is written while there is no login");

    let logins: serde_json::Value = serde_json::from_str(&text(profile.join("logins.json"))).unwrap();
    let origins: Vec<&str> =
        logins["logins"].as_array().unwrap().iter().map(|l| l["hostname"].as_str().unwrap()).collect();
    assert_eq!(origins, ["imap://mail.hosting.test", "imap://smtp.atelier.test", "smtp://smtp.atelier.test"]);
    assert_eq!(logins["nextId"], 4);

    let profiles = text(machines[2].home.join(".thunderbird/profiles.ini"));
    let used = profiles.split("[InstallFDC34C9F024745EB]\nDefault=").nth(1).unwrap().lines().next().unwrap();
    assert!(machines[2].home.join(".thunderbird").join(used).join("prefs.js").is_file());

    let account = text(machines[2].home.join(".claws-mail/accountrc"));
    for line in
        ["set_smtpport=1", "smtp_port=25", "use_smtp_auth=0", "ssl_smtp=0", "use_mail_command=0", "smtp_user_id="]
    {
        assert!(account.lines().any(|here| here == line), "{line}");
    }
}
