//! From the address of a folder, as preferences name it (`imap://anna%40hosting.test@mail.hosting.test/Sent`), to the file or the
//! folder of files that holds its messages (`nsMsgDBFolder`, `nsMsgIncomingServer::GetLocalPath`).

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use port26_platform::computer::Computer;
use serde::Deserialize;

use super::bounds;
use super::preferences::Preferences;
use super::profile_path::{self, Place};
use crate::past_mail::Store;

/// A folder of mail on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    pub path: PathBuf,
    pub store: Store,
    /// It is of one incoming server, and on this computer alone.
    pub of_one_mailbox: bool,
    /// It is a copy of a folder that the host keeps.
    pub is_copy: bool,
}

/// An incoming server, by what addresses of folders call it: `imap` or `mailbox`, user, host.
type Name = (&'static str, String, String);

/// The folders of a profile.
pub(super) struct MailFolders<'a> {
    computer: &'a Computer,
    profile: &'a Path,
    prefs: Preferences<'a>,
    servers: HashMap<Name, String>,
    online: OnceCell<Online>,
}

/// Where a folder of a host is kept here, by the server's folder and what the host calls it.
type Online = HashMap<(PathBuf, String), Vec<PathBuf>>;

/// One entry of `folderCache.json`.
#[derive(Deserialize)]
struct Cached {
    #[serde(rename = "onlineName", default)]
    online_name: String,
    #[serde(rename = "hierDelim", default)]
    separator: u32,
}

impl<'a> MailFolders<'a> {
    pub fn of(computer: &'a Computer, profile: &'a Path, prefs: Preferences<'a>) -> Self {
        let mut servers = HashMap::new();
        let accounts = prefs.text("mail.accountmanager.accounts").unwrap_or_default();
        let keys =
            accounts.split(',').filter_map(|account| prefs.text(&format!("mail.account.{}.server", account.trim())));
        for key in keys.take(bounds::MOST_ENTRIES) {
            let text = |part: &str| prefs.written_text(&format!("mail.server.{key}.{part}"));
            let scheme = match text("type").as_deref() {
                Some("imap") => "imap",
                Some("pop3" | "none") => "mailbox",
                _ => continue,
            };
            let name =
                (scheme, text("userName").unwrap_or_default(), text("hostname").unwrap_or_default().to_lowercase());
            servers.entry(name).or_insert(key);
        }
        Self { computer, profile, prefs, servers, online: OnceCell::new() }
    }

    /// Where an identity of this incoming server puts what it has sent; nowhere if it keeps no copies.
    pub fn sent(&self, identity: &str, server: &str) -> Vec<At> {
        if self.prefs.truth(&format!("mail.identity.{identity}.fcc")) == Some(false) {
            return Vec::new();
        }
        let named = format!("mail.identity.{identity}.fcc_folder");
        match self.prefs.text_or(&named, "mail.identity.default.fcc_folder") {
            Some(address) => self.at(&address),
            None => self.below(&self.keeper(server), &["Sent".to_owned()]),
        }
    }

    /// Where messages wait.
    pub fn outbox(&self, usual: &str) -> Option<At> {
        let address = self.prefs.text("mail.default_sendlater_uri");
        self.at(address.as_deref().unwrap_or(usual)).into_iter().next()
    }

    /// The server among whose folders the mail of this one is kept: of POP3 it may be another one.
    fn keeper(&self, server: &str) -> String {
        let to = self.prefs.text(&format!("mail.server.{server}.deferred_to_account"));
        let other = to.and_then(|account| self.prefs.text(&format!("mail.account.{account}.server")));
        other.unwrap_or_else(|| server.to_owned())
    }

    fn at(&self, address: &str) -> Vec<At> {
        let Some((name, folders)) = parsed(address) else { return Vec::new() };
        self.servers.get(&name).map_or_else(Vec::new, |server| self.below(server, &folders))
    }

