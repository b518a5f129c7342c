//! OffsetFetch and OffsetDelete.
//!
//! Differs from Kafka: a partition that OffsetFetch names twice for a group is answered once.

use std::collections::BTreeSet;

use highwater_protocol::Str;
use highwater_protocol::messages::offset_delete::OffsetDeleteRequest;
use highwater_protocol::messages::offset_fetch::{RequestGroup, RequestGroupTopic};
use highwater_records::Uuid;

use super::answer::{FetchedOffset, FetchedPartition, FetchedTopic, TopicResults};
use super::context::Context;
use super::input::Caller;
use super::offsets::{Committed, tombstone};
use super::topics::Topics;
use super::{Group, GroupKind, GroupRecord, Refusal};

/// First version of OffsetFetch that names topics by id; the zero id is one that nobody knows.
const TOPIC_ID_VERSION: i16 = 10;

/// Reads offsets; nothing is known of a group that nobody has.
pub(crate) fn fetch_offsets(
    topics: &Topics,
    group: Option<&Group>,
    caller: &Caller,
    request: &RequestGroup,
    require_stable: bool,
) -> Result<Vec<FetchedTopic>, Refusal> {
    if let Some(Group { kind: GroupKind::Consumer(consumer), .. }) = group {
        consumer.check_fetch(request.member_id.as_ref(), request.member_epoch)?;
    }
    let has_names = caller.version < TOPIC_ID_VERSION;
    let fetch = Fetch { topics, group, require_stable, has_names };
    Ok(match &request.topics {
        Some(asked) => {
            let mut seen = BTreeSet::new();
            asked.iter().map(|topic| fetch.topic(topic, &mut seen)).collect()
        }
        None => fetch.all(),
    })
}

struct Fetch<'a> {
    topics: &'a Topics,
    group: Option<&'a Group>,
    require_stable: bool,
    /// Whether topics are asked for by name.
    has_names: bool,
}

/// A partition as it was asked for: by name or by id.
type Asked<'a> = (&'a Str, Uuid, i32);

impl Fetch<'_> {
    fn topic<'a>(
        &self,
        asked: &'a RequestGroupTopic,
        seen: &mut BTreeSet<Asked<'a>>,
    ) -> FetchedTopic {
        let known = if self.has_names {
            self.topics.by_name(&asked.name)
        } else {
            self.topics.by_id(asked.topic_id)
        };
        let indexes = asked.partition_indexes.iter().copied();
        let indexes =
            indexes.filter(|partition| seen.insert((&asked.name, asked.topic_id, *partition)));
        if known.is_none() && !self.has_names {
            let partitions = indexes.map(|partition| FetchedPartition {
                partition,
                result: Err(Refusal::UnknownTopicId),
            });
            return FetchedTopic {
                name: asked.name.clone(),
                topic_id: asked.topic_id,
                partitions: partitions.collect(),
            };
        }
        let (name, topic_id) = match known {
            Some(known) => (known.name.clone(), known.id),
            None => (asked.name.clone(), Uuid::ZERO),
        };
        let partitions = indexes.map(|partition| FetchedPartition {
            partition,
            result: self.partition(&name, topic_id, partition),
        });
        FetchedTopic { partitions: partitions.collect(), name, topic_id }
    }

    fn all(&self) -> Vec<FetchedTopic> {
        let Some(group) = self.group else { return Vec::new() };
        let topics = group.offsets.topics().filter_map(|name| {
            let topic_id = self.topics.by_name(name).map(|known| known.id).unwrap_or_default();
            let partitions = group.offsets.partitions(name).filter_map(|(partition, _)| {
                let result = self.partition(name, topic_id, partition);
                // Nothing was committed for a topic made anew.
                (result != Ok(None)).then_some(FetchedPartition { partition, result })
            });
            let partitions: Vec<_> = partitions.collect();
            let name = name.clone();
            (!partitions.is_empty()).then_some(FetchedTopic { name, topic_id, partitions })
        });
        topics.collect()
    }

    fn partition(
        &self,
        name: &Str,
        topic_id: Uuid,
        partition: i32,
    ) -> Result<Option<FetchedOffset>, Refusal> {
        let Some(group) = self.group else { return Ok(None) };
        if self.require_stable && group.offsets.is_pending(name, partition) {
            return Err(Refusal::UnstableOffsetCommit);
        }
        let committed = group.offsets.get(name, partition);
        let committed = committed.filter(|committed| is_of_topic(committed, topic_id));
        Ok(committed.map(|Committed { value, .. }| FetchedOffset {
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: value.metadata.clone(),
        }))
    }
}

/// Whether it was committed for the topic that has the name now; where an id is not known, yes.
fn is_of_topic(committed: &Committed, topic_id: Uuid) -> bool {
    let of = committed.value.topic_id;
    of.is_zero() || topic_id.is_zero() || of == topic_id
}

/// Deletes offsets of topics that nobody in the group reads.
pub(crate) fn delete_offsets(
    cx: &mut Context<'_>,
    group: &Group,
    request: &OffsetDeleteRequest,
) -> Result<Vec<TopicResults>, Refusal> {
    if let GroupKind::Classic(classic) = &group.kind {
        classic.check_delete_offsets()?;
    }
    let results = request.topics.iter().map(|topic| {
        let partition_count = cx.topics.by_name(&topic.name).map(|known| known.partition_count);
        let is_subscribed = match &group.kind {
            GroupKind::Classic(classic) => classic.is_subscribed_to(&topic.name),
            GroupKind::Consumer(consumer) => consumer.is_subscribed_to(&topic.name),
        };
        let partitions = topic.partitions.iter().map(|asked| {
            let partition = asked.partition_index;
            if !(0..partition_count.unwrap_or(0)).contains(&partition) {
                return (partition, Err(Refusal::UnknownTopicOrPartition));
            }
            if is_subscribed {
                return (partition, Err(Refusal::GroupSubscribedToTopic));
            }
            let offsets = &group.offsets;
            if offsets.get(&topic.name, partition).is_some()
                || offsets.is_pending(&topic.name, partition)
            {
                let record = tombstone(&group.id, &topic.name, partition);
                cx.propose(GroupRecord::Offset(record));
            }
            (partition, Ok(()))
        });
        let partitions = partitions.collect();
        TopicResults { name: topic.name.clone(), topic_id: Uuid::ZERO, partitions }
    });
    Ok(results.collect())
}
