//! Who imports whom, file by file: the paths in the sources of a package, each followed to the file that defines what it
//! names. What stands in tests is left out, and a face that only hands a name on is looked through.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, UseTree, Visibility};

/// A path of a module or of what it defines, from the root of the package: `["apply", "undo", "Selector"]`.
type Names = Vec<String>;

/// One file of a package, which is one module.
struct Module {
    file: PathBuf,
    /// What it defines itself, its modules among them.
    defines: BTreeSet<String>,
    /// What it brings in by `use`: the name here, the path as written, and whether it only hands it on.
    brings: Vec<Brought>,
    /// The paths that its own code takes, with what ties it to others: names of one word too.
    takes: BTreeSet<Names>,
}

struct Brought {
    name: String,
    path: Names,
    hands_on: bool,
}

/// From a file to those that it takes something from, and what.
pub type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// The package's files and what each of them takes from the others.
pub struct Imports {
    modules: BTreeMap<Names, Module>,
}

impl Imports {
    /// Of the package whose sources are in this folder.
    pub fn of(sources: &Path) -> Self {
        let mut modules = BTreeMap::new();
        read_folder(sources, &[], &mut modules);
        assert!(modules.len() > 20, "{}: hardly any module, this would prove nothing", sources.display());
        Self { modules }
    }

    /// The same without those from a face to what stands behind it: a face picks its implementation, which answers to the
    /// face's own types. Both are one room.
    pub fn arrows_between_rooms(&self) -> Arrows {
        let at: BTreeMap<&PathBuf, &Names> = self.modules.iter().map(|(names, module)| (&module.file, names)).collect();
        let mut arrows = self.arrows();
        for (from, to) in &mut arrows {
            to.retain(|to, _| !at[to].starts_with(at[from]));
        }
        arrows
    }

    /// From each file to those that define what it takes, with the names.
    pub fn arrows(&self) -> Arrows {
        let mut arrows: Arrows = BTreeMap::new();
        for (at, module) in &self.modules {
            let to = arrows.entry(module.file.clone()).or_default();
            let brought = module.brings.iter().filter(|brought| !brought.hands_on).map(|brought| &brought.path);
            for path in module.takes.iter().chain(brought) {
                let Some((found, name)) = self.definition(at, path, 0) else { continue };
                if found != at {
                    to.entry(self.modules[found].file.clone()).or_default().insert(name);
                }
            }
        }
        arrows
    }

    /// The module that defines the first thing on this path that is no module, as seen from `at`, and its name.
    fn definition<'i>(&'i self, at: &'i Names, path: &[String], depth: usize) -> Option<(&'i Names, String)> {
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let (mut here, mut rest): (&Names, &[String]) = match first.as_str() {
            "crate" => (self.modules.get_key_value(&Vec::new())?.0, rest),
            "self" => (at, rest),
            "super" => (self.parent(at)?, rest),
            _ => return self.named(at, path, depth),
        };
        while rest.first().is_some_and(|name| name == "super") {
            (here, rest) = (self.parent(here)?, &rest[1..]);
        }
        if rest.is_empty() { None } else { self.named(here, rest, depth) }
    }

    fn parent(&self, at: &Names) -> Option<&Names> {
        let (_, above) = at.split_last()?;
        Some(self.modules.get_key_value(above)?.0)
    }

    /// The same for a path that begins with a name in this module.
    fn named<'i>(&'i self, at: &'i Names, path: &[String], depth: usize) -> Option<(&'i Names, String)> {
        let (first, rest) = path.split_first()?;
        let below: Names = at.iter().chain([first]).cloned().collect();
        if let Some((below, _)) = self.modules.get_key_value(&below) {
            return if rest.is_empty() { None } else { self.named(below, rest, depth + 1) };
        }
        let module = &self.modules[at];
        if module.defines.contains(first) {
            return Some((at, first.clone()));
        }
        let whole = |brought: &Brought| brought.path.iter().chain(rest).cloned().collect::<Names>();
        if let Some(brought) = module.brings.iter().find(|brought| brought.name == *first) {
            let whole = whole(brought);
            return (whole != path).then(|| self.definition(at, &whole, depth + 1))?;
        }
        module.brings.iter().filter(|brought| brought.name == "*").find_map(|brought| {
            let inside: Names = brought.path.iter().chain(path).cloned().collect();
            self.definition(at, &inside, depth + 1)
        })
    }
}

