//! The account files below the store folder of Windows Mail and Windows Live Mail.

use std::path::{Path, PathBuf};

/// Everything called `account{..}.oeaccount` below the store, in order of the paths, be it a file or not. Links are not
/// followed; the program's own backup is not looked into. With them, the folders that could not be listed.
pub(super) fn account_files(root: &Path, depth: usize) -> (Vec<PathBuf>, Vec<(PathBuf, std::io::Error)>) {
    let mut found = Vec::new();
    let mut closed = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, level)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                closed.push((folder, error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            match entry.file_type() {
                _ if name.starts_with("account{") && name.ends_with("}.oeaccount") => found.push(entry.path()),
                Ok(kind) if kind.is_dir() && level < depth && !(level == 0 && name == "backup") => {
                    folders.push((entry.path(), level + 1));
                }
                _ => {}
            }
        }
    }
    found.sort();
    (found, closed)
}
