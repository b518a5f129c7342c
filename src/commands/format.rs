//! The `--format` of `consume`: kcat's letters and escapes, parsed once and then written per record.

use std::io::{self, Write};
use std::str::FromStr;

use highwater::consumer::ConsumerRecord;

/// A parsed format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Key,
    KeyBytes,
    Value,
    ValueBytes,
    Timestamp,
    Headers,
}

/// Why a format string makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("unknown letter '%{0}'; known are %t %p %o %k %K %s %S %T %h %%")]
    UnknownLetter(char),
    #[error("a lone '%' at the end; write %% for a percent sign")]
    LonePercent,
    #[error("unknown escape '\\{0}'; known are \\n \\r \\t \\0 \\\\ \\xHH")]
    UnknownEscape(char),
    #[error("a lone '\\' at the end; write \\\\ for a backslash")]
    LoneBackslash,
    #[error("\\x needs two hexadecimal digits")]
    BadHex,
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut chars = text.chars();
        while let Some(next) = chars.next() {
            match next {
                '%' => match chars.next().ok_or(FormatError::LonePercent)? {
                    '%' => literal.push(b'%'),
                    letter => {
                        let piece = piece(letter)?;
                        if !literal.is_empty() {
                            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                        }
                        pieces.push(piece);
                    }
                },
                '\\' => literal.push(escape(&mut chars)?),
                other => {
                    literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }
}

impl Format {
    /// The value and a line feed: what `consume` writes when nothing else is asked for.
    pub(crate) fn value_lines() -> Self {
        Self { pieces: vec![Piece::Value, Piece::Literal(b"\n".to_vec())] }
    }

    /// Writes one record; a null key or value writes nothing, and its length is -1.
    pub(crate) fn write(&self, out: &mut impl Write, record: &ConsumerRecord) -> io::Result<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => out.write_all(bytes)?,
                Piece::Topic => out.write_all(record.topic.as_str().as_bytes())?,
                Piece::Partition => write!(out, "{}", record.partition)?,
                Piece::Offset => write!(out, "{}", record.offset.value())?,
                Piece::Key => out.write_all(record.key.as_deref().unwrap_or_default())?,
                Piece::KeyBytes => write_length(out, record.key.as_deref())?,
                Piece::Value => out.write_all(record.value.as_deref().unwrap_or_default())?,
                Piece::ValueBytes => write_length(out, record.value.as_deref())?,
                Piece::Timestamp => write!(out, "{}", record.timestamp.value())?,
                Piece::Headers => write_headers(out, record)?,
            }
        }
        Ok(())
    }
}

fn write_length(out: &mut impl Write, bytes: Option<&[u8]>) -> io::Result<()> {
    match bytes {
        Some(bytes) => write!(out, "{}", bytes.len()),
        None => out.write_all(b"-1"),
    }
}

fn write_headers(out: &mut impl Write, record: &ConsumerRecord) -> io::Result<()> {
    for (index, header) in record.headers.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(&header.key)?;
        out.write_all(b"=")?;
        out.write_all(header.value.as_deref().unwrap_or(b"NULL"))?;
    }
    Ok(())
}

fn piece(letter: char) -> Result<Piece, FormatError> {
    Ok(match letter {
        't' => Piece::Topic,
        'p' => Piece::Partition,
        'o' => Piece::Offset,
        'k' => Piece::Key,
        'K' => Piece::KeyBytes,
        's' => Piece::Value,
        'S' => Piece::ValueBytes,
        'T' => Piece::Timestamp,
        'h' => Piece::Headers,
        other => return Err(FormatError::UnknownLetter(other)),
    })
}

/// The bytes of a text with escapes and without letters.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => bytes.push(escape(&mut chars)?),
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(bytes)
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<u8, FormatError> {
    match chars.next().ok_or(FormatError::LoneBackslash)? {
        'n' => Ok(b'\n'),
        'r' => Ok(b'\r'),
        't' => Ok(b'\t'),
        '0' => Ok(0),
        '\\' => Ok(b'\\'),
        'x' => {
            let mut digit = || chars.next().and_then(|digit| digit.to_digit(16));
            let (high, low) = (digit(), digit());
            let (Some(high), Some(low)) = (high, low) else { return Err(FormatError::BadHex) };
            u8::try_from(high * 16 + low).map_err(|_| FormatError::BadHex)
        }
        other => Err(FormatError::UnknownEscape(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::fixture::record;

    fn check(format: &str, expected: &[u8]) {
        let mut out = Vec::new();
        format.parse::<Format>().unwrap().write(&mut out, &record()).unwrap();
        assert_eq!(out, expected, "{format}");
    }

    #[test]
    fn format_writes_every_letter_and_escape() {
        check("%t %p %o", b"orders 3 42");
        check("%k=%s\\n", b"key=va\xfflue\n");
        check("%K:%S", b"3:6");
        check("%T %h", b"1700000000000 a=1,b=NULL");
        check("100%%\\t\\x41\\0\\\\", b"100%\tA\0\\");
    }

    #[test]
    fn format_of_a_null_value_is_empty_and_its_length_is_minus_one() {
        let mut record = record();
        record.value = None;
        let mut out = Vec::new();
        "[%s]%S".parse::<Format>().unwrap().write(&mut out, &record).unwrap();
        assert_eq!(out, b"[]-1");
    }

    #[test]
    fn format_that_makes_no_sense_is_refused() {
        let refused = |text: &str| text.parse::<Format>().unwrap_err();
        assert_eq!(refused("%q"), FormatError::UnknownLetter('q'));
        assert_eq!(refused("100%"), FormatError::LonePercent);
        assert_eq!(refused("\\q"), FormatError::UnknownEscape('q'));
        assert_eq!(refused("\\"), FormatError::LoneBackslash);
        assert_eq!(refused("\\x4"), FormatError::BadHex);
    }
}
