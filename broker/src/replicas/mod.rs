//! The partitions this broker hosts, and the log directories they lie in.
//!
//! [`Replicas::apply`] makes what committed metadata says true: it creates, opens, reconfigures and deletes. Handlers
//! look partitions up here, by topic id or by name.
//!
//! **Invariant:** a partition directory is deleted only for a committed delete record with equal topic id.
//! **Invariant:** by-id and by-name look-ups find the same partitions.

mod apply;
mod checkpoints;
mod cleaning;
#[cfg(test)]
pub(crate) mod fixture;
mod hosted_dir;
mod log_config;
mod retention;
mod saved_times;
mod stop;
mod sync_rounds;
#[cfg(test)]
mod tests;
mod unopened;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_controller::config::{ConfigMap, TopicSettings};
use highwater_records::{LeaderEpoch, Mutant, NodeId, TopicName, TopicPartition, Uuid};
use highwater_storage::{
    AppendTimesFile, CheckpointKind, Disk, LogDir, LogDirError, OpenFiles, TailCache,
};
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::broker::FatalSignal;
use crate::partition::{Handover, Partition, PartitionContext};
use crate::seams::{Clock, Random, sleep_until};
use crate::tasks::Tasks;
use crate::workers::{self, Pool, Workers};

pub(crate) use apply::Removal;
pub(crate) use cleaning::{Cleaner, CleanerSettings};
pub(crate) use hosted_dir::{HostedDir, RecoveryWindow};
pub(crate) use retention::RetentionSchedule;

/// How often high watermarks are written (`replica.high.watermark.checkpoint.interval.ms` by default).
const HIGH_WATERMARK_CHECKPOINT: Duration = Duration::from_secs(5);

/// Every so many high-watermark checkpoints, recovery points and log starts are written too: once a minute.
const SLOW_CHECKPOINT_ROUNDS: u32 = 12;

/// Every so many rounds, producers that were silent for too long are forgotten: every ten minutes.
const PRODUCER_EXPIRY_ROUNDS: u32 = 120;

/// Room that a log directory must have for a partition to be made; below it topics are refused with a storage error.
const ROOM_BYTES_MIN: u64 = 1 << 20;

/// What [`Replicas`] are made from.
pub(crate) struct ReplicasSetup {
    pub(crate) node: NodeId,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random_seed: u64,
    pub(crate) mutant: Mutant,
    pub(crate) tasks: Tasks,
    pub(crate) fatal: FatalSignal,
    /// The configuration file: topics inherit from it.
    pub(crate) config_file: ConfigMap,
    pub(crate) tail_cache_bytes: u64,
    pub(crate) open_files_max: usize,
    pub(crate) recovery_window: RecoveryWindow,
    pub(crate) retention: RetentionSchedule,
    pub(crate) cleaner: CleanerSettings,
    /// Locked, formatted, in the order of `log.dirs`. The broker stops if the first one fails.
    pub(crate) log_dirs: Vec<LogDir>,
}

/// Everything this broker hosts.
pub(crate) struct Replicas {
    node: NodeId,
    disk: Arc<dyn Disk>,
    workers: Arc<dyn Workers>,
    tasks: Tasks,
    random: Random,
    mutant: Mutant,
    context: PartitionContext,
    config_file: ConfigMap,
    tail_cache: Arc<TailCache>,
    open_files: Arc<OpenFiles>,
    dirs: Vec<Arc<Dir>>,
    registry: RwLock<Registry>,
    pub(crate) cleaner: Cleaner,
    /// Replicas that a full disk keeps from being opened.
    unopened: Mutex<BTreeMap<(Uuid, i32), apply::Change>>,
    /// Held while what is hosted changes.
    applying: tokio::sync::Mutex<()>,
    /// Cancelled once every answer has left.
    ending: CancellationToken,
}

/// A log directory, and what lies in it unopened.
struct Dir {
    hosted: Arc<HostedDir>,
    /// Partition directories that nobody has open.
    found: Mutex<BTreeMap<TopicPartition, FoundLog>>,
}

/// A log that is there and not open.
#[derive(Clone, Copy, Debug)]
struct FoundLog {
    /// Whose it is. Directories that Kafka made before it had topic ids do not say; the name is then all there is.
    topic_id: Option<Uuid>,
    /// Closed cleanly: what lies in it is trusted.
    is_clean: bool,
}

