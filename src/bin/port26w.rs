//! The same program without a console: for login scripts no window flashes on Windows, and a double click opens a window in
//! which it runs.
#![windows_subsystem = "windows"]

use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = port26::cli::double_clicked(std::env::args_os().len())
        .unwrap_or_else(|| port26::cli::main(std::env::args_os()));
    ExitCode::from(exit.code())
}
