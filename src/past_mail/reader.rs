//! The one reader of kept mail: bounded for each folder and over a run, each folder once however many accounts share it, and as
//! root without following a link. What cannot be read is not known; that is no reason to fail.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use port26_platform::computer::Computer;
use port26_platform::files;

use super::all_heads::AllHeads;
use super::head::{self, Head};
use super::places::{KeptMail, MailFolder, Store};
use super::sums::{PastMail, Whose, last_sent, waiting};
use super::{mailbox, marks};

/// Bytes of one mailbox.
const MAILBOX: u64 = 64 << 20;

/// Bytes that are read of its end first. The newest messages stand there.
const END: u64 = 4 << 20;

/// So many dated messages at the end of a mailbox are enough to know its newest.
const ENOUGH: usize = 20;

/// Bytes of all mailboxes of a run.
const RUN: u64 = 512 << 20;

/// Time for all of them. A disk that is slower than that is not waited for.
const TIME: Duration = Duration::from_secs(10);

/// Names in a folder of files.
const NAMES: usize = 100_000;

/// Files of a folder that are opened.
const FILES: usize = 200;

/// From which end a folder is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Start,
    End,
}

/// Reads kept mail in one run.
pub struct Reader {
    now: Timestamp,
    /// Nothing outside these is read; `None`: wherever the user's own programs keep it.
    only_below: Option<Vec<PathBuf>>,
    until: Instant,
    left: u64,
    seen: HashMap<(PathBuf, Store, Side), Option<Rc<AllHeads>>>,
}

impl Reader {
    /// For a run that begins now. In a home that is not this session's, settings or links may lead anywhere: what lies outside of
    /// it is left.
    pub fn of(computer: &Computer, now: Timestamp) -> Self {
        let folders = &computer.folders;
        let own = [&folders.home, &folders.roaming, &folders.local].map(std::fs::canonicalize);
        let only_below = (!computer.own_session).then(|| own.into_iter().flatten().collect());
        Self { now, only_below, until: Instant::now() + TIME, left: RUN, seen: HashMap::new() }
    }

    /// What is known of the account with these addresses.
    pub fn read(&mut self, kept: &KeptMail, emails: &[String]) -> PastMail {
        let whose = Whose { emails, keys: &kept.sender_keys };
        let now = self.now;
        let mut newest = None;
        for folder in &kept.sent {
            let Some(heads) = self.heads(folder, Side::End) else { continue };
            let last = last_sent(&heads, folder.holds, whose, now).map(|last| (last, folder.filled_by));
            newest = [newest, last].into_iter().flatten().max_by_key(|(last, _)| *last);
        }
        let waits = kept.outbox.as_ref().and_then(|outbox| {
            let heads = self.heads(&outbox.folder, Side::Start)?;
            Some(waiting(outbox.called, &heads, whose, now))
        });
        PastMail { last_sent: newest, waiting: waits }
    }

    fn heads(&mut self, folder: &MailFolder, side: Side) -> Option<Rc<AllHeads>> {
        let known = (folder.path.clone(), folder.store, side);
        if let Some(heads) = self.seen.get(&known) {
            return heads.clone();
        }
        let read = match folder.store {
            _ if self.leads_out(&folder.path) => Err(std::io::Error::other("it lies outside the home")),
            Store::Mbox => self.mailbox(&folder.path, side),
            Store::Numbered { marks } => self.numbered(&folder.path, marks, side),
            Store::Files => self.files(&folder.path),
        };
        let heads = read
            .inspect_err(|error| tracing::debug!("kept mail in {} was not read: {error}", folder.path.display()))
            .ok()
            .map(Rc::new);
        self.seen.insert(known, heads.clone());
        heads
    }

    /// What is not there leads nowhere.
    fn leads_out(&self, path: &Path) -> bool {
        let Some(places) = &self.only_below else { return false };
        std::fs::canonicalize(path).is_ok_and(|real| !places.iter().any(|place| real.starts_with(place)))
    }

    fn mailbox(&mut self, path: &Path, side: Side) -> std::io::Result<AllHeads> {
        let Some(file) = opened(path)? else { return Ok(AllHeads::default()) };
        let size = file.metadata()?.len();
        if side == Side::Start {
            return self.part(&file, 0, size);
        }
        let end = self.part(&file, size.saturating_sub(END), size)?;
        let dated = end.list.iter().filter(|head| head.date.is_some()).count();
        if size <= END || dated >= ENOUGH {
            return Ok(end);
        }
        self.part(&file, size.saturating_sub(MAILBOX), size)
    }

    /// The messages that begin behind this place, as far as a mailbox is read.
    fn part(&mut self, mut file: &File, start: u64, size: u64) -> std::io::Result<AllHeads> {
        let length = size.saturating_sub(start).min(MAILBOX);
        self.spend(length)?;
        file.seek(SeekFrom::Start(start))?;
        let mut heads = mailbox::heads(BufReader::with_capacity(256 << 10, file.take(length)))?;
        heads.whole &= start == 0 && length == size;
        Ok(heads)
    }

