//! Which programs a look of the agent may speak to (Apple Mail, Outlook for Mac: see `platform/src/scripts`). Nobody
//! asked for the look, so it launches no program for nothing.
//!
//! The rule: a look speaks to a program that runs already, which launches nothing, and to one that was in the way of the
//! last look, since an account of it is to be changed. Any other is left alone, and what it has is read where that can be
//! done without it (Mail's accounts database). If something of it is to be written after all - the database says that an
//! account cannot send, or a change was interrupted - the writer is refused, and the look is taken once more with that
//! program allowed. So without the permission to read the database, Mail is looked at while it is open, and set when it
//! has been closed; and so is Outlook, of which there is nothing else to read.

use std::collections::BTreeSet;
use std::sync::Arc;

use port26_platform::computer::Computer;
use port26_platform::scripts::{App, Sparing};

use crate::account::ClientId;
use crate::clients::MailClient;

/// Takes a look at this computer, and a second one if the first would have had to launch a program to write what is to be
/// written. `awaited`: the clients that were in the way of the last look.
pub fn look_sparingly<R, E>(
    computer: &Computer,
    clients: &[&dyn MailClient],
    awaited: &BTreeSet<ClientId>,
    mut look: impl FnMut(Computer) -> Result<R, E>,
) -> Result<(R, Option<R>), E> {
    let programs = clients.iter().filter_map(|client| Some((client.id(), client.scripted_app()?)));
    let runs = |app: &App| !computer.processes.running(&[&app.name]).is_empty();
    let mut allowed: BTreeSet<App> =
        programs.filter(|(id, app)| awaited.contains(id) || runs(app)).map(|(_, app)| app).collect();
    let mut with = |allowed: &BTreeSet<App>| {
        let sparing = Arc::new(Sparing::new(Arc::clone(&computer.scripts), allowed.clone()));
        let looked = look(Computer { scripts: sparing.clone(), ..computer.clone() })?;
        Ok((looked, sparing.refused()))
    };
    let (first, refused) = with(&allowed)?;
    if refused.is_empty() {
        return Ok((first, None));
    }
    allowed.extend(refused);
    let (second, _) = with(&allowed)?;
    Ok((first, Some(second)))
}
