//! The consumer's face as a member of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use highwater_client::ClientError;
use highwater_records::{ErrorCode, Offset, TopicName, TopicPartition};
use tokio::time::Instant;

use super::drive::{Changes, Group};
use crate::partition::AssignedPartition;
use crate::{ConsumeError, Consumer};

/// How long a commit waits for the epoch that it lacked before it is tried again.
const RENEWAL_WAIT: Duration = Duration::from_millis(100);

impl Consumer {
    /// Reads these topics together with the other members of the group; the partitions come with
    /// the next [`Consumer::poll`]s.
    ///
    /// Everything happens inside of `poll`: a member that does not poll for as long as its session
    /// (45 seconds, unless the group has other settings) is taken for dead, and joins again with
    /// its next `poll`; [`Consumer::keep_alive`] is a `poll` for who has enough to do. Records that
    /// a `poll` returned count as done with the next, which may commit them, unless
    /// [`Consumer::store_offset`] says what is done; after a crash some records come again, and
    /// none is left out.
    ///
    /// Errors: [`ClientError::InvalidArgument`] without `group_id` or without a topic. That the
    /// broker does not know KIP-848, or the group is not of that kind, is told by `poll`.
    pub fn subscribe(
        &mut self,
        topics: impl IntoIterator<Item = TopicName>,
    ) -> Result<(), ConsumeError> {
        let topics: BTreeSet<TopicName> = topics.into_iter().collect();
        let invalid = |text: &str| ClientError::InvalidArgument(text.to_owned()).into();
        if topics.is_empty() {
            return Err(invalid("a subscription needs a topic"));
        }
        if self.group.is_some() {
            return Err(invalid("the consumer has a subscription already"));
        }
        let settings = self.options.group.clone();
        let Some(group_id) = settings.group_id.clone().filter(|id| !id.is_empty()) else {
            return Err(invalid("a subscription needs a group id"));
        };
        self.assign([]);
        let topics = Vec::from_iter(topics);
        let reset = self.options.auto_offset_reset;
        self.group = Some(Group::new(self.client.clone(), group_id, settings, topics, reset));
        self.metadata_need.want();
        Ok(())
    }

    /// What is read now, in order.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    /// Whether the group has told what to read, and all of that is read, as of the last `poll`.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_settled)
    }

    /// Whether the group has had nothing for us to read for some heartbeats: it has as many
    /// members as partitions without us. That ends when another member goes.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.is_settled() && self.group.as_ref().is_some_and(Group::is_left_out)
    }

    /// Says that everything below `offset` is done, where [`ConsumerBuilder::auto_offset_store`] is
    /// off; the next commit says so to the group. A partition that is on its way to another member
    /// is waited for, for some seconds.
    ///
    /// Says whether it counts: it does not if the partition is not ours any more, if less is done
    /// than was stored before, or more than was polled.
    ///
    /// [`ConsumerBuilder::auto_offset_store`]: crate::ConsumerBuilder::auto_offset_store
    pub fn store_offset(&mut self, partition: &TopicPartition, offset: Offset) -> bool {
        let position = self.position(partition);
        self.group.as_mut().is_some_and(|group| group.store(partition, offset, position))
    }

    /// Commits the positions of the group: everything that was polled counts as done, or where the
    /// caller stores offsets itself, what was stored.
    ///
    /// Errors: the group went on without us, or nobody answers; what is polled next may tell more.
    pub async fn commit(&mut self) -> Result<(), ConsumeError> {
        let deadline = self.client.api_deadline();
        let Some(life) = self.group.as_ref().map(Group::life) else { return Ok(()) };
        loop {
            let positions: BTreeMap<TopicPartition, Offset> = self
                .partitions
                .keys()
                .filter_map(|partition| Some((partition.clone(), self.position(partition)?)))
                .collect();
            let Some(group) = &mut self.group else { return Ok(()) };
            let position = |partition: &TopicPartition| positions.get(partition).copied();
            let Err(error) = group.commit(position, deadline).await else { return Ok(()) };
            let may_renew = error.code() == Some(ErrorCode::StaleMemberEpoch);
            if !may_renew || Instant::now() >= deadline || group.life() != life {
                return Err(error.into());
            }
            // The answer to a heartbeat brings the epoch that a commit must have.
            group.hurry(Instant::now());
            self.keep_alive(RENEWAL_WAIT).await?;
            if self.group.as_ref().map(Group::life) != Some(life) {
                return Err(error.into());
            }
        }
    }

    /// Commits, unless that is left to the caller, and leaves the group, so that others go on at
    /// once. Dropping a consumer instead loses nothing, but the group waits for its session.
    ///
    /// Errors: of the commit; the group is left nevertheless.
    pub async fn close(mut self) -> Result<(), ConsumeError> {
        let is_auto = self.group.as_ref().is_some_and(Group::is_auto_commit);
        let committed = if is_auto { self.commit().await } else { Ok(()) };
        let Some(group) = &mut self.group else { return committed };
        if let Err(error) = group.leave().await {
            tracing::debug!(%error, "could not leave the group");
        }
        committed
    }

    /// Does what the group wants done.
    pub(crate) fn change(&mut self, changes: Changes) {
        let Changes { removed, added, needs_metadata } = changes;
        for TopicPartition { topic, partition } in &removed {
            self.ready.retain(|it| it.topic != *topic || it.partition != *partition);
        }
        self.partitions.retain(|partition, _| !removed.contains(partition));
        if !removed.is_empty() {
            // A topic may be gone.
            self.metadata_need.want();
        }
        let retry = self.client.options().retry;
        for (name, to) in added {
            self.assignment_count += 1;
            let generation = self.assignment_count << 32;
            let assigned = AssignedPartition::new(name.clone(), to, generation, retry);
            self.partitions.insert(name, assigned);
            self.metadata_need.want();
        }
        if needs_metadata {
            self.metadata_need.want();
        }
    }
}
