//! Programs of macOS that let others read and set their settings by Apple events ("scripting"): a face over the one
//! program that speaks to them, a twin that keeps a model of such programs in a file, and nothing on other systems.
//!
//! Nothing here has been run on a Mac. `properties.js` is run unmodified under node against a model of a scriptable
//! program, and the twin passes the same tests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

#[doc(hidden)]
pub mod contract;
mod error;
mod hidden;
mod osascript;
mod sparing;
mod text;
mod twin;

pub use error::ScriptError;
pub use osascript::Osascript;
pub use sparing::Sparing;
pub use twin::{Dictionary, Twin};

/// A scriptable program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct App {
    /// Its name, as people and the system's settings show it: `Mail`.
    pub name: String,
    /// Its bundle identifier, by which it is spoken to: `com.apple.mail`.
    pub bundle: String,
}

impl App {
    /// A program by its name and bundle identifier.
    pub fn new(name: &str, bundle: &str) -> Self {
        Self { name: name.to_owned(), bundle: bundle.to_owned() }
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether programs may be spoken to. That launches one that does not run, and the system asks the person the first
/// time ("port26 wants to control Mail"): only what was asked to change settings may do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// There are no scriptable programs here: another system, or a home folder that is not the running user's.
    Nowhere,
    /// There are, and what runs now leaves them alone.
    NotNow,
    /// They may be launched and spoken to.
    Allowed,
}

/// Which object of a program: elements, and what some of their properties are. A property may be one of several, since
/// a change can be about the very thing that an object is known by. Empty text and AppleScript's missing value are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The elements as JavaScript names them: `smtpServers`.
    pub elements: String,
    /// Property and what it may be.
    pub keys: BTreeMap<String, Vec<Option<String>>>,
}

impl ObjectKey {
    /// Does an object with these properties fit?
    pub fn fits(&self, object: &Object) -> bool {
        self.keys.iter().all(|(property, values)| {
            let is = object.get(property).unwrap_or(&Value::Null);
            values.iter().any(|value| value.as_deref().map_or(Value::Null, Value::from) == *is)
        })
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.keys.values().filter_map(|values| values.iter().flatten().next());
        write!(f, "{} {}", self.elements, values.map(String::as_str).collect::<Vec<_>>().join(", "))
    }
}

/// Properties of one object. `Null`: nothing is there (missing value, or empty text).
pub type Object = BTreeMap<String, Value>;

/// The value of a property of the one object that fits, from everything that was read. `None`: nothing is there, or no
/// object fits.
pub fn property_of<'o>(
    app: &App,
    objects: &'o [Object],
    key: &ObjectKey,
    property: &str,
) -> Result<Option<&'o Value>, ScriptError> {
    let mut fitting = objects.iter().filter(|object| key.fits(object));
    match (fitting.next(), fitting.next()) {
        (_, Some(_)) => Err(ScriptError::Ambiguous { app: app.clone(), object: key.to_string() }),
        (object, None) => Ok(object.and_then(|object| object.get(property)).filter(|value| !value.is_null())),
    }
}

/// What to read: of each of these elements these properties. `a.b` is property `b` of the object that is property `a`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The elements.
    pub elements: String,
    /// Their properties.
    pub properties: Vec<String>,
}

impl Wanted {
    /// These properties of these elements.
    pub fn new(elements: &str, properties: &[&str]) -> Self {
        Self { elements: elements.to_owned(), properties: properties.iter().map(|&name| name.to_owned()).collect() }
    }
}

/// What a property is set to.
#[derive(Debug, Clone)]
pub enum NewValue {
    /// A value that can be read back.
    Open(Value),
    /// A password: written, never read, never shown.
    Secret(SecretString),
}

/// Sets one property.
#[derive(Debug, Clone)]
pub struct PropertySet {
    /// The property.
    pub property: String,
    /// What must be there for it to be set. Not compared for a secret.
    pub expect: Value,
    /// What it is set to. `Null` empties a text.
    pub value: NewValue,
}

impl Serialize for PropertySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut one = serializer.serialize_struct("PropertySet", 4)?;
        one.serialize_field("property", &self.property)?;
        one.serialize_field("expect", &self.expect)?;
        match &self.value {
            NewValue::Open(value) => one.serialize_field("value", value)?,
            NewValue::Secret(secret) => one.serialize_field("value", secret.expose_secret())?,
        }
        one.serialize_field("blind", &matches!(self.value, NewValue::Secret(_)))?;
        one.end()
    }
}

/// Properties of one object that are set together, in this order.
#[derive(Debug, Clone, Serialize)]
pub struct ObjectWrite {
    /// The object. Exactly one must fit.
    pub object: ObjectKey,
    /// What is set.
    pub set: Vec<PropertySet>,
}

/// Reading and setting properties of scriptable programs. A program that does not run is launched for it in the
/// background and quit again, so that what was set is what the program has kept.
pub trait Scripts: Send + Sync {
    /// May this one be spoken to?
    fn visit(&self, app: &App) -> Visit;
    /// The objects, one list for each of the wanted, in the program's order.
    fn read(&self, app: &App, wanted: &[Wanted]) -> Result<Vec<Vec<Object>>, ScriptError>;
    /// Sets all of them, or none: everything is compared first, and set back when one is not taken.
    fn write(&self, app: &App, writes: &[ObjectWrite]) -> Result<(), ScriptError>;
}

/// No scriptable programs: another system, a mounted disk, another user's home.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoScripts;

impl Scripts for NoScripts {
    fn visit(&self, _app: &App) -> Visit {
        Visit::Nowhere
    }
    fn read(&self, app: &App, _wanted: &[Wanted]) -> Result<Vec<Vec<Object>>, ScriptError> {
        Err(ScriptError::NotHere { app: app.clone() })
    }
    fn write(&self, app: &App, _writes: &[ObjectWrite]) -> Result<(), ScriptError> {
        Err(ScriptError::NotHere { app: app.clone() })
    }
}

/// The running user's programs. Only macOS has such ones.
pub fn live(visit: Visit) -> Arc<dyn Scripts> {
    if cfg!(target_os = "macos") { Arc::new(Osascript::of_the_system(visit)) } else { Arc::new(NoScripts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_and_never_shown() {
        let set = PropertySet {
            property: "password".to_owned(),
            expect: Value::Null,
            value: NewValue::Secret(SecretString::from("hunter2")),
        };
        assert!(!format!("{set:?}").contains("hunter2"));
        let sent = serde_json::to_value(&set).unwrap();
        assert_eq!((&sent["value"], &sent["blind"]), (&Value::from("hunter2"), &Value::from(true)));
    }

    #[test]
    fn elsewhere_there_is_nobody_to_speak_to() {
        let app = App::new("Mail", "com.apple.mail");
        assert_eq!(NoScripts.visit(&app), Visit::Nowhere);
        assert_eq!(NoScripts.read(&app, &[]).unwrap_err().code(), "no_scripting");
        assert_eq!(NoScripts.write(&app, &[]).unwrap_err().code(), "no_scripting");
        let here = live(Visit::NotNow).visit(&app);
        assert_eq!(here == Visit::NotNow, crate::computer::Os::here() == crate::computer::Os::Macos);
    }
}
