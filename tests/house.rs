//! The rules of the house (ARCHITECTURE.md) that can be checked by reading the sources.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// All files with this ending below these folders of the repository.
fn sources(folders: &[&str], ending: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(at) = open.pop() {
        if at.is_dir() {
            open.extend(fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
        } else if at.extension().is_some_and(|extension| extension == ending) {
            let text = fs::read_to_string(&at).unwrap();
            found.push((at.strip_prefix(root).unwrap().to_owned(), text));
        }
    }
    assert!(!found.is_empty(), "nothing below {folders:?}: this test would prove nothing");
    found
}

/// `file:line: text` of the lines that break a rule.
fn lines_where(files: &[(PathBuf, String)], breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let in_file = |(path, text): &(PathBuf, String)| {
        let line =
            |(at, line): (usize, &str)| breaks(line).then(|| format!("{}:{}: {}", path.display(), at + 1, line.trim()));
        text.lines().enumerate().filter_map(line).collect::<Vec<_>>()
    };
    files.iter().flat_map(in_file).collect()
}

#[test]
fn no_operating_system_is_asked_for_outside_the_platform() {
    let system = |line: &str| {
        let asks = line.contains("cfg(") || line.contains("cfg!(") || line.contains("cfg_attr(");
        asks && ["target_os", "target_family", "windows", "unix"].iter().any(|word| line.contains(word))
    };
    // The one thing only an attribute can say: a Windows program without a console.
    let console = |line: &str| line.contains("windows_subsystem");
    let broken = lines_where(&sources(&["src", "tests", "benches"], "rs"), |line| {
        system(line) && !console(line) && !line.contains("line.contains")
    });
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> = sources(&["src", "platform/src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"], "rs")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(silent, Vec::<PathBuf>::new(), "a module opens with what it is for");
}

#[test]
fn only_apply_writes_settings() {
    let writes = ["fs::write(", "File::create(", "files::replace(", "OpenOptions::new("];
    let broken: Vec<_> = sources(&["src/clients", "src/formats", "src/diagnosis", "src/plan.rs"], "rs")
        .into_iter()
        // What stands in tests stands behind their attribute, at the end of a file or in a file of its own.
        .filter(|(path, _)| !path.ends_with("tests.rs") && !path.to_string_lossy().contains("fixture"))
        .map(|(path, text)| (path, text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()))
        .flat_map(|file| lines_where(&[file], |line| writes.iter().any(|call| line.contains(call))))
        .collect();
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn words_reach_a_terminal_by_one_way_only() {
    let writes = ["println!(", "print!(", "writeln!(out", "write!(out", "io::stdout()", "io::stderr()"];
    let broken: Vec<_> = sources(&["src/cli", "src/bin"], "rs")
        .into_iter()
        // The page itself; the one JSON document; the profile as XML, and the question whether a terminal is there.
        .filter(|(path, _)| !["page.rs", "output.rs"].iter().any(|name| path.ends_with(name)))
        .map(|(path, text)| (path, text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()))
        .flat_map(|file| lines_where(&[file], |line| writes.iter().any(|call| line.contains(call))))
        .filter(|line| {
            !line.contains("Page::std") && !line.contains("is_terminal()") && !line.contains("write_all(text")
        })
        .collect();
    assert_eq!(broken, Vec::<String>::new(), "write it with cli::page");
}

#[test]
fn the_order_of_the_stages_is_the_drivers() {
    let calls =
        ["plan_changes(", " fix(tools", "by_relay(tools", "remember(tools", "send_tests(tools", "Waiting::new("];
    let drives = |line: &str| calls.iter().any(|call| line.contains(call)) && !line.contains("fn ");
    let mut driver = false;
    let elsewhere: Vec<_> = sources(&["src", "tests", "benches"], "rs")
        .into_iter()
        .filter(|(path, _)| {
            let is_driver = path.ends_with("pipeline/repair.rs");
            driver |= is_driver;
            !is_driver && !path.ends_with("tests/house.rs")
        })
        .map(|(path, text)| (path, text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()))
        .flat_map(|file| lines_where(&[file], drives))
        .collect();
    assert!(driver, "the driver is not where this rule looks for it");
    assert_eq!(elsewhere, Vec::<String>::new(), "give `pipeline::repair` a request and a conversation");
}

#[test]
fn what_a_run_works_with_is_built_in_one_place() {
    let builds = |line: &str| line.trim_start().starts_with("Tools {") || line.contains("= Tools {");
    let elsewhere: Vec<_> = sources(&["src", "tests", "benches"], "rs")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("tests/house.rs"))
        .flat_map(|file| lines_where(&[file], builds))
        .collect();
    assert_eq!(elsewhere, Vec::<String>::new(), "use `Tools::new`");
}

#[test]
fn files_stay_small() {
    let large: Vec<_> = sources(&["src", "platform/src"], "rs")
        .into_iter()
        .filter(|(_, text)| text.lines().count() > 600)
        .map(|(path, _)| path)
        .collect();
    assert_eq!(large, Vec::<PathBuf>::new(), "split them: one purpose a file");
}

/// The rows of the fault lab that are from the field, as `tests/faults/described.py --write` puts them into the page.
#[test]
fn every_row_from_the_field_is_on_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/fault-matrix.md")).unwrap();
    let rows = std::fs::read_to_string(root.join("tests/faults/field.py")).unwrap();
    let described: Vec<String> = rows
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.strip_prefix("@row(\"")?.split('"').collect();
            let [name, _, what, _, verdict, ..] = words[..] else { panic!("{line}") };
            Some(format!("| {name} | {what} | `{verdict}`"))
        })
        .collect();
    assert!(described.len() > 50, "the rows are not found any more");
    let missing: Vec<_> = described.iter().filter(|row| !page.contains(*row)).collect();
    assert_eq!(missing, Vec::<&String>::new(), "tests/faults/described.py --write");
    let on_page = page.split("<!-- begin: tests/faults/described.py").nth(1).unwrap_or_default();
    assert_eq!(
        on_page.lines().filter(|line| line.ends_with(" |")).count() - 2,
        described.len(),
        "rows that are no more"
    );
}
