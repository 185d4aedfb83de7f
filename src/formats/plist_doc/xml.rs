//! The XML form: values are elements, an edit replaces one element's span.

use super::super::FormatError;
use super::super::xml::XmlText;
use super::refused::{FORMAT, no_way, refused};
use super::tree::{End, Shape, Tree, find};

/// An XML property list.
#[derive(Debug, Clone)]
pub(super) struct XmlPlist {
    xml: XmlText,
    top: usize,
}

impl XmlPlist {
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let xml = XmlText::parse(bytes, FORMAT)?;
        let root = xml.element(0);
        let top = match (root.name.as_str(), root.children.as_slice()) {
            ("plist", &[top]) if !root.has_text && !root.has_cdata => top,
            ("plist", _) => return Err(xml.malformed(root.span.start, "it does not hold exactly one value")),
            _ => return Err(xml.malformed(root.span.start, format!("its element is {}, not plist", root.name))),
        };
        for (place, element) in xml.elements().iter().enumerate().skip(1) {
            let fail = |why: &str| Err(xml.malformed(element.span.start, why));
            match element.name.as_str() {
                "dict" | "array" if element.has_text || element.has_cdata => {
                    return fail("text between the values of a container");
                }
                "dict" if !is_paired(&xml, place) => return fail("a dictionary that is not keys and values in turn"),
                "dict" | "array" => {}
                "key" | "string" | "integer" | "real" | "true" | "false" | "date" | "data" => {
                    if !element.children.is_empty() {
                        return fail("an element inside a plain value");
                    }
                }
                _ => return fail("an element that property lists do not have"),
            }
        }
        for element in xml.elements().iter().filter(|element| element.name == "array") {
            if element.children.iter().any(|&child| xml.element(child).name == "key") {
                return Err(xml.malformed(element.span.start, "a key in an array"));
            }
        }
        if xml.element(top).name == "key" {
            return Err(xml.malformed(root.span.start, "a key that belongs to no dictionary"));
        }
        Ok(Self { xml, top })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.xml.to_bytes()
    }

    pub fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let edit = match find(self, name)?.end {
            End::Value(value) => (self.xml.element(value).span.clone(), raw.to_owned()),
            End::Nothing => return Err(no_way(name)),
            End::NoKey { dict, key } => {
                let key = quick_xml::escape::partial_escape(key.as_str());
                let dict = self.xml.element(dict);
                let Some(inner) = &dict.inner else { return Err(refused(name, "its dictionary is empty")) };
                match dict.children.as_slice() {
                    [.., key_before, value_before] => {
                        let (key_before, value_before) =
                            (self.xml.element(*key_before), self.xml.element(*value_before));
                        let set_off = self.xml.set_off(key_before);
                        let between = self.xml.slice(&self.xml.blank_before(value_before.span.start));
                        let end = value_before.span.end;
                        (end..end, format!("{set_off}<key>{key}</key>{between}{raw}"))
                    }
                    _ => {
                        let set_off = self.xml.set_off_first_child(dict);
                        (inner.start..inner.start, format!("{set_off}<key>{key}</key>{set_off}{raw}"))
                    }
                }
            }
        };
        self.xml.edit(&[edit])
    }

    pub fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        let place = find(self, name)?;
        let (End::Value(value), Some(&(parent, at))) = (place.end, place.trail.last()) else { return Ok(()) };
        let parent = self.xml.element(parent);
        if parent.name != "dict" {
            return Err(refused(name, "elements of an array are not removed"));
        }
        let key = self.xml.element(parent.children[2 * at]);
        let start = self.xml.blank_before(key.span.start).start;
        let end = self.xml.element(value).span.end;
        self.xml.edit(&[(start..end, String::new())])
    }
}

fn is_paired(xml: &XmlText, dict: usize) -> bool {
    let children = &xml.element(dict).children;
    let is_key = |place: usize| xml.element(place).name == "key";
    children.len().is_multiple_of(2) && children.chunks_exact(2).all(|pair| is_key(pair[0]) && !is_key(pair[1]))
}

impl Tree for XmlPlist {
    type Node = usize;

    fn top(&self) -> usize {
        self.top
    }

    fn shape(&self, node: usize) -> Result<Shape<usize>, FormatError> {
        let element = self.xml.element(node);
        Ok(match element.name.as_str() {
            "array" => Shape::Array(element.children.clone()),
            "dict" => {
                let mut pairs = Vec::new();
                for pair in element.children.chunks_exact(2) {
                    let key = self.xml.element(pair[0]);
                    let Some(text) = self.xml.meant_text(key) else {
                        return Err(self.xml.malformed(key.span.start, "a key that cannot be read"));
                    };
                    pairs.push((text, pair[1]));
                }
                Shape::Dict(pairs)
            }
            _ => Shape::Scalar,
        })
    }

    fn raw(&self, _name: &str, node: usize) -> Result<String, FormatError> {
        Ok(self.xml.slice(&self.xml.element(node).span).to_owned())
    }
}
