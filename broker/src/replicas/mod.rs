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
mod room;
mod saved_times;
mod stop;
mod sync_queue;
#[cfg(test)]
mod tests;
mod unopened;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_controller::config::{ConfigMap, TopicSettings};
use highwater_records::{LeaderEpoch, Mutant, NodeId, TopicName, TopicPartition, Uuid};
use highwater_storage::{
    AppendTimesFile, BufferPool, CheckpointKind, Disk, LogDir, LogDirError, OpenError, OpenFiles,
    TailCache, topic_id_of,
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
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
pub(crate) use room::Room;

use hosted_dir::Shared;
use room::Look;

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
    /// `highwater.ballast.bytes`.
    pub(crate) ballast_bytes: i64,
    /// Locked, formatted, in the order of `log.dirs`; or why one cannot be used. The broker stops if the first one fails.
    pub(crate) log_dirs: Vec<(LogDir, Option<String>)>,
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
    pub(crate) buffers: Arc<BufferPool>,
    dirs: Vec<Arc<Dir>>,
    registry: RwLock<Registry>,
    pub(crate) cleaner: Cleaner,
    /// Replicas that a full disk keeps from being opened.
    unopened: Mutex<BTreeMap<(Uuid, i32), apply::Change>>,
    /// How many of the disks are full.
    full_disk_count: watch::Receiver<usize>,
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
    owner: Owner,
    /// Closed cleanly: what lies in it is trusted.
    is_clean: bool,
}

/// Whose log it is.
#[derive(Clone, Copy, Debug)]
enum Owner {
    /// Nobody has asked yet: a start does not wait for a look into each directory.
    Unread,
    Topic(Uuid),
    /// Directories that Kafka made before it had topic ids do not say; the name is then all there is.
    Nameless,
}

impl FoundLog {
    fn belongs_to(self, topic_id: Uuid) -> bool {
        match self.owner {
            Owner::Topic(id) => id == topic_id,
            Owner::Unread | Owner::Nameless => true,
        }
    }
}

impl Dir {
    /// What lies here for a partition, and whose it is. Blocks.
    fn found(&self, disk: &dyn Disk, topic_partition: &TopicPartition) -> Option<FoundLog> {
        let mut found = *self.found.lock().get(topic_partition)?;
        if let Owner::Unread = found.owner {
            found.owner = self.owner(disk, topic_partition);
            if let Some(here) = self.found.lock().get_mut(topic_partition) {
                *here = found;
            }
        }
        Some(found)
    }

    fn owner(&self, disk: &dyn Disk, topic_partition: &TopicPartition) -> Owner {
        match topic_id_of(disk, &self.hosted.log_dir().partition_path(topic_partition)) {
            Ok(Some(id)) => Owner::Topic(id),
            Ok(None) | Err(OpenError::Damaged(_) | OpenError::OtherTopicId { .. }) => {
                Owner::Nameless
            }
            Err(OpenError::Fault(fault)) => {
                match self.hosted.survives(&fault) {
                    true => tracing::warn!(%fault, "cannot see whose partition this is"),
                    false => self.hosted.fail(&fault),
                }
                Owner::Unread
            }
        }
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
        let (full_count, full_disk_count) = watch::channel(0);
        let mut rooms = Rooms::new(Arc::clone(&setup.disk), setup.ballast_bytes, full_count);
        let mut dirs = Vec::new();
        for (index, (dir, failure)) in setup.log_dirs.into_iter().enumerate() {
            let shared = Shared {
                workers: Arc::clone(&setup.workers),
                window: setup.recovery_window,
                room: rooms.of(&dir),
            };
            let fatal = (index == 0).then(|| setup.fatal.clone());
            dirs.push(Arc::new(open_dir(dir, failure, shared, &*setup.disk, fatal)?));
        }
        let handover = Arc::new(Handover::default());
        let idle_buffers_bytes = usize::try_from(setup.tail_cache_bytes).unwrap_or(usize::MAX);
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
            buffers: BufferPool::new(idle_buffers_bytes),
            dirs,
            registry: RwLock::new(Registry::default()),
            cleaner: Cleaner::default(),
            unopened: Mutex::new(BTreeMap::new()),
            full_disk_count,
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
        for room in rooms.all {
            setup.tasks.spawn("room", Arc::clone(&replicas).watch_room(room, ending.clone()));
        }
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

    /// Directories in which there is no room for a new partition; it is placed in another one.
    pub(crate) fn full_directories(&self) -> Vec<Uuid> {
        let is_full = |dir: &&Arc<HostedDir>| !dir.room().has(ROOM_BYTES_MIN);
        self.log_dirs().filter(is_full).map(|dir| dir.id()).collect()
    }

    /// Room that the log of an internal topic keeps reserved.
    fn reserved_ahead_bytes(&self) -> u64 {
        self.dirs[0].hosted.room().reserved_ahead_bytes()
    }

    /// Waits until a disk is full.
    pub(super) async fn wait_full(&self) {
        let mut count = self.full_disk_count.clone();
        if count.wait_for(|count| *count > 0).await.is_err() {
            // The rooms are gone with the broker.
            std::future::pending::<()>().await;
        }
    }

    /// Looks after the room of one file system, until the end.
    async fn watch_room(self: Arc<Self>, room: Arc<Room>, ending: CancellationToken) {
        let (theirs, dirs) = (Arc::clone(&room), self.online_dirs_of(&room));
        let begin = move || theirs.begin(dirs.iter().map(|dir| dir.path()));
        if workers::run(&self.workers, Pool::File, begin).await.is_err() {
            return;
        }
        self.keep_spare_room(&room).await;
        loop {
            let next = self.context.clock.now().monotonic.plus(room.next_look());
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                () = room.wait_full() => {}
                () = sleep_until(&*self.context.clock, next) => {}
            }
            let theirs = Arc::clone(&room);
            match workers::run(&self.workers, Pool::File, move || theirs.look()).await {
                Ok(Look::Same) => {}
                Ok(Look::Resumed) => self.keep_spare_room(&room).await,
                Err(_) => return,
            }
        }
    }

