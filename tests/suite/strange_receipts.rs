//! Receipts that are whole, and lead somewhere else: whoever may write a state folder can make their checks anew. In no
//! world does an undo or a recovery write outside the home and the profiles that are found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use port26::apply::{RunId, Selector};
use port26::change::Slot;
use port26::clients::CLIENTS;
use port26::pipeline::WriterKit;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::case;

const FIXTURE: &str = "thunderbird/linux-imap-25-noauth";

/// The home lies so deep that no walk of the tests leads out of the folder that goes away again.
const HOME: &str = "1/2/3/4/5/6/home";

/// A home that was fixed, and its receipts.
struct World {
    folder: tempfile::TempDir,
    /// As they were written.
    receipts: Vec<(PathBuf, String)>,
    /// The file of the profile that they are about.
    file: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = case::folder();
        let home = folder.path().join(HOME);
        case::copy_tree(&case::fixtures().join(FIXTURE), &home);
        let computer = case::computer_of(&home);
        let kit = WriterKit::new(folder.path().join("state"), &computer, CLIENTS);
        let mut file = None;
        for (_, transaction) in case::transactions(&computer) {
            let changes = transaction.accounts.iter().flat_map(|account| &account.changes);
            let mut files = changes.filter_map(|change| match &change.slot {
                Slot::Setting { file, .. } => Some(file.clone()),
                _ => None,
            });
            file = files.next_back().or(file);
            kit.writer().apply(&transaction).unwrap();
        }
        let receipts: Vec<_> = std::fs::read_dir(folder.path().join("state/receipts"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
            .collect();
        assert_eq!(receipts.len(), 1);
        Self { folder, receipts, file: file.unwrap() }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(HOME)
    }

    /// All files but those of the home and the state folder.
    fn outside(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (home, state) = (self.home(), self.folder.path().join("state"));
        let mut tree = case::read_tree(self.folder.path());
        tree.retain(|path, _| {
            let path = self.folder.path().join(path);
            !path.starts_with(&home) && !path.starts_with(&state)
        });
        tree
    }

    fn is_fixed(&self) -> bool {
        let before = case::fixtures().join(FIXTURE).join(self.file.strip_prefix(self.home()).unwrap());
        std::fs::read(&self.file).unwrap() != std::fs::read(before).unwrap()
    }
}

/// The text of a receipt with each line's check made anew, as whoever knows the form can.
fn sealed(lines: impl IntoIterator<Item = Value>) -> String {
    let (mut before, mut text) = (String::new(), String::new());
    for mut line in lines {
        line.as_object_mut().unwrap().remove("check");
        let open = line.to_string();
        let open = open.strip_suffix('}').unwrap();
        before = hex::encode(Sha256::digest(format!("{before}\n{open}")));
        text += &format!("{open},\"check\":\"{before}\"}}\n");
    }
    text
}

/// Every text in a value that is one of the paths of `file` becomes `elsewhere`.
fn led_elsewhere(value: &mut Value, file: &str, elsewhere: &str) {
    match value {
        Value::String(text) if text == file => *text = elsewhere.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| led_elsewhere(item, file, elsewhere)),
        Value::Object(fields) => fields.values_mut().for_each(|field| led_elsewhere(field, file, elsewhere)),
        _ => {}
    }
}

/// Which of the places in a receipt that name the file are changed.
#[derive(Debug, Clone, Copy)]
enum Where {
    Target,
    Settings,
    Both,
}

fn forge(world: &World, elsewhere: &Path, at: Where, ended: bool) {
    let (file, elsewhere) = (world.file.display().to_string(), elsewhere.display().to_string());
    for (path, text) in &world.receipts {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines = lines.filter(|line| ended || line["record"] != "commit").map(|mut line| {
            if matches!(at, Where::Target | Where::Both) {
                led_elsewhere(&mut line["target"], &file, &elsewhere);
            }
            if matches!(at, Where::Settings | Where::Both) {
                led_elsewhere(&mut line["settings"], &file, &elsewhere);
            }
            line
        });
        // A line without these has them as nothing now, and is read all the same only if they are taken out.
        let lines = lines.map(|mut line| {
            let fields = line.as_object_mut().unwrap();
            fields.retain(|name, field| !(field.is_null() && (name == "target" || name == "settings")));
            line
        });
        std::fs::write(path, sealed(lines)).unwrap();
    }
}

/// A walk that begins at the home or beside it and may lead anywhere, to a file like the one that was changed.
fn walks() -> impl Strategy<Value = Vec<&'static str>> {
    let parts = select(vec!["..", "..", ".", "others", "home", "home-of-eve", ".thunderbird", "p", "x"]);
    prop::collection::vec(parts, 0..6)
}

/// Undoes all there is to undo, by a receipt that leads to `elsewhere`, where the very bytes lie that it would change.
fn undo_by(world: &World, elsewhere: &Path, at: Where, ended: bool) {
    if elsewhere != world.file {
        std::fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
        std::fs::copy(&world.file, elsewhere).unwrap();
    }
    forge(world, elsewhere, at, ended);
    let before = world.outside();
    let computer = case::computer_of(&world.home());
    let kit = WriterKit::new(world.folder.path().join("state"), &computer, CLIENTS);
    let _ = kit.writer().recover();
    let _ = kit.writer().undo(&Selector::All, &RunId::start());
    assert_eq!(world.outside(), before, "{} by {at:?}", elsewhere.display());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_no_world_does_an_undo_write_outside_the_home(
        walk in walks(), at in select(vec![Where::Target, Where::Settings, Where::Both]), ended in any::<bool>(),
    ) {
        let world = World::new();
        let mut path = world.home();
        path.extend(walk);
        undo_by(&world, &path.join("prefs.js"), at, ended);
    }
}

#[test]
fn the_ways_out_of_a_home_that_somebody_would_try() {
    for way in ["../others/p/prefs.js", "../home-of-eve/prefs.js", "./../x/prefs.js", "p/../../x/prefs.js"] {
        for (at, ended) in [(Where::Both, true), (Where::Target, true), (Where::Settings, true), (Where::Both, false)] {
            let world = World::new();
            undo_by(&world, &world.home().join(way), at, ended);
            let world = World::new();
            let outright = world.folder.path().join("others").join(Path::new(way).file_name().unwrap());
            undo_by(&world, &outright, at, ended);
        }
    }
}

/// So that the tests above are about the path, and not about a form that nobody reads.
#[test]
fn a_receipt_that_was_made_anew_is_undone_where_it_leads_to_the_profile() {
    for ended in [true, false] {
        let world = World::new();
        assert!(world.is_fixed());
        undo_by(&world, &world.file.clone(), Where::Both, ended);
        assert!(!world.is_fixed(), "ended: {ended}");
    }
}
