//! Libraries that are loaded from now on come from the system's own folder (`SetDefaultDllDirectories`). Those that the
//! program is linked with are there already.

use windows::Win32::System::LibraryLoader::{LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories};

pub(super) fn before_anything() {
    // SAFETY: a number goes in, and nothing else is touched. Windows before 8 may lack the update for it and says no.
    let _ = unsafe { SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32) };
}
