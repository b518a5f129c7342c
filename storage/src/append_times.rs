//! The file in which a log directory keeps when records came (`docs/storage-format.md`).
//!
//! It is written behind the appends and never synced for them: what a power cut takes of it costs
//! the precision of a lag in seconds. What is read back is whole, in order, and a prefix of what
//! was written since the file was last replaced.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;

use highwater_records::{Offset, Timestamp, Uuid, crc32c};

use crate::disk::{Disk, DiskFile, OpenMode, read_file, write_atomically};
use crate::error::{AtPath, StorageFault};
use crate::log::Log;
use crate::log_dir::LogDir;

pub(crate) const APPEND_TIMES_FILE: &str = "highwater-append-times";

/// Bytes of the file that are read; 20,000 partitions with all their samples take 320 MB.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Bytes the file may grow by before it is replaced, whatever it holds.
const GROWTH_BYTES_MIN: u64 = 1 << 20;

/// Bytes before the payload of a frame: its length and its CRC-32C.
const FRAME_HEAD_BYTES: usize = 8;

/// Bytes of an entry beside its times: topic id, partition, count.
const ENTRY_HEAD_BYTES: usize = 24;

/// Bytes of an offset and a time.
const TIME_BYTES: usize = 16;

/// A partition, by its topic's id.
pub type PartitionKey = (Uuid, i32);

/// From these offsets on, records came at these times or later. Both ascend.
pub type Times = Vec<(Offset, Timestamp)>;

/// The file, open for more.
#[derive(Debug)]
pub struct AppendTimesFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// None while the file on disk is not known to end with a whole frame.
    file: Option<Arc<dyn DiskFile>>,
    len_bytes: u64,
    /// Bytes at which it is to be replaced.
    replace_at_bytes: u64,
}

impl AppendTimesFile {
    /// Reads the file of a log directory as far as it is whole.
    ///
    /// # Errors
    /// Any fault.
    pub fn open(dir: &LogDir) -> Result<(Self, BTreeMap<PartitionKey, Times>), StorageFault> {
        let path = dir.path().join(APPEND_TIMES_FILE);
        let bytes = match read_file(&**dir.disk(), &path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Vec::new(),
            Err(error) => return Err(StorageFault::new("read", &path, error)),
        };
        let (saved, whole_bytes) = read(&bytes);
        if whole_bytes < bytes.len() {
            let path = path.display();
            tracing::warn!(%path, whole_bytes, "some times of appends are lost: lags in seconds may be off");
        }
        let live_bytes = saved.values().map(|times| entry_bytes(times.len())).sum();
        let is_whole = whole_bytes > 0 && whole_bytes == bytes.len();
        let open = || dir.disk().open(&path, OpenMode::Write).at_path("open", &path);
        let file = is_whole.then(open).transpose()?;
        let len_bytes = bytes.len() as u64;
        let replace_at_bytes = replace_at(live_bytes);
        let disk = Arc::clone(dir.disk());
        Ok((Self { disk, path, file, len_bytes, replace_at_bytes }, saved))
    }

    /// The file of a directory that cannot be used: nothing is read.
    #[must_use]
    pub fn unread(dir: &LogDir) -> Self {
        let (disk, path) = (Arc::clone(dir.disk()), dir.path().join(APPEND_TIMES_FILE));
        Self { disk, path, file: None, len_bytes: 0, replace_at_bytes: 0 }
    }

    /// Whether the next write should be a [`replace`](Self::replace).
    #[must_use]
    pub fn is_to_be_replaced(&self) -> bool {
        self.file.is_none() || self.len_bytes >= self.replace_at_bytes
    }

