//! A broker's part around one log: log directory, checkpoints, workers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{
    BatchBuilder, Codec, LeaderEpoch, Mutant, Offset, ProducerEpoch, ProducerId, RecordBatch,
    Sequence, Timestamp, TopicName, TopicPartition, Uuid, batches,
};
use highwater_storage::{
    AppendError, Appended, BufferPool, Disk, Log, LogConfig, LogSetup, LogView, OpenFiles, Opening,
    ReadLimits, Recovery, SimDisk, StorageFault, TailCache, ValidatedBatch,
};

pub(crate) const NOW: Timestamp = Timestamp::new(1_700_000_000_000);
pub(crate) const EPOCH: LeaderEpoch = LeaderEpoch::new(3);

/// The wrong variant that `cargo xtask mutants` asks for, if it does.
fn mutant() -> Mutant {
    match std::env::var_os("HIGHWATER_MUTANT") {
        Some(number) => Mutant::numbered(number.to_str().unwrap()).expect("a build with mutants"),
        None => Mutant::NONE,
    }
}

pub(crate) fn place() -> TopicPartition {
    TopicPartition::new(TopicName::parse("orders").unwrap(), 0)
}

pub(crate) fn topic_id() -> Uuid {
    Uuid::from_random(0x1234)
}

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value)
}

/// Small segments and indexes, so that a few batches meet every limit.
pub(crate) fn small() -> LogConfig {
    LogConfig { segment_bytes: 1500, index_interval_bytes: 200, ..LogConfig::default() }
}

pub(crate) struct World {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) root: PathBuf,
    pub(crate) config: LogConfig,
    pub(crate) cache: Arc<TailCache>,
    pub(crate) files: Arc<OpenFiles>,
}

impl World {
    pub(crate) fn on(disk: Arc<dyn Disk>, root: &Path, config: LogConfig) -> Self {
        // No cache: reads come from the files, where they can go wrong.
        let (cache, files) = (TailCache::new(0), OpenFiles::new(3));
        let config = LogConfig { mutant: mutant(), ..config };
        Self { disk, root: root.to_path_buf(), config, cache, files }
    }

    pub(crate) fn simulated(config: LogConfig) -> (SimDisk, Self) {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let world = Self::on(Arc::new(disk.clone()), Path::new("/data"), config);
        (disk, world)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.root.join("orders-0")
    }

    pub(crate) fn path(&self, base: i64, suffix: &str) -> PathBuf {
        self.dir().join(format!("{base:020}.{suffix}"))
    }

    pub(crate) fn setup(&self) -> LogSetup {
        LogSetup {
            disk: Arc::clone(&self.disk),
            tail_cache: Arc::clone(&self.cache),
            open_files: Arc::clone(&self.files),
            buffers: BufferPool::new(1 << 20),
            dir: self.dir(),
            topic_partition: place(),
            topic_id: topic_id(),
            config: self.config.clone(),
        }
    }

    pub(crate) fn create(&self) -> Log {
        Log::create(self.setup()).unwrap()
    }

    pub(crate) fn open_at(&self, is_clean: bool, recovery_point: i64) -> (Log, Recovery) {
        let opening = Opening {
            is_clean,
            recovery_point: offset(recovery_point),
            log_start_offset: Offset::ZERO,
            is_topic_known: false,
            keep_holes: false,
            now: NOW,
        };
        Log::open(self.setup(), opening).unwrap()
    }

    /// Everything synced and left as by a clean stop; then opened again.
    pub(crate) fn reopen_clean(&self, log: Log) -> Log {
        log.close(NOW).unwrap();
        self.open_at(true, 0).0
    }
}

/// One batch with these values, one millisecond apart from `time`.
pub(crate) fn batch_at(time: i64, values: &[&str]) -> RecordBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    for (delta, value) in (0..).zip(values) {
        builder.append(Timestamp::new(time + delta), None, Some(value.as_bytes()), &[]);
    }
    builder.build()
}

pub(crate) fn batch(values: &[&str]) -> ValidatedBatch {
    ValidatedBatch::from(&batch_at(NOW.value(), values))
}

pub(crate) fn produced(id: i64, epoch: i16, sequence: i32, values: &[String]) -> ValidatedBatch {
    let mut builder = BatchBuilder::new(Codec::None);
    builder.producer(ProducerId::new(id), ProducerEpoch::new(epoch), Sequence::new(sequence));
    for value in values {
        builder.append(NOW, None, Some(value.as_bytes()), &[]);
    }
    ValidatedBatch::from(&builder.build())
}

pub(crate) fn append(log: &mut Log, batch: ValidatedBatch) -> Result<Appended, AppendError> {
    let appended = log.append(batch, EPOCH, NOW);
    let written = log.flush_writes();
    let appended = appended?;
    written?;
    Ok(appended)
}

pub(crate) fn append_values(log: &mut Log, values: &[&str]) -> Appended {
    append(log, batch(values)).unwrap()
}

pub(crate) fn sync(log: &mut Log) -> Result<(), StorageFault> {
    if let Some(work) = log.take_sync() {
        match work.run() {
            Ok(synced) => log.on_synced(synced),
            Err(fault) => {
                log.on_fault(fault.clone());
                return Err(fault);
            }
        }
    }
    Ok(())
}

pub(crate) fn checkpoint(log: &mut Log) -> Result<(), StorageFault> {
    if let Some(work) = log.take_checkpoint(NOW)? {
        match work.run() {
            Ok(done) => log.on_checkpointed(&done),
            Err(fault) => {
                log.on_fault(fault.clone());
                return Err(fault);
            }
        }
    }
    Ok(())
}

pub(crate) fn limits(bytes_max: usize) -> ReadLimits {
    ReadLimits { upper_bound: Offset::new(i64::MAX), bytes_max, min_one_batch: true }
}

/// Offset and value of every record from `from` to the end of a view.
pub(crate) fn records_from(view: &LogView, from: Offset) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut next = from;
    while next < view.log_end_offset() {
        let fetched = view.read(next, limits(700)).unwrap();
        assert!(fetched.next_offset > next, "reading goes on at {next}");
        for batch in batches(&Bytes::from(fetched.chunks.concat())) {
            let batch = batch.unwrap();
            assert_eq!(batch.header().partition_leader_epoch, EPOCH);
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                if record.offset >= from {
                    found.push((record.offset.value(), value));
                }
            }
        }
        next = fetched.next_offset;
    }
    found
}

pub(crate) fn records(log: &Log) -> Vec<(i64, String)> {
    records_from(&log.view(), log.log_start_offset())
}
