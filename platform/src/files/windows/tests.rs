//! What holds on Windows when port26 works for somebody else, as far as one user without a second account can see it.

use std::fs;
use std::os::windows::fs::{symlink_dir, symlink_file};

use super::super::{FileError, Files, private_dir, read, read_private};
use super::*;

const TEMP: &str = ".port26-test-0.tmp";

/// A home with one file in a folder of it.
fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let profile = home.path().join("mail");
    fs::create_dir(&profile).unwrap();
    fs::write(profile.join("prefs.js"), "old").unwrap();
    (home, profile)
}

#[test]
fn the_folders_that_lead_to_a_file_stay_where_they_are_while_it_is_worked_on() {
    let (home, profile) = home();
    let away = home.path().join("away");
    let spot = locate(&Files::of_home(home.path()), &profile.join("prefs.js")).unwrap().unwrap();
    assert!(spot.held.is_some(), "the home is not the running user's");
    assert!(fs::rename(&profile, &away).is_err(), "the folder was taken away");
    spot.replace(b"old", b"new", TEMP).unwrap();
    assert_eq!(spot.read().unwrap().unwrap(), b"new");
    drop(spot);
    fs::rename(&profile, &away).unwrap();
    let names: Vec<_> = fs::read_dir(away).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["prefs.js"]);
}

#[test]
fn a_folder_is_not_emptied_while_something_is_written_there() {
    let (home, profile) = home();
    let trail = walk::walk(home.path(), Path::new("mail/prefs.js"), &profile).unwrap().unwrap();
    let stays = trail.stay(TEMP, &profile).unwrap();
    let beside = profile.join(format!("{TEMP}.hold"));
    assert!(beside.exists());
    assert!(fs::remove_file(&beside).is_err() && fs::rename(&beside, home.path().join("x")).is_err());
    drop(stays);
    assert!(!beside.exists(), "it goes by itself");
}

#[test]
fn a_name_is_looked_for_without_regard_to_case_and_nothing_leads_out() {
    let (home, profile) = home();
    let files = Files::of_home(home.path());
    let shouted = PathBuf::from(profile.join("prefs.js").to_string_lossy().to_uppercase());
    assert_eq!(files.read(&shouted).unwrap().unwrap(), b"old");
    assert_eq!(walk::below(home.path(), &profile.join(r"..\mail\prefs.js")), Some(PathBuf::from(r"mail\prefs.js")));
    assert_eq!(walk::below(home.path(), &home.path().join(r"..\elsewhere")), None);
    assert_eq!(walk::below(&profile, &home.path().join("mailbox")), None);
}

/// Beyond 260 characters Wine cannot tell where a folder really is; neither can Windows of some disks.
#[test]
fn a_file_deep_down_is_reached_and_replaced() {
    let (home, mut profile) = home();
    for _ in 0..6 {
        profile.push("a folder whose name has as many letters as this one has");
    }
    fs::create_dir_all(&profile).unwrap();
    let file = profile.join("prefs.js");
    assert!(file.as_os_str().len() > 300);
    fs::write(&file, "old").unwrap();
    let files = Files::of_home(home.path());
    files.replace(&file, b"old", b"new", TEMP).unwrap();
    files.clean_up(&file, TEMP, &|_| false).unwrap();
    assert_eq!(files.read(&file).unwrap().unwrap(), b"new");
    assert_eq!(fs::read_dir(profile).unwrap().count(), 1);
}

/// Wine before 10 and a Windows without the developer mode make none; that is said aloud.
#[test]
fn another_users_links_are_refused() {
    let (home, profile) = home();
    let (folder_link, file_link) = (home.path().join("link"), profile.join("link.js"));
    let made = symlink_dir(&profile, &folder_link).and_then(|()| symlink_file(profile.join("prefs.js"), &file_link));
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_symlink());
    if made.is_err() || !is_link(&folder_link) || !is_link(&file_link) {
        eprintln!("*** NOT TESTED: links in another user's home; none can be made here");
        return;
    }
    let files = Files::of_home(home.path());
    for path in [folder_link.join("prefs.js"), file_link] {
        assert_eq!(files.read(&path).unwrap_err().code(), "file_is_link");
        assert_eq!(files.replace(&path, b"old", b"new", TEMP).unwrap_err().code(), "file_is_link");
    }
}

#[test]
fn a_second_name_for_somebody_elses_file_is_not_touched() {
    let (home, profile) = home();
    let file = fs::File::open(profile.join("prefs.js")).unwrap();
    assert_eq!(walk::names(&file).unwrap(), 1);
    if fs::hard_link(profile.join("prefs.js"), home.path().join("second")).is_err() {
        eprintln!("*** NOT TESTED: a file with two names; none can be made here");
        return;
    }
    assert_eq!(walk::names(&file).unwrap(), 2);
    // One's own may have as many as one likes.
    assert_eq!(Files::of_home(home.path()).read(&profile.join("prefs.js")).unwrap().unwrap(), b"old");
}

#[test]
fn owners_are_known() {
    let me = owner::me().unwrap();
    assert!(me.starts_with("S-1-5-"), "{me}");
    let (home, profile) = home();
    let file = fs::File::open(profile.join("prefs.js")).unwrap();
    let owner = owner::of(&file).unwrap().unwrap();
    // Of an administrator's, the group of administrators.
    assert!(owner::is_ours(&owner), "{owner} is not {me}");
    assert!(!owner::is_ours("S-1-5-21-1-2-3-1001"));
    let own = known_folders::path(Known::Profile).unwrap();
    assert_eq!(profile::user_of(&walk::open_folder(&own).unwrap()), Some(me));
    assert!(profile::is_in_own_profile(&own.join("AppData")));
    assert!(!profile::is_in_own_profile(own.parent().unwrap()));
    drop(home);
}

#[test]
fn the_profile_of_another_user_is_told_from_ones_own() {
    let all = known_folders::path(Known::Profiles).unwrap();
    assert_eq!(profile::profile_of_another(&all.join(r"somebody\AppData\x")), Some(all.join("somebody")));
    assert_eq!(profile::profile_of_another(&all.join(r"Public\x")), None);
    assert_eq!(profile::profile_of_another(&known_folders::path(Known::Local).unwrap()), None);
    assert_eq!(profile::profile_of_another(Path::new(r"C:\Windows")), None);
    if !owner::is_elevated() {
        eprintln!("*** NOT TESTED: what an administrator makes and reads in the profile of another user");
        return;
    }
    let theirs = all.join("port26-somebody");
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("prefs.js"), "old").unwrap();
    let in_theirs = private_dir(&theirs.join("state"));
    let there_already = private_dir(&theirs);
    let read = (read(&theirs.join("prefs.js")), read(&theirs.join("none/at/all")));
    fs::remove_dir_all(&theirs).unwrap();
    for refused in [in_theirs, there_already] {
        assert!(matches!(refused, Err(FileError::NotOurs { .. })), "{refused:?}");
    }
    assert_eq!((read.0.unwrap().as_deref(), read.1.unwrap()), (Some(&b"old"[..]), None));
}

#[test]
fn a_state_folder_outside_the_profile_is_made_and_used() {
    let root = PathBuf::from(std::env::var("SystemDrive").unwrap() + r"\port26-test-state");
    let state = root.join("port26");
    private_dir(&state).unwrap();
    private_dir(&state).unwrap();
    fs::write(state.join("list"), "one").unwrap();
    let kept = read_private(&state.join("list"));
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(kept.unwrap().unwrap(), b"one");
}