    /// Adds times of some partitions. After an error the file is to be replaced.
    ///
    /// # Errors
    /// Any fault.
    pub fn append<'a>(
        &mut self,
        times: impl IntoIterator<Item = (PartitionKey, &'a [(Offset, Timestamp)])>,
    ) -> Result<(), StorageFault> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let bytes = frames(times);
        let mut slices = [IoSlice::new(&bytes)];
        file.write_all_at(&mut slices, self.len_bytes).at_path("write", &self.path)?;
        self.len_bytes += bytes.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    /// Replaces the file by these times, durably.
    ///
    /// # Errors
    /// Any fault; the file is then as it was.
    pub fn replace<'a>(
        &mut self,
        times: impl IntoIterator<Item = (PartitionKey, &'a [(Offset, Timestamp)])>,
    ) -> Result<(), StorageFault> {
        self.file = None;
        let bytes = frames(times);
        write_atomically(&*self.disk, &self.path, &bytes).at_path("write", &self.path)?;
        self.len_bytes = bytes.len() as u64;
        self.replace_at_bytes = replace_at(bytes.len());
        self.file = Some(self.disk.open(&self.path, OpenMode::Write).at_path("open", &self.path)?);
        Ok(())
    }
}

impl Log {
    /// When the segments were last written before the log was opened, by their first offsets: what
    /// is known of records that came before anyone noted when.
    pub fn take_segment_times(&mut self) -> Times {
        std::mem::take(&mut self.found_times)
    }
}

const fn entry_bytes(count: usize) -> usize {
    FRAME_HEAD_BYTES + ENTRY_HEAD_BYTES + TIME_BYTES * count
}

fn replace_at(live_bytes: usize) -> u64 {
    let live_bytes = live_bytes as u64;
    live_bytes + live_bytes.max(GROWTH_BYTES_MIN)
}

/// A frame for each partition.
fn frames<'a>(
    times: impl IntoIterator<Item = (PartitionKey, &'a [(Offset, Timestamp)])>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for ((topic_id, partition), times) in times {
        let payload_bytes = ENTRY_HEAD_BYTES + TIME_BYTES * times.len();
        let (Ok(length), Ok(count)) = (u32::try_from(payload_bytes), u32::try_from(times.len()))
        else {
            continue;
        };
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        let start = bytes.len();
        bytes.extend(topic_id.to_bytes());
        bytes.extend(partition.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        for (offset, at) in times {
            bytes.extend(offset.value().to_be_bytes());
            bytes.extend(at.value().to_be_bytes());
        }
        let crc = crc32c(&bytes[start..]);
        bytes[start - 4..start].copy_from_slice(&crc.to_be_bytes());
    }
    bytes
}

/// Bytes of a file up to the first frame that is not whole.
pub(crate) fn whole_bytes(bytes: &[u8]) -> usize {
    read(bytes).1
}

/// All frames up to the first that is not whole, and where that begins.
fn read(bytes: &[u8]) -> (BTreeMap<PartitionKey, Times>, usize) {
    let mut saved: BTreeMap<PartitionKey, Times> = BTreeMap::new();
    let mut rest = bytes;
    while let Some((key, times, after)) = read_frame(rest) {
        let known = saved.entry(key).or_default();
        for (offset, at) in times {
            // Later frames know better: a crash may have cut the log, and the clock been set.
            while known.last().is_some_and(|(last, _)| *last >= offset) {
                known.pop();
            }
            known.push((offset, at));
        }
        rest = after;
    }
    (saved, bytes.len() - rest.len())
}

