//! Libraries that are loaded from now on come from the system's own folder (`SetDefaultDllDirectories`). Those that the
//! program is linked with are there already. A crash is not reported (`SetErrorMode`), and where the system reports it all
//! the same, as what ends itself at once (`__fastfail`), the heap with the passwords in it stays out (`WerSetFlags`).

use windows::Win32::System::Diagnostics::Debug::{
    GetErrorMode, SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode, THREAD_ERROR_MODE,
};
use windows::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows::Win32::System::LibraryLoader::{LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories};

pub(super) fn before_anything() {
    // SAFETY: numbers go in, and nothing else is touched. Windows before 8 may lack the update for the first and says no.
    unsafe {
        let _ = SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
        SetErrorMode(THREAD_ERROR_MODE(GetErrorMode()) | SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
        let _ = WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_not_reported() {
        before_anything();
        // SAFETY: takes nothing and gives a number.
        let mode = THREAD_ERROR_MODE(unsafe { GetErrorMode() });
        assert!(mode.contains(SEM_NOGPFAULTERRORBOX) && mode.contains(SEM_FAILCRITICALERRORS), "{mode:?}");
    }
}
