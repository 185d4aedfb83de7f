//! Where Claws Mail and Sylpheed keep what an account has sent and what waits: by the account's own settings, else in the mailbox of
//! the account, else in the first mailbox on this computer (`account_get_special_folder`). `folderlist.xml` says which folders these
//! are. Of a mailbox at the host nothing is known here: what the programs keep of it is not the whole.

use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};
use port26_platform::files;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::dialect::Dialect;
use super::rc;
use crate::account::Account;
use crate::change::Slot;
use crate::past_mail::{FilledBy, Holds, KeptMail, MailFolder, Outbox, Store};

/// Largest list of folders, in bytes.
const MOST: usize = 16 << 20;

/// One mailbox of the list: on this computer (`mh`), or at a host.
#[derive(Debug, Default)]
struct Mailbox {
    kind: String,
    name: String,
    path: String,
    account: Option<String>,
    /// Kind and path of each of its folders that has one.
    special: Vec<(String, String)>,
}

/// A folder of the list: its mailbox, and its path there.
type Found<'l> = (&'l Mailbox, String);

/// One answer an account.
pub(in crate::clients) fn kept_mail(dialect: &Dialect, computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
    let mut read: Option<(PathBuf, Vec<rc::Section>, Vec<Mailbox>)> = None;
    let mut of = |account: &&Account| {
        let file = account.settings.values().find_map(|setting| match &setting.slot {
            Slot::Setting { file, .. } => Some(file),
            _ => None,
        })?;
        if read.as_ref().is_none_or(|(known, ..)| known != file) {
            let bytes = files::read(file).ok().flatten().unwrap_or_default();
            read =
                Some((file.clone(), rc::read(&bytes, dialect.keys), mailboxes(&file.with_file_name("folderlist.xml"))));
        }
        let (_, sections, mailboxes) = read.as_ref()?;
        let number = account.id.rsplit('/').next()?;
        let section = sections.iter().find(|one| one.name.strip_prefix("Account: ").map(str::trim) == Some(number))?;
        Some(of_account(dialect, computer, section, number, mailboxes))
    };
    accounts.iter().map(|account| of(account).unwrap_or_default()).collect()
}

fn of_account(
    dialect: &Dialect,
    computer: &Computer,
    section: &rc::Section,
    number: &str,
    mailboxes: &[Mailbox],
) -> KeptMail {
    let folder = |chosen: &str, kind: &str| {
        let set = section.flag(&format!("set_{chosen}")).then(|| section.text(chosen)).flatten();
        let (mailbox, path) = set
            .and_then(|identifier| named(mailboxes, identifier))
            .or_else(|| special(mailboxes.iter().find(|one| one.account.as_deref() == Some(number))?, kind))
            .or_else(|| mailboxes.iter().filter(|one| one.kind == "mh").find_map(|one| special(one, kind)))?;
        let root = root(computer, mailbox)?;
        Some(MailFolder {
            path: inside(&root, &path)?,
            store: Store::Numbered { marks: dialect.marks },
            holds: Holds::Several,
            filled_by: FilledBy::ThisProgram,
        })
    };
    KeptMail {
        sent: folder("sent_folder", "outbox").into_iter().collect(),
        outbox: folder("queue_folder", "queue").map(|folder| Outbox { folder, called: "Queue" }),
        sender_keys: vec![number.to_owned()],
    }
}

/// `#mh/Mailbox/sent`: the kind of mailbox, its name, and the folder's path in it.
fn named<'l>(mailboxes: &'l [Mailbox], identifier: &str) -> Option<Found<'l>> {
    mailboxes.iter().find_map(|one| {
        let path = identifier.strip_prefix(&format!("#{}/{}/", one.kind, one.name))?;
        Some((one, path.to_owned()))
    })
}

fn special<'l>(mailbox: &'l Mailbox, kind: &str) -> Option<Found<'l>> {
    let (_, path) = mailbox.special.iter().find(|(known, _)| known == kind)?;
    Some((mailbox, path.clone()))
}

/// The folder of a mailbox on this computer. One that is not written whole lies in the home; on Windows that is another place,
/// which was never seen.
fn root(computer: &Computer, mailbox: &Mailbox) -> Option<PathBuf> {
    let written = &mailbox.path;
    let is_whole = written.starts_with(['/', '\\']) || written.as_bytes().get(1) == Some(&b':');
    match (mailbox.kind.as_str(), is_whole) {
        ("mh", true) => Some(PathBuf::from(written)),
        ("mh", false) if computer.os != Os::Windows => inside(&computer.folders.home, &mailbox.path),
        _ => None,
    }
}

fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let names = path.split('/').filter(|name| !name.is_empty());
    names
        .clone()
        .all(|name| !matches!(name, "." | ".."))
        .then(|| names.fold(folder.to_owned(), |at, name| at.join(name)))
}

