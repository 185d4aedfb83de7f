//! What the editors of XML files share: the bytes as text with the encoding remembered, every element with
//! its spans, and edits by span. No tree is ever printed again, so what is not edited keeps every byte.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::FormatError;

/// How the text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8 { bom: bool },
    Utf16Le { bom: bool },
    Utf16Be,
}

/// One element; spans are byte offsets in the text.
#[derive(Debug, Clone)]
pub(super) struct Element {
    /// The tag name.
    pub name: String,
    /// From `<` of the opening to `>` of the closing tag.
    pub span: Range<usize>,
    /// Between the tags; `None` for `<name/>`.
    pub inner: Option<Range<usize>>,
    /// Attributes: name and span of the value between its quotes.
    pub attributes: Vec<(String, Range<usize>)>,
    /// Child elements, by their place in [`XmlText::element`].
    pub children: Vec<usize>,
    /// Has text that is not blank.
    pub has_text: bool,
    /// Has comments or processing instructions.
    pub has_other: bool,
    /// Has CDATA: text that is not escaped.
    pub has_cdata: bool,
}

/// An XML file: text, encoding and elements.
#[derive(Debug, Clone)]
pub(super) struct XmlText {
    format: &'static str,
    encoding: Encoding,
    text: String,
    elements: Vec<Element>,
}

impl XmlText {
    /// Reads a file. `format` is its name for people.
    pub fn parse(bytes: &[u8], format: &'static str) -> Result<Self, FormatError> {
        let (encoding, text) = decode(bytes).map_err(|(offset, why)| malformed(format, offset, why))?;
        let elements = elements(&text).map_err(|(at, why)| malformed(format, byte_offset(encoding, &text, at), why))?;
        Ok(Self { format, encoding, text, elements })
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let units = self.text.encode_utf16();
        match self.encoding {
            Encoding::Utf8 { bom: false } => self.text.clone().into_bytes(),
            Encoding::Utf8 { bom: true } => [&[0xef, 0xbb, 0xbf], self.text.as_bytes()].concat(),
            Encoding::Utf16Le { bom: false } => units.flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Le { bom: true } => {
                [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
            }
            Encoding::Utf16Be => [0xfe, 0xff].into_iter().chain(units.flat_map(u16::to_be_bytes)).collect(),
        }
    }

    /// The root element's place is 0.
    pub fn element(&self, at: usize) -> &Element {
        &self.elements[at]
    }

    /// All elements, parents before children.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// A piece of the text.
    pub fn slice(&self, span: &Range<usize>) -> &str {
        &self.text[span.clone()]
    }

    /// The text between the tags, as written.
    pub fn inner_text(&self, element: &Element) -> &str {
        element.inner.as_ref().map_or("", |span| self.slice(span))
    }

    /// The text between the tags as it is meant: unescaped, CDATA as it stands. `None` if there is anything else, or
    /// characters that XML forbids.
    pub fn meant_text(&self, element: &Element) -> Option<String> {
        if element.has_other || !element.children.is_empty() {
            return None;
        }
        let unescaped = |text: &str| {
            is_escaped_text(text)
                .then(|| quick_xml::escape::unescape(text).ok().map(|text| text.into_owned()))
                .flatten()
        };
        let (mut text, mut rest) = (String::new(), self.inner_text(element));
        while let Some((before, after)) = rest.split_once(CDATA) {
            let (inside, behind) = after.split_once("]]>")?;
            if !is_escaped_text(&quick_xml::escape::escape(inside)) {
                return None;
            }
            text.push_str(&unescaped(before)?);
            text.push_str(inside);
            rest = behind;
        }
        text.push_str(&unescaped(rest)?);
        Some(text)
    }

    /// "Not a readable .." at an offset of the text.
    pub fn malformed(&self, at: usize, why: impl Into<String>) -> FormatError {
        malformed(self.format, byte_offset(self.encoding, &self.text, at), why.into())
    }

    /// Replaces spans that do not overlap, the last one first in the list. If the result is not well-formed, nothing
    /// is changed.
    pub fn edit(&mut self, edits: &[(Range<usize>, String)]) -> Result<(), FormatError> {
        let mut text = self.text.clone();
        for (span, new) in edits {
            text.replace_range(span.clone(), new);
        }
        self.elements = elements(&text).map_err(|(at, why)| malformed(self.format, at, why))?;
        self.text = text;
        Ok(())
    }

    /// The white space directly before `at`.
    pub fn blank_before(&self, at: usize) -> Range<usize> {
        self.text[..at].trim_end_matches(BLANKS).len()..at
    }

    /// What stands before `anchor` on its line, with the line end before it: what a new neighbour is set off by.
    pub fn set_off(&self, anchor: &Element) -> String {
        let blank = self.slice(&self.blank_before(anchor.span.start));
        last_line(blank).to_owned()
    }

    /// The same for the first child of an element that has none yet.
    pub fn set_off_first_child(&self, parent: &Element) -> String {
        let inner = self.inner_text(parent);
        // Text before it is no way to set off anything: it would stand there twice.
        let before_closing = last_line(&inner[inner.trim_end_matches(BLANKS).len()..]);
        if before_closing.contains('\n') { format!("{before_closing}\t") } else { String::new() }
    }
}

/// What text that is not escaped begins with.
const CDATA: &str = "<![CDATA[";

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn last_line(blank: &str) -> &str {
    match blank.rfind('\n') {
        Some(at) if blank[..at].ends_with('\r') => &blank[at - 1..],
        Some(at) => &blank[at..],
        None => blank,
    }
}

/// Is this text that may stand between tags: escaped, and without characters that XML forbids?
pub(super) fn is_escaped_text(text: &str) -> bool {
    !text.contains('<')
        && !text.contains("]]>")
        && !text.chars().any(|c| c.is_control() && !BLANKS.contains(&c) && !('\u{7f}'..='\u{9f}').contains(&c))
        && quick_xml::escape::unescape(text).is_ok()
}

/// "Not a readable ..", for people.
pub(super) fn malformed(format: &'static str, offset: usize, why: impl Into<String>) -> FormatError {
    FormatError::Malformed { format, offset, why: why.into() }
}

fn decode(bytes: &[u8]) -> Result<(Encoding, String), (usize, String)> {
    let (encoding, skip) = match bytes {
        [0xff, 0xfe, ..] => (Encoding::Utf16Le { bom: true }, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
        [b'<', 0, ..] => (Encoding::Utf16Le { bom: false }, 0),
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8 { bom: true }, 3),
        _ => (Encoding::Utf8 { bom: false }, 0),
    };
    let body = &bytes[skip..];
    if matches!(encoding, Encoding::Utf8 { .. }) {
        return match std::str::from_utf8(body) {
            Ok(text) => Ok((encoding, text.to_owned())),
            Err(error) => Err((skip + error.valid_up_to(), "the text is not valid UTF-8".to_owned())),
        };
    }
    if !body.len().is_multiple_of(2) {
        return Err((bytes.len(), "the text is not valid UTF-16: it ends in half a character".to_owned()));
    }
    let units = body.chunks_exact(2).map(|pair| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
        _ => u16::from_le_bytes([pair[0], pair[1]]),
    });
    let mut text = String::with_capacity(body.len() / 2);
    let mut at = skip;
    for decoded in char::decode_utf16(units) {
        let Ok(c) = decoded else {
            return Err((at, "the text is not valid UTF-16: half of a surrogate pair".to_owned()));
        };
        at += 2 * c.len_utf16();
        text.push(c);
    }
    Ok((encoding, text))
}

