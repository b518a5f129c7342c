//! Making committed metadata true: partitions are created, opened, reconfigured and deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use highwater_controller::config::TopicSettings;
use highwater_controller::image::{ConfigResource, PartitionImage, TopicImage};
use highwater_controller::{MetadataDelta, MetadataImage};
use highwater_records::{NodeId, Offset, TopicPartition, Uuid};
use highwater_replication::{Durability, LeaderSetup, MetadataChange};
use highwater_storage::{
    Log, LogConfig, LogSetup, OpenError, Opening, StorageFault, delete_partition_dir, remove_files,
};

use super::log_config::log_config;
use super::{Dir, FoundLog, HostedDir, HostedTopic, Owner, Registry, Replicas, Slot};
use crate::partition::{Partition, durability};
use crate::seams::sleep_until;
use crate::workers::{self, Pool};

/// Jobs into which the partitions of one change are divided; the pool's threads take them side by side.
const JOBS_MAX: usize = 8;

/// So much of a directory's name is kept when it is set aside; with the rest it fits every file system.
const STRAY_NAME_CHARS_MAX: usize = 200;

/// One partition to bring in line with the metadata.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) topic_partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) metadata: PartitionImage,
    pub(super) settings: Arc<TopicSettings>,
    pub(super) log_config: LogConfig,
    pub(super) hosted: Option<Arc<Partition>>,
}

impl Change {
    pub(super) fn key(&self) -> (Uuid, i32) {
        (self.topic_id, self.topic_partition.partition)
    }
}

impl Replicas {
    /// Makes this broker host what `image` says, looking only at what `delta` says has changed.
    ///
    /// Calls come in the order of commit. It always finishes: a replica that cannot be opened is hosted offline, and
    /// says why.
    pub(crate) async fn apply(self: &Arc<Self>, image: &MetadataImage, delta: &MetadataDelta) {
        let _applying = self.applying.lock().await;
        for id in delta.deleted_topics.keys() {
            self.delete_topic(*id).await;
        }
        let topics: Vec<&Arc<TopicImage>> = affected_topics(image, delta)
            .into_iter()
            .filter_map(|id| image.topics().get_by_id(id))
            .collect();
        let settings = self.settings(image, &topics);
        let mut changes = Vec::new();
        for (topic, settings) in topics.iter().zip(&settings) {
            self.collect_changes(topic, settings, delta, &mut changes);
        }
        let mut hosted = self.run_changes(changes).await;
        let mut registry = self.registry.write();
        for (topic, settings) in topics.into_iter().zip(settings) {
            register(&mut registry, topic, settings, &mut hosted);
        }
        drop(registry);
        for dir in self.log_dirs() {
            dir.checkpoint_recovered(&*self.context.clock);
        }
    }

    /// Removes files or directories once `delay` has passed; at a stop they are left for the next start.
    pub(crate) fn remove_later(self: &Arc<Self>, delay_ms: i64, removal: Removal) {
        let delay = Duration::from_millis(u64::try_from(delay_ms).unwrap_or(0));
        let replicas = Arc::clone(self);
        self.tasks.spawn("remove", async move {
            let at = replicas.context.clock.now().monotonic.plus(delay);
            tokio::select! {
                biased;
                () = replicas.ending.cancelled() => return,
                // Their room is wanted now.
                () = replicas.wait_full() => {}
                () = sleep_until(&*replicas.context.clock, at) => {}
            }
            let disk = Arc::clone(&replicas.disk);
            let removed = workers::run(&replicas.workers, Pool::File, move || match removal {
                Removal::Files(paths) => {
                    if let Err(fault) = remove_files(&*disk, &paths) {
                        tracing::warn!(%fault, cause = %fault.source, "cannot remove old segments");
                    }
                }
                Removal::Directories(paths) => {
                    for path in paths {
                        // What a full disk had no new name for is gone already.
                        if let Err(error) = disk.remove_dir_all(&path)
                            && error.kind() != std::io::ErrorKind::NotFound
                        {
                            tracing::warn!(path = %path.display(), %error, "cannot remove");
                        }
                    }
                }
            });
            if removed.await.is_err() {
                tracing::debug!("stopped before the removal: the next start does it");
            }
        });
    }

