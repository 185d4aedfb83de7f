//! One test of a test program, to be run alone by another process of the same program.

/// The arguments for it. `module` is the `module_path!()` of the test, which begins with the program's own name.
pub fn arguments(module: &str, test: &str) -> [String; 3] {
    let name = match module.split_once("::") {
        Some((_, module)) => format!("{module}::{test}"),
        None => test.to_owned(),
    };
    ["--exact".to_owned(), name, "--nocapture".to_owned()]
}
