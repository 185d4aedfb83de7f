//! Plain values of a property list, and their XML elements: the raw text of a setting in both forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::FormatError;
use super::super::xml::{XmlText, is_escaped_text};
use super::refused::{FORMAT, refused};

/// Seconds from 1970 to 2001, where the dates of binary property lists begin.
const EPOCH_2001: i64 = 978_307_200;

/// A plain value.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `<string>`
    String(String),
    /// `<integer>`; -2^63 to 2^64 - 1.
    Integer(i128),
    /// `<real>`
    Real(f64),
    /// `<true/>`, `<false/>`
    Bool(bool),
    /// `<date>`, as seconds since 2001.
    Date(f64),
    /// `<data>`
    Data(Vec<u8>),
}

impl Scalar {
    /// Reads an XML element. `name` is the setting, for the error.
    pub fn from_raw(name: &str, raw: &str) -> Result<Self, FormatError> {
        let no = |why: &str| refused(name, format!("{raw:?} is not a plain value of a property list: {why}"));
        let xml = XmlText::parse(raw.as_bytes(), FORMAT).map_err(|error| no(&error.to_string()))?;
        let element = xml.element(0);
        if element.span != (0..raw.len()) || !element.children.is_empty() || element.has_other {
            return Err(no("it is not one element with text"));
        }
        let text = xml.meant_text(element).ok_or_else(|| no("its text is not what XML allows"))?;
        let trimmed = text.trim();
        match element.name.as_str() {
            "string" => Ok(Self::String(text)),
            "integer" => integer(trimmed).map(Self::Integer).ok_or_else(|| no("the number cannot be read")),
            "real" => trimmed.parse().map(Self::Real).map_err(|_| no("the number cannot be read")),
            "true" if trimmed.is_empty() => Ok(Self::Bool(true)),
            "false" if trimmed.is_empty() => Ok(Self::Bool(false)),
            "date" => date(trimmed).map(Self::Date).ok_or_else(|| no("the date cannot be read")),
            "data" => {
                let packed: String = text.split_ascii_whitespace().collect();
                STANDARD.decode(packed).map(Self::Data).map_err(|error| no(&error.to_string()))
            }
            other => Err(no(&format!("<{other}> is not a plain value"))),
        }
    }

    /// The XML element; `None` if XML cannot hold the value (control characters, a date out of range).
    pub fn to_raw(&self) -> Option<String> {
        Some(match self {
            Self::String(text) => {
                let escaped = quick_xml::escape::partial_escape(text.as_str());
                if !is_escaped_text(&escaped) {
                    return None;
                }
                format!("<string>{escaped}</string>")
            }
            Self::Integer(n) => format!("<integer>{n}</integer>"),
            Self::Real(x) => format!("<real>{x}</real>"),
            Self::Bool(true) => "<true/>".to_owned(),
            Self::Bool(false) => "<false/>".to_owned(),
            Self::Date(seconds) => {
                // `as` saturates; what is out of range is then refused.
                let seconds = (seconds.floor() as i64).checked_add(EPOCH_2001)?;
                format!("<date>{}</date>", jiff::Timestamp::from_second(seconds).ok()?)
            }
            Self::Data(bytes) => format!("<data>{}</data>", STANDARD.encode(bytes)),
        })
    }
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let size = match hex {
        Some(hex) if !hex.starts_with(['+', '-']) => i128::from_str_radix(hex, 16).ok()?,
        Some(_) => return None,
        None => digits.parse::<i128>().ok()?,
    };
    let n = if negative { -size } else { size };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&n).then_some(n)
}

fn date(text: &str) -> Option<f64> {
    // Exactly `2013-05-01T10:20:30Z`: other shapes that a date library takes are not property list dates.
    if text.len() != 20 || !text.ends_with('Z') {
        return None;
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some((at.as_second() - EPOCH_2001) as f64)
}
