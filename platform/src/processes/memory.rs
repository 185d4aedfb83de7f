//! Invented programs for tests: they run, hold a lock if they have one, and close when they are asked or after a while.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Asked, Holder, Processes, bare};

/// When an invented program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// When it is asked to.
    WhenAsked,
    /// Never, asked or not.
    Never,
    /// After it was looked for so many times.
    AfterLooks(usize),
}

/// One invented program.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// Its process id.
    pub pid: u32,
    /// The lock that it holds, if any.
    pub lock: Option<PathBuf>,
    /// When it ends.
    pub ending: Ending,
}

/// The processes of an invented machine.
#[derive(Debug, Default)]
pub struct MemoryProcesses {
    state: Mutex<State>,
    no_way: bool,
}

#[derive(Debug, Default)]
struct State {
    programs: Vec<Program>,
    asked: Vec<u32>,
}

impl MemoryProcesses {
    /// These run.
    pub fn of(programs: impl IntoIterator<Item = Program>) -> Self {
        let state = State { programs: programs.into_iter().collect(), asked: Vec::new() };
        Self { state: Mutex::new(state), no_way: false }
    }

    /// A system without a polite way.
    #[must_use]
    pub fn without_a_way(self) -> Self {
        Self { no_way: true, ..self }
    }

    /// One more runs.
    pub fn start(&self, program: Program) {
        self.lock().programs.push(program);
    }

    /// Who was asked to close, in order.
    pub fn asked(&self) -> Vec<u32> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, wanted: impl Fn(&Program) -> bool) -> Vec<u32> {
        let mut state = self.lock();
        let found = state.programs.iter().filter(|program| wanted(program)).map(|program| program.pid).collect();
        for program in state.programs.iter_mut().filter(|program| wanted(program)) {
            if let Ending::AfterLooks(looks) = &mut program.ending {
                *looks = looks.saturating_sub(1);
            }
        }
        state.programs.retain(|program| program.ending != Ending::AfterLooks(0));
        found
    }
}

impl Processes for MemoryProcesses {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        self.look(|program| names.iter().any(|name| bare(name) == bare(program.name)))
    }

    fn lock_holder(&self, file: &Path) -> Option<Holder> {
        let holder = self.look(|program| program.lock.as_deref() == Some(file)).first().copied();
        holder.map(|pid| Holder { pid: Some(pid) })
    }

    fn socket_answers(&self, _socket: &Path) -> bool {
        false
    }

    fn ask_to_close(&self, pids: &[u32]) -> Asked {
        if self.no_way {
            return Asked::NoWay;
        }
        let mut state = self.lock();
        state.asked.extend(pids);
        let known = state.programs.iter().any(|program| pids.contains(&program.pid));
        state.programs.retain(|program| !(pids.contains(&program.pid) && program.ending == Ending::WhenAsked));
        if known { Asked::Told } else { Asked::NoWindow }
    }
}
