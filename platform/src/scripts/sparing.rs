//! Programs that are left alone for now, but for some of them; and which of the others would have been spoken to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{App, Object, ObjectWrite, ScriptError, Scripts, Visit, Wanted};

/// Speaks to these programs only. The others are left alone until they are allowed.
pub struct Sparing {
    inner: Arc<dyn Scripts>,
    allowed: BTreeSet<App>,
    refused: Mutex<BTreeSet<App>>,
}

impl Sparing {
    /// Of the programs that `inner` may speak to, only these.
    pub fn new(inner: Arc<dyn Scripts>, allowed: BTreeSet<App>) -> Self {
        Self { inner, allowed, refused: Mutex::default() }
    }

    /// The programs that somebody tried to speak to in spite of [`Visit::NotNow`].
    pub fn refused(&self) -> BTreeSet<App> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn allow(&self, app: &App) -> Result<(), ScriptError> {
        if self.visit(app) != Visit::NotNow {
            return Ok(());
        }
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(app.clone());
        Err(ScriptError::NotNow { app: app.clone() })
    }
}

impl Scripts for Sparing {
    fn visit(&self, app: &App) -> Visit {
        match self.inner.visit(app) {
            Visit::Allowed if !self.allowed.contains(app) => Visit::NotNow,
            visit => visit,
        }
    }

    fn read(&self, app: &App, wanted: &[Wanted]) -> Result<Vec<Vec<Object>>, ScriptError> {
        self.allow(app)?;
        self.inner.read(app, wanted)
    }

    fn write(&self, app: &App, writes: &[ObjectWrite]) -> Result<(), ScriptError> {
        self.allow(app)?;
        self.inner.write(app, writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts::NoScripts;

    #[test]
    fn elsewhere_nobody_is_refused_for_now() {
        let app = App::new("Mail", "com.apple.mail");
        let sparing = Sparing::new(Arc::new(NoScripts), BTreeSet::new());
        assert_eq!(sparing.visit(&app), Visit::Nowhere);
        assert_eq!(sparing.read(&app, &[]).unwrap_err().code(), "no_scripting");
        assert!(sparing.refused().is_empty());
    }
}
