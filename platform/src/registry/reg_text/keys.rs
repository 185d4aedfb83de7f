//! The keys of the hive as a tree: what a long path costs is its own length, not the sum of the paths above it.

use std::collections::HashMap;

use super::fold;

/// All keys. The first is the hive's root.
#[derive(Debug, Clone)]
pub(super) struct Keys(Vec<Key>);

/// A key of the hive.
#[derive(Debug, Clone, Default)]
pub(super) struct Key {
    /// Names of its subkeys as first written.
    names: Vec<String>,
    /// Where each is, by folded name.
    places: HashMap<String, usize>,
    /// Its live sections in the file's order.
    pub sections: Vec<usize>,
}

impl Key {
    /// Names of its subkeys as first written.
    pub fn children(&self) -> &[String] {
        &self.names
    }
}

impl Keys {
    /// No key, not even the root.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The root and nothing below it.
    pub fn root() -> Self {
        Self(vec![Key::default()])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn find(&self, path: &str) -> Option<&Key> {
        self.0.get(self.place(path)?)
    }

    fn place(&self, path: &str) -> Option<usize> {
        let mut at = 0;
        self.0.first()?;
        for name in parts(path) {
            at = *self.0[at].places.get(&fold(name))?;
        }
        Some(at)
    }

    /// A section of this key. Missing parents come into being with their child.
    pub fn add(&mut self, path: &str, section: usize) {
        let mut at = 0;
        for name in parts(path) {
            let fresh = self.0.len();
            let key = &mut self.0[at];
            at = *key.places.entry(fold(name)).or_insert(fresh);
            if at == fresh {
                key.names.push(name.to_owned());
                self.0.push(Key::default());
            }
        }
        self.0[at].sections.push(section);
    }

    /// Takes the key and everything below it away; never the root.
    pub fn delete(&mut self, path: &str) {
        let (parent, name) = path.rsplit_once('\\').unwrap_or(("", path));
        let Some(parent) = self.place(parent) else { return };
        let folded = fold(name);
        if self.0[parent].places.remove(&folded).is_some() {
            self.0[parent].names.retain(|child| fold(child) != folded);
        }
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('\\').filter(|name| !name.is_empty())
}
