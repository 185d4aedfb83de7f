//! Programs that must not be spoken to: a test that does so fails.

use port26_platform::scripts::{App, Object, ObjectWrite, ScriptError, Scripts, Visit, Wanted};

/// Says that programs may be visited like this, and panics at the visit.
pub(crate) struct Untouchable(pub(crate) Visit);

impl Scripts for Untouchable {
    fn visit(&self, _: &App) -> Visit {
        self.0
    }
    fn read(&self, app: &App, _: &[Wanted]) -> Result<Vec<Vec<Object>>, ScriptError> {
        panic!("{app} was spoken to")
    }
    fn write(&self, app: &App, _: &[ObjectWrite]) -> Result<(), ScriptError> {
        panic!("{app} was spoken to")
    }
}
