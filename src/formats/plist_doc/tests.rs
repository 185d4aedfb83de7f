//! Property lists, XML and binary, beside the `plist` crate: the same values read, only the span edited.

use plist::{Dictionary, Value};
use proptest::prelude::*;

use super::*;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<!-- kept -->\n<dict>\n\t<key>a/b~</key>\n\t<integer>0x1A</integer>\n\t<key>Servers</key>\n\t<array>\n\t\t<dict>\n\t\t\t<key>Port</key>\n\t\t\t<string>25</string>\n\t\t\t<key>id</key>\n\t\t\t<string>A &amp; B</string>\n\t\t</dict>\n\t\t<dict>\n\t\t\t<key>id</key>\n\t\t\t<string>C</string>\n\t\t</dict>\n\t\t<dict/>\n\t</array>\n</dict>\n</plist>\n";

fn binary(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Value {
    Value::from_reader(std::io::Cursor::new(bytes)).unwrap()
}

fn both() -> [Vec<u8>; 2] {
    [XML.as_bytes().to_vec(), binary(&read(XML.as_bytes()))]
}

#[test]
fn paths_lead_to_values_in_both_forms() {
    for bytes in both() {
        let doc = PlistDoc::parse(&bytes).unwrap();
        assert_eq!(doc.to_bytes(), bytes);
        assert_eq!(doc.scalar("a~1b~0").unwrap(), Some(Scalar::Integer(26)));
        assert_eq!(doc.get("Servers/#0/Port").unwrap().as_deref(), Some("<string>25</string>"));
        assert_eq!(doc.get("Servers/#id=A & B/Port").unwrap().as_deref(), Some("<string>25</string>"));
        assert_eq!(doc.get("Servers/#id=Z/Port").unwrap(), None);
        assert_eq!(doc.get("Servers/#9/Port").unwrap(), None);
        assert_eq!(doc.get("Nothing/at/all").unwrap(), None);
        assert_eq!(doc.count("Servers").unwrap(), Some(3));
        assert_eq!(path_segment("a/b~"), "a~1b~0");
        for name in ["Servers", "Servers/#0", "Servers/Port", "a~1b~0/x", "a~2", "Servers/#0/Port/x"] {
            assert!(matches!(doc.get(name), Err(FormatError::Refused { .. })), "{name}");
        }
    }
}

#[test]
fn an_xml_edit_changes_one_span_and_an_inserted_key_goes_away_again() {
    let mut doc = PlistDoc::parse(XML.as_bytes()).unwrap();
    doc.set("Servers/#id=A & B/Port", "<string>26</string>").unwrap();
    assert_eq!(doc.to_bytes(), XML.replace("<string>25<", "<string>26<").as_bytes());
    doc.set("Servers/#0/Port", "<string>25</string>").unwrap();
    doc.set("Servers/#1/Port", "<integer>26</integer>").unwrap();
    let text = String::from_utf8(doc.to_bytes()).unwrap();
    assert!(
        text.contains("<string>C</string>\n\t\t\t<key>Port</key>\n\t\t\t<integer>26</integer>\n\t\t</dict>"),
        "{text}"
    );
    doc.remove("Servers/#1/Port").unwrap();
    assert_eq!(doc.to_bytes(), XML.as_bytes());
    assert!(doc.set("Servers/#2/Port", "<true/>").is_err());
    assert!(doc.set("No/Port", "<true/>").is_err());
    assert_eq!(doc.to_bytes(), XML.as_bytes());
}

#[test]
fn utf16_and_byte_order_marks_stay() {
    let utf16: Vec<u8> = [0xfe, 0xff].into_iter().chain(XML.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    for bytes in [utf16, ["\u{feff}", &XML.replace('\n', "\r\n")].concat().into_bytes()] {
        let mut doc = PlistDoc::parse(&bytes).unwrap();
        doc.set("Servers/#1/Port", "<true/>").unwrap();
        doc.remove("Servers/#1/Port").unwrap();
        assert_eq!(doc.to_bytes(), bytes);
    }
}

/// `[{p: "25"}, {p: "25"}, D, D]`, where the text and `D = {q: "25"}` are one object each.
fn shared() -> Vec<u8> {
    packed(&[b"\xa4\x01\x02\x03\x03", b"\xd1\x04\x06", b"\xd1\x04\x06", b"\xd1\x05\x06", b"\x51p", b"\x51q", b"\x5225"])
}

/// A file of these objects, the first of which is the top.
fn packed(objects: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut table = Vec::new();
    for object in objects {
        table.push(bytes.len() as u8);
        bytes.extend(*object);
    }
    let at = bytes.len() as u64;
    bytes.extend(table);
    bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    bytes.extend([objects.len() as u64, 0, at].map(u64::to_be_bytes).concat());
    bytes
}

/// `[D, D]` with `D = {p: {q: "25"}}`: what is used once, inside what is used twice.
#[test]
fn what_is_inside_of_something_shared_is_shared() {
    let bytes = packed(&[b"\xa2\x01\x01", b"\xd1\x02\x03", b"\x51p", b"\xd1\x04\x05", b"\x51q", b"\x5225"]);
    type Edit = fn(&mut PlistDoc) -> Result<(), FormatError>;
    let edits: [Edit; 3] = [
        |doc| doc.set("#0/p/q", "<string>26</string>"),
        |doc| doc.set("#0/p/new", "<true/>"),
        |doc| doc.remove("#0/p/q"),
    ];
    for edit in edits {
        let mut doc = PlistDoc::parse(&bytes).unwrap();
        edit(&mut doc).unwrap();
        let items = read(&doc.to_bytes()).into_array().unwrap();
        assert_ne!(items[0], items[1]);
        assert_eq!(items[1], read(&bytes).into_array().unwrap()[1]);
    }
}

#[test]
fn what_others_share_stays_as_it_is_for_them() {
    let bytes = shared();
    let area = bytes.len() - 32 - 7;
    let mut doc = PlistDoc::parse(&bytes).unwrap();
    doc.set("#0/p", "<string>26</string>").unwrap();
    doc.set("#2/q", "<integer>26</integer>").unwrap();
    doc.set("#3/new", "<true/>").unwrap();
    let after = doc.to_bytes();
    assert_eq!(after[..area], bytes[..area]);
    let seen: Vec<Option<String>> =
        ["#0/p", "#1/p", "#2/q", "#3/q", "#3/new", "#2/new"].iter().map(|name| doc.get(name).unwrap()).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            text("<string>26</string>"),
            text("<string>25</string>"),
            text("<integer>26</integer>"),
            text("<string>25</string>"),
            text("<true/>"),
            None
        ]
    );
    let items = read(&after).into_array().unwrap();
    assert_eq!(items[1].as_dictionary().unwrap()["p"], Value::from("25"));
    assert_eq!(items[2].as_dictionary().unwrap()["q"], Value::from(26));
    assert_eq!(PlistDoc::parse(&after).unwrap().to_bytes(), after);
}

