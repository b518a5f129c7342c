//! One partition's directory: what is in it before the segments are walked, and what their facts
//! mean together.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{Offset, TopicPartition};

use super::Verified;
use super::context::{
    CLEANER_FILE, Context, HIGH_WATERMARK_FILE, LOG_START_FILE, LogDirFiles, OFFSET_MAX,
    RECOVERY_POINT_FILE, text_of,
};
use super::findings::Findings;
use super::segment::{SegmentCheck, SegmentFacts};
use crate::cleaner::{COMPACTED_THROUGH_FILE, read_compacted_through};
use crate::disk::{DirEntry, Disk, read_file};
use crate::error::Damage;
use crate::leader_epochs::{LEADER_EPOCHS_FILE, LeaderEpochs};
use crate::log_dir::parse_partition_dir;
use crate::partition_metadata::{PARTITION_METADATA_FILE, read_partition_metadata};
use crate::producer_snapshot::{
    SIDECAR_SUFFIX, SNAPSHOT_BYTES_MAX, SNAPSHOT_SUFFIX, check_sidecar, read_snapshot, snapshot_crc,
};
use crate::recovery_limit::{RECOVERY_LIMIT_FILE, RecoveryLimit};
use crate::segment::{LOG_SUFFIX, SEGMENT_SUFFIXES, parse_file_name};

/// What is known of a partition once its directory was listed.
pub(super) struct Plan {
    context: Arc<Context>,
    findings: Findings,
    pub(super) entries: Vec<DirEntry>,
    segments: Vec<Offset>,
    snapshots: Vec<Offset>,
}

/// What one look at a partition found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Findings,
    /// The end of the last segment is no batch: a torn write, or one that is under way.
    pub(super) tail: Option<Damage>,
    /// Whether a segment went away while it was looked at.
    pub(super) has_vanished: bool,
    pub(super) counts: Verified,
}

pub(super) fn is_partition_dir(entries: &[DirEntry]) -> bool {
    let is_log = |entry: &DirEntry| {
        !entry.is_dir && matches!(parse_file_name(&entry.name), Some((_, LOG_SUFFIX)))
    };
    entries.iter().any(|entry| is_log(entry) || entry.name == PARTITION_METADATA_FILE)
}

/// Whose directory it is, also if it is set aside.
fn partition_of(dir: &Path) -> Option<TopicPartition> {
    parse_partition_dir(&dir.file_name()?.to_string_lossy())
}

impl Plan {
    /// Lists a partition's directory and reads the small files in it.
    pub(super) fn new(
        disk: &dyn Disk,
        dir: &Path,
        files: &LogDirFiles,
        decodes_records: bool,
    ) -> io::Result<Self> {
        let entries = disk.read_dir(dir)?;
        let mut findings = Findings::default();
        let metadata = dir.join(PARTITION_METADATA_FILE);
        if let Some(bytes) = text_of(disk, &metadata, &mut findings)
            && !bytes.is_empty()
        {
            findings.format(&metadata, read_partition_metadata(&bytes).map(drop));
        }
        let context = context(disk, dir, files, decodes_records, &mut findings);
        let (mut segments, mut snapshots) = (Vec::new(), Vec::new());
        for entry in entries.iter().filter(|entry| !entry.is_dir) {
            match parse_file_name(&entry.name) {
                Some((base, LOG_SUFFIX)) => segments.push(base),
                Some((offset, SNAPSHOT_SUFFIX)) => snapshots.push(offset),
                Some(_) | None => {}
            }
        }
        segments.sort_unstable();
        snapshots.sort_unstable();
        let plan = Self { context: Arc::new(context), findings, entries, segments, snapshots };
        Ok(plan.with_names().with_snapshots(disk))
    }

    pub(super) fn recovery_point(&self) -> Option<Offset> {
        self.context.recovery_point
    }

