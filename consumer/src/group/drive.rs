//! What a member does: heartbeats, taking partitions in and giving them up, commits.
//!
//! Like everything else here it happens inside of `poll`, as events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use highwater_client::retry::{Backoff, Need, RetryPolicy};
use highwater_client::{Client, ClientError, Connection, Coordinator, Lane};
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatResponse;
use highwater_records::{ErrorCode, Offset, TopicName, TopicPartition};
use tokio::time::Instant;

use super::GroupSettings;
use super::commits::{Offsets, commit, commit_request, fetch, fetch_request};
use super::consumer::{Heard, Membership, PartitionId, Step};
use crate::{ConsumeError, OffsetReset, SeekTo};

/// How long a partition that is given up is kept for the sake of its commit.
const LAST_COMMIT_MAX: Duration = Duration::from_secs(10);

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
    is_committing: bool,
    next_commit: Instant,
    /// Answers to what was asked in a former life are not ours.
    life: u64,
    error: Option<ConsumeError>,
    is_refused: bool,
}

/// Partitions on their way out or in.
#[derive(Debug)]
enum Moving {
    Out { ids: BTreeSet<PartitionId>, offsets: Offsets, until: Instant, is_asked: bool },
    In { named: BTreeMap<PartitionId, TopicPartition> },
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
            is_committing: false,
            next_commit,
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
        [self.member.next_heartbeat(), commit, not_before].into_iter().flatten().min()
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
                    let offsets = self.uncommitted(names.iter(), position);
                    changes.removed = names;
                    let until = now + LAST_COMMIT_MAX;
                    self.moving = Some(Moving::Out { ids, offsets, until, is_asked: false });
                }
                Some(Step::TakeIn(ids)) => self.take_in(&ids, connection, events, changes),
                None => return,
            }
        }
        let does_commit = self.member.settings().auto_commit.is_some();
        if let Some(Moving::Out { offsets, is_asked, .. }) = &mut self.moving
            && !*is_asked
        {
            if !does_commit || offsets.is_empty() {
                self.end_moving_out(now);
            } else {
                *is_asked = true;
                let offsets = offsets.clone();
                events.push(self.committing(connection, offsets, true));
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
        let positions = partitions.filter_map(|it| Some((it.clone(), position(it)?)));
        positions.filter(|(it, offset)| self.committed.get(it) != Some(offset)).collect()
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
                tracing::debug!(%error, "no coordinator");
                self.finding.on_failed();
                let is_refusal = matches!(error, ClientError::Refused { .. });
                if is_refusal && !error.code().is_some_and(ErrorCode::is_retriable) {
                    self.refuse(error);
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
            Err(error @ ClientError::UnsupportedVersion { .. }) => return self.refuse(error),
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
        let Some(Moving::Out { until, is_asked, .. }) = &mut self.moving else { return };
        if now < *until && may_succeed(&error) {
            *is_asked = false;
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
                    self.error = Some(error.into());
                }
                return;
            }
        };
        for name in self.member.on_taken_in(named, now) {
            let to = match (offsets.get(&name), self.reset) {
                (Some(offset), _) => {
                    self.committed.insert(name.clone(), *offset);
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
        self.error = Some(error.into());
    }

    /// Commits where everything stands, and waits for the answer.
    pub(crate) async fn commit(
        &mut self,
        position: impl Fn(&TopicPartition) -> Option<Offset>,
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
        client.retry_until(client.api_deadline(), operation, attempt).await?;
        self.committed.extend(offsets);
        Ok(())
    }

    /// Tells the group that we go, so that it need not wait for our session to end.
    pub(crate) async fn leave(&mut self) -> Result<(), ClientError> {
        if self.member.epoch() <= 0 || self.is_refused {
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
    match error {
        ClientError::Refused { code, .. } => {
            code.is_retriable() || *code == ErrorCode::StaleMemberEpoch
        }
        ClientError::UnsupportedVersion { .. } | ClientError::Encode { .. } => false,
        _ => true,
    }
}
