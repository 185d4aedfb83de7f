//! docs/programs.md: which mail programs are moved, and the steps by hand of those that are not, as port26 prints them.

use std::fmt::Write as _;
use std::path::Path;

use port26::clients::{CLIENTS, client_title, only_explained};

const BEGIN: &str = "<!-- begin: PORT26_WRITE_PAGES=1 cargo test --test suite programs_page -->\n";
const END: &str = "<!-- end -->\n";

fn page() -> (std::path::PathBuf, String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/programs.md");
    let text = std::fs::read_to_string(&file).unwrap();
    (file, text)
}

/// The steps as `port26 scan` prints them.
fn steps_by_hand() -> String {
    let mut told = String::new();
    for client in only_explained() {
        let _ = writeln!(told, "\n### {}\n", client_title(client.id()));
        for (number, step) in client.by_hand().iter().enumerate() {
            let _ = writeln!(told, "{}. {step}", number + 1);
        }
    }
    told
}

#[test]
fn the_page_has_the_steps_that_port26_prints() {
    let (file, text) = page();
    let (before, rest) = text.split_once(BEGIN).expect("the line where the steps begin");
    let (steps, after) = rest.split_once(END).expect("the line where they end");
    if std::env::var_os("PORT26_WRITE_PAGES").is_some() {
        std::fs::write(&file, [before, BEGIN, &steps_by_hand(), END, after].concat()).unwrap();
        return;
    }
    assert_eq!(steps.replace("\r\n", "\n"), steps_by_hand(), "write it again, as its first line says");
}

#[test]
fn every_program_is_on_the_page() {
    let (_, text) = page();
    let missing: Vec<String> =
        CLIENTS.iter().map(|client| client_title(client.id())).filter(|name| !text.contains(name.as_str())).collect();
    assert_eq!(missing, Vec::<String>::new());
}
