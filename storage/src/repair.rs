//! Mends what `verify` finds, as far as the log itself says how: `highwater log repair`.
//!
//! Derived files (indexes, snapshots, epochs) are made anew from the batches, and a torn tail is
//! cut off. A repair is planned first and says what it would do; bytes of a log that it cuts off
//! stay in files beside it. Good batches behind a damaged one are not given up unless that is asked
//! for.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{Offset, TopicPartition};

use crate::batch_scanner::{BatchScanner, Depth};
use crate::buffer_pool::BufferPool;
use crate::checkpoint::{read_offsets, write_offsets};
use crate::config::LogConfig;
use crate::disk::{Disk, DiskLock, OpenMode, read_file, write_atomically};
use crate::error::{AtPath, Damage, StorageFault};
use crate::leader_epochs::{LEADER_EPOCHS_FILE, LeaderEpochs};
use crate::log_dir::{CLEAN_MARKER_FILE, LOCK_FILE, parse_partition_dir};
use crate::meta_properties::META_PROPERTIES_FILE;
use crate::open_files::OpenFiles;
use crate::producer_snapshot::{SIDECAR_SUFFIX, SNAPSHOT_SUFFIX};
use crate::segment::{
    LOG_SUFFIX, SEGMENT_SUFFIXES, Segment, SegmentHome, file_name, parse_file_name, remove_if_there,
};
use crate::transactions::find_aborted;
use crate::verify::{WalkedPartition, WalkedSegment, partition_dirs, walk_partition};

/// Bytes copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Bytes of a checkpoint file that are read.
const CHECKPOINT_BYTES_MAX: u64 = 256 << 20;

/// Checkpoints that may not name an offset past the log end.
const LOWERED_FILES: [&str; 4] = [
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
    "cleaner-offset-checkpoint",
];

/// What a repair may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairOptions {
    /// Whether a log is cut at its first damaged batch also where that gives up good batches behind
    /// it, or batches that were durable.
    pub cuts_at_damage: bool,
}

/// One step of a repair, in the order in which it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepairAction {
    /// The stop counts as unclean, so that the next start checks the tail.
    RemoveCleanMarker { path: PathBuf },
    /// A checkpoint names an offset past the new log end.
    LowerCheckpoint { path: PathBuf, partition: TopicPartition, to: Offset },
    /// A segment behind the cut is renamed.
    SetAside { path: PathBuf, to: PathBuf },
    /// A segment is cut; its bytes from there on are kept in another file.
    Cut { path: PathBuf, position_bytes: u64, offset: Offset, bytes: u64, kept: PathBuf },
    /// A producer snapshot that is damaged or past the log end; the log knows what it said.
    RemoveSnapshot { path: PathBuf },
    /// The epochs are read from the batches.
    RebuildEpochs { path: PathBuf },
    /// The indexes of a segment are made anew.
    RebuildIndexes { path: PathBuf },
}

/// Why nothing is repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// A broker uses the directory.
    #[error("{} is in use by a broker: stop it first", dir.display())]
    InUse { dir: PathBuf },
    /// There is nothing that could be repaired.
    #[error("{} is no data directory and no partition's directory", path.display())]
    NotALog { path: PathBuf },
    /// The disk failed.
    #[error(transparent)]
    Fault(#[from] StorageFault),
}

/// A repair of a log directory or of one partition, planned and not yet done. The directory stays
/// locked while this lives.
#[derive(Debug)]
pub struct Repair {
    disk: Arc<dyn Disk>,
    partitions: Vec<Partition>,
    _lock: Option<Box<dyn DiskLock>>,
}

#[derive(Debug)]
struct Partition {
    dir: PathBuf,
    actions: Vec<RepairAction>,
    left: Vec<Damage>,
}

