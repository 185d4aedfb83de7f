//! `.oeaccount` files of Windows Mail and Windows Live Mail: `<MessageAccount>` with one typed element a
//! setting. Usually UTF-16LE with a byte order mark and CRLF; whatever is there is kept.

use super::xml::{Element, XmlText, is_escaped_text};
use super::{Document, FormatError};

const FORMAT: &str = "mail account file";
const ROOT: &str = "MessageAccount";

/// One account file.
#[derive(Debug, Clone)]
pub struct OeAccount {
    xml: XmlText,
}

impl OeAccount {
    /// Reads a file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let xml = XmlText::parse(bytes, FORMAT)?;
        let root = xml.element(0);
        if root.name != ROOT {
            return Err(xml.malformed(root.span.start, format!("its element is {}, not {ROOT}", root.name)));
        }
        Ok(Self { xml })
    }

    /// Names of the settings that are written, in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.children().map(|element| element.name.as_str())
    }

    fn children(&self) -> impl DoubleEndedIterator<Item = &Element> {
        self.xml.element(0).children.iter().map(|&place| self.xml.element(place))
    }

    /// The element of a setting with the span of its `type`, if it has the shape that we edit.
    fn find(&self, name: &str) -> Result<Option<(&Element, std::ops::Range<usize>)>, FormatError> {
        let mut same = self.children().filter(|element| element.name == name);
        let Some(element) = same.next() else { return Ok(None) };
        if same.next().is_some() {
            return Err(refused(name, "it is written more than once"));
        }
        if !element.children.is_empty() || element.has_other || element.has_cdata {
            return Err(refused(name, "it holds more than text"));
        }
        let kind = element.attributes.iter().find(|(attribute, _)| attribute == "type");
        let Some((_, kind)) = kind else { return Err(refused(name, "it does not tell its type")) };
        if !is_kind(self.xml.slice(kind)) {
            return Err(refused(name, "its type is not one of SZ, DWORD and BINARY"));
        }
        Ok(Some((element, kind.clone())))
    }
}

impl Document for OeAccount {
    fn to_bytes(&self) -> Vec<u8> {
        self.xml.to_bytes()
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        let found = self.find(name)?;
        Ok(found.map(|(element, kind)| format!("{}:{}", self.xml.slice(&kind), self.xml.inner_text(element))))
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let (kind, text) = checked(name, raw)?;
        if self.get(name)?.as_deref() == Some(raw) {
            return Ok(());
        }
        let edits = if let Some((element, kind_span)) = self.find(name)? {
            let mut edits = match &element.inner {
                Some(inner) => vec![(inner.clone(), text.to_owned())],
                // `<name type="SZ"/>`: only the closing `/>` has to make room for the text.
                None => vec![(element.span.end - 2..element.span.end, format!(">{text}</{name}>"))],
            };
            if self.xml.slice(&kind_span) != kind {
                edits.push((kind_span, kind.to_owned()));
            }
            edits
        } else {
            let root = self.xml.element(0);
            let Some(inner) = &root.inner else { return Err(refused(name, "the account file is empty")) };
            let neighbour = self.children().rfind(|element| element.name.starts_with("SMTP_"));
            let (at, set_off) = match neighbour.or_else(|| self.children().next_back()) {
                Some(anchor) => (anchor.span.end, self.xml.set_off(anchor)),
                None => (inner.start, self.xml.set_off_first_child(root)),
            };
            vec![(at..at, format!("{set_off}<{name} type=\"{kind}\">{text}</{name}>"))]
        };
        self.xml.edit(&edits)
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        let Some((element, _)) = self.find(name)? else { return Ok(()) };
        let span = self.xml.blank_before(element.span.start).start..element.span.end;
        self.xml.edit(&[(span, String::new())])
    }
}

fn is_kind(kind: &str) -> bool {
    matches!(kind, "SZ" | "DWORD" | "BINARY")
}

/// Splits `TYPE:text` and refuses what would not be a value of that type.
fn checked<'raw>(name: &str, raw: &'raw str) -> Result<(&'raw str, &'raw str), FormatError> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !is_name {
        return Err(refused(name, "this is not the name of an account setting"));
    }
    let Some((kind, text)) = raw.split_once(':').filter(|(kind, _)| is_kind(kind)) else {
        return Err(refused(name, "a value is written as SZ:, DWORD: or BINARY: and its text"));
    };
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match kind {
        "DWORD" if !hex || text.is_empty() || text.len() > 8 => {
            Err(refused(name, "a DWORD is written as 1 to 8 hexadecimal digits"))
        }
        "BINARY" if !hex => Err(refused(name, "binary data is written as hexadecimal digits")),
        "SZ" if !is_escaped_text(text) => Err(refused(name, "the text is not escaped as XML wants it")),
        _ => Ok((kind, text)),
    }
}

