//! Looks at a data directory from outside and says what is wrong with it: `highwater log verify`.
//!
//! Reads only, and reads directories of Apache Kafka too. What one file says is compared with what
//! the others say; derived files may lag behind the log (a crash leaves them so), but may not
//! contradict it.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::io;
use std::path::Path;

use highwater_records::{BatchError, BatchHeader, Offset, Timestamp};

use crate::batch_scanner::{BatchScanner, Depth, ScanError};
use crate::checkpoint::read_offsets;
use crate::disk::{DirEntry, Disk, OpenMode, read_file};
use crate::dump::read_index;
use crate::error::{AtPath, Damage, StorageFault};
use crate::index_file::IndexEntry;
use crate::leader_epochs::{LEADER_EPOCHS_FILE, LeaderEpochs};
use crate::meta_properties::{META_PROPERTIES_FILE, read_meta_properties};
use crate::offset_index::OffsetEntry;
use crate::partition_metadata::{PARTITION_METADATA_FILE, read_partition_metadata};
use crate::producer_snapshot::{
    SIDECAR_SUFFIX, SNAPSHOT_BYTES_MAX, SNAPSHOT_SUFFIX, check_sidecar, read_snapshot, snapshot_crc,
};
use crate::recovery_limit::{RECOVERY_LIMIT_FILE, RecoveryLimit};
use crate::segment::{LOG_SUFFIX, file_name, parse_file_name};
use crate::text::FormatError;
use crate::time_index::TimeEntry;

/// Bytes of a text file that are read.
const TEXT_FILE_BYTES_MAX: u64 = 256 << 20;

/// Checkpoint files of a log directory.
const CHECKPOINT_FILES: [&str; 4] = [
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
    "cleaner-offset-checkpoint",
];

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is a log directory: it has a `meta.properties`.
    pub is_log_dir: bool,
    /// Partition directories.
    pub partition_count: u64,
    /// Segments.
    pub segment_count: u64,
    /// Batches whose CRC is right.
    pub batch_count: u64,
    /// Records that those batches say they hold.
    pub record_count: u64,
    /// Bytes of those batches.
    pub log_bytes: u64,
    /// Index entries that agree with the log.
    pub index_entry_count: u64,
    /// What is wrong: file, position, reason.
    pub problems: Vec<Damage>,
    /// Segments in formats older than v2, which cannot be judged.
    pub unsupported: Vec<Damage>,
}

/// Checks a log directory, one partition's directory, or one segment's `.log` file.
///
/// # Errors
/// If something cannot be read at all; what is merely wrong is in the result.
pub fn verify(disk: &dyn Disk, path: &Path) -> Result<Verified, StorageFault> {
    let mut verified = Verified::default();
    if !disk.metadata(path).at_path("look at", path)?.is_dir {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let base = parse_file_name(&name).map_or(Offset::ZERO, |(base, _)| base);
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut partition = Partition { disk, dir, verified: &mut verified, epochs: None };
        partition.check_segment(base, path)?;
        return Ok(verified);
    }
    let entries = disk.read_dir(path).at_path("list", path)?;
    if is_partition_dir(&entries) {
        verify_partition(disk, path, &entries, &mut verified)?;
        return Ok(verified);
    }
    let text = |name: &str| read_text(disk, &path.join(name));
    if let Some(bytes) = text(META_PROPERTIES_FILE)? {
        verified.is_log_dir = true;
        let read = read_meta_properties(&bytes).map(drop);
        verified.note_format(&path.join(META_PROPERTIES_FILE), read);
    }
    for name in CHECKPOINT_FILES {
        let bytes = text(name)?.unwrap_or_default();
        verified.note_format(&path.join(name), read_offsets(&bytes).map(drop));
    }
    for entry in entries.iter().filter(|entry| entry.is_dir) {
        let dir = path.join(&entry.name);
        let entries = disk.read_dir(&dir).at_path("list", &dir)?;
        if is_partition_dir(&entries) && !entry.name.ends_with("-delete") {
            verify_partition(disk, &dir, &entries, &mut verified)?;
        }
    }
    Ok(verified)
}

fn is_partition_dir(entries: &[DirEntry]) -> bool {
    let is_log = |entry: &DirEntry| {
        !entry.is_dir && matches!(parse_file_name(&entry.name), Some((_, LOG_SUFFIX)))
    };
    entries.iter().any(|entry| is_log(entry) || entry.name == PARTITION_METADATA_FILE)
}

