//! `highwater log dump`: what a file holds, for people and as JSON.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use highwater_coordinator::group::GroupRecord;
use highwater_records::{
    Attributes, ControlRecord, ControlType, EndTransactionMarker, Record, Timestamp, TopicPartition,
};
use highwater_storage::{
    Disk, DumpedBatch, FileDisk, LeaderEpochs, RecoveryLimit, SegmentDump, dump_offset_index,
    dump_segment, dump_sidecar, dump_time_index, dump_transaction_index, read_meta_properties,
    read_offsets, read_partition_metadata, read_snapshot,
};
use serde_json::json;

use crate::commands::consume::put;
use crate::commands::output::{Output, OutputFormat};

/// Directory of a partition in which groups are kept.
const GROUPS_DIR: &str = "__consumer_offsets-";

#[derive(Debug, Args)]
pub(super) struct Dump {
    /// File or directory
    path: PathBuf,
    /// Also show the records, decompressed; those of the broker by what they mean
    #[arg(long)]
    records: bool,
}

impl Dump {
    pub(super) fn run(&self, output: &mut Output) -> anyhow::Result<()> {
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
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match kind_of(&name) {
            Some(Kind::Log) => {
                output.say(&format!("segment {}", path.display()))?;
                let disk: &dyn Disk = &FileDisk;
                self.dump_batches(dump_segment(disk, path)?, path, output)
            }
            Some(Kind::Index) => dump_index(path, output),
            Some(Kind::TimeIndex) => dump_times(path, output),
            Some(Kind::TransactionIndex) => dump_aborted(path, output),
            Some(kind) => {
                let bytes = std::fs::read(path);
                let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
                let dumped = dump_small(kind, &bytes, output);
                dumped.with_context(|| format!("cannot read {}", path.display()))
            }
            None => anyhow::bail!("{} is no file of a log that is known here", path.display()),
        }
    }

    fn dump_batches(
        &self,
        mut dump: SegmentDump,
        path: &Path,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let dir = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let shows_groups = dir.starts_with(GROUPS_DIR);
        let mut damaged = false;
        while let Some(batch) = dump.next() {
            let batch = batch.with_context(|| format!("cannot read {}", path.display()))?;
            damaged |= !batch.crc_is_right;
            show_batch(&batch, output)?;
            if self.records && batch.crc_is_right {
                let is_control = batch.header.is_control();
                for record in dump.read_batch(&batch)?.records()? {
                    let record = record?;
                    let meaning = match (is_control, shows_groups) {
                        (true, _) => control_name(&record),
                        (false, true) => group_meaning(&record),
                        (false, false) => None,
                    };
                    show_record(&record, meaning.as_deref(), output)?;
                }
            }
        }
        anyhow::ensure!(!damaged, "{} has batches with a wrong CRC", path.display());
        Ok(())
    }
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Log,
    Index,
    TimeIndex,
    TransactionIndex,
    Snapshot,
    Producers,
    Checkpoint,
    Epochs,
    PartitionMetadata,
    MetaProperties,
    RecoveryLimit,
}

fn kind_of(name: &str) -> Option<Kind> {
    let leftover = [".deleted", ".swap", ".cleaned"];
    let name = leftover.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    if name.contains(".log.") && name.ends_with(".cut") {
        return Some(Kind::Log);
    }
    match name {
        "leader-epoch-checkpoint" => return Some(Kind::Epochs),
        "partition.metadata" => return Some(Kind::PartitionMetadata),
        "meta.properties" => return Some(Kind::MetaProperties),
        "recovery-point-limit" => return Some(Kind::RecoveryLimit),
        _ if name.ends_with("-offset-checkpoint") => return Some(Kind::Checkpoint),
        _ => {}
    }
    match name.rsplit_once('.')?.1 {
        "log" => Some(Kind::Log),
        "index" => Some(Kind::Index),
        "timeindex" => Some(Kind::TimeIndex),
        "txnindex" => Some(Kind::TransactionIndex),
        "snapshot" => Some(Kind::Snapshot),
        "producers" => Some(Kind::Producers),
        _ => None,
    }
}

fn dump_index(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    for (offset, position) in dump_offset_index(&FileDisk, path)? {
        output.say(&format!("offset {offset} at byte {position}"))?;
        output.json(&json!({ "last_offset": offset.value(), "position_bytes": position }))?;
    }
    Ok(())
}

