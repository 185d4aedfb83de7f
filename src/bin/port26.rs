//! The console program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(port26::cli::main(std::env::args_os()).code())
}
