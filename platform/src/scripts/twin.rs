//! A model of scriptable programs that keeps their state in a file, as a `.reg` file stands for a registry. It does
//! what `properties.js` does with a program whose dictionary says the same; one test runs on both.
//!
//! The file, as `serde_json` prints it in full (another spelling is refused, so that what is set and set back is the
//! same to the byte):
//!
//! ```json
//! {
//!   "com.apple.mail": {
//!     "habits": { "fails": { "number": -609, "times": 1 }, "ignores": ["port"], "on_quit": [["smtpServers", 0, "port", 587]] },
//!     "objects": { "smtpServers": [{ "port": 25 }] },
//!     "running": false
//!   }
//! }
//! ```
//!
//! `habits` is what makes trouble, and may be left out. `on_quit` is done when something was set in that visit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{App, NewValue, Object, ObjectKey, ObjectWrite, PropertySet, ScriptError, Scripts, Visit, Wanted};

/// What the programs' dictionaries say: bundle -> elements -> property -> `r`, `w` or `rw` and its type: `text`,
/// `integer`, `boolean`, `texts` (a list), `-> elements` (one of those), or the words of an enumeration with `|` between.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Dictionary(BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>);

impl Dictionary {
    /// From its JSON.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn property(&self, app: &App, elements: &str, property: &str) -> Option<(&str, &str)> {
        self.0.get(&app.bundle)?.get(elements)?.get(property)?.split_once(' ')
    }
}

/// Programs in a file.
#[derive(Debug)]
pub struct Twin {
    file: PathBuf,
    dictionary: Dictionary,
    passwords: Mutex<Vec<(String, SecretString)>>,
    launches: AtomicUsize,
}

type State = BTreeMap<String, Program>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Program {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    habits: Option<Habits>,
    objects: BTreeMap<String, Vec<Object>>,
    running: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Habits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fails: Option<Fails>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignores: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    on_quit: Vec<(String, usize, String, Value)>,
}

/// Every event fails with this number; with `times`, only so many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fails {
    number: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
}