#[test]
fn references_and_offsets_grow() {
    for strings in [250, 254, 255, 256, 300] {
        let mut dict = Dictionary::new();
        dict.insert("inner".into(), Value::Dictionary(Dictionary::from_iter([("a", Value::from("b"))])));
        dict.insert("list".into(), Value::Array((0..strings - 7).map(|n| Value::from(format!("{n}"))).collect()));
        let mut expected = Value::Dictionary(dict);
        let bytes = binary(&expected);
        let mut doc = PlistDoc::parse(&bytes).unwrap();
        for n in 0..12 {
            doc.set(&format!("inner/k{n}"), &format!("<integer>{n}</integer>")).unwrap();
            let inner = expected.as_dictionary_mut().unwrap().get_mut("inner").unwrap().as_dictionary_mut().unwrap();
            inner.insert(format!("k{n}"), Value::from(n));
            let after = doc.to_bytes();
            assert_eq!(read(&after), expected, "{strings} {n}");
            let (count, refs) = (after[after.len() - 17], after[after.len() - 25]);
            let count = usize::from(after[after.len() - 18]) << 8 | usize::from(count);
            assert!(refs == 2 || count < 256, "{count} objects with references of one byte");
        }
    }
}

#[test]
fn offsets_reach_past_the_objects_as_apple_wants_it() {
    let start = binary(&Value::Dictionary(Dictionary::from_iter([("a", Value::from("b"))])));
    let mut ends = Vec::new();
    for length in 200..260 {
        let mut doc = PlistDoc::parse(&start).unwrap();
        let text = "x".repeat(length);
        doc.set("a", &format!("<string>{text}</string>")).unwrap();
        let after = doc.to_bytes();
        let table = u64::from_be_bytes(after[after.len() - 8..].try_into().unwrap());
        let width = after[after.len() - 26];
        // Apple's reader refuses a table at 256 with offsets of one byte.
        assert_eq!(width, if table < 256 { 1 } else { 2 }, "table at {table}");
        assert_eq!(read(&after).as_dictionary().unwrap()["a"], Value::from(text));
        ends.push(table);
    }
    assert!(ends.contains(&255) && ends.contains(&256));
}

