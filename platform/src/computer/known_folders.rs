//! Windows: where the running user's folders are, asked of Windows itself. A group policy, a roaming profile or the
//! user may have moved them, and the variables of a service or of another program's shell need not know.

use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

use windows::Win32::System::Com::CoTaskMemFree;
use windows::Win32::UI::Shell::{
    FOLDERID_LocalAppData, FOLDERID_Profile, FOLDERID_RoamingAppData, FOLDERID_UserProfiles, KF_FLAG_DONT_VERIFY,
    SHGetKnownFolderPath,
};

/// One that we need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// The profile folder.
    Profile,
    /// `AppData\Roaming`, or where that was moved to.
    Roaming,
    /// `AppData\Local`.
    Local,
    /// The folder of all profile folders (`C:\Users`).
    Profiles,
}

/// `None` where Windows does not tell, or tells something that is no absolute path.
pub(crate) fn path(known: Known) -> Option<PathBuf> {
    let id = match known {
        Known::Profile => FOLDERID_Profile,
        Known::Roaming => FOLDERID_RoamingAppData,
        Known::Local => FOLDERID_LocalAppData,
        Known::Profiles => FOLDERID_UserProfiles,
    };
    // A share that is away just now is still the place: not verified.
    // SAFETY: the id lives through the call; the text is ours, ends with NUL, and is freed once.
    let path = unsafe {
        let text = SHGetKnownFolderPath(&id, KF_FLAG_DONT_VERIFY, None).ok()?;
        let path = PathBuf::from(OsString::from_wide(text.as_wide()));
        CoTaskMemFree(Some(text.0.cast()));
        path
    };
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use windows_registry::CURRENT_USER;

    use super::*;

    const USER_SHELL_FOLDERS: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders";

    /// The value as it was comes back, even if the test fails.
    struct Kept(Option<windows_registry::Value>);

    impl Drop for Kept {
        fn drop(&mut self) {
            let key = CURRENT_USER.create(USER_SHELL_FOLDERS).unwrap();
            match &self.0 {
                Some(value) => key.set_value("AppData", value).unwrap(),
                None => key.remove_value("AppData").unwrap(),
            }
        }
    }

    #[test]
    fn they_are_below_the_profile_and_follow_a_redirection() {
        let profile = path(Known::Profile).unwrap();
        assert!(path(Known::Roaming).unwrap().starts_with(&profile));
        assert!(path(Known::Local).unwrap().starts_with(&profile));
        if std::env::var("PORT26_TEST_LIVE_REGISTRY").as_deref() != Ok("1") {
            eprintln!(
                "*** NOT TESTED: a redirected AppData. scripts/test does it under Wine, in a registry of its own."
            );
            return;
        }
        let key = CURRENT_USER.create(USER_SHELL_FOLDERS).unwrap();
        let _kept = Kept(key.get_value("AppData").ok());
        for moved in [r"\\server\users$\Jürgen Żółć\AppData", r"D:\profiles\jan"] {
            key.set_expand_string("AppData", moved).unwrap();
            assert_eq!(path(Known::Roaming), Some(PathBuf::from(moved)));
            assert_eq!(crate::computer::Folders::of_this_user().unwrap().roaming, PathBuf::from(moved));
        }
    }
}
