//! What an open conversation holds until it ends: its turn at the host, and one of the run's sockets.

use tokio::sync::OwnedSemaphorePermit;

use super::dial::Socket;

/// What an open connection takes up: one of the run's sockets, and a turn at its host.
pub(super) struct Held {
    pub(super) _turn: Option<OwnedSemaphorePermit>,
    pub(super) _socket: Socket,
}
