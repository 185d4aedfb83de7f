//! macOS: whoever owns `/dev/console` sits at the computer, and `launchctl asuser` with `sudo` runs a command in their
//! session, as management tools do it. From Apple's manual pages of launchctl, sudo and id; it was never run on a Mac.

use std::ffi::{OsStr, OsString};

#[cfg(target_os = "macos")]
use std::process::{Command, Stdio};

use super::Person;

#[cfg(target_os = "macos")]
use super::{Me, SessionError};

#[cfg(target_os = "macos")]
const CONSOLE: &str = "/dev/console";

/// Users below this number are the system's own.
const FIRST_PERSON: u32 = 500;

/// Who owns the console while nobody is logged in: before the first login, in the setup assistant, at the login window.
const NOBODY: [&str; 3] = ["root", "_mbsetupuser", "loginwindow"];

/// The person who owns the console, if it is one.
fn person(uid: u32, name: &str) -> Option<Person> {
    let name = name.trim();
    let somebody = uid >= FIRST_PERSON && !name.is_empty() && !name.starts_with(['_', '-']) && !NOBODY.contains(&name);
    somebody.then(|| Person { name: name.to_owned(), number: uid })
}

/// The arguments of `/bin/launchctl` that run this program with these arguments as that person.
fn arguments<'a>(
    person: &Person,
    program: &'a OsStr,
    own: impl IntoIterator<Item = OsString> + 'a,
) -> impl Iterator<Item = OsString> + 'a {
    // -n: root is asked for no password, and nobody else shall be. -H: HOME is theirs.
    let first = ["asuser", &person.number.to_string(), "/usr/bin/sudo", "-n", "-H", "-u", &person.name, "--"];
    first.map(OsString::from).into_iter().chain([program.to_owned()]).chain(own)
}

#[cfg(target_os = "macos")]
pub(super) fn me() -> Me {
    if rustix::process::geteuid().is_root() { Me::System } else { Me::User }
}

#[cfg(target_os = "macos")]
pub(super) fn at_the_computer() -> Result<Option<Person>, SessionError> {
    use std::os::unix::fs::MetadataExt;
    let unknown = |why: String| SessionError::Unknown { why };
    let uid = std::fs::metadata(CONSOLE).map_err(|error| unknown(format!("{CONSOLE}: {error}")))?.uid();
    // The system's own program rather than a library: names may come from a directory server.
    let said = Command::new("/usr/bin/id").args(["-un", &uid.to_string()]).stdin(Stdio::null()).output();
    let said = said.map_err(|error| unknown(format!("/usr/bin/id: {error}")))?;
    if !said.status.success() {
        return Err(unknown(format!("/usr/bin/id knows no user {uid}")));
    }
    Ok(person(uid, &String::from_utf8_lossy(&said.stdout)))
}

#[cfg(target_os = "macos")]
pub(super) fn run_again_as(person: &Person, given: Option<&[u8]>) -> Result<u32, SessionError> {
    let refused = |why: String| SessionError::Refused { why };
    let program = std::env::current_exe().map_err(|error| refused(error.to_string()))?;
    let own = std::env::args_os().skip(1);
    let mut command = Command::new("/bin/launchctl");
    command.args(arguments(person, program.as_os_str(), own));
    let ended = match given {
        None => command.status(),
        Some(bytes) => command.stdin(Stdio::piped()).spawn().and_then(|mut child| {
            // Few enough for a pipe to hold. Who ends without reading them is told by the exit code.
            if let Some(mut input) = child.stdin.take() {
                let _ = std::io::Write::write_all(&mut input, bytes);
            }
            child.wait()
        }),
    };
    let ended = ended.map_err(|error| refused(format!("/bin/launchctl: {error}")))?;
    let code = ended.code().ok_or_else(|| refused(format!("/bin/launchctl: {ended}")))?;
    Ok(u32::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_counts() {
        assert_eq!(person(501, "anna\n"), Some(Person { name: "anna".into(), number: 501 }));
        for (uid, name) in [
            (0, "root"),
            (248, "_mbsetupuser"),
            (501, "loginwindow"),
            (501, "root"),
            (501, ""),
            (89, "mail"),
            (501, "-x"),
        ] {
            assert_eq!(person(uid, name), None, "{uid} {name}");
        }
    }

    #[test]
    fn the_command_is_the_same_in_the_other_session() {
        let anna = Person { name: "anna".into(), number: 501 };
        let own = ["fix", "--yes", "a b", "--state", "/x"].map(OsString::from);
        let all: Vec<OsString> = arguments(&anna, OsStr::new("/usr/local/bin/port26"), own).collect();
        let expected = [
            "asuser",
            "501",
            "/usr/bin/sudo",
            "-n",
            "-H",
            "-u",
            "anna",
            "--",
            "/usr/local/bin/port26",
            "fix",
            "--yes",
            "a b",
            "--state",
            "/x",
        ];
        assert_eq!(all, expected.map(OsString::from));
    }
}
