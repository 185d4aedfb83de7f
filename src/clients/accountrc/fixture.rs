//! For tests of the programs with an `accountrc`: the target on port 26, changes in words, and what they make of a file.

use crate::account::{Account, AuthSetting, SubmissionServer, TlsMode};
use crate::change::{Change, Content, Slot};
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

/// The account's server on port 26, with a login.
pub(in crate::clients) fn to26(account: &Account) -> SubmissionServer {
    SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        ..account.outgoing.clone()
    }
}

/// Each change as `name: before > after`.
pub(in crate::clients) fn told(changes: &[Change]) -> Vec<String> {
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
pub(in crate::clients) fn applied(doc: &mut KeyFile, changes: impl IntoIterator<Item = Change>) {
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
pub(in crate::clients) fn written_and_taken_back(bytes: &[u8], changes: &[Change]) {
    let mut doc = KeyFile::parse(bytes).unwrap();
    applied(&mut doc, changes.iter().cloned());
    let mut again = KeyFile::parse(&doc.to_bytes()).unwrap();
    applied(&mut again, changes.iter().rev().map(Change::inverse));
    assert_eq!(again.to_bytes(), bytes);
}