fn dump_times(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    for (timestamp, offset) in dump_time_index(&FileDisk, path)? {
        let timestamp = timestamp.value();
        output.say(&format!("timestamp {timestamp} offset {offset}"))?;
        output.json(&json!({ "timestamp": timestamp, "offset": offset.value() }))?;
    }
    Ok(())
}

fn dump_aborted(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    for aborted in dump_transaction_index(&FileDisk, path)? {
        let (id, first) = (aborted.producer_id.value(), aborted.first_offset.value());
        let (last, stable) = (aborted.last_offset.value(), aborted.last_stable_offset.value());
        output.say(&format!(
            "producer {id} aborted offsets {first}..{last} last stable offset {stable}"
        ))?;
        output.json(&json!({
            "producer_id": id, "first_offset": first, "last_offset": last,
            "last_stable_offset": stable,
        }))?;
    }
    Ok(())
}

/// Files that are read as a whole.
fn dump_small(kind: Kind, bytes: &[u8], output: &mut Output) -> anyhow::Result<()> {
    match kind {
        Kind::Snapshot => dump_snapshot(bytes, output),
        Kind::Producers => dump_producers(bytes, output),
        Kind::Checkpoint => {
            for (TopicPartition { topic, partition }, offset) in read_offsets(bytes)? {
                output.say(&format!("{topic}-{partition} offset {offset}"))?;
                output.json(&json!({
                    "topic": topic.as_str(), "partition": partition, "offset": offset.value(),
                }))?;
            }
            Ok(())
        }
        Kind::Epochs => {
            for entry in LeaderEpochs::read(bytes)?.entries() {
                let (epoch, start) = (entry.epoch.value(), entry.start_offset.value());
                output.say(&format!("epoch {epoch} begins at offset {start}"))?;
                output.json(&json!({ "epoch": epoch, "start_offset": start }))?;
            }
            Ok(())
        }
        Kind::PartitionMetadata => {
            let topic_id = read_partition_metadata(bytes)?.to_string();
            output.say(&format!("topic id {topic_id}"))?;
            Ok(output.json(&json!({ "topic_id": topic_id }))?)
        }
        Kind::MetaProperties => {
            let meta = read_meta_properties(bytes)?;
            let (node, directory) = (meta.node_id.value(), meta.directory_id.to_string());
            let cluster = &meta.cluster_id;
            output.say(&format!("cluster {cluster} node {node} directory {directory}"))?;
            Ok(output.json(&json!({
                "cluster_id": cluster, "node_id": node, "directory_id": directory,
            }))?)
        }
        Kind::RecoveryLimit => {
            let limit = RecoveryLimit::read(bytes)?;
            let (limit, until) = (limit.limit.value(), limit.until.value());
            output.say(&format!("recovery point at most {limit} until it has passed {until}"))?;
            Ok(output.json(&json!({ "limit": limit, "until": until }))?)
        }
        Kind::Log | Kind::Index | Kind::TimeIndex | Kind::TransactionIndex => Ok(()),
    }
}

fn dump_snapshot(bytes: &[u8], output: &mut Output) -> anyhow::Result<()> {
    for entry in read_snapshot(bytes)? {
        let open = entry.current_txn_first_offset;
        output.say(&format!(
            "producer {}/{} last sequence {} last offset {} offset delta {} timestamp {} \
             coordinator epoch {} open transaction {}",
            entry.producer_id.value(),
            entry.producer_epoch.value(),
            entry.last_sequence.value(),
            entry.last_offset,
            entry.offset_delta,
            entry.timestamp.value(),
            entry.coordinator_epoch,
            if open < 0 { "none".to_owned() } else { format!("from {open}") },
        ))?;
        output.json(&json!({
            "producer_id": entry.producer_id.value(),
            "producer_epoch": entry.producer_epoch.value(),
            "last_sequence": entry.last_sequence.value(), "last_offset": entry.last_offset,
            "offset_delta": entry.offset_delta, "timestamp": entry.timestamp.value(),
            "coordinator_epoch": entry.coordinator_epoch,
            "current_txn_first_offset": open,
        }))?;
    }
    Ok(())
}