fn refused(name: &str, why: &str) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "<?xml version=\"1.0\" encoding=\"utf-16\" ?>\r\n<MessageAccount>\r\n\t<Account_Name type=\"SZ\">Büro &amp; 𝄞</Account_Name>\r\n\t<SMTP_Server type=\"SZ\">smtp.hosting.test</SMTP_Server>\r\n\t<SMTP_Email_Address type=\"SZ\">ann@hosting.test</SMTP_Email_Address>\r\n\t<IMAP_Dirty type=\"DWORD\">0</IMAP_Dirty>\r\n</MessageAccount>\r\n";

    fn utf16(text: &str) -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    }

    #[test]
    fn reads_the_text_as_it_is_written() {
        let doc = OeAccount::parse(&utf16(FILE)).unwrap();
        assert_eq!(doc.get("Account_Name").unwrap().as_deref(), Some("SZ:Büro &amp; 𝄞"));
        assert_eq!(doc.get("IMAP_Dirty").unwrap().as_deref(), Some("DWORD:0"));
        assert_eq!(doc.get("SMTP_Port").unwrap(), None);
        assert_eq!(doc.names().count(), 4);
    }

    #[test]
    fn a_missing_setting_is_inserted_beside_the_other_smtp_ones_and_taken_out_again() {
        for bytes in
            [utf16(FILE), FILE.as_bytes().to_vec(), [b"\xef\xbb\xbf", FILE.replace("\r\n", "\n").as_bytes()].concat()]
        {
            let mut doc = OeAccount::parse(&bytes).unwrap();
            assert_eq!(doc.to_bytes(), bytes);
            doc.set("SMTP_Port", "DWORD:1a").unwrap();
            let text = doc.xml.slice(&doc.xml.element(0).span).to_owned();
            let end = if text.contains('\r') { "\r\n" } else { "\n" };
            assert!(
                text.contains(&format!(
                    "ann@hosting.test</SMTP_Email_Address>{end}\t<SMTP_Port type=\"DWORD\">1a</SMTP_Port>{end}\t<IMAP_Dirty"
                )),
                "{text}"
            );
            doc.remove("SMTP_Port").unwrap();
            assert_eq!(doc.to_bytes(), bytes);
        }
    }

    /// No program writes such a file; what stands in it stays as it is, once.
    #[test]
    fn stray_text_is_not_doubled() {
        for old in [
            "<MessageAccount>one\n\ttwo</MessageAccount>",
            "<MessageAccount>\r\n<!-- x -->\r\ntwo</MessageAccount>",
            "<MessageAccount>\n<A type=\"SZ\">1</A>one\n<A type=\"SZ\">1</A>\ntwo</MessageAccount>",
        ] {
            let mut doc = OeAccount::parse(old.as_bytes()).unwrap();
            doc.set("SMTP_Port", "DWORD:1a").unwrap();
            let new = String::from_utf8(doc.to_bytes()).unwrap();
            assert_eq!(new.matches("two").count(), 1, "{new}");
            doc.remove("SMTP_Port").unwrap();
            assert_eq!(doc.to_bytes(), old.as_bytes());
        }
    }

    #[test]
    fn a_type_is_changed_only_if_it_differs() {
        let mut doc =
            OeAccount::parse(br#"<MessageAccount><A type='SZ' >19</A><B type="SZ"/></MessageAccount>"#).unwrap();
        doc.set("A", "SZ:1").unwrap();
        doc.set("B", "SZ:x").unwrap();
        assert_eq!(doc.to_bytes(), br#"<MessageAccount><A type='SZ' >1</A><B type="SZ">x</B></MessageAccount>"#);
        doc.set("A", "DWORD:1a").unwrap();
        assert_eq!(doc.to_bytes(), br#"<MessageAccount><A type='DWORD' >1a</A><B type="SZ">x</B></MessageAccount>"#);
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let refused = |doc: &str, name: &str| {
            matches!(OeAccount::parse(doc.as_bytes()).unwrap().get(name), Err(FormatError::Refused { .. }))
        };
        assert!(refused("<MessageAccount><A type=\"SZ\">1</A><A type=\"SZ\">2</A></MessageAccount>", "A"));
        assert!(refused("<MessageAccount><A>1</A></MessageAccount>", "A"));
        assert!(refused("<MessageAccount><A type=\"QWORD\">1</A></MessageAccount>", "A"));
        assert!(refused("<MessageAccount><A type=\"SZ\">1<!-- --></A></MessageAccount>", "A"));
        let mut doc = OeAccount::parse(FILE.as_bytes()).unwrap();
        for raw in [
            "1a",
            "DWORD:",
            "DWORD:1g",
            "DWORD:123456789",
            "SZ:a<b",
            "SZ:a & b",
            "SZ:&nothing;",
            "BINARY:zz",
            "SZ:\u{1}",
        ] {
            assert!(matches!(doc.set("SMTP_Server", raw), Err(FormatError::Refused { .. })), "{raw}");
        }
        assert!(doc.set("a b", "SZ:x").is_err());
        assert_eq!(doc.to_bytes(), FILE.as_bytes());
    }

    #[test]
    fn a_broken_file_is_malformed_with_its_byte_offset() {
        let cut = utf16(&FILE[..FILE.len() - 20]);
        assert!(matches!(OeAccount::parse(&cut), Err(FormatError::Malformed { .. })));
        let mut lone = utf16("<MessageAccount>");
        lone.extend([0x00, 0xd8, b'<', 0]);
        assert!(matches!(OeAccount::parse(&lone), Err(FormatError::Malformed { offset: 34, .. })));
        for bytes in [&b""[..], b"<Other/>", b"<MessageAccount/><x/>", b"<MessageAccount/>x", b"\xff\xfe<", b"\xff\xff"]
        {
            assert!(OeAccount::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn only_the_span_changes(port in "[0-9a-f]{1,8}", utf in any::<bool>(), crlf in any::<bool>(), name in "[A-Za-z0-9é𝄞 ]{0,20}") {
            let text = FILE.replace("smtp.hosting.test", &name);
            let text = if crlf { text } else { text.replace("\r\n", "\n") };
            let bytes = if utf { utf16(&text) } else { text.clone().into_bytes() };
            let mut doc = OeAccount::parse(&bytes).unwrap();
            prop_assert_eq!(doc.to_bytes(), bytes.clone());
            doc.set("IMAP_Dirty", &format!("DWORD:{port}")).unwrap();
            let wanted = text.replace(">0</IMAP_Dirty>", &format!(">{port}</IMAP_Dirty>"));
            prop_assert_eq!(doc.to_bytes(), if utf { utf16(&wanted) } else { wanted.into_bytes() });
            doc.set("IMAP_Dirty", "DWORD:0").unwrap();
            doc.set("New", "SZ:x").unwrap();
            prop_assert_eq!(doc.get("New").unwrap(), Some("SZ:x".to_owned()));
            doc.remove("New").unwrap();
            prop_assert_eq!(doc.to_bytes(), bytes);
        }

        #[test]
        fn an_edit_of_any_account_file_changes_its_span_only(
            parts in proptest::collection::vec((0..5usize, 0..7usize, "[a-z&;<> \r\n\t]{0,4}"), 0..8),
            end in "[a-z \r\n\t]{0,6}",
            name in 0..5usize,
        ) {
            const NAMES: [&str; 5] = ["A", "SMTP_B", "SMTP_Port", "C", "SMTP_D"];
            let piece = |(name, shape, text): &(usize, usize, String)| {
                let (name, text) = (NAMES[*name], text.replace(['<', '>', '&', ';'], ""));
                match shape {
                    0 | 1 => format!("<{name} type=\"SZ\">{text}</{name}>{text}"),
                    2 => format!("\r\n\t<{name} type='DWORD'>1</{name}>"),
                    3 => format!("<{name} type=\"SZ\"/>{text}"),
                    4 => format!("{text}<!-- {text} -->"),
                    5 => format!("<{name} type=\"SZ\"><![CDATA[{text}]]></{name}>{text}&amp;{text}"),
                    _ => format!("<{name}>{text}</{name}>"),
                }
            };
            let body: String = parts.iter().map(piece).collect();
            let old = format!("<?xml version=\"1.0\"?><MessageAccount>{body}{end}</MessageAccount>");
            let mut doc = OeAccount::parse(old.as_bytes()).unwrap();
            let before = doc.get(NAMES[name]);
            if let Ok(before) = before && doc.set(NAMES[name], "DWORD:1a").is_ok() {
                let new = String::from_utf8(doc.to_bytes()).unwrap();
                let reread = OeAccount::parse(new.as_bytes()).unwrap();
                prop_assert_eq!(reread.get(NAMES[name]).unwrap(), Some("DWORD:1a".to_owned()));
                let grown = new.len() - old.len().min(new.len());
                prop_assert!(grown <= 64, "{} became {}", old, new);
                match before {
                    Some(raw) => doc.set(NAMES[name], &raw).unwrap(),
                    None => doc.remove(NAMES[name]).unwrap(),
                }
                // `<A/>` and `<A></A>` are the same setting; the bytes come back by the journal.
                let back = String::from_utf8(doc.to_bytes()).unwrap();
                let short = |text: &str| NAMES.iter().fold(text.to_owned(), |text, name| {
                    text.replace(&format!("<{name} type=\"SZ\"></{name}>"), &format!("<{name} type=\"SZ\"/>"))
                });
                prop_assert_eq!(short(&back), short(&old));
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = OeAccount::parse(&bytes);
        }

        #[test]
        fn damaged_files_never_panic(at in 0..FILE.len(), byte in any::<u8>(), wide in any::<bool>()) {
            let mut bytes = if wide { utf16(FILE) } else { FILE.as_bytes().to_vec() };
            bytes[at] = byte;
            if let Ok(mut doc) = OeAccount::parse(&bytes) {
                prop_assert_eq!(&doc.to_bytes(), &bytes);
                if doc.get("SMTP_Port").is_ok_and(|raw| raw.is_none()) && doc.set("SMTP_Port", "DWORD:1a").is_ok() {
                    prop_assert_eq!(doc.get("SMTP_Port").unwrap(), Some("DWORD:1a".to_owned()));
                    doc.remove("SMTP_Port").unwrap();
                    prop_assert_eq!(doc.to_bytes(), bytes);
                }
            }
        }
    }
}