#[test]
fn hostile_binary_files_are_refused() {
    let good = shared();
    let n = good.len();
    let broken = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let cases = [
        ("inside itself", broken(9, 0)),
        ("no such object", broken(9, 7)),
        ("offset outside", broken(n - 39, 200)),
        ("offset in the header", broken(n - 39, 2)),
        ("offset size 0", broken(n - 26, 0)),
        ("reference size 9", broken(n - 25, 9)),
        ("huge count", broken(n - 24, 0xff)),
        ("top outside", broken(n - 9, 7)),
        ("table elsewhere", broken(n - 1, 9)),
        ("array too long", broken(8, 0xaf)),
        ("key is no text", broken(14, 0)),
        ("unknown object", broken(8, 0x70)),
        ("cut", good[..n - 1].to_vec()),
        ("short", good[..20].to_vec()),
    ];
    for (what, bytes) in cases {
        assert!(matches!(PlistDoc::parse(&bytes), Err(FormatError::Malformed { .. })), "{what}");
    }
}

#[test]
fn many_arrays_in_one_place_do_not_blow_up() {
    // 60 000 objects that are all the same array of 30 000 references, and a tower of arrays that double.
    let mut area = b"bplist00\xaf\x12".to_vec();
    area.extend(30_000_u32.to_be_bytes());
    for n in 0..30_000_u16 {
        area.extend((n + 1).to_be_bytes());
    }
    let at = area.len() as u64;
    for _ in 0..60_000 {
        area.extend([0, 8]);
    }
    area.extend([0, 0, 0, 0, 0, 0, 2, 2]);
    area.extend([60_000, 0, at].map(u64::to_be_bytes).concat());
    assert!(PlistDoc::parse(&area).is_err());

    let mut bytes = b"bplist00".to_vec();
    for n in 0..60_u8 {
        bytes.extend([0xa2, n + 1, n + 1]);
    }
    bytes.extend(b"\x51x");
    let at = bytes.len() as u64;
    bytes.extend((0..61).map(|n| 8 + 3 * n as u8));
    bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    bytes.extend([61, 0, at].map(u64::to_be_bytes).concat());
    let mut doc = PlistDoc::parse(&bytes).unwrap();
    let deep = vec!["#1"; 60].join("/");
    assert_eq!(doc.get(&deep).unwrap().as_deref(), Some("<string>x</string>"));
    doc.set(&deep, "<string>y</string>").unwrap();
    assert_eq!(doc.get(&deep).unwrap().as_deref(), Some("<string>y</string>"));
    assert_eq!(doc.get(&vec!["#0"; 60].join("/")).unwrap().as_deref(), Some("<string>x</string>"));
}

#[test]
fn broken_xml_is_malformed() {
    for text in [
        "",
        "x",
        "<plist/>",
        "<plist><dict/><dict/></plist>",
        "<dict/>",
        "<plist><dict><key>a</key></dict></plist>",
        "<plist><dict><string>a</string><string>b</string></dict></plist>",
        "<plist><dict>text</dict></plist>",
        "<plist><array><key>a</key></array></plist>",
        "<plist><key>a</key></plist>",
        "<plist><set/></plist>",
        "<plist><dict><key>a</key><string>x</dict></plist>",
        "<plist><string><true/></string></plist>",
    ] {
        assert!(matches!(PlistDoc::parse(text.as_bytes()), Err(FormatError::Malformed { .. })), "{text}");
    }
    let twice = "<plist><dict><key>a</key><true/><key>a</key><false/></dict></plist>";
    assert!(matches!(PlistDoc::parse(twice.as_bytes()).unwrap().get("a"), Err(FormatError::Refused { .. })));
}

#[test]
fn plain_values_survive_being_text() {
    for raw in [
        "<string>&lt;&amp; é</string>",
        "<integer>-5</integer>",
        "<real>1.5</real>",
        "<true/>",
        "<false/>",
        "<date>2013-05-01T10:20:30Z</date>",
        "<date>1999-12-31T23:59:59Z</date>",
        "<data>AAEC</data>",
        "<integer>18446744073709551615</integer>",
    ] {
        assert_eq!(Scalar::from_raw("x", raw).unwrap().to_raw().as_deref(), Some(raw));
    }
    for raw in [
        "26",
        "<integer>x</integer>",
        "<integer>--5</integer>",
        "<string>a</string> ",
        "<dict/>",
        "<true>x</true>",
        "<date>2013</date>",
        "<data>*</data>",
        "<string>\u{1}</string>",
        "<string><b/></string>",
        "",
    ] {
        assert!(Scalar::from_raw("x", raw).is_err(), "{raw}");
    }
    assert_eq!(Scalar::String("\u{1}".into()).to_raw(), None);
    assert_eq!(Scalar::Date(f64::MAX).to_raw(), None);
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-z<&>é𝄞 ]{0,20}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Data),
    ]
}

fn raw_of(value: &Value) -> String {
    let scalar = match value {
        Value::String(text) => Scalar::String(text.clone()),
        Value::Integer(n) => {
            Scalar::Integer(n.as_signed().map(i128::from).or(n.as_unsigned().map(i128::from)).unwrap())
        }
        Value::Boolean(b) => Scalar::Bool(*b),
        Value::Real(x) => Scalar::Real(*x),
        Value::Data(data) => Scalar::Data(data.clone()),
        _ => unreachable!(),
    };
    scalar.to_raw().unwrap()
}

