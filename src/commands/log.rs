//! `highwater log`: what is in log files, without a broker.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use highwater_broker::verify_metadata;
use highwater_records::{Attributes, Record};
use highwater_storage::{
    Disk, DumpedBatch, FileDisk, SegmentDump, dump_offset_index, dump_segment, dump_time_index,
    verify,
};
use serde_json::json;

use super::failure::Reported;
use super::output::{Output, OutputFormat};

/// Arguments of `log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the batches of a .log file, the entries of an .index or .timeindex file, or of all
    /// segments in a partition's directory
    #[command(after_help = "Example: highwater log dump data/orders-0 --records")]
    Dump(Dump),
    /// Check a data directory, a partition's directory or a .log file: every batch, and that
    /// indexes and checkpoints agree with the log. Changes nothing; reads Apache Kafka's
    /// directories too
    #[command(after_help = "Example: highwater log verify data\n\n\
                            The exit code is 1 if anything is wrong. Beside a running broker the \
                            newest segment may be in the middle of a write.")]
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Dump {
    /// File or directory
    path: PathBuf,
    /// Also show the records
    #[arg(long)]
    records: bool,
}

#[derive(Debug, Args)]
struct Verify {
    /// File or directory
    path: PathBuf,
}

pub(crate) fn run(arguments: &Log, output: &mut Output) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Dump(dump) => dump.run(output),
        Action::Verify(verify) => verify.run(output),
    }
}

impl Verify {
    fn run(&self, output: &mut Output) -> anyhow::Result<()> {
        let is_dir = std::fs::metadata(&self.path)
            .with_context(|| format!("cannot look at {}", self.path.display()))?
            .is_dir();
        let is_log = self.path.extension().is_some_and(|extension| extension == "log");
        anyhow::ensure!(
            is_dir || is_log,
            "{} is neither a directory nor a .log file; indexes are checked with their segment",
            self.path.display()
        );
        let mut verified = verify(&FileDisk, &self.path)?;
        if is_dir {
            let disk: Arc<dyn Disk> = Arc::new(FileDisk);
            let mut problems = verify_metadata(&disk, &self.path)?;
            anyhow::ensure!(
                verified.is_log_dir || verified.partition_count > 0 || !problems.is_empty(),
                "{} is no data directory and no partition's directory",
                self.path.display()
            );
            verified.problems.append(&mut problems);
        }
        let mut shown =
            verified.problems.iter().map(|problem| ("wrong", problem)).collect::<Vec<_>>();
        shown.extend(verified.unsupported.iter().map(|problem| ("not checked", problem)));
        for (what, problem) in shown {
            let path = problem.path.display();
            let (at, reason) = (problem.position_bytes, &problem.reason);
            output.say(&format!("{what}: {path} at byte {at}: {reason}"))?;
            output.json(&json!({
                "finding": what, "path": path.to_string(), "position_bytes": at, "reason": reason,
            }))?;
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
        }))?;
        if verified.problems.is_empty() { Ok(()) } else { Err(Reported.into()) }
    }
}

impl Dump {
    fn run(&self, output: &mut Output) -> anyhow::Result<()> {
        let metadata = std::fs::metadata(&self.path);
        let metadata =
            metadata.with_context(|| format!("cannot look at {}", self.path.display()))?;
        if metadata.is_dir() {
            let files = segments(&self.path)?;
            anyhow::ensure!(
                !files.is_empty(),
                "{} has no .log file; name a partition's directory, such as data/orders-0",
                self.path.display()
            );
            return files.iter().try_for_each(|file| self.dump_file(file, output));
        }
        self.dump_file(&self.path, output)
    }