    /// The work to be done on any thread, one for each segment.
    pub(super) fn checks<'a>(&self, disk: &'a dyn Disk) -> Vec<SegmentCheck<'a>> {
        let mut checks = Vec::new();
        for (index, base) in self.segments.iter().enumerate() {
            let next = self.segments.get(index.saturating_add(1)).copied().unwrap_or(OFFSET_MAX);
            let snapshots = self.snapshots.iter().copied();
            checks.push(SegmentCheck {
                disk,
                context: Arc::clone(&self.context),
                base: *base,
                path: self.context.dir.join(crate::segment::file_name(*base, LOG_SUFFIX)),
                snapshots: snapshots.filter(|at| *at > *base && *at <= next).collect(),
            });
        }
        checks
    }

    /// Names that say something: left over, orphaned, unknown.
    fn with_names(mut self) -> Self {
        let dir = self.context.dir.clone();
        let has_sidecars = self
            .entries
            .iter()
            .any(|entry| matches!(parse_file_name(&entry.name), Some((_, SIDECAR_SUFFIX))));
        for entry in &self.entries {
            let path = dir.join(&entry.name);
            let note = match parse_file_name(&entry.name) {
                Some((base, suffix)) if SEGMENT_SUFFIXES.contains(&suffix) => {
                    let is_orphan = self.segments.binary_search(&base).is_err();
                    is_orphan.then_some("an index without a segment; removed by the next start")
                }
                Some((offset, SIDECAR_SUFFIX)) => {
                    let is_orphan = self.snapshots.binary_search(&offset).is_err();
                    is_orphan.then_some("stands beside no snapshot; removed by the next start")
                }
                Some((offset, SNAPSHOT_SUFFIX)) => {
                    let name = crate::segment::file_name(offset, SIDECAR_SUFFIX);
                    let is_alone = !self.entries.iter().any(|other| other.name == name);
                    (has_sidecars && is_alone)
                        .then_some("has no .producers beside it; removed by the next start")
                }
                Some((_, other)) => leftover(other),
                None => match entry.name.as_str() {
                    LEADER_EPOCHS_FILE
                    | PARTITION_METADATA_FILE
                    | RECOVERY_LIMIT_FILE
                    | COMPACTED_THROUGH_FILE => None,
                    name if name.ends_with(".tmp") => leftover("tmp"),
                    // Apache Kafka's own metadata log.
                    name if name == "quorum-state" || name.ends_with(".checkpoint") => None,
                    _ => Some("is no file of a log"),
                },
            };
            if let Some(note) = note {
                self.findings.note(&path, 0, note);
            }
        }
        self
    }

    /// Every snapshot with its sidecar by itself.
    fn with_snapshots(mut self, disk: &dyn Disk) -> Self {
        for offset in &self.snapshots {
            let name = |suffix| crate::segment::file_name(*offset, suffix);
            let path = self.context.dir.join(name(SNAPSHOT_SUFFIX));
            let bytes = match read_file(disk, &path, SNAPSHOT_BYTES_MAX) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => {
                    self.findings.problem(&path, 0, format_args!("cannot be read: {error}"));
                    continue;
                }
            };
            if let Err(error) = read_snapshot(&bytes) {
                self.findings.problem(&path, 0, error);
            }
            let sidecar_path = self.context.dir.join(name(SIDECAR_SUFFIX));
            let sidecar = read_file(disk, &sidecar_path, SNAPSHOT_BYTES_MAX);
            let checked = match (sidecar, snapshot_crc(&bytes)) {
                (Ok(Some(sidecar)), Some(crc)) => {
                    check_sidecar(&sidecar, crc).map(drop).map_err(|error| error.to_string())
                }
                (Err(error), _) => Err(format!("cannot be read: {error}")),
                (Ok(Some(_)), None) | (Ok(None), _) => Ok(()),
            };
            if let Err(reason) = checked {
                self.findings.problem(&sidecar_path, 0, reason);
            }
        }
        self
    }

    /// Puts together what the segments said, in the order of [`Plan::checks`].
    pub(super) fn finish(self, root: &Path, facts: Vec<SegmentFacts>) -> Report {
        let context = Arc::clone(&self.context);
        let mut report = Report { findings: self.findings, ..Report::default() };
        report.counts.partition_count = 1;
        let is_cleaned = facts.iter().any(|facts| facts.is_cleaned);
        let count = facts.len();
        let (mut end, mut is_sure) = (None, true);
        for (index, facts) in facts.into_iter().enumerate() {
            let path = context.dir.join(crate::segment::file_name(facts.base, LOG_SUFFIX));
            let is_last = index.saturating_add(1) == count;
            report.count(&facts);
            report.has_vanished |= facts.is_gone;
            is_sure &= !facts.is_gone && facts.findings.unsupported.is_empty();
            let judge = Holes { context: &context, is_cleaned, path: &path };
            if let Some(end) = end {
                if facts.base < end {
                    let reason = format_args!("begins below the end {end} of the one before");
                    report.findings.problem(&path, 0, reason);
                } else if facts.base > end {
                    judge.hole(0, &(end..facts.base), &mut report.findings);
                }
            }
            for (at, hole) in facts.holes.iter().filter(|_| !facts.has_damage) {
                judge.hole(*at, hole, &mut report.findings);
            }
            if let Some(tail) = facts.bad_tail {
                report.bad_tail(tail, facts.end, is_last, &context);
            }
            report.findings.add(facts.findings);
            end = end.max(Some(facts.end.max(facts.base)));
        }
        if let Some(end) = end.filter(|_| is_sure) {
            report.check_end(&context, root, end, &self.snapshots);
        }
        report
    }
}

