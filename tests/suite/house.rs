//! The rules of the house (ARCHITECTURE.md) that can be checked by reading the sources.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::imports::{Imports, circles};

use crate::support::fault_table::{self, Row, TABLE};

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
fn no_test_file_is_forgotten() {
    for program in ["contract", "suite", "this_machine"] {
        let files = sources(&[&format!("tests/{program}")], "rs");
        let (_, main) = files.iter().find(|(path, _)| path.ends_with("main.rs")).unwrap();
        let forgotten: Vec<_> = files
            .iter()
            .map(|(path, _)| path.file_stem().unwrap().to_str().unwrap())
            .filter(|name| *name != "main" && !main.lines().any(|line| line == format!("mod {name};")))
            .collect();
        assert_eq!(forgotten, Vec::<&str>::new(), "name them in tests/{program}/main.rs, or they never run");
    }
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
    let calls = [
        "plan_changes(",
        " fix(tools",
        "by_relay(tools",
        "remember(tools",
        "send_tests(tools",
        "Waiting::new(",
        "begin_turn(",
    ];
    let drives = |line: &str| calls.iter().any(|call| line.contains(call)) && !line.contains("fn ");
    let mut driver = false;
    let elsewhere: Vec<_> = sources(&["src", "tests", "benches"], "rs")
        .into_iter()
        .filter(|(path, _)| {
            let is_driver = path.ends_with("pipeline/repair.rs") || path.ends_with("pipeline/put_back.rs");
            driver |= is_driver;
            !is_driver && !path.ends_with("suite/house.rs")
        })
        .map(|(path, text)| (path, text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()))
        .flat_map(|file| lines_where(&[file], drives))
        .collect();
    assert!(driver, "the driver is not where this rule looks for it");
    assert_eq!(elsewhere, Vec::<String>::new(), "give `pipeline::repair` or `put_back` a request and a conversation");
}

#[test]
fn what_a_run_works_with_is_built_in_one_place() {
    let builds = |line: &str| line.trim_start().starts_with("Tools {") || line.contains("= Tools {");
    let elsewhere: Vec<_> = sources(&["src", "tests", "benches"], "rs")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("suite/house.rs"))
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

/// The fault table as `tests/faults/described.py --write` puts it into the page.
#[test]
fn the_fault_table_is_on_the_page() {
    let rows = |title: &str, wanted: &dyn Fn(&Row) -> bool| {
        let lines: Vec<String> = TABLE.iter().filter(|row| wanted(row)).map(line_of_the_page).collect();
        let count = if lines.len() == 1 { "1 row.".to_owned() } else { format!("{} rows.", lines.len()) };
        let head = "| row | situation | expected | what is done |\n|---|---|---|---|";
        format!("## {title}\n\n{count}\n\n{head}\n{}\n\n", lines.join("\n"))
    };
    let built = |origin: &'static str| move |row: &Row| row.origin == origin && row.no_lab.is_none();
    let expected = [
        rows("Rows beside which the rules were written", &built("own")),
        rows("Rows of real servers", &built("server")),
        rows("Rows of public reports", &built("report")),
        rows("Rows that only the tests in Rust have", &|row| row.no_lab.is_some()),
    ];
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fault-matrix.md")).unwrap();
    let (_, table) = page.split_once("<!-- begin: tests/faults/described.py --write -->\n").unwrap();
    let (table, _) = table.split_once("<!-- end -->").unwrap();
    assert_eq!(table, expected.concat(), "tests/faults/described.py --write");
}

/// How many rows the lab has, as the pages say it.
#[test]
fn the_pages_count_the_rows_of_the_lab() {
    let built = |wanted: &dyn Fn(&&Row) -> bool| TABLE.iter().filter(|row| row.no_lab.is_none()).filter(wanted).count();
    let (all, of) = (built(&|_| true), |origin: &str| built(&|row| row.origin == origin));
    let told = [
        ("docs/evidence.md", format!("the fault lab: {all} ways")),
        ("docs/evidence.md", format!("{} of them real servers", of("server"))),
        ("docs/benchmarks.md", format!("The fault lab has {all} rows")),
        ("docs/benchmarks.md", format!("{} are scripted after public reports", of("report"))),
        ("tests/faults/README.md", format!("what port26 makes of it: {all} rows")),
        ("tests/faults/README.md", format!("| own (`rows.py`) | {} |", of("own"))),
        ("tests/faults/README.md", format!("| public reports (`field.py`) | {} |", of("report"))),
    ];
    for (page, words) in told {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        assert!(text.contains(&words), "{page}: {words}");
    }
}

