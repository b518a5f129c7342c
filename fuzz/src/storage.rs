//! What must hold of every reader of a file, whatever bytes it holds.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use highwater_records::{
    BatchBuilder, Codec, LeaderEpoch, Offset, Timestamp, TopicName, TopicPartition, Uuid, batches,
    crc32c,
};
use highwater_storage::{
    BufferPool, Disk, LeaderEpochs, Log, LogConfig, LogSetup, OpenFiles, OpenMode, Opening,
    ReadLimits, RecoveryLimit, Repair, RepairOptions, SimDisk, TailCache, ValidatedBatch,
    check_sidecar, dump_offset_index, dump_segment, dump_sidecar, dump_time_index,
    dump_transaction_index, read_meta_properties, read_offsets, read_partition_metadata,
    read_snapshot, snapshot_crc, verify, write_meta_properties, write_offsets,
};

const NOW: Timestamp = Timestamp::new(1_700_000_000_000);
const BATCH_COUNT: i64 = 8;

/// Checkpoints, epochs, `partition.metadata`, `meta.properties`: refused, or the same after it was
/// written and read again.
pub fn text_file(data: &[u8]) {
    if let Ok(offsets) = read_offsets(data) {
        assert_eq!(read_offsets(write_offsets(&offsets).as_bytes()).unwrap(), offsets);
    }
    if let Ok(epochs) = LeaderEpochs::read(data) {
        assert_eq!(LeaderEpochs::read(epochs.write().as_bytes()).unwrap(), epochs);
    }
    if let Ok(meta) = read_meta_properties(data) {
        assert_eq!(read_meta_properties(write_meta_properties(&meta).as_bytes()).unwrap(), meta);
    }
    if let Ok(limit) = RecoveryLimit::read(data) {
        assert_eq!(RecoveryLimit::read(limit.write().as_bytes()).unwrap(), limit);
    }
    drop(read_partition_metadata(data));
}

/// Both kinds of producer snapshot, as they come and behind a CRC that is right: refused, or as
/// many producers as there is room for.
pub fn snapshot(data: &[u8]) {
    check_snapshot(data);
    let crc = crc32c(data).to_be_bytes();
    check_snapshot(&[&[0, 1], &crc[..], data].concat());
    let crc = crc32fast::hash(data).to_be_bytes();
    check_snapshot(&[b"HWPS", &[0, 1][..], &crc, data].concat());
}

fn check_snapshot(data: &[u8]) {
    if let Ok(entries) = read_snapshot(data) {
        assert_eq!(entries.len() * 46 + 10, data.len());
    }
    let crc = data.get(10..14).and_then(|crc| crc.try_into().ok()).map_or(0, u32::from_be_bytes);
    if let Ok(count) = check_sidecar(data, crc) {
        assert!(count * 39 + 18 <= data.len());
        assert_eq!(dump_sidecar(data).unwrap().0.len(), count);
    }
    assert_eq!(snapshot_crc(data).is_some(), data.len() >= 6);
}

/// An offset index of any bytes changes no answer.
pub fn offset_index(data: &[u8]) {
    (0..INDEX_CASES).for_each(|case| offset_index_case(data, case));
}

/// A time index of any bytes changes no answer.
pub fn time_index(data: &[u8]) {
    (0..INDEX_CASES).for_each(|case| time_index_case(data, case));
}

/// A segment that begins with batches of ours and goes on with any bytes: the log is opened with at
/// least ours, and all it returns are whole batches. With nothing of ours before them too.
pub fn segment(data: &[u8]) {
    (0..SEGMENT_CASES).for_each(|case| segment_case(data, case));
}

pub const SEGMENT_CASES: u32 = 6;

/// One of the cases of [`segment`].
pub fn segment_case(data: &[u8], case: u32) {
    let (own, is_clean, is_tool) = (case & 1 == 0, case & 2 == 0, case >= 4);
    let disk = filled();
    let path = file("log");
    let end = if own { disk.metadata(&path).unwrap().len_bytes } else { 0 };
    put(&disk, &path, end, data);
    if is_tool {
        drop(verify(&disk, Path::new("/data")).unwrap());
        assert!(dump_segment(&disk, &path).unwrap().count() <= 1000);
        let options = RepairOptions { cuts_at_damage: true };
        let repair = Repair::plan(Arc::new(disk.clone()), Path::new("/data"), options);
        drop(repair.map(Repair::run));
        return;
    }
    let Ok(log) = open(&disk, is_clean) else { return };
    let view = log.view();
    let mut next = view.log_start_offset();
    let limits =
        ReadLimits { upper_bound: Offset::new(i64::MAX), bytes_max: 1000, min_one_batch: true };
    while let Ok(fetched) = view.read(next, limits)
        && fetched.next_offset > next
    {
        let bytes = Bytes::from(fetched.chunks.concat());
        assert!(batches(&bytes).all(|batch| batch.is_ok()));
        next = fetched.next_offset;
    }
    assert!(!own || next >= Offset::new(BATCH_COUNT));
}

pub const INDEX_CASES: u32 = 3;

/// One of the cases of [`offset_index`].
pub fn offset_index_case(data: &[u8], case: u32) {
    index_case("index", data, case);
}