impl Twin {
    /// The programs whose state is in this file. It is read at each visit.
    pub fn new(file: impl Into<PathBuf>, dictionary: Dictionary) -> Self {
        Self { file: file.into(), dictionary, passwords: Mutex::default(), launches: AtomicUsize::new(0) }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The passwords that programs were given, in this order, each with its object. A program keeps them in the keychain,
    /// not with its settings, so they are not in the file.
    pub fn passwords(&self) -> Vec<(String, SecretString)> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a program that did not run was launched to be spoken to.
    pub fn launches(&self) -> usize {
        self.launches.load(Ordering::SeqCst)
    }

    fn load(&self, app: &App) -> Result<State, ScriptError> {
        let garbled = |why: String| ScriptError::Garbled { app: app.clone(), why };
        let bytes = super::super::files::read(&self.file)
            .map_err(|error| garbled(error.to_string()))?
            .ok_or_else(|| garbled(format!("{} is gone", self.file.display())))?;
        let state: State = serde_json::from_slice(&bytes).map_err(|error| garbled(error.to_string()))?;
        if print(&state).as_bytes() != bytes {
            return Err(garbled("it is not spelled as it is printed".to_owned()));
        }
        Ok(state)
    }

    fn save(&self, app: &App, state: &State) -> Result<(), ScriptError> {
        std::fs::write(&self.file, print(state))
            .map_err(|error| ScriptError::Garbled { app: app.clone(), why: error.to_string() })
    }

    /// What `properties.js` does around each request: launch, do it, quit, and once more when the connection was lost.
    fn visit<T>(
        &self,
        app: &App,
        act: impl Fn(&Self, &mut Program) -> Result<T, ScriptError>,
    ) -> Result<T, ScriptError> {
        let mut state = self.load(app)?;
        let before = state.clone();
        let program = state.get_mut(&app.bundle).ok_or_else(|| ScriptError::NotInstalled { app: app.clone() })?;
        if !program.running {
            self.launches.fetch_add(1, Ordering::SeqCst);
        }
        let mut result = act(self, program);
        if matches!(result, Err(ScriptError::Ended { .. })) {
            result = act(self, program);
        }
        // Mail thinks its settings over when they were changed, not whenever it quits.
        let changed = before.get(&app.bundle).is_some_and(|before| before.objects != program.objects);
        if !program.running && changed {
            for (elements, at, property, value) in program.habits.clone().unwrap_or_default().on_quit {
                if let Some(object) = program.objects.get_mut(&elements).and_then(|all| all.get_mut(at)) {
                    object.insert(property, value);
                }
            }
        }
        if state != before {
            self.save(app, &state)?;
        }
        result
    }

    fn get(&self, app: &App, program: &Program, elements: &str, object: &Object, path: &str) -> Value {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        match (self.dictionary.property(app, elements, first), rest) {
            (Some((access, kind)), None) if access.contains('r') && !kind.starts_with("->") => {
                object.get(first).filter(|value| *value != "").cloned().unwrap_or(Value::Null)
            }
            (Some((access, kind)), Some(rest)) if access.contains('r') => {
                let target = kind.strip_prefix("-> ").unwrap_or_default();
                let at = object.get(first).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
                let there = at.and_then(|at| program.objects.get(target)?.get(at));
                there.map_or(Value::Null, |there| self.get(app, program, target, there, rest))
            }
            _ => Value::Null,
        }
    }

    fn find(&self, app: &App, program: &Program, key: &ObjectKey) -> Result<usize, ScriptError> {
        let objects = program.objects.get(&key.elements).map(Vec::as_slice).unwrap_or_default();
        let seen = |object: &Object| -> Object {
            key.keys.keys().map(|name| (name.clone(), self.get(app, program, &key.elements, object, name))).collect()
        };
        let mut fitting = objects.iter().enumerate().filter(|(_, object)| key.fits(&seen(object)));
        match (fitting.next(), fitting.next()) {
            (Some((at, _)), None) => Ok(at),
            (None, _) => Err(ScriptError::NoSuchObject { app: app.clone(), object: key.to_string() }),
            _ => Err(ScriptError::Ambiguous { app: app.clone(), object: key.to_string() }),
        }
    }

    fn set_all(&self, app: &App, program: &mut Program, writes: &[ObjectWrite]) -> Result<(), ScriptError> {
        let todo = self.compared(app, program, writes)?;
        let mut secrets = Vec::new();
        let mut result = Ok(());
        let mut done = 0;
        for &(elements, at, one) in &todo {
            done += 1;
            result = match &one.value {
                NewValue::Open(value) => self.set(app, program, elements, at, &one.property, value),
                NewValue::Secret(secret) => {
                    secrets.push((format!("{elements} {at}"), secret.clone()));
                    self.must_be_writable(app, elements, &one.property, &Value::from("")).map(drop)
                }
            };
            if result.is_err() {
                break;
            }
        }
        let result = result.and_then(|()| self.all_are_taken(app, program, &todo));
        if result.is_ok() {
            self.passwords.lock().unwrap_or_else(PoisonError::into_inner).extend(secrets);
            return Ok(());
        }
        for &(elements, at, one) in todo.iter().take(done).filter(|(_, _, one)| !is_blind(one)) {
            let _ = self.set(app, program, elements, at, &one.property, &one.expect);
        }
        result
    }

    /// What is to be set, where everything is as it is expected.
    fn compared<'w>(
        &self,
        app: &App,
        program: &Program,
        writes: &'w [ObjectWrite],
    ) -> Result<Vec<Todo<'w>>, ScriptError> {
        let mut todo = Vec::new();
        for ObjectWrite { object: key, set } in writes {
            let at = self.find(app, program, key)?;
            for one in set {
                if !is_blind(one) && self.value_at(app, program, &key.elements, at, &one.property) != one.expect {
                    return Err(ScriptError::Changed { app: app.clone(), property: one.property.clone() });
                }
                todo.push((key.elements.as_str(), at, one));
            }
        }
        Ok(todo)
    }

    fn all_are_taken(&self, app: &App, program: &Program, todo: &[Todo<'_>]) -> Result<(), ScriptError> {
        let is_taken = |&&(elements, at, one): &&Todo<'_>| match &one.value {
            NewValue::Open(value) => self.value_at(app, program, elements, at, &one.property) == *value,
            NewValue::Secret(_) => true,
        };
        match todo.iter().find(|one| !is_taken(one)) {
            Some((_, _, one)) => Err(ScriptError::NotTaken { app: app.clone(), property: one.property.clone() }),
            None => Ok(()),
        }
    }

    fn value_at(&self, app: &App, program: &Program, elements: &str, at: usize, property: &str) -> Value {
        let object = program.objects.get(elements).and_then(|all| all.get(at));
        object.map_or(Value::Null, |object| self.get(app, program, elements, object, property))
    }

    fn set(
        &self,
        app: &App,
        program: &mut Program,
        elements: &str,
        at: usize,
        property: &str,
        value: &Value,
    ) -> Result<(), ScriptError> {
        // What is missing cannot be set; a text is emptied instead.
        let value = if value.is_null() { Value::from("") } else { value.clone() };
        self.must_be_writable(app, elements, property, &value)?;
        let ignored = program.habits.as_ref().is_some_and(|habits| habits.ignores.iter().any(|name| name == property));
        if let Some(object) = program.objects.get_mut(elements).and_then(|all| all.get_mut(at))
            && !ignored
        {
            object.insert(property.to_owned(), value);
        }
        Ok(())
    }

    fn must_be_writable(&self, app: &App, elements: &str, property: &str, value: &Value) -> Result<(), ScriptError> {
        let (access, kind) = self.dictionary.property(app, elements, property).unwrap_or_default();
        let refused = |number: i32, why: &str| ScriptError::numbered(app, Some(number), why);
        if !access.contains('w') {
            return Err(refused(-10006, &format!("can't set {property}")));
        }
        let fits = match (kind, value) {
            ("text", Value::String(_)) | ("boolean", Value::Bool(_)) => true,
            ("integer", value) => value.is_i64(),
            (words, Value::String(word)) => words.split('|').any(|known| known == word),
            _ => false,
        };
        if fits { Ok(()) } else { Err(refused(-1700, &format!("can't make {value} into the type {kind}"))) }
    }
}

