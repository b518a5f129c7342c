//! Records: forget the oldest, look up offsets.

use std::collections::BTreeMap;

use highwater_protocol::messages::delete_records::{
    DeleteRecordsRequest, RequestTopic, RequestTopicPartition,
};
use highwater_records::{Offset, TopicName, TopicPartition};

use super::Admin;
use crate::leaders::{Answer, Question, ask_leaders};
use crate::offsets::{Isolation, ListedOffset, OffsetSpec};
use crate::{ClientError, Connection};

impl Admin {
    /// Deletes all records before an offset of each partition, or all there are (`None`); answers
    /// with the first offset that is left.
    pub async fn delete_records(
        &self,
        before: BTreeMap<TopicPartition, Option<Offset>>,
    ) -> BTreeMap<TopicPartition, Result<Offset, ClientError>> {
        let client = self.client();
        let timeout_ms = self.timeout_ms();
        let deadline = client.api_deadline();
        ask_leaders(client, "DeleteRecords", before, deadline, |connection, questions| async move {
            delete_before(&connection, &questions, timeout_ms).await
        })
        .await
    }

    /// Looks up a place in each partition.
    pub async fn list_offsets(
        &self,
        places: BTreeMap<TopicPartition, OffsetSpec>,
        isolation: Isolation,
    ) -> BTreeMap<TopicPartition, Result<ListedOffset, ClientError>> {
        let client = self.client();
        client.list_offsets(places, isolation, client.api_deadline()).await
    }
}

async fn delete_before(
    connection: &Connection,
    questions: &[Question<Option<Offset>>],
    timeout_ms: i32,
) -> Result<Vec<Answer<Offset>>, ClientError> {
    let mut topics: BTreeMap<&TopicName, Vec<RequestTopicPartition>> = BTreeMap::new();
    for question in questions {
        let partition = RequestTopicPartition {
            partition_index: question.partition.partition,
            offset: question.question.map_or(-1, Offset::value),
        };
        topics.entry(&question.partition.topic).or_default().push(partition);
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| RequestTopic { name: name.as_str().into(), partitions });
    let request = DeleteRecordsRequest { topics: topics.collect(), timeout_ms };
    let response = connection.request(&request).await?;
    let mut answers = Vec::new();
    for topic in response.topics {
        let Ok(name) = TopicName::parse(&topic.name) else { continue };
        for partition in topic.partitions {
            let code = partition.error_code;
            let low = Offset::new(partition.low_watermark);
            let answer = if code.is_none() { Ok(low) } else { Err(code) };
            answers.push((TopicPartition::new(name.clone(), partition.partition_index), answer));
        }
    }
    Ok(answers)
}