/// The list, as far as it can be read.
fn mailboxes(file: &Path) -> Vec<Mailbox> {
    let bytes = files::read(file).ok().flatten().filter(|bytes| bytes.len() <= MOST).unwrap_or_default();
    let mut reader = Reader::from_reader(bytes.as_slice());
    let mut found: Vec<Mailbox> = Vec::new();
    while let Ok(event) = reader.read_event() {
        let (Event::Start(element) | Event::Empty(element)) = event else {
            if event == Event::Eof { break } else { continue }
        };
        let text = |name: &str| attribute(&element, name);
        match (element.name().as_ref(), found.last_mut()) {
            ("folder", _) => found.push(Mailbox {
                kind: text("type").unwrap_or_default(),
                name: text("name").unwrap_or_default(),
                path: text("path").unwrap_or_default(),
                account: text("account_id"),
                special: Vec::new(),
            }),
            ("folderitem", Some(mailbox)) => mailbox.special.extend(text("type").zip(text("path"))),
            _ => {}
        }
    }
    found
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok().flatten()?;
    quick_xml::escape::unescape(&attribute.value).ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::MailClient;
    use crate::clients::claws_mail::CLAWS_MAIL;
    use crate::clients::fixture::at;
    use crate::clients::sylpheed::SYLPHEED;

    /// As Sylpheed 3.8.0beta1 wrote it for an account of IMAP beside its own mailbox, and Claws Mail 4.1.1 all of it but the number.
    const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<folderlist config_version="4">
    <folder type="mh" path="Mail" sort="0" collapsed="0" name="Mailbox">
        <folderitem last_seen="0" path="inbox" name="inbox" type="inbox" />
        <folderitem total="2" path="sent" name="sent" type="outbox">
            <folderitem path="sent/2025 &amp; before" name="2025 &amp; before" />
        </folderitem>
        <folderitem path="queue" name="queue" type="queue" />
    </folder>
    <folder type="mh" name="Old" path="/elsewhere/Old">
        <folderitem type="outbox" name="out" path="out" />
    </folder>
    <folder type="imap" name="Hosting Provider" account_id="2">
        <folderitem type="outbox" name="Sent" path="Sent" />
        <folderitem type="queue" name="Queue" path="Queue" />
    </folder>
</folderlist>
"#;

    fn account(number: u8, more: &str) -> String {
        format!("[Account: {number}]\naddress=a{number}@hosting.test\nsmtp_server=mail.hosting.test\n{more}\n")
    }

    /// What each account keeps: its sent mail and its Outbox, below the home.
    fn kept(client: &dyn MailClient, folder: &str, os: Os, list: &str) -> Vec<(Vec<String>, Option<String>)> {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let chosen = "set_sent_folder=1\nsent_folder=#mh/Mailbox/sent/2025 & before\nset_queue_folder=1\nqueue_folder=#mh/Old/out";
        let gone = "set_sent_folder=1\nsent_folder=#mh/Gone/sent\nset_queue_folder=0\nqueue_folder=#mh/Old/out";
        let all = [account(1, ""), account(2, "protocol=1"), account(3, chosen), account(4, gone)].concat();
        std::fs::write(folder.join("accountrc"), all).unwrap();
        std::fs::write(folder.join("folderlist.xml"), list).unwrap();
        let computer = at(home.path(), os);
        let accounts = client.accounts(&computer, &client.detect(&computer).unwrap().unwrap()).accounts;
        let all = client.kept_mail(&computer, &accounts.iter().collect::<Vec<_>>());
        assert!(
            all.iter()
                .zip(1..)
                .all(|(one, number)| one == &KeptMail::default() || one.sender_keys == [number.to_string()])
        );
        let below = |folder: &MailFolder| {
            let path = folder.path.strip_prefix(&computer.folders.home).unwrap_or(&folder.path);
            path.to_string_lossy().replace('\\', "/")
        };
        all.iter()
            .map(|one| (one.sent.iter().map(below).collect(), one.outbox.as_ref().map(|outbox| below(&outbox.folder))))
            .collect()
    }

    #[test]
    fn each_account_has_the_folders_that_its_program_takes() {
        let wanted = [
            (vec!["Mail/sent".to_owned()], Some("Mail/queue".to_owned())),
            // At the host, of which the program keeps a part at best.
            (vec![], None),
            (vec!["Mail/sent/2025 & before".to_owned()], Some("/elsewhere/Old/out".to_owned())),
            (vec!["Mail/sent".to_owned()], Some("Mail/queue".to_owned())),
        ];
        assert_eq!(kept(&CLAWS_MAIL, ".claws-mail", Os::Linux, LIST), wanted);
        assert_eq!(kept(&SYLPHEED, ".sylpheed-2.0", Os::Linux, LIST), wanted);
    }

    #[test]
    fn without_a_list_or_with_one_that_leads_out_nothing_is_known() {
        let nothing = vec![(vec![], None); 4];
        for list in
            ["", "<folder", &LIST.replace("path=\"Mail\"", "path=\"../other\"").replace("/elsewhere/Old", "../Old")]
        {
            assert_eq!(kept(&CLAWS_MAIL, ".claws-mail", Os::Linux, list), nothing, "{list}");
        }
        // Where it lies on Windows was never seen.
        let relative = LIST.replace("/elsewhere/Old", "Old");
        assert_eq!(kept(&CLAWS_MAIL, "AppData/Roaming/Claws-mail", Os::Windows, &relative), nothing);
    }
}
