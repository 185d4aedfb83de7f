//! Property lists, XML and binary, edited in place: a binary file stays binary, an XML file keeps its encoding,
//! comments and indentation. Settings are named by path and given as XML elements for both.
//!
//! A path is keys joined by `/` (`~1` stands for `/`, `~0` for `~`). In an array, `#0` is the first element and
//! `#uniqueId=AB-12` is the one dictionary whose `uniqueId` is that text, wherever it stands by now.

mod binary;
mod scalar;
mod xml;

pub use scalar::Scalar;

use super::{Document, FormatError};

const FORMAT: &str = "property list";

/// A property list.
#[derive(Debug, Clone)]
pub struct PlistDoc {
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Xml(xml::XmlPlist),
    Binary(binary::BinaryPlist),
}

impl PlistDoc {
    /// Reads a file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let form = if bytes.starts_with(b"bplist") {
            Form::Binary(binary::BinaryPlist::parse(bytes)?)
        } else {
            Form::Xml(xml::XmlPlist::parse(bytes)?)
        };
        Ok(Self { form })
    }

    /// Is it the binary form?
    pub fn is_binary(&self) -> bool {
        matches!(self.form, Form::Binary(_))
    }

    /// How many elements the array of that name has; `None` if it is not written.
    pub fn count(&self, name: &str) -> Result<Option<usize>, FormatError> {
        match &self.form {
            Form::Xml(doc) => count(doc, name),
            Form::Binary(doc) => count(doc, name),
        }
    }

    /// Refuses a list that is larger than `most` bytes with every value written out wherever it is used, or nested
    /// deeper than any settings are: a small binary file can stand for more than there is memory.
    pub fn must_fit(&self, most: usize) -> Result<(), FormatError> {
        match &self.form {
            Form::Xml(doc) => must_fit(doc, most),
            Form::Binary(doc) => must_fit(doc, most),
        }
    }

    /// The value of a setting, read; `None` if it is not written.
    pub fn scalar(&self, name: &str) -> Result<Option<Scalar>, FormatError> {
        self.get(name)?.map(|raw| Scalar::from_raw(name, &raw)).transpose()
    }
}

impl Document for PlistDoc {
    fn to_bytes(&self) -> Vec<u8> {
        match &self.form {
            Form::Xml(doc) => doc.to_bytes(),
            Form::Binary(doc) => doc.to_bytes(),
        }
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        match &self.form {
            Form::Xml(doc) => get(doc, name),
            Form::Binary(doc) => get(doc, name),
        }
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let value = Scalar::from_raw(name, raw)?;
        if self.get(name)?.as_deref() == Some(raw) {
            return Ok(());
        }
        match &mut self.form {
            Form::Xml(doc) => doc.set(name, raw),
            Form::Binary(doc) => doc.set(name, &value),
        }
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        if self.get(name)?.is_none() {
            return Ok(());
        }
        match &mut self.form {
            Form::Xml(doc) => doc.remove(name),
            Form::Binary(doc) => doc.remove(name),
        }
    }
}

