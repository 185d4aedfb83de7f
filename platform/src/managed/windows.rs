//! Windows: `HKEY_CURRENT_USER` and `HKEY_LOCAL_MACHINE`. Only administrators may write below `Software\Policies`.

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE, Type, Value};

use super::{ManagedKey, ManagedValue};

pub(super) fn policy_keys(name: &str) -> Vec<ManagedKey> {
    [("HKCU", CURRENT_USER), ("HKLM", LOCAL_MACHINE)]
        .into_iter()
        .filter_map(|(short, root)| {
            let path = format!("Software\\Policies\\{name}");
            let key = root.options().read().open(&path).ok()?;
            let values = key.values().ok()?.map(|(name, value)| {
                let value = managed(&key, &name, &value);
                (name, value)
            });
            Some(ManagedKey { place: format!("{short}\\{path}"), values: values.collect() })
        })
        .collect()
}

fn managed(key: &Key, name: &str, value: &Value) -> ManagedValue {
    let read = match value.ty() {
        Type::U32 | Type::U64 => key.get_u64(name).map(ManagedValue::Number),
        Type::String | Type::ExpandString => key.get_string(name).map(ManagedValue::Text),
        Type::MultiString => key.get_multi_string(name).map(ManagedValue::List),
        _ => return ManagedValue::Other,
    };
    read.unwrap_or(ManagedValue::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy key of the test's own, removed even if the test fails.
    struct ThrowAway(String);

    impl Drop for ThrowAway {
        fn drop(&mut self) {
            let _ = CURRENT_USER.remove_tree(&self.0);
        }
    }

    #[test]
    fn every_type_is_read() {
        let name = format!("port26-test-{}", std::process::id());
        let path = ThrowAway(format!("Software\\Policies\\{name}"));
        let key = CURRENT_USER.create(&path.0).unwrap();
        key.set_string("mode", "test").unwrap();
        key.set_u32("send_test", 1).unwrap();
        key.set_multi_string("host_allow_list", &["a.test", "b.test"]).unwrap();
        key.set_bytes("odd", Type::Bytes, &[1]).unwrap();
        let found = policy_keys(&name);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, format!("HKCU\\{}", path.0));
        let value = |name: &str| found[0].values.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(value("mode"), ManagedValue::Text("test".into()));
        assert_eq!(value("send_test"), ManagedValue::Number(1));
        assert_eq!(value("host_allow_list"), ManagedValue::List(vec!["a.test".into(), "b.test".into()]));
        assert_eq!(value("odd"), ManagedValue::Other);
    }
}
