//! `accountrc`, in which Claws Mail and Sylpheed keep their accounts. Claws Mail began as a copy of Sylpheed: file, keys and
//! most values are the same in both, and what differs is a [`Dialect`], or the adapter's own.

mod dialect;
mod kept_mail;
mod plan;
mod problems;
pub(super) mod rc;
mod section;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use port26_platform::files;

pub(super) use dialect::{Dialect, Way};
pub(super) use kept_mail::kept_mail;
pub(super) use plan::changes;
pub(super) use section::{Protocol, Section};

use super::{Found, Installation, Problem, ProfileAt};
use crate::account::Account;
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

fn open(file: &Path) -> Result<Option<KeyFile>, String> {
    match files::read(file) {
        Ok(None) => Ok(None),
        // The programs never leave it so; a full disk does.
        Ok(Some(bytes)) if bytes.is_empty() => Err("the file is empty".to_owned()),
        Ok(Some(bytes)) => KeyFile::parse(&bytes).map(Some).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The program whose file lies in this folder, if it does.
pub(super) fn detect(dialect: &Dialect, folder: PathBuf) -> Result<Option<Installation>, Problem> {
    let file = folder.join("accountrc");
    match open(&file) {
        Ok(None) => Ok(None),
        Ok(Some(_)) => Ok(Some(Installation {
            profiles: vec![ProfileAt { name: dialect.name.to_owned(), path: Some(folder), key: None }],
            ..Installation::of(dialect.client)
        })),
        Err(why) => Err(dialect.unreadable(&file, &why)),
    }
}

/// The accounts of a folder, each as `account` reads its section (`Ok(None)`: it sends nothing), and what is wrong there.
pub(super) fn accounts(
    dialect: &'static Dialect,
    folder: &Path,
    account: impl Fn(&Section) -> Result<Option<Account>, Problem>,
) -> Found {
    let mut found = Found::default();
    let file = folder.join("accountrc");
    let doc = match open(&file) {
        Ok(None) => return found,
        Ok(Some(doc)) => doc,
        Err(why) => {
            found.problems.push(dialect.unreadable(&file, &why));
            return found;
        }
    };
    let mut seen = HashSet::new();
    for read in rc::read(&doc.to_bytes(), dialect.keys) {
        let Some(number) = read.name.strip_prefix("Account: ") else {
            let looks_like_one = read.name.trim_start_matches('[').starts_with("Account:");
            found.problems.extend(looks_like_one.then(|| dialect.bad_heading(&file, &read.name)));
            continue;
        };
        if !seen.insert(read.name.clone()) {
            found.problems.push(dialect.duplicate(&file, &read.name));
            continue;
        }
        let section = Section { dialect, file: &file, doc: &doc, read: &read, number: number.trim() };
        match account(&section) {
            Ok(account) => found.accounts.extend(account),
            Err(problem) => found.problems.push(problem),
        }
    }
    found
}

/// A section of another file of the program's, by its name.
pub(super) fn section_of(dialect: &Dialect, file: &Path, name: &str) -> Option<rc::Section> {
    let bytes = files::read(file).ok().flatten().unwrap_or_default();
    rc::read(&bytes, dialect.keys).into_iter().find(|section| section.name == name)
}
