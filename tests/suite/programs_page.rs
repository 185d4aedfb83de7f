//! docs/programs.md: which mail programs are moved, what each of them can do by itself, and the steps by hand of those that
//! are not moved, as port26 prints them.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

use port26::account::Mechanism;
use port26::clients::abilities::table::ROWS;
use port26::clients::abilities::{Abilities, AuthLines, Source, TlsModeBy};
use port26::clients::{CLIENTS, client_title, only_explained};

const BEGIN: &str = "<!-- begin: PORT26_WRITE_PAGES=1 cargo test --test suite programs_page -->\n";
const BEGIN_ABILITIES: &str =
    "<!-- begin: what each can do (PORT26_WRITE_PAGES=1 cargo test --test suite programs_page) -->\n";
const END: &str = "<!-- end -->\n";

fn page() -> (std::path::PathBuf, String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/programs.md");
    let text = std::fs::read_to_string(&file).unwrap();
    (file, text)
}

/// What stands on the page between the two lines must be `told`; written there where `PORT26_WRITE_PAGES` asks for it.
#[track_caller]
fn stands_between(begin: &str, told: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let (file, text) = page();
    let (before, rest) = text.split_once(begin).unwrap();
    let (stands, after) = rest.split_once(END).unwrap();
    if std::env::var_os("PORT26_WRITE_PAGES").is_some() {
        std::fs::write(&file, [before, begin, told, END, after].concat()).unwrap();
        return;
    }
    assert_eq!(stands.replace("\r\n", "\n"), told, "write it again, as its first line says");
}

/// A row for each program and version, each cell with where it is from.
fn abilities_of_all() -> String {
    let mut told = "\n| program | on | TLS | logs in with | begins TLS |\n|---|---|---|---|---|\n".to_owned();
    for (system, Abilities { program, tls, login, tls_mode }) in ROWS {
        let names = |all: &[Mechanism]| all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", then ");
        let by = |source: Source| format!("({})", source.words());
        let ports = |ports: &[u16]| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let begins = match tls_mode.is {
            TlsModeBy::Setting => "as its setting says".to_owned(),
            TlsModeBy::StarttlsOn(on) => format!("STARTTLS on {}, from the first byte elsewhere", ports(on)),
            TlsModeBy::ImplicitOn(on) => format!("from the first byte on {}, STARTTLS elsewhere", ports(on)),
        };
        let named = match login.is.can_be_named {
            [] => String::new(),
            all => {
                format!("; a setting can name {}", all.iter().map(|one| one.name()).collect::<Vec<_>>().join(" or "))
            }
        };
        let lines = match login.is.reads {
            AuthLines::All => "",
            AuthLines::Last => ", of the last line with `AUTH ` alone",
        };
        let astray = match login.is.astray {
            [] => String::new(),
            all => format!("{} where that is offered, which fails; else ", all.join(" or ")),
        };
        let _ = writeln!(
            told,
            "| {program} | {system} | {} {} | {astray}{}{named} {} | {begins} {} |",
            tls.is.range(),
            by(tls.by),
            [names(login.is.order).as_str(), lines].concat(),
            by(login.by),
            by(tls_mode.by)
        );
    }
    told.push('\n');
    told
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
    stands_between(BEGIN, &steps_by_hand());
}

#[test]
fn the_page_has_what_each_program_can_do() {
    stands_between(BEGIN_ABILITIES, &abilities_of_all());
}

#[test]
fn every_program_is_on_the_page() {
    let (_, text) = page();
    let missing: Vec<String> =
        CLIENTS.iter().map(|client| client_title(client.id())).filter(|name| !text.contains(name.as_str())).collect();
    assert_eq!(missing, Vec::<String>::new());
}
