//! Which offset stands at the start, at the end, or at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::ApiKey;
use highwater_protocol::messages::list_offsets::{
    ListOffsetsRequest, RequestTopic, RequestTopicPartition,
};
use highwater_records::{LeaderEpoch, Offset, Timestamp, TopicName, TopicPartition};
use tokio::time::Instant;

use crate::leaders::{Answer, Question, ask_leaders};
use crate::{Client, ClientError, Connection};

/// A place in a partition, to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first record that is kept.
    Earliest,
    /// The end of what a consumer may see: the next record to come.
    Latest,
    /// The record with the newest timestamp.
    MaxTimestamp,
    /// The first record at or after a time.
    At(Timestamp),
    /// As [`OffsetSpec::Latest`], and how long the first record at or past this offset has been
    /// there, as the broker's clock has it. Only Highwater knows that.
    LatestAndAge(Offset),
}

/// Which records of unfinished and aborted transactions may be seen (`isolation.level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// All that is committed to the log, Kafka's default.
    #[default]
    ReadUncommitted,
    /// Only records outside of transactions and in committed ones.
    ReadCommitted,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset, or none: no record is as new as that.
    pub offset: Option<Offset>,
    /// The record's time where a time was asked for, else none.
    pub timestamp: Timestamp,
    /// The epoch the record was written in.
    pub leader_epoch: LeaderEpoch,
    /// Where an age was asked for and the broker knows it; zero if there is no record yet.
    pub age: Option<Duration>,
}

impl OffsetSpec {
    /// The number that stands for it on the wire.
    fn timestamp(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest | Self::LatestAndAge(_) => -1,
            Self::MaxTimestamp => -3,
            Self::At(timestamp) => timestamp.value().max(0),
        }
    }

    /// The first version of ListOffsets that knows it.
    fn first_version(self) -> i16 {
        match self {
            Self::Earliest | Self::Latest | Self::At(_) | Self::LatestAndAge(_) => 1,
            Self::MaxTimestamp => 7,
        }
    }
}

impl Isolation {
    /// The number that stands for it on the wire.
    #[must_use]
    pub fn level(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

impl Client {
    /// Looks up a place in each of `places`, at the partitions' leaders.
    pub async fn list_offsets(
        &self,
        places: BTreeMap<TopicPartition, OffsetSpec>,
        isolation: Isolation,
        deadline: Instant,
    ) -> BTreeMap<TopicPartition, Result<ListedOffset, ClientError>> {
        let timeout = self.request_timeout();
        ask_leaders(self, "ListOffsets", places, deadline, |connection, questions| async move {
            ask(&connection, &questions, isolation, timeout).await
        })
        .await
    }
}

async fn ask(
    connection: &Connection,
    questions: &[Question<OffsetSpec>],
    isolation: Isolation,
    timeout: Duration,
) -> Result<Vec<Answer<ListedOffset>>, ClientError> {
    let mut topics: BTreeMap<&TopicName, Vec<RequestTopicPartition>> = BTreeMap::new();
    for question in questions {
        let partition = RequestTopicPartition {
            partition_index: question.partition.partition,
            current_leader_epoch: question.leader_epoch.value(),
            timestamp: question.question.timestamp(),
            age_of: match question.question {
                OffsetSpec::LatestAndAge(offset) => offset.value(),
                _ => -1,
            },
        };
        topics.entry(&question.partition.topic).or_default().push(partition);
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| RequestTopic { name: name.as_str().into(), partitions });
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level: isolation.level(),
        topics: topics.collect(),
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
    };
    let first = questions.iter().map(|question| question.question.first_version()).max();
    let ours = first.unwrap_or(1)..=*ApiKey::ListOffsets.versions().end();
    let version = connection.version_of::<ListOffsetsRequest>(&ours)?;
    let response = connection.request_in(&request, version, timeout).await?;
    let mut answers = Vec::new();
    for topic in response.topics {
        let Ok(name) = TopicName::parse(&topic.name) else { continue };
        for partition in topic.partitions {
            let listed = ListedOffset {
                offset: (partition.offset >= 0).then(|| Offset::new(partition.offset)),
                timestamp: Timestamp::new(partition.timestamp),
                leader_epoch: LeaderEpoch::new(partition.leader_epoch),
                age: u64::try_from(partition.age_ms).ok().map(Duration::from_millis),
            };
            let code = partition.error_code;
            let answer = if code.is_none() { Ok(listed) } else { Err(code) };
            answers.push((TopicPartition::new(name.clone(), partition.partition_index), answer));
        }
    }
    Ok(answers)
}
