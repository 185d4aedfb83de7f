//! The range of TLS versions that a priority string of GnuTLS leaves (GnuTLS manual, "Priority Strings"). Only what changes
//! versions is read; a string that begins with anything but a set of today is not known.

use crate::tls_offer::TlsVersion;

/// Without all of one of these no handshake can be made, whatever versions are left.
const NEEDED: [&str; 5] = ["CIPHER-ALL", "KX-ALL", "MAC-ALL", "SIGN-ALL", "GROUP-ALL"];

/// The range; `None`: not known, no version is left, or those that are left are no range.
pub fn versions(priority: &str) -> Option<(TlsVersion, TlsVersion)> {
    let mut words = priority.trim().split(':');
    let mut allowed = match words.next()? {
        "NORMAL" | "PERFORMANCE" | "SECURE" | "SECURE128" | "SECURE192" | "SECURE256" | "PFS" | "LEGACY" => {
            TlsVersion::ALL.to_vec()
        }
        "NONE" => Vec::new(),
        _ => return None,
    };
    for word in words {
        let (sign, name) = word.split_at_checked(1)?;
        if sign != "+" && NEEDED.contains(&name) {
            return None;
        }
        let Some(name) = name.strip_prefix("VERS-") else { continue };
        let named: Vec<TlsVersion> = match name {
            "ALL" | "TLS-ALL" => TlsVersion::ALL.to_vec(),
            one => {
                let number = one.strip_prefix("TLS").map(|number| format!("TLSv{number}"));
                number.and_then(|number| TlsVersion::named(&number)).into_iter().collect()
            }
        };
        match sign {
            "+" => allowed.extend(named),
            "-" | "!" => allowed.retain(|version| !named.contains(version)),
            _ => return None,
        }
    }
    let (oldest, newest) = (allowed.iter().min().copied()?, allowed.iter().max().copied()?);
    let whole = TlsVersion::ALL.iter().filter(|one| (oldest..=newest).contains(one)).all(|one| allowed.contains(one));
    whole.then_some((oldest, newest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TlsVersion::{V1_0, V1_2, V1_3};

    #[test]
    fn only_versions_are_read() {
        assert_eq!(versions("NORMAL"), Some((V1_0, V1_3)));
        assert_eq!(versions("NORMAL:-VERS-TLS1.3:%COMPAT"), Some((V1_0, V1_2)));
        assert_eq!(versions("SECURE256:-VERS-ALL:+VERS-TLS1.2"), Some((V1_2, V1_2)));
        assert_eq!(versions("NORMAL:!VERS-TLS1.0:!VERS-TLS1.1"), Some((V1_2, V1_3)));
        assert_eq!(versions("NONE:+VERS-TLS1.0:+AES-128-CBC"), Some((V1_0, V1_0)));
        assert_eq!(versions("@SYSTEM"), None, "what the machine says is not known");
        assert_eq!(versions("NORMAL:-VERS-TLS-ALL"), None);
        assert_eq!(versions(""), None);
        assert_eq!(versions("NORMAL:-VERS-TLS1.2"), None, "a gap");
        assert_eq!(versions("NORMAL:-CIPHER-ALL"), None);
        assert_eq!(versions("NORMAL:-KX-ALL:-VERS-TLS1.3"), None);
    }
}
