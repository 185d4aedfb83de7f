//! Names of packaged apps: `Name_Version_Architecture_Resource_Publisher`, as Windows forms a package's full name.

/// A packaged app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `Name_Publisher`: the same for all versions, and the name of its data folder.
    pub family: String,
    /// `1.2024.1009.100`
    pub version: String,
    /// `None`: for any processor.
    pub bits: Option<u8>,
}

impl Package {
    /// Reads a full name; `None` if it is none, or names only resources (languages, scales) of a package.
    pub fn of_full_name(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('_').collect();
        let [name, version, architecture, resource, publisher] = parts.as_slice() else { return None };
        let numbers = version.split('.').count() == 4 && version.split('.').all(|part| part.parse::<u16>().is_ok());
        if name.is_empty() || publisher.is_empty() || !numbers || !matches!(*resource, "" | "~" | "neutral") {
            return None;
        }
        let bits = match architecture.to_ascii_lowercase().as_str() {
            "x86" | "arm" => Some(32),
            "x64" | "arm64" => Some(64),
            _ => None,
        };
        Some(Self { family: format!("{name}_{publisher}"), version: (*version).to_owned(), bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_are_read() {
        let outlook = Package::of_full_name("Microsoft.OutlookForWindows_1.2024.1009.100_x64__8wekyb3d8bbwe").unwrap();
        assert_eq!(outlook.family, "Microsoft.OutlookForWindows_8wekyb3d8bbwe");
        assert_eq!((outlook.version.as_str(), outlook.bits), ("1.2024.1009.100", Some(64)));
        let bits = |name: &str| Package::of_full_name(name).map(|package| package.bits);
        assert_eq!(bits("a_1.0.0.0_x86__p"), Some(Some(32)));
        assert_eq!(bits("a_1.0.0.0_arm64__p"), Some(Some(64)));
        assert_eq!(bits("a_1.0.0.0_neutral_~_p"), Some(None));
        for no in [
            "",
            "a",
            "a_1.0.0.0_x64_p",
            "a_1.0.0_x64__p",
            "a_x_x64__p",
            "a_1.0.0.0_neutral_split.scale-100_p",
            "_1.0.0.0_x64__p",
        ] {
            assert_eq!(bits(no), None, "{no}");
        }
    }
}
