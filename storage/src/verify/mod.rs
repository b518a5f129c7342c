//! Looks at a data directory from outside and says what is wrong with it: `highwater log verify`.
//!
//! Reads only, and reads directories of Apache Kafka too. What one file says is compared with what
//! the others say; derived files may lag behind the log (a crash leaves them so), but may not
//! contradict it.
//!
//! A broker may write beside it. A partition in which something seems wrong is looked at again, and
//! what is not there a second time, while files changed, is no finding.
//!
//! Segments are independent of each other: `segment.rs` checks one on any thread, `partition.rs`
//! puts together what they said.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

mod context;
mod findings;
mod indexes;
mod partition;
mod producers;
mod reader;
mod root;
mod segment;
mod walked;

use std::io;
use std::path::{Path, PathBuf};

use self::context::LogDirFiles;
use self::findings::Findings;
use self::partition::{Plan, Report, is_partition_dir};
pub use self::segment::{SegmentCheck, SegmentFacts};
pub(crate) use self::walked::{WalkedPartition, WalkedSegment, partition_dirs, walk_partition};
use crate::disk::Disk;
use crate::error::{AtPath, Damage, StorageFault};
use crate::log_dir::LOCK_FILE;
use crate::meta_properties::META_PROPERTIES_FILE;

/// Looks at a partition that changes meanwhile and in which something seems wrong.
const LOOKS_MAX: usize = 6;

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
    /// What cannot be judged: segments in formats older than v2, codecs that are not built in.
    pub unsupported: Vec<Damage>,
    /// What is as it may be but worth a word: leftovers, and what changed while it was looked at.
    pub notes: Vec<Damage>,
}

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Whether the records of each batch are decoded, besides its header and CRC.
    pub decodes_records: bool,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { decodes_records: true }
    }
}

/// Runs checks, in any order and on any threads, and returns what they found in theirs.
pub type RunChecks<'a> = dyn Fn(&[SegmentCheck<'_>]) -> Vec<SegmentFacts> + 'a;

/// Checks a log directory, one partition's directory, or one segment's `.log` file, on this thread.
///
/// # Errors
/// If `path` cannot be looked at; what is merely wrong is in the result.
pub fn verify(disk: &dyn Disk, path: &Path) -> Result<Verified, StorageFault> {
    let in_turn = |checks: &[SegmentCheck<'_>]| checks.iter().map(SegmentCheck::run).collect();
    verify_with(disk, path, VerifyOptions::default(), &in_turn)
}

/// As [`verify`], with the threads of the caller.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(
    disk: &dyn Disk,
    path: &Path,
    options: VerifyOptions,
    run: &RunChecks<'_>,
) -> Result<Verified, StorageFault> {
    let is_dir = disk.metadata(path).at_path("look at", path)?.is_dir;
    let mut looking = Looking { disk, options, run, verified: Verified::default() };
    if !is_dir {
        looking.look_at_segment(path).at_path("look at", path)?;
        return Ok(looking.verified);
    }
    let entries = disk.read_dir(path).at_path("list", path)?;
    if is_partition_dir(&entries) {
        looking.look_at_all(&segment::dir_of(path), vec![path.to_path_buf()]);
    } else {
        looking.look_at_root(path)?;
    }
    Ok(looking.verified)
}

struct Looking<'a> {
    disk: &'a dyn Disk,
    options: VerifyOptions,
    run: &'a RunChecks<'a>,
    verified: Verified,
}

