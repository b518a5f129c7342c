//! Which topic id a directory belongs to: `partition.metadata`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::path::Path;

use highwater_records::Uuid;

use crate::disk::{Disk, read_file};
use crate::error::{AtPath, Damage, OpenError};
use crate::text::{FormatError, Lines};

/// Name of the file in a partition's directory.
pub(crate) const PARTITION_METADATA_FILE: &str = "partition.metadata";

/// Bytes of the file that are read; ours has 52.
const PARTITION_METADATA_BYTES_MAX: u64 = 4096;

/// The text of the file.
#[must_use]
pub fn write_partition_metadata(topic_id: Uuid) -> String {
    format!("version: 0\ntopic_id: {topic_id}")
}

/// Reads the topic id.
///
/// # Errors
/// For another version and for a line or id that is none.
pub fn read_partition_metadata(bytes: &[u8]) -> Result<Uuid, FormatError> {
    let mut lines = Lines::new(bytes)?;
    let version = lines.next_line()?;
    if version.strip_prefix("version:").map(str::trim) != Some("0") {
        return Err(lines.error(format_args!("{version:?}, expected version: 0")));
    }
    let line = lines.next_line()?;
    let Some(id) = line.strip_prefix("topic_id:") else {
        return Err(lines.error("expected topic_id"));
    };
    let topic_id: Uuid = id.trim().parse().map_err(|error| lines.error(error))?;
    if topic_id.is_zero() {
        return Err(lines.error("the topic id is zero"));
    }
    lines.end()?;
    Ok(topic_id)
}

/// The topic id of a partition's directory; `None` if it has no (or an empty) file.
///
/// # Errors
/// If the file cannot be read or is not what its format says.
pub fn topic_id_of(disk: &dyn Disk, dir: &Path) -> Result<Option<Uuid>, OpenError> {
    let path = dir.join(PARTITION_METADATA_FILE);
    let bytes = read_file(disk, &path, PARTITION_METADATA_BYTES_MAX).at_path("read", &path)?;
    match bytes {
        None => Ok(None),
        Some(bytes) if bytes.is_empty() => Ok(None),
        Some(bytes) => match read_partition_metadata(&bytes) {
            Ok(topic_id) => Ok(Some(topic_id)),
            Err(error) => Err(Damage::new(&path, 0, error).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_file_is_kafkas_text_and_reads_back() {
        let topic_id = Uuid::from_random(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        let text = write_partition_metadata(topic_id);
        assert_eq!(text, format!("version: 0\ntopic_id: {topic_id}"));
        assert_eq!(read_partition_metadata(text.as_bytes()).unwrap(), topic_id);
    }

    #[test]
    fn damaged_file_is_refused() {
        let topic_id = Uuid::from_random(77);
        for text in [
            format!("version: 1\ntopic_id: {topic_id}"),
            format!("version: 0\ntopic_id: {topic_id}\nmore"),
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA".into(),
            "version: 0\ntopic_id: short".into(),
            "version: 0".into(),
            "\0".into(),
        ] {
            assert!(read_partition_metadata(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
