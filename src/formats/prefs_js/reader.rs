//! Gecko's reader of preference files, token by token, as `modules/libpref/parser/src/lib.rs` has it: a syntax error
//! costs everything up to the next semicolon token. A NUL byte ends the string or comment it is in, else the file. Held
//! against `readUserPrefsFromFile` of Thunderbird 153.7 on thousands of generated files.

use std::ops::Range;

/// A value as it is written.
pub(super) enum Literal {
    /// Bytes of a string, its escapes resolved.
    Text(Vec<u8>),
    Int(i32),
    Bool(bool),
}

/// What a statement sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sets {
    /// `user_pref`
    User,
    /// `pref`, `sticky_pref`
    Default,
}

/// One statement.
pub(super) struct Statement {
    pub sets: Sets,
    pub name: Vec<u8>,
    pub literal: Literal,
    /// From its first word to behind the semicolon.
    pub span: Range<usize>,
    /// Of the value, signs and quotes included.
    pub value: Range<usize>,
}

/// The first thing that is not in the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset of the statement that is lost.
    pub offset: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

enum Token {
    End,
    /// One of `(),;+-`.
    Sign(u8),
    UserPref,
    Pref,
    True,
    False,
    Text(Vec<u8>),
    /// Without its sign; so 2147483648 may still become the smallest number.
    Int(u32),
    Bad(&'static str),
}

/// What was found where something else belongs.
struct Unexpected {
    token: Token,
    why: &'static str,
}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the token read last begins.
    token_start: usize,
    /// The first error.
    pub damage: Option<Damage>,
    /// The bytes end inside a statement that is lost.
    pub open: bool,
}

/// Reads one literal that is all of `raw`.
pub(super) fn literal(raw: &str) -> Option<Literal> {
    let mut reader = Reader::new(raw.as_bytes(), 0);
    let token = reader.token();
    if reader.token_start != 0 {
        return None;
    }
    let literal = reader.value(token).ok()?;
    (reader.at == raw.len()).then_some(literal)
}

impl<'a> Reader<'a> {
    /// Are there bytes behind the end, as Gecko sees it?
    pub fn ends_early(&self) -> bool {
        self.at < self.bytes.len()
    }