    fn below(&self, server: &str, folders: &[String]) -> Vec<At> {
        let text = |part: &str| self.prefs.text(&format!("mail.server.{server}.{part}"));
        let (Some(kind), Some(root), Some((leaf, above))) =
            (text("type"), self.folder_of(server), folders.split_last())
        else {
            return Vec::new();
        };
        let is_copy = kind == "imap";
        let usual = above.iter().fold(root.clone(), |at, name| at.join(format!("{name}.sbd"))).join(leaf);
        let mut paths = vec![usual];
        if is_copy {
            paths.extend(self.online().get(&(root, folders.join("/"))).into_iter().flatten().cloned());
        }
        let maildir = text("storeContractID").is_some_and(|store| store.contains("maildir"));
        let mut seen = HashSet::new();
        let paths = paths.into_iter().filter(|path| seen.insert(path.clone()));
        let at = |path: PathBuf| match maildir {
            true => At { path: path.join("cur"), store: Store::Files, of_one_mailbox: kind == "pop3", is_copy },
            false => At { path, store: Store::Mbox, of_one_mailbox: kind == "pop3", is_copy },
        };
        paths.map(at).collect()
    }

    /// The folder in which a server's folders are.
    fn folder_of(&self, server: &str) -> Option<PathBuf> {
        let text = |part: &str| self.prefs.text(&format!("mail.server.{server}.{part}"));
        let relative = text("directory-rel");
        let place = match relative.as_deref().and_then(|path| path.strip_prefix("[ProfD]")) {
            Some(below) => profile_path::resolve(self.computer, self.profile, below, true),
            None => profile_path::resolve(self.computer, self.profile, &text("directory")?, false),
        };
        match place {
            Place::At(path) => Some(path),
            Place::Nowhere | Place::OutOfReach => None,
        }
    }

    /// What the folders of hosts are called there: where two of them want one file, the second has another name on this computer
    /// (seen with 153.8, which calls the host's `Sent` here `Sent-1`).
    fn online(&self) -> &Online {
        self.online.get_or_init(|| {
            let file = self.profile.join("folderCache.json");
            let bytes = bounds::read(&file).ok().flatten().unwrap_or_default();
            let all: HashMap<String, Cached> = serde_json::from_slice(&bytes).unwrap_or_default();
            let of_host = |(key, cached): (String, Cached)| {
                let separator = char::from_u32(cached.separator).filter(|separator| !separator.is_control())?;
                let (server, path) = self.below_profile(key.strip_suffix(".msf")?)?;
                let name = cached.online_name.replace(separator, "/");
                (!name.is_empty()).then_some(((server, name), path))
            };
            let mut online = Online::new();
            for (name, path) in all.into_iter().filter_map(of_host) {
                online.entry(name).or_default().push(path);
            }
            online
        })
    }

    /// A path of that file, which has the profile where its program last saw it: the server's folder, and the whole.
    fn below_profile(&self, written: &str) -> Option<(PathBuf, PathBuf)> {
        let parts: Vec<&str> = written.split(['/', '\\']).collect();
        let begins = parts.iter().rposition(|part| *part == "ImapMail")?;
        let names = parts.get(begins..).filter(|names| names.iter().all(|name| is_name(name)))?;
        let path = |names: &[&str]| names.iter().fold(self.profile.to_owned(), |at, name| at.join(name));
        Some((path(names.get(..2)?), path(names)))
    }
}

/// A name that stays in its folder.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', ':', '\0'])
}

/// `scheme://user@host/Folder/In it`, each part written with percent signs.
fn parsed(address: &str) -> Option<(Name, Vec<String>)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    let (scheme, rest) = address.split_once("://")?;
    let scheme = ["imap", "mailbox"].into_iter().find(|known| *known == scheme)?;
    let (authority, path) = rest.split_once('/')?;
    let (user, host) = authority.rsplit_once('@')?;
    let folders = path.split('/').map(decoded).collect::<Option<Vec<String>>>()?;
    let name = (scheme, decoded(user)?, decoded(host)?.to_lowercase());
    folders.iter().all(|folder| is_name(folder)).then_some((name, folders))
}
