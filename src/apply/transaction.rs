//! Making the changes of one client profile: all of them, or none.

use std::path::Path;

use jiff::Timestamp;

use super::error::ApplyError;
use super::journal::Journal;
use super::journal_writer::JournalWriter;
use super::place::{NewPassword, Prepared, look};
use super::prepare::prepare;
use super::reach::Reach;
use super::receipt::{AccountRecord, Kind, Receipt, ReceiptId, Transaction};
use super::record::{Begin, Intent, Record, SCHEMA};
use super::take_back::take_back;
use super::unbelieved::Unbelieved;
use super::writer::Writer;

impl Writer<'_> {
    /// Makes the changes. On an error nothing is changed, except for [`ApplyError::RollbackIncomplete`], which
    /// names what is. Changes that an earlier start left half done are taken back first.
    pub fn apply(&self, wanted: &Transaction) -> Result<Receipt, ApplyError> {
        self.apply_with(wanted, &[])
    }

    /// The same, and gives programs these passwords. They are in no journal, and no undo brings back what was there.
    pub fn apply_with(&self, wanted: &Transaction, passwords: &[NewPassword]) -> Result<Receipt, ApplyError> {
        let _lock = self.state.lock()?;
        self.refuse_in_use(wanted.client, &wanted.profile)?;
        self.recover_unfinished()?;
        self.refuse_unfinished(wanted)?;
        let id = self.state.next_id()?;
        let prepared = prepare(self.reach, &id, wanted, passwords)?;
        self.refuse_in_use(wanted.client, &wanted.profile)?;
        let intents: Vec<Intent> = prepared.iter().map(Prepared::intent).collect();
        look(self.reach, &id, &intents)?;
        let begin = Begin {
            schema: SCHEMA.to_owned(),
            id: id.clone(),
            run: wanted.run.clone(),
            kind: Kind::Apply,
            undoes: None,
            time: Timestamp::now(),
            machine: self.machine.clone(),
            client: wanted.client,
            profile: wanted.profile.clone(),
            accounts: wanted
                .accounts
                .iter()
                .map(|part| AccountRecord {
                    account_id: part.account_id.clone(),
                    before: part.before.clone(),
                    after: part.after.clone(),
                })
                .collect(),
            writes: Some(prepared.len()),
        };
        let path = self.state.journal_path(&id);
        // All that is going to be written is told before the first of it is.
        let mut journal =
            JournalWriter::create(self.reach.store, &path, begin.clone(), &intents).map_err(ApplyError::State)?;
        let mut begun = 0;
        match write_all(self.reach, &mut journal, &prepared, &mut begun) {
            Ok(()) => {
                let end = Some(Record::Commit { time: Timestamp::now(), left: Vec::new() });
                Ok(Journal { path, begin, intents, end, undone: None, lines: 0 }.receipt())
            }
            Err(source) => Err(roll_back(self.reach, journal, &path, &id, &intents[..begun], source)),
        }
    }

    /// What an earlier start left of this profile has to be taken back before anything new is written to it; and where a
    /// receipt of it is not believed, it is left to its user.
    fn refuse_unfinished(&self, wanted: &Transaction) -> Result<(), ApplyError> {
        let (unfinished, unbelieved) = self.state.unfinished()?;
        let of_profile = |one: &&Unbelieved| one.is_about(&self.machine, wanted.client, &wanted.profile);
        if let Some(one) = unbelieved.iter().find(of_profile) {
            return Err(one.in_the_way());
        }
        for journal in unfinished {
            let begin = journal.begin;
            if begin.machine == self.machine && begin.client == wanted.client && begin.profile == wanted.profile {
                let why = "its settings could not be put back".to_owned();
                return Err(ApplyError::Unfinished { receipt: begin.id, why });
            }
        }
        Ok(())
    }
}

/// Makes and confirms each write, then commits. `begun`: how many may have been written.
fn write_all(
    reach: Reach,
    journal: &mut JournalWriter,
    prepared: &[Prepared],
    begun: &mut usize,
) -> Result<(), ApplyError> {
    for write in prepared {
        *begun += 1;
        write.make(reach).map_err(ApplyError::Write)?;
        journal.add(&Record::Done { n: write.n }).map_err(ApplyError::State)?;
    }
    journal.add(&Record::Commit { time: Timestamp::now(), left: Vec::new() }).map_err(ApplyError::State)
}

fn roll_back(
    reach: Reach,
    mut journal: JournalWriter,
    path: &Path,
    id: &ReceiptId,
    begun: &[Intent],
    source: ApplyError,
) -> ApplyError {
    let (left, failed) = take_back(reach, begun.iter().rev());
    if failed.is_none() {
        let end = Record::RolledBack { time: Timestamp::now(), why: source.to_string(), left: left.clone() };
        let ended = journal.add(&end);
        drop(journal);
        // No room for its end: a receipt of nothing is in the way of the next run, and is taken away. If that fails too,
        // the next start looks again, finds everything as it was, and writes the end then.
        if ended.is_err() && left.is_empty() {
            let _ = std::fs::remove_file(path);
        }
    }
    let (receipt, source) = (id.clone(), Box::new(source));
    if left.is_empty() {
        ApplyError::RolledBack { receipt, source }
    } else {
        ApplyError::RollbackIncomplete { receipt, left, source }
    }
}
