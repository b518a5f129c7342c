//! `recovery-point-limit`: ours. A bound on what the recovery-point checkpoint may say.
//!
//! The checkpoint of a log directory is one file for all its partitions and is written now and
//! then. After a truncation it may still name an offset that is above the cut; bytes written there
//! later would be trusted after a crash though they were never synced. So a truncation (and a
//! recovery that ends below the checkpoint) leaves this file first, and it goes when everything
//! up to the old recovery point is durable again.
//!
//! ```text
//! 0            version
//! 100 120      the recovery point is at most 100; remove this once it has passed 120
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::io;
use std::path::Path;

use highwater_records::Offset;

use crate::disk::{Disk, read_file, write_atomically};
use crate::error::StorageFault;
use crate::text::{FormatError, Lines};

/// Name of the file in a partition's directory.
pub(crate) const RECOVERY_LIMIT_FILE: &str = "recovery-point-limit";

const RECOVERY_LIMIT_BYTES_MAX: u64 = 4096;

/// A bound on the recovery point, and how long it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryLimit {
    /// The recovery point is at most this.
    pub limit: Offset,
    /// Until it has passed this.
    pub until: Offset,
}

impl RecoveryLimit {
    /// Reads the file.
    ///
    /// # Errors
    /// For another version and a line that is none.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut lines = Lines::new(bytes)?;
        if lines.next_line()? != "0" {
            return Err(lines.error("expected version 0"));
        }
        let line = lines.next_line()?;
        let Some((limit, until)) = line.split_once(' ') else {
            return Err(lines.error("expected two offsets"));
        };
        let limit: i64 = limit.parse().map_err(|error| lines.error(error))?;
        let until: i64 = until.parse().map_err(|error| lines.error(error))?;
        lines.end()?;
        Ok(Self { limit: Offset::new(limit), until: Offset::new(until) })
    }

    /// The text of the file.
    #[must_use]
    pub fn write(self) -> String {
        format!("0\n{} {}\n", self.limit, self.until)
    }

    /// The limit that holds in a partition's directory. A file that cannot be understood means
    /// that nothing is known to be durable.
    pub(crate) fn of(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, StorageFault> {
        let path = dir.join(RECOVERY_LIMIT_FILE);
        let nothing = Self { limit: Offset::ZERO, until: Offset::new(i64::MAX) };
        match read_file(disk, &path, RECOVERY_LIMIT_BYTES_MAX) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => Ok(Some(Self::read(&bytes).unwrap_or(nothing))),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Some(nothing)),
            Err(error) => Err(StorageFault::new("read", &path, error)),
        }
    }

    /// Leaves the file, durably.
    pub(crate) fn put(self, disk: &dyn Disk, dir: &Path) -> Result<(), StorageFault> {
        let path = dir.join(RECOVERY_LIMIT_FILE);
        let written = write_atomically(disk, &path, self.write().as_bytes());
        written.map_err(|error| StorageFault::new("write", &path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_limit_reads_back_and_damage_is_refused() {
        let limit = RecoveryLimit { limit: Offset::new(100), until: Offset::new(120) };
        assert_eq!(limit.write(), "0\n100 120\n");
        assert_eq!(RecoveryLimit::read(limit.write().as_bytes()).unwrap(), limit);
        for text in ["", "1\n1 2\n", "0\n", "0\n12\n", "0\n1 x\n", "0\n1 2\n3\n"] {
            assert!(RecoveryLimit::read(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
