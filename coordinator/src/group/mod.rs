//! The group coordinator: all groups of one partition of `__consumer_offsets`.

mod answer;
mod classic;
mod config;
mod connections;
mod consumer;
mod context;
mod input;
mod offsets;
pub mod records;
mod refusal;
mod timers;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_protocol::Str;
use highwater_records::{Monotonic, Now, Offset};

pub use answer::{
    Answer, ConsumerHeartbeatAnswer, DescribedConsumerGroup, DescribedConsumerMember,
    DescribedGroup, DescribedMember, DescribedTopic, FetchedOffset, FetchedPartition, FetchedTopic,
    GroupSummary, JoinAnswer, JoinedMember, LagSource, ListedGroup, MemberLeft, SyncAnswer,
    TopicResults,
};
pub use config::{GroupConfig, GroupOverrides, MigrationPolicy};
pub use input::{Caller, Input};
pub use records::{GroupRecord, RecordDecodeError};
pub use refusal::Refusal;
pub use topics::{Topic, Topics};

use crate::{Machine, Outcome};
use classic::ClassicGroup;
use connections::Connections;
use consumer::ConsumerGroup;
use context::Context;
use offsets::GroupOffsets;
use timers::{TimerKey, TimerKind, Timers};

/// What one input led to in a group coordinator.
pub type GroupOutcome = Outcome<GroupRecord, Answer>;

/// The partition of `__consumer_offsets` that a group belongs to, of `partition_count` (at least
/// 1): Java's `String.hashCode` over UTF-16, its sign bit cleared, modulo the count.
#[must_use]
pub fn partition_of(group_id: &str, partition_count: i32) -> i32 {
    let hash = group_id
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & i32::MAX) % partition_count.max(1)
}

/// One group: what it is, and its offsets.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: Str,
    pub(crate) kind: GroupKind,
    pub(crate) offsets: GroupOffsets,
    /// Soft: what `handle` prepared for the group to be once its records change its kind; see
    /// [`Group::become_classic`].
    pub(crate) incoming: Option<GroupKind>,
}

/// Kinds of groups; they share one name space.
#[derive(Clone, Debug)]
pub(crate) enum GroupKind {
    /// Classic, or nothing yet.
    Classic(ClassicGroup),
    /// KIP-848.
    Consumer(ConsumerGroup),
}

impl Group {
    fn new(id: Str) -> Self {
        let kind = GroupKind::Classic(ClassicGroup::default());
        Self { id, kind, offsets: GroupOffsets::default(), incoming: None }
    }

    /// Makes this a classic group; called by `replay` when a record says so. Members that wait
    /// and other soft state come from what `handle` left in `incoming`.
    pub(crate) fn become_classic(&mut self) -> &mut ClassicGroup {
        if let GroupKind::Consumer(_) = self.kind {
            let incoming = match self.incoming.take() {
                Some(GroupKind::Classic(group)) => group,
                Some(GroupKind::Consumer(_)) | None => ClassicGroup::default(),
            };
            self.kind = GroupKind::Classic(incoming);
        }
        match &mut self.kind {
            GroupKind::Classic(group) => group,
            GroupKind::Consumer(_) => unreachable!("made classic above"),
        }
    }

    /// Makes this a consumer group; the counterpart of [`Group::become_classic`].
    pub(crate) fn become_consumer(&mut self) -> &mut ConsumerGroup {
        if let GroupKind::Classic(_) = self.kind {
            let incoming = match self.incoming.take() {
                Some(GroupKind::Consumer(group)) => group,
                Some(GroupKind::Classic(_)) | None => ConsumerGroup::default(),
            };
            self.kind = GroupKind::Consumer(incoming);
        }
        match &mut self.kind {
            GroupKind::Consumer(group) => group,
            GroupKind::Classic(_) => unreachable!("made a consumer group above"),
        }
    }

    /// Whether nothing would be lost with it.
    fn is_vacant(&self) -> bool {
        let kind_is_vacant = match &self.kind {
            GroupKind::Classic(group) => group.is_vacant(),
            GroupKind::Consumer(group) => group.is_vacant(),
        };
        kind_is_vacant && self.offsets.is_empty()
    }
}

/// The coordinator of the groups of one partition of `__consumer_offsets`.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {
    config: Arc<GroupConfig>,
    overrides: Arc<BTreeMap<String, GroupOverrides>>,
    topics: Arc<Topics>,
    topics_version: u64,
    groups: BTreeMap<Str, Group>,
    timers: Timers,
    connections: Connections,
}

impl GroupCoordinator {
    /// A coordinator without groups; the host replays the log into it and says
    /// [`GroupCoordinator::on_loaded`].
    #[must_use]
    pub fn new(config: Arc<GroupConfig>) -> Self {
        Self {
            config,
            overrides: Arc::default(),
            topics: Arc::default(),
            topics_version: 0,
            groups: BTreeMap::new(),
            timers: Timers::default(),
            connections: Connections::default(),
        }
    }

    /// Takes the settings of the broker as they are now.
    pub fn set_config(&mut self, config: Arc<GroupConfig>) {
        self.config = config;
    }

    /// Takes the topics as they are now; to be called after every metadata change.
    pub fn set_topics(&mut self, topics: Arc<Topics>) {
        self.topics = topics;
        self.topics_version += 1;
    }

    /// Takes the settings of single groups (config resource type 32), by group id.
    pub fn set_group_configs(&mut self, overrides: Arc<BTreeMap<String, GroupOverrides>>) {
        self.overrides = overrides;
    }

