//! What `repair.rs` wants to know of a partition: the same look, as data instead of words.

use std::io;
use std::path::{Path, PathBuf};

use highwater_records::Offset;

use super::context::LogDirFiles;
use super::findings::Findings;
use super::partition::Plan;
use super::segment::SegmentCheck;
use crate::disk::Disk;
use crate::error::Damage;
use crate::segment::parse_file_name;

/// A partition as one look found it.
#[derive(Debug)]
pub(crate) struct WalkedPartition {
    pub(crate) segments: Vec<WalkedSegment>,
    /// Everything that is wrong, the tail included.
    pub(crate) problems: Vec<Damage>,
    /// `None` if it is not known.
    pub(crate) recovery_point: Option<Offset>,
    /// Offsets of the producer snapshots.
    pub(crate) snapshots: Vec<Offset>,
    /// Whether batches and the epoch file say different things.
    pub(crate) contradicts_epochs: bool,
}

/// One segment of it.
#[derive(Debug)]
pub(crate) struct WalkedSegment {
    pub(crate) base: Offset,
    /// The offset after its last good batch.
    pub(crate) end: Offset,
    pub(crate) batch_count: u64,
    /// The first place that is no good batch, and the offset that comes next there.
    pub(crate) first_bad: Option<(u64, Offset)>,
    /// Whether good batches follow that place in the segment.
    pub(crate) goes_on: bool,
    /// Whether it is of a format that is not understood.
    pub(crate) is_unsupported: bool,
}

/// Looks at every segment of a partition, on this thread.
pub(crate) fn walk_partition(
    disk: &dyn Disk,
    root: &Path,
    dir: &Path,
) -> io::Result<WalkedPartition> {
    let files = LogDirFiles::read(disk, root, &mut Findings::default());
    let plan = Plan::new(disk, dir, &files, false)?;
    let recovery_point = plan.recovery_point();
    let names = plan.entries.iter().filter_map(|entry| parse_file_name(&entry.name));
    let snapshots =
        names.filter(|(_, suffix)| *suffix == crate::producer_snapshot::SNAPSHOT_SUFFIX);
    let snapshots = snapshots.map(|(offset, _)| offset).collect();
    let facts: Vec<_> = plan.checks(disk).iter().map(SegmentCheck::run).collect();
    let segments = facts.iter().map(|facts| WalkedSegment {
        base: facts.base,
        end: facts.end,
        batch_count: facts.batch_count,
        first_bad: facts.first_bad,
        goes_on: facts.has_damage,
        is_unsupported: !facts.findings.unsupported.is_empty(),
    });
    let segments = segments.collect();
    let contradicts_epochs = facts.iter().any(|facts| facts.contradicts_epochs);
    let report = plan.finish(root, facts);
    let mut problems = report.findings.problems;
    problems.extend(report.tail);
    Ok(WalkedPartition { segments, problems, recovery_point, snapshots, contradicts_epochs })
}

/// The partition directories below a log directory.
pub(crate) fn partition_dirs(disk: &dyn Disk, root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for entry in disk.read_dir(root)? {
        let dir = root.join(&entry.name);
        let is_wanted = entry.is_dir && !entry.name.ends_with("-delete");
        if is_wanted && super::partition::is_partition_dir(&disk.read_dir(&dir)?) {
            dirs.push(dir);
        }
    }
    Ok(dirs)
}
