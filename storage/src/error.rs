//! What can go wrong below this crate, and what it refuses.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{Offset, ProducerEpoch, ProducerId, Sequence, Uuid};

/// The disk failed us: what was being done, on which file, and what the system said.
///
/// A fault is final for the log it happened in (and, when it came from a sync, for the whole log
/// directory): nothing is tried again and believed. Cloning shares the cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct StorageFault {
    /// Verb of the sentence: `write`, `sync`, `rename`.
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: Arc<io::Error>,
}

impl StorageFault {
    /// A fault of `operation` on `path`.
    pub fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self { operation, path: path.to_path_buf(), source: Arc::new(source) }
    }

    /// Whether the file system (or the quota) has no room left.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        is_disk_full(&self.source)
    }

    /// Whether the process or the system has no descriptor left: nothing is wrong with the disk.
    #[must_use]
    pub fn is_out_of_descriptors(&self) -> bool {
        is_out_of_descriptors(&self.source)
    }
}

/// Whether `error` says that the process or the system has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether `error` says that the file system (or the quota) has no room left.
#[must_use]
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Adds operation and path to an I/O result.
pub(crate) trait AtPath<T> {
    fn at_path(self, operation: &'static str, path: &Path) -> Result<T, StorageFault>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at_path(self, operation: &'static str, path: &Path) -> Result<T, StorageFault> {
        self.map_err(|source| StorageFault::new(operation, path, source))
    }
}

/// Bytes on disk that are not what their format says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at byte {position_bytes}: {reason}", path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where in the file, as far as it is known.
    pub position_bytes: u64,
    /// What is wrong, in words.
    pub reason: String,
}

impl Damage {
    pub(crate) fn new(path: &Path, position_bytes: u64, reason: impl fmt::Display) -> Self {
        Self { path: path.to_path_buf(), position_bytes, reason: reason.to_string() }
    }
}

/// Why a batch is not taken. The log is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The producer skipped sequences, or sent again something older than the last five batches.
    #[error("producer {producer_id} sent sequence {found} where {expected} comes next")]
    OutOfOrderSequence { producer_id: ProducerId, expected: Sequence, found: Sequence },
    /// A newer incarnation of the producer has written here.
    #[error("producer {producer_id} has epoch {current}, the batch has {found}")]
    InvalidProducerEpoch { producer_id: ProducerId, current: ProducerEpoch, found: ProducerEpoch },
    /// No segment could hold the batch.
    #[error("a batch of {size_bytes} bytes does not fit a segment of {segment_bytes}")]
    RecordListTooLarge { size_bytes: u64, segment_bytes: u64 },
    /// The batch would pass the last possible offset.
    #[error("no offsets left after {log_end_offset}")]
    OffsetsExhausted { log_end_offset: Offset },
    /// The file system has no room left; the log goes on when there is room again.
    #[error("disk full: {}", path.display())]
    DiskFull { path: PathBuf },
    /// The process has no descriptor left for the file; the log goes on when there is one again.
    #[error("out of file descriptors: cannot open {}", path.display())]
    OutOfDescriptors { path: PathBuf },
}

/// Why an append did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The batch is not taken; the log is usable.
    #[error("append refused: {0}")]
    Refused(Refusal),
    /// The log takes nothing any more.
    #[error("cannot write the log")]
    Fault(#[source] StorageFault),
}

/// Why a read has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// Below the log start or above the log end.
    #[error("offset {offset} is outside {log_start_offset}..{log_end_offset}")]
    OffsetOutOfRange { offset: Offset, log_start_offset: Offset, log_end_offset: Offset },
    /// The view is older than a truncation or deletion; take a new one.
    #[error("the log was cut since the view was taken")]
    Stale,
    /// The bytes on disk are not what was written.
    #[error(transparent)]
    Corrupt(#[from] Damage),
    /// The disk failed.
    #[error("cannot read the log")]
    Fault(#[from] StorageFault),
}

/// Why a partition directory does not become a [`crate::Log`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory belongs to another topic of the same name.
    #[error("{} holds topic id {found}, not {expected}", dir.display())]
    OtherTopicId { dir: PathBuf, found: Uuid, expected: Uuid },
    /// A file cannot be what it claims, and it is not one that can be rebuilt.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk failed.
    #[error("cannot open the log")]
    Fault(#[from] StorageFault),
}
