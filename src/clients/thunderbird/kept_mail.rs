//! What the family keeps of the mail that went out: the folder of sent mail of each identity (`fcc_folder`), and the one Outbox of
//! a profile, `Unsent Messages` among the local folders (`nsMsgSendLater`; seen with Thunderbird 153.8).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use port26_platform::computer::Computer;

use super::family::Family;
use super::mail_folders::{At, MailFolders};
use super::part::Part;
use super::senders::{Sender, Senders};
use super::servers;
use crate::account::Account;
use crate::change::Slot;
use crate::past_mail::{FilledBy, Holds, KeptMail, MailFolder, Outbox};

/// Where messages wait, if no preference says so.
const OUTBOX: &str = "mailbox://nobody@Local%20Folders/Unsent%20Messages";

/// One answer an account. Each profile is read once.
pub(super) fn of(family: &Family, computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
    let mut answers = vec![KeptMail::default(); accounts.len()];
    let mut profiles: BTreeMap<&Path, Vec<(usize, &str)>> = BTreeMap::new();
    for (place, account) in accounts.iter().enumerate() {
        if let Some((profile, key)) = profile_and_key(account) {
            profiles.entry(profile).or_default().push((place, key));
        }
    }
    for (path, wanted) in profiles {
        let Some(prefs) = family.prefs(path, &mut Vec::new()) else { continue };
        family.started(computer, path, &prefs, |store, major| {
            let (name, id, prefs) = ("", String::new(), &prefs);
            let profile = servers::Profile { family, name, id, path, prefs, store, logins: None, major };
            let (senders, folders) = (profile.senders(), MailFolders::of(computer, path, profile.pref()));
            let sent = sent_folders(&folders, &senders);
            let mut who_fills: HashMap<&Path, HashSet<&str>> = HashMap::new();
            for (key, at) in sent.iter().flat_map(|(key, all)| all.iter().map(move |at| (*key, at))) {
                who_fills.entry(&at.path).or_default().insert(key);
            }
            // So its window calls the folder, whose file is `Unsent Messages`.
            let outbox = folders.outbox(OUTBOX).map(|at| Outbox { folder: folder(&at, false), called: "Outbox" });
            for (place, key) in wanted {
                let alone = |at: &At| who_fills.get(at.path.as_path()).is_some_and(|keys| keys.len() == 1);
                answers[place] = KeptMail {
                    sent: sent.get(key).into_iter().flatten().map(|at| folder(at, alone(at))).collect(),
                    outbox: outbox.clone(),
                    sender_keys: identities(&senders, key),
                };
            }
        });
    }
    answers
}

/// The profile's folder, and the server's key in it.
fn profile_and_key(account: &Account) -> Option<(&Path, &str)> {
    let Slot::Setting { file, name, .. } = &account.settings.get(Part::Port.setting())?.slot else { return None };
    let key = name.strip_prefix("mail.smtpserver.")?.strip_suffix(Part::Port.pref())?.strip_suffix('.')?;
    Some((file.parent()?, key))
}

fn identities(senders: &Senders, key: &str) -> Vec<String> {
    senders.by_key.get(key).into_iter().flatten().map(|sender| sender.identity.clone()).collect()
}

/// Of each outgoing server, the folders of all its identities, each once.
fn sent_folders<'s>(folders: &MailFolders<'_>, senders: &'s Senders) -> HashMap<&'s str, Vec<At>> {
    let of_key = |senders: &[Sender]| {
        let mut seen: HashSet<PathBuf> = HashSet::new();
        let all = senders.iter().flat_map(|sender| folders.sent(&sender.identity, &sender.server));
        all.filter(|at| seen.insert(at.path.clone())).collect()
    };
    senders.by_key.iter().map(|(key, senders)| (key.as_str(), of_key(senders))).collect()
}

/// Only in a folder of its own every message is the account's: not among the local ones, where anybody moves mail to, and not in
/// one that the host keeps.
fn folder(at: &At, alone: bool) -> MailFolder {
    MailFolder {
        path: at.path.clone(),
        store: at.store,
        holds: if alone && at.of_one_mailbox { Holds::OneAccount } else { Holds::Several },
        filled_by: if at.is_copy { FilledBy::Everybody } else { FilledBy::ThisProgram },
    }
}

#[cfg(test)]
mod tests;