    fn dump_file(&self, path: &Path, output: &mut Output) -> anyhow::Result<()> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("index") => {
                for (offset, position) in dump_offset_index(&FileDisk, path)? {
                    output.say(&format!("offset {offset} at byte {position}"))?;
                    output.json(&json!({
                        "last_offset": offset.value(), "position_bytes": position,
                    }))?;
                }
                Ok(())
            }
            Some("timeindex") => {
                for (timestamp, offset) in dump_time_index(&FileDisk, path)? {
                    let timestamp = timestamp.value();
                    output.say(&format!("timestamp {timestamp} offset {offset}"))?;
                    output.json(&json!({ "timestamp": timestamp, "offset": offset.value() }))?;
                }
                Ok(())
            }
            Some("log") => {
                output.say(&format!("segment {}", path.display()))?;
                let disk: &dyn Disk = &FileDisk;
                self.dump_batches(dump_segment(disk, path)?, path, output)
            }
            _ => anyhow::bail!("{} is none of .log, .index and .timeindex", path.display()),
        }
    }

    fn dump_batches(
        &self,
        mut dump: SegmentDump,
        path: &Path,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let mut damaged = false;
        while let Some(batch) = dump.next() {
            let batch = batch.with_context(|| format!("cannot read {}", path.display()))?;
            damaged |= !batch.crc_is_right;
            show_batch(&batch, output)?;
            if self.records && batch.crc_is_right {
                for record in dump.read_batch(&batch)?.records()? {
                    show_record(&record?, output)?;
                }
            }
        }
        anyhow::ensure!(!damaged, "{} has batches with a wrong CRC", path.display());
        Ok(())
    }
}

/// The `.log` files of a directory, in the order of their offsets, which is that of their names.
fn segments(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory);
    let entries = entries.with_context(|| format!("cannot list {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn show_batch(batch: &DumpedBatch, output: &mut Output) -> anyhow::Result<()> {
    let header = &batch.header;
    let codec = header.codec().map_or_else(|_| "unknown".to_owned(), |it| it.name().to_owned());
    let first = header.base_offset.value();
    let last = first.saturating_add(i64::from(header.last_offset_delta));
    let kind = kind(header.attributes);
    output.say(&format!(
        "offsets {first}..{last} records {} at byte {} size {} epoch {} {codec} producer {}/{} \
         sequence {} max timestamp {}{kind} crc {}",
        header.record_count,
        batch.position_bytes,
        header.size_bytes(),
        header.partition_leader_epoch.value(),
        header.producer_id.value(),
        header.producer_epoch.value(),
        header.base_sequence.value(),
        header.max_timestamp.value(),
        if batch.crc_is_right { "right" } else { "WRONG" },
    ))?;
    output.json(&json!({
        "base_offset": first, "last_offset": last, "records": header.record_count,
        "position_bytes": batch.position_bytes, "size_bytes": header.size_bytes(),
        "leader_epoch": header.partition_leader_epoch.value(), "codec": codec,
        "producer_id": header.producer_id.value(), "producer_epoch": header.producer_epoch.value(),
        "base_sequence": header.base_sequence.value(),
        "base_timestamp": header.base_timestamp.value(),
        "max_timestamp": header.max_timestamp.value(),
        "transactional": header.attributes.is_transactional(),
        "control": header.attributes.is_control(),
        "crc": header.crc, "crc_is_right": batch.crc_is_right,
    }))?;
    Ok(())
}

fn kind(attributes: Attributes) -> &'static str {
    match (attributes.is_transactional(), attributes.is_control()) {
        (true, true) => " transactional control",
        (true, false) => " transactional",
        (false, true) => " control",
        (false, false) => "",
    }
}

fn show_record(record: &Record, output: &mut Output) -> anyhow::Result<()> {
    if output.format == OutputFormat::Json {
        let mut line = json!({
            "offset": record.offset.value(), "timestamp": record.timestamp.value(),
            "headers": record.headers.len(),
        });
        super::consume::put(&mut line, "key", record.key.as_deref());
        super::consume::put(&mut line, "value", record.value.as_deref());
        output.json(&line)?;
        return Ok(());
    }
    let text = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        None => "null".to_owned(),
    };
    output.say(&format!(
        "  offset {} timestamp {} headers {} key {} value {}",
        record.offset,
        record.timestamp.value(),
        record.headers.len(),
        text(record.key.as_deref()),
        text(record.value.as_deref()),
    ))?;
    Ok(())
}
