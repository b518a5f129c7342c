//! From a directory to a log.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use highwater_records::{Offset, Timestamp};

use crate::batch_scanner::{BatchScanner, Depth, ScanError};
use crate::cleaner::{COMPACTED_THROUGH_FILE, compacted_through};
use crate::disk::{DirEntry, Disk, Metadata, OpenMode, read_file, write_atomically};
use crate::error::{AtPath, OpenError, StorageFault};
use crate::index_file::IndexEntry;
use crate::leader_epochs::{LEADER_EPOCHS_FILE, LeaderEpochs};
use crate::log::{Log, LogSetup};
use crate::offset_index::OffsetEntry;
use crate::partition_metadata::{PARTITION_METADATA_FILE, topic_id_of, write_partition_metadata};
use crate::producer_snapshot::{EMPTY_SNAPSHOT_BYTES, SIDECAR_SUFFIX, SNAPSHOT_SUFFIX};
use crate::recovery::Recovery;
use crate::recovery_limit::{RECOVERY_LIMIT_FILE, RecoveryLimit};
use crate::segment::{
    DELETED_SUFFIX, LOG_SUFFIX, Segment, SegmentHome, TXN_INDEX_SUFFIX, parse_file_name,
    remove_if_there,
};
use crate::swap::finish_swaps;
use crate::sync::SyncState;
use crate::time_index::TimeEntry;
use crate::transactions::Transactions;

/// Bytes of `leader-epoch-checkpoint` that are read.
const LEADER_EPOCHS_BYTES_MAX: u64 = 64 << 20;

/// What is known about a log before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Whether the log directory was stopped cleanly: its files are then trusted.
    pub is_clean: bool,
    /// Whether the directory is known to be this topic's ([`crate::topic_id_of`]); then it is not
    /// asked again.
    pub is_topic_known: bool,
    /// From the recovery-point checkpoint; zero if there is none.
    pub recovery_point: Offset,
    /// From the log-start checkpoint; zero if there is none.
    pub log_start_offset: Offset,
    /// Whether offsets missing between batches past the recovery point are kept (a compacted log
    /// that Apache Kafka left uncleanly) instead of being taken for a loss.
    pub keep_holes: bool,
    /// Wall clock.
    pub now: Timestamp,
}

/// The files of a partition's directory, by what they are.
#[derive(Debug, Default)]
struct Listing {
    /// Sizes of log, offset index and time index.
    segments: BTreeMap<Offset, (Option<u64>, u64, u64)>,
    /// When each log was last written.
    written: BTreeMap<Offset, Timestamp>,
    snapshots: BTreeSet<Offset>,
    sidecars: BTreeSet<Offset>,
    /// Sizes of transaction indexes.
    aborted: BTreeMap<Offset, u64>,
    /// Snapshots that hold no producers.
    empty_snapshots: BTreeSet<Offset>,
    /// Index files, to be removed if they have no log.
    indexes: Vec<(Offset, PathBuf)>,
    leftovers: Vec<PathBuf>,
    has_compacted_through: bool,
    has_recovery_limit: bool,
}

impl Log {
    /// Makes the directory of a new, empty log, durably: three syncs.
    ///
    /// What a crash left of an earlier attempt is taken over. The recovery-point checkpoint must
    /// not name this partition any more (from an earlier topic of the same name).
    ///
    /// # Errors
    /// [`OpenError::OtherTopicId`] if the directory belongs to another topic; any fault.
    pub fn create(setup: LogSetup) -> Result<Self, OpenError> {
        let disk = Arc::clone(&setup.disk);
        let (dir, topic_id) = (setup.dir.clone(), setup.topic_id);
        disk.create_dir_all(&dir).at_path("create", &dir)?;
        if !disk.read_dir(&dir).at_path("list", &dir)?.is_empty() {
            let opening = Opening {
                is_clean: false,
                is_topic_known: false,
                recovery_point: Offset::ZERO,
                log_start_offset: Offset::ZERO,
                keep_holes: false,
                now: Timestamp::new(0),
            };
            let (log, recovery) = Self::open(setup, opening)?;
            if let Some(truncated) = recovery.truncated {
                let path = truncated.path.display();
                tracing::warn!(%path, reason = truncated.reason, "a new log was not empty; its tail was cut off");
            }
            sync_with_parent(&*disk, &dir)?;
            return Ok(log);
        }
        let path = dir.join(PARTITION_METADATA_FILE);
        let temporary = dir.join(format!("{PARTITION_METADATA_FILE}.tmp"));
        let file = disk.open(&temporary, OpenMode::Create).at_path("create", &temporary)?;
        let text = write_partition_metadata(topic_id);
        let written = file.write_all_at(&mut [io::IoSlice::new(text.as_bytes())], 0);
        written.and_then(|()| file.sync_data()).at_path("write", &temporary)?;
        disk.rename(&temporary, &path).at_path("rename", &temporary)?;
        let mut log = Self::empty(setup, Offset::ZERO);
        let first = Segment::create(&log.home, Offset::ZERO, None)?;
        log.segments = Arc::new(vec![first]);
        log.reserve_ahead()?;
        sync_with_parent(&*disk, &dir)?;
        Ok(log)
    }