/// What a name that ends so is left over from.
fn leftover(suffix: &str) -> Option<&'static str> {
    if suffix.ends_with("deleted") {
        Some("was renamed for deletion; removed by the next start")
    } else if suffix.ends_with("cleaned") {
        Some("an unfinished cleaning; removed by the next start")
    } else if suffix.ends_with("swap") {
        Some("a finished cleaning; put in place by the next start")
    } else if suffix.ends_with("tmp") {
        Some("an unfinished write; removed by the next start")
    } else if suffix.ends_with("cut") {
        Some("was cut off by a repair")
    } else if suffix == SNAPSHOT_SUFFIX || suffix == SIDECAR_SUFFIX {
        None
    } else {
        Some("is no file of a log")
    }
}

fn context(
    disk: &dyn Disk,
    dir: &Path,
    files: &LogDirFiles,
    decodes_records: bool,
    findings: &mut Findings,
) -> Context {
    let limit_path = dir.join(RECOVERY_LIMIT_FILE);
    let limit = text_of(disk, &limit_path, findings).and_then(|bytes| {
        let read = RecoveryLimit::read(&bytes);
        findings.format(&limit_path, read.clone().map(drop));
        read.ok()
    });
    let through_path = dir.join(COMPACTED_THROUGH_FILE);
    let compacted_through = text_of(disk, &through_path, findings).map_or(Offset::ZERO, |bytes| {
        let read = read_compacted_through(&bytes);
        findings.format(&through_path, read.clone().map(drop));
        read.unwrap_or_default()
    });
    let epochs_path = dir.join(LEADER_EPOCHS_FILE);
    let bytes = text_of(disk, &epochs_path, findings);
    let epochs = match bytes.as_deref().map(LeaderEpochs::read) {
        // No file: made before there were epochs, or not written yet.
        None => None,
        Some(Ok(epochs)) => Some(epochs),
        Some(Err(error)) => {
            findings.problem(&epochs_path, 0, error);
            None
        }
    };
    let partition = partition_of(dir);
    let offset = |file| partition.as_ref().and_then(|partition| files.offset(file, partition));
    let recovery_point = match (files.exists, limit) {
        (true, Some(limit)) => {
            Some(offset(RECOVERY_POINT_FILE).unwrap_or_default().min(limit.limit))
        }
        (true, None) => Some(offset(RECOVERY_POINT_FILE).unwrap_or_default()),
        (false, _) => None,
    };
    Context {
        dir: dir.to_path_buf(),
        epochs,
        is_clean: files.is_clean,
        recovery_point,
        high_watermark: offset(HIGH_WATERMARK_FILE),
        log_start: offset(LOG_START_FILE).unwrap_or_default(),
        cleaned_until: offset(CLEANER_FILE).unwrap_or_default(),
        compacted_through,
        has_log_dir: files.exists,
        decodes_records,
    }
}

