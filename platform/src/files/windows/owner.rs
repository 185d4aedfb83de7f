//! Whose a file is, by its owner's SID as text (`S-1-5-..`).

use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows::Win32::Foundation::{HANDLE, HLOCAL};
use windows::Win32::Security::Authorization::{ConvertSidToStringSidW, GetSecurityInfo, SE_FILE_OBJECT};
use windows::Win32::Security::{
    GetTokenInformation, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, TOKEN_ELEVATION, TOKEN_QUERY,
    TOKEN_USER, TokenElevation, TokenUser,
};
use windows::Win32::Storage::FileSystem::GetVolumeInformationByHandleW;
use windows::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows::core::{Owned, PWSTR};

/// SYSTEM, and the group of administrators, to whom belongs what one of them makes.
const THE_MACHINES_OWN: [&str; 2] = ["S-1-5-18", "S-1-5-32-544"];

/// Of a volume that keeps access lists (winnt.h).
const FILE_PERSISTENT_ACLS: u32 = 8;

/// The owner of what is open, for reading at least. `None` where the file system keeps none (FAT).
pub(super) fn of(file: &File) -> io::Result<Option<String>> {
    let handle = HANDLE(file.as_raw_handle());
    let mut flags = 0;
    // SAFETY: the handle is open; the number lives through the call.
    let told = unsafe { GetVolumeInformationByHandleW(handle, None, None, None, Some(&mut flags), None) };
    if told.is_ok() && flags & FILE_PERSISTENT_ACLS == 0 {
        return Ok(None);
    }
    let (mut owner, mut descriptor) = (PSID::default(), PSECURITY_DESCRIPTOR::default());
    // SAFETY: the owner lies inside the descriptor, which is freed once when this returns.
    unsafe {
        let into = (Some(&raw mut owner), Some(&raw mut descriptor));
        GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, into.0, None, None, None, into.1).ok()?;
        let _descriptor = Owned::new(HLOCAL(descriptor.0));
        text(owner).map(Some)
    }
}

/// # Safety
/// A valid SID.
unsafe fn text(sid: PSID) -> io::Result<String> {
    let mut text = PWSTR::null();
    // SAFETY: the caller's SID; the text ends with NUL and is freed once.
    unsafe {
        ConvertSidToStringSidW(sid, &mut text)?;
        let _text = Owned::new(HLOCAL(text.0.cast()));
        text.to_string().map_err(io::Error::other)
    }
}

fn token() -> io::Result<OwnedHandle> {
    let mut token = HANDLE::default();
    // SAFETY: the handle of this process needs no closing; the token's is owned at once.
    unsafe {
        OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token)?;
        Ok(OwnedHandle::from_raw_handle(token.0))
    }
}

/// The user who runs this.
pub(super) fn me() -> io::Result<String> {
    let token = token()?;
    // Enough for the user and the longest SID, aligned for the pointer in it.
    let mut buffer = [0_u64; 32];
    let (size, mut length) = (u32::try_from(size_of_val(&buffer)).unwrap_or_default(), 0);
    // SAFETY: the buffer is as long as said; the SID that is pointed to lies inside it.
    unsafe {
        let place = Some(buffer.as_mut_ptr().cast());
        GetTokenInformation(HANDLE(token.as_raw_handle()), TokenUser, place, size, &mut length)?;
        text((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid)
    }
}

/// With the rights of SYSTEM or an administrator. Who may not even look at their own token is treated so.
pub(super) fn is_elevated() -> bool {
    let (mut elevation, mut length) = (TOKEN_ELEVATION::default(), 0);
    let size = u32::try_from(size_of::<TOKEN_ELEVATION>()).unwrap_or_default();
    let Ok(token) = token() else { return true };
    let place = Some((&raw mut elevation).cast());
    // SAFETY: the place is as large as said and lives through the call.
    let told = unsafe { GetTokenInformation(HANDLE(token.as_raw_handle()), TokenElevation, place, size, &mut length) };
    told.is_err() || elevation.TokenIsElevated != 0
}

/// Is this owner one whom whoever runs this trusts anyway?
pub(super) fn is_ours(owner: &str) -> bool {
    is_the_machines(owner) || me().is_ok_and(|me| me == owner)
}

pub(super) fn is_the_machines(owner: &str) -> bool {
    THE_MACHINES_OWN.contains(&owner)
}