impl Repair {
    /// Locks the directory, looks at it and says what would be done.
    ///
    /// # Errors
    /// [`RepairError::InUse`], [`RepairError::NotALog`], any fault.
    pub fn plan(
        disk: Arc<dyn Disk>,
        path: &Path,
        options: RepairOptions,
    ) -> Result<Self, RepairError> {
        let is_log_dir = has_meta(&*disk, path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = if is_log_dir { path } else { parent.unwrap_or(Path::new(".")) };
        let lock = if has_meta(&*disk, root)? { Some(lock(&*disk, root)?) } else { None };
        let list = |dir: &Path| disk.read_dir(dir).at_path("list", dir);
        let dirs = match is_log_dir {
            true => partition_dirs(&*disk, path).at_path("list", path)?,
            false => vec![path.to_path_buf()],
        };
        let mut partitions = Vec::new();
        for dir in dirs {
            let has_segments = list(&dir)?
                .iter()
                .any(|entry| matches!(parse_file_name(&entry.name), Some((_, LOG_SUFFIX))));
            if !has_segments && !is_log_dir {
                return Err(RepairError::NotALog { path: path.to_path_buf() });
            }
            let walked = walk_partition(&*disk, root, &dir).at_path("look at", &dir)?;
            partitions.push(plan_partition(&*disk, root, dir, &walked, options)?);
        }
        Ok(Self { disk, partitions, _lock: lock })
    }

    /// What would be done.
    pub fn actions(&self) -> impl Iterator<Item = &RepairAction> {
        self.partitions.iter().flat_map(|partition| &partition.actions)
    }

    /// What is wrong and would stay so.
    pub fn left_alone(&self) -> impl Iterator<Item = &Damage> {
        self.partitions.iter().flat_map(|partition| &partition.left)
    }

    /// Does it, durably, each step before the next.
    ///
    /// # Errors
    /// Any fault; what was done stays done, and planning again goes on from there.
    pub fn run(self) -> Result<(), StorageFault> {
        for partition in &self.partitions {
            for action in &partition.actions {
                run(&self.disk, &partition.dir, action)?;
            }
        }
        Ok(())
    }
}

fn has_meta(disk: &dyn Disk, dir: &Path) -> Result<bool, StorageFault> {
    let path = dir.join(META_PROPERTIES_FILE);
    disk.exists(&path).at_path("look at", &path)
}

fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn DiskLock>, RepairError> {
    let path = root.join(LOCK_FILE);
    match disk.lock(&path) {
        Ok(lock) => Ok(lock),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(RepairError::InUse { dir: root.to_path_buf() })
        }
        Err(error) => Err(StorageFault::new("lock", &path, error).into()),
    }
}

/// Where a log is to be cut.
struct Cut<'a> {
    index: usize,
    segment: &'a WalkedSegment,
    position_bytes: u64,
    offset: Offset,
}

fn plan_partition(
    disk: &dyn Disk,
    root: &Path,
    dir: PathBuf,
    walked: &WalkedPartition,
    options: RepairOptions,
) -> Result<Partition, StorageFault> {
    let mut partition = Partition { dir, actions: Vec::new(), left: Vec::new() };
    let cut = find_cut(walked);
    let is_allowed = cut.as_ref().is_none_or(|cut| options.cuts_at_damage || is_torn(walked, cut));
    let is_unsupported = walked.segments.iter().any(|segment| segment.is_unsupported);
    let cut = cut.filter(|_| is_allowed && !is_unsupported);
    match &cut {
        Some(cut) => partition.plan_cut(disk, root, walked, cut)?,
        // Without damage nothing hides where the log ends.
        None if find_cut(walked).is_none() && !is_unsupported => {
            let end = walked.segments.last().map_or(Offset::ZERO, |segment| segment.end);
            partition.plan_checkpoints(disk, root, end)?;
        }
        None => {}
    }
    partition.plan_derived(walked, cut.as_ref());
    Ok(partition)
}

/// The first damaged place of a log.
fn find_cut(walked: &WalkedPartition) -> Option<Cut<'_>> {
    walked.segments.iter().enumerate().find_map(|(index, segment)| {
        let (position_bytes, offset) = segment.first_bad?;
        Some(Cut { index, segment, position_bytes, offset })
    })
}

/// Whether nothing good is behind it, and nothing behind it was durable.
fn is_torn(walked: &WalkedPartition, cut: &Cut<'_>) -> bool {
    let mut later = walked.segments.iter().skip(cut.index + 1);
    !cut.segment.goes_on
        && later.all(|segment| segment.batch_count == 0)
        && walked.recovery_point.is_none_or(|point| cut.offset >= point)
}

impl Cut<'_> {
    /// Whether a place in a segment's file goes with what is cut off.
    fn takes(&self, file: Option<(Offset, &str)>, position_bytes: u64) -> bool {
        let Some((base, LOG_SUFFIX)) = file else { return false };
        let is_behind = base == self.segment.base && position_bytes >= self.position_bytes;
        base > self.segment.base || is_behind
    }
}

impl Partition {
    fn lowers(&self, checkpoint: &Path) -> bool {
        self.actions.iter().any(|action| match action {
            RepairAction::LowerCheckpoint { path, .. } => path == checkpoint,
            RepairAction::RemoveCleanMarker { .. }
            | RepairAction::SetAside { .. }
            | RepairAction::Cut { .. }
            | RepairAction::RemoveSnapshot { .. }
            | RepairAction::RebuildEpochs { .. }
            | RepairAction::RebuildIndexes { .. } => false,
        })
    }

