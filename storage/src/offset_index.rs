//! `.index`: where in the segment an offset is.
//!
//! | at | bytes | name | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 4 | relative offset | last offset of a batch, less the segment's base |
//! | 4 | 4 | position | where that batch starts in the `.log` |

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use crate::index_file::IndexEntry;

/// An entry of an offset index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry {
    /// Last offset of a batch, less the base offset of the segment.
    pub relative_offset: u32,
    /// Where that batch starts.
    pub position_bytes: u32,
}

impl IndexEntry for OffsetEntry {
    const BYTES: usize = 8;
    const SUFFIX: &'static str = "index";

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative_offset.to_be_bytes());
        out.extend_from_slice(&self.position_bytes.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (relative_offset, rest) = bytes.split_first_chunk::<4>()?;
        Some(Self {
            relative_offset: u32::from_be_bytes(*relative_offset),
            position_bytes: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }

    fn key(&self) -> i64 {
        i64::from(self.relative_offset)
    }

    fn may_follow(&self, earlier: &Self) -> bool {
        self.relative_offset > earlier.relative_offset
            && self.position_bytes > earlier.position_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_bytes_are_kafkas() {
        let entry = OffsetEntry { relative_offset: 0x0102, position_bytes: 0x0a0b_0c0d };
        let mut bytes = Vec::new();
        entry.write(&mut bytes);
        assert_eq!(bytes, [0, 0, 1, 2, 0x0a, 0x0b, 0x0c, 0x0d]);
        assert_eq!(OffsetEntry::read(&bytes), Some(entry));
        assert_eq!(OffsetEntry::read(&bytes[1..]), None);
    }
}
