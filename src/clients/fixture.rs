//! For tests of adapters: a home folder, or a fixture, as the computer of nobody who is here; nothing runs on it. The target on
//! port 26, changes in words, and what they make of a key file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::{Computer, Os};
use port26_platform::processes::{Holder, NothingRuns, Processes};

use crate::account::{Account, AuthSetting, CredentialSource, SubmissionServer, TlsMode};
use crate::change::{Change, Content, Slot};
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

/// This home, laid out as this system does.
pub(super) fn at(home: impl Into<PathBuf>, os: Os) -> Computer {
    Computer { processes: Arc::new(NothingRuns), ..Computer::folder(home, os, None) }
}

/// A program runs under this name, or answers at this socket.
pub(super) struct Running(pub &'static str, pub PathBuf);

impl Processes for Running {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        names.iter().filter(|name| **name == self.0).map(|_| 7).collect()
    }
    fn lock_holder(&self, _file: &Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, socket: &Path) -> bool {
        socket == self.1
    }
}

/// The same computer with a program of this name that runs.
pub(super) fn running(name: &'static str, computer: Computer) -> Computer {
    Computer { processes: Arc::new(Running(name, PathBuf::new())), ..computer }
}

/// The home of a fixture.
pub(super) fn fixture(case: &str, os: Os) -> Computer {
    at(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(case), os)
}

/// The account's server on port 26, with a login.
pub(super) fn to26(account: &Account) -> SubmissionServer {
    SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        ..account.outgoing.clone()
    }
}

/// The same with the login for receiving.
pub(super) fn as_incoming(account: &Account) -> SubmissionServer {
    let user = account.incoming.as_ref().unwrap().user.clone();
    SubmissionServer { credential: CredentialSource::SameAsIncoming, user, ..to26(account) }
}

/// Each change as `name: before > after`.
pub(super) fn told(changes: &[Change]) -> Vec<String> {
    let raw = |content: &Option<Content>| match content {
        Some(Content::Raw(raw)) => raw.clone(),
        _ => "-".to_owned(),
    };
    changes
        .iter()
        .map(|change| match &change.slot {
            Slot::Setting { name, .. } => format!("{name}: {} > {}", raw(&change.before), raw(&change.after)),
            _ => panic!("{change:?}"),
        })
        .collect()
}

/// Makes these changes, each of which finds what it says was there.
pub(super) fn applied(doc: &mut KeyFile, changes: impl IntoIterator<Item = Change>) {
    for change in changes {
        let Slot::Setting { name, .. } = &change.slot else { panic!("{change:?}") };
        assert_eq!(doc.get(name).unwrap().map(Content::Raw), change.before);
        match &change.after {
            Some(Content::Raw(raw)) => doc.set(name, raw).unwrap(),
            _ => doc.remove(name).unwrap(),
        }
    }
}

/// Written into this file, and taken back from what that makes of it, they leave every byte.
pub(super) fn written_and_taken_back(bytes: &[u8], changes: &[Change]) {
    let mut doc = KeyFile::parse(bytes).unwrap();
    applied(&mut doc, changes.iter().cloned());
    let mut again = KeyFile::parse(&doc.to_bytes()).unwrap();
    applied(&mut again, changes.iter().rev().map(Change::inverse));
    assert_eq!(again.to_bytes(), bytes);
}
