//! The files of a log directory that are no partition's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use highwater_records::{TopicName, TopicPartition, Uuid};

use super::context::{LogDirFiles, text_of};
use super::findings::Findings;
use crate::append_times::{APPEND_TIMES_FILE, whole_bytes};
use crate::disk::Disk;
use crate::log_dir::{CLEAN_MARKER_FILE, parse_partition_dir};
use crate::meta_properties::{META_PROPERTIES_FILE, read_meta_properties};
use crate::partition_metadata::{PARTITION_METADATA_FILE, read_partition_metadata};

/// Checks them, and what they say of partitions that are not there.
pub(super) fn check_root(
    disk: &dyn Disk,
    root: &Path,
    files: &LogDirFiles,
    partitions: &[PathBuf],
    findings: &mut Findings,
) {
    let path = root.join(META_PROPERTIES_FILE);
    if let Some(bytes) = text_of(disk, &path, findings) {
        findings.format(&path, read_meta_properties(&bytes).map(drop));
    }
    let path = root.join(CLEAN_MARKER_FILE);
    if let Some(bytes) = text_of(disk, &path, findings)
        && !is_clean_marker(&bytes)
    {
        findings.problem(&path, 0, "is not what a clean stop leaves");
    }
    let path = root.join(APPEND_TIMES_FILE);
    if let Some(bytes) = text_of(disk, &path, findings) {
        let whole = whole_bytes(&bytes);
        if whole < bytes.len() {
            let reason = "is not whole from here on; lags in seconds are less exact";
            findings.note(&path, whole as u64, reason);
        }
    }
    let there: Vec<TopicPartition> = partitions
        .iter()
        .filter_map(|dir| parse_partition_dir(&dir.file_name()?.to_string_lossy()))
        .collect();
    for (file, offsets) in &files.checkpoints {
        for partition in offsets.keys().filter(|partition| !there.contains(partition)) {
            let TopicPartition { topic, partition } = partition;
            let reason = format_args!("names {topic}-{partition}, which is not here");
            findings.note(&root.join(file), 0, reason);
        }
    }
    check_topic_ids(disk, partitions, findings);
}

fn is_clean_marker(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or("?").trim();
    let Some(text) = text.strip_prefix("{\"version\":0,\"brokerEpoch\":") else {
        // Before 3.6 Apache Kafka left an empty file.
        return text.is_empty();
    };
    text.strip_suffix('}').is_some_and(|epoch| epoch.parse::<i64>().is_ok())
}

/// All partitions of a topic have the topic's id.
fn check_topic_ids(disk: &dyn Disk, partitions: &[PathBuf], findings: &mut Findings) {
    let mut ids: BTreeMap<TopicName, (Uuid, &Path)> = BTreeMap::new();
    for dir in partitions {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let path = dir.join(PARTITION_METADATA_FILE);
        let bytes = text_of(disk, &path, &mut Findings::default());
        let id = bytes.and_then(|bytes| read_partition_metadata(&bytes).ok());
        let (Some(partition), Some(id)) = (parse_partition_dir(&name), id) else { continue };
        let known = ids.entry(partition.topic).or_insert((id, dir));
        if known.0 != id {
            let reason = format_args!("topic id {id}, but {} says {}", known.1.display(), known.0);
            findings.problem(&path, 0, reason);
        }
    }
}