impl FoundLog {
    fn belongs_to(self, topic_id: Uuid) -> bool {
        self.topic_id.is_none_or(|id| id == topic_id)
    }
}

#[derive(Default)]
struct Registry {
    by_id: BTreeMap<Uuid, Arc<HostedTopic>>,
    by_name: BTreeMap<TopicName, Arc<HostedTopic>>,
}

/// A topic as committed metadata has it, with the replicas that are here.
#[derive(Clone)]
pub(crate) struct HostedTopic {
    pub(crate) name: TopicName,
    pub(crate) id: Uuid,
    pub(crate) is_internal: bool,
    pub(crate) settings: Arc<TopicSettings>,
    slots: Vec<Slot>,
}

/// One partition of it.
#[derive(Clone)]
struct Slot {
    leader: NodeId,
    leader_epoch: LeaderEpoch,
    partition: Option<Arc<Partition>>,
}

/// Why a topic's partition is not served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotHosted {
    UnknownPartition,
    /// Another node leads it, as far as we know.
    NotLeader {
        leader: NodeId,
        leader_epoch: LeaderEpoch,
    },
}

impl Replicas {
    /// Takes over the log directories; hosts nothing before [`Replicas::apply`].
    ///
    /// Blocks; called once at start. Starts the tasks that write checkpoints and take over turns.
    /// Errors: a checkpoint file or the directory cannot be read.
    pub(crate) fn open(
        setup: ReplicasSetup,
        ending: &CancellationToken,
    ) -> Result<Arc<Self>, LogDirError> {
        let mut dirs = Vec::new();
        for (index, dir) in setup.log_dirs.into_iter().enumerate() {
            let fatal = (index == 0).then(|| setup.fatal.clone());
            let dir = open_dir(dir, &*setup.disk, &setup.workers, fatal, setup.recovery_window)?;
            dirs.push(Arc::new(dir));
        }
        let handover = Arc::new(Handover::default());
        setup.tasks.spawn("turns", Arc::clone(&handover).run(ending.clone()));
        let context = PartitionContext { clock: Arc::clone(&setup.clock), handover };
        let replicas = Arc::new(Self {
            node: setup.node,
            disk: setup.disk,
            workers: setup.workers,
            tasks: setup.tasks.clone(),
            random: Random::new(setup.random_seed),
            mutant: setup.mutant,
            context,
            config_file: setup.config_file,
            tail_cache: TailCache::new(setup.tail_cache_bytes),
            open_files: OpenFiles::new(setup.open_files_max),
            dirs,
            registry: RwLock::new(Registry::default()),
            cleaner: Cleaner::default(),
            unopened: Mutex::new(BTreeMap::new()),
            applying: tokio::sync::Mutex::new(()),
            ending: ending.clone(),
        });
        for dir in replicas.log_dirs() {
            let saving =
                Arc::clone(dir).save_times(Arc::clone(&replicas.context.clock), ending.clone());
            setup.tasks.spawn("append times", saving);
        }
        let retention = Arc::clone(&replicas).keep_retention(setup.retention, ending.clone());
        setup.tasks.spawn("retention", retention);
        let cleaning = Arc::clone(&replicas).clean_logs(setup.cleaner, ending.clone());
        setup.tasks.spawn("cleaner", cleaning);
        setup.tasks.spawn("replicas", Arc::clone(&replicas).work_by_time(ending.clone()));
        Ok(replicas)
    }

    pub(crate) fn topic(&self, id: Uuid) -> Option<Arc<HostedTopic>> {
        self.registry.read().by_id.get(&id).cloned()
    }

    pub(crate) fn topic_by_name(&self, name: &str) -> Option<Arc<HostedTopic>> {
        self.registry.read().by_name.get(name).cloned()
    }

    /// The log directories, in the order of `log.dirs`.
    pub(crate) fn log_dirs(&self) -> impl Iterator<Item = &Arc<HostedDir>> {
        self.dirs.iter().map(|dir| &dir.hosted)
    }

    /// Refuses to make partitions where the disk is full, and says so in words for the client.
    pub(crate) async fn check_room(&self) -> Result<(), String> {
        let dirs: Vec<Arc<HostedDir>> = self.log_dirs().cloned().collect();
        let check = move || check_room_in(&dirs);
        // Lost only at a stop.
        workers::run(&self.workers, Pool::File, check).await.unwrap_or(Ok(()))
    }

