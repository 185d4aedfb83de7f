//! The same program without a console: for login scripts and double-click, no window flashes on Windows.
#![windows_subsystem = "windows"]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(port26::cli::main(std::env::args_os()).code())
}