    /// Unregisters a topic, then renames its directories; they are removed after `file.delete.delay.ms`.
    async fn delete_topic(self: &Arc<Self>, id: Uuid) {
        let topic = {
            let mut registry = self.registry.write();
            let topic = registry.by_id.remove(&id);
            let is_named = |topic: &Arc<HostedTopic>| {
                registry.by_name.get(&topic.name).is_some_and(|named| named.id == id)
            };
            if let Some(name) = topic.as_ref().filter(|topic| is_named(topic)).map(|t| &t.name) {
                registry.by_name.remove(name);
            }
            topic
        };
        let replicas = Arc::clone(self);
        let delay_ms = topic.as_ref().map_or(0, |topic| topic.settings.file_delete_delay_ms);
        self.forget_unopened(id);
        for dir in self.log_dirs() {
            dir.saved_times.forget(id);
        }
        let renamed = workers::run(&self.workers, Pool::File, move || {
            let mut renamed = replicas.delete_found_logs(id);
            renamed.extend(topic.iter().flat_map(|topic| replicas.delete_logs(topic)));
            renamed
        });
        if let Ok(renamed) = renamed.await
            && !renamed.is_empty()
        {
            self.remove_later(delay_ms, Removal::Directories(renamed));
        }
    }

    fn delete_logs(&self, topic: &HostedTopic) -> Vec<PathBuf> {
        let mut renamed = Vec::new();
        for partition in topic.partitions() {
            let dir = partition.dir();
            let log = partition.retire();
            dir.remove(partition.topic_partition());
            if !dir.forget(std::slice::from_ref(partition.topic_partition())) {
                let topic_partition = partition.topic_partition();
                tracing::warn!(%topic_partition, "deleted, but its checkpoints are still there");
            }
            let Some(log) = log else { continue };
            match log.delete(self.random.uuid()) {
                Ok(path) => renamed.push(path),
                Err(fault) if dir.survives(&fault) => {
                    tracing::warn!(%fault, "a deleted partition stays until the next start");
                    self.note_found(dir, partition.topic_partition(), topic.id, false);
                }
                Err(fault) => dir.fail(&fault),
            }
        }
        renamed
    }

    /// Renames what nobody has open: left behind by a broker that stopped between the commit of a deletion and its own
    /// part in it, or not opened because the disk is full.
    fn delete_found_logs(&self, id: Uuid) -> Vec<PathBuf> {
        let mut renamed = Vec::new();
        for dir in self.dirs.iter().filter(|dir| dir.hosted.fault().is_none()) {
            let names: Vec<_> = dir.found.lock().keys().cloned().collect();
            for topic_partition in names {
                let found = dir.found(&*self.disk, &topic_partition);
                if !matches!(found, Some(FoundLog { owner: Owner::Topic(owner), .. }) if owner == id)
                {
                    continue;
                }
                dir.found.lock().remove(&topic_partition);
                let path = dir.hosted.log_dir().partition_path(&topic_partition);
                let unique = self.random.uuid();
                match delete_partition_dir(&*self.disk, &path, &topic_partition, unique) {
                    Ok(path) => renamed.push(path),
                    Err(fault) if dir.hosted.survives(&fault) => {
                        tracing::warn!(%fault, "a deleted partition stays until the next start");
                    }
                    Err(fault) => dir.hosted.fail(&fault),
                }
            }
        }
        renamed
    }

