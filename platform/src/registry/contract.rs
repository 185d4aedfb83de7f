//! What every registry must do, as one test that runs on each of them.

use super::{Registry, RegistryError, Value, ValueKind, ValueWrite};

/// Checks a registry. `base` is a key that exists and has no values; the caller has made in it `Alpha` and
/// `Beta\Gamma`, without values and in this order. It is left as it was found. Panics with what is wrong.
pub fn check(registry: &dyn Registry, base: &str) {
    let (alpha, missing) = (format!("{base}\\Alpha"), format!("{base}\\Missing"));
    keys(registry, base);
    every_kind(registry, &alpha);
    names(registry, &alpha);
    all_or_none(registry, &alpha, &missing);
    assert_eq!(must(registry.values(&alpha)), [], "the check left something behind");
    assert!(!must(registry.has_key(&missing)), "writing made a key");
}

fn keys(registry: &dyn Registry, base: &str) {
    assert!(must(registry.has_key("")), "the root is there");
    assert!(must(registry.has_key(base)));
    assert!(must(registry.has_key(&base.to_uppercase())), "keys are found without regard to case");
    assert!(!must(registry.has_key(&format!("{base}\\Alph"))));
    assert!(must(registry.has_key(&format!("{base}\\beta\\GAMMA"))));
    assert_eq!(must(registry.subkeys(base)), ["Alpha", "Beta"]);
    assert_eq!(must(registry.subkeys(&format!("{base}\\BETA"))), ["Gamma"]);
    let missing = format!("{base}\\Missing");
    assert_eq!(must(registry.subkeys(&missing)), [""; 0]);
    assert_eq!(must(registry.values(&missing)), []);
    assert_eq!(must(registry.value(&missing, "x")), None);
    assert_eq!(must(registry.value(base, "x")), None);
}

fn every_kind(registry: &dyn Registry, key: &str) {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let samples = [
        Value::dword(26),
        Value::dword(u32::MAX),
        Value::sz("smtp.hosting.test"),
        Value::sz(""),
        Value::sz("C:\\mail \"quoted\" \u{e4}\u{20ac}\u{1f4ee}; =[x]"),
        Value::sz("two\r\nlines"),
        Value::text_in_binary("smtp.hosting.test"),
        Value { kind: ValueKind::Sz, data: utf16("no closing NUL") },
        Value { kind: ValueKind::Sz, data: vec![] },
        Value { kind: ValueKind::Binary, data: vec![] },
        Value { kind: ValueKind::Binary, data: (0..=255).collect() },
        Value { kind: ValueKind::ExpandSz, data: utf16("%APPDATA%\\mail\0") },
        Value { kind: ValueKind::MultiSz, data: utf16("one\0two\0\0") },
        Value { kind: ValueKind::Qword, data: 26_u64.to_le_bytes().to_vec() },
        Value { kind: ValueKind::Other(0), data: vec![1, 2, 3] },
    ];
    for sample in &samples {
        put(registry, key, "Sample", Some(sample));
        assert_eq!(must(registry.value(key, "Sample")).as_ref(), Some(sample));
        assert_eq!(must(registry.values(key)), [("Sample".to_owned(), sample.clone())]);
    }
    put(registry, key, "Sample", None);
    assert_eq!(must(registry.value(key, "Sample")), None);
    put(registry, key, "Sample", None);
}

fn names(registry: &dyn Registry, key: &str) {
    put(registry, key, "SMTP Port", Some(&Value::dword(25)));
    put(registry, &key.to_lowercase(), "smtp port", Some(&Value::dword(26)));
    assert_eq!(must(registry.value(key, "SMTP PORT")), Some(Value::dword(26)));
    assert_eq!(
        must(registry.values(key)),
        [("SMTP Port".to_owned(), Value::dword(26))],
        "a name keeps its first spelling"
    );
    put(registry, key, "", Some(&Value::sz("the default value")));
    assert_eq!(must(registry.value(key, "")), Some(Value::sz("the default value")));
    put(registry, key, "with \\ and \"", Some(&Value::dword(1)));
    assert_eq!(must(registry.value(key, "with \\ and \"")), Some(Value::dword(1)));
    assert_eq!(must(registry.values(key)).len(), 3);
    for name in ["smtp PORT", "", "WITH \\ and \""] {
        put(registry, key, name, None);
    }
}

fn all_or_none(registry: &dyn Registry, key: &str, missing: &str) {
    put(registry, key, "Kept", Some(&Value::dword(25)));
    let write = |key: &str, value: &str, content| ValueWrite { key: key.to_owned(), value: value.to_owned(), content };
    let writes = [
        write(key, "Kept", Some(Value::dword(26))),
        write(key, "New", Some(Value::dword(1))),
        write(missing, "Port", Some(Value::dword(26))),
    ];
    assert!(registry.write(&writes).is_err(), "a write to a key that is not there must fail");
    assert_eq!(must(registry.values(key)), [("Kept".to_owned(), Value::dword(25))], "nothing is written if one fails");
    must(registry.write(&writes[..2]));
    assert_eq!(must(registry.value(key, "Kept")), Some(Value::dword(26)));
    assert_eq!(must(registry.value(key, "New")), Some(Value::dword(1)));
    must(registry.write(&[write(key, "Kept", None), write(key, "New", None)]));
}

fn put(registry: &dyn Registry, key: &str, name: &str, content: Option<&Value>) {
    must(registry.write(&[ValueWrite { key: key.to_owned(), value: name.to_owned(), content: content.cloned() }]));
}

fn must<T>(result: Result<T, RegistryError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