    fn plan_cut(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        walked: &WalkedPartition,
        cut: &Cut<'_>,
    ) -> Result<(), StorageFault> {
        let marker = root.join(CLEAN_MARKER_FILE);
        if disk.exists(&marker).at_path("look at", &marker)? {
            self.actions.push(RepairAction::RemoveCleanMarker { path: marker });
        }
        self.plan_checkpoints(disk, root, cut.offset)?;
        for later in walked.segments.iter().skip(cut.index + 1).rev() {
            let path = self.dir.join(file_name(later.base, LOG_SUFFIX));
            let to = self.dir.join(file_name(later.base, "log.cut"));
            self.actions.push(RepairAction::SetAside { path, to });
        }
        let path = self.dir.join(file_name(cut.segment.base, LOG_SUFFIX));
        let len_bytes = disk.metadata(&path).at_path("look at", &path)?.len_bytes;
        let position_bytes = cut.position_bytes;
        let kept = file_name(cut.segment.base, &format!("log.{position_bytes}.cut"));
        self.actions.push(RepairAction::Cut {
            path,
            position_bytes,
            offset: cut.offset,
            bytes: len_bytes.saturating_sub(position_bytes),
            kept: self.dir.join(kept),
        });
        Ok(())
    }

    fn plan_checkpoints(
        &mut self,
        disk: &dyn Disk,
        root: &Path,
        end: Offset,
    ) -> Result<(), StorageFault> {
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let Some(partition) = parse_partition_dir(&name) else { return Ok(()) };
        for file in LOWERED_FILES {
            let path = root.join(file);
            let bytes = read_file(disk, &path, CHECKPOINT_BYTES_MAX).at_path("read", &path)?;
            let offsets = read_offsets(&bytes.unwrap_or_default()).unwrap_or_default();
            if offsets.get(&partition).is_some_and(|offset| *offset > end) {
                let partition = partition.clone();
                self.actions.push(RepairAction::LowerCheckpoint { path, partition, to: end });
            }
        }
        Ok(())
    }

    /// What is made anew: what is wrong by itself, and what a cut makes wrong.
    fn plan_derived(&mut self, walked: &WalkedPartition, cut: Option<&Cut<'_>>) {
        let (mut indexes, mut snapshots) = (BTreeSet::new(), BTreeSet::new());
        // What is behind damage that stays cannot be told from the batches.
        let damaged = if cut.is_none() { find_cut(walked) } else { None };
        let is_known =
            |offset: Offset| damaged.as_ref().is_none_or(|damaged| offset < damaged.segment.base);
        let contradicts_epochs = walked.contradicts_epochs && epochs_rise(walked);
        let mut epochs = cut.is_some() || (contradicts_epochs && damaged.is_none());
        for problem in &walked.problems {
            let name = problem.path.file_name().unwrap_or_default().to_string_lossy();
            match parse_file_name(&name) {
                Some((base, suffix))
                    if suffix != LOG_SUFFIX
                        && SEGMENT_SUFFIXES.contains(&suffix)
                        && is_known(base) =>
                {
                    indexes.insert(base);
                }
                Some((offset, SNAPSHOT_SUFFIX | SIDECAR_SUFFIX)) if is_known(offset) => {
                    snapshots.insert(offset);
                }
                _ if name == LEADER_EPOCHS_FILE && damaged.is_none() => epochs = true,
                parsed => {
                    let is_cut = cut.is_some_and(|cut| cut.takes(parsed, problem.position_bytes));
                    let is_epoch = epochs && problem.reason.contains(LEADER_EPOCHS_FILE);
                    if !is_cut && !is_epoch && !self.lowers(&problem.path) {
                        self.left.push(problem.clone());
                    }
                }
            }
        }
        if let Some(cut) = cut {
            indexes.retain(|base| *base < cut.segment.base);
            indexes.insert(cut.segment.base);
            snapshots.extend(walked.snapshots.iter().filter(|offset| **offset > cut.offset));
        }
        let path = |offset, suffix| self.dir.join(file_name(offset, suffix));
        let mut actions: Vec<RepairAction> = snapshots
            .into_iter()
            .map(|offset| RepairAction::RemoveSnapshot { path: path(offset, SNAPSHOT_SUFFIX) })
            .collect();
        if epochs {
            actions.push(RepairAction::RebuildEpochs { path: self.dir.join(LEADER_EPOCHS_FILE) });
        }
        let indexes = indexes.into_iter();
        actions.extend(
            indexes.map(|base| RepairAction::RebuildIndexes { path: path(base, LOG_SUFFIX) }),
        );
        self.actions.extend(actions);
    }
}

/// Whether the epochs of the batches can be believed: none is below the one before.
fn epochs_rise(walked: &WalkedPartition) -> bool {
    let mut problems = walked.problems.iter();
    !problems.any(|problem| {
        problem.reason.starts_with("leader epoch") && !problem.reason.contains(LEADER_EPOCHS_FILE)
    })
}