    fn collect_changes(
        &self,
        topic: &TopicImage,
        settings: &Arc<TopicSettings>,
        delta: &MetadataDelta,
        changes: &mut Vec<Change>,
    ) {
        let known = self.topic(topic.id);
        let has_new_settings = known.as_ref().is_none_or(|known| *known.settings != **settings);
        for (number, metadata) in topic.numbered() {
            let hosted = known.as_ref().and_then(|known| known.partition(number).ok());
            let is_changed = delta.changed_partitions.contains(&(topic.id, number));
            if !is_changed && (hosted.is_none() || !has_new_settings) {
                continue;
            }
            let mut log_config = log_config(settings, &self.random);
            log_config.mutant = self.mutant;
            if topic.is_internal() {
                log_config.reserved_ahead_bytes = self.reserved_ahead_bytes();
            }
            changes.push(Change {
                topic_partition: TopicPartition { topic: topic.name.clone(), partition: number },
                topic_id: topic.id,
                metadata: metadata.clone(),
                log_config,
                settings: Arc::clone(settings),
                hosted: hosted.cloned(),
            });
        }
    }

    /// The settings of each topic; topics without configuration of their own share one.
    fn settings(
        &self,
        image: &MetadataImage,
        topics: &[&Arc<TopicImage>],
    ) -> Vec<Arc<TopicSettings>> {
        let mut inherited: Option<Arc<TopicSettings>> = None;
        let mut all = Vec::with_capacity(topics.len());
        for topic in topics {
            let sources = image.topic_config_sources(&topic.name, self.node, &self.config_file);
            let resolve = || Arc::new(TopicSettings::resolve(&sources));
            all.push(match sources.topic {
                Some(_) => resolve(),
                None => Arc::clone(inherited.get_or_insert_with(resolve)),
            });
        }
        all
    }

    /// Runs the changes on worker threads; returns what each partition is now.
    pub(super) async fn run_changes(
        self: &Arc<Self>,
        changes: Vec<Change>,
    ) -> BTreeMap<(Uuid, i32), Option<Arc<Partition>>> {
        let job_count = changes.len().clamp(1, JOBS_MAX);
        let mut jobs: Vec<Vec<Change>> = (0..job_count).map(|_| Vec::new()).collect();
        for (index, change) in changes.into_iter().enumerate() {
            jobs[index % job_count].push(change);
        }
        let run = |changes: Vec<Change>| {
            let replicas = Arc::clone(self);
            workers::run(&self.workers, Pool::File, move || {
                let host = |change: Change| (change.key(), replicas.host(change));
                changes.into_iter().map(host).collect::<Vec<_>>()
            })
        };
        // Lost only at a stop, when nothing is served any more.
        let done = join_all(jobs.into_iter().filter(|job| !job.is_empty()).map(run)).await;
        done.into_iter().filter_map(Result::ok).flatten().collect()
    }

    /// Brings one partition in line; `None` if this broker does not lead it.
    fn host(&self, change: Change) -> Option<Arc<Partition>> {
        let leads = change.metadata.leader == self.node;
        let was_unopened = self.unopened.lock().remove(&change.key()).is_some();
        match change.hosted.clone() {
            Some(_) if leads && was_unopened => Some(self.open_or_create(change)),
            Some(hosted) if leads => {
                let settings = Arc::clone(&change.settings);
                let metadata = metadata_change(&change.metadata, &settings);
                // Offline or gone: it keeps saying so.
                drop(hosted.reconfigure(metadata, settings, change.log_config));
                Some(hosted)
            }
            Some(hosted) => {
                self.close(&hosted, change.topic_id);
                None
            }
            None if leads => Some(self.open_or_create(change)),
            None => None,
        }
    }

    /// Closes the log of a replica that leads no more; it stays where it is and may be opened again.
    fn close(&self, hosted: &Arc<Partition>, topic_id: Uuid) {
        let Some(log) = hosted.retire() else { return };
        let topic_partition = hosted.topic_partition();
        hosted.dir().remove(topic_partition);
        hosted.dir().saved_times.give_back(hosted, self.context.clock.now());
        let is_clean = match log.close(self.context.clock.now().wall) {
            Ok(log_end) => hosted.dir().note_closed(topic_partition, log_end),
            Err(fault) if hosted.dir().survives(&fault) => false,
            Err(fault) => {
                hosted.dir().fail(&fault);
                false
            }
        };
        self.note_found(hosted.dir(), topic_partition, topic_id, is_clean);
    }

