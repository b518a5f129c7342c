//! ListOffsets: where a log begins, where it ends, and which record was the first at a time.
//!
//! Who asks for the age of an offset, in a tagged field of ours, is also told how long the first record at or past it has
//! been there: lag in seconds.

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater_protocol::messages::list_offsets::{
    ListOffsetsRequest, ListOffsetsResponse, RequestTopicPartition, ResponseTopic,
    ResponseTopicPartition,
};
use highwater_records::{ErrorCode, LeaderEpoch, Offset, Timestamp};
use highwater_replication::{
    Isolation, Reader, check_epoch, latest_offset, timestamp_lookup_bound,
};
use highwater_storage::TimestampOffset;

use super::PARTITIONS_MAX;
use crate::broker::Broker;
use crate::context::RequestContext;
use crate::error_map::{
    list_offsets_code_in, not_hosted_code, not_serving_code, read_code, replication_code,
};
use crate::partition::{LeaderView, Partition};
use crate::workers::{self, Pool};

/// What a question is about: Kafka's special timestamps, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Latest,
    Earliest,
    MaxTimestamp,
    EarliestLocal,
    /// Tiered storage: there is none, so nothing is ever there.
    Tiered,
    At(Timestamp),
}

impl Question {
    /// `None` if this version does not know the special timestamp.
    fn from_wire(timestamp: i64, version: i16) -> Option<Self> {
        let (question, known_from) = match timestamp {
            -1 => (Self::Latest, 0),
            -2 => (Self::Earliest, 0),
            -3 => (Self::MaxTimestamp, 7),
            -4 => (Self::EarliestLocal, 8),
            -5 => (Self::Tiered, 9),
            -6 => (Self::Tiered, 11),
            time if time >= 0 => (Self::At(Timestamp::new(time)), 0),
            _ => return None,
        };
        (version >= known_from).then_some(question)
    }
}

/// One question that needs the log, and where its answer goes.
struct Lookup {
    place: (usize, usize),
    question: Question,
    partition: Arc<Partition>,
}

/// How the questions of a request are to be answered.
#[derive(Clone, Copy)]
struct Asker {
    reader: Reader,
    isolation: Isolation,
    version: i16,
}

/// Answers every question; those about a time are looked up by worker threads.
pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let asker = Asker {
        reader: Reader::from_wire(request.replica_id),
        isolation: Isolation::from_wire(request.isolation_level),
        version: context.api_version,
    };
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut lookups = Vec::new();
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    let partition_count = request.topics.iter().map(|topic| topic.partitions.len());
    let is_too_large = partition_count.sum::<usize>() > PARTITIONS_MAX;
    for topic in request.topics.iter().filter(|_| !is_too_large) {
        for partition in &topic.partitions {
            if !seen.insert((topic.name.clone(), partition.partition_index)) {
                twice.insert((topic.name.clone(), partition.partition_index));
            }
        }
    }
    for topic in request.topics {
        let hosted = broker.replicas.topic_by_name(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let index = asked.partition_index;
            let found = if is_too_large || twice.contains(&(topic.name.clone(), index)) {
                Err(ErrorCode::InvalidRequest)
            } else {
                match &hosted {
                    Some(hosted) => hosted.partition(index).map_err(not_hosted_code),
                    None => Err(ErrorCode::UnknownTopicOrPartition),
                }
            };
            let place = (topics.len(), partitions.len());
            partitions.push(match found {
                Ok(partition) => ResponseTopicPartition {
                    age_ms: age_ms(partition, asked.age_of),
                    ..asker.ask(partition, &asked, place, &mut lookups)
                },
                Err(error) => asker.refuse(index, error),
            });
        }
        topics.push(ResponseTopic { name: topic.name, partitions });
    }
    let mut response = ListOffsetsResponse { topics, ..ListOffsetsResponse::default() };
    look_up(broker, asker, lookups, &mut response).await;
    response
}

/// Answers what needs the log's files, on a worker thread.
async fn look_up(
    broker: &Arc<Broker>,
    asker: Asker,
    lookups: Vec<Lookup>,
    response: &mut ListOffsetsResponse,
) {
    if lookups.is_empty() {
        return;
    }
    let places: Vec<(usize, usize)> = lookups.iter().map(|lookup| lookup.place).collect();
    let answers = workers::run(&broker.workers, Pool::Read, move || {
        let answer = |lookup: Lookup| {
            lookup.partition.view().leading().map_or_else(
                |reason| Err(not_serving_code(&reason)),
                |leading| asker.look_up(leading, lookup.question),
            )
        };
        lookups.into_iter().map(answer).collect::<Vec<_>>()
    });
    // Lost only at a stop.
    let answers = answers.await.unwrap_or_default();
    let lost = std::iter::repeat(Err(ErrorCode::NotLeaderOrFollower));
    for ((topic, index), answer) in places.into_iter().zip(answers.into_iter().chain(lost)) {
        let partition = &mut response.topics[topic].partitions[index];
        let age_ms = partition.age_ms;
        let answer = asker.answer(partition.partition_index, answer);
        *partition = ResponseTopicPartition { age_ms, ..answer };
    }
}