    async fn work_by_time(self: Arc<Self>, ending: CancellationToken) {
        let mut round = 0_u32;
        loop {
            let next = self.context.clock.now().monotonic.plus(HIGH_WATERMARK_CHECKPOINT);
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                () = sleep_until(&*self.context.clock, next) => {}
            }
            round = round.wrapping_add(1);
            let is_slow_round = round.is_multiple_of(SLOW_CHECKPOINT_ROUNDS);
            let expires_producers = round.is_multiple_of(PRODUCER_EXPIRY_ROUNDS);
            let dirs: Vec<Arc<HostedDir>> = self.log_dirs().cloned().collect();
            let now = self.context.clock.now().wall;
            let written = workers::run(&self.workers, Pool::File, move || {
                for dir in dirs {
                    for partition in dir.partitions() {
                        partition.tick(expires_producers);
                    }
                    // What is not durable now is tried again in the next round.
                    let mut is_durable = dir.checkpoint_high_watermarks();
                    if is_slow_round {
                        dir.move_recovery_points(now);
                        is_durable &= dir.checkpoint_log_starts();
                    }
                    if !is_durable {
                        tracing::debug!(dir = %dir.path().display(), "checkpoints are old");
                    }
                }
            });
            if written.await.is_err() {
                return;
            }
            self.open_unopened().await;
        }
    }
}

fn check_room_in(dirs: &[Arc<HostedDir>]) -> Result<(), String> {
    let mut full = Ok(());
    for dir in dirs.iter().filter(|dir| dir.fault().is_none()) {
        match dir.log_dir().space() {
            Ok(space) if space.usable_bytes < ROOM_BYTES_MIN => {
                full = Err(format!(
                    "disk full: {} has {} bytes free, new partitions need {ROOM_BYTES_MIN}; free some space there",
                    dir.path().display(),
                    space.usable_bytes
                ));
            }
            // What cannot be asked is found out by the first write.
            Ok(_) | Err(_) => return Ok(()),
        }
    }
    full
}

fn open_dir(
    dir: LogDir,
    disk: &dyn Disk,
    workers: &Arc<dyn Workers>,
    fatal: Option<FatalSignal>,
    recovery_window: RecoveryWindow,
) -> Result<Dir, LogDirError> {
    let is_clean = dir.take_clean_marker()?;
    let contents = dir.contents()?;
    for deleted in &contents.deleted {
        // Renamed for deletion by an earlier run; what cannot be removed now is found again at the next start.
        if let Err(error) = disk.remove_dir_all(deleted) {
            tracing::warn!(path = %deleted.display(), %error, "cannot remove a deleted partition");
        }
    }
    let found = contents.partitions.into_iter();
    let found = found.map(|partition| {
        let log = FoundLog { topic_id: partition.topic_id, is_clean };
        (partition.topic_partition, log)
    });
    let found = found.collect();
    let checkpoints = hosted_dir::Checkpoints {
        recovery_points: dir.read_checkpoint(CheckpointKind::RecoveryPoint)?,
        high_watermarks: dir.read_checkpoint(CheckpointKind::HighWatermark)?,
        log_starts: dir.read_checkpoint(CheckpointKind::LogStart)?,
        cleaned: dir.read_checkpoint(CheckpointKind::Cleaner)?,
    };
    let id = dir.meta().map_or(Uuid::ZERO, |meta| meta.directory_id);
    let (file, saved) = AppendTimesFile::open(&dir)?;
    let saved_times = saved_times::SavedTimes::new(file, saved);
    let hosted = HostedDir::new(
        dir,
        id,
        Arc::clone(workers),
        fatal,
        checkpoints,
        saved_times,
        recovery_window,
    );
    Ok(Dir { hosted, found: Mutex::new(found) })
}

impl HostedTopic {
    /// The replica here, or why there is none.
    pub(crate) fn partition(&self, partition: i32) -> Result<&Arc<Partition>, NotHosted> {
        let slot = usize::try_from(partition).ok().and_then(|index| self.slots.get(index));
        let slot = slot.ok_or(NotHosted::UnknownPartition)?;
        slot.partition
            .as_ref()
            .ok_or(NotHosted::NotLeader { leader: slot.leader, leader_epoch: slot.leader_epoch })
    }

    /// Partitions of the topic, here or elsewhere.
    pub(crate) fn partition_count(&self) -> usize {
        self.slots.len()
    }

    /// The replicas here.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.slots.iter().filter_map(|slot| slot.partition.as_ref())
    }
}
