//! The stable code of a value: the word that stands for it in JSON.

use serde::Serialize;

/// The stable code of a serialisable name.
pub fn code_of<T: Serialize>(name: &T) -> String {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(code)) => code,
        _ => "unknown".to_owned(),
    }
}
