//! The messages of a mailbox in one file: where each begins, by the rules of the programs that write it, and its headers.
//!
//! Thunderbird begins a message with a line `From - Sat Nov 28 07:53:29 2026` (seen with 153.8) or with `From ` alone
//! (`MboxMsgOutputStream.cpp` of a later source), and puts a `>` before each line of a text that begins so. A line that begins so and
//! is not followed by a header begins no message.

use std::io::{BufRead, Read as _, Result};

use super::all_heads::AllHeads;
use super::head::{self, Head};

/// Longest part of a line that is looked at, in bytes.
const LINE: u64 = 4096;

/// Where in the file a line is.
enum Place {
    /// In a message's text, or before the first message.
    Text,
    /// Right behind a line that may begin a message.
    Begun,
    /// In a message's headers.
    Headers,
}

/// The heads of all messages that begin in what is read, in its order.
pub(super) fn heads(mut read: impl BufRead) -> Result<AllHeads> {
    let mut all = AllHeads::default();
    let mut place = Place::Text;
    let (mut block, mut line) = (Vec::new(), Vec::new());
    let mut starts = true;
    loop {
        line.clear();
        if read.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let (at_start, ends) = (starts, line.ends_with(b"\n"));
        starts = ends;
        if at_start && line.starts_with(b"From ") {
            all.take(&mut block);
            place = Place::Begun;
            continue;
        }
        place = match place {
            Place::Text => Place::Text,
            // The rest of a long line that begins a message.
            Place::Begun if !at_start => Place::Begun,
            Place::Begun if !is_header(&line) => Place::Text,
            Place::Headers if at_start && matches!(&*line, b"\n" | b"\r\n") => {
                all.take(&mut block);
                Place::Text
            }
            Place::Begun | Place::Headers => {
                if block.len() + line.len() <= head::MOST {
                    block.extend_from_slice(&line);
                }
                Place::Headers
            }
        };
    }
    all.take(&mut block);
    Ok(all)
}

impl AllHeads {
    /// Takes up a block of headers, if there is one, and empties it.
    fn take(&mut self, block: &mut Vec<u8>) {
        if !block.is_empty() {
            self.add(Head::of(block));
            block.clear();
        }
    }
}

/// A name without blanks, and a colon.
fn is_header(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    !name.is_empty() && name.len() < line.len() && name.iter().all(u8::is_ascii_graphic)
}