    /// Reads from this offset on.
    pub fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, at: start, token_start: start, damage: None, open: false }
    }

    /// The next statement that is whole.
    pub fn statement(&mut self) -> Option<Statement> {
        loop {
            let first = self.token();
            let start = self.token_start;
            let sets = match first {
                Token::End => return None,
                Token::UserPref => Ok(Sets::User),
                Token::Pref => Ok(Sets::Default),
                token => Err(Unexpected { token, why: "neither a preference nor a comment" }),
            };
            match sets.and_then(|sets| self.rest(sets, start)) {
                Ok(statement) => return Some(statement),
                Err(unexpected) => self.recover(unexpected, start),
            }
        }
    }

    fn rest(&mut self, sets: Sets, start: usize) -> Result<Statement, Unexpected> {
        self.expect(b'(', "'(' expected")?;
        let name = match self.token() {
            Token::Text(name) => name,
            token => return Err(Unexpected { token, why: "the name of a preference is not in quotes" }),
        };
        self.expect(b',', "',' expected")?;
        let first = self.token();
        let value_start = self.token_start;
        let literal = self.value(first)?;
        let value = value_start..self.at;
        // `sticky` and `locked` are for the program's own defaults, not for prefs.js and user.js
        self.expect(b')', "')' expected")?;
        self.expect(b';', "';' expected")?;
        Ok(Statement { sets, name, literal, span: start..self.at, value })
    }

    fn expect(&mut self, sign: u8, why: &'static str) -> Result<(), Unexpected> {
        match self.token() {
            Token::Sign(found) if found == sign => Ok(()),
            token => Err(Unexpected { token, why }),
        }
    }

    fn value(&mut self, first: Token) -> Result<Literal, Unexpected> {
        const OVERFLOW: &str = "not a whole number of 32 bits";
        let overflow = || Unexpected { token: Token::Bad(OVERFLOW), why: OVERFLOW };
        match first {
            Token::Text(text) => Ok(Literal::Text(text)),
            Token::True => Ok(Literal::Bool(true)),
            Token::False => Ok(Literal::Bool(false)),
            Token::Int(number) => i32::try_from(number).map(Literal::Int).map_err(|_| overflow()),
            Token::Sign(sign @ (b'-' | b'+')) => match self.token() {
                Token::Int(number) => {
                    let signed = if sign == b'-' { -i64::from(number) } else { i64::from(number) };
                    i32::try_from(signed).map(Literal::Int).map_err(|_| overflow())
                }
                token => Err(Unexpected { token, why: "a number expected" }),
            },
            token => Err(Unexpected { token, why: "a string, a number, true or false expected" }),
        }
    }

    /// Goes on behind the next semicolon, strings and comments read as what they are.
    fn recover(&mut self, unexpected: Unexpected, start: usize) {
        let why = if let Token::Bad(why) = unexpected.token { why } else { unexpected.why };
        self.damage.get_or_insert(Damage { offset: start, why });
        let mut token = unexpected.token;
        loop {
            match token {
                Token::Sign(b';') => return,
                Token::End => {
                    self.open = true;
                    return;
                }
                _ => token = self.token(),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn takes(&mut self, wanted: u8) -> bool {
        let same = self.peek() == Some(wanted);
        self.at += usize::from(same);
        same
    }

    fn token(&mut self) -> Token {
        loop {
            self.token_start = self.at;
            let Some(byte) = self.next() else { return Token::End };
            match byte {
                0 => {
                    self.at -= 1;
                    return Token::End;
                }
                b'(' | b')' | b'+' | b',' | b'-' | b';' => return Token::Sign(byte),
                b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ' => {}
                b'A'..=b'Z' | b'a'..=b'z' | b'_' => return self.word(),
                b'"' | b'\'' => return self.text(byte),
                b'0'..=b'9' => return self.number(byte),
                b'#' => self.skip_line(),
                // whatever else follows the slash is read along with it
                b'/' => match self.next() {
                    Some(b'/') => self.skip_line(),
                    Some(b'*') => {
                        if !self.skip_comment() {
                            return Token::Bad("a comment that does not end");
                        }
                    }
                    _ => return Token::Bad("a lone slash"),
                },
                _ => return Token::Bad("an unexpected character"),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0)).unwrap_or(rest.len());
        self.takes(0);
    }

    fn skip_comment(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let nul = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        let end = rest[..nul].windows(2).position(|pair| pair == b"*/");
        self.at += end.map_or(nul, |end| end + 2);
        if end.is_none() {
            self.takes(0);
        }
        end.is_some()
    }

    fn word(&mut self) -> Token {
        while self.peek().is_some_and(is_letter) {
            self.at += 1;
        }
        match &self.bytes[self.token_start..self.at] {
            b"user_pref" => Token::UserPref,
            b"pref" | b"sticky_pref" => Token::Pref,
            b"true" => Token::True,
            b"false" => Token::False,
            _ => Token::Bad("an unknown word"),
        }
    }

    fn number(&mut self, first: u8) -> Token {
        let mut value = Some(u32::from(first - b'0'));
        while let Some(byte) = self.peek() {
            match byte {
                b'0'..=b'9' => {
                    value = value.and_then(|value| value.checked_mul(10)?.checked_add(u32::from(byte - b'0')));
                    self.at += 1;
                }
                other if is_letter(other) => return Token::Bad("a letter in a number"),
                _ => break,
            }
        }
        value.map_or(Token::Bad("not a whole number of 32 bits"), Token::Int)
    }

    /// A string is read to its end also when something in it is wrong.
    fn text(&mut self, quote: u8) -> Token {
        let mut text = Vec::new();
        let mut wrong: Option<&'static str> = None;
        loop {
            let rest = &self.bytes[self.at..];
            let special = |&byte: &u8| byte == quote || byte == b'\\' || byte == 0;
            let plain = rest.iter().position(special).unwrap_or(rest.len());
            text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            if self.takes(0) {
                return Token::Bad(wrong.unwrap_or("a NUL byte in a string"));
            }
            match self.next() {
                None => return Token::Bad(wrong.unwrap_or("a string that does not end")),
                Some(byte) if byte == quote => return wrong.map_or(Token::Text(text), Token::Bad),
                Some(_) => {
                    if let Err(why) = self.escape(&mut text) {
                        wrong.get_or_insert(why);
                    }
                }
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), &'static str> {
        let kind = self.peek();
        match kind {
            Some(byte @ (b'"' | b'\'' | b'\\')) => text.push(byte),
            Some(b'n') => text.push(b'\n'),
            Some(b'r') => text.push(b'\r'),
            Some(b'x' | b'u') => {}
            // it is read again as a character of the string
            _ => return Err("an unknown escape"),
        }
        self.at += 1;
        match kind {
            Some(b'x') => match self.hex(2)? {
                0 => Err("an escaped NUL"),
                unit => {
                    text.push(unit as u8);
                    Ok(())
                }
            },
            Some(b'u') => self.unicode(text),
            _ => Ok(()),
        }
    }

    fn unicode(&mut self, text: &mut Vec<u8>) -> Result<(), &'static str> {
        const HALF: &str = "half a surrogate pair";
        let first = self.hex(4)?;
        let mut units = vec![first];
        if first == 0 {
            return Err("an escaped NUL");
        }
        if first & 0xfc00 == 0xd800 {
            if !(self.takes(b'\\') && self.takes(b'u')) {
                return Err(HALF);
            }
            units.push(self.hex(4).map_err(|_| HALF)?);
        }
        text.extend_from_slice(String::from_utf16(&units).map_err(|_| HALF)?.as_bytes());
        Ok(())
    }

    /// The digits that are there are read also when they are too few.
    fn hex(&mut self, digits: usize) -> Result<u16, &'static str> {
        let mut value = 0;
        for _ in 0..digits {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            value = value << 4 | digit.ok_or("hexadecimal digits expected")? as u16;
            self.at += 1;
        }
        Ok(value)
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}