    /// A folder whose files are called by numbers, of which the highest is the newest.
    fn numbered(&mut self, folder: &Path, marks: &str, side: Side) -> std::io::Result<AllHeads> {
        let number = |name: &str| name.parse::<u64>().ok().filter(|_| !name.starts_with('+'));
        let mut numbers: Vec<u64> = names(folder)?.iter().filter_map(|(name, _)| number(name)).collect();
        numbers.sort_unstable();
        let removed = match opened(&folder.join(marks))? {
            Some(file) => marks::removed(&start_of(file, 8 * NAMES + 4)?),
            None => Default::default(),
        };
        numbers.retain(|number| !removed.contains(number));
        let whole = numbers.len() <= FILES;
        if side == Side::End {
            numbers.reverse();
        }
        numbers.truncate(FILES);
        self.each(numbers.iter().map(|number| folder.join(number.to_string())), whole)
    }

    /// A folder of files: those that were written last.
    fn files(&mut self, folder: &Path) -> std::io::Result<AllHeads> {
        let mut found = names(folder)?;
        found.retain(|(name, _)| !name.starts_with('.'));
        found.sort_by_key(|(_, written)| std::cmp::Reverse(*written));
        let whole = found.len() <= FILES;
        found.truncate(FILES);
        self.each(found.iter().map(|(name, _)| folder.join(name)), whole)
    }

    fn each(&mut self, paths: impl Iterator<Item = PathBuf>, whole: bool) -> std::io::Result<AllHeads> {
        let mut all = AllHeads { list: Vec::new(), whole };
        for path in paths {
            // Links, pipes, and what is gone meanwhile are no messages.
            let Ok(Some(file)) = opened(&path) else { continue };
            let start = start_of(file, head::MOST)?;
            self.spend(start.len() as u64)?;
            all.add(Head::of_two_blocks(&start));
        }
        Ok(all)
    }

    fn spend(&mut self, bytes: u64) -> std::io::Result<()> {
        let over = || std::io::Error::other("a run reads no more of kept mail than this");
        if Instant::now() > self.until {
            return Err(over());
        }
        self.left = self.left.checked_sub(bytes).ok_or_else(over)?;
        Ok(())
    }
}

fn opened(path: &Path) -> std::io::Result<Option<File>> {
    files::open(path).map_err(std::io::Error::other)
}

fn start_of(file: File, most: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files of a folder, with when each was written; none where there is no such folder.
fn names(folder: &Path) -> std::io::Result<Vec<(String, Option<std::time::SystemTime>)>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if found.len() >= NAMES {
            return Err(std::io::Error::other("there are more files than port26 looks at"));
        }
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let written = entry.metadata().and_then(|meta| meta.modified()).ok();
            found.extend(entry.file_name().into_string().ok().map(|name| (name, written)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use port26_platform::computer::Os;

    use super::super::places::{FilledBy, Holds, Outbox};
    use super::*;

    #[test]
    fn a_run_reads_so_much_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        let computer = Computer::folder(home.path(), Os::Linux, None);
        let mut reader = Reader { left: 2 * MAILBOX, ..Reader::of(&computer, Timestamp::now()) };
        let known = [1, 2, 3].map(|number| {
            let path = home.path().join(number.to_string());
            File::create(&path).unwrap().set_len(MAILBOX + 1).unwrap();
            let (holds, filled_by) = (Holds::Several, FilledBy::ThisProgram);
            let folder = MailFolder { path, store: Store::Mbox, holds, filled_by };
            let kept = KeptMail { outbox: Some(Outbox { folder, called: "Outbox" }), ..KeptMail::default() };
            // The same folder again costs nothing.
            let twice = [reader.read(&kept, &[]), reader.read(&kept, &[])];
            assert_eq!(twice[0], twice[1]);
            twice[0].waiting.map(|waiting| waiting.complete)
        });
        assert_eq!(known, [Some(false), Some(false), None]);
    }

    #[test]
    fn a_slow_disk_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("Sent");
        std::fs::write(&path, "From \nDate: Tue, 3 Nov 2026 09:15:00 +0000\nFrom: <>\n\n").unwrap();
        let (store, holds, filled_by) = (Store::Mbox, Holds::OneAccount, FilledBy::ThisProgram);
        let kept = KeptMail { sent: vec![MailFolder { path, store, holds, filled_by }], ..KeptMail::default() };
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let reader = || Reader::of(&Computer::folder(home.path(), Os::Linux, None), now);
        assert!(reader().read(&kept, &[]).last_sent.is_some());
        let over = Instant::now() - Duration::from_millis(1);
        assert_eq!(Reader { until: over, ..reader() }.read(&kept, &[]).last_sent, None);
    }
}
