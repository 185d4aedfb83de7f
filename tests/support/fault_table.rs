//! The fault table, `tests/faults/table.toml`, as the tests in Rust read it: a test that stands for a row takes what is
//! expected from here, by `row("ID")`. What the fields mean is said in the table.

#![allow(dead_code, reason = "each test file uses its part of it")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};

/// One row. What only the lab asks for is in `lab`.
#[derive(Debug, Deserialize)]
pub struct Row {
    pub id: String,
    pub title: String,
    #[serde(default = "own")]
    pub origin: String,
    pub verdict: String,
    #[serde(default)]
    pub tolerated: Vec<String>,
    pub to: Option<u16>,
    #[serde(default)]
    pub reasons: Vec<String>,
    pub like: Option<String>,
    pub no_twin: Option<String>,
    pub no_lab: Option<String>,
    #[serde(flatten)]
    pub lab: BTreeMap<String, toml::Value>,
}

fn own() -> String {
    "own".into()
}

impl Row {
    /// The verdict as the `VerdictCode` of whoever asks: the library's own tests know another one than those beside it.
    #[track_caller]
    pub fn verdict<V: DeserializeOwned>(&self) -> V {
        verdict_of(&self.verdict)
    }
}

/// A verdict by its code.
#[track_caller]
pub fn verdict_of<V: DeserializeOwned>(code: &str) -> V {
    let word: StrDeserializer<'_, Error> = StrDeserializer::new(code);
    V::deserialize(word).unwrap_or_else(|error| panic!("{code}: {error}"))
}

/// The rows, in the order of the table.
pub static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Table {
        row: Vec<Row>,
    }
    let text = include_str!("../faults/table.toml");
    toml::from_str::<Table>(text).unwrap_or_else(|error| panic!("tests/faults/table.toml: {error}")).row
});

/// The row of this id.
#[track_caller]
pub fn row(id: &str) -> &'static Row {
    TABLE.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("tests/faults/table.toml has no row {id}"))
}
