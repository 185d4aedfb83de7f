//! Windows: SYSTEM and the other accounts of services are told by their SIDs; the active session of the console, else of
//! Remote Desktop, is where somebody sits; and its user's own token starts the command there. Only SYSTEM may have that token.

use std::ffi::c_void;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation,
};
use windows::Win32::Security::{
    GetTokenInformation, IsWellKnownSid, TOKEN_QUERY, TOKEN_USER, TokenUser, WinLocalServiceSid, WinLocalSystemSid,
    WinNetworkServiceSid,
};
use windows::Win32::Storage::FileSystem::{FILE_TYPE_DISK, FILE_TYPE_PIPE, GetFileType};
use windows::Win32::System::Console::{GetStdHandle, STD_INPUT_HANDLE};
use windows::Win32::System::Environment::{CreateEnvironmentBlock, DestroyEnvironmentBlock, GetCommandLineW};
use windows::Win32::System::RemoteDesktop::{
    WTS_SESSION_INFOW, WTSActive, WTSEnumerateSessionsW, WTSFreeMemory, WTSGetActiveConsoleSessionId,
    WTSQuerySessionInformationW, WTSQueryUserToken, WTSUserName,
};
use windows::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, DeleteProcThreadAttributeList,
    EXTENDED_STARTUPINFO_PRESENT, GetCurrentProcess, GetExitCodeProcess, INFINITE, InitializeProcThreadAttributeList,
    LPPROC_THREAD_ATTRIBUTE_LIST, OpenProcessToken, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, PROCESS_INFORMATION,
    STARTF_USESTDHANDLES, STARTUPINFOEXW, UpdateProcThreadAttribute, WaitForSingleObject,
};
use windows::core::{HSTRING, PCWSTR, PWSTR};

use super::{Me, Person, SessionError};

pub(super) fn me() -> Me {
    let mut token = HANDLE::default();
    // SAFETY: the handle of this process needs no closing; the token's is owned below.
    let opened = unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) };
    // Who may not even look at their own token is nobody that management tools run things as.
    if opened.is_ok() && is_service(&owned(token)) { Me::System } else { Me::User }
}

fn owned(handle: HANDLE) -> OwnedHandle {
    // SAFETY: only called with a handle that the system just gave us to close.
    unsafe { OwnedHandle::from_raw_handle(handle.0) }
}

fn raw(handle: &impl AsRawHandle) -> HANDLE {
    HANDLE(handle.as_raw_handle())
}

/// Is this the token of SYSTEM, LocalService or NetworkService?
fn is_service(token: &OwnedHandle) -> bool {
    // Enough for the user and the longest SID, aligned for the pointer in it.
    let mut buffer = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the buffer is as long as said; the SID that is pointed to lies inside it.
    unsafe {
        let size = u32::try_from(size_of_val(&buffer)).unwrap_or_default();
        let place = Some(buffer.as_mut_ptr().cast());
        if GetTokenInformation(raw(token), TokenUser, place, size, &mut length).is_err() {
            return false;
        }
        let user = &*buffer.as_ptr().cast::<TOKEN_USER>();
        [WinLocalSystemSid, WinLocalServiceSid, WinNetworkServiceSid]
            .into_iter()
            .any(|kind| IsWellKnownSid(user.User.Sid, kind).as_bool())
    }
}

pub(super) fn at_the_computer() -> Result<Option<Person>, SessionError> {
    let mut sessions = active_sessions()?;
    // SAFETY: takes nothing and gives a number.
    let console = unsafe { WTSGetActiveConsoleSessionId() };
    sessions.sort_by_key(|&session| session != console);
    Ok(sessions.into_iter().find_map(|number| {
        let name = user_name(number)?;
        Some(Person { name, number })
    }))
}

fn active_sessions() -> Result<Vec<u32>, SessionError> {
    let (mut first, mut count) = (std::ptr::null_mut::<WTS_SESSION_INFOW>(), 0);
    // SAFETY: the list is the system's until it is freed below; it has `count` entries.
    unsafe {
        WTSEnumerateSessionsW(None, 0, 1, &mut first, &mut count)
            .map_err(|error| SessionError::Unknown { why: error.to_string() })?;
        if first.is_null() {
            return Ok(Vec::new());
        }
        let all = std::slice::from_raw_parts(first, count as usize);
        let active = all.iter().filter(|session| session.State == WTSActive).map(|session| session.SessionId).collect();
        WTSFreeMemory(first.cast());
        Ok(active)
    }
}

