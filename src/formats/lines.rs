//! What the editors of line-based formats share: where lines begin and end, and printing a source with
//! its edits so that a line that was inserted can be taken out again without a trace.

use std::ops::Range;

/// UTF-8's byte order mark.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Replaces `range` of the source by `text`. An insertion has an empty range.
pub(super) struct Splice {
    /// What goes.
    pub range: Range<usize>,
    /// What comes.
    pub text: Vec<u8>,
    /// `range` is whole lines.
    pub whole_lines: bool,
}

/// The line end of the first line, or LF. CR alone only where nothing else ends a line: before an empty line that ends in LF it
/// would become a part of that line's end, and leave with it.
pub(super) fn line_end(source: &[u8]) -> &'static [u8] {
    match source.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
        Some(at) if source[at] == b'\r' && source.get(at + 1) == Some(&b'\n') => b"\r\n",
        Some(at) if source[at] == b'\r' && !source.contains(&b'\n') => b"\r",
        _ => b"\n",
    }
}

/// The whole lines around `span`, line end included, if nothing but blanks shares them with it.
pub(super) fn own_lines(source: &[u8], floor: usize, span: &Range<usize>) -> Option<Range<usize>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | 0x0b | 0x0c);
    let mut start = span.start;
    while start > floor && blank(&source[start - 1]) {
        start -= 1;
    }
    if start > floor && !matches!(source[start - 1], b'\n' | b'\r') {
        return None;
    }
    let mut end = span.end;
    while source.get(end).is_some_and(blank) {
        end += 1;
    }
    match source.get(end) {
        None => Some(start..end),
        Some(b'\r') if source.get(end + 1) == Some(&b'\n') => Some(start..end + 2),
        Some(b'\n' | b'\r') => Some(start..end + 1),
        Some(_) => None,
    }
}

/// Prints the source with `splices`, and `appended` as lines of their own at its end.
///
/// `open_end` says that the last line has no line end; it stays so: appended lines are then led in by a
/// line end instead of closed by one, and taking out the last line takes the line end before it.
pub(super) fn print(
    source: &[u8],
    mut splices: Vec<Splice>,
    appended: &[Vec<u8>],
    eol: &[u8],
    open_end: bool,
) -> Vec<u8> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let grown: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut out = Vec::with_capacity(source.len() + grown + appended.iter().map(|line| line.len() + 2).sum::<usize>());
    let mut at = 0;
    let mut last_line_gone = false;
    for splice in &splices {
        if splice.range.start > at {
            out.extend_from_slice(&source[at..splice.range.start]);
        }
        out.extend_from_slice(&splice.text);
        at = at.max(splice.range.end);
        last_line_gone |= open_end && splice.whole_lines && splice.text.is_empty() && splice.range.end == source.len();
    }
    out.extend_from_slice(&source[at..]);
    if last_line_gone {
        let cut = if out.ends_with(b"\r\n") { 2 } else { usize::from(matches!(out.last(), Some(b'\n' | b'\r'))) };
        out.truncate(out.len() - cut);
    }
    for line in appended {
        let at_start = out.is_empty() || out == BOM;
        if open_end && !at_start {
            out.extend_from_slice(eol);
        }
        out.extend_from_slice(line);
        if !open_end {
            out.extend_from_slice(eol);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cr_alone_is_taken_only_where_no_line_ends_otherwise() {
        assert_eq!(line_end(b"a\rb\r"), b"\r");
        assert_eq!(line_end(b"a\r\nb\n"), b"\r\n");
        assert_eq!(line_end(b"a\nb\r"), b"\n");
        assert_eq!(line_end(b"\ra\n\nb"), b"\n");
        assert_eq!(line_end(b"a"), b"\n");
    }
}