    fn note_found(
        &self,
        dir: &Arc<HostedDir>,
        topic_partition: &TopicPartition,
        topic_id: Uuid,
        is_clean: bool,
    ) {
        if let Some(dir) = self.dirs.iter().find(|ours| Arc::ptr_eq(&ours.hosted, dir)) {
            let found = FoundLog { owner: Owner::Topic(topic_id), is_clean };
            dir.found.lock().insert(topic_partition.clone(), found);
        }
    }

    fn open_or_create(&self, change: Change) -> Arc<Partition> {
        let Some(dir) = self.place(&change) else {
            let reason = "its log directory is not among log.dirs or has failed";
            return self.host_offline(&self.dirs[0], &change, reason);
        };
        match self.open_log(dir, &change) {
            Ok(log) => {
                let setup = self.leader_setup(dir, &change, &log);
                let recovered = log.wants_checkpoint().then(|| log.bytes_past_recovery_point());
                let partition = Partition::lead(
                    change.topic_partition.clone(),
                    Arc::clone(&dir.hosted),
                    self.context.clone(),
                    log,
                    setup,
                    Arc::clone(&change.settings),
                    dir.hosted.saved_times.claim(change.key()),
                );
                dir.hosted.add(&partition);
                if let Some(bytes) = recovered {
                    dir.hosted.note_recovered(match durability(&change.settings) {
                        Durability::Fsync => bytes,
                        Durability::Os => dir.hosted.window().weigh_os(bytes),
                    });
                }
                partition
            }
            Err(OpenError::Fault(fault)) if dir.hosted.survives(&fault) => {
                self.host_unopened(dir, change, &fault)
            }
            Err(error) => {
                if let OpenError::Fault(fault) = &error {
                    dir.hosted.fail(fault);
                }
                self.host_offline(dir, &change, &chain(&error))
            }
        }
    }

    fn host_offline(&self, dir: &Dir, change: &Change, reason: &str) -> Arc<Partition> {
        let topic_partition = &change.topic_partition;
        tracing::error!(%topic_partition, reason, "the replica is offline");
        self.offline(dir, change, reason)
    }

    pub(super) fn offline(&self, dir: &Dir, change: &Change, reason: &str) -> Arc<Partition> {
        Partition::offline(
            change.topic_partition.clone(),
            Arc::clone(&dir.hosted),
            self.context.clone(),
            Arc::from(reason),
        )
    }

    /// The directory a partition lies in or will be made in: where it was found, where the metadata says, else the
    /// least filled one.
    fn place(&self, change: &Change) -> Option<&Arc<Dir>> {
        let is_here = |dir: &&Arc<Dir>| {
            let found = dir.found(&*self.disk, &change.topic_partition);
            found.is_some_and(|found| found.belongs_to(change.topic_id))
        };
        if let Some(dir) = self.dirs.iter().find(is_here) {
            return dir.hosted.fault().is_none().then_some(dir);
        }
        let online = self.dirs.iter().filter(|dir| dir.hosted.fault().is_none());
        match change.metadata.directory(self.node) {
            Some(id) if id != Uuid::ZERO => {
                let mut online = online;
                online.find(|dir| dir.hosted.id() == id)
            }
            Some(_) | None => online.min_by_key(|dir| dir.hosted.partition_count()),
        }
    }

