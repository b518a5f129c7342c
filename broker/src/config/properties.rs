//! The `.properties` format that `server.properties` is written in: Java's escapes, continuation lines and comments.

use std::collections::BTreeMap;

/// Largest file that is read; a larger one is refused.
pub const PROPERTIES_FILE_BYTES_MAX: usize = 1024 * 1024;

/// Keys and values as written, in the order of the keys. A key given twice keeps its last value, as in Java.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    entries: BTreeMap<String, String>,
}

/// A file that is not in the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PropertiesError {
    #[error("the file has {len} bytes; at most {max} are read")]
    TooLarge { len: usize, max: usize },
    #[error("line {line}: \\u needs four hexadecimal digits")]
    BadEscape { line: usize },
    #[error("line {line}: \\u escapes that form no character")]
    BadSurrogate { line: usize },
    #[error("line {line}: a value without a key")]
    NoKey { line: usize },
    #[error("expected KEY=VALUE, found {text:?}")]
    NotAPair { text: String },
}

impl Properties {
    /// Reads a whole file. Bytes that are not UTF-8 are taken as ISO-8859-1, the format's old encoding.
    ///
    /// Errors: a file above [`PROPERTIES_FILE_BYTES_MAX`], a broken escape, a line that starts with its separator.
    pub fn parse(bytes: &[u8]) -> Result<Self, PropertiesError> {
        if bytes.len() > PROPERTIES_FILE_BYTES_MAX {
            let (len, max) = (bytes.len(), PROPERTIES_FILE_BYTES_MAX);
            return Err(PropertiesError::TooLarge { len, max });
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        };
        let mut properties = Self::default();
        for (line, logical) in logical_lines(&text) {
            let (key, value) = split(&logical);
            let key = unescape(key, line)?;
            if key.is_empty() {
                return Err(PropertiesError::NoKey { line });
            }
            properties.set(key, unescape(value, line)?);
        }
        Ok(properties)
    }

    /// Sets a key, whatever it was.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        // Kafka trims what it parses; Java's reader keeps trailing blanks, which nobody means.
        self.entries.insert(key.into(), value.into().trim().to_owned());
    }

    /// Sets a key from `KEY=VALUE`, the form of the command line.
    pub fn set_pair(&mut self, pair: &str) -> Result<(), PropertiesError> {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty())
        else {
            return Err(PropertiesError::NotAPair { text: pair.to_owned() });
        };
        self.set(key.trim(), value);
        Ok(())
    }

    /// The value of a key, if it was given.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// All keys and values, as the look-up of configuration sources wants them.
    #[must_use]
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.entries
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Joins continued lines; leaves out blank lines and comments. Each comes with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    // A carriage return ends a line alone too; an empty line more does no harm.
    for (index, natural) in text.split(['\n', '\r']).enumerate() {
        let content = natural.trim_start_matches([' ', '\t', '\x0c']);
        let (first_line, mut logical) = match open.take() {
            Some(started) => started,
            None if content.is_empty() || content.starts_with(['#', '!']) => continue,
            None => (index + 1, String::new()),
        };
        logical.push_str(content);
        let backslash_count = logical.len() - logical.trim_end_matches('\\').len();
        if backslash_count % 2 == 1 {
            logical.pop();
            open = Some((first_line, logical));
        } else {
            lines.push((first_line, logical));
        }
    }
    lines.extend(open);
    lines
}

/// Splits at the first `=`, `:` or blank that is not escaped.
fn split(logical: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let end = logical.find(|character: char| {
        let is_end = !is_escaped && matches!(character, '=' | ':' | ' ' | '\t' | '\x0c');
        is_escaped = character == '\\' && !is_escaped;
        is_end
    });
    let Some(end) = end else { return (logical, "") };
    let (key, rest) = logical.split_at(end);
    let blanks = [' ', '\t', '\x0c'];
    let rest = rest.trim_start_matches(blanks);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(blanks))
}