    fn online_dirs_of(&self, room: &Arc<Room>) -> Vec<Arc<HostedDir>> {
        let dirs = self.log_dirs().filter(|dir| Arc::ptr_eq(dir.room(), room)).cloned();
        dirs.filter(|dir| dir.fault().is_none()).collect()
    }

    /// Has the log directories of a file system keep room for their small files, as far as there is some.
    async fn keep_spare_room(&self, room: &Arc<Room>) {
        let dirs = self.online_dirs_of(room);
        let spare_bytes = room.spare_bytes();
        if spare_bytes == 0 {
            return;
        }
        let keep = move || {
            for dir in dirs {
                if let Err(error) = dir.keep_spare_room(spare_bytes) {
                    tracing::debug!(dir = %dir.path().display(), %error, "no spare room is kept");
                }
            }
        };
        if workers::run(&self.workers, Pool::File, keep).await.is_err() {
            tracing::debug!("stopped before spare room was kept");
        }
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
            self.buffers.release_unused();
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
            for dir in self.log_dirs() {
                dir.checkpoint_recovered(&*self.context.clock);
            }
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

/// The file systems of the log directories.
struct Rooms {
    disk: Arc<dyn Disk>,
    ballast_bytes: i64,
    full_count: watch::Sender<usize>,
    ids: Vec<Option<u64>>,
    all: Vec<Arc<Room>>,
}

impl Rooms {
    fn new(disk: Arc<dyn Disk>, ballast_bytes: i64, full_count: watch::Sender<usize>) -> Self {
        Self { disk, ballast_bytes, full_count, ids: Vec::new(), all: Vec::new() }
    }

    fn of(&mut self, dir: &LogDir) -> Arc<Room> {
        // Nothing is done to one that cannot be used; any room will do.
        if let Some(first) = self.all.first().filter(|_| !dir.is_usable()) {
            return Arc::clone(first);
        }
        let id = self.disk.file_system_id(dir.path()).ok();
        if let Some(known) = self.ids.iter().position(|known| id.is_some() && *known == id) {
            return Arc::clone(&self.all[known]);
        }
        let (path, full_count) = (dir.path(), self.full_count.clone());
        let room = Room::open(&self.disk, path, self.ballast_bytes, full_count);
        self.ids.push(id);
        self.all.push(Arc::clone(&room));
        room
    }
}

fn open_dir(
    dir: LogDir,
    failure: Option<String>,
    shared: Shared,
    disk: &dyn Disk,
    fatal: Option<FatalSignal>,
) -> Result<Dir, LogDirError> {
    if let Some(reason) = failure {
        let times = saved_times::SavedTimes::new(AppendTimesFile::unread(&dir), BTreeMap::new());
        let hosted = HostedDir::failed(dir, shared, times, &reason);
        return Ok(Dir { hosted, found: Mutex::default() });
    }
    let is_clean = dir.take_clean_marker()?;
    let contents = dir.contents()?;
    for deleted in &contents.deleted {
        // Renamed for deletion by an earlier run; what cannot be removed now is found again at the next start.
        if let Err(error) = disk.remove_dir_all(deleted) {
            tracing::warn!(path = %deleted.display(), %error, "cannot remove a deleted partition");
        }
    }
    let found = contents.partitions.into_iter();
    let found = found.map(|partition| (partition, FoundLog { owner: Owner::Unread, is_clean }));
    let found = found.collect();
    let checkpoints = hosted_dir::Checkpoints {
        recovery_points: dir.read_checkpoint(CheckpointKind::RecoveryPoint)?,
        high_watermarks: dir.read_checkpoint(CheckpointKind::HighWatermark)?,
        log_starts: dir.read_checkpoint(CheckpointKind::LogStart)?,
        cleaned: dir.read_checkpoint(CheckpointKind::Cleaner)?,
    };
    let (file, saved) = AppendTimesFile::open(&dir)?;
    let saved_times = saved_times::SavedTimes::new(file, saved);
    let hosted = HostedDir::new(dir, shared, fatal, checkpoints, saved_times);
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