    /// Opens the log that lies in `dir`, or makes it. After an error, what lies there can be found again.
    fn open_log(&self, dir: &Dir, change: &Change) -> Result<Log, OpenError> {
        let topic_partition = &change.topic_partition;
        let setup = LogSetup {
            disk: Arc::clone(&self.disk),
            tail_cache: Arc::clone(&self.tail_cache),
            open_files: Arc::clone(&self.open_files),
            buffers: Arc::clone(&self.buffers),
            dir: dir.hosted.log_dir().partition_path(topic_partition),
            topic_partition: topic_partition.clone(),
            topic_id: change.topic_id,
            config: change.log_config.clone(),
        };
        let found = dir.found.lock().remove(topic_partition);
        let (opened, left) = match found {
            Some(found) if found.belongs_to(change.topic_id) => {
                // After a failure it is not what a clean stop left any more.
                let left = FoundLog { is_clean: false, ..found };
                (self.open_found(dir, change, setup, found), Some(left))
            }
            Some(foreign) => match self.set_aside(&setup.dir) {
                Ok(()) => self.create_log(dir, change, setup),
                Err(fault) => (Err(fault.into()), Some(foreign)),
            },
            None => self.create_log(dir, change, setup),
        };
        if let (Err(_), Some(left)) = (&opened, left) {
            dir.found.lock().insert(topic_partition.clone(), left);
        }
        opened
    }

    /// Makes a new log; if that fails, also says what of it is still there.
    fn create_log(
        &self,
        dir: &Dir,
        change: &Change,
        setup: LogSetup,
    ) -> (Result<Log, OpenError>, Option<FoundLog>) {
        let path = setup.dir.clone();
        // What the checkpoints say of an earlier topic of this name is not true of ours.
        if !dir.hosted.forget(std::slice::from_ref(&change.topic_partition)) {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            let fault = StorageFault::new("clear the checkpoints of", &path, full);
            return (Err(fault.into()), None);
        }
        let is_there = |path: &Path| self.disk.exists(path).unwrap_or(true);
        let was_there = is_there(&path);
        let created = Log::create(setup);
        if was_there || !matches!(created, Err(OpenError::Fault(_))) {
            return (created, None);
        }
        // Half a directory, empty of records, would be taken for the log if the next try is made in another place.
        if let Err(error) = self.disk.remove_dir_all(&path) {
            tracing::debug!(path = %path.display(), %error, "half of a new log is left behind");
        }
        let left = FoundLog { owner: Owner::Topic(change.topic_id), is_clean: false };
        (created, is_there(&path).then_some(left))
    }

    fn open_found(
        &self,
        dir: &Dir,
        change: &Change,
        setup: LogSetup,
        found: FoundLog,
    ) -> Result<Log, OpenError> {
        let topic_partition = &change.topic_partition;
        // Ours compacts below the recovery point only; past it a hole is a loss.
        let is_kafkas = dir.hosted.log_dir().meta().is_none_or(|meta| !meta.is_ours);
        let opening = {
            let checkpoints = dir.hosted.checkpoints.lock();
            let read = |offsets: &BTreeMap<TopicPartition, Offset>| {
                offsets.get(topic_partition).copied().unwrap_or(Offset::ZERO)
            };
            Opening {
                is_clean: found.is_clean,
                // After anything but a clean stop the file may be missing.
                is_topic_known: found.is_clean && matches!(found.owner, Owner::Topic(_)),
                recovery_point: read(&checkpoints.recovery_points),
                log_start_offset: read(&checkpoints.log_starts),
                keep_holes: change.settings.cleanup_policy.compact && is_kafkas,
                now: self.context.clock.now().wall,
            }
        };
        let (log, recovery) = Log::open(setup, opening)?;
        if let Some(truncated) = recovery.truncated {
            tracing::warn!(
                %topic_partition,
                path = %truncated.path.display(),
                position_bytes = truncated.position_bytes,
                log_end_offset = %truncated.log_end_offset,
                dropped_bytes = truncated.dropped_bytes,
                reason = truncated.reason,
                "the unclean stop left a tail that is no whole batch; it was cut off"
            );
        }
        Ok(log)
    }