fn byte_offset(encoding: Encoding, text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    match encoding {
        Encoding::Utf8 { bom } => before.len() + if bom { 3 } else { 0 },
        Encoding::Utf16Le { bom: false } => 2 * before.encode_utf16().count(),
        _ => 2 + 2 * before.encode_utf16().count(),
    }
}

/// All elements of a text; the error is an offset in the text and what is wrong there.
fn elements(text: &str) -> Result<Vec<Element>, (usize, String)> {
    let mut reader = Reader::from_str(text);
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    loop {
        let start = reader.buffer_position() as usize;
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => return Err((reader.error_position() as usize, error.to_string())),
        };
        let end = reader.buffer_position() as usize;
        let fail = |why: &str| Err((start, why.to_owned()));
        match event {
            Event::Start(tag) => {
                let place = add(text, &mut found, &open, &tag, start..end)?;
                found[place].inner = Some(end..end);
                open.push(place);
            }
            Event::Empty(tag) => {
                add(text, &mut found, &open, &tag, start..end)?;
            }
            Event::End(_) => {
                let Some(place) = open.pop() else { return fail("a closing tag without its opening one") };
                found[place].span.end = end;
                found[place].inner = found[place].inner.take().map(|inner| inner.start..start);
            }
            Event::Text(_) | Event::GeneralRef(_) => {
                let piece = text.get(start..end).unwrap_or("?");
                if !piece.trim_matches(BLANKS).is_empty() {
                    match open.last() {
                        Some(&place) => found[place].has_text = true,
                        None => return fail("text outside the document's element"),
                    }
                }
            }
            Event::CData(_) if open.is_empty() => return fail("text outside the document's element"),
            Event::CData(_) => {
                if let Some(&place) = open.last() {
                    found[place].has_cdata = true;
                }
            }
            Event::Comment(_) | Event::PI(_) => {
                if let Some(&place) = open.last() {
                    found[place].has_other = true;
                }
            }
            Event::Decl(decl) => {
                let named = decl.encoding().and_then(Result::ok).unwrap_or_default().to_ascii_lowercase();
                if !matches!(named.as_str(), "" | "utf-8" | "utf-16" | "us-ascii") && !text.is_ascii() {
                    return fail("the text is in an encoding other than UTF-8 or UTF-16");
                }
            }
            Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    match (found.first(), open.last()) {
        (_, Some(&place)) => {
            Err((found[place].span.start, "an element is not closed: the file is cut short".to_owned()))
        }
        (None, _) => Err((text.len(), "there is no element in it".to_owned())),
        _ => Ok(found),
    }
}

fn add(
    text: &str,
    found: &mut Vec<Element>,
    open: &[usize],
    tag: &BytesStart<'_>,
    span: Range<usize>,
) -> Result<usize, (usize, String)> {
    let fail = |why: &str| (span.start, why.to_owned());
    if !text.get(span.clone()).is_some_and(|tag| tag.starts_with('<') && tag.ends_with('>')) {
        return Err(fail("a tag that is not one"));
    }
    if open.is_empty() && !found.is_empty() {
        return Err(fail("a second document element"));
    }
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| fail(&error.to_string()))?;
        // The value borrows from the text, so its address tells where it is.
        let start = (attribute.value.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        let value = start..start.saturating_add(attribute.value.len());
        if text.get(value.clone()) != Some(attribute.value.as_ref()) {
            return Err(fail("an attribute that cannot be located"));
        }
        attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    let place = found.len();
    found.push(Element {
        name: tag.name().as_ref().to_owned(),
        span,
        inner: None,
        attributes,
        children: Vec::new(),
        has_text: false,
        has_other: false,
        has_cdata: false,
    });
    if let Some(&parent) = open.last() {
        found[parent].children.push(place);
    }
    Ok(place)
}
