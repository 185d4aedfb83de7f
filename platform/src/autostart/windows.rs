//! Windows: a value below the `Run` key. The system starts it at logon and never before.

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

use super::run_value::{APPROVED_KEY, KEY, is_approved, text};
use super::{AutostartError, Entry, Found, Names, Removed, Scope, Started};

pub(super) fn install(entry: &Entry) -> Result<Started, AutostartError> {
    let refused = refused(entry.names.name);
    let key = CURRENT_USER.create(KEY).map_err(&refused)?;
    key.set_string(entry.names.name, text(entry)?).map_err(&refused)?;
    // Whoever installs it wants it to start, also after it was switched off.
    if let Ok(approved) = CURRENT_USER.options().read().write().open(APPROVED_KEY) {
        let _ = approved.remove_value(entry.names.name);
    }
    Ok(Started::AtNextLogin { why: None })
}

pub(super) fn remove(names: &Names) -> Result<Removed, AutostartError> {
    let Ok(key) = CURRENT_USER.options().read().write().open(KEY) else { return Ok(Removed::Nothing) };
    if key.get_type(names.name).is_err() {
        return Ok(Removed::Nothing);
    }
    key.remove_value(names.name).map_err(refused(names.name))?;
    Ok(Removed::Gone)
}

pub(super) fn found(names: &Names) -> Result<Vec<Found>, AutostartError> {
    let roots = [("HKCU", CURRENT_USER, Scope::ThisUser), ("HKLM", LOCAL_MACHINE, Scope::AllUsers)];
    let one = |(short, root, scope): (&str, &Key, Scope)| {
        let command = root.options().read().open(KEY).ok()?.get_string(names.name).ok()?;
        let noted = root.options().read().open(APPROVED_KEY).and_then(|key| key.get_value(names.name)).ok();
        let enabled = is_approved(noted.as_ref().map(|value| &value[..]));
        Some(Found { scope, place: format!("{short}\\{KEY}\\{}", names.name), command, enabled })
    };
    Ok(roots.into_iter().filter_map(one).collect())
}

fn refused<E: std::fmt::Display>(name: &str) -> impl Fn(E) -> AutostartError {
    let place = format!("HKCU\\{KEY}\\{name}");
    move |error| AutostartError::Registry { place: place.clone(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Removed even if the test fails.
    struct ThrowAway(Names);

    impl Drop for ThrowAway {
        fn drop(&mut self) {
            let _ = remove(&self.0);
        }
    }

    #[test]
    fn written_found_replaced_and_removed() {
        let name: &'static str = Box::leak(format!("port26-test-{}", std::process::id()).into_boxed_str());
        let mut entry = super::super::tests::sample();
        entry.names.name = name;
        entry.program = r"C:\Program Files\sample\sample.exe".into();
        let _gone_in_the_end = ThrowAway(entry.names);
        assert_eq!(found(&entry.names).unwrap(), []);
        assert_eq!(install(&entry).unwrap(), Started::AtNextLogin { why: None });
        entry.arguments.pop();
        install(&entry).unwrap();
        let there = found(&entry.names).unwrap();
        assert_eq!(there.len(), 1, "{there:?}");
        assert_eq!(there[0].command, r#""C:\Program Files\sample\sample.exe" agent run"#);
        assert_eq!((there[0].scope, there[0].enabled), (Scope::ThisUser, true));
        assert_eq!(there[0].place, format!("HKCU\\{KEY}\\{name}"));
        assert_eq!(remove(&entry.names).unwrap(), Removed::Gone);
        assert_eq!(remove(&entry.names).unwrap(), Removed::Nothing);
        assert_eq!(found(&entry.names).unwrap(), []);
    }
}