    /// Opens the log in an existing directory. After an unclean stop it is checked from the
    /// recovery point on and mended (`recovery.rs`); after a clean one it is trusted.
    ///
    /// # Errors
    /// [`OpenError::OtherTopicId`]; [`OpenError::Damaged`] if bytes below the recovery point are
    /// not what was written, where nothing may be cut off; any fault.
    pub fn open(setup: LogSetup, opening: Opening) -> Result<(Self, Recovery), OpenError> {
        let disk = Arc::clone(&setup.disk);
        if !opening.is_topic_known {
            check_topic_id(&setup)?;
        }
        let (listing, mut has_changed) = list(&*disk, &setup.dir)?;
        let mut log = Self::empty(setup, Offset::ZERO);
        log.found_times = listing.written.iter().map(|(offset, at)| (*offset, *at)).collect();
        let listing_has_cleaned = listing.has_compacted_through;
        let has_limit = listing.has_recovery_limit;
        has_changed |= log.adopt(listing, opening)?;
        let limit = match has_limit {
            true => RecoveryLimit::of(&*disk, &log.home.dir)?,
            false => None,
        };
        log.limit_until = limit.map(|limit| limit.until);
        let recovery_point = match limit {
            Some(limit) => opening.recovery_point.min(limit.limit),
            None => opening.recovery_point,
        };
        if listing_has_cleaned {
            let through = compacted_through(&*disk, &log.home.dir)?;
            log.home.set_compacted_through(through);
        }
        let epochs_are_known = log.read_epochs()?;
        let saved_epochs = Arc::clone(&log.epochs);
        let trusted_end = if opening.is_clean { log.trusted_end()? } else { None };
        let known_end = trusted_end.unwrap_or(recovery_point);
        let damaged = log.damaged_transaction_indexes(known_end, trusted_end.is_some())?;
        let recovery = match trusted_end {
            Some(end) => {
                log.log_end_offset = end;
                log.sync = SyncState::synced_to(end);
                log.sync.recovery_point = opening.recovery_point.max(end);
                log.limit_recovery_point(end)?;
                log.sync.recovery_point = end;
                log.transactions = log.transactions_at(end)?;
                Recovery { was_clean: true, ..Recovery::default() }
            }
            None => log.recover(opening, recovery_point)?,
        };
        if !epochs_are_known {
            log.rebuild_epochs()?;
        }
        log.rebuild_transaction_indexes(&damaged)?;
        has_changed |= log.settle_start(opening)?;
        let end = log.log_end_offset;
        log.remove_snapshots_above(end)?;
        // The last checkpoint made names durable; a kill may have come between a newer one and its sync.
        has_changed |= !recovery.was_clean && log.active().base_offset() >= recovery_point;
        if has_changed {
            log.disk().sync_dir(&log.home.dir).at_path("sync", &log.home.dir)?;
        }
        if !epochs_are_known || !log.epochs.begins_with(&saved_epochs) {
            log.save_epochs()?;
        }
        log.reserve_ahead()?;
        // Others may come to stand at their offsets.
        log.empty_snapshots.clear();
        Ok((log, recovery))
    }

    /// A log without segments yet.
    fn empty(setup: LogSetup, start: Offset) -> Self {
        let LogSetup {
            disk,
            tail_cache,
            open_files,
            buffers,
            dir,
            topic_partition,
            topic_id,
            config,
        } = setup;
        let home = SegmentHome::new(disk, dir, open_files, buffers, &config);
        Self {
            home,
            topic_partition,
            topic_id,
            config,
            tail_cache,
            tail: Arc::default(),
            segments: Arc::default(),
            epochs: Arc::default(),
            epochs_changed: 0,
            epochs_saved: 0,
            producers: None,
            snapshots: BTreeSet::new(),
            unsynced_snapshots: BTreeSet::new(),
            empty_snapshots: BTreeSet::new(),
            transactions: Transactions::default(),
            log_start_offset: start,
            log_end_offset: start,
            turn: crate::append::Turn::default(),
            sync: SyncState::synced_to(start),
            limit_until: None,
            active_since: None,
            deleted: Vec::new(),
            replacing: None,
            fault: None,
            found_times: Vec::new(),
        }
    }

