//! Kafka's checkpoint files: one offset for each partition of a log directory.
//!
//! ```text
//! 0                       version
//! 2                       count
//! orders 0 4711           topic, partition, offset
//! orders 1 12
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use highwater_records::{Offset, TopicName, TopicPartition};

use crate::text::{FormatError, Lines};

/// Reads a checkpoint file. An empty file has no entries.
///
/// # Errors
/// For another version, a line that is none, a partition named twice and a wrong count.
pub fn read_offsets(bytes: &[u8]) -> Result<BTreeMap<TopicPartition, Offset>, FormatError> {
    let mut offsets = BTreeMap::new();
    let Some((mut lines, count)) = Lines::with_count(bytes)? else { return Ok(offsets) };
    for _ in 0..count {
        let line = lines.next_line()?;
        let mut words = line.split(' ');
        let entry = (words.next(), words.next(), words.next(), words.next());
        let (Some(topic), Some(partition), Some(offset), None) = entry else {
            return Err(lines.error("expected topic, partition and offset"));
        };
        let topic = TopicName::parse(topic).map_err(|error| lines.error(error))?;
        let partition: i32 = partition.parse().map_err(|error| lines.error(error))?;
        let offset: i64 = offset.parse().map_err(|error| lines.error(error))?;
        if partition < 0 || offset < 0 {
            return Err(lines.error("negative partition or offset"));
        }
        let place = TopicPartition::new(topic, partition);
        if offsets.insert(place, Offset::new(offset)).is_some() {
            return Err(lines.error("a partition is named twice"));
        }
    }
    lines.end()?;
    Ok(offsets)
}

/// The bytes of a checkpoint file.
#[must_use]
pub fn write_offsets(offsets: &BTreeMap<TopicPartition, Offset>) -> String {
    let mut text = format!("0\n{}\n", offsets.len());
    for (place, offset) in offsets {
        writeln!(text, "{} {} {offset}", place.topic, place.partition)
            .unwrap_or_else(|_| unreachable!("a String takes everything"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition::new(TopicName::parse(topic).unwrap(), partition)
    }

    #[test]
    fn written_checkpoint_is_kafkas_text_and_reads_back() {
        let offsets = BTreeMap::from([
            (place("a.b", 0), Offset::new(7)),
            (place("a.b", 11), Offset::new(i64::MAX)),
        ]);
        let text = write_offsets(&offsets);
        assert_eq!(text, "0\n2\na.b 0 7\na.b 11 9223372036854775807\n");
        assert_eq!(read_offsets(text.as_bytes()).unwrap(), offsets);
    }

    #[test]
    fn empty_file_has_no_entries() {
        assert_eq!(read_offsets(b"").unwrap(), BTreeMap::new());
        assert_eq!(read_offsets(b"0\n0\n").unwrap(), BTreeMap::new());
    }

    #[test]
    fn damaged_checkpoint_is_refused_with_its_line() {
        for (bytes, line) in [
            (&b"1\n0\n"[..], 1),
            (b"x\n", 1),
            (b"0\n", 2),
            (b"0\n-1\n", 2),
            (b"0\n99999999999\n", 3),
            (b"0\n2\na 0 1\n", 4),
            (b"0\n1\na 0 1\nb 0 1\n", 4),
            (b"0\n1\na 0\n", 3),
            (b"0\n1\na 0 1 2\n", 3),
            (b"0\n1\na/b 0 1\n", 3),
            (b"0\n1\na 0 -1\n", 3),
            (b"0\n2\na 0 1\na 0 1\n", 4),
            (b"0\n1\n\xff 0 1\n", 1),
        ] {
            let error = read_offsets(bytes).unwrap_err();
            assert_eq!(error.line, line, "{:?}: {error}", String::from_utf8_lossy(bytes));
        }
    }
}
