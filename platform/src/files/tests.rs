//! Replacing files for real: mode and owner stay, links are not followed, a crash leaves old or new.

use super::*;

const TEMP: &str = ".port26-test-0.tmp";

fn nothing(_: &[u8]) -> bool {
    false
}

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn files(&self) -> Files {
        Files::of_home(self.dir.path())
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_file_is_replaced_and_nothing_stays_beside_it() {
    let home = Home::new();
    let path = home.file("prefs.js", b"old");
    home.files().replace(&path, b"old", b"new", TEMP).unwrap();
    assert_eq!(home.files().read(&path).unwrap().unwrap(), b"new");
    assert_eq!(home.names(), ["prefs.js"]);
}

#[test]
fn what_another_program_wrote_meanwhile_is_not_lost() {
    let home = Home::new();
    let path = home.file("prefs.js", b"theirs");
    let error = home.files().replace(&path, b"old", b"new", TEMP).unwrap_err();
    assert_eq!(error.code(), "file_changed");
    assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
    assert_eq!(home.names(), ["prefs.js"]);
}

#[test]
fn a_missing_file_is_none_and_is_not_made() {
    let home = Home::new();
    let path = home.dir.path().join("sub/none");
    assert!(home.files().read(&path).unwrap().is_none());
    assert_eq!(home.files().replace(&path, b"", b"new", TEMP).unwrap_err().code(), "file_io");
    home.files().clean_up(&path, TEMP, &nothing).unwrap();
    assert!(home.names().is_empty());
}

#[test]
fn leftovers_of_a_kill_are_cleaned_up_or_replaced() {
    let home = Home::new();
    let path = home.file("prefs.js", b"old");
    home.file(TEMP, b"half");
    home.files().replace(&path, b"old", b"new", TEMP).unwrap();
    assert_eq!(home.names(), ["prefs.js"]);
    home.file(TEMP, b"half");
    home.files().clean_up(&path, TEMP, &nothing).unwrap();
    home.files().clean_up(&path, TEMP, &nothing).unwrap();
    assert_eq!(home.names(), ["prefs.js"]);
}

#[test]
fn a_read_only_file_is_named_and_left() {
    let home = Home::new();
    let path = home.file("prefs.js", b"old");
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let error = home.files().replace(&path, b"old", b"new", TEMP).unwrap_err();
    assert_eq!(error.code(), "file_read_only");
    assert!(error.to_string().contains("prefs.js"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
}

#[test]
fn a_look_finds_what_a_replacement_would_and_leaves_nothing() {
    let home = Home::new();
    let path = home.file("prefs.js", b"old");
    home.files().look(&path, TEMP).unwrap();
    home.file(TEMP, b"half");
    home.files().look(&path, TEMP).unwrap();
    home.files().look(&home.dir.path().join("none/prefs.js"), TEMP).unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    assert_eq!(home.files().look(&path, TEMP).unwrap_err().code(), "file_read_only");
}

#[test]
fn the_leftover_of_a_file_that_is_gone_is_cleaned_up_too() {
    let home = Home::new();
    home.file(TEMP, b"half, with a password");
    home.files().clean_up(&home.dir.path().join("prefs.js"), TEMP, &nothing).unwrap();
    assert_eq!(home.names(), Vec::<String>::new());
    home.files().clean_up(&home.dir.path().join("gone/prefs.js"), TEMP, &nothing).unwrap();
}

#[test]
fn an_empty_folder_in_the_place_of_a_file_of_ours_gives_way() {
    let home = Home::new();
    let path = home.dir.path().join("history.json");
    std::fs::create_dir(&path).unwrap();
    replace_private(&path, b"{}").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    let full = home.dir.path().join("full");
    home.file("full/of/something", b"x");
    assert!(replace_private(&full, b"{}").is_err());
    assert!(full.join("of/something").exists());
}

#[test]
fn a_folder_is_not_a_file() {
    let home = Home::new();
    home.file("folder/x", b"");
    let folder = home.dir.path().join("folder");
    assert_eq!(home.files().read(&folder).unwrap_err().code(), "not_a_file");
    // Windows says "access denied", which would send people to another user's account.
    assert_eq!(read_private(&folder).unwrap_err().code(), "not_a_file");
    assert_eq!(open_private(&folder).unwrap_err().code(), "not_a_file");
    assert_eq!(append_private(&folder).unwrap_err().code(), "not_a_file");
    assert_eq!(Appender::open(&folder).unwrap_err().code(), "not_a_file");
}

#[test]
fn a_journal_loses_only_the_line_that_was_cut_short() {
    for tail in [&b"{\"half\":"[..], b"\0\0\0\0", b"{\"a\":\0\0\0\n"] {
        let home = Home::new();
        let path = home.dir.path().join("state/receipts/1.jsonl");
        private_dir(path.parent().unwrap()).unwrap();
        let mut journal = Appender::create(&path).unwrap();
        journal.append(b"one").unwrap();
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(tail);
        std::fs::write(&path, bytes).unwrap();
        Appender::open(&path).unwrap().append(b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        assert!(Appender::create(&path).is_err());
    }
}

#[test]
fn a_line_that_could_not_be_completed_does_not_spoil_the_next() {
    let home = Home::new();
    let path = home.dir.path().join("1.jsonl");
    let mut journal = Appender::create(&path).unwrap();
    journal.append(b"one").unwrap();
    // What a full disk leaves of a line.
    std::fs::write(&path, b"one\ntw").unwrap();
    journal.append(b"three").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"one\nthree\n");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    const ANOTHER: u32 = 65_534;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn the_mode_is_kept() {
        let home = Home::new();
        for wanted in [0o600, 0o640, 0o664, 0o755] {
            let path = home.file("prefs.js", b"old");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(wanted)).unwrap();
            home.files().replace(&path, b"old", b"new", TEMP).unwrap();
            assert_eq!(mode(&path), wanted);
        }
    }

    #[test]
    fn ones_own_link_is_followed_and_stays_a_link() {
        let home = Home::new();
        let real = home.file("dotfiles/prefs.js", b"old");
        let link = home.dir.path().join("prefs.js");
        symlink(&real, &link).unwrap();
        home.files().replace(&link, b"old", b"new", TEMP).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn journals_are_private() {
        let home = Home::new();
        let dir = home.dir.path().join("state/receipts");
        private_dir(&dir).unwrap();
        Appender::create(&dir.join("1.jsonl")).unwrap();
        assert_eq!((mode(&dir), mode(&dir.join("1.jsonl"))), (0o700, 0o600));
    }

    #[test]
    fn a_pipe_in_the_files_place_does_not_make_us_wait() {
        let home = Home::new();
        let path = home.dir.path().join("prefs.js");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert_eq!(home.files().read(&path).unwrap_err().code(), "not_a_file");
        assert_eq!(super::read(&path).unwrap_err().code(), "not_a_file");
    }

    /// As an ordinary user a folder without the right to write; as root a disk for reading only, in a view of its own.
    #[test]
    fn a_place_that_cannot_be_written_is_found_before_and_named() {
        let home = Home::new();
        let path = home.file("profile/prefs.js", b"old");
        let folder = path.parent().unwrap();
        if rustix::process::geteuid().is_root() {
            let mounted = std::process::Command::new("mount").args(["-t", "tmpfs", "none"]).arg(folder).status();
            if !mounted.is_ok_and(|status| status.success()) {
                eprintln!("*** NOT TESTED here: a disk for reading only (no right to mount)");
                return;
            }
            std::fs::write(&path, "old").unwrap();
            let mount = |how: &str| std::process::Command::new("mount").args(["-o", how]).arg(folder).status().unwrap();
            assert!(mount("remount,ro").success());
        } else {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o500)).unwrap();
        }
        let looked = home.files().look(&path, TEMP);
        let cleaned = home.files().clean_up(&path, TEMP, &super::nothing);
        let replaced = home.files().replace(&path, b"old", b"new", TEMP);
        if rustix::process::geteuid().is_root() {
            assert!(std::process::Command::new("umount").arg(folder).status().unwrap().success());
        } else {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        let error = looked.unwrap_err();
        assert_eq!(error.code(), "read_only");
        assert!(error.to_string().contains("profile"), "{error}");
        assert_eq!(replaced.unwrap_err().code(), "read_only");
        cleaned.expect("nothing is there to clean up");
    }

    /// Gives everything in the home to another user; false if that is not possible.
    fn give_away(home: &Home) -> bool {
        fn all(path: &Path) -> std::io::Result<()> {
            std::os::unix::fs::lchown(path, Some(ANOTHER), Some(ANOTHER))?;
            if std::fs::symlink_metadata(path)?.is_dir() {
                for entry in std::fs::read_dir(path)? {
                    all(&entry?.path())?;
                }
            }
            Ok(())
        }
        if !root() {
            return false;
        }
        all(home.dir.path()).unwrap();
        true
    }

    /// What only root can be tempted to do is tried as root only; elsewhere that is said aloud.
    fn root() -> bool {
        let root = rustix::process::geteuid().is_root();
        if !root {
            eprintln!("NOT ROOT: links in another user's home were not tried; run these tests as root for that");
        }
        root
    }

    #[test]
    fn another_users_file_stays_theirs() {
        let home = Home::new();
        let path = home.file("mail/prefs.js", b"old");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        if give_away(&home) {
            home.files().replace(&path, b"old", b"new", TEMP).unwrap();
            let meta = std::fs::metadata(&path).unwrap();
            assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (ANOTHER, ANOTHER, 0o640));
            assert_eq!(home.files().read(&path).unwrap().unwrap(), b"new");
        }
    }

    #[test]
    fn another_users_links_are_refused_whatever_they_point_to() {
        let victim = Home::new();
        let target = victim.file("prefs.js", b"old");
        let home = Home::new();
        home.file("mail/prefs.js", b"old");
        symlink(&target, home.dir.path().join("link.js")).unwrap();
        symlink(victim.dir.path(), home.dir.path().join("profile")).unwrap();
        if give_away(&home) {
            for name in ["link.js", "profile/prefs.js"] {
                let path = home.dir.path().join(name);
                let error = home.files().replace(&path, b"old", b"new", TEMP).unwrap_err();
                assert_eq!(error.code(), "file_is_link", "{name}: {error}");
                assert_eq!(home.files().read(&path).unwrap_err().code(), "file_is_link");
            }
            let out = home.dir.path().join("mail/../../../etc/hosts");
            assert!(home.files().read(&out).is_err());
            assert_eq!(std::fs::read(&target).unwrap(), b"old");
            assert_eq!(victim.names(), ["prefs.js"]);
        }
    }

    #[test]
    fn one_folder_of_another_user_in_a_home_of_roots_is_enough_to_refuse_links() {
        let home = Home::new();
        let target = home.file("root.js", b"old");
        home.file("theirs/x", b"");
        let link = home.dir.path().join("theirs/link.js");
        symlink(&target, &link).unwrap();
        if root() {
            chown(home.dir.path().join("theirs"), Some(ANOTHER), None).unwrap();
            assert_eq!(home.files().replace(&link, b"old", b"new", TEMP).unwrap_err().code(), "file_is_link");
        }
    }

    #[test]
    fn outside_another_users_home_only_their_own_files_and_named_ones_are_touched() {
        let outside = Home::new();
        let roots = outside.file("hkcu.reg", b"old");
        let theirs = outside.file("theirs.js", b"old");
        let home = Home::new();
        if give_away(&home) {
            chown(&theirs, Some(ANOTHER), Some(ANOTHER)).unwrap();
            let files = home.files();
            assert_eq!(files.read(&roots).unwrap_err().code(), "file_outside_home");
            assert_eq!(files.read(&theirs).unwrap().unwrap(), b"old");
            files.and(&roots).replace(&roots, b"old", b"new", TEMP).unwrap();
            assert_eq!(std::fs::metadata(&roots).unwrap().uid(), 0);
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_ours_is_closed_to_others_and_what_is_not_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (ours, named) = (dir.path().join("port26"), dir.path().join("of somebody"));
    for folder in [&ours, &named] {
        std::fs::create_dir(folder).unwrap();
        set(folder, 0o755);
        private_dir(folder).unwrap();
    }
    assert_eq!((mode(&ours), mode(&named)), (0o700, 0o755), "a folder that somebody named is theirs to close");
    private_dir(&dir.path().join("new/port26")).unwrap();
    assert_eq!(mode(&dir.path().join("new/port26")), 0o700);

    let lock = ours.join("lock");
    std::fs::write(&lock, "7").unwrap();
    set(&lock, 0o644);
    drop(open_private(&lock).unwrap());
    drop(open_private(&ours.join("new.lock")).unwrap());
    drop(append_private(&ours.join("log")).unwrap());
    assert_eq!((mode(&lock), mode(&ours.join("new.lock")), mode(&ours.join("log"))), (0o600, 0o600, 0o600));
    assert_eq!(std::fs::read(&lock).unwrap(), b"7");
}

#[cfg(unix)]
mod state {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn with_mode(path: PathBuf, mode: u32) -> PathBuf {
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_state_folder_is_ours_alone() {
        let home = Home::new();
        let at = |name: &str| home.dir.path().join(name);
        private_dir(&at("new/port26")).unwrap();
        assert_eq!(mode(&at("new/port26")), 0o700);
        // Left too open by an earlier version, and plainly ours.
        let old = with_mode(at("old/port26"), 0o777);
        private_dir(&old).unwrap();
        assert_eq!(mode(&old), 0o700);
        // Somebody's folder of other things is not narrowed, and not used where others can write.
        let shared = with_mode(at("shared"), 0o777);
        std::fs::write(shared.join("notes"), "x").unwrap();
        assert_eq!(private_dir(&shared).unwrap_err().code(), "state_not_ours");
        assert_eq!(mode(&shared), 0o777);
        let readable = with_mode(at("readable"), 0o755);
        std::fs::write(readable.join("notes"), "x").unwrap();
        private_dir(&readable).unwrap();
        assert_eq!(mode(&readable), 0o755);
        symlink(at("new"), at("link")).unwrap();
        assert_eq!(private_dir(&at("link")).unwrap_err().code(), "state_not_ours");
        std::fs::write(at("file"), "x").unwrap();
        assert_eq!(private_dir(&at("file")).unwrap_err().code(), "state_not_ours");
    }

    #[test]
    fn what_is_ours_is_no_link_and_has_one_name() {
        let home = Home::new();
        let precious = home.file("precious", b"mine");
        let at = |name: &str| home.dir.path().join(name);
        symlink(&precious, at("lock")).unwrap();
        std::fs::hard_link(&precious, at("second")).unwrap();
        for name in ["lock", "second"] {
            assert_eq!(open_private(&at(name)).unwrap_err().code(), "state_not_ours", "{name}");
            assert_eq!(read_private(&at(name)).unwrap_err().code(), "state_not_ours", "{name}");
        }
        assert!(Appender::open(&at("lock")).is_err());
        assert_eq!(std::fs::read(&precious).unwrap(), b"mine");
        let wide = home.file("list", b"list");
        std::fs::set_permissions(&wide, std::fs::Permissions::from_mode(0o644)).unwrap();
        drop(open_private(&wide).unwrap());
        assert_eq!((mode(&wide), read_private(&wide).unwrap().as_deref()), (0o600, Some(&b"list"[..])));
        assert_eq!(read_private(&at("none")).unwrap(), None);
    }

    /// A pipe where a file should be is not waited for.
    #[test]
    fn a_pipe_is_no_file_of_ours() {
        let home = Home::new();
        let pipe = home.dir.path().join("history.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(open(&pipe).unwrap_err().code(), "not_a_file");
        assert!(read_private(&pipe).is_err());
        assert!(open_private(&pipe).is_err());
    }

    /// What another user left there is neither read nor written. Only root can try.
    #[test]
    fn another_users_state_is_not_believed() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("*** NOT TESTED: another user's state folder (needs root)");
            return;
        }
        let home = Home::new();
        let theirs = with_mode(home.dir.path().join("anna"), 0o700);
        let file = home.file("anna/agent.json", b"{}");
        for path in [&theirs, &file] {
            std::os::unix::fs::chown(path, Some(5002), None).unwrap();
        }
        assert_eq!(private_dir(&theirs).unwrap_err().code(), "state_not_ours");
        assert_eq!(private_dir(&theirs.join("port26")).unwrap_err().code(), "state_not_ours");
        assert!(!theirs.join("port26").exists());
        assert_eq!(read_private(&file).unwrap_err().code(), "state_not_ours");
        assert_eq!(open_private(&file).unwrap_err().code(), "state_not_ours");
        assert!(!only_root_writes(&file));
    }

    /// A log that root was told to keep where somebody else can write. Only root can try.
    #[test]
    fn root_adds_to_no_link_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("*** NOT TESTED: a log that is another user's link (needs root)");
            return;
        }
        let home = Home::new();
        let precious = home.file("precious", b"mine");
        let at = |name: &str| home.dir.path().join(name);
        for (name, to) in [("log", precious.clone()), ("dangling", at("new"))] {
            symlink(to, at(name)).unwrap();
            std::os::unix::fs::lchown(at(name), Some(5002), None).unwrap();
            assert_eq!(append_private(&at(name)).unwrap_err().code(), "state_not_ours", "{name}");
        }
        assert!(!at("new").exists());
        assert_eq!(std::fs::read(&precious).unwrap(), b"mine");
        drop(append_private(&at("plain")).unwrap());
        assert_eq!(mode(&at("plain")), 0o600);
    }

    /// Root looks at somebody's home: what they linked there is not read with root's eyes. Only root can try.
    #[test]
    fn root_reads_no_link_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("*** NOT TESTED: links in another user's home (needs root)");
            return;
        }
        let home = Home::new();
        let secret = home.file("roots/secret", b"secret");
        let theirs = with_mode(home.dir.path().join("anna"), 0o755);
        let plain = home.file("anna/.thunderbird/prefs.js", b"theirs");
        symlink(&secret, theirs.join("prefs.js")).unwrap();
        symlink(secret.parent().unwrap(), theirs.join("folder")).unwrap();
        std::fs::hard_link(&secret, theirs.join("second")).unwrap();
        for path in [&theirs, plain.parent().unwrap(), &plain] {
            std::os::unix::fs::chown(path, Some(5002), Some(5002)).unwrap();
        }
        assert_eq!(read(&plain).unwrap().as_deref(), Some(&b"theirs"[..]));
        assert_eq!(read(&theirs.join("none/at/all")).unwrap(), None);
        assert_eq!(read(&theirs.join("prefs.js")).unwrap_err().code(), "file_is_link");
        assert_eq!(read(&theirs.join("folder/secret")).unwrap_err().code(), "file_is_link");
        assert_eq!(read(&theirs.join("second")).unwrap_err().code(), "file_outside_home");
        assert_eq!(open(&plain).unwrap().map(|file| std::io::read_to_string(file).unwrap()).as_deref(), Some("theirs"));
        assert!(open(&theirs.join("none/at/all")).unwrap().is_none());
        assert_eq!(open(&theirs.join("prefs.js")).unwrap_err().code(), "file_is_link");
        assert_eq!(open(&theirs.join("folder/secret")).unwrap_err().code(), "file_is_link");
        assert_eq!(open(&theirs.join("second")).unwrap_err().code(), "file_outside_home");
        assert_eq!(read(&secret).unwrap().as_deref(), Some(&b"secret"[..]));
    }
}