    /// Takes over what the directory holds; true if names changed.
    fn adopt(&mut self, listing: Listing, opening: Opening) -> Result<bool, StorageFault> {
        let mut has_changed = false;
        let has_log = |offset: &Offset| {
            listing.segments.get(offset).is_some_and(|(log_bytes, ..)| log_bytes.is_some())
        };
        let orphans = listing.indexes.iter().filter(|(offset, _)| !has_log(offset));
        let orphans = orphans.map(|(_, path)| path).chain(&listing.leftovers);
        for path in orphans {
            remove_if_there(self.disk(), path)?;
            has_changed = true;
        }
        for offset in listing.sidecars.difference(&listing.snapshots) {
            remove_if_there(self.disk(), &self.home.path(*offset, SIDECAR_SUFFIX))?;
            has_changed = true;
        }
        let mut snapshots = listing.snapshots;
        if !listing.sidecars.is_empty() {
            // One of ours that lost its sidecar to a crash would pass for one of Kafka's.
            for offset in snapshots.difference(&listing.sidecars) {
                remove_if_there(self.disk(), &self.home.path(*offset, SNAPSHOT_SUFFIX))?;
                has_changed = true;
            }
            snapshots = &snapshots & &listing.sidecars;
        }
        let mut segments = Vec::new();
        for (base_offset, (log_bytes, index_bytes, time_bytes)) in listing.segments {
            let Some(log_bytes) = log_bytes else { continue };
            let sizes = (index_bytes, time_bytes);
            let written = listing.written.get(&base_offset).copied().unwrap_or(opening.now);
            let segment = Segment::existing(&self.home, base_offset, log_bytes, sizes, written);
            if let Some(bytes) = listing.aborted.get(&base_offset) {
                segment.set_aborted_file(*bytes);
            }
            segments.push(segment);
        }
        if segments.is_empty() {
            segments.push(Segment::create(&self.home, opening.log_start_offset, None)?);
            has_changed = true;
        }
        self.log_start_offset = segments[0].base_offset();
        self.segments = Arc::new(segments);
        self.snapshots = snapshots;
        self.empty_snapshots = listing.empty_snapshots;
        Ok(has_changed)
    }