fn read_frame(bytes: &[u8]) -> Option<(PartitionKey, Times, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected_crc, rest) = rest.split_first_chunk::<4>()?;
    let (payload, after) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    if crc32c(payload) != u32::from_be_bytes(*expected_crc) {
        return None;
    }
    let (topic_id, payload) = payload.split_first_chunk::<16>()?;
    let (partition, payload) = payload.split_first_chunk::<4>()?;
    let (count, payload) = payload.split_first_chunk::<4>()?;
    let (pairs, remainder) = payload.as_chunks::<TIME_BYTES>();
    if !remainder.is_empty() || pairs.len() != u32::from_be_bytes(*count) as usize {
        return None;
    }
    let time = |pair: &[u8; TIME_BYTES]| {
        let (offset, at) = pair.split_first_chunk::<8>()?;
        let at = i64::from_be_bytes(*at.first_chunk::<8>()?);
        Some((Offset::new(i64::from_be_bytes(*offset)), Timestamp::new(at)))
    };
    let times = pairs.iter().map(time).collect::<Option<Times>>()?;
    let key = (Uuid::from_bytes(*topic_id), i32::from_be_bytes(*partition));
    Some((key, times, after))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use highwater_records::NodeId;

    use super::*;
    use crate::disk::SimDisk;
    use crate::meta_properties::MetaProperties;

    fn key(number: u8) -> PartitionKey {
        (Uuid::from_bytes([number; 16]), i32::from(number))
    }

    fn times(pairs: &[(i64, i64)]) -> Times {
        pairs.iter().map(|(offset, at)| (Offset::new(*offset), Timestamp::new(*at))).collect()
    }

    fn open(disk: &Arc<dyn Disk>) -> (AppendTimesFile, BTreeMap<PartitionKey, Times>) {
        let mut dir = LogDir::open(Arc::clone(disk), Path::new("/data"), 1).unwrap();
        if dir.meta().is_none() {
            let (cluster_id, node_id) = ("test".to_owned(), NodeId::new(1));
            let directory_id = Uuid::from_bytes([7; 16]);
            dir.format(MetaProperties { cluster_id, node_id, directory_id, is_ours: true })
                .unwrap();
        }
        AppendTimesFile::open(&dir).unwrap()
    }

    fn append(file: &mut AppendTimesFile, number: u8, pairs: &[(i64, i64)]) {
        file.append([(key(number), &*times(pairs))]).unwrap();
    }

    #[test]
    fn what_was_written_is_read_back_by_partition() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let (mut file, saved) = open(&disk);
        assert!(saved.is_empty() && file.is_to_be_replaced());
        let first = times(&[(0, 100)]);
        file.replace([(key(1), &*first), (key(2), &*first)]).unwrap();
        assert!(!file.is_to_be_replaced());
        append(&mut file, 1, &[(5, 1100), (9, 2100)]);
        // A log that a crash cut back to 6 was written on from there.
        append(&mut file, 1, &[(6, 5000)]);
        let (_, saved) = open(&disk);
        assert_eq!(saved[&key(1)], times(&[(0, 100), (5, 1100), (6, 5000)]));
        assert_eq!(saved[&key(2)], first);
    }

    #[test]
    fn torn_or_flipped_tail_costs_only_itself() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let (mut file, _) = open(&disk);
        file.replace([(key(1), &*times(&[(0, 100)]))]).unwrap();
        append(&mut file, 1, &[(5, 1100)]);
        let path = Path::new("/data").join(APPEND_TIMES_FILE);
        let whole = read_file(&*disk, &path, 1 << 20).unwrap().unwrap();
        let one = entry_bytes(1);
        assert_eq!(whole.len(), 2 * one);
        for len in one..whole.len() {
            let (saved, whole_bytes) = read(&whole[..len]);
            assert_eq!((saved[&key(1)].len(), whole_bytes), (1, one), "of {len} bytes");
        }
        for at in one..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            assert_eq!(read(&flipped).1, one, "byte {at}");
        }
        // A hole of zeros is no frame.
        assert_eq!(read(&[0; 64]).1, 0);
    }

    #[test]
    fn file_is_replaced_before_it_is_twice_as_long_as_what_it_tells() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let (mut file, _) = open(&disk);
        file.replace([]).unwrap();
        let mut second = 0_i64;
        while !file.is_to_be_replaced() {
            append(&mut file, 1, &[(second, second * 1000)]);
            second += 1;
        }
        assert_eq!(second.unsigned_abs(), GROWTH_BYTES_MIN.div_ceil(entry_bytes(1) as u64));
        let grown_bytes = file.len_bytes;
        let (mut file, saved) = open(&disk);
        file.replace(saved.iter().map(|(key, times)| (*key, &**times))).unwrap();
        assert!(!file.is_to_be_replaced() && file.len_bytes < grown_bytes / 2);
        assert_eq!(open(&disk).1, saved);
    }
}
