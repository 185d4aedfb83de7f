//! Values that the owner of this machine laid down in the registry for a program: Group Policy and MDM write them below
//! `Software\Policies`. What they mean is the caller's business. Elsewhere than on Windows there are none.

#[cfg(not(windows))]
mod elsewhere;
#[cfg(windows)]
mod windows;
#[cfg(not(windows))]
use elsewhere as system;
#[cfg(windows)]
use windows as system;

/// A value as the registry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedValue {
    /// `REG_DWORD` or `REG_QWORD`.
    Number(u64),
    /// `REG_SZ` or `REG_EXPAND_SZ`, not expanded.
    Text(String),
    /// `REG_MULTI_SZ`.
    List(Vec<String>),
    /// Any other type.
    Other,
}

/// One key and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedKey {
    /// Where it is, as people write it: `HKLM\Software\Policies\port26`.
    pub place: String,
    /// Names and values, in the registry's order.
    pub values: Vec<(String, ManagedValue)>,
}

/// The keys `Software\Policies\<name>` that are there, the weakest first: the user's, then the computer's.
pub fn policy_keys(name: &str) -> Vec<ManagedKey> {
    system::policy_keys(name)
}
