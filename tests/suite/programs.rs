//! What Windows reads from the two programs before it starts them: version, icon, manifest. The programs are those of this
//! build, or those in the folder that `PORT26_PROGRAMS` names (the ones an MSI has installed).

use std::path::{Path, PathBuf};

use pelite::pe64::{Pe, PeFile};
use pelite::resources::version_info::Language;
use port26_platform::computer::Os;
use quick_xml::events::Event;

/// The programs to read, by name.
fn programs() -> [(&'static str, PathBuf); 2] {
    match std::env::var_os("PORT26_PROGRAMS") {
        Some(folder) => ["port26", "port26w"].map(|name| (name, Path::new(&folder).join(format!("{name}.exe")))),
        None => [
            ("port26", PathBuf::from(env!("CARGO_BIN_EXE_port26"))),
            ("port26w", PathBuf::from(env!("CARGO_BIN_EXE_port26w"))),
        ],
    }
}

/// Are they programs for Windows? Elsewhere nothing is built into them, and they are no PE files at all.
fn for_windows() -> bool {
    std::env::var_os("PORT26_PROGRAMS").is_some() || Os::here() == Os::Windows
}

#[test]
fn programs_for_windows_carry_what_windows_reads() {
    for (name, path) in programs() {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if for_windows() {
            let file = PeFile::from_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(file.resources().is_ok(), "nothing is built into {}", path.display());
            version(name, file);
            icon(name, file);
            manifest(name, file);
            subsystem(name, file);
        } else {
            assert!(PeFile::from_bytes(&bytes).is_err(), "{name} is a program for Windows, and this is not Windows");
        }
    }
}

fn version(name: &str, file: PeFile<'_>) {
    let info = file.resources().unwrap().version_info().unwrap_or_else(|error| panic!("{name}: no version: {error}"));
    let wanted = env!("CARGO_PKG_VERSION");
    let numbers: Vec<u16> = wanted.split(['.', '-', '+']).take(3).map(|part| part.parse::<u16>().unwrap()).collect();
    let fixed = info.fixed().unwrap();
    for told in [fixed.dwFileVersion, fixed.dwProductVersion] {
        assert_eq!(vec![told.Major, told.Minor, told.Patch], numbers, "{name}");
    }
    let english = Language { lang_id: 0x409, charset_id: 1200 };
    assert_eq!(info.translation().len(), 1, "{name}");
    let text = |key: &str| info.value(english, key).unwrap_or_else(|| panic!("{name} tells no {key}"));
    assert_eq!(text("ProductVersion"), wanted, "{name}");
    assert_eq!(text("FileVersion"), wanted, "{name}");
    assert_eq!(text("ProductName"), "port26", "{name}");
    assert_eq!(text("OriginalFilename"), format!("{name}.exe"));
    assert!(text("FileDescription").starts_with("port26"), "{name}: {}", text("FileDescription"));
}

/// The drawing in each size that Windows asks for, from the title bar (16) to large tiles (256).
fn icon(name: &str, file: PeFile<'_>) {
    let icons: Vec<_> = file.resources().unwrap().icons().collect::<Result<_, _>>().unwrap();
    assert_eq!(icons.len(), 1, "{name} has {} icons", icons.len());
    let mut written = Vec::new();
    icons[0].1.write(&mut written).unwrap();
    let drawn = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("installer/windows/port26.ico")).unwrap();
    assert_eq!(images(&written), images(&drawn), "{name} has another drawing than port26.ico");
    let widths: Vec<u8> = images(&drawn).into_iter().map(|(width, _)| width).collect();
    // a byte cannot say 256: that is written 0
    assert_eq!(widths, [16, 24, 32, 48, 0], "the sizes of port26.ico");
}

/// Width and image of each entry of an icon file.
fn images(file: &[u8]) -> Vec<(u8, &[u8])> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes([file[4], file[5]]));
    (0..count)
        .map(|nth| {
            let entry = 6 + nth * 16;
            let (len, at) = (number(entry + 8), number(entry + 12));
            (file[entry], &file[at..at + len])
        })
        .collect()
}

fn manifest(name: &str, file: PeFile<'_>) {
    let text = file.resources().unwrap().manifest().unwrap_or_else(|error| panic!("{name}: no manifest: {error}"));
    let told = elements(text);
    let says = |element: &str, what: &str| {
        let all: Vec<_> = told.iter().filter(|(known, _)| known == element).map(|(_, said)| said.as_str()).collect();
        assert!(all.iter().any(|said| said.contains(what)), "{name}: {element} says {all:?}, not {what}");
    };
    says("requestedExecutionLevel", r#"level="asInvoker""#);
    says("requestedExecutionLevel", r#"uiAccess="false""#);
    says("longPathAware", "true");
    says("activeCodePage", "UTF-8");
    says("dpiAwareness", "PerMonitorV2");
    says("assemblyIdentity", r#"name="Microsoft.Windows.Common-Controls""#);
    // Windows 10 and 11
    says("supportedOS", "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}");
}

/// Name of each element with its attributes and its text in one.
fn elements(xml: &str) -> Vec<(String, String)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut found: Vec<(String, String)> = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("the manifest is no XML: {error}")) {
            Event::Start(tag) | Event::Empty(tag) => {
                found.push((tag.local_name().as_ref().to_owned(), tag.attributes_raw().to_owned()));
            }
            Event::Text(text) => {
                if let Some((_, said)) = found.last_mut() {
                    said.push_str(&text);
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

/// One with a console, one without, so that no window flashes at logon.
fn subsystem(name: &str, file: PeFile<'_>) {
    // IMAGE_SUBSYSTEM_WINDOWS_GUI, IMAGE_SUBSYSTEM_WINDOWS_CUI
    let wanted = if name == "port26w" { 2 } else { 3 };
    assert_eq!(file.optional_header().Subsystem, wanted, "{name}");
}
