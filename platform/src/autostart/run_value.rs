//! The text of a value below `Software\Microsoft\Windows\CurrentVersion\Run`: one command line, the program in quotation
//! marks so that a blank in its path does not end it.

use super::{AutostartError, Entry};

/// The key, below `HKEY_CURRENT_USER` for one user and `HKEY_LOCAL_MACHINE` for all.
pub const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";

/// Where Task Manager notes which entries the user switched off.
pub const APPROVED_KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";

/// The command line of an entry.
pub fn text(entry: &Entry) -> Result<String, AutostartError> {
    let mut line = format!("\"{}\"", entry.program_text()?);
    for argument in &entry.arguments {
        line.push(' ');
        line.push_str(argument);
    }
    Ok(line)
}

/// Is an entry switched on, by what Task Manager noted of it? An odd first byte is off. That is what Windows 10 is seen to
/// write; it is not documented, so whatever else stands there counts as on.
pub fn is_approved(noted: Option<&[u8]>) -> bool {
    noted.and_then(<[u8]>::first).is_none_or(|first| first % 2 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_in_quotation_marks() {
        let mut entry = super::super::tests::sample();
        entry.program = r"C:\Program Files\port26\port26w.exe".into();
        assert_eq!(text(&entry).unwrap(), r#""C:\Program Files\port26\port26w.exe" agent run --silent"#);
    }

    #[test]
    fn what_task_manager_notes() {
        assert!(is_approved(None) && is_approved(Some(&[])));
        assert!(is_approved(Some(&[2, 0, 0, 0])) && is_approved(Some(&[6])));
        assert!(!is_approved(Some(&[3, 0, 0, 0, 1])) && !is_approved(Some(&[7])));
    }
}
