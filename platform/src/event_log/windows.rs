//! Windows: `RegisterEventSourceW` and `ReportEventW` with the Application log. The source needs no message file: an event's
//! text is its one string, which the viewer shows below a sentence of its own.

use windows::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, RegisterEventSourceW, ReportEventW,
};
use windows::core::{HSTRING, PCWSTR};

/// The one kind of event there is.
const EVENT: u32 = 1;

pub(super) fn error(source: &str, text: &str) -> bool {
    let (source, text) = (HSTRING::from(source), HSTRING::from(text));
    let strings = [PCWSTR(text.as_ptr())];
    // SAFETY: both texts end with NUL and outlive the calls; the handle is given back once.
    unsafe {
        let Ok(log) = RegisterEventSourceW(PCWSTR::null(), &source) else { return false };
        let taken = ReportEventW(log, EVENTLOG_ERROR_TYPE, 0, EVENT, None, 0, Some(&strings), None).is_ok();
        let _ = DeregisterEventSource(log);
        taken
    }
}
