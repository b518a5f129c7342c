//! What a member does: heartbeats, taking partitions in and giving them up, commits.
//!
//! Like everything else here it happens inside of `poll`, as events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use highwater_client::retry::{Backoff, Need, RetryPolicy};
use highwater_client::{Client, ClientError, ClusterMetadata, Connection, Coordinator, Lane};
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatResponse;
use highwater_records::{ErrorCode, Offset, TopicName, TopicPartition};
use tokio::time::Instant;

use super::GroupSettings;
use super::commits::{Offsets, commit, commit_request, fetch, fetch_request};
use super::consumer::{Heard, Membership, PartitionId, Step};
use crate::{ConsumeError, OffsetReset, SeekTo};

/// How long a partition that is given up is kept for the sake of its commit.
const LAST_COMMIT_MAX: Duration = Duration::from_secs(10);
/// How long it is kept before that, until all that was polled of it is stored; then the rest is
/// left to the next member.
const LAST_STORE_MAX: Duration = Duration::from_secs(10);
/// After so many attempts in vain to find the coordinator it is time to say so.
const FINDING_COUNT_TOLD: u32 = 10;

/// What a consumer is told by its group.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    Coordinator(Result<Coordinator, ClientError>),
    Heartbeat(Result<ConsumerGroupHeartbeatResponse, ClientError>),
    Committed { life: u64, offsets: Offsets, result: Result<(), ClientError>, is_last: bool },
    Fetched { life: u64, result: Result<Offsets, ClientError> },
}

/// What the consumer is to do about its partitions.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) removed: Vec<TopicPartition>,
    pub(crate) added: Vec<(TopicPartition, SeekTo)>,
    pub(crate) needs_metadata: bool,
}

/// A consumer's part in its group.
#[derive(Debug)]
pub(crate) struct Group {
    client: Client,
    member: Membership,
    reset: OffsetReset,
    connection: Option<Connection>,
    finding: Need,
    backoff: Backoff,
    moving: Option<Moving>,
    /// Nothing is moved before this.
    not_before: Option<Instant>,
    committed: Offsets,
    /// What is done, where the caller says so.
    stored: Offsets,
    is_committing: bool,
    next_commit: Instant,
    /// Topics that are not there, and of which that was said.
    missing: BTreeSet<TopicName>,
    /// Answers to what was asked in a former life are not ours.
    life: u64,
    error: Option<ConsumeError>,
    is_refused: bool,
}

/// Partitions on their way out or in.
#[derive(Debug)]
enum Moving {
    /// First all up to `due` is waited for, then its commit.
    Out {
        ids: BTreeSet<PartitionId>,
        due: Offsets,
        until: Instant,
        stage: Stage,
    },
    In {
        named: BTreeMap<PartitionId, TopicPartition>,
    },
}

/// How far partitions are on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Storing,
    ToCommit,
    Committing,
}

impl Group {
    pub(crate) fn new(
        client: Client,
        group_id: String,
        settings: GroupSettings,
        topics: Vec<TopicName>,
        reset: OffsetReset,
    ) -> Self {
        let retry: RetryPolicy = client.options().retry;
        let next_commit = Instant::now() + settings.auto_commit.unwrap_or_default();
        Self {
            client,
            member: Membership::new(group_id, settings, topics),
            reset,
            connection: None,
            finding: Need::new(retry),
            backoff: Backoff::new(retry),
            moving: None,
            not_before: None,
            committed: Offsets::new(),
            stored: Offsets::new(),
            is_committing: false,
            next_commit,
            missing: BTreeSet::new(),
            life: 0,
            error: None,
            is_refused: false,
        }
    }

    pub(crate) fn topics(&self) -> &[TopicName] {
        self.member.topics()
    }

    /// What went wrong, told once.
    pub(crate) fn take_error(&mut self) -> Option<ConsumeError> {
        self.error.take()
    }

    /// Whether we are in the group and read all that we were told to.
    pub(crate) fn is_settled(&self) -> bool {
        self.member.epoch() > 0 && self.moving.is_none() && self.member.next_step().is_none()
    }

    pub(crate) fn is_left_out(&self) -> bool {
        self.member.is_left_out()
    }

    /// Changes when the group went on without us.
    pub(crate) fn life(&self) -> u64 {
        self.life
    }

