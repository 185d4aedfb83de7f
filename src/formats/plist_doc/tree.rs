//! A property list as a tree, whichever form it is stored in: paths lead to places in it.

use super::super::FormatError;
use super::refused::refused;
use super::scalar::Scalar;

/// What a value is made of. `N` is how a form names a value.
pub(super) enum Shape<N> {
    Dict(Vec<(String, N)>),
    Array(Vec<N>),
    Scalar,
}

/// A form as paths see it.
pub(super) trait Tree {
    type Node: Copy;
    fn top(&self) -> Self::Node;
    fn shape(&self, node: Self::Node) -> Result<Shape<Self::Node>, FormatError>;
    fn raw(&self, name: &str, node: Self::Node) -> Result<String, FormatError>;
}

/// Where a path leads.
pub(super) struct Place<N> {
    /// Each container on the way, outermost first, and which of its values is next.
    pub(super) trail: Vec<(N, usize)>,
    pub(super) end: End<N>,
}

pub(super) enum End<N> {
    /// There is a value.
    Value(N),
    /// The dictionary is there and has no such key.
    NoKey { dict: N, key: String },
    /// The way there is missing.
    Nothing,
}

pub(super) fn find<T: Tree>(tree: &T, name: &str) -> Result<Place<T::Node>, FormatError> {
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
pub(super) fn pick<T: Tree>(
    tree: &T,
    name: &str,
    segment: &str,
    items: &[T::Node],
) -> Result<Option<usize>, FormatError> {
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

pub(super) fn get<T: Tree>(tree: &T, name: &str) -> Result<Option<String>, FormatError> {
    let End::Value(node) = find(tree, name)?.end else { return Ok(None) };
    match tree.shape(node)? {
        Shape::Scalar => tree.raw(name, node).map(Some),
        _ => Err(refused(name, "it is a dictionary or an array, not a plain value")),
    }
}

pub(super) fn count<T: Tree>(tree: &T, name: &str) -> Result<Option<usize>, FormatError> {
    let End::Value(node) = find(tree, name)?.end else { return Ok(None) };
    match tree.shape(node)? {
        Shape::Array(items) => Ok(Some(items.len())),
        _ => Err(refused(name, "it is not an array")),
    }
}

/// Containers inside containers; readers that go down by recursion must come back.
pub(super) const DEEPEST: usize = 100;

pub(super) fn must_fit<T: Tree>(tree: &T, most: usize) -> Result<(), FormatError> {
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

pub(super) fn segments(name: &str) -> Result<Vec<String>, FormatError> {
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
