//! A registry seen from one of its keys, as if that key were the root: tests work so below a key of their own in a
//! registry that is somebody's.

use std::sync::Arc;

use super::{Registry, RegistryError, Value, ValueWrite};

/// Everything below one key of another registry. Keys are paths below that one, and nothing outside it is read or
/// written.
#[derive(Clone)]
pub struct Below {
    registry: Arc<dyn Registry>,
    root: String,
}

impl Below {
    /// `root`: a key path, without a backslash at its end.
    pub fn new(registry: Arc<dyn Registry>, root: impl Into<String>) -> Self {
        Self { registry, root: root.into() }
    }

    fn full(&self, key: &str) -> String {
        if key.is_empty() { self.root.clone() } else { format!(r"{}\{key}", self.root) }
    }
}

impl Registry for Below {
    fn has_key(&self, key: &str) -> Result<bool, RegistryError> {
        self.registry.has_key(&self.full(key))
    }

    fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError> {
        self.registry.subkeys(&self.full(key))
    }

    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        self.registry.values(&self.full(key))
    }

    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        self.registry.value(&self.full(key), value)
    }

    fn write(&self, writes: &[ValueWrite]) -> Result<(), RegistryError> {
        let full = |write: &ValueWrite| ValueWrite { key: self.full(&write.key), ..write.clone() };
        self.registry.write(&writes.iter().map(full).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::contract;
    use crate::registry::memory::MemoryRegistry;

    #[test]
    fn keeps_the_contract_and_nothing_outside_is_seen() {
        let whole = MemoryRegistry::new().with_key(r"Outside\Key").with_key(r"Mine\Base\Alpha");
        let whole: Arc<dyn Registry> = Arc::new(whole.with_key(r"Mine\Base\Beta\Gamma"));
        let below = Below::new(Arc::clone(&whole), "Mine");
        contract::check(&below, "Base");
        assert_eq!(below.subkeys("").unwrap(), ["Base"]);
        assert!(!below.has_key("Outside").unwrap());
        let write = ValueWrite { key: r"Base\Alpha".into(), value: "Port".into(), content: Some(Value::dword(26)) };
        below.write(&[write]).unwrap();
        assert_eq!(whole.value(r"Mine\Base\Alpha", "Port").unwrap(), Some(Value::dword(26)));
    }
}