    /// Reads the epochs; false if they must be found in the log.
    fn read_epochs(&mut self) -> Result<bool, StorageFault> {
        let path = self.home.dir.join(LEADER_EPOCHS_FILE);
        let bytes = match read_file(self.disk(), &path, LEADER_EPOCHS_BYTES_MAX) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(false),
            Err(error) => return Err(StorageFault::new("read", &path, error)),
        };
        match LeaderEpochs::read(&bytes) {
            Ok(epochs) => {
                self.epochs = Arc::new(epochs);
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), reason = %error, "epochs are read from the log");
                Ok(false)
            }
        }
    }

    /// Writes the epochs at once: what the file says is not true. Where it only says too little, the
    /// next checkpoint does it.
    fn save_epochs(&mut self) -> Result<(), StorageFault> {
        let path = self.home.dir.join(LEADER_EPOCHS_FILE);
        let written = write_atomically(self.disk(), &path, self.epochs.write().as_bytes());
        match written.at_path("write", &path) {
            Ok(()) => self.epochs_saved = self.epochs_changed,
            // They are found again at the next start.
            Err(fault) if fault.is_disk_full() => {
                tracing::warn!(path = %path.display(), %fault, "epochs are not saved: disk full");
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Reads the epochs from all batch headers.
    fn rebuild_epochs(&mut self) -> Result<(), StorageFault> {
        let mut epochs = LeaderEpochs::default();
        for segment in self.segments.iter() {
            let (file, path) = (segment.file()?, segment.log_path());
            let range = 0..segment.size_bytes();
            let mut scanner = BatchScanner::new(&*file, &path, range, Depth::Headers);
            while let Ok(Some(batch)) = scanner.next_batch() {
                epochs.assign(batch.header.partition_leader_epoch, batch.header.base_offset);
            }
        }
        self.epochs = Arc::new(epochs);
        self.epochs_changed += 1;
        Ok(())
    }

    /// The log end, if the last segment's last batches are whole.
    fn trusted_end(&self) -> Result<Option<Offset>, StorageFault> {
        let last = self.active();
        let mut end = last.base_offset();
        if last.size_bytes() == 0 {
            return Ok(Some(end));
        }
        let start = last.position_before(Offset::new(i64::MAX))?;
        let (file, path) = (last.file()?, last.log_path());
        let mut scanner =
            BatchScanner::new(&*file, &path, start..last.size_bytes(), Depth::Headers);
        loop {
            let reason = match scanner.next_batch() {
                Ok(None) => break,
                Ok(Some(batch)) if batch.header.base_offset >= end => {
                    end = batch.header.next_offset();
                    continue;
                }
                Ok(Some(batch)) => format!("offset {} after {end}", batch.header.base_offset),
                Err(ScanError::Fault(fault)) => return Err(fault),
                Err(ScanError::Bad(bad)) => bad.reason.to_string(),
            };
            tracing::warn!(path = %path.display(), reason, "the stop was not clean after all");
            return Ok(None);
        }
        drop(scanner);
        last.close_file();
        Ok(Some(end))
    }

    /// Puts the log start where checkpoint and first segment say; true if names changed.
    fn settle_start(&mut self, opening: Opening) -> Result<bool, StorageFault> {
        let start = opening.log_start_offset.max(self.segments[0].base_offset());
        if self.log_end_offset < start {
            let dir = self.home.dir.display();
            tracing::warn!(%dir, %start, "the log ends below its start and begins anew");
            self.begin_anew(start)?;
        }
        self.log_start_offset = start;
        let end = self.log_end_offset;
        let epochs = Arc::make_mut(&mut self.epochs);
        // An epoch may begin at the log end: its leader has not appended yet.
        let cut = epochs.truncate_from_end(end.next()) | epochs.truncate_from_start(start);
        self.epochs_changed += u64::from(cut);
        let segment_count = self.segments.len();
        self.delete_old_segments()?;
        Ok(self.segments.len() != segment_count)
    }
}

fn sync_with_parent(disk: &dyn Disk, dir: &std::path::Path) -> Result<(), StorageFault> {
    disk.sync_dir(dir).at_path("sync", dir)?;
    match dir.parent() {
        Some(parent) => disk.sync_dir(parent).at_path("sync", parent),
        None => Ok(()),
    }
}

/// Compares `partition.metadata` with the topic id wanted; writes it if it is missing.
fn check_topic_id(setup: &LogSetup) -> Result<(), OpenError> {
    let (disk, dir) = (&*setup.disk, &setup.dir);
    match topic_id_of(disk, dir)? {
        Some(found) if found != setup.topic_id => {
            let (dir, expected) = (dir.clone(), setup.topic_id);
            Err(OpenError::OtherTopicId { dir, found, expected })
        }
        Some(_) => Ok(()),
        None => {
            let path = dir.join(PARTITION_METADATA_FILE);
            let text = write_partition_metadata(setup.topic_id);
            let written = crate::disk::write_atomically(disk, &path, text.as_bytes());
            Ok(written.at_path("write", &path)?)
        }
    }
}

/// Lists the directory after finishing what a crash interrupted; true if names changed.
fn list(disk: &dyn Disk, dir: &std::path::Path) -> Result<(Listing, bool), StorageFault> {
    let mut entries = disk.read_dir_names(dir).at_path("list", dir)?;
    let has_changed = finish_swaps(disk, dir, &entries)?;
    if has_changed {
        entries = disk.read_dir_names(dir).at_path("list", dir)?;
    }
    let mut listing = Listing::default();
    for DirEntry { name, is_dir, .. } in entries {
        if is_dir {
            continue;
        }
        if name.ends_with(".tmp") || name.ends_with(&format!(".{DELETED_SUFFIX}")) {
            listing.leftovers.push(dir.join(&name));
            continue;
        }
        listing.has_compacted_through |= name == COMPACTED_THROUGH_FILE;
        listing.has_recovery_limit |= name == RECOVERY_LIMIT_FILE;
        let Some((offset, suffix)) = parse_file_name(&name) else { continue };
        if suffix == SIDECAR_SUFFIX {
            listing.sidecars.insert(offset);
            continue;
        }
        let path = dir.join(&name);
        let Metadata { len_bytes, modified, .. } = match disk.metadata(&path) {
            // Removed between the listing and the look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found.at_path("look at", &path)?,
        };
        let sizes = || (None, 0, 0);
        match suffix {
            LOG_SUFFIX => {
                listing.written.insert(offset, modified);
                listing.segments.entry(offset).or_insert_with(sizes).0 = Some(len_bytes);
            }
            OffsetEntry::SUFFIX => {
                listing.segments.entry(offset).or_insert_with(sizes).1 = len_bytes;
                listing.indexes.push((offset, path));
            }
            TimeEntry::SUFFIX => {
                listing.segments.entry(offset).or_insert_with(sizes).2 = len_bytes;
                listing.indexes.push((offset, path));
            }
            TXN_INDEX_SUFFIX => {
                listing.aborted.insert(offset, len_bytes);
                listing.indexes.push((offset, path));
            }
            SNAPSHOT_SUFFIX => {
                listing.snapshots.insert(offset);
                if len_bytes == EMPTY_SNAPSHOT_BYTES {
                    listing.empty_snapshots.insert(offset);
                }
            }
            _ => {}
        }
    }
    Ok((listing, has_changed))
}
