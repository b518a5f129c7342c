//! `.timeindex`: from where in the segment records are younger than a time.
//!
//! | at | bytes | name | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 8 | timestamp | greatest timestamp of the segment so far |
//! | 8 | 4 | relative offset | last offset of the batch that brought it, less the segment's base |

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use highwater_records::Timestamp;

use crate::index_file::IndexEntry;

/// An entry of a time index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// Greatest timestamp of the segment so far.
    pub timestamp: Timestamp,
    /// Last offset of the batch that brought it, less the base offset of the segment.
    pub relative_offset: u32,
}

impl IndexEntry for TimeEntry {
    const BYTES: usize = 12;
    const SUFFIX: &'static str = "timeindex";

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.value().to_be_bytes());
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (timestamp, rest) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            timestamp: Timestamp::new(i64::from_be_bytes(*timestamp)),
            relative_offset: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }

    fn key(&self) -> i64 {
        self.timestamp.value()
    }

    fn may_follow(&self, earlier: &Self) -> bool {
        self.timestamp > earlier.timestamp && self.relative_offset > earlier.relative_offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_bytes_are_kafkas() {
        let entry = TimeEntry { timestamp: Timestamp::new(0x18b_cfe5_6800), relative_offset: 513 };
        let mut bytes = Vec::new();
        entry.write(&mut bytes);
        assert_eq!(bytes, [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0, 0, 0, 2, 1]);
        assert_eq!(TimeEntry::read(&bytes), Some(entry));
        assert_eq!(TimeEntry::read(&bytes[..11]), None);
    }
}
