//! The host of consumer groups: one machine for each partition of `__consumer_offsets` that this broker leads.
//!
//! A request goes to the [`Shard`](shard::Shard) of its group: the machine is asked, its records are appended as one batch and
//! replayed at once, and its answers leave when the batch, and all before it, is committed. A shard whose append fails drops its
//! machine and reads the log again.
//!
//! **Invariant:** no answer leaves before every record it may have seen is committed.
//! **Invariant:** the shard is the only writer of its partition.
//!
//! Start at [`Groups::ask`].

mod batch;
mod load;
mod settings;
mod shard;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use highwater_controller::image::ConfigResource;
use highwater_controller::{MetadataDelta, MetadataImage};
use highwater_coordinator::RequestId;
use highwater_coordinator::group::{
    Caller, GroupConfig, GroupCoordinator, GroupOverrides, Input, Topic, Topics, partition_of,
};
use highwater_protocol::Str;
use highwater_records::{Codec, Uuid};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::context::{PeerContext, RequestContext};
use crate::replicas::{HostedTopic, Replicas};
use crate::seams::{Clock, sleep_until};
use crate::tasks::Tasks;
use crate::workers::Workers;

pub(crate) use shard::Unavailable;
use shard::{Reply, Shard};
use timers::Timers;

/// The topic that keeps groups.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// What the groups of a broker are made from.
pub(crate) struct GroupsSetup {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) tasks: Tasks,
    /// Cancelled once every answer has left.
    pub(crate) ending: CancellationToken,
    /// Cancelled when a stop begins: who waits for other clients is answered.
    pub(crate) stopping: CancellationToken,
}

/// All groups that this broker coordinates.
pub(crate) struct Groups {
    shared: Arc<Shared>,
    shards: RwLock<Shards>,
    expiry_interval: Duration,
    stopping: CancellationToken,
}

/// What the shards share.
struct Shared {
    clock: Arc<dyn Clock>,
    workers: Arc<dyn Workers>,
    tasks: Tasks,
    ending: CancellationToken,
    config: Arc<GroupConfig>,
    codec: Codec,
    /// `offsets.commit.timeout.ms`.
    commit_timeout: Duration,
    topics: ArcSwap<Topics>,
    overrides: ArcSwap<BTreeMap<String, GroupOverrides>>,
    timers: Timers,
    request_count: AtomicU64,
    is_stopping: AtomicBool,
}

impl Shared {
    fn next_request(&self) -> RequestId {
        RequestId(self.request_count.fetch_add(1, Ordering::Relaxed))
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }
}

/// The shards of the topic as it is now.
#[derive(Default)]
struct Shards {
    /// Partitions of the topic, here or elsewhere; zero while there is no topic.
    partition_count: i32,
    by_number: BTreeMap<i32, Arc<Shard>>,
}

impl Groups {
    /// Coordinates nothing before [`Groups::apply`].
    pub(crate) fn new(config: &Config, setup: GroupsSetup) -> Arc<Self> {
        let GroupsSetup { clock, workers, tasks, ending, stopping } = setup;
        let duration =
            |key: &str| Duration::from_millis(u64::try_from(config.number(key)).unwrap_or(0));
        let shared = Shared {
            clock,
            workers,
            tasks: tasks.clone(),
            ending,
            config: Arc::new(settings::group_config(config)),
            codec: settings::codec(config),
            commit_timeout: duration("offsets.commit.timeout.ms"),
            topics: ArcSwap::default(),
            overrides: ArcSwap::default(),
            timers: Timers::default(),
            request_count: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
        };
        let groups = Arc::new(Self {
            shared: Arc::new(shared),
            shards: RwLock::default(),
            expiry_interval: duration("offsets.retention.check.interval.ms"),
            stopping,
        });
        tasks.spawn("group-timers", Arc::clone(&groups).work_by_time());
        tasks.spawn("group-stop", Arc::clone(&groups).wait_for_stop());
        groups
    }

    /// Has the machine of a group answer.
    ///
    /// Dropping the future gives the answer up; what the request did stays done.
    /// Errors: the group is not coordinated here, or not yet, or what the answer depends on is not committed.
    pub(crate) async fn ask(
        &self,
        context: &RequestContext,
        group_id: &str,
        input: impl FnOnce(Caller) -> Input,
    ) -> Reply {
        let asked = {
            let shards = self.shards.read();
            let number = partition_of(group_id, shards.partition_count);
            let shard = shards.by_number.get(&number).ok_or(Unavailable::NotCoordinator)?;
            ask_shard(shard, context, input)?
        };
        asked.answer().await
    }

    /// Has every machine answer that is here; those that are not active say why.
    pub(crate) async fn ask_all(
        &self,
        context: &RequestContext,
        input: impl Fn(Caller) -> Input,
    ) -> Vec<Reply> {
        let asked: Vec<_> = {
            let shards = self.shards.read();
            shards.by_number.values().map(|shard| ask_shard(shard, context, &input)).collect()
        };
        let mut replies = Vec::with_capacity(asked.len());
        for asked in asked {
            replies.push(match asked {
                Ok(asked) => asked.answer().await,
                Err(unavailable) => Err(unavailable),
            });
        }
        replies
    }

    /// Shows every machine to `look`; those that are not active say why.
    ///
    /// Each is locked meanwhile, so it must not take long.
    pub(crate) fn look<T>(
        &self,
        mut look: impl FnMut(&GroupCoordinator) -> T,
    ) -> Vec<Result<T, Unavailable>> {
        self.all().iter().map(|shard| shard.look(&mut look)).collect()
    }