fn dump_producers(bytes: &[u8], output: &mut Output) -> anyhow::Result<()> {
    let (entries, snapshot_crc) = dump_sidecar(bytes)?;
    output.say(&format!("belongs to the snapshot with CRC {snapshot_crc:08x}"))?;
    for entry in entries {
        let open = entry.open_transaction.map(|offset| offset.value());
        let batches: Vec<String> = entry
            .batches
            .iter()
            .map(|(first, last, sequence)| format!("{first}..{last} to {}", sequence.value()))
            .collect();
        output.say(&format!(
            "producer {}/{} seen {} coordinator epoch {} open transaction {} batches {}",
            entry.producer_id.value(),
            entry.producer_epoch.value(),
            entry.last_seen.value(),
            entry.coordinator_epoch,
            open.map_or_else(|| "none".to_owned(), |first| format!("from {first}")),
            if batches.is_empty() { "none".to_owned() } else { batches.join(", ") },
        ))?;
        let batches: Vec<_> = entry
            .batches
            .iter()
            .map(|(first, last, sequence)| {
                json!({
                    "first_offset": first.value(), "last_offset": last.value(),
                    "last_sequence": sequence.value(),
                })
            })
            .collect();
        output.json(&json!({
            "producer_id": entry.producer_id.value(),
            "producer_epoch": entry.producer_epoch.value(),
            "coordinator_epoch": entry.coordinator_epoch,
            "current_txn_first_offset": open.unwrap_or(-1),
            "last_timestamp": entry.last_timestamp.value(), "last_seen": entry.last_seen.value(),
            "batches": batches,
        }))?;
    }
    Ok(())
}

/// What a record of a control batch says.
fn control_name(record: &Record) -> Option<String> {
    let name = match ControlRecord::read(record) {
        Ok(ControlRecord::EndTransaction(marker)) => {
            let EndTransactionMarker { is_commit, coordinator_epoch } = marker;
            let name = if is_commit { "COMMIT" } else { "ABORT" };
            return Some(format!("{name} coordinator epoch {coordinator_epoch}"));
        }
        Ok(ControlRecord::Other(other)) => other,
        Err(error) => return Some(error.to_string()),
    };
    let name = match name {
        ControlType::Abort => "ABORT",
        ControlType::Commit => "COMMIT",
        ControlType::LeaderChange => "LEADER_CHANGE",
        ControlType::SnapshotHeader => "SNAPSHOT_HEADER",
        ControlType::SnapshotFooter => "SNAPSHOT_FOOTER",
        ControlType::KraftVersion => "KRAFT_VERSION",
        ControlType::KraftVoters => "KRAFT_VOTERS",
        ControlType::Unknown(id) => return Some(format!("control record of type {id}")),
    };
    Some(name.to_owned())
}

/// What a record of `__consumer_offsets` says, if it is of a known type.
fn group_meaning(record: &Record) -> Option<String> {
    let value: Option<&Bytes> = record.value.as_ref();
    let decoded = GroupRecord::decode(record.key.as_ref(), value).ok()??;
    Some(format!("{decoded:?}"))
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
        "delete_horizon": header.delete_horizon().map(Timestamp::value),
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

fn show_record(record: &Record, meaning: Option<&str>, output: &mut Output) -> anyhow::Result<()> {
    if output.format == OutputFormat::Json {
        let mut line = json!({
            "offset": record.offset.value(), "timestamp": record.timestamp.value(),
            "headers": record.headers.len(),
        });
        put(&mut line, "key", record.key.as_deref());
        put(&mut line, "value", record.value.as_deref());
        if let Some(meaning) = meaning {
            line["meaning"] = meaning.into();
        }
        output.json(&line)?;
        return Ok(());
    }
    let text = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        None => "null".to_owned(),
    };
    if let Some(meaning) = meaning {
        output.say(&format!("  offset {} {meaning}", record.offset))?;
        return Ok(());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names_whatever_happens_to_them() {
        for (name, kind) in [
            ("00000000000000000007.log", Some(Kind::Log)),
            ("00000000000000000007.log.deleted", Some(Kind::Log)),
            ("00000000000000000007.index.swap", Some(Kind::Index)),
            ("00000000000000000007.timeindex.cleaned", Some(Kind::TimeIndex)),
            ("00000000000000000007.log.81.cut", Some(Kind::Log)),
            ("00000000000000000007.log.cut", Some(Kind::Log)),
            ("00000000000000000007.snapshot", Some(Kind::Snapshot)),
            ("recovery-point-offset-checkpoint", Some(Kind::Checkpoint)),
            ("leader-epoch-checkpoint", Some(Kind::Epochs)),
            ("meta.properties", Some(Kind::MetaProperties)),
            ("notes.txt", None),
            ("README", None),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }
}