fn servers() -> impl Strategy<Value = Value> {
    let dict = proptest::collection::btree_map("[a-e/~]{1,3}", scalar(), 1..5);
    proptest::collection::vec(dict, 1..5).prop_map(|dicts| {
        let items = dicts.into_iter().map(|dict| Value::Dictionary(dict.into_iter().collect())).collect();
        Value::Dictionary(Dictionary::from_iter([("Servers", Value::Array(items))]))
    })
}

proptest! {
    #[test]
    fn an_edit_is_what_another_reader_sees(start in servers(), which in any::<prop::sample::Index>(), key in "[a-e/~]{1,3}", value in scalar(), as_binary in any::<bool>()) {
        let mut bytes = Vec::new();
        if as_binary { start.to_writer_binary(&mut bytes).unwrap() } else { start.to_writer_xml(&mut bytes).unwrap() }
        let mut doc = PlistDoc::parse(&bytes).unwrap();
        prop_assert_eq!(&doc.to_bytes(), &bytes);
        let mut expected = start.clone();
        let items = expected.as_dictionary_mut().unwrap().get_mut("Servers").unwrap().as_array_mut().unwrap();
        let which = which.index(items.len());
        let was = items[which].as_dictionary_mut().unwrap().insert(key.clone(), value.clone());
        let name = format!("Servers/#{which}/{}", path_segment(&key));
        prop_assert_eq!(doc.get(&name).unwrap().is_some(), was.is_some());
        doc.set(&name, &raw_of(&value)).unwrap();
        let after = doc.to_bytes();
        prop_assert_eq!(&read(&after), &expected);
        prop_assert_eq!(PlistDoc::parse(&after).unwrap().get(&name).unwrap(), Some(raw_of(&value)));
        if was.is_none() {
            doc.remove(&name).unwrap();
            let back = doc.to_bytes();
            prop_assert_eq!(&read(&back), &start);
            if as_binary {
                let trailer = &bytes[bytes.len() - 8..];
                let area = u64::from_be_bytes(trailer.try_into().unwrap()) as usize;
                prop_assert_eq!(&back[..area], &bytes[..area]);
            } else {
                prop_assert_eq!(back, bytes);
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..120), magic in any::<bool>()) {
        let bytes = [if magic { &b"bplist00"[..] } else { b"<plist>" }, &tail].concat();
        let _ = PlistDoc::parse(&bytes);
    }

    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), pick in 0..3_usize) {
        let [xml, packed] = both();
        let mut bytes = vec![xml, packed, shared()].swap_remove(pick);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(mut doc) = PlistDoc::parse(&bytes) {
            prop_assert_eq!(&doc.to_bytes(), &bytes);
            for name in ["Servers/#0/Port", "Servers/#id=C/Port", "#0/p", "#3/new"] {
                if doc.set(name, "<string>26</string>").is_ok() {
                    prop_assert_eq!(doc.get(name).unwrap(), Some("<string>26</string>".to_owned()));
                }
            }
            prop_assert!(PlistDoc::parse(&doc.to_bytes()).is_ok());
        }
    }
}

#[test]
fn cdata_is_text_and_an_edit_puts_back_every_byte_of_it() {
    let source = "<plist><dict><key><![CDATA[a&b]]></key><string>x&amp;<![CDATA[<y>&amp;]]>z<![CDATA[]]></string><key>c</key><integer><![CDATA[25]]></integer></dict></plist>";
    let mut doc = PlistDoc::parse(source.as_bytes()).unwrap();
    assert_eq!(doc.scalar("a&b").unwrap(), Some(Scalar::String("x&<y>&amp;z".to_owned())));
    assert_eq!(doc.scalar("c").unwrap(), Some(Scalar::Integer(25)));
    let was = doc.get("a&b").unwrap().unwrap();
    doc.set("a&b", "<string>new</string>").unwrap();
    assert!(!String::from_utf8(doc.to_bytes()).unwrap().contains("<y>"));
    doc.set("a&b", &was).unwrap();
    assert_eq!(doc.to_bytes(), source.as_bytes());
    for bad in [
        "<plist><dict><![CDATA[x]]></dict></plist>",
        "<plist><![CDATA[x]]><dict/></plist>",
        "<plist><dict><key>a</key><string><![CDATA[x</string></dict></plist>",
    ] {
        assert!(PlistDoc::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let control = "<plist><dict><key>a</key><string><![CDATA[\u{1}]]></string></dict></plist>";
    assert!(PlistDoc::parse(control.as_bytes()).and_then(|doc| doc.scalar("a")).is_err());
}