impl Asker {
    /// Answers what the view knows; a question for the log goes to `lookups`.
    fn ask(
        self,
        partition: &Arc<Partition>,
        asked: &RequestTopicPartition,
        place: (usize, usize),
        lookups: &mut Vec<Lookup>,
    ) -> ResponseTopicPartition {
        let index = asked.partition_index;
        let Some(question) = Question::from_wire(asked.timestamp, self.version) else {
            return self.refuse(index, ErrorCode::UnsupportedVersion);
        };
        let view = partition.view();
        let leading = match view.leading() {
            Ok(leading) => leading,
            Err(reason) => return self.refuse(index, not_serving_code(&reason)),
        };
        let epoch = LeaderEpoch::new(asked.current_leader_epoch);
        if let Err(refusal) = check_epoch(epoch, leading.epoch) {
            return self.refuse(index, replication_code(&refusal));
        }
        let no_time = |offset, leader_epoch| TimestampOffset {
            timestamp: Timestamp::NONE,
            offset,
            leader_epoch,
        };
        let known = match question {
            Question::Latest => {
                let latest = latest_offset(&leading.bound_inputs(), self.reader, self.isolation);
                let latest = latest.map_err(|refusal| replication_code(&refusal));
                latest.map(|offset| Some(no_time(offset, leading.epoch)))
            }
            Question::Earliest => {
                let offset = leading.log.log_start_offset();
                Ok(Some(no_time(offset, epoch_at(leading, offset))))
            }
            Question::EarliestLocal => {
                let offset = leading.log.local_log_start_offset();
                Ok(Some(no_time(offset, epoch_at(leading, offset))))
            }
            Question::Tiered => Ok(None),
            Question::MaxTimestamp | Question::At(_) => {
                lookups.push(Lookup { place, question, partition: Arc::clone(partition) });
                Ok(None)
            }
        };
        self.answer(index, known)
    }

    fn look_up(
        self,
        leading: &LeaderView,
        question: Question,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let log = &leading.log;
        let log_end = log.log_end_offset();
        let found = match question {
            Question::MaxTimestamp => log.offset_of_max_timestamp(log_end),
            Question::At(timestamp) => log.offset_for_timestamp(timestamp, log_end),
            Question::Latest | Question::Earliest | Question::EarliestLocal | Question::Tiered => {
                Ok(None)
            }
        };
        let found = found.map_err(|error| read_code(&error))?;
        let visible = timestamp_lookup_bound(
            &leading.bound_inputs(),
            self.reader,
            self.isolation,
            found.map(|found| found.offset),
        );
        let visible = visible.map_err(|refusal| replication_code(&refusal))?;
        Ok(found.filter(|_| visible.is_some()))
    }

    fn answer(
        self,
        partition_index: i32,
        answer: Result<Option<TimestampOffset>, ErrorCode>,
    ) -> ResponseTopicPartition {
        match answer {
            Ok(Some(found)) => ResponseTopicPartition {
                partition_index,
                timestamp: found.timestamp.value(),
                offset: found.offset.value(),
                leader_epoch: found.leader_epoch.value(),
                ..ResponseTopicPartition::default()
            },
            Ok(None) => nothing(partition_index),
            Err(error) => self.refuse(partition_index, error),
        }
    }

    fn refuse(self, partition_index: i32, error: ErrorCode) -> ResponseTopicPartition {
        let error_code = list_offsets_code_in(self.version, error);
        ResponseTopicPartition { error_code, ..nothing(partition_index) }
    }
}

fn nothing(partition_index: i32) -> ResponseTopicPartition {
    ResponseTopicPartition {
        partition_index,
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
        ..ResponseTopicPartition::default()
    }
}

/// Milliseconds since the first record at or past an offset was appended, 0 before it comes; -1 if nobody asks or the
/// replica does not serve.
fn age_ms(partition: &Partition, age_of: i64) -> i64 {
    if age_of < 0 {
        return -1;
    }
    partition.view().leading().map_or(-1, |leading| {
        let age = partition.age_of_first(leading, Offset::new(age_of));
        i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
    })
}

/// The epoch of the record at `offset`, if the log knows.
fn epoch_at(leading: &LeaderView, offset: Offset) -> LeaderEpoch {
    leading.log.epoch_of(offset).unwrap_or(LeaderEpoch::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_timestamps_are_known_from_their_versions_on() {
        let first_version =
            |timestamp| (1..=11).find(|version| Question::from_wire(timestamp, *version).is_some());
        let first: Vec<Option<i16>> = (-7..=0).map(first_version).collect();
        assert_eq!(first, [None, Some(11), Some(9), Some(8), Some(7), Some(1), Some(1), Some(1)]);
        assert_eq!(Question::from_wire(i64::MIN, 11), None);
    }
}
