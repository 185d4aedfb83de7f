//! Systems without a registry.

use super::ManagedKey;

pub(super) fn policy_keys(_name: &str) -> Vec<ManagedKey> {
    Vec::new()
}