    /// Renames the directory of another topic of the same name; it is never served and never deleted by us.
    fn set_aside(&self, path: &Path) -> Result<(), StorageFault> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name: String = name.unwrap_or_default().chars().take(STRAY_NAME_CHARS_MAX).collect();
        let to = path.with_file_name(format!("{name}.{:016x}-stray", self.random.next_u64()));
        tracing::warn!(from = %path.display(), to = %to.display(), "set a foreign directory aside");
        let renamed = self.disk.rename(path, &to);
        let synced = renamed.and_then(|()| match path.parent() {
            Some(parent) => self.disk.sync_dir(parent),
            None => Ok(()),
        });
        synced.map_err(|source| StorageFault::new("rename", path, source))
    }

    fn leader_setup(&self, dir: &Dir, change: &Change, log: &Log) -> LeaderSetup {
        let metadata = &change.metadata;
        let high_watermark = {
            let checkpoints = dir.hosted.checkpoints.lock();
            checkpoints.high_watermarks.get(&change.topic_partition).copied()
        };
        LeaderSetup {
            node: self.node,
            epoch: metadata.leader_epoch,
            replicas: metadata.replicas.clone(),
            isr: isr(metadata),
            min_insync_replicas: min_insync_replicas(&change.settings),
            durability: durability(&change.settings),
            log_end: log.log_end_offset(),
            synced_end: log.synced_end_offset(),
            high_watermark: high_watermark.unwrap_or(Offset::ZERO),
            mutant: self.mutant,
        }
    }
}

/// Publishes a topic with what is hosted of it now.
fn register(
    registry: &mut Registry,
    topic: &TopicImage,
    settings: Arc<TopicSettings>,
    hosted: &mut BTreeMap<(Uuid, i32), Option<Arc<Partition>>>,
) {
    let known = registry.by_id.get(&topic.id).cloned();
    let slot = |(number, metadata): (i32, &PartitionImage)| Slot {
        leader: metadata.leader,
        leader_epoch: metadata.leader_epoch,
        partition: hosted
            .remove(&(topic.id, number))
            .unwrap_or_else(|| known.as_ref()?.partition(number).ok().cloned()),
    };
    let slots = topic.numbered().map(slot).collect();
    let topic = Arc::new(HostedTopic {
        name: topic.name.clone(),
        id: topic.id,
        is_internal: topic.is_internal(),
        settings,
        slots,
    });
    registry.by_id.insert(topic.id, Arc::clone(&topic));
    registry.by_name.insert(topic.name.clone(), topic);
}

/// What is to be removed, renamed already.
pub(crate) enum Removal {
    Files(Vec<PathBuf>),
    Directories(Vec<PathBuf>),
}

/// Topics whose partitions or settings may differ from what is hosted.
fn affected_topics(image: &MetadataImage, delta: &MetadataDelta) -> BTreeSet<Uuid> {
    let mut affected = delta.created_topics.clone();
    affected.extend(delta.changed_partitions.iter().map(|(id, _)| *id));
    for resource in &delta.changed_configs {
        match resource {
            ConfigResource::Topic(name) => {
                affected.extend(image.topics().get(name.as_str()).map(|topic| topic.id));
            }
            // Topics inherit from it.
            ConfigResource::Broker(_) | ConfigResource::BrokerDefaults => {
                affected.extend(image.topics().iter().map(|topic| topic.id));
            }
            ConfigResource::Group(_) => {}
        }
    }
    affected
}

fn metadata_change(metadata: &PartitionImage, settings: &TopicSettings) -> MetadataChange {
    MetadataChange {
        epoch: metadata.leader_epoch,
        replicas: metadata.replicas.clone(),
        isr: isr(metadata),
        min_insync_replicas: min_insync_replicas(settings),
        durability: durability(settings),
    }
}

fn isr(metadata: &PartitionImage) -> BTreeSet<NodeId> {
    metadata.isr.iter().copied().collect()
}

fn min_insync_replicas(settings: &TopicSettings) -> usize {
    usize::try_from(settings.min_insync_replicas).unwrap_or(1)
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
