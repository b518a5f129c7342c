//! A compaction's swap, done by hand: one segment takes the place of several.

use std::io::{self, IoSlice};
use std::path::Path;

use bytes::Bytes;
use highwater_records::batches;
use highwater_storage::{Disk, OpenMode, read_file};

/// Distance between index entries, as in the fixture's configuration.
const INDEX_INTERVAL_BYTES: usize = 200;
const SUFFIXES: [&str; 3] = ["log", "index", "timeindex"];

/// The files of a new segment, by suffix.
type Files = [(&'static str, Vec<u8>); 3];

/// Replaces all segments that end at or below `below` by one with the batches to be kept.
pub(crate) fn swap(
    disk: &dyn Disk,
    dir: &Path,
    below: i64,
    is_kept: impl Fn(i64) -> bool,
) -> io::Result<()> {
    let bases: Vec<i64> = disk
        .read_dir(dir)?
        .iter()
        .filter_map(|entry| entry.name.strip_suffix(".log")?.parse().ok())
        .filter(|base| *base < below)
        .collect();
    let Some(first) = bases.first().copied() else { return Ok(()) };
    let path = |base: i64, suffix: &str| dir.join(format!("{base:020}.{suffix}"));
    let mut kept = Vec::new();
    for base in &bases {
        let bytes = read_file(disk, &path(*base, "log"), 1 << 20)?.unwrap_or_default();
        for batch in batches(&Bytes::from(bytes)) {
            let batch = batch.expect("a good batch");
            if is_kept(batch.header().base_offset.value()) {
                kept.push(batch);
            }
        }
    }
    for (suffix, bytes) in files(first, &kept) {
        let file = disk.open(&path(first, &format!("{suffix}.cleaned")), OpenMode::Create)?;
        file.set_len(0)?;
        file.write_all_at(&mut [IoSlice::new(&bytes)], 0)?;
        file.sync_data()?;
    }
    for suffix in SUFFIXES {
        let cleaned = path(first, &format!("{suffix}.cleaned"));
        disk.rename(&cleaned, &path(first, &format!("{suffix}.swap")))?;
    }
    disk.sync_dir(dir)?;
    let mut deleted = Vec::new();
    for base in bases {
        for suffix in SUFFIXES {
            let to = path(base, &format!("{suffix}.deleted"));
            match disk.rename(&path(base, suffix), &to) {
                Ok(()) => deleted.push(to),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    // Were the new segment's last name kept and an old one's loss not, both would be there.
    disk.sync_dir(dir)?;
    for suffix in SUFFIXES {
        disk.rename(&path(first, &format!("{suffix}.swap")), &path(first, suffix))?;
    }
    disk.sync_dir(dir)?;
    deleted.iter().try_for_each(|path| disk.remove_file(path))
}

fn files(base: i64, batches: &[highwater_records::RecordBatch]) -> Files {
    let (mut log, mut index, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut last_position = 0;
    let mut greatest = None;
    let mut last_time = None;
    let mut push_time = |times: &mut Vec<u8>, entry: Option<(i64, u32)>| {
        if let Some((time, relative)) = entry.filter(|entry| last_time != Some(entry.0)) {
            last_time = Some(time);
            times.extend(time.to_be_bytes());
            times.extend(relative.to_be_bytes());
        }
    };
    for batch in batches {
        let header = batch.header();
        let relative = u32::try_from(header.last_offset().value() - base).unwrap();
        let time = header.max_timestamp.value();
        if greatest.is_none_or(|(known, _)| time > known) {
            greatest = Some((time, relative));
        }
        let position = log.len();
        if position - last_position > INDEX_INTERVAL_BYTES {
            last_position = position;
            index.extend(relative.to_be_bytes());
            index.extend(u32::try_from(position).unwrap().to_be_bytes());
            push_time(&mut times, greatest);
        }
        log.extend_from_slice(&batch.clone().into_bytes());
    }
    push_time(&mut times, greatest);
    [("log", log), ("index", index), ("timeindex", times)]
}