fn read_text(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, StorageFault> {
    read_file(disk, path, TEXT_FILE_BYTES_MAX).at_path("read", path)
}

impl Verified {
    fn note(&mut self, path: &Path, position_bytes: u64, reason: impl std::fmt::Display) {
        self.problems.push(Damage::new(path, position_bytes, reason));
    }

    fn note_format(&mut self, path: &Path, read: Result<(), FormatError>) {
        if let Err(error) = read {
            self.note(path, 0, error);
        }
    }
}

fn verify_partition(
    disk: &dyn Disk,
    dir: &Path,
    entries: &[DirEntry],
    verified: &mut Verified,
) -> Result<(), StorageFault> {
    verified.partition_count = verified.partition_count.saturating_add(1);
    let metadata = dir.join(PARTITION_METADATA_FILE);
    if let Some(bytes) = read_text(disk, &metadata)? {
        verified.note_format(&metadata, read_partition_metadata(&bytes).map(drop));
    }
    let limit = dir.join(RECOVERY_LIMIT_FILE);
    if let Some(bytes) = read_text(disk, &limit)? {
        verified.note_format(&limit, RecoveryLimit::read(&bytes).map(drop));
    }
    let epochs_path = dir.join(LEADER_EPOCHS_FILE);
    let epochs = LeaderEpochs::read(&read_text(disk, &epochs_path)?.unwrap_or_default());
    let epochs = match epochs {
        Ok(epochs) => Some(epochs),
        Err(error) => {
            verified.note(&epochs_path, 0, error);
            None
        }
    };
    let mut partition = Partition { disk, dir, verified, epochs };
    let mut end = Offset::ZERO;
    for entry in entries.iter().filter(|entry| !entry.is_dir) {
        let path = dir.join(&entry.name);
        match parse_file_name(&entry.name) {
            Some((base, LOG_SUFFIX)) => {
                if base < end {
                    let reason = format_args!("begins below the end {end} of the one before");
                    partition.verified.note(&path, 0, reason);
                }
                end = end.max(partition.check_segment(base, &path)?);
            }
            Some((_, SNAPSHOT_SUFFIX)) => partition.check_snapshot(&path)?,
            Some(_) | None => {}
        }
    }
    Ok(())
}

struct Partition<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    verified: &'a mut Verified,
    epochs: Option<LeaderEpochs>,
}

/// Entries of an index that the walk over the segment has not met yet.
struct Expected<E> {
    entries: std::iter::Peekable<std::iter::Enumerate<std::vec::IntoIter<E>>>,
}