/// Whether missing offsets are as they may be.
struct Holes<'a> {
    context: &'a Context,
    is_cleaned: bool,
    path: &'a Path,
}

impl Holes<'_> {
    fn hole(&self, at: u64, hole: &Range<Offset>, findings: &mut Findings) {
        if self.is_cleaned || self.context.cleaned_below() > hole.start {
            return;
        }
        let (from, to) = (hole.start, hole.end);
        let reason = format!("offsets {from} to {to} are missing, and no cleaner was here");
        // Without the log directory nobody knows what cleaners did.
        match self.context.has_log_dir {
            true => findings.problem(self.path, at, reason),
            false => findings.note(self.path, at, reason),
        }
    }
}

impl Report {
    /// What one segment by itself says.
    pub(super) fn add_segment(&mut self, path: &Path, facts: SegmentFacts) {
        self.count(&facts);
        self.tail = facts.bad_tail;
        for (at, hole) in &facts.holes {
            let reason = format_args!("offsets {} to {} are missing", hole.start, hole.end);
            self.findings.note(path, *at, reason);
        }
        self.findings.add(facts.findings);
    }

    fn count(&mut self, facts: &SegmentFacts) {
        let counts = &mut self.counts;
        if facts.is_gone {
            return;
        }
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut counts.segment_count, 1);
        add(&mut counts.batch_count, facts.batch_count);
        add(&mut counts.record_count, facts.record_count);
        add(&mut counts.log_bytes, facts.log_bytes);
        add(&mut counts.index_entry_count, facts.index_entry_count);
    }

    fn bad_tail(&mut self, tail: Damage, offset: Offset, is_last: bool, context: &Context) {
        let Damage { path, position_bytes, reason } = tail;
        if !is_last {
            let reason = format_args!("{reason}; nothing good follows in this segment");
            self.findings.problem(&path, position_bytes, reason);
        } else if context.recovery_point.is_some_and(|point| offset < point) {
            let reason = format_args!(
                "{reason}; offset {offset} and all after it is gone, below the recovery point"
            );
            self.findings.problem(&path, position_bytes, reason);
        } else {
            let reason = format!(
                "{reason}; a torn tail from offset {offset} on, which the next start cuts off"
            );
            self.tail = Some(Damage { path, position_bytes, reason });
        }
    }

    /// Nothing may name an offset past the log end.
    fn check_end(&mut self, context: &Context, root: &Path, end: Offset, snapshots: &[Offset]) {
        let checks = [
            (RECOVERY_POINT_FILE, "recovery point", context.recovery_point),
            (HIGH_WATERMARK_FILE, "high watermark", context.high_watermark),
            (LOG_START_FILE, "log start", Some(context.log_start)),
            (CLEANER_FILE, "cleaned offset", Some(context.cleaned_until)),
        ];
        let name = context.dir.file_name().unwrap_or_default().to_string_lossy();
        for (file, what, offset) in checks {
            if let Some(offset) = offset.filter(|offset| *offset > end) {
                let reason = format_args!("{what} {offset} of {name} is past the log end {end}");
                self.findings.problem(&root.join(file), 0, reason);
            }
        }
        let mut epochs = context.epochs.iter().flat_map(|epochs| epochs.entries());
        if let Some(entry) = epochs.rfind(|entry| entry.start_offset > end) {
            let (epoch, start) = (entry.epoch, entry.start_offset);
            let path = context.dir.join(LEADER_EPOCHS_FILE);
            let reason = format_args!("epoch {epoch} begins at {start}, past the log end {end}");
            self.findings.problem(&path, 0, reason);
        }
        for offset in snapshots.iter().filter(|offset| **offset > end) {
            let path: PathBuf =
                context.dir.join(crate::segment::file_name(*offset, SNAPSHOT_SUFFIX));
            let reason = format!("is past the log end {end}; removed by the next start");
            match context.is_clean {
                true => self.findings.problem(&path, 0, reason),
                false => self.findings.note(&path, 0, reason),
            }
        }
    }
}
