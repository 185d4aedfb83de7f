//! Windows: `cmd /k` in a new console. A process that nobody sees has an invisible window station.

use std::io;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::Command;

use windows::Win32::Foundation::HANDLE;
use windows::Win32::System::Console::{STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle};
use windows::Win32::System::StationsAndDesktops::{
    GetProcessWindowStation, GetUserObjectInformationW, UOI_FLAGS, USEROBJECTFLAGS,
};
use windows::Win32::System::Threading::{CREATE_DEFAULT_ERROR_MODE, CREATE_NEW_CONSOLE};

/// WSF_VISIBLE of winuser.h.
const VISIBLE: u32 = 1;

pub(super) fn somebody_sees_windows() -> bool {
    let mut flags = USEROBJECTFLAGS::default();
    let size = u32::try_from(size_of::<USEROBJECTFLAGS>()).unwrap_or_default();
    // SAFETY: the buffer is as large as said and lives through the call; the station's handle is not to be closed.
    let told = unsafe {
        GetProcessWindowStation().and_then(|station| {
            let into = std::ptr::from_mut(&mut flags).cast();
            GetUserObjectInformationW(HANDLE(station.0), UOI_FLAGS, Some(into), size, None)
        })
    };
    told.is_ok() && flags.dwFlags & VISIBLE != 0
}

pub(super) fn open(title: &str, program: &Path, argument: &str) -> io::Result<()> {
    let mut command = shell(&format!("/d /k {}", command_line(title, program, argument)));
    // That port26's own crashes are not reported is no matter of what is started from the window.
    command.creation_flags(CREATE_NEW_CONSOLE.0 | CREATE_DEFAULT_ERROR_MODE.0);
    if let Some(folder) = program.parent() {
        command.current_dir(folder);
    }
    hand_down_no_streams();
    command.spawn().map(drop)
}

/// A child that is given no streams takes those of its new console. This process has some when it was started from a
/// terminal or a script, and would hand them down.
fn hand_down_no_streams() {
    for stream in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: only the entry of this process is emptied; the stream stays open. It cannot fail for these three.
        let _ = unsafe { SetStdHandle(stream, HANDLE::default()) };
    }
}

fn shell(line: &str) -> Command {
    // Never by name alone: a cmd.exe may lie in the folder of a download.
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    let mut command = Command::new(Path::new(&root).join(r"System32\cmd.exe"));
    command.raw_arg(line);
    command
}

/// cmd takes the outermost quotes away and leaves those of the path, in which `&` and brackets then mean nothing.
fn command_line(title: &str, program: &Path, argument: &str) -> String {
    format!("\"title {title}& \"{}\" {argument}\"", program.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_starts_the_program_whatever_its_folder_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("Programs & more (x86) \u{e4}");
        std::fs::create_dir(&place).unwrap();
        let program = place.join("told.bat");
        std::fs::write(&program, "@echo told %1\r\n").unwrap();
        let output = shell(&format!("/d /c {}", command_line("port26", &program, "fix"))).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("told fix"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
