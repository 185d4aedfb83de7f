//! How much is said, and how: what the flags ask for.

/// How much is said, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// Text for people.
    People,
    /// The same with the evidence of each verdict (`-v`).
    Detailed,
    /// Only what needs attention.
    Quiet,
    /// One JSON document.
    Json,
    /// Nothing.
    Silent,
}
