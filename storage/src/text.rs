//! Lines of Kafka's small text files.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::fmt;

/// A small file that is not what its format says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FormatError {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong, in words.
    pub reason: String,
}

impl FormatError {
    pub(crate) fn new(line: u64, reason: impl fmt::Display) -> Self {
        Self { line, reason: reason.to_string() }
    }
}

/// The lines of a file, counted for error messages.
pub(crate) struct Lines<'a> {
    lines: std::str::Lines<'a>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let text = std::str::from_utf8(bytes).map_err(|error| FormatError::new(1, error))?;
        Ok(Self { lines: text.lines(), number: 0 })
    }

    /// Reads version 0 and the count of what follows; `None` for an empty file.
    pub(crate) fn with_count(bytes: &'a [u8]) -> Result<Option<(Self, u64)>, FormatError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut lines = Self::new(bytes)?;
        let version = lines.next_line()?;
        if version != "0" {
            return Err(lines.error(format_args!("version {version:?}, expected 0")));
        }
        let count = lines.next_line()?;
        let count = count.parse().map_err(|error| lines.error(error))?;
        Ok(Some((lines, count)))
    }

    pub(crate) fn next_line(&mut self) -> Result<&'a str, FormatError> {
        self.number = self.number.saturating_add(1);
        self.lines.next().ok_or_else(|| self.error("the file ends too early"))
    }

    pub(crate) fn next_if_any(&mut self) -> Option<&'a str> {
        self.number = self.number.saturating_add(1);
        self.lines.next()
    }

    /// Checks that only empty lines follow.
    pub(crate) fn end(mut self) -> Result<(), FormatError> {
        while let Some(line) = self.next_if_any() {
            if !line.trim().is_empty() {
                return Err(self.error("more lines than the count says"));
            }
        }
        Ok(())
    }

    pub(crate) fn error(&self, reason: impl fmt::Display) -> FormatError {
        FormatError::new(self.number, reason)
    }
}
