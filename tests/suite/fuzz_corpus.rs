//! The corpus of every fuzz target once, without a fuzzer: what was found is found again, by any toolchain.

#[allow(clippy::duplicate_mod, reason = "a package of its own, with its own copy of `support/lossless.rs`")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Far more than any of them takes, in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_reader_takes_its_corpus() {
    for (name, target) in targets::TARGETS {
        let files = corpus(name);
        assert!(files.len() >= 3, "{name}: only {} files", files.len());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            // Beside the message of a panic stands which file it was.
            let told = file.display().to_string();
            println!("{told}");
            let started = Instant::now();
            target(&bytes);
            assert!(started.elapsed() < LONGEST, "{told} took {:?}", started.elapsed());
        }
    }
}

#[test]
fn every_target_is_a_program_of_the_fuzz_package_and_the_other_way_round() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mut programs: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .collect();
    let mut names = targets::TARGETS.map(|(name, _)| name);
    programs.sort_unstable();
    names.sort_unstable();
    assert_eq!(programs, names);
    for name in names {
        let program = fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("port26_fuzz::{name}(data)")), "{name} drives something else");
    }
}