/// The circles: sets of files each of which reaches every other, with the arrows inside.
pub fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        arrows.keys().map(|from| (from, reach(arrows, from))).collect();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for from in arrows.keys() {
        let ring: BTreeSet<&PathBuf> = reached[from]
            .iter()
            .copied()
            .filter(|to| reached.get(to).is_some_and(|back| back.contains(from)))
            .collect();
        if ring.is_empty() || !told.insert(ring.clone()) {
            continue;
        }
        let inside = |from: &PathBuf| {
            let to = arrows[from].iter().filter(|(to, _)| ring.contains(to));
            to.map(|(to, names)| format!("{} -> {}: {names:?}", from.display(), to.display())).collect::<Vec<_>>()
        };
        found.push(ring.iter().flat_map(|from| inside(from)).collect());
    }
    found
}

fn reach<'a>(arrows: &'a Arrows, from: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut open = vec![from];
    let mut reached = BTreeSet::new();
    while let Some(at) = open.pop() {
        for to in arrows.get(at).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

/// The module of a folder (`mod.rs`, `lib.rs`, or the file of its name beside it) and all below it.
fn read_folder(folder: &Path, at: &[String], modules: &mut BTreeMap<Names, Module>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let leaf = path.file_stem().unwrap().to_string_lossy().into_owned();
        let below = || -> Names { at.iter().cloned().chain([leaf.clone()]).collect() };
        if path.is_dir() {
            // Programs are packages of their own, and tests are no part of the house.
            if leaf != "bin" && leaf != "tests" {
                read_folder(&path, &below(), modules);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let own = leaf == "mod" || leaf == "lib";
            if leaf != "tests" {
                modules.insert(if own { at.to_vec() } else { below() }, read_file(path));
            }
        }
    }
}

fn read_file(file: PathBuf) -> Module {
    let text = std::fs::read_to_string(&file).unwrap();
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut module = Module { file, defines: BTreeSet::new(), brings: Vec::new(), takes: BTreeSet::new() };
    parsed.items.into_iter().for_each(|item| module.read(item));
    module
}

impl Module {
    fn read(&mut self, item: Item) {
        if is_for_tests(&item) {
            return;
        }
        match item {
            Item::Use(item) => {
                let hands_on = !matches!(item.vis, Visibility::Inherited);
                self.bring(&item.tree, &mut Vec::new(), hands_on);
            }
            // A module in the same file: what it takes, the file takes. Its own `super` is this file.
            Item::Mod(item) => {
                self.defines.extend(item.content.is_some().then(|| item.ident.to_string()));
                for item in item.content.into_iter().flat_map(|(_, items)| items) {
                    if !matches!(item, Item::Use(_)) {
                        self.read(item);
                    }
                }
            }
            item => {
                self.defines.extend(name_of(&item));
                paths_in(item.to_token_stream(), &mut self.takes);
            }
        }
    }

    fn bring(&mut self, tree: &UseTree, above: &mut Names, hands_on: bool) {
        let mut end = |name: String, last: Option<String>| {
            let mut path: Names = above.iter().cloned().chain(last).collect();
            // `use a::{self}` is `use a`
            path.retain({
                let mut first = true;
                move |name| std::mem::take(&mut first) || name != "self"
            });
            self.brings.push(Brought { name, path, hands_on });
        };
        match tree {
            UseTree::Name(name) if name.ident == "self" => end(above.last().cloned().unwrap_or_default(), None),
            UseTree::Name(name) => end(name.ident.to_string(), Some(name.ident.to_string())),
            UseTree::Rename(name) => end(name.rename.to_string(), Some(name.ident.to_string())),
            UseTree::Glob(_) => end("*".to_owned(), None),
            UseTree::Path(path) => {
                above.push(path.ident.to_string());
                self.bring(&path.tree, above, hands_on);
                above.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.bring(tree, above, hands_on)),
        }
    }
}

/// Does it stand behind `cfg(test)`?
fn is_for_tests(item: &Item) -> bool {
    let attributes = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string().replace(' ', "").contains("cfg(test)"))
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Every `a::b::c` and every single name in these tokens, macros included. A name behind a dot is a member, not a path.
fn paths_in(tokens: TokenStream, found: &mut BTreeSet<Names>) {
    let mut path = Names::new();
    let (mut colons, mut member) = (0, false);
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                if colons < 2 {
                    found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                }
                if !member || colons == 2 {
                    path.push(name.to_string());
                }
                (colons, member) = (0, false);
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' && (colons == 1 || !path.is_empty()) => colons += 1,
            other => {
                found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                member = matches!(&other, TokenTree::Punct(mark) if mark.as_char() == '.');
                colons = 0;
                if let TokenTree::Group(group) = other {
                    paths_in(group.stream(), found);
                }
            }
        }
    }
    found.extend((!path.is_empty()).then_some(path));
}
