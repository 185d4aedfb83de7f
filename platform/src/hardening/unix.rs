//! No core dump (setrlimit(2)): it would hold the passwords that were in memory.

use rustix::process::{Resource, Rlimit, setrlimit};

pub(super) fn before_anything() {
    // Lowering one's own limit is always allowed; if it is not, the system decides, as it did before.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn memory_is_not_dumped() {
        super::before_anything();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
    }
}
