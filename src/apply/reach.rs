//! What settings are read and written with: the way to where they are, and the editors of what they are written in.

use super::store::Store;
use crate::formats::open::Editors;

/// Both of them.
#[derive(Clone, Copy)]
pub(super) struct Reach<'a> {
    pub store: &'a dyn Store,
    pub editors: &'a dyn Editors,
}