/// The one spelling of a state.
fn print(state: &State) -> String {
    serde_json::to_string_pretty(state).unwrap_or_default() + "\n"
}

/// The elements, which of them, and what is to be set of it.
type Todo<'w> = (&'w str, usize, &'w PropertySet);

fn is_blind(one: &PropertySet) -> bool {
    matches!(one.value, NewValue::Secret(_))
}

/// An event that the program's habits let fail.
fn event(app: &App, program: &mut Program) -> Result<(), ScriptError> {
    let Some(fails) = program.habits.as_mut().and_then(|habits| habits.fails.as_mut()) else { return Ok(()) };
    match &mut fails.times {
        Some(0) => return Ok(()),
        Some(times) => *times -= 1,
        None => {}
    }
    Err(ScriptError::numbered(app, Some(fails.number), "an invented failure"))
}

impl Scripts for Twin {
    fn visit(&self, _app: &App) -> Visit {
        Visit::Allowed
    }

    fn read(&self, app: &App, wanted: &[Wanted]) -> Result<Vec<Vec<Object>>, ScriptError> {
        self.visit(app, |twin, program| {
            event(app, program)?;
            let list = |wanted: &Wanted| -> Vec<Object> {
                let objects = program.objects.get(&wanted.elements).map(Vec::as_slice).unwrap_or_default();
                let one = |object: &Object| -> Object {
                    let value = |name: &String| twin.get(app, program, &wanted.elements, object, name);
                    wanted.properties.iter().map(|name| (name.clone(), value(name))).collect()
                };
                objects.iter().map(one).collect()
            };
            Ok(wanted.iter().map(list).collect())
        })
    }

    fn write(&self, app: &App, writes: &[ObjectWrite]) -> Result<(), ScriptError> {
        self.visit(app, |twin, program| {
            event(app, program)?;
            twin.set_all(app, program, writes)
        })
    }
}