impl Looking<'_> {
    fn look_at_root(&mut self, root: &Path) -> Result<(), StorageFault> {
        let meta = root.join(META_PROPERTIES_FILE);
        self.verified.is_log_dir = self.disk.exists(&meta).at_path("look at", &meta)?;
        let mut dirs = Vec::new();
        for entry in self.disk.read_dir(root).at_path("list", root)? {
            let dir = root.join(&entry.name);
            if !entry.is_dir || entry.name.ends_with("-delete") {
                continue;
            }
            match self.disk.read_dir(&dir) {
                Ok(entries) if is_partition_dir(&entries) => dirs.push(dir),
                Ok(_) => {}
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.problem(&dir, format_args!("cannot be listed: {error}")),
            }
        }
        let mut findings = Findings::default();
        let files = LogDirFiles::read(self.disk, root, &mut findings);
        root::check_root(self.disk, root, &files, &dirs, &mut findings);
        self.take(findings);
        self.look_at_all(root, dirs);
        Ok(())
    }

    fn problem(&mut self, path: &Path, reason: impl std::fmt::Display) {
        self.verified.problems.push(Damage::new(path, 0, reason));
    }

    fn take(&mut self, findings: Findings) {
        self.verified.problems.extend(findings.problems);
        self.verified.notes.extend(findings.notes);
        self.verified.unsupported.extend(findings.unsupported);
    }

    /// One segment by itself: nothing is said of its neighbours.
    fn look_at_segment(&mut self, path: &Path) -> io::Result<()> {
        let dir = segment::dir_of(path);
        let files = LogDirFiles::default();
        let plan = Plan::new(self.disk, &dir, &files, self.options.decodes_records)?;
        let checks = plan.checks(self.disk).into_iter().filter(|check| check.path == path);
        for facts in (self.run)(&checks.collect::<Vec<_>>()) {
            let mut report = Report::default();
            report.add_segment(path, facts);
            self.add(report, &dir);
        }
        Ok(())
    }

    /// All segments of all partitions at once, then those again in which something seems wrong.
    fn look_at_all(&mut self, root: &Path, dirs: Vec<PathBuf>) {
        let files = LogDirFiles::read(self.disk, root, &mut Findings::default());
        let mut plans = Vec::new();
        for dir in dirs {
            match Plan::new(self.disk, &dir, &files, self.options.decodes_records) {
                Ok(plan) => plans.push((dir, plan)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.problem(&dir, format_args!("cannot be listed: {error}")),
            }
        }
        let checks: Vec<Vec<SegmentCheck<'_>>> =
            plans.iter().map(|(_, plan)| plan.checks(self.disk)).collect();
        let counts: Vec<usize> = checks.iter().map(Vec::len).collect();
        let checks: Vec<SegmentCheck<'_>> = checks.into_iter().flatten().collect();
        let mut facts = (self.run)(&checks).into_iter();
        for ((dir, plan), count) in plans.into_iter().zip(counts) {
            let before = plan.entries.clone();
            let report = plan.finish(root, facts.by_ref().take(count).collect());
            let report = self.judge(root, &dir, before, report);
            self.add(report, root);
        }
    }

    /// Looks again until what is found does not change any more.
    fn judge(
        &self,
        root: &Path,
        dir: &Path,
        before: Vec<crate::disk::DirEntry>,
        first: Report,
    ) -> Report {
        let (mut before, mut last) = (before, first);
        for _ in 1..LOOKS_MAX {
            if last.is_good() || self.disk.read_dir(dir).is_ok_and(|now| now == before) {
                return last;
            }
            let files = LogDirFiles::read(self.disk, root, &mut Findings::default());
            let plan = match Plan::new(self.disk, dir, &files, self.options.decodes_records) {
                Ok(plan) => plan,
                // The partition was deleted.
                Err(_) => return Report::default(),
            };
            before = plan.entries.clone();
            let facts = (self.run)(&plan.checks(self.disk));
            let next = plan.finish(root, facts);
            let is_confirmed = next.problems().all(|problem| last.has(problem));
            if is_confirmed && !next.has_vanished {
                return next;
            }
            last = next;
        }
        // Nothing was seen twice.
        let dir = dir.display();
        for problem in std::mem::take(&mut last.findings.problems) {
            let reason = format!("{dir} changes all the time; seen once: {}", problem.reason);
            last.findings.notes.push(Damage { reason, ..problem });
        }
        last
    }

    fn add(&mut self, report: Report, root: &Path) {
        let Report { mut findings, tail, counts, .. } = report;
        match tail {
            // The broker that writes it is still there.
            Some(tail) if self.is_in_use(root) => findings.notes.push(tail),
            Some(tail) => findings.problems.push(tail),
            None => {}
        }
        self.take(findings);
        let verified = &mut self.verified;
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut verified.partition_count, counts.partition_count);
        add(&mut verified.segment_count, counts.segment_count);
        add(&mut verified.batch_count, counts.batch_count);
        add(&mut verified.record_count, counts.record_count);
        add(&mut verified.log_bytes, counts.log_bytes);
        add(&mut verified.index_entry_count, counts.index_entry_count);
    }

    /// Whether a broker has the log directory: asked only when the answer matters.
    fn is_in_use(&self, root: &Path) -> bool {
        let path = root.join(LOCK_FILE);
        if !self.disk.exists(&path).unwrap_or(false) {
            return false;
        }
        self.disk.lock(&path).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Report {
    fn is_good(&self) -> bool {
        self.findings.problems.is_empty() && self.tail.is_none() && !self.has_vanished
    }

    fn problems(&self) -> impl Iterator<Item = &Damage> {
        self.findings.problems.iter().chain(&self.tail)
    }

    fn has(&self, problem: &Damage) -> bool {
        self.problems().any(|known| known == problem)
    }
}