fn line_of_the_page(row: &Row) -> String {
    let verdicts: Vec<_> =
        std::iter::once(&row.verdict).chain(&row.tolerated).map(|word| format!("`{word}`")).collect();
    let mut done = row.to.map_or("nothing is changed".to_owned(), |port| format!("moved to {port}"));
    if let Some(reason) = row.reasons.first() {
        done += &format!(" (`{reason}`)");
    }
    format!("| {} | {} | {} | {done} |", row.id, row.title, verdicts.join(" or "))
}

/// A function that stands for rows of the fault table, or may.
struct Twin {
    name: String,
    /// The rows in its name: `rows_8_and_9b_the_name` is about 8 and 9b.
    named: Vec<String>,
    /// The rows that it takes from the table: `row("9b-other")`.
    takes: Vec<String>,
}

fn twins() -> Vec<Twin> {
    let twin = |(name, body): (String, String)| {
        let takes = body.split("row(\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
        Twin { named: rows_in_the_name(&name), name, takes }
    };
    sources(&["src", "tests"], "rs").into_iter().flat_map(|(_, text)| functions(&text)).map(twin).collect()
}

/// The row's number, with its letter.
fn head(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

#[test]
fn a_test_that_is_named_after_a_row_takes_its_verdict_from_the_table() {
    let mut wrong = Vec::new();
    for Twin { name, named, takes } in twins() {
        if !named.is_empty() && takes.is_empty() {
            wrong.push(format!("{name} takes nothing from the table"));
        }
        let unknown = named.iter().filter(|one| !TABLE.iter().any(|row| head(&row.id) == one.as_str()));
        wrong.extend(unknown.map(|one| format!("{name}: there is no row {one}")));
        // A test of row 14 may take 14b, too; one of row 20c takes 20c-again.
        let says = |id: &str| {
            let number = head(id).trim_end_matches(char::is_alphabetic);
            named.iter().any(|one| one == head(id) || one == number)
        };
        wrong
            .extend(takes.iter().filter(|id| !says(id)).map(|id| format!("{name} takes row {id} and does not say so")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Or says which row's test is its own, or why there is none.
#[test]
fn every_row_of_the_fault_table_has_its_test() {
    let twins = twins();
    let tested = |id: &str| twins.iter().any(|twin| twin.takes.iter().any(|one| one == id));
    let mut wrong = Vec::new();
    for row in TABLE.iter() {
        let ways = [tested(&row.id), row.like.is_some(), row.no_twin.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            wrong.push(format!("row {}: one of `row(\"{0}\")` in a test, `like` or `no_twin`, and only one", row.id));
        }
        if let Some(like) = row.like.as_deref().map(fault_table::row) {
            let end = |row: &Row| (row.verdict.clone(), row.to, row.reasons.first().cloned());
            if end(row) != end(like) || !tested(&like.id) {
                wrong.push(format!("row {} is like {}, which has another end or no test", row.id, like.id));
            }
        }
        // What stands in backticks is the name of a test.
        let said = row.no_twin.iter().flat_map(|why| why.split('`').skip(1).step_by(2));
        let unknown = said.filter(|said| !twins.iter().any(|twin| twin.name == **said));
        wrong.extend(unknown.map(|said| format!("row {}: there is no test {said}", row.id)));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Each function of a file, with its text; what is inside another belongs to that.
fn functions(text: &str) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::<(String, String)>::new(), None);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let name = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ").strip_prefix("fn ");
        match (open, name) {
            (None, Some(name)) if !line.ends_with([';', '}']) => {
                let name = name.split(['(', '<']).next().unwrap_or_default();
                found.push((name.to_owned(), String::new()));
                open = Some(indent);
            }
            (Some(depth), _) if indent == depth && line.trim_start().starts_with('}') => open = None,
            (Some(_), _) => found.last_mut().unwrap().1.push_str(line),
            _ => {}
        }
    }
    found
}

/// `rows_8_and_9b_the_name`: 8 and 9b.
fn rows_in_the_name(name: &str) -> Vec<String> {
    let Some(rest) = name.strip_prefix("row_").or_else(|| name.strip_prefix("rows_")) else { return Vec::new() };
    let is_row = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let words = rest.split('_').filter(|word| *word != "and").take_while(|word| is_row(word));
    words.map(str::to_owned).collect()
}

/// From what a file takes nothing leads back to it: whoever reads it needs only what lies below. In `platform` a face and
/// its implementations are one room.
#[test]
fn no_files_import_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let house = Imports::of(&root.join("src")).arrows();
    let platform = Imports::of(&root.join("platform/src")).arrows_between_rooms();
    let mut found = Vec::new();
    for arrows in [house, platform] {
        let ties: usize = arrows.values().map(std::collections::BTreeMap::len).sum();
        assert!(ties * 2 > arrows.len(), "only {ties} arrows between {} files are found", arrows.len());
        found.extend(circles(&arrows).into_iter().map(|circle| circle.join("\n")));
    }
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), found.join("\n\n"));
}
