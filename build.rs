//! Builds version, icon and manifest into the two programs for Windows. For every other system it does nothing.

use std::path::Path;
use std::process::ExitCode;

const FOLDER: &str = "installer/windows";
const PARTS: [&str; 5] = ["port26.rc", "port26w.rc", "program.rc", "port26.ico", "port26.manifest"];
const PROGRAMS: [&str; 2] = ["port26", "port26w"];

fn main() -> ExitCode {
    for part in PARTS {
        println!("cargo::rerun-if-changed={FOLDER}/{part}");
    }
    if std::env::var_os("CARGO_CFG_WINDOWS").is_none() {
        return ExitCode::SUCCESS;
    }
    let version = env!("CARGO_PKG_VERSION");
    let macros = [format!("VERSION={version}"), format!("VERSION_NUMBERS={}", numbers(version))];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    for program in PROGRAMS {
        let script = format!("{FOLDER}/{program}.rc");
        let with = embed_resource::ParamsMacrosAndIncludeDirs(&macros, [&folder]);
        // A program without its manifest would ask for other rights and break long names: no build without it.
        if let Err(problem) = embed_resource::compile_for(&script, [program], with).manifest_required() {
            eprintln!("{script}: {problem}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// `0.1.0-beta.2` as the four numbers of a version resource: `0,1,0,0`.
fn numbers(version: &str) -> String {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts: Vec<&str> = release.split('.').collect();
    parts.resize(4, "0");
    parts.join(",")
}
