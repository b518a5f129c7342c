//! A bit that flips in any file of a log directory is found and named, or it is one of the few that
//! nothing else on disk says anything about.

use std::path::{Path, PathBuf};

use highwater_records::BatchHeader;
use highwater_storage::{Disk, SimDisk, Verified, read_file, verify};

use crate::rich::stopped;

const FLIPS: u32 = 1000;

/// What `docs/storage-format.md` lists: fields that no other byte on disk says anything about, and
/// what stands before a byte of each whose lowest bit flips.
const UNDETECTABLE: [(&str, &str); 9] = [
    (".kafka_cleanshutdown: brokerEpoch", "brokerEpoch\":"),
    (".lock", ""),
    ("meta.properties: cluster.id", "cluster.id="),
    ("meta.properties: directory.id", "directory.id="),
    ("meta.properties: highwater.version", "highwater.version="),
    ("meta.properties: node.id", "node.id="),
    ("partition.metadata: topic_id", "topic_id: "),
    ("recovery-point-offset-checkpoint: a lower offset", "orders 0 "),
    ("replication-offset-checkpoint: a lower offset", "orders 0 "),
];

/// Files that are not empty, below `dir`.
fn files(disk: &SimDisk, dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in disk.read_dir(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            files(disk, &path, found);
        } else if entry.len_bytes > 0 {
            found.push(path);
        }
    }
}

fn bytes(disk: &SimDisk, path: &Path) -> Vec<u8> {
    read_file(disk, path, 1 << 20).unwrap().unwrap()
}

/// Where the batch begins that holds a byte of a `.log` file.
fn batch_of(log: &[u8], at: usize) -> u64 {
    let mut start = 0;
    loop {
        let size = BatchHeader::read(&log[start..]).unwrap().size_bytes();
        if at < start + size {
            return start as u64;
        }
        start += size;
    }
}

/// Whether the findings name the file, and in a log the batch.
fn is_named(verified: &Verified, path: &Path, before: &[u8], at: usize) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut findings = verified.problems.iter().chain(&verified.notes);
    if name.ends_with(".log") {
        let batch = batch_of(before, at);
        return findings.any(|found| found.path == path && found.position_bytes == batch);
    }
    findings.any(|found| found.path == path || found.reason.contains(name))
}

/// The name of the field that a byte belongs to, for one that nothing says anything about.
fn field(path: &Path, before: &[u8], at: usize, after: u8) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let line_start = before[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = String::from_utf8_lossy(&before[line_start..]);
    match name {
        ".lock" => name.to_owned(),
        "meta.properties" => {
            let key = line.split('=').next().unwrap();
            let is_comment = line.starts_with('#');
            format!("{name}: {}", if is_comment { "a comment" } else { key })
        }
        ".kafka_cleanshutdown" => {
            assert!(after.is_ascii_digit());
            format!("{name}: brokerEpoch")
        }
        "partition.metadata" => {
            assert!(line.starts_with("topic_id: ") && at >= line_start + 10);
            format!("{name}: topic_id")
        }
        "recovery-point-offset-checkpoint" | "replication-offset-checkpoint" => {
            assert!(after.is_ascii_digit() && after < before[at], "{name} at {at}");
            format!("{name}: a lower offset")
        }
        _ => format!("{name} at byte {at}"),
    }
}

/// Flips bits; `None` if that is found and named, else the field that says nothing.
fn flip(clean: &SimDisk, root: &Path, path: &Path, at: usize, mask: u8) -> Option<String> {
    let before = bytes(clean, path);
    let disk = clean.copy();
    disk.flip_bits(path, at, mask).unwrap();
    let verified = verify(&disk, root).unwrap();
    if is_named(&verified, path, &before, at) {
        return None;
    }
    assert_eq!(verified.problems, [], "{} byte {at} bits {mask:#x}", path.display());
    Some(field(path, &before, at, before[at] ^ mask))
}

#[test]
fn each_of_a_thousand_flipped_bits_is_named_or_is_listed_as_undetectable() {
    let (clean, world) = stopped();
    let report = verify(&clean, &world.root).unwrap();
    assert_eq!((report.problems, report.notes), (Vec::new(), Vec::new()));
    assert!(report.segment_count > 5 && report.index_entry_count > 20);
    let mut paths = Vec::new();
    files(&clean, &world.root, &mut paths);
    for suffix in ["log", "index", "timeindex", "txnindex", "snapshot", "producers"] {
        let of_kind = |path: &&PathBuf| path.extension().is_some_and(|found| found == suffix);
        assert!(paths.iter().filter(of_kind).count() > 1, "{suffix}");
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        // Marsaglia's xorshift; the same flips in every run.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let mut detected = 0;
    for _ in 0..FLIPS {
        let path = &paths[draw(paths.len())];
        let at = draw(bytes(&clean, path).len());
        match flip(&clean, &world.root, path, at, 1 << draw(8)) {
            Some(field) => {
                assert!(UNDETECTABLE.iter().any(|(known, _)| *known == field), "{field}");
            }
            None => detected += 1,
        }
    }
    assert!(detected > FLIPS * 9 / 10, "{detected}");
    for (listed, before) in UNDETECTABLE {
        let name = listed.split(':').next().unwrap();
        let path = paths.iter().find(|path| path.file_name().unwrap() == name).unwrap();
        let text = String::from_utf8(bytes(&clean, path)).unwrap();
        let at = text.find(before).unwrap() + before.len();
        // The least digits and letters that a bit can make smaller.
        let is_fit = |one: &u8| one & 1 == 1 && (one ^ 1).is_ascii_alphanumeric();
        let at = at + text.as_bytes()[at..].iter().position(is_fit).unwrap();
        let found = flip(&clean, &world.root, path, at, 1);
        assert_eq!(found.as_deref(), Some(listed));
    }
}
