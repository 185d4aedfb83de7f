//! Whether a program file of Windows is of 32 or 64 bits, from its own header (PE, as Microsoft documents it).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// `None` if it is not there, cannot be read, or is no program.
pub fn bits_of_file(path: &Path) -> Option<u8> {
    bits(&mut File::open(path).ok()?)
}

fn bits(file: &mut (impl Read + Seek)) -> Option<u8> {
    let mut head = [0; 64];
    file.read_exact(&mut head).ok()?;
    if !head.starts_with(b"MZ") {
        return None;
    }
    let at = u32::from_le_bytes([head[60], head[61], head[62], head[63]]);
    file.seek(SeekFrom::Start(at.into())).ok()?;
    let mut signature = [0; 6];
    file.read_exact(&mut signature).ok()?;
    match (&signature[..4], u16::from_le_bytes([signature[4], signature[5]])) {
        // x64, ARM64
        (b"PE\0\0", 0x8664 | 0xAA64) => Some(64),
        // x86, ARM
        (b"PE\0\0", 0x014C | 0x01C4) => Some(32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn program(machine: u16) -> Vec<u8> {
        let mut bytes = b"MZ".to_vec();
        bytes.resize(60, 0);
        bytes.extend(128_u32.to_le_bytes());
        bytes.resize(128, 0);
        bytes.extend(b"PE\0\0");
        bytes.extend(machine.to_le_bytes());
        bytes
    }

    #[test]
    fn the_header_tells() {
        for (machine, expected) in [(0x8664, Some(64)), (0x014C, Some(32)), (0xAA64, Some(64)), (0x0200, None)] {
            assert_eq!(bits(&mut Cursor::new(program(machine))), expected, "{machine:x}");
        }
        for length in [0, 1, 63, 64, 100, 133] {
            assert_eq!(bits(&mut Cursor::new(&program(0x8664)[..length])), None, "{length}");
        }
        assert_eq!(bits_of_file(Path::new("/no/such/file.exe")), None);
    }

    #[test]
    fn this_very_program_on_windows() {
        let expected = (std::env::consts::OS == "windows").then_some(usize::BITS as u8);
        assert_eq!(bits_of_file(&std::env::current_exe().unwrap()), expected);
    }
}
