//! Is classic Outlook installed, which version and edition, 32 or 64 bits, and how? Asked in the way Microsoft describes:
//! `Outlook.Application\CurVer` and its server, App Paths, `Clients\Mail`; the details from Click-to-Run's configuration
//! or from Windows Installer's products. Office registers as a whole, so a product that could hold Outlook is no sign.

use port26_platform::computer::Computer;
use port26_platform::programs::{Entry, Place, Programs, Scope, program_of};

use crate::clients::installed::program::{InstalledBy, Program, bits_of, is_there, registered};

const FILE: &str = "OUTLOOK.EXE";
const CLICK_TO_RUN: &str = r"Software\Microsoft\Office\ClickToRun\Configuration";

/// In a product code of Office, `{9vv00000-00pp-llll-b000-0000000FF1CE}`, the product that is Outlook itself.
const OUTLOOK_PART: &str = "-001A-";

/// At most one: classic Outlook cannot be installed twice.
pub(in crate::clients) fn programs(computer: &Computer, programs: &Programs<'_>, entries: &[Entry]) -> Vec<Program> {
    let look = Look { programs, entries };
    let Some(sign) = look.sign() else { return Vec::new() };
    let program = look.by_click_to_run(&sign).or_else(|| look.by_windows_installer(&sign));
    let mut program = program.unwrap_or_else(|| look.by_sign_alone(&sign));
    program.running = !computer.processes.running(&["outlook"]).is_empty();
    vec![program]
}

/// What shows that it is there.
struct Sign {
    place: Place,
    path: Option<String>,
    /// `16` of `Outlook.Application.16`.
    major: Option<String>,
    /// As its registered server or its file tells.
    bits: Option<u8>,
}

struct Look<'a> {
    programs: &'a Programs<'a>,
    entries: &'a [Entry],
}

impl Look<'_> {
    fn sign(&self) -> Option<Sign> {
        let places = self.programs.places();
        let current = places.iter().find_map(|&place| {
            let version = self.programs.text(place, r"Software\Classes\Outlook.Application\CurVer", "")?;
            Some((place, version))
        });
        let major = current.as_ref().and_then(|(_, version)| version.rsplit('.').next()).map(str::to_owned);
        let major = major.filter(|major| major.bytes().all(|byte| byte.is_ascii_digit()));
        let served = places.iter().find_map(|&place| Some((place, self.server(place)?)));
        let registered = registered(self.programs, &[FILE], &["Microsoft Outlook"]).into_iter();
        let mut paths = served.clone().into_iter().chain(registered).filter(|(_, path)| is_there(self.programs, path));
        if let Some((place, path)) = paths.next() {
            // Only the view that has the server is of the server's own kind; other keys are shared by both.
            let by_view = served.filter(|(_, server)| *server == path).and_then(|(place, _)| self.programs.bits(place));
            let bits = bits_of(self.programs, &path).or(by_view);
            return Some(Sign { place, path: Some(path), major, bits });
        }
        // On another machine a registration without a path says as much; on this one its program would be there.
        let (place, _) = current.filter(|_| self.programs.here(FILE).is_none())?;
        Some(Sign { place, path: None, major, bits: None })
    }

    /// The program that answers for `Outlook.Application`.
    fn server(&self, place: Place) -> Option<String> {
        let class = self
            .programs
            .places()
            .into_iter()
            .find_map(|place| self.programs.text(place, r"Software\Classes\Outlook.Application\CLSID", ""))?;
        let command = self.programs.text(place, &format!(r"Software\Classes\CLSID\{class}\LocalServer32"), "")?;
        program_of(&command)
    }

    fn by_click_to_run(&self, sign: &Sign) -> Option<Program> {
        let text = |name: &str| {
            let mut places = self.programs.places().into_iter();
            places.find_map(|place| self.programs.text(place, CLICK_TO_RUN, name))
        };
        let products = text("ProductReleaseIds")?;
        // An older Outlook from an MSI beside a Click-to-Run without Outlook.
        let has_outlook = products.split(',').any(|product| {
            let excluded = text(&format!("{}.ExcludedApps", product.trim())).unwrap_or_default();
            !excluded.split(',').any(|app| app.trim().eq_ignore_ascii_case("outlook"))
        });
        let version = text("VersionToReport").or_else(|| text("ClientVersionToReport"));
        let same_major = match (&version, &sign.major) {
            (Some(version), Some(major)) => version.split('.').next() == Some(major),
            _ => true,
        };
        if !has_outlook || !same_major {
            return None;
        }
        let bits = match text("Platform").as_deref() {
            Some("x86") => Some(32),
            Some("x64" | "arm64") => Some(64),
            _ => sign.bits,
        };
        let below = || {
            let (folder, major) = (text("InstallationPath")?, version.as_deref()?.split('.').next()?);
            Some(format!(r"{}\root\Office{major}\{FILE}", folder.trim_end_matches('\\')))
        };
        let path = sign.path.clone().or_else(below);
        Some(Program {
            name: "Microsoft Outlook".to_owned(),
            version,
            bits,
            edition: Some(products),
            installed_by: InstalledBy::ClickToRun,
            installed_for: Scope::Machine,
            path,
            running: false,
        })
    }

    fn by_windows_installer(&self, sign: &Sign) -> Option<Program> {
        let of_office = |entry: &&Entry| {
            let key = entry.key.to_ascii_uppercase();
            key.ends_with("-0000000FF1CE}") && key.contains(OUTLOOK_PART)
        };
        let of_version = |entry: &&Entry| {
            let major = entry.version.as_deref().and_then(|version| version.split('.').next());
            sign.major.is_none() || major == sign.major.as_deref()
        };
        let part = self.entries.iter().filter(of_office).find(of_version)?;
        // The fourth group begins with 1 where the product has 64 bits.
        let bits = part.key.split('-').nth(3).and_then(|group| match group.as_bytes().first() {
            Some(b'0') => Some(32),
            Some(b'1') => Some(64),
            _ => None,
        });
        Some(Program {
            name: part.name.clone(),
            version: part.version.clone(),
            bits: bits.or(sign.bits),
            edition: self.suite(part),
            installed_by: InstalledBy::WindowsInstaller,
            installed_for: part.place.scope(),
            path: sign.path.clone(),
            running: false,
        })
    }

    /// The suite it came with: the entry that is not a part, such as `Office14.STANDARD`, of the same version.
    fn suite(&self, part: &Entry) -> Option<String> {
        let major =
            |entry: &Entry| entry.version.as_deref().and_then(|version| version.split('.').next().map(str::to_owned));
        let is_suite = |entry: &&Entry| {
            !entry.key.starts_with('{') && entry.name.starts_with("Microsoft Office") && major(entry) == major(part)
        };
        self.entries.iter().find(is_suite).map(|entry| entry.name.clone())
    }

    fn by_sign_alone(&self, sign: &Sign) -> Program {
        let key = sign.major.as_ref().map(|major| format!(r"Software\Microsoft\Office\{major}.0\Outlook"));
        let bitness = key.and_then(|key| {
            self.programs.places().into_iter().find_map(|place| self.programs.text(place, &key, "Bitness"))
        });
        let told = match bitness.as_deref() {
            Some("x86") => Some(32),
            Some("x64") => Some(64),
            _ => None,
        };
        Program {
            name: "Microsoft Outlook".to_owned(),
            version: sign.major.as_ref().map(|major| format!("{major}.0")),
            bits: sign.bits.or(told),
            edition: None,
            installed_by: InstalledBy::NotTold,
            installed_for: sign.place.scope(),
            path: sign.path.clone(),
            running: false,
        }
    }
}