/// One of the cases of [`time_index`].
pub fn time_index_case(data: &[u8], case: u32) {
    index_case("timeindex", data, case);
}

pub const TRANSACTION_INDEX_CASES: u32 = 3;

/// A transaction index of any bytes: the log is opened, what it says was aborted lies in the range
/// that was asked for, and tools do not choke.
pub fn transaction_index(data: &[u8]) {
    (0..TRANSACTION_INDEX_CASES).for_each(|case| transaction_index_case(data, case));
}

/// One of the cases of [`transaction_index`].
pub fn transaction_index_case(data: &[u8], case: u32) {
    let disk = filled();
    put(&disk, &file("txnindex"), 0, data);
    if case == 2 {
        drop(verify(&disk, Path::new("/data")).unwrap());
        drop(dump_transaction_index(&disk, &file("txnindex")));
        let options = RepairOptions { cuts_at_damage: true };
        let repair = Repair::plan(Arc::new(disk.clone()), Path::new("/data"), options);
        drop(repair.map(Repair::run));
        return;
    }
    let log = open(&disk, case == 0).unwrap();
    assert_eq!(log.log_end_offset(), Offset::new(BATCH_COUNT));
    let view = log.view();
    for (from, upper) in [(0, BATCH_COUNT), (3, 5), (BATCH_COUNT - 1, i64::MAX)] {
        let (from, upper) = (Offset::new(from), Offset::new(upper));
        for aborted in view.aborted_transactions(from, upper).unwrap() {
            assert!(aborted.last_offset >= from && aborted.first_offset < upper);
            assert!(aborted.first_offset < aborted.last_offset);
        }
    }
}

fn index_case(suffix: &str, data: &[u8], case: u32) {
    let disk = filled();
    put(&disk, &file(suffix), 0, data);
    if case == 2 {
        drop(verify(&disk, Path::new("/data")).unwrap());
        match suffix {
            "index" => drop(dump_offset_index(&disk, &file(suffix))),
            _ => drop(dump_time_index(&disk, &file(suffix))),
        }
        return;
    }
    let log = open(&disk, case == 0).unwrap();
    assert_eq!(log.log_end_offset(), Offset::new(BATCH_COUNT));
    let view = log.view();
    for at in 0..BATCH_COUNT {
        let limits =
            ReadLimits { upper_bound: Offset::new(i64::MAX), bytes_max: 0, min_one_batch: true };
        let fetched = view.read(Offset::new(at), limits).unwrap();
        assert_eq!(fetched.next_offset, Offset::new(at + 1));
        let wanted = NOW.saturating_plus_ms(at * 10 - 5);
        let found = view.offset_for_timestamp(wanted, Offset::new(BATCH_COUNT)).unwrap();
        assert_eq!(found.unwrap().offset, Offset::new(at));
    }
    let late = NOW.saturating_plus_ms(BATCH_COUNT * 10);
    assert_eq!(view.offset_for_timestamp(late, Offset::new(BATCH_COUNT)).unwrap(), None);
    let greatest = view.offset_of_max_timestamp(Offset::new(BATCH_COUNT)).unwrap().unwrap();
    assert_eq!(greatest.offset, Offset::new(BATCH_COUNT - 1));
}

fn file(suffix: &str) -> PathBuf {
    PathBuf::from(format!("/data/t-0/{:020}.{suffix}", 0))
}

fn setup(disk: &SimDisk) -> LogSetup {
    LogSetup {
        disk: Arc::new(disk.clone()),
        tail_cache: TailCache::new(0),
        open_files: OpenFiles::new(9),
        buffers: BufferPool::new(0),
        dir: PathBuf::from("/data/t-0"),
        topic_partition: TopicPartition::new(TopicName::parse("t").unwrap(), 0),
        topic_id: Uuid::from_random(1),
        config: LogConfig { index_interval_bytes: 100, ..LogConfig::default() },
    }
}

/// A log that was stopped cleanly, one record a batch.
fn filled() -> SimDisk {
    static FILLED: OnceLock<SimDisk> = OnceLock::new();
    FILLED.get_or_init(fill).copy()
}

fn fill() -> SimDisk {
    let disk = SimDisk::new();
    let mut log = Log::create(setup(&disk)).unwrap();
    for at in 0..BATCH_COUNT {
        let time = NOW.saturating_plus_ms(at * 10);
        let batch = BatchBuilder::new(Codec::None).append(time, None, Some(&[7; 20]), &[]).build();
        log.append(ValidatedBatch::from(&batch), LeaderEpoch::new(0), NOW).unwrap();
    }
    log.flush_writes().unwrap();
    log.close(NOW).unwrap();
    disk
}

fn put(disk: &SimDisk, path: &Path, at: u64, bytes: &[u8]) {
    let file = disk.open(path, OpenMode::Create).unwrap();
    file.set_len(at).unwrap();
    file.write_all_at(&mut [IoSlice::new(bytes)], at).unwrap();
}

fn open(disk: &SimDisk, is_clean: bool) -> Result<Log, highwater_storage::OpenError> {
    let opening = Opening {
        is_clean,
        recovery_point: Offset::ZERO,
        log_start_offset: Offset::ZERO,
        is_topic_known: false,
        keep_holes: false,
        now: NOW,
    };
    Log::open(setup(disk), opening).map(|(log, _)| log)
}
