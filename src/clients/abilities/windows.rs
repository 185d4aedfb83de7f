//! What TLS the programs of Microsoft have on a Windows: they use the system's own (Schannel), whose versions its number and
//! a few values in its registry decide.

use port26_platform::computer::Computer;
use port26_platform::registry::{MachineRegistry, View};

use super::{Source, Told};
use crate::tls_offer::{TlsOffer, TlsVersion};

const VERSION: &str = r"Software\Microsoft\Windows NT\CurrentVersion";
const PROTOCOLS: &str = r"SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols";

/// Builds from which Schannel has TLS 1.2 switched on for clients (Windows 8), and Windows Vista, the first with AES and SNI.
const WINDOWS_8: u32 = 9200;
const VISTA: u32 = 6000;

const MICROSOFT: &str = "learn.microsoft.com: Protocols in TLS/SSL (Schannel SSP), TLS registry settings";

/// What Schannel of this computer offers as a client. Where the machine's registry is not known a Windows of today is
/// supposed, and said to be unverified. TLS 1.3, which programs must ask for, is left out.
pub fn schannel(computer: &Computer) -> Told<TlsOffer> {
    let Some((machine, build)) = computer.machine.as_deref().and_then(|machine| Some((machine, build(machine)?)))
    else {
        return Told::unverified(TlsOffer::SCHANNEL_10);
    };
    if build < VISTA {
        return Told::page(TlsOffer::SCHANNEL_XP, MICROSOFT);
    }
    let is_old = build < WINDOWS_8;
    let library = if is_old { TlsOffer::SCHANNEL_7_UPDATED } else { TlsOffer::SCHANNEL_10 };
    let by_default = |version| !is_old || version == TlsVersion::V1_0;
    let asked = [TlsVersion::V1_0, TlsVersion::V1_1, TlsVersion::V1_2];
    let set: Vec<_> = asked.into_iter().map(|version| (version, is_on(machine, version))).collect();
    let on = |(version, set): &(TlsVersion, Option<bool>)| set.unwrap_or(by_default(*version)).then_some(*version);
    let on: Vec<TlsVersion> = set.iter().filter_map(on).collect();
    // With every version off nothing of the system could connect: the values mean something else.
    let (Some(oldest), Some(newest)) = (on.iter().min().copied(), on.iter().max().copied()) else {
        return Told::unverified(library);
    };
    let offer = match is_old && newest == TlsVersion::V1_0 {
        true => TlsOffer::SCHANNEL_7,
        false => library.within(oldest, newest),
    };
    match set.iter().any(|(_, set)| set.is_some()) {
        true => Told { is: offer, by: Source::Setting("SCHANNEL\\Protocols of this computer") },
        false => Told::page(offer, MICROSOFT),
    }
}

/// The number of this Windows: 2600 is XP, 7601 is 7 with its service pack, 19045 is 10.
pub fn build(machine: &dyn MachineRegistry) -> Option<u32> {
    let value = |name| machine.value(View::Native, VERSION, name).ok().flatten()?.as_text();
    value("CurrentBuildNumber").or_else(|| value("CurrentBuild"))?.trim().parse().ok()
}

/// Is this version switched on or off for clients? `None`: nothing says so.
fn is_on(machine: &dyn MachineRegistry, version: TlsVersion) -> Option<bool> {
    let key = format!(r"{PROTOCOLS}\TLS {}\Client", version.number());
    let number = |name| machine.value(View::Native, &key, name).ok().flatten()?.as_dword();
    // "Off by default" is what programs meet that ask for nothing in particular.
    match (number("Enabled"), number("DisabledByDefault")) {
        (Some(0), _) => Some(false),
        (_, Some(off)) => Some(off == 0),
        (Some(_), None) => Some(true),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use port26_platform::computer::Os;
    use port26_platform::registry::MachineRegFile;

    use super::*;

    fn of(build: &str, values: &str) -> Told<TlsOffer> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("machine.reg");
        let text = format!(
            "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\r\n\
             \"CurrentBuildNumber\"=\"{build}\"\r\n\r\n{values}"
        );
        std::fs::write(&file, text).unwrap();
        let machine = MachineRegFile::open(&file).unwrap().unwrap();
        let computer = Computer::folder(dir.path(), Os::Windows, None);
        schannel(&computer.with_machine(Some(Arc::new(machine))))
    }

    fn client(version: &str, enabled: u32, off: u32) -> String {
        format!(
            "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS {version}\\Client]\r\n\
             \"Enabled\"=dword:{enabled:08x}\r\n\"DisabledByDefault\"=dword:{off:08x}\r\n\r\n"
        )
    }

    #[test]
    fn the_number_of_windows_says_it() {
        assert_eq!(of("2600", "").is, TlsOffer::SCHANNEL_XP);
        assert_eq!(of("6002", "").is, TlsOffer::SCHANNEL_7);
        assert_eq!(of("7601", "").is, TlsOffer::SCHANNEL_7);
        assert_eq!(of("9600", "").is, TlsOffer::SCHANNEL_10);
        assert_eq!(of("19045", "").is, TlsOffer::SCHANNEL_10);
        assert!(of("7601", "").is_verified());
        assert!(!of("not a number", "").is_verified());
        let unknown = schannel(&Computer::folder("/none", Os::Windows, None));
        assert_eq!(unknown, Told::unverified(TlsOffer::SCHANNEL_10));
    }

    #[test]
    fn the_values_of_the_machine_change_it() {
        let raised = of("7601", &client("1.2", 1, 0));
        assert_eq!((raised.is.oldest, raised.is.newest), (TlsVersion::V1_0, TlsVersion::V1_2));
        assert!(matches!(raised.by, Source::Setting(_)));
        let windows_10 = of("19045", &(client("1.0", 0, 1) + &client("1.1", 0, 1)));
        assert_eq!((windows_10.is.oldest, windows_10.is.newest), (TlsVersion::V1_2, TlsVersion::V1_2));
        // "Enabled" is written as 0xffffffff as well.
        assert_eq!(of("7601", &client("1.2", u32::MAX, 0)).is.newest, TlsVersion::V1_2);
        assert_eq!(of("7601", &client("1.2", 1, 1)).is, TlsOffer::SCHANNEL_7, "on, but not for who asks for nothing");
        let nothing = of("19045", &["1.0", "1.1", "1.2"].map(|version| client(version, 0, 1)).concat());
        assert!(!nothing.is_verified());
    }
}
