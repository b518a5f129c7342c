//! `highwater log verify`: what is wrong with the files of a log.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use clap::Args;
use highwater_broker::verify_metadata;
use highwater_storage::{
    Damage, Disk, FileDisk, SegmentCheck, SegmentFacts, VerifyOptions, verify_with,
};
use serde_json::json;

use crate::commands::failure::Reported;
use crate::commands::output::Output;

/// Most threads; a disk has enough of them, and each holds a few MiB.
const THREADS_MAX: usize = 8;

/// Looks at metadata that a broker may be writing.
const METADATA_LOOKS: usize = 3;

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// File or directory
    path: PathBuf,
    /// Look at headers and checksums only: do not decode the records
    #[arg(long)]
    quick: bool,
    /// Segments checked at the same time [default: one for each processor, at most 8]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Verify {
    pub(super) fn run(&self, output: &mut Output) -> anyhow::Result<()> {
        let is_dir = std::fs::metadata(&self.path)
            .with_context(|| format!("cannot look at {}", self.path.display()))?
            .is_dir();
        let is_log = self.path.extension().is_some_and(|extension| extension == "log");
        anyhow::ensure!(
            is_dir || is_log,
            "{} is neither a directory nor a .log file; indexes are checked with their segment",
            self.path.display()
        );
        let options = VerifyOptions { decodes_records: !self.quick };
        let threads = self.threads();
        let run = |checks: &[SegmentCheck<'_>]| run_on(threads, checks);
        let mut verified = verify_with(&FileDisk, &self.path, options, &run)?;
        if is_dir {
            let mut problems = metadata_problems(&self.path)?;
            anyhow::ensure!(
                verified.is_log_dir || verified.partition_count > 0 || !problems.is_empty(),
                "{} is no data directory and no partition's directory",
                self.path.display()
            );
            verified.problems.append(&mut problems);
        }
        let wrong = verified.problems.iter().map(|problem| ("wrong", problem));
        let unknown = verified.unsupported.iter().map(|problem| ("not checked", problem));
        let notes = verified.notes.iter().map(|note| ("note", note));
        for (what, finding) in wrong.chain(unknown).chain(notes) {
            show(what, finding, output)?;
        }
        output.say(&format!(
            "{} partitions, {} segments, {} batches, {} records, {} bytes, {} index entries: {}",
            verified.partition_count,
            verified.segment_count,
            verified.batch_count,
            verified.record_count,
            verified.log_bytes,
            verified.index_entry_count,
            match verified.problems.len() {
                0 => "nothing wrong".to_owned(),
                1 => "1 problem".to_owned(),
                count => format!("{count} problems"),
            }
        ))?;
        output.json(&json!({
            "partitions": verified.partition_count, "segments": verified.segment_count,
            "batches": verified.batch_count, "records": verified.record_count,
            "bytes": verified.log_bytes, "index_entries": verified.index_entry_count,
            "problems": verified.problems.len(), "unsupported": verified.unsupported.len(),
            "notes": verified.notes.len(),
        }))?;
        if verified.problems.is_empty() { Ok(()) } else { Err(Reported.into()) }
    }

    fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(processors, NonZeroUsize::get).min(THREADS_MAX)
    }
}

/// Says one finding: what kind, which file, where, why.
pub(super) fn show(what: &str, finding: &Damage, output: &mut Output) -> anyhow::Result<()> {
    let path = finding.path.display();
    let (at, reason) = (finding.position_bytes, &finding.reason);
    output.say(&format!("{what}: {path} at byte {at}: {reason}"))?;
    output.json(&json!({
        "finding": what, "path": path.to_string(), "position_bytes": at, "reason": reason,
    }))?;
    Ok(())
}

/// Runs the checks on several threads; each takes the next one that nobody has.
fn run_on(threads: usize, checks: &[SegmentCheck<'_>]) -> Vec<SegmentFacts> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(check) = checks.get(index)
        {
            done.push((index, check.run()));
        }
        done
    };
    let mut facts = if threads.min(checks.len()) < 2 {
        work()
    } else {
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads.min(checks.len())).map(|_| scope.spawn(work)).collect();
            let done = workers.into_iter().flat_map(|worker| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            done.collect()
        })
    };
    facts.sort_by_key(|(index, _)| *index);
    facts.into_iter().map(|(_, facts)| facts).collect()
}

/// What is wrong with the metadata: what two looks in a row found, since a broker may be writing.
fn metadata_problems(path: &Path) -> anyhow::Result<Vec<Damage>> {
    let disk: Arc<dyn Disk> = Arc::new(FileDisk);
    let mut last = verify_metadata(&disk, path)?;
    for _ in 1..METADATA_LOOKS {
        if last.is_empty() {
            break;
        }
        let next = verify_metadata(&disk, path)?;
        last = next.into_iter().filter(|problem| last.contains(problem)).collect();
    }
    Ok(last)
}
