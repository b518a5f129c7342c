//! `compacted-through`: ours. Below the offset in it, offsets may be missing because a cleaner was
//! here.
//!
//! It is durable before the first cleaned segment of a pass is; the cleaner-offset checkpoint of
//! the log directory follows only after the last one. Whoever meets a hole and has lost the
//! checkpoints, or comes in between, learns from it that nothing is lost.
//!
//! ```text
//! 0            version
//! 1270
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use highwater_records::Offset;

use crate::disk::{Disk, read_file, write_atomically};
use crate::error::{AtPath, StorageFault};
use crate::segment::SegmentHome;
use crate::text::{FormatError, Lines};

/// Name of the file in a partition's directory.
pub(crate) const COMPACTED_THROUGH_FILE: &str = "compacted-through";

const FILE_BYTES_MAX: u64 = 4096;

/// Reads the file.
pub(crate) fn read_compacted_through(bytes: &[u8]) -> Result<Offset, FormatError> {
    let mut lines = Lines::new(bytes)?;
    if lines.next_line()? != "0" {
        return Err(lines.error("expected version 0"));
    }
    let offset: i64 = lines.next_line()?.parse().map_err(|error| lines.error(error))?;
    if offset < 0 {
        return Err(lines.error("negative offset"));
    }
    lines.end()?;
    Ok(Offset::new(offset))
}

/// What the file in a directory says; zero if there is none. One that cannot be understood says
/// that a cleaner was here, and not how far it came.
pub(crate) fn compacted_through(disk: &dyn Disk, dir: &Path) -> Result<Offset, StorageFault> {
    let path = dir.join(COMPACTED_THROUGH_FILE);
    let anywhere = Offset::new(i64::MAX);
    match read_file(disk, &path, FILE_BYTES_MAX) {
        Ok(None) => Ok(Offset::ZERO),
        Ok(Some(bytes)) => Ok(read_compacted_through(&bytes).unwrap_or(anywhere)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(anywhere),
        Err(error) => Err(StorageFault::new("read", &path, error)),
    }
}

impl SegmentHome {
    /// Below this a cleaner may have left holes.
    pub(crate) fn compacted_through(&self) -> Offset {
        Offset::new(self.compacted_through.load(Ordering::Relaxed))
    }

    pub(crate) fn set_compacted_through(&self, offset: Offset) {
        self.compacted_through.store(offset.value(), Ordering::Relaxed);
    }

    /// Notes, durably, that a cleaner works up to `offset`.
    pub(crate) fn raise_compacted_through(&self, offset: Offset) -> Result<(), StorageFault> {
        if offset > self.compacted_through() { self.put_compacted_through(offset) } else { Ok(()) }
    }

    /// Notes, durably, that what comes from `end` on no cleaner has seen.
    pub(crate) fn lower_compacted_through(&self, end: Offset) -> Result<(), StorageFault> {
        if end < self.compacted_through() { self.put_compacted_through(end) } else { Ok(()) }
    }

    fn put_compacted_through(&self, offset: Offset) -> Result<(), StorageFault> {
        let path = self.dir.join(COMPACTED_THROUGH_FILE);
        let text = format!("0\n{offset}\n");
        write_atomically(&*self.disk, &path, text.as_bytes()).at_path("write", &path)?;
        self.set_compacted_through(offset);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_one_offset_and_anything_else_is_refused() {
        assert_eq!(read_compacted_through(b"0\n1270\n"), Ok(Offset::new(1270)));
        for text in ["", "0\n", "1\n5\n", "0\n-5\n", "0\n5 6\n", "0\n5\n6\n"] {
            assert!(read_compacted_through(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