    /// The whole log was replayed: sessions start now.
    #[must_use]
    pub fn on_loaded(&mut self, now: Now) -> GroupOutcome {
        let mut outcome = GroupOutcome::default();
        let ids: Vec<Str> = self.groups.keys().cloned().collect();
        for id in ids {
            self.with_group(now, &id, &mut outcome, |cx, group| match &mut group.kind {
                GroupKind::Classic(_) => {}
                GroupKind::Consumer(_) => consumer::on_loaded(cx, group),
            });
        }
        outcome
    }

    /// All groups, by id.
    pub fn groups(&self) -> impl Iterator<Item = GroupSummary<'_>> {
        self.groups.values().map(|group| {
            let (group_type, state, member_count) = match &group.kind {
                GroupKind::Classic(_) => ("classic", "Empty", 0),
                GroupKind::Consumer(group) => ("consumer", group.state(), group.member_count()),
            };
            GroupSummary { group_id: &group.id, group_type, state, member_count, offset_count: 0 }
        })
    }

    /// All committed offsets, by group, topic and partition.
    pub fn lag_sources(&self) -> impl Iterator<Item = LagSource<'_>> {
        std::iter::empty()
    }

    /// Calls `f` with the group, made if there is none and dropped again if it stays vacant.
    fn with_group<R>(
        &mut self,
        now: Now,
        id: &Str,
        outcome: &mut GroupOutcome,
        f: impl FnOnce(&mut Context<'_>, &mut Group) -> R,
    ) -> R {
        if !self.groups.contains_key(id) {
            let id = id.detached();
            self.groups.insert(id.clone(), Group::new(id));
        }
        let group = self.groups.get_mut(id).expect("made above");
        let mut cx = Context {
            now,
            config: &self.config,
            overrides: &self.overrides,
            topics: &self.topics,
            topics_version: self.topics_version,
            timers: &mut self.timers,
            connections: &mut self.connections,
            outcome,
        };
        let result = f(&mut cx, group);
        // A vacant group whose record is on its way comes back with the replay of it.
        if group.is_vacant() {
            self.groups.remove(id);
        }
        result
    }

    fn on_timer(&mut self, now: Now, key: &TimerKey, outcome: &mut GroupOutcome) {
        let TimerKey { group, kind, member } = key;
        self.with_group(now, group, outcome, |cx, group| match kind {
            TimerKind::Join | TimerKind::Sync | TimerKind::Session | TimerKind::Pending => {
                if let GroupKind::Classic(group) = &mut group.kind {
                    group.on_timer(cx, *kind, member);
                }
            }
            TimerKind::ConsumerSession
            | TimerKind::ConsumerRebalance
            | TimerKind::ConsumerJoin
            | TimerKind::ConsumerSync
            | TimerKind::ConsumerAssign
            | TimerKind::ConsumerRegex => consumer::on_timer(cx, group, *kind, member),
        });
    }
}

impl Machine for GroupCoordinator {
    type Input = Input;
    type Record = GroupRecord;
    type Answer = Answer;

    fn handle(&mut self, now: Now, input: Input) -> GroupOutcome {
        let mut outcome = GroupOutcome::default();
        match input {
            Input::ConsumerHeartbeat { caller, request, uuid } => {
                let id = request.group_id.clone();
                self.with_group(now, &id, &mut outcome, |cx, group| {
                    consumer::heartbeat(cx, group, &caller, request, uuid);
                });
            }
            Input::Tick => {
                while let Some(key) = self.timers.pop_due(now.monotonic) {
                    self.on_timer(now, &key, &mut outcome);
                }
            }
            Input::Join { .. }
            | Input::Sync { .. }
            | Input::Heartbeat { .. }
            | Input::Leave { .. }
            | Input::CommitOffsets { .. }
            | Input::CommitTxnOffsets { .. }
            | Input::FetchOffsets { .. }
            | Input::DeleteOffsets { .. }
            | Input::DeleteGroup { .. }
            | Input::ListGroups { .. }
            | Input::DescribeGroup { .. }
            | Input::DescribeConsumerGroup { .. }
            | Input::TopicsDeleted { .. }
            | Input::ConnectionClosed { .. }
            | Input::ExpireOffsets => {}
        }
        outcome
    }

    fn replay(&mut self, offset: Offset, record: &GroupRecord) {
        let Some(id) = record.group_id() else { return };
        if !self.groups.contains_key(id) {
            let id = id.detached();
            self.groups.insert(id.clone(), Group::new(id));
        }
        let group = self.groups.get_mut(id).expect("made above");
        match record {
            GroupRecord::Offset(_)
            | GroupRecord::TxnOffset { .. }
            | GroupRecord::TxnEnd { .. }
            | GroupRecord::ClassicGroup { .. } => {}
            GroupRecord::ConsumerGroup { .. }
            | GroupRecord::ConsumerPartitions { .. }
            | GroupRecord::ConsumerMember { .. }
            | GroupRecord::TargetAssignment { .. }
            | GroupRecord::TargetMember { .. }
            | GroupRecord::CurrentAssignment { .. }
            | GroupRecord::RegularExpression { .. } => consumer::replay(group, offset, record),
        }
        if group.is_vacant() {
            self.groups.remove(id);
        }
    }

    fn next_deadline(&self) -> Option<Monotonic> {
        self.timers.next()
    }
}