    /// The peer has closed a connection: its shards are told. Not for connections that this broker closes.
    pub(crate) fn on_peer_closed(&self, peer: &PeerContext) {
        let numbers = std::mem::take(&mut *peer.group_shards.lock());
        if numbers.is_empty() {
            return;
        }
        let shards = self.shards.read();
        for number in numbers {
            if let Some(shard) = shards.by_number.get(&number) {
                shard.tell(Input::ConnectionClosed { connection: peer.connection });
            }
        }
    }

    // ---- metadata

    /// Follows the metadata, once the replicas have: calls do not overlap and come in the order of commit.
    pub(crate) fn apply(&self, replicas: &Replicas, image: &MetadataImage, delta: &MetadataDelta) {
        let has_groups_changed = delta
            .changed_configs
            .iter()
            .any(|resource| matches!(resource, ConfigResource::Group(_)));
        if has_groups_changed {
            let overrides = Arc::new(settings::overrides(image));
            self.shared.overrides.store(Arc::clone(&overrides));
            self.for_each(|shard| {
                shard.set(|machine| machine.set_group_configs(Arc::clone(&overrides)));
            });
        }
        let have_topics_changed = !delta.created_topics.is_empty()
            || !delta.deleted_topics.is_empty()
            || !delta.changed_partitions.is_empty();
        if !have_topics_changed {
            return;
        }
        let topics = Arc::new(topics(image));
        self.shared.topics.store(Arc::clone(&topics));
        self.for_each(|shard| shard.set(|machine| machine.set_topics(Arc::clone(&topics))));
        let deleted = delta.deleted_topics.values();
        let deleted: Vec<(Str, Uuid)> =
            deleted.map(|topic| (Str::from(topic.name.as_str()), topic.id)).collect();
        if !deleted.is_empty() {
            self.for_each(|shard| shard.tell(Input::TopicsDeleted { topics: deleted.clone() }));
        }
        self.follow_offsets_topic(replicas.topic_by_name(OFFSETS_TOPIC).as_deref());
    }

    /// Starts the shards that are led here now, and ends those that are not.
    fn follow_offsets_topic(&self, topic: Option<&HostedTopic>) {
        let mut shards = self.shards.write();
        let mut before = std::mem::take(&mut shards.by_number);
        let count = topic.map_or(0, HostedTopic::partition_count);
        shards.partition_count = i32::try_from(count).unwrap_or(i32::MAX);
        for partition in topic.into_iter().flat_map(HostedTopic::partitions) {
            let number = partition.topic_partition().partition;
            let Some(epoch) = partition.view().leading().ok().map(|leading| leading.epoch) else {
                continue;
            };
            let is_same = |shard: &Arc<Shard>| {
                Arc::ptr_eq(&shard.partition, partition) && shard.epoch == epoch
            };
            let shard = match before.remove(&number) {
                Some(shard) if is_same(&shard) => shard,
                other => {
                    other.inspect(|shard| shard.resign());
                    Shard::start(number, Arc::clone(partition), epoch, &self.shared)
                }
            };
            shards.by_number.insert(number, shard);
        }
        drop(shards);
        before.into_values().for_each(|shard| shard.resign());
    }

    // ---- time

    async fn work_by_time(self: Arc<Self>) {
        let clock = Arc::clone(&self.shared.clock);
        let mut expiry = clock.monotonic().plus(self.expiry_interval);
        loop {
            let next = self.shared.timers.next().map_or(expiry, |at| at.min(expiry));
            tokio::select! {
                biased;
                () = self.shared.ending.cancelled() => return,
                () = self.shared.timers.earlier() => continue,
                () = sleep_until(&*clock, next) => {}
            }
            let now = clock.monotonic();
            for number in self.shared.timers.take_due(now) {
                let shard = self.shards.read().by_number.get(&number).cloned();
                shard.inspect(|shard| shard.tell(Input::Tick));
            }
            if expiry <= now {
                expiry = now.plus(self.expiry_interval);
                for shard in self.all() {
                    shard.tell(Input::ExpireOffsets);
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    async fn wait_for_stop(self: Arc<Self>) {
        tokio::select! {
            biased;
            () = self.shared.ending.cancelled() => {}
            () = self.stopping.cancelled() => {}
        }
        self.shared.is_stopping.store(true, Ordering::Release);
        self.for_each(Shard::give_up_waiting);
    }

    fn all(&self) -> Vec<Arc<Shard>> {
        self.shards.read().by_number.values().cloned().collect()
    }

    fn for_each(&self, action: impl Fn(&Arc<Shard>)) {
        self.all().iter().for_each(action);
    }
}

fn ask_shard(
    shard: &Arc<Shard>,
    context: &RequestContext,
    input: impl FnOnce(Caller) -> Input,
) -> Result<shard::Asked, Unavailable> {
    context.peer.group_shards.lock().insert(shard.number);
    shard.ask(|request| {
        input(Caller {
            request,
            connection: context.peer.connection,
            version: context.api_version,
            client_id: context.client_id.as_ref().map(Str::detached).unwrap_or_default(),
            client_host: context.peer.host.clone(),
        })
    })
}

/// The topics as the machines know them.
fn topics(image: &MetadataImage) -> Topics {
    Topics::new(image.topics().iter().map(|topic| Topic {
        name: Str::from(topic.name.as_str()),
        id: topic.id,
        partition_count: i32::try_from(topic.numbered().count()).unwrap_or(i32::MAX),
    }))
}