fn user_name(session: u32) -> Option<String> {
    let (mut text, mut bytes) = (PWSTR::null(), 0);
    // SAFETY: the text is the system's until it is freed below, and ends with NUL.
    unsafe {
        WTSQuerySessionInformationW(None, session, WTSUserName, &mut text, &mut bytes).ok()?;
        if text.is_null() {
            return None;
        }
        let name = text.to_string().ok();
        WTSFreeMemory(text.0.cast());
        name.filter(|name| !name.is_empty())
    }
}

pub(super) fn run_again_as(person: &Person, given: Option<&[u8]>) -> Result<u32, SessionError> {
    let mut token = HANDLE::default();
    // SAFETY: the token is owned at once.
    unsafe { WTSQueryUserToken(person.number, &mut token) }.map_err(refused)?;
    let token = owned(token);
    if is_service(&token) {
        return Err(SessionError::Refused { why: "the session belongs to a service, not to a person".to_owned() });
    }
    // SAFETY: the command line lives as long as the process and ends with NUL.
    let line = unsafe { GetCommandLineW().as_wide().to_vec() };
    start(&token, line, given, &mut std::io::stdout(), &mut std::io::stderr())
}

fn refused(error: impl std::fmt::Display) -> SessionError {
    SessionError::Refused { why: error.to_string() }
}

/// Starts this program with this command line as the token's user, in the token's session, and waits for its end. What it
/// prints comes back through pipes: no handle of ours but standard input goes into a process of that user.
fn start(
    token: &OwnedHandle,
    line: Vec<u16>,
    given: Option<&[u8]>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> Result<u32, SessionError> {
    let (out_reader, out_writer) = std::io::pipe().map_err(refused)?;
    let (err_reader, err_writer) = std::io::pipe().map_err(refused)?;
    let (input, feed) = match given {
        None => (input()?, None),
        Some(bytes) => {
            let (reader, writer) = std::io::pipe().map_err(refused)?;
            (OwnedHandle::from(reader), Some((writer, bytes)))
        }
    };
    let process = create(token, line, [raw(&input), raw(&out_writer), raw(&err_writer)])?;
    // Ours must be closed, or the pipes would never end.
    drop((out_writer, err_writer, input));
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(out_reader, out));
        // Closed when it is written: that is where the other side's input ends.
        scope.spawn(move || feed.map(|(mut writer, bytes)| writer.write_all(bytes)));
        pass_on(err_reader, err);
    });
    exit_code(&process)
}

/// The new process, which gets these as standard input, output and error, and no other handle.
fn create(token: &OwnedHandle, mut line: Vec<u16>, handles: [HANDLE; 3]) -> Result<OwnedHandle, SessionError> {
    let program = HSTRING::from(std::env::current_exe().map_err(refused)?.as_os_str());
    line.push(0);
    make_inheritable(handles)?;
    let environment = Environment::of(token)?;
    let mut only = OnlyThese::new(handles)?;
    let mut desktop: Vec<u16> = "winsta0\\default\0".encode_utf16().collect();
    let startup = startup(&mut only, &mut desktop, handles);
    let mut started = PROCESS_INFORMATION::default();
    // SAFETY: everything that is pointed to outlives the call; the command line may be written to.
    unsafe {
        CreateProcessAsUserW(
            Some(raw(token)),
            &program,
            Some(PWSTR(line.as_mut_ptr())),
            None,
            None,
            true,
            CREATE_UNICODE_ENVIRONMENT | CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT,
            Some(environment.0),
            PCWSTR::null(),
            &raw const startup.StartupInfo,
            &mut started,
        )
    }
    .map_err(refused)?;
    drop(owned(started.hThread));
    Ok(owned(started.hProcess))
}

fn make_inheritable(handles: [HANDLE; 3]) -> Result<(), SessionError> {
    for handle in handles {
        // SAFETY: all three are open and ours.
        unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT.0, HANDLE_FLAG_INHERIT) }.map_err(refused)?;
    }
    Ok(())
}

/// Points to the list and to the desktop's name, which ends with NUL: both have to outlive it.
fn startup(only: &mut OnlyThese, desktop: &mut [u16], handles: [HANDLE; 3]) -> STARTUPINFOEXW {
    let mut startup = STARTUPINFOEXW::default();
    startup.StartupInfo.cb = u32::try_from(size_of::<STARTUPINFOEXW>()).unwrap_or_default();
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.lpDesktop = PWSTR(desktop.as_mut_ptr());
    [startup.StartupInfo.hStdInput, startup.StartupInfo.hStdOutput, startup.StartupInfo.hStdError] = handles;
    startup.lpAttributeList = only.list();
    startup
}

