//! Replicas on a simulated disk, with worker threads that wait to be told.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use highwater_controller::image::{ConfigResource, PartitionEpoch, PartitionImage};
use highwater_controller::{MetadataDelta, MetadataImage, MetadataRecord};
use highwater_records::{
    BatchBuilder, Codec, LeaderEpoch, Monotonic, Mutant, NodeId, Now, ProducerEpoch, ProducerId,
    RecordBatch, Sequence, Timestamp, TopicName, Uuid, batches,
};
use highwater_replication::Acks;
use highwater_storage::{Disk, LogDir, MetaProperties, ReadLimits, SimDisk, ValidatedBatch};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CleanerSettings, RecoveryWindow, Replicas, ReplicasSetup, RetentionSchedule};
use crate::broker::FatalSignal;
use crate::partition::{Append, Partition, PendingAppends};
use crate::seams::Clock;
use crate::tasks::Tasks;
use crate::workers::{Job, Pool, Workers};

pub(crate) const NODE: NodeId = NodeId::new(1);

const MINUTE: Duration = Duration::from_secs(60);

/// Runs everything at once on the caller's thread, except syncs: those wait for [`TestWorkers::run_syncs`].
pub(crate) struct TestWorkers {
    syncs: Mutex<VecDeque<Job>>,
    permits: Arc<Semaphore>,
}

impl TestWorkers {
    pub(crate) fn new() -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(1000));
        Arc::new(Self { syncs: Mutex::new(VecDeque::new()), permits })
    }

    /// Runs the syncs that wait, and those that they ask for.
    pub(crate) fn run_syncs(&self) {
        loop {
            let Some(job) = self.syncs.lock().pop_front() else { return };
            job();
        }
    }
}

impl Workers for TestWorkers {
    fn submit(&self, pool: Pool, job: Job) {
        match pool {
            Pool::Sync => self.syncs.lock().push_back(job),
            Pool::Read | Pool::File | Pool::Metadata | Pool::Clean => job(),
        }
    }

    fn permits(&self, _pool: Pool) -> &Arc<Semaphore> {
        &self.permits
    }

    fn panic_count(&self) -> u64 {
        0
    }

    fn shut_down(&self) {
        self.syncs.lock().clear();
    }
}

/// A clock whose wall stands still; time goes by with the runtime's, which tests pause.
pub(crate) struct TestClock {
    started: Instant,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { started: Instant::now() })
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        let monotonic = Monotonic::new(self.started.elapsed());
        Now { monotonic, wall: Timestamp::new(1_700_000_000_000) }
    }

    fn started(&self) -> Instant {
        self.started
    }
}

/// One broker's replicas in `/data`.
pub(crate) struct Fixture {
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) fatal: FatalSignal,
    pub(crate) ending: CancellationToken,
    image: MetadataImage,
    topic_count: u64,
}

impl Fixture {
    /// Starts on what the disk holds and hosts what `image` says.
    pub(crate) async fn start(
        disk: Arc<dyn Disk>,
        workers: Arc<dyn Workers>,
        image: MetadataImage,
    ) -> Self {
        let clock: Arc<dyn Clock> = TestClock::new();
        let fatal = FatalSignal::new();
        let ending = CancellationToken::new();
        let mut log_dir = LogDir::open(Arc::clone(&disk), Path::new("/data"), 1).unwrap();
        if log_dir.meta().is_none() {
            let directory_id = Uuid::from_random(7);
            let cluster_id = "test".to_owned();
            let meta = MetaProperties { cluster_id, node_id: NODE, directory_id, is_ours: true };
            log_dir.format(meta).unwrap();
        }
        let setup = ReplicasSetup {
            node: NODE,
            disk,
            workers,
            clock,
            mutant: mutant(),
            random_seed: 1,
            tasks: Tasks::new(Handle::current(), Arc::default()),
            fatal: fatal.clone(),
            config_file: BTreeMap::new(),
            tail_cache_bytes: 1 << 20,
            open_files_max: 100,
            recovery_window: RecoveryWindow { fsync_bytes: 64 << 20, os_bytes: 1 << 30 },
            cleaner: CleanerSettings {
                is_enabled: true,
                backoff: MINUTE / 4,
                map_bytes_max: 1 << 20,
                bytes_per_second: f64::MAX,
            },
            retention: RetentionSchedule { first_after: MINUTE, interval: 5 * MINUTE },
            ballast_bytes: 0,
            log_dirs: vec![(log_dir, None)],
        };
        let replicas = Replicas::open(setup, &ending).unwrap();
        replicas.apply(&image, &MetadataDelta::everything(&image)).await;
        let topic_count = u64::try_from(image.topics().len()).unwrap();
        Self { replicas, fatal, ending, image, topic_count }
    }

    /// An empty simulated disk, and workers whose syncs wait.
    pub(crate) async fn simulated() -> (Self, SimDisk, Arc<TestWorkers>) {
        let (disk, workers) = (SimDisk::new(), TestWorkers::new());
        let fixture = Self::start(
            Arc::new(disk.clone()),
            Arc::clone(&workers) as Arc<dyn Workers>,
            MetadataImage::default(),
        )
        .await;
        (fixture, disk, workers)
    }