fn run(disk: &Arc<dyn Disk>, dir: &Path, action: &RepairAction) -> Result<(), StorageFault> {
    let sync = |dir: &Path| disk.sync_dir(dir).at_path("sync", dir);
    match action {
        RepairAction::RemoveCleanMarker { path } => {
            remove_if_there(&**disk, path)?;
            sync(path.parent().unwrap_or(dir))
        }
        RepairAction::LowerCheckpoint { path, partition, to } => {
            let bytes = read_file(&**disk, path, CHECKPOINT_BYTES_MAX).at_path("read", path)?;
            let mut offsets = read_offsets(&bytes.unwrap_or_default()).unwrap_or_default();
            offsets.insert(partition.clone(), *to);
            let text = write_offsets(&offsets);
            write_atomically(&**disk, path, text.as_bytes()).at_path("write", path)
        }
        RepairAction::SetAside { path, to } => {
            disk.rename(path, to).at_path("rename", path)?;
            for suffix in SEGMENT_SUFFIXES.iter().filter(|suffix| **suffix != LOG_SUFFIX) {
                remove_if_there(&**disk, &path.with_extension(suffix))?;
            }
            sync(dir)
        }
        RepairAction::Cut { path, position_bytes, kept, .. } => {
            keep_tail(&**disk, path, *position_bytes, kept)?;
            sync(dir)?;
            let file = disk.open(path, OpenMode::Write).at_path("open", path)?;
            file.set_len(*position_bytes).at_path("cut", path)?;
            file.sync_data().at_path("sync", path)
        }
        RepairAction::RemoveSnapshot { path } => {
            remove_if_there(&**disk, path)?;
            sync(dir)?;
            remove_if_there(&**disk, &path.with_extension(SIDECAR_SUFFIX))?;
            sync(dir)
        }
        RepairAction::RebuildEpochs { path } => rebuild_epochs(disk, dir, path),
        RepairAction::RebuildIndexes { path } => rebuild_indexes(disk, dir, path),
    }
}

/// Copies the end of a file, durably.
fn keep_tail(disk: &dyn Disk, path: &Path, from: u64, kept: &Path) -> Result<(), StorageFault> {
    let source = disk.open(path, OpenMode::Read).at_path("open", path)?;
    let target = disk.open(kept, OpenMode::Create).at_path("create", kept)?;
    target.set_len(0).at_path("cut", kept)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut done = 0;
    loop {
        let read = source.read_at(&mut buffer, from + done).at_path("read", path)?;
        if read == 0 {
            return target.sync_data().at_path("sync", kept);
        }
        let written = target.write_all_at(&mut [IoSlice::new(&buffer[..read])], done);
        written.at_path("write", kept)?;
        done += read as u64;
    }
}

/// All segments of a directory, as a log has them.
fn segments(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Vec<Arc<Segment>>, StorageFault> {
    let home = SegmentHome::new(
        Arc::clone(disk),
        dir.to_path_buf(),
        OpenFiles::new(16),
        BufferPool::new(0),
        &LogConfig::default(),
    );
    let mut segments = Vec::new();
    for entry in disk.read_dir(dir).at_path("list", dir)? {
        if let Some((base, LOG_SUFFIX)) = parse_file_name(&entry.name) {
            segments.push(Segment::existing(&home, base, entry.len_bytes, (0, 0), entry.modified));
        }
    }
    segments.sort_by_key(|segment| segment.base_offset());
    Ok(segments)
}

fn rebuild_epochs(disk: &Arc<dyn Disk>, dir: &Path, path: &Path) -> Result<(), StorageFault> {
    let mut epochs = LeaderEpochs::default();
    for segment in segments(disk, dir)? {
        let (file, log_path) = (segment.file()?, segment.log_path());
        let range = 0..segment.size_bytes();
        let mut scanner = BatchScanner::new(&*file, &log_path, range, Depth::Headers);
        while let Ok(Some(batch)) = scanner.next_batch() {
            epochs.assign(batch.header.partition_leader_epoch, batch.header.base_offset);
        }
    }
    write_atomically(&**disk, path, epochs.write().as_bytes()).at_path("write", path)
}

fn rebuild_indexes(disk: &Arc<dyn Disk>, dir: &Path, path: &Path) -> Result<(), StorageFault> {
    for suffix in SEGMENT_SUFFIXES.iter().filter(|suffix| **suffix != LOG_SUFFIX) {
        remove_if_there(&**disk, &path.with_extension(suffix))?;
    }
    let segments = segments(disk, dir)?;
    let Some(index) = segments.iter().position(|segment| segment.log_path() == path) else {
        return Ok(());
    };
    let segment = &segments[index];
    segment.prepare_append()?;
    segment.replace_aborted(&find_aborted(&segments, index)?);
    segment.seal()?;
    segment.sync_indexes()?;
    disk.sync_dir(dir).at_path("sync", dir)
}