impl Partition<'_> {
    /// Walks a segment with its indexes beside it; returns the offset after its last good batch.
    fn check_segment(&mut self, base: Offset, path: &Path) -> Result<Offset, StorageFault> {
        self.verified.segment_count = self.verified.segment_count.saturating_add(1);
        let file = match self.disk.open(path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) => {
                self.verified.note(path, 0, format_args!("cannot be opened: {error}"));
                return Ok(base);
            }
        };
        let len_bytes = file.len_bytes().at_path("look at", path)?;
        let mut offsets = self.expected::<OffsetEntry>(base)?;
        let mut times = self.expected::<TimeEntry>(base)?;
        let mut scanner = BatchScanner::new(&*file, path, 0..len_bytes, Depth::Crcs);
        let (mut end, mut greatest) = (base, Timestamp::NONE);
        let mut is_complete = true;
        loop {
            let batch = match scanner.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(ScanError::Fault(fault)) => return Err(fault),
                Err(ScanError::Bad(bad)) => {
                    let damage = Damage::new(path, bad.position_bytes, &bad.reason);
                    match bad.reason {
                        BatchError::UnsupportedMagic { magic: 0 | 1 } => {
                            self.verified.unsupported.push(damage);
                        }
                        _ => self.verified.problems.push(damage),
                    }
                    is_complete = false;
                    break;
                }
            };
            let header = &batch.header;
            if header.base_offset < end {
                let reason = format_args!("offset {} after {end}", header.base_offset);
                self.verified.note(path, batch.position_bytes, reason);
            }
            self.check_epoch(path, batch.position_bytes, header);
            self.check_offset_entries(base, &mut offsets, batch.position_bytes, header);
            self.check_time_entries(base, &mut times, greatest, header);
            greatest = greatest.max(header.max_timestamp);
            end = end.max(header.next_offset());
            self.verified.batch_count = self.verified.batch_count.saturating_add(1);
            let records = u64::try_from(header.record_count).unwrap_or(0);
            self.verified.record_count = self.verified.record_count.saturating_add(records);
            let bytes = header.size_bytes() as u64;
            self.verified.log_bytes = self.verified.log_bytes.saturating_add(bytes);
        }
        if is_complete {
            self.note_unmet(base, &mut offsets, "names a batch that is not in the log");
            self.note_unmet(base, &mut times, "names an offset that is not in the log");
        }
        Ok(end)
    }

    /// The entries of an index; those out of order are noted.
    fn expected<E: IndexEntry>(&mut self, base: Offset) -> Result<Expected<E>, StorageFault> {
        let path = self.dir.join(file_name(base, E::SUFFIX));
        let mut entries = match read_index::<E>(self.disk, &path) {
            Ok(entries) => entries,
            Err(fault) if fault.source.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(fault) if fault.source.kind() == io::ErrorKind::InvalidData => {
                self.verified.note(&path, 0, &fault.source);
                Vec::new()
            }
            Err(fault) => return Err(fault),
        };
        let pairs = entries.iter().zip(entries.iter().skip(1));
        let wrong = pairs.enumerate().find(|(_, (one, two))| !two.may_follow(one));
        let wrong = wrong.map(|(index, _)| index.saturating_add(1));
        if let Some(index) = wrong {
            let position_bytes = (index as u64).saturating_mul(E::BYTES as u64);
            self.verified.note(&path, position_bytes, "entries do not rise");
            entries.truncate(index);
        }
        Ok(Expected { entries: entries.into_iter().enumerate().peekable() })
    }

    fn check_offset_entries(
        &mut self,
        base: Offset,
        expected: &mut Expected<OffsetEntry>,
        position_bytes: u64,
        header: &BatchHeader,
    ) {
        while let Some((index, entry)) =
            expected.entries.next_if(|(_, entry)| u64::from(entry.position_bytes) <= position_bytes)
        {
            let last = base.checked_plus(i64::from(entry.relative_offset));
            if u64::from(entry.position_bytes) == position_bytes
                && last == Some(header.last_offset())
            {
                self.verified.index_entry_count = self.verified.index_entry_count.saturating_add(1);
            } else {
                self.note_entry::<OffsetEntry>(
                    base,
                    index,
                    "does not name the batch at its position",
                );
            }
        }
    }

    fn check_time_entries(
        &mut self,
        base: Offset,
        expected: &mut Expected<TimeEntry>,
        greatest_before: Timestamp,
        header: &BatchHeader,
    ) {
        let last = header.last_offset();
        while let Some((index, entry)) = expected.entries.next_if(|(_, entry)| {
            base.checked_plus(i64::from(entry.relative_offset)).is_none_or(|offset| offset <= last)
        }) {
            let is_inside = base
                .checked_plus(i64::from(entry.relative_offset))
                .is_some_and(|offset| offset >= header.base_offset);
            if is_inside
                && entry.timestamp == header.max_timestamp
                && entry.timestamp > greatest_before
            {
                self.verified.index_entry_count = self.verified.index_entry_count.saturating_add(1);
            } else {
                let reason = "does not name the first batch with its timestamp";
                self.note_entry::<TimeEntry>(base, index, reason);
            }
        }
    }

    fn note_entry<E: IndexEntry>(&mut self, base: Offset, index: usize, reason: &str) {
        let path = self.dir.join(file_name(base, E::SUFFIX));
        let position_bytes = (index as u64).saturating_mul(E::BYTES as u64);
        self.verified.note(&path, position_bytes, format_args!("entry {index} {reason}"));
    }

    fn note_unmet<E: IndexEntry>(
        &mut self,
        base: Offset,
        expected: &mut Expected<E>,
        reason: &str,
    ) {
        if let Some((index, _)) = expected.entries.next() {
            self.note_entry::<E>(base, index, reason);
        }
    }

    /// The epoch file may not know the newest epoch yet, but must not contradict a batch.
    fn check_epoch(&mut self, path: &Path, position_bytes: u64, header: &BatchHeader) {
        let Some(epochs) = &self.epochs else { return };
        let found = header.partition_leader_epoch;
        let Some(known) = epochs.epoch_of(header.base_offset) else { return };
        let is_newer = epochs.latest() == Some(known) && found > known;
        if found.value() >= 0 && found != known && !is_newer {
            let reason =
                format_args!("leader epoch {found}, but {LEADER_EPOCHS_FILE} says {known}");
            self.verified.note(path, position_bytes, reason);
        }
    }

    fn check_snapshot(&mut self, path: &Path) -> Result<(), StorageFault> {
        let read = |path: &Path| read_file(self.disk, path, SNAPSHOT_BYTES_MAX);
        let bytes = read(path).at_path("read", path)?.unwrap_or_default();
        if let Err(error) = read_snapshot(&bytes) {
            self.verified.note(path, 0, error);
        }
        let sidecar_path = path.with_extension(SIDECAR_SUFFIX);
        let sidecar = read(&sidecar_path).at_path("read", &sidecar_path)?;
        let checked = match (sidecar, snapshot_crc(&bytes)) {
            (Some(sidecar), Some(crc)) => check_sidecar(&sidecar, crc).map(drop),
            (Some(_), None) | (None, _) => Ok(()),
        };
        if let Err(error) = checked {
            self.verified.note(&sidecar_path, 0, error);
        }
        Ok(())
    }
}