    /// The metadata as committed, for a restart.
    pub(crate) fn image(&self) -> MetadataImage {
        self.image.clone()
    }

    /// Creates a topic and returns its partitions.
    pub(crate) async fn create(
        &mut self,
        name: &str,
        partition_count: i32,
        configs: &[(&str, &str)],
    ) -> Vec<Arc<Partition>> {
        self.topic_count += 1;
        let id = Uuid::from_random(u128::from(self.topic_count) << 64);
        let name = TopicName::parse(name).unwrap();
        let mut records = vec![MetadataRecord::Topic { name: name.clone(), id }];
        for partition in 0..partition_count {
            let state = PartitionImage {
                replicas: vec![NODE],
                directories: vec![Uuid::ZERO],
                isr: vec![NODE],
                elr: Vec::new(),
                last_known_elr: Vec::new(),
                leader: NODE,
                leader_epoch: LeaderEpoch::new(0),
                partition_epoch: PartitionEpoch::new(0),
                adding: Vec::new(),
                removing: Vec::new(),
            };
            records.push(MetadataRecord::Partition { topic_id: id, partition, state });
        }
        for (key, value) in configs {
            let resource = ConfigResource::Topic(name.clone());
            let (key, value) = ((*key).to_owned(), Some((*value).to_owned()));
            records.push(MetadataRecord::Config { resource, key, value });
        }
        self.commit(&records).await;
        self.partitions(name.as_str())
    }

    /// The partitions of a topic.
    pub(crate) fn partitions(&self, topic: &str) -> Vec<Arc<Partition>> {
        self.replicas.topic_by_name(topic).unwrap().partitions().cloned().collect()
    }

    /// Replays records and has them applied.
    pub(crate) async fn commit(&mut self, records: &[MetadataRecord]) {
        let mut delta = MetadataDelta::default();
        for record in records {
            delta.replay(&mut self.image, record).unwrap();
        }
        self.replicas.apply(&self.image, &delta).await;
    }

    /// Creates one partition that acknowledges in `fsync` mode.
    pub(crate) async fn create_one(&mut self) -> Arc<Partition> {
        self.create("t", 1, &[]).await.remove(0)
    }
}

/// A batch of one record.
pub(crate) fn batch(value: &str) -> RecordBatch {
    let time = Timestamp::new(1_700_000_000_000);
    BatchBuilder::new(Codec::None).append(time, None, Some(value.as_bytes()), &[]).build()
}

/// The same from an idempotent producer.
pub(crate) fn numbered_batch(value: &str, sequence: i32) -> RecordBatch {
    let time = Timestamp::new(1_700_000_000_000);
    BatchBuilder::new(Codec::None)
        .producer(ProducerId::new(9), ProducerEpoch::new(0), Sequence::new(sequence))
        .append(time, None, Some(value.as_bytes()), &[])
        .build()
}

/// Appends a batch for a request of its own.
pub(crate) fn append(
    partition: &Arc<Partition>,
    batch: &RecordBatch,
    acks: Acks,
) -> Arc<PendingAppends> {
    let pending = PendingAppends::new();
    partition.append(Append {
        batch: ValidatedBatch::from(batch),
        acks,
        leader_epoch: None,
        at: None,
        reply: pending.add(),
    });
    pending
}

/// The offset of an append that has completed well.
pub(crate) fn base_offset(pending: &PendingAppends) -> i64 {
    assert!(pending.is_complete(), "still waits");
    let results = pending.take_results(|_, _| ());
    results[0].as_ref().unwrap().base_offset.value()
}

/// Everything in the log, values with their offsets, the committed part only or all.
pub(crate) fn values(partition: &Partition, committed: bool) -> Vec<(i64, String)> {
    let view = partition.view();
    let leading = view.leading().unwrap();
    let upper_bound = if committed { leading.high_watermark } else { leading.log.log_end_offset() };
    let mut from = leading.log.log_start_offset();
    let mut values = Vec::new();
    while from < upper_bound {
        let limits = ReadLimits { upper_bound, bytes_max: 1 << 20, min_one_batch: true };
        let fetched = leading.log.read(from, limits).unwrap();
        let bytes: Vec<u8> = fetched.chunks.concat();
        for batch in batches(&bytes.into()) {
            let batch = batch.unwrap();
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                let offset = record.offset.value();
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                values.push((offset, value));
            }
        }
        assert!(fetched.next_offset > from);
        from = fetched.next_offset;
    }
    values
}

/// The wrong variant that `cargo xtask mutants` asks for, if it does.
fn mutant() -> Mutant {
    match std::env::var_os("HIGHWATER_MUTANT") {
        Some(number) => Mutant::numbered(number.to_str().unwrap()).expect("a build with mutants"),
        None => Mutant::NONE,
    }
}