fn unescape(text: &str, line: usize) -> Result<String, PropertiesError> {
    let mut plain = String::with_capacity(text.len());
    // Halves of characters beyond 16 bits stand in two escapes.
    let mut units: Vec<u16> = Vec::new();
    let mut characters = text.chars();
    loop {
        let character = characters.next();
        let is_unit = character == Some('\\') && characters.as_str().starts_with('u');
        if !is_unit && !units.is_empty() {
            for decoded in char::decode_utf16(units.drain(..)) {
                plain.push(decoded.map_err(|_| PropertiesError::BadSurrogate { line })?);
            }
        }
        match character {
            None => return Ok(plain),
            Some('\\') if is_unit => {
                let digits = characters.as_str().get(1..5);
                let unit =
                    digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let unit = unit.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                units.push(unit.ok_or(PropertiesError::BadEscape { line })?);
                characters = characters.as_str()[5..].chars();
            }
            Some('\\') => match characters.next() {
                Some('t') => plain.push('\t'),
                Some('n') => plain.push('\n'),
                Some('r') => plain.push('\r'),
                Some('f') => plain.push('\x0c'),
                Some(other) => plain.push(other),
                None => {}
            },
            Some(other) => plain.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &[u8], expected: &[(&str, &str)]) {
        let properties = Properties::parse(file).unwrap();
        assert_eq!(
            properties.iter().collect::<Vec<_>>(),
            expected,
            "{:?}",
            file.escape_ascii().to_string()
        );
    }

    #[test]
    fn separators_blanks_and_comments_are_those_of_java() {
        check(b"a=1\nb:2\nc 3\n d = 4 \n", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        check(b"# no\n! no\n\n  # no\na=#1", &[("a", "#1")]);
        check(b"a\nb=\n", &[("a", ""), ("b", "")]);
        check(b"a\\=b=c\\:d", &[("a=b", "c:d")]);
        check(b"a\\ b = c d", &[("a b", "c d")]);
        check(b"a==b", &[("a", "=b")]);
        check(b"a=1\r\nb=2\rc=3", &[("a", "1"), ("b", "2"), ("c", "3")]);
        check(b"", &[]);
    }

    #[test]
    fn last_value_of_a_key_counts() {
        check(b"a=1\na=2", &[("a", "2")]);
    }

    #[test]
    fn lines_are_continued_after_an_odd_count_of_backslashes() {
        check(b"a=1,\\\n    2,\\\n\t3\nb=4", &[("a", "1,2,3"), ("b", "4")]);
        check(b"a=1\\\\\nb=2", &[("a", "1\\"), ("b", "2")]);
        check(b"a=1\\", &[("a", "1")]);
        check(b"a=1\\\n#2", &[("a", "1#2")]);
    }

    #[test]
    fn escapes_and_both_encodings_are_read() {
        check(br"a=\t\n\r\f\q\\", &[("a", "q\\")]);
        check(br"a=x\ty", &[("a", "x\ty")]);
        check(br"a=\u00e9\u20AC\ud83d\ude00!", &[("a", "\u{e9}\u{20ac}\u{1f600}!")]);
        check("a=\u{e9}".as_bytes(), &[("a", "\u{e9}")]);
        check(b"a=\xe9", &[("a", "\u{e9}")]);
        check(b"\xef\xbb\xbfa=1", &[("a", "1")]);
    }

    #[test]
    fn broken_files_are_refused_with_the_line() {
        for (file, expected) in [
            (&b"a=1\nb=\\u12"[..], "line 2: \\u needs four hexadecimal digits"),
            (b"a=\\u12+4", "line 1: \\u needs four hexadecimal digits"),
            (b"a=\\ud83d", "line 1: \\u escapes that form no character"),
            (b"\n=1", "line 2: a value without a key"),
        ] {
            assert_eq!(Properties::parse(file).unwrap_err().to_string(), expected);
        }
        let large = vec![b'#'; PROPERTIES_FILE_BYTES_MAX + 1];
        assert!(matches!(Properties::parse(&large), Err(PropertiesError::TooLarge { .. })));
    }

    #[test]
    fn pairs_of_the_command_line_need_a_key() {
        let mut properties = Properties::default();
        properties.set_pair("log.dirs = /a=b").unwrap();
        assert_eq!(properties.get("log.dirs"), Some("/a=b"));
        for text in ["log.dirs", "=1", " =1", ""] {
            assert!(properties.set_pair(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            drop(Properties::parse(&bytes));
        }
    }
}
