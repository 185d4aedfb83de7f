//! Which receiving server an account has, in programs whose settings tie none to an outgoing one.

use crate::account::IncomingServer;

/// The one whose user is one of these addresses; where there is one only, that.
pub(super) fn receiver_of(receivers: &[IncomingServer], emails: &[String]) -> Option<IncomingServer> {
    let own = |server: &&IncomingServer| server.user.as_ref().is_some_and(|user| emails.contains(user));
    match receivers {
        [only] => Some(only.clone()),
        several => several.iter().find(own).cloned(),
    }
}
