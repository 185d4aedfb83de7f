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
    let mut reading = Reading { text, found: Vec::new(), open: Vec::new() };
    loop {
        let start = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Eof) => return reading.done(),
            Ok(event) => {
                let span = start..reader.buffer_position() as usize;
                reading.take(event, span).map_err(|why| (start, why))?;
            }
            Err(error) => return Err((reader.error_position() as usize, error.to_string())),
        }
    }
}

/// The elements of a text so far.
struct Reading<'t> {
    text: &'t str,
    found: Vec<Element>,
    /// The places of those that are not closed yet, the innermost last.
    open: Vec<usize>,
}

impl Reading<'_> {
    /// The next piece of the text. The error is what is wrong with it.
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), String> {
        match event {
            Event::Start(tag) => {
                let inner = span.end..span.end;
                let place = self.add(&tag, span)?;
                self.found[place].inner = Some(inner);
                self.open.push(place);
            }
            Event::Empty(tag) => {
                self.add(&tag, span)?;
            }
            Event::End(_) => self.close(span)?,
            Event::Text(_) | Event::GeneralRef(_) => {
                let piece = self.text.get(span).unwrap_or("?");
                if !piece.trim_matches(BLANKS).is_empty() {
                    self.innermost().ok_or(OUTSIDE)?.has_text = true;
                }
            }
            Event::CData(_) => self.innermost().ok_or(OUTSIDE)?.has_cdata = true,
            Event::Comment(_) | Event::PI(_) => {
                if let Some(element) = self.innermost() {
                    element.has_other = true;
                }
            }
            Event::Decl(decl) => {
                let named = decl.encoding().and_then(Result::ok).unwrap_or_default().to_ascii_lowercase();
                if !matches!(named.as_str(), "" | "utf-8" | "utf-16" | "us-ascii") && !self.text.is_ascii() {
                    return Err("the text is in an encoding other than UTF-8 or UTF-16".to_owned());
                }
            }
            Event::DocType(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn innermost(&mut self) -> Option<&mut Element> {
        self.open.last().map(|&place| &mut self.found[place])
    }

    fn close(&mut self, tag: Range<usize>) -> Result<(), String> {
        let place = self.open.pop().ok_or("a closing tag without its opening one")?;
        let element = &mut self.found[place];
        element.span.end = tag.end;
        element.inner = element.inner.take().map(|inner| inner.start..tag.start);
        Ok(())
    }

    fn add(&mut self, tag: &BytesStart<'_>, span: Range<usize>) -> Result<usize, String> {
        if !self.text.get(span.clone()).is_some_and(|tag| tag.starts_with('<') && tag.ends_with('>')) {
            return Err("a tag that is not one".to_owned());
        }
        if self.open.is_empty() && !self.found.is_empty() {
            return Err("a second document element".to_owned());
        }
        let place = self.found.len();
        self.found.push(Element {
            name: tag.name().as_ref().to_owned(),
            span,
            inner: None,
            attributes: attributes(self.text, tag)?,
            children: Vec::new(),
            has_text: false,
            has_other: false,
            has_cdata: false,
        });
        if let Some(parent) = self.innermost() {
            parent.children.push(place);
        }
        Ok(place)
    }

    fn done(self) -> Result<Vec<Element>, (usize, String)> {
        match (self.found.first(), self.open.last()) {
            (_, Some(&place)) => {
                Err((self.found[place].span.start, "an element is not closed: the file is cut short".to_owned()))
            }
            (None, _) => Err((self.text.len(), "there is no element in it".to_owned())),
            _ => Ok(self.found),
        }
    }
}

const OUTSIDE: &str = "text outside the document's element";

/// Name and span of the value of each attribute.
fn attributes(text: &str, tag: &BytesStart<'_>) -> Result<Vec<(String, Range<usize>)>, String> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        // The value borrows from the text, so its address tells where it is.
        let start = (attribute.value.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        let value = start..start.saturating_add(attribute.value.len());
        if text.get(value.clone()) != Some(attribute.value.as_ref()) {
            return Err("an attribute that cannot be located".to_owned());
        }
        attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(attributes)
}
