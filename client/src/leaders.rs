//! Calls that concern partitions: split by leader, sent side by side, tried again where stale.

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::future::join_all;
use highwater_records::{ErrorCode, LeaderEpoch, NodeId, TopicName, TopicPartition};
use tokio::time::Instant;

use crate::client::{Client, Lane, TopicsWanted};
use crate::retry::{Backoff, Verdict, time_given, verdict, wait_before};
use crate::{ClientError, ClusterMetadata, Connection};

/// What one leader is asked about one partition.
#[derive(Clone, Debug)]
pub(crate) struct Question<Q> {
    pub(crate) partition: TopicPartition,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) question: Q,
}

/// What one leader said about one partition.
pub(crate) type Answer<A> = (TopicPartition, Result<A, ErrorCode>);

/// Asks the leader of every partition, until each has an answer, a final refusal or no time left.
pub(crate) async fn ask_leaders<Q, A, F>(
    client: &Client,
    operation: &'static str,
    questions: BTreeMap<TopicPartition, Q>,
    deadline: Instant,
    ask: impl Fn(Connection, Vec<Question<Q>>) -> F,
) -> BTreeMap<TopicPartition, Result<A, ClientError>>
where
    Q: Clone,
    F: Future<Output = Result<Vec<Answer<A>>, ClientError>>,
{
    let started = Instant::now();
    let mut open = questions;
    let mut answers = BTreeMap::new();
    let mut backoff = Backoff::new(client.options().retry);
    loop {
        let round = ask_once(client, operation, &open, &ask);
        let Ok(round) = tokio::time::timeout_at(deadline, round).await else { break };
        let mut last = BTreeMap::new();
        for (partition, answer) in round {
            match answer {
                Err(error) if verdict(&error) != Verdict::Final => {
                    last.insert(partition, error);
                }
                answer => {
                    open.remove(&partition);
                    answers.insert(partition, answer);
                }
            }
        }
        if open.is_empty() {
            return answers;
        }
        if !wait_before(deadline, &mut backoff).await {
            for (partition, error) in last {
                open.remove(&partition);
                let after = time_given(started, deadline);
                let last = Some(Box::new(error));
                let operation = format!("{operation} of {partition}");
                let error = ClientError::TimedOut { operation, after, last };
                answers.insert(partition, Err(error));
            }
            break;
        }
    }
    for (partition, _) in open {
        let after = time_given(started, deadline);
        let operation = format!("{operation} of {partition}");
        answers.insert(partition, Err(ClientError::TimedOut { operation, after, last: None }));
    }
    answers
}

async fn ask_once<Q, A, F>(
    client: &Client,
    operation: &'static str,
    open: &BTreeMap<TopicPartition, Q>,
    ask: &impl Fn(Connection, Vec<Question<Q>>) -> F,
) -> Vec<(TopicPartition, Result<A, ClientError>)>
where
    Q: Clone,
    F: Future<Output = Result<Vec<Answer<A>>, ClientError>>,
{
    let mut names: Vec<TopicName> = open.keys().map(|partition| partition.topic.clone()).collect();
    names.dedup();
    let wanted = TopicsWanted::Named { names: &names, may_create: false };
    let metadata = match client.refresh(wanted).await {
        Ok(metadata) => metadata,
        Err(error) => {
            return open.keys().map(|partition| (partition.clone(), Err(error.clone()))).collect();
        }
    };
    let mut answers = Vec::new();
    let mut by_leader: BTreeMap<NodeId, Vec<Question<Q>>> = BTreeMap::new();
    for (partition, question) in open {
        match leader(&metadata, partition) {
            Ok((leader, leader_epoch)) => {
                let (partition, question) = (partition.clone(), question.clone());
                let question = Question { partition, leader_epoch, question };
                by_leader.entry(leader).or_default().push(question);
            }
            Err(error) => answers.push((partition.clone(), Err(error))),
        }
    }
    let asked = by_leader.into_iter().map(async |(leader, questions)| {
        let partitions: Vec<_> =
            questions.iter().map(|question| question.partition.clone()).collect();
        ask_one(client, operation, leader, questions, ask).await.unwrap_or_else(|error| {
            partitions.into_iter().map(|partition| (partition, Err(error.clone()))).collect()
        })
    });
    answers.extend(join_all(asked).await.into_iter().flatten());
    answers
}

async fn ask_one<Q, A, F>(
    client: &Client,
    operation: &'static str,
    leader: NodeId,
    questions: Vec<Question<Q>>,
    ask: &impl Fn(Connection, Vec<Question<Q>>) -> F,
) -> Result<Vec<(TopicPartition, Result<A, ClientError>)>, ClientError>
where
    F: Future<Output = Result<Vec<Answer<A>>, ClientError>>,
{
    let connection = client.connection(leader, Lane::Control).await?;
    let answered = ask(connection.clone(), questions).await?;
    let refused = |partition: &TopicPartition, code| {
        client.refusal(&format!("{operation} of {partition}"), &connection, code, None)
    };
    let answers = answered.into_iter().map(|(partition, answer)| {
        let answer = answer.map_err(|code| refused(&partition, code));
        (partition, answer)
    });
    Ok(answers.collect())
}

/// Who to ask about a partition, or why nobody can be asked.
fn leader(
    metadata: &ClusterMetadata,
    partition: &TopicPartition,
) -> Result<(NodeId, LeaderEpoch), ClientError> {
    let refused = |code| ClientError::Refused {
        operation: format!("looking up the leader of {partition}"),
        address: "the cluster".into(),
        code,
        message: None,
    };
    let topic = metadata.topics.get(&partition.topic);
    let topic = topic.filter(|topic| topic.error != ErrorCode::UnknownTopicOrPartition);
    let Some(topic) = topic else {
        return Err(ClientError::UnknownTopic { topic: partition.topic.to_string() });
    };
    if !topic.error.is_none() {
        return Err(refused(topic.error));
    }
    match metadata.partition(&partition.topic, partition.partition) {
        Some(found) => match found.leader {
            Some(leader) => Ok((leader, found.leader_epoch)),
            None => Err(refused(ErrorCode::LeaderNotAvailable)),
        },
        None => Err(ClientError::UnknownPartition {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            partition_count: topic.partitions.len(),
        }),
    }
}