/// Waits for the end.
fn exit_code(process: &OwnedHandle) -> Result<u32, SessionError> {
    let mut code = 0;
    // SAFETY: the process's handle is open.
    unsafe {
        WaitForSingleObject(raw(process), INFINITE);
        GetExitCodeProcess(raw(process), &mut code).map_err(refused)?;
    }
    Ok(code)
}

/// Until the other side is closed. That nobody reads what we print is no reason to leave the other side stuck.
fn pass_on(mut from: PipeReader, to: &mut (dyn Write + Send)) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let _ = to.write_all(&buffer[..length]).and_then(|()| to.flush());
    }
}

/// Our standard input, if it is a file or a pipe (passwords come that way), else one that is at its end.
fn input() -> Result<OwnedHandle, SessionError> {
    // SAFETY: looks at our own handles and copies one.
    unsafe {
        if let Ok(handle) = GetStdHandle(STD_INPUT_HANDLE)
            && !handle.is_invalid()
            && matches!(GetFileType(handle), FILE_TYPE_DISK | FILE_TYPE_PIPE)
        {
            let (me, mut copy) = (GetCurrentProcess(), HANDLE::default());
            DuplicateHandle(me, handle, me, &mut copy, 0, true, DUPLICATE_SAME_ACCESS).map_err(refused)?;
            return Ok(owned(copy));
        }
    }
    let (reader, writer) = std::io::pipe().map_err(refused)?;
    drop::<PipeWriter>(writer);
    Ok(reader.into())
}

/// The variables of the token's user.
struct Environment(*const c_void);

impl Environment {
    fn of(token: &OwnedHandle) -> Result<Self, SessionError> {
        let mut block = std::ptr::null_mut();
        // SAFETY: the block is freed when this is dropped.
        unsafe { CreateEnvironmentBlock(&mut block, Some(raw(token)), false) }.map_err(refused)?;
        Ok(Self(block))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: made by CreateEnvironmentBlock, freed once.
        let _ = unsafe { DestroyEnvironmentBlock(self.0) };
    }
}

/// The handles that the new process gets, and no other that happens to be inheritable.
struct OnlyThese {
    list: Vec<u64>,
    _handles: Box<[HANDLE; 3]>,
}

impl OnlyThese {
    fn new(handles: [HANDLE; 3]) -> Result<Self, SessionError> {
        let handles = Box::new(handles);
        let mut size = 0;
        // SAFETY: the first call only tells the size; the list has it, and the handles live as long as the list.
        unsafe {
            let _ = InitializeProcThreadAttributeList(None, 1, None, &mut size);
            let mut list = vec![0_u64; size.div_ceil(8)];
            let place = LPPROC_THREAD_ATTRIBUTE_LIST(list.as_mut_ptr().cast());
            InitializeProcThreadAttributeList(Some(place), 1, None, &mut size).map_err(refused)?;
            let mut only = Self { list, _handles: handles };
            let attribute = PROC_THREAD_ATTRIBUTE_HANDLE_LIST as usize;
            let value = Some(only._handles.as_ptr().cast::<c_void>());
            UpdateProcThreadAttribute(only.list(), 0, attribute, value, size_of::<[HANDLE; 3]>(), None, None)
                .map_err(refused)?;
            Ok(only)
        }
    }

    fn list(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        LPPROC_THREAD_ATTRIBUTE_LIST(self.list.as_mut_ptr().cast())
    }
}

impl Drop for OnlyThese {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`.
        unsafe { DeleteProcThreadAttributeList(self.list()) };
    }
}

#[cfg(test)]
mod tests {
    use windows::Win32::Security::TOKEN_ALL_ACCESS;

    use super::*;

    /// The child of the test below.
    #[test]
    fn child_that_was_handed_over() {
        if std::env::args().any(|argument| argument == "--exact") && std::env::args().any(|argument| argument == "a b")
        {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).unwrap();
            print!("in the other session: {line}");
            eprintln!("and its errors");
            std::process::exit(6);
        }
    }

    /// As far as it goes without being SYSTEM: with our own token in place of the one that only SYSTEM gets.
    #[test]
    fn the_command_runs_with_a_token_and_its_output_and_exit_code_come_back() {
        let mut token = HANDLE::default();
        unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &mut token) }.unwrap();
        let token = owned(token);
        assert!(!is_service(&token));
        let line = "port26 --exact session::windows::tests::child_that_was_handed_over \"a b\" --nocapture";
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let given = Some(b"this and no other\n".as_slice());
        let code = start(&token, line.encode_utf16().collect(), given, &mut out, &mut err).unwrap();
        let (out, err) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
        assert_eq!(code, 6, "{out}{err}");
        assert!(out.contains("in the other session: this and no other"), "{out}");
        assert!(err.contains("and its errors"), "{err}");
    }
}
