//! A Windows home folder with very many accounts: half of them in Thunderbird profiles of 50, a quarter in Claws Mail,
//! a quarter in Outlook's part of an exported registry.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::{Computer, Os};
use port26_platform::registry::RegFile;

const PER_PROFILE: usize = 50;

/// Writes the home. All accounts are on port 25 without a login.
pub fn write_home(home: &Path, accounts: usize) {
    let roaming = home.join("AppData/Roaming");
    thunderbird(&roaming.join("Thunderbird"), accounts / 2);
    claws(&roaming.join("Claws-mail"), accounts / 4);
    outlook(&home.join("user.reg"), accounts / 4);
}

/// The home as a host; reads the registry file.
pub fn computer(home: &Path) -> Computer {
    let registry = RegFile::open(home.join("user.reg")).expect("a registry");
    Computer::folder(home, Os::Windows, Some(Arc::new(registry)))
}

/// Every file that a scan must read.
pub fn files(home: &Path) -> Vec<PathBuf> {
    let mut open = vec![home.to_owned()];
    let mut files = Vec::new();
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files
}

fn thunderbird(root: &Path, accounts: usize) {
    let mut ini = String::new();
    for profile in 0..accounts.div_ceil(PER_PROFILE) {
        let _ = write!(ini, "[Profile{profile}]\nName=p{profile}\nIsRelative=1\nPath=Profiles/p{profile}.default\n\n");
        let folder = root.join(format!("Profiles/p{profile}.default"));
        fs::create_dir_all(&folder).expect("a profile");
        let numbers = 1..=PER_PROFILE.min(accounts - profile * PER_PROFILE);
        let list = |word: &str| numbers.clone().map(|n| format!("{word}{n}")).collect::<Vec<_>>().join(",");
        let mut prefs = String::from("// Mozilla User Preferences\n\n");
        let mut set = |name: &str, value: &str| {
            let _ = writeln!(prefs, "user_pref(\"{name}\", {value});");
        };
        set("mail.accountmanager.accounts", &format!("\"{}\"", list("account")));
        set("mail.smtpservers", &format!("\"{}\"", list("smtp")));
        for n in numbers.clone() {
            let user = format!("\"user{n}@hosting{profile}.test\"");
            let host = format!("\"mail.hosting{profile}.test\"");
            set(&format!("mail.account.account{n}.identities"), &format!("\"id{n}\""));
            set(&format!("mail.account.account{n}.server"), &format!("\"server{n}\""));
            set(&format!("mail.identity.id{n}.useremail"), &user);
            set(&format!("mail.identity.id{n}.smtpServer"), &format!("\"smtp{n}\""));
            set(&format!("mail.server.server{n}.type"), "\"imap\"");
            set(&format!("mail.server.server{n}.hostname"), &host);
            set(&format!("mail.server.server{n}.userName"), &user);
            set(&format!("mail.smtpserver.smtp{n}.hostname"), &host);
            set(&format!("mail.smtpserver.smtp{n}.port"), "25");
            set(&format!("mail.smtpserver.smtp{n}.authMethod"), "1");
        }
        fs::write(folder.join("prefs.js"), prefs).expect("prefs.js");
    }
    fs::write(root.join("profiles.ini"), ini).expect("profiles.ini");
}

fn claws(folder: &Path, accounts: usize) {
    fs::create_dir_all(folder).expect("a folder");
    let mut text = String::new();
    for n in 1..=accounts {
        let _ = write!(
            text,
            "[Account: {n}]\naccount_name=Account {n}\nis_default=0\nname=User {n}\naddress=user{n}@hosting.test\n\
             protocol=3\nreceive_server=mail.hosting.test\nsmtp_server=mail.hosting.test\nuse_mail_command=0\n\
             user_id=user{n}@hosting.test\nuse_smtp_auth=0\nsmtp_auth_method=0\nsmtp_user_id=\nssl_smtp=0\n\
             set_smtpport=1\nsmtp_port=25\n\n"
        );
    }
    fs::write(folder.join("accountrc"), text).expect("accountrc");
}

fn outlook(file: &Path, accounts: usize) {
    let key = r"HKEY_CURRENT_USER\Software\Microsoft\Office\16.0\Outlook";
    let store = "9375CFF0413111d3B88A00104B2A6676";
    let mut text = format!(
        "Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n\"DefaultProfile\"=\"Outlook\"\r\n\r\n\
         [{key}\\Profiles\\Outlook]\r\n\r\n[{key}\\Profiles\\Outlook\\{store}]\r\n\r\n"
    );
    for n in 1..=accounts {
        let address = format!("user{n}@hosting.test");
        let _ = write!(
            text,
            "[{key}\\Profiles\\Outlook\\{store}\\{n:08x}]\r\n\
             \"clsid\"=\"{{ED475412-B0D6-11D2-8C3B-00104B2A6676}}\"\r\n\"Account Name\"=\"{address}\"\r\n\
             \"Email\"=\"{address}\"\r\n\"IMAP Server\"=\"mail.hosting.test\"\r\n\"IMAP User\"=\"{address}\"\r\n\
             \"SMTP Server\"=\"mail.hosting.test\"\r\n\"SMTP Port\"=dword:00000019\r\n\r\n"
        );
    }
    let bytes: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs::write(file, bytes).expect("a registry");
}