/// The name of a setting as a path: `/` and `~` in a key are written `~1` and `~0`.
pub fn path_segment(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// What a value is made of. `N` is how a form names a value.
enum Shape<N> {
    Dict(Vec<(String, N)>),
    Array(Vec<N>),
    Scalar,
}

/// A form as paths see it.
trait Tree {
    type Node: Copy;
    fn top(&self) -> Self::Node;
    fn shape(&self, node: Self::Node) -> Result<Shape<Self::Node>, FormatError>;
    fn raw(&self, name: &str, node: Self::Node) -> Result<String, FormatError>;
}

/// Where a path leads.
struct Place<N> {
    /// Each container on the way, outermost first, and which of its values is next.
    trail: Vec<(N, usize)>,
    end: End<N>,
}

enum End<N> {
    /// There is a value.
    Value(N),
    /// The dictionary is there and has no such key.
    NoKey { dict: N, key: String },
    /// The way there is missing.
    Nothing,
}

fn find<T: Tree>(tree: &T, name: &str) -> Result<Place<T::Node>, FormatError> {
    let segments = segments(name)?;
    let mut node = tree.top();
    let mut trail = Vec::new();
    let last = segments.len() - 1;
    for (depth, segment) in segments.into_iter().enumerate() {
        let next = match tree.shape(node)? {
            Shape::Dict(pairs) => {
                let mut same = pairs.iter().enumerate().filter(|(_, (key, _))| *key == segment);
                let first = same.next().map(|(at, &(_, value))| (at, value));
                if same.next().is_some() {
                    return Err(refused(name, format!("the key {segment} is written more than once")));
                }
                if first.is_none() && depth == last {
                    return Ok(Place { trail, end: End::NoKey { dict: node, key: segment } });
                }
                first
            }
            Shape::Array(items) => pick(tree, name, &segment, &items)?.map(|at| (at, items[at])),
            Shape::Scalar => {
                return Err(refused(name, format!("there is nothing called {segment} inside a plain value")));
            }
        };
        let Some((at, value)) = next else { return Ok(Place { trail, end: End::Nothing }) };
        trail.push((node, at));
        node = value;
    }
    Ok(Place { trail, end: End::Value(node) })
}

/// Which element of an array a segment means.
fn pick<T: Tree>(tree: &T, name: &str, segment: &str, items: &[T::Node]) -> Result<Option<usize>, FormatError> {
    let Some(which) = segment.strip_prefix('#') else {
        return Err(refused(name, format!("{segment} does not tell which element of the array")));
    };
    if let Ok(index) = which.parse::<usize>() {
        return Ok((index < items.len()).then_some(index));
    }
    let Some((key, text)) = which.split_once('=') else {
        return Err(refused(name, format!("{segment} does not tell which element of the array")));
    };
    let mut found = None;
    for (at, &item) in items.iter().enumerate() {
        let Shape::Dict(pairs) = tree.shape(item)? else { continue };
        for (_, value) in pairs.iter().filter(|(other, _)| other == key) {
            let is_text = matches!(tree.shape(*value)?, Shape::Scalar);
            if is_text && Scalar::from_raw(name, &tree.raw(name, *value)?)? == Scalar::String(text.to_owned()) {
                if found.is_some() {
                    return Err(refused(name, format!("more than one element has {which}")));
                }
                found = Some(at);
            }
        }
    }
    Ok(found)
}

fn get<T: Tree>(tree: &T, name: &str) -> Result<Option<String>, FormatError> {
    let End::Value(node) = find(tree, name)?.end else { return Ok(None) };
    match tree.shape(node)? {
        Shape::Scalar => tree.raw(name, node).map(Some),
        _ => Err(refused(name, "it is a dictionary or an array, not a plain value")),
    }
}

fn count<T: Tree>(tree: &T, name: &str) -> Result<Option<usize>, FormatError> {
    let End::Value(node) = find(tree, name)?.end else { return Ok(None) };
    match tree.shape(node)? {
        Shape::Array(items) => Ok(Some(items.len())),
        _ => Err(refused(name, "it is not an array")),
    }
}

/// Containers inside containers; readers that go down by recursion must come back.
const DEEPEST: usize = 100;

fn must_fit<T: Tree>(tree: &T, most: usize) -> Result<(), FormatError> {
    let mut left = most;
    let mut take = |size: usize| {
        left = left.checked_sub(size).ok_or_else(|| refused("", "written out in full, it is too large"))?;
        Ok(())
    };
    let mut open = vec![(tree.top(), 0)];
    while let Some((node, depth)) = open.pop() {
        if depth > DEEPEST {
            return Err(refused("", "its values are nested too deep"));
        }
        match tree.shape(node)? {
            Shape::Dict(pairs) => {
                for (key, value) in pairs {
                    take(key.len() + 1)?;
                    open.push((value, depth + 1));
                }
            }
            Shape::Array(items) => {
                take(items.len())?;
                open.extend(items.into_iter().map(|item| (item, depth + 1)));
            }
            // What has no XML element is small.
            Shape::Scalar => take(tree.raw("", node).map_or(1, |raw| raw.len()))?,
        }
    }
    Ok(())
}

fn segments(name: &str) -> Result<Vec<String>, FormatError> {
    name.split('/')
        .map(|written| {
            let mut segment = String::new();
            let mut pieces = written.split('~');
            segment.push_str(pieces.next().unwrap_or_default());
            for piece in pieces {
                match (piece.strip_prefix('0'), piece.strip_prefix('1')) {
                    (Some(rest), _) => segment.extend(["~", rest]),
                    (_, Some(rest)) => segment.extend(["/", rest]),
                    _ => return Err(refused(name, "a ~ in a path is followed by 0 or 1")),
                }
            }
            Ok(segment)
        })
        .collect()
}

fn no_way(name: &str) -> FormatError {
    refused(name, "the dictionary it would be in is not there")
}

fn refused(name: &str, why: impl Into<String>) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.into() }
}

#[cfg(test)]
mod tests;