    /// Lets the next heartbeat be sent at once.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.member.hurry(now);
    }

    /// Notes what is done; says whether it counts.
    pub(crate) fn store(
        &mut self,
        partition: &TopicPartition,
        offset: Offset,
        position: Option<Offset>,
    ) -> bool {
        let is_ours = self.member.owned().values().any(|it| it == partition);
        let Some(polled) = position.or(self.due(partition)) else { return false };
        // What was stored above counts no more: the log was truncated.
        let stored = self.stored.get(partition).filter(|stored| **stored <= polled);
        let is_more = stored.is_none_or(|stored| offset > *stored);
        // What is above was polled when the partition was ours before.
        let counts = is_ours && offset <= polled && is_more;
        if counts {
            self.stored.insert(partition.clone(), offset);
        }
        counts
    }

    /// The caller reads on elsewhere: what is done there is to be said anew.
    pub(crate) fn forget_stored(&mut self, partition: &TopicPartition) {
        self.stored.remove(partition);
    }

    /// Says once of each topic that it is not there.
    pub(crate) fn on_metadata(&mut self, metadata: &ClusterMetadata) {
        for name in self.member.topics() {
            let known = metadata.topics.get(name);
            let is_there =
                known.is_some_and(|topic| topic.error != ErrorCode::UnknownTopicOrPartition);
            if is_there {
                self.missing.remove(name);
            } else if self.missing.insert(name.clone()) {
                tracing::warn!(topic = %name, "there is no such topic, waiting for it");
            }
        }
    }

    /// Something of a topic was read: it is there.
    pub(crate) fn on_read(&mut self, topic: &TopicName) {
        self.missing.remove(topic);
    }

    /// Sends what is due; `position` is where each partition stands, for what was polled before.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        position: impl Fn(&TopicPartition) -> Option<Offset>,
        events: &mut Vec<BoxFuture<'static, GroupEvent>>,
    ) -> Changes {
        let mut changes = Changes::default();
        if self.is_refused {
            return changes;
        }
        let open = self.connection.as_ref().filter(|connection| !connection.is_closed());
        let Some(connection) = open.cloned() else {
            self.connection = None;
            self.finding.want();
            if self.finding.start(now) {
                let (client, group) = (self.client.clone(), self.member.group_id().to_owned());
                let found = async move {
                    GroupEvent::Coordinator(client.coordinator(&group, Lane::Group).await)
                };
                events.push(found.boxed());
            }
            return changes;
        };
        self.start_moving(now, &position, &connection, events, &mut changes);
        self.start_commit(now, &position, &connection, events);
        if let Some(request) = self.member.heartbeat(now) {
            let connection = connection.clone();
            let heard = async move { GroupEvent::Heartbeat(connection.request(&request).await) };
            events.push(heard.boxed());
        }
        changes
    }

    /// When to look again if nothing happens before.
    pub(crate) fn wake(&self, now: Instant) -> Option<Instant> {
        if self.is_refused {
            return None;
        }
        if self.connection.is_none() {
            return self.finding.waits_until(now);
        }
        let is_member = self.member.epoch() > 0;
        let commit = self.member.settings().auto_commit.filter(|_| is_member);
        let commit = commit.filter(|_| !self.is_committing).map(|_| self.next_commit);
        let not_before = self.not_before.filter(|not_before| *not_before > now);
        let stored = match &self.moving {
            Some(Moving::Out { until, stage: Stage::Storing, .. }) => Some(*until),
            _ => None,
        };
        [self.member.next_heartbeat(), commit, not_before, stored].into_iter().flatten().min()
    }

    fn start_moving(
        &mut self,
        now: Instant,
        position: &impl Fn(&TopicPartition) -> Option<Offset>,
        connection: &Connection,
        events: &mut Vec<BoxFuture<'static, GroupEvent>>,
        changes: &mut Changes,
    ) {
        if self.not_before.is_some_and(|not_before| not_before > now) {
            return;
        }
        if self.moving.is_none() {
            match self.member.next_step() {
                Some(Step::GiveUp(ids)) => {
                    let names = ids.iter().filter_map(|id| self.member.owned().get(id));
                    let names: Vec<_> = names.cloned().collect();
                    let due = names.iter().filter_map(|it| Some((it.clone(), position(it)?)));
                    let due = due.collect();
                    changes.removed = names;
                    let until = now + LAST_STORE_MAX;
                    self.moving = Some(Moving::Out { ids, due, until, stage: Stage::Storing });
                }
                Some(Step::TakeIn(ids)) => self.take_in(&ids, connection, events, changes),
                None => return,
            }
        }
        self.move_out(now, connection, events);
    }

    /// Lets go of partitions once what is done of them is committed.
    fn move_out(
        &mut self,
        now: Instant,
        connection: &Connection,
        events: &mut Vec<BoxFuture<'static, GroupEvent>>,
    ) {
        let settings = self.member.settings();
        let (does_commit, stores) = (settings.auto_commit.is_some(), settings.auto_offset_store);
        let Some(Moving::Out { due, until, stage, .. }) = &mut self.moving else { return };
        if *stage == Stage::Storing {
            let is_stored = |(it, due): (&TopicPartition, &Offset)| {
                let is_gone = self.missing.contains(&it.topic);
                is_gone || self.stored.get(it).is_some_and(|stored| stored >= due)
            };
            if does_commit && !stores && now < *until && !due.iter().all(is_stored) {
                return;
            }
            *stage = Stage::ToCommit;
            *until = now + LAST_COMMIT_MAX;
        }
        if *stage == Stage::ToCommit {
            let due = due.clone();
            let offsets = self.uncommitted(due.keys(), &|_| None);
            if !does_commit || offsets.is_empty() {
                self.end_moving_out(now);
                return;
            }
            events.push(self.committing(connection, offsets, true));
            if let Some(Moving::Out { stage, .. }) = &mut self.moving {
                *stage = Stage::Committing;
            }
        }
    }

    fn take_in(
        &mut self,
        ids: &BTreeSet<PartitionId>,
        connection: &Connection,
        events: &mut Vec<BoxFuture<'static, GroupEvent>>,
        changes: &mut Changes,
    ) {
        let metadata = self.client.metadata();
        let mut named = BTreeMap::new();
        for name in self.member.topics() {
            let Some(topic) = metadata.topics.get(name) else { continue };
            let of_topic = ids.iter().filter(|(id, _)| *id == topic.id);
            named.extend(of_topic.map(|id| (*id, TopicPartition::new(name.clone(), id.1))));
        }
        // A topic may be newer than what we know.
        changes.needs_metadata = named.len() < ids.len();
        if named.is_empty() {
            return;
        }
        let request = fetch_request(&self.member, named.values());
        let (connection, life) = (connection.clone(), self.life);
        let timeout = self.client.request_timeout();
        let fetched = async move {
            let result = fetch(&connection, &request, timeout).await;
            GroupEvent::Fetched { life, result }
        };
        events.push(fetched.boxed());
        self.moving = Some(Moving::In { named });
    }

    fn start_commit(
        &mut self,
        now: Instant,
        position: &impl Fn(&TopicPartition) -> Option<Offset>,
        connection: &Connection,
        events: &mut Vec<BoxFuture<'static, GroupEvent>>,
    ) {
        let Some(interval) = self.member.settings().auto_commit else { return };
        if self.is_committing || self.member.epoch() <= 0 || self.next_commit > now {
            return;
        }
        self.next_commit = now + interval;
        let offsets = self.uncommitted(self.member.owned().values(), position);
        if !offsets.is_empty() {
            self.is_committing = true;
            events.push(self.committing(connection, offsets, false));
        }
    }

    fn committing(
        &self,
        connection: &Connection,
        offsets: Offsets,
        is_last: bool,
    ) -> BoxFuture<'static, GroupEvent> {
        let request = commit_request(&self.member, &offsets);
        let (connection, life) = (connection.clone(), self.life);
        let timeout = self.client.request_timeout();
        let committed = async move {
            let result = commit(&connection, &request, timeout).await;
            GroupEvent::Committed { life, offsets, result, is_last }
        };
        committed.boxed()
    }

    fn uncommitted<'a>(
        &self,
        partitions: impl Iterator<Item = &'a TopicPartition>,
        position: &impl Fn(&TopicPartition) -> Option<Offset>,
    ) -> Offsets {
        // A topic that is gone has no place for a commit.
        let partitions = partitions.filter(|it| !self.missing.contains(&it.topic));
        let done = partitions.filter_map(|it| Some((it.clone(), self.done(it, position)?)));
        done.filter(|(it, offset)| self.committed.get(it) != Some(offset)).collect()
    }

    /// Up to where a partition is done with.
    fn done(
        &self,
        partition: &TopicPartition,
        position: &impl Fn(&TopicPartition) -> Option<Offset>,
    ) -> Option<Offset> {
        if self.member.settings().auto_offset_store {
            position(partition).or(self.due(partition))
        } else {
            self.stored.get(partition).copied()
        }
    }

    /// Where a partition stood that is on its way out.
    fn due(&self, partition: &TopicPartition) -> Option<Offset> {
        match &self.moving {
            Some(Moving::Out { due, .. }) => due.get(partition).copied(),
            Some(Moving::In { .. }) | None => None,
        }
    }

    pub(crate) fn on_event(&mut self, event: GroupEvent) -> Changes {
        let now = Instant::now();
        let mut changes = Changes::default();
        match event {
            GroupEvent::Coordinator(Ok(found)) => {
                self.finding.on_got();
                self.connection = Some(found.connection);
            }
            GroupEvent::Coordinator(Err(error)) => {
                self.finding.on_failed();
                let count = self.finding.failure_count();
                let is_gone = count == 1 && error.code().is_none();
                if !may_pass(&error) {
                    self.refuse(error);
                } else if is_gone || count == FINDING_COUNT_TOLD {
                    tracing::warn!(%error, "no coordinator of the group, trying again");
                } else {
                    tracing::debug!(%error, "no coordinator");
                }
            }
            GroupEvent::Heartbeat(result) => self.on_heartbeat(result, now, &mut changes),
            GroupEvent::Committed { life, offsets, result, is_last } => {
                self.is_committing &= is_last;
                if life == self.life {
                    self.on_committed(offsets, result, is_last, now, &mut changes);
                }
            }
            GroupEvent::Fetched { life, result } => {
                if life == self.life {
                    self.on_fetched(result, now, &mut changes);
                }
            }
        }
        changes
    }

    fn on_heartbeat(
        &mut self,
        result: Result<ConsumerGroupHeartbeatResponse, ClientError>,
        now: Instant,
        changes: &mut Changes,
    ) {
        let response = match result {
            Ok(response) => response,
            Err(error) if !may_pass(&error) => return self.refuse(error),
            Err(error) => {
                tracing::debug!(%error, "a heartbeat failed");
                self.connection = None;
                return self.member.try_again(now, Duration::ZERO);
            }
        };
        let message = response.error_message.as_ref().map(|message| message.to_string());
        match self.member.on_answer(response, now) {
            Heard::Welcome => self.backoff.reset(),
            Heard::Fenced => self.on_fenced(now, changes),
            Heard::WrongCoordinator => {
                self.connection = None;
                self.member.try_again(now, Duration::ZERO);
            }
            Heard::Later => self.member.try_again(now, self.backoff.next_wait()),
            Heard::Refused(code) => self.refuse(ClientError::Refused {
                operation: format!("being a member of group {}", self.member.group_id()),
                address: "the coordinator".into(),
                code,
                message,
            }),
        }
    }

    /// Others may read our partitions already: nothing of what we have counts any more.
    fn on_fenced(&mut self, now: Instant, changes: &mut Changes) {
        tracing::warn!(
            group = self.member.group_id(),
            "the group went on without us, joining anew"
        );
        changes.removed.extend(self.member.owned().values().cloned());
        self.life += 1;
        self.moving = None;
        self.not_before = None;
        self.committed.clear();
        self.stored.clear();
        self.is_committing = false;
        self.member.rejoin(now);
    }

    fn on_committed(
        &mut self,
        offsets: Offsets,
        result: Result<(), ClientError>,
        is_last: bool,
        now: Instant,
        changes: &mut Changes,
    ) {
        match result {
            Ok(()) => {
                self.committed.extend(offsets);
                if is_last {
                    self.end_moving_out(now);
                }
            }
            Err(error) => {
                let is_fenced = matches!(
                    error.code(),
                    Some(ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch)
                );
                if is_fenced {
                    return self.on_fenced(now, changes);
                }
                if may_succeed(&error) {
                    tracing::debug!(%error, "a commit failed");
                } else {
                    tracing::warn!(%error, "a commit failed");
                }
                self.note_failure(&error);
                if is_last {
                    self.try_last_commit_again(error, now);
                }
            }
        }
    }

    fn try_last_commit_again(&mut self, error: ClientError, now: Instant) {
        let Some(Moving::Out { until, stage, .. }) = &mut self.moving else { return };
        if now < *until && may_succeed(&error) {
            *stage = Stage::ToCommit;
            self.not_before = Some(now + self.backoff.next_wait());
        } else {
            tracing::warn!(%error, "partitions are given up without a commit: records repeat");
            self.end_moving_out(now);
        }
    }

    fn end_moving_out(&mut self, now: Instant) {
        let Some(Moving::Out { ids, .. }) = self.moving.take() else { return };
        for id in &ids {
            if let Some(name) = self.member.owned().get(id) {
                self.committed.remove(name);
                self.stored.remove(name);
            }
        }
        self.member.on_given_up(&ids, now);
    }

    fn on_fetched(
        &mut self,
        result: Result<Offsets, ClientError>,
        now: Instant,
        changes: &mut Changes,
    ) {
        let Some(Moving::In { named }) = self.moving.take() else { return };
        let offsets = match result {
            Ok(offsets) => offsets,
            Err(error) => {
                tracing::debug!(%error, "committed offsets are not known");
                self.note_failure(&error);
                self.not_before = Some(now + self.backoff.next_wait());
                if !may_succeed(&error) && error.code() != Some(ErrorCode::UnknownMemberId) {
                    self.error = Some(told(error));
                }
                return;
            }
        };
        for name in self.member.on_taken_in(named, now) {
            let to = match (offsets.get(&name), self.reset) {
                (Some(offset), _) => {
                    self.committed.insert(name.clone(), *offset);
                    self.stored.insert(name.clone(), *offset);
                    SeekTo::Offset(*offset)
                }
                (None, OffsetReset::Earliest) => SeekTo::Earliest,
                (None, OffsetReset::Latest) => SeekTo::Latest,
                (None, OffsetReset::None) => {
                    self.error = Some(ConsumeError::NoCommittedOffset { partition: name });
                    continue;
                }
            };
            changes.added.push((name, to));
        }
    }

    fn note_failure(&mut self, error: &ClientError) {
        let moved = [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable];
        let is_moved = error.code().is_some_and(|code| moved.contains(&code));
        if is_moved || matches!(error, ClientError::Connection(_)) {
            self.connection = None;
        }
    }

    /// There is no way into the group; said once, and after that nothing is tried.
    fn refuse(&mut self, error: ClientError) {
        self.is_refused = true;
        self.error = Some(told(error));
    }

    /// Commits what is done, and waits for the answer.
    pub(crate) async fn commit(
        &mut self,
        position: impl Fn(&TopicPartition) -> Option<Offset>,
        deadline: Instant,
    ) -> Result<(), ClientError> {
        let offsets = self.uncommitted(self.member.owned().values(), &position);
        if offsets.is_empty() {
            return Ok(());
        }
        let request = commit_request(&self.member, &offsets);
        let (client, group) = (&self.client, self.member.group_id());
        let operation = || format!("committing offsets of group {group}");
        let attempt = |_| async {
            let coordinator = client.coordinator(group, Lane::Group).await?;
            commit(&coordinator.connection, &request, client.request_timeout()).await
        };
        client.retry_until(deadline, operation, attempt).await?;
        self.committed.extend(offsets);
        Ok(())
    }

    /// Tells the group that we go, so that it need not wait for our session to end.
    pub(crate) async fn leave(&mut self) -> Result<(), ClientError> {
        if !self.member.may_be_known() || self.is_refused {
            return Ok(());
        }
        let coordinator = self.client.coordinator(self.member.group_id(), Lane::Group).await?;
        coordinator.connection.request(&self.member.farewell()).await?;
        Ok(())
    }

    /// Whether positions are committed without being asked to.
    pub(crate) fn is_auto_commit(&self) -> bool {
        self.member.settings().auto_commit.is_some()
    }
}

/// Whether the same may be tried again. A stale epoch is renewed by the next heartbeat.
fn may_succeed(error: &ClientError) -> bool {
    may_pass(error) || error.code() == Some(ErrorCode::StaleMemberEpoch)
}

/// Whether an error may be gone by itself the next time.
fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { code, .. } => code.is_retriable(),
        ClientError::Connection(_)
        | ClientError::NoBroker { .. }
        | ClientError::TimedOut { .. } => true,
        _ => false,
    }
}

/// The error as the caller is told it.
fn told(error: ClientError) -> ConsumeError {
    let is_older = matches!(error, ClientError::UnsupportedVersion { .. })
        || error.code() == Some(ErrorCode::UnsupportedVersion);
    match is_older {
        true => ConsumeError::NoConsumerGroups { source: error },
        false => error.into(),
    }
}
