//! The window of an invented program on Windows.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use windows::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows::Win32::System::LibraryLoader::GetModuleHandleW;
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DestroyWindow, DispatchMessageW, GetMessageW, MSG, PostQuitMessage,
    RegisterClassW, WINDOW_EX_STYLE, WM_CLOSE, WNDCLASSW, WS_OVERLAPPEDWINDOW, WS_VISIBLE,
};
use windows::core::w;

use super::Manners;

static REFUSES: AtomicBool = AtomicBool::new(false);

/// A main window, visible where there is a screen. It belongs to the thread that showed it.
#[derive(Debug)]
pub struct Window(HWND);

impl Window {
    pub(super) fn show(manners: Manners) -> io::Result<Self> {
        REFUSES.store(manners == Manners::Refuses, Ordering::Relaxed);
        // SAFETY: names are constants; the procedure lives as long as the program.
        let window = unsafe {
            let module = GetModuleHandleW(None)?.into();
            let class = WNDCLASSW {
                lpfnWndProc: Some(procedure),
                hInstance: module,
                lpszClassName: w!("port26-invented"),
                ..WNDCLASSW::default()
            };
            RegisterClassW(&class);
            let (style, title) = (WS_OVERLAPPEDWINDOW | WS_VISIBLE, w!("Invented program"));
            let place = (0, 0, 300, 200);
            CreateWindowExW(
                WINDOW_EX_STYLE(0),
                class.lpszClassName,
                title,
                style,
                place.0,
                place.1,
                place.2,
                place.3,
                None,
                None,
                Some(module),
                None,
            )?
        };
        Ok(Self(window))
    }

    pub(super) fn until_closed(&mut self) {
        let mut message = MSG::default();
        // SAFETY: the message is ours, and the window's thread is this one.
        unsafe {
            while GetMessageW(&mut message, None, 0, 0).0 > 0 {
                DispatchMessageW(&message);
            }
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: a window that is gone already is an error, nothing more.
        let _ = unsafe { DestroyWindow(self.0) };
    }
}

unsafe extern "system" fn procedure(window: HWND, message: u32, wide: WPARAM, long: LPARAM) -> LRESULT {
    if message == WM_CLOSE {
        if !REFUSES.load(Ordering::Relaxed) {
            // SAFETY: ends the loop of this thread.
            unsafe { PostQuitMessage(0) };
        }
        return LRESULT(0);
    }
    // SAFETY: what the system gave is handed on.
    unsafe { DefWindowProcW(window, message, wide, long) }
}
