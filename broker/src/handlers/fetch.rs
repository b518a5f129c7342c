//! Fetch: records of many partitions, at once or when there are enough of them.
//!
//! [`start`] finds the session and looks at the partitions once. What the tail cache holds is answered without touching a
//! file; what it does not is read by worker threads, and the read is under way when `start` returns.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::Str;
use highwater_protocol::messages::fetch::{
    FetchRequest, FetchResponse, RequestForgottenTopicsData, RequestTopic, ResponseNodeEndpoint,
    ResponseResponse, ResponseResponsePartition, ResponseResponsePartitionAbortedTransaction,
    ResponseResponsePartitionCurrentLeader, ResponseResponsePartitionDivergingEpoch,
};
use highwater_records::{ErrorCode, LeaderEpoch, Monotonic, Offset, Uuid};
use highwater_replication::{Isolation, Reader};
use highwater_storage::AbortedTransaction;
use tokio::sync::oneshot;

use super::PARTITIONS_MAX;
use super::current_leader::{self, CurrentLeader};
use crate::broker::Broker;
use crate::context::{RequestContext, Started};
use crate::error_map::{fetch_code_in, not_hosted_code, session_code};
use crate::fetch::{
    Absent, FetchContext, FetchPlan, Look, PartitionAnswer, PartitionKey, Seen, SessionRequest,
    Source, Target, TopicKey, WantedPartition,
};
use crate::partition::Wakeup;
use crate::replicas::NotHosted;
use crate::seams::sleep_until;
use crate::workers::Pool;

/// First version whose answers have an error of their own.
const TOP_LEVEL_ERROR_FROM: i16 = 7;

/// First version in which topics are named by id.
const TOPIC_IDS_FROM: i16 = 13;

/// First version whose answers say where the leaders named in it listen.
const NODE_ENDPOINTS_FROM: i16 = 16;

/// First version that carries the follower's id in its state.
const REPLICA_STATE_FROM: i16 = 15;

/// A fetch from its start to its answer.
struct Fetch {
    broker: Arc<Broker>,
    context: RequestContext,
    session: FetchContext,
    look: Arc<Look>,
    deadline: Monotonic,
}

/// Starts a fetch; see the module.
pub(crate) fn start(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: FetchRequest,
) -> Started<FetchResponse> {
    let fetch = match Fetch::open(broker, context, request) {
        Ok(fetch) => fetch,
        // No place for it in the answer.
        Err(_) if context.api_version < TOP_LEVEL_ERROR_FROM => return Started::Close,
        Err(error_code) => {
            return Started::Ready(FetchResponse { error_code, ..FetchResponse::default() });
        }
    };
    match fetch.look.look(Source::Cache) {
        Some(seen) if seen.readiness.is_ready(&fetch.look.plan) => {
            Started::Ready(fetch.answer(seen))
        }
        Some(_) => Started::Waiting(Box::pin(fetch.wait(None))),
        None => {
            let first = fetch.look_on_disk();
            Started::Waiting(Box::pin(fetch.wait(Some(first))))
        }
    }
}

impl Fetch {
    fn open(
        broker: &Arc<Broker>,
        context: &RequestContext,
        request: FetchRequest,
    ) -> Result<Self, ErrorCode> {
        let version = context.api_version;
        let partition_count = request.topics.iter().map(|topic| topic.partitions.len());
        let forgotten_count =
            request.forgotten_topics_data.iter().map(|topic| topic.partitions.len());
        if partition_count.chain(forgotten_count).sum::<usize>() > PARTITIONS_MAX {
            return Err(ErrorCode::InvalidRequest);
        }
        let now = broker.clock.now().monotonic;
        let replica_id = if version >= REPLICA_STATE_FROM {
            request.replica_state.replica_id
        } else {
            request.replica_id
        };
        let reader = Reader::from_wire(replica_id);
        let uses_topic_ids = version >= TOPIC_IDS_FROM;
        let sessions = &broker.fetch_sessions;
        let session = SessionRequest {
            id: request.session_id,
            epoch: request.session_epoch,
            uses_topic_ids,
            is_follower: matches!(reader, Reader::Follower(_)),
            wanted: wanted(request.topics, uses_topic_ids),
            forgotten: forgotten(request.forgotten_topics_data, uses_topic_ids),
        };
        let mut session = sessions.open(now, session).map_err(session_code)?;
        let wanted = std::mem::take(&mut session.wanted);
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let look = Look {
            targets: targets(broker, wanted),
            reader,
            isolation: Isolation::from_wire(request.isolation_level),
            plan: FetchPlan::new(request.max_bytes, request.min_bytes, sessions.response_bytes_max),
            may_wait: !wait.is_zero() && !broker.net.stop.is_begun(),
            node: broker.config.node_id,
        };
        Ok(Self {
            broker: Arc::clone(broker),
            // The client id shares the request's bytes, which a fetch that waits must not keep.
            context: RequestContext { client_id: None, ..context.clone() },
            session,
            look: Arc::new(look),
            deadline: now.plus(wait),
        })
    }

    /// Looks again whenever a partition changes, until there is enough, the time is over or the broker stops.
    async fn wait(self, first: Option<oneshot::Receiver<Seen>>) -> FetchResponse {
        let wakeup = Arc::new(Wakeup::default());
        let _watching = Watching::begin(&self.look, &wakeup);
        let stop = self.broker.net.stop.begun_token().clone();
        let mut sleep = std::pin::pin!(sleep_until(&*self.broker.clock, self.deadline));
        let mut reading = first;
        let mut is_over = false;
        loop {
            if reading.is_none() {
                match self.look.look(Source::Cache) {
                    Some(seen) if is_over || seen.readiness.is_ready(&self.look.plan) => {
                        return self.answer(seen);
                    }
                    Some(_) => {}
                    None => reading = Some(self.look_on_disk()),
                }
            }
            if let Some(read) = reading.take() {
                // Lost only at a stop.
                let seen = read.await;
                let seen = seen.unwrap_or_else(|_| self.look.nothing(ErrorCode::KafkaStorageError));
                if is_over || seen.readiness.is_ready(&self.look.plan) {
                    return self.answer(seen);
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => is_over = true,
                () = sleep.as_mut() => is_over = true,
                () = std::future::poll_fn(|context| wakeup.poll_woken(context)) => {}
            }
        }
    }

    /// Has worker threads look; the work is queued when this returns.
    fn look_on_disk(&self) -> oneshot::Receiver<Seen> {
        let (sender, receiver) = oneshot::channel();
        let look = Arc::clone(&self.look);
        let job = move || {
            // Its client may be gone; then nobody wants it, and nothing is read.
            if !sender.is_closed()
                && let Some(seen) = look.look(Source::Disk)
            {
                drop(sender.send(seen));
            }
        };
        self.broker.workers.submit(Pool::Read, Box::new(job));
        receiver
    }

    fn answer(self, seen: Seen) -> FetchResponse {
        let Seen { answers, .. } = seen;
        let now = self.broker.clock.now().monotonic;
        for trouble in answers.iter().filter_map(|answer| answer.trouble.as_ref()) {
            if let Some(kept_back) = self.broker.net.limiter.pass(now) {
                tracing::error!(trouble, kept_back, "cannot read what was stored");
            }
        }
        let wanted: Vec<&WantedPartition> =
            self.look.targets.iter().map(|target| &target.wanted).collect();
        let outcomes: Vec<_> = answers.iter().map(PartitionAnswer::outcome).collect();
        let random = || u32::try_from(self.broker.random.next_u64() >> 32).unwrap_or(0);
        let told =
            self.broker.fetch_sessions.answer(now, &self.session, &wanted, &outcomes, random);
        let (session_id, sent) = match told {
            Ok(told) => told,
            Err(refusal) => {
                let error_code = session_code(refusal);
                return FetchResponse { error_code, ..FetchResponse::default() };
            }
        };
        let sent = wanted.iter().zip(answers).zip(sent).filter(|(_, is_sent)| *is_sent);
        let sent: Vec<_> = sent.map(|((wanted, answer), _)| (*wanted, answer)).collect();
        let leaders = sent.iter().filter_map(|(_, answer)| answer.current_leader);
        FetchResponse {
            session_id,
            node_endpoints: self.node_endpoints(leaders),
            responses: self.group(sent),
            ..FetchResponse::default()
        }
    }

    /// Partitions of one topic that follow each other share its entry.
    fn group(&self, sent: Vec<(&WantedPartition, PartitionAnswer)>) -> Vec<ResponseResponse> {
        let mut responses: Vec<ResponseResponse> = Vec::new();
        let mut last_topic: Option<&TopicKey> = None;
        for (wanted, answer) in sent {
            if last_topic != Some(&wanted.key.topic) {
                last_topic = Some(&wanted.key.topic);
                let mut response = ResponseResponse::default();
                match &wanted.key.topic {
                    TopicKey::Id(id) => response.topic_id = *id,
                    TopicKey::Name(name) => response.topic = Str::from(&**name),
                }
                responses.push(response);
            }
            if let Some(response) = responses.last_mut() {
                response.partitions.push(self.partition(wanted, answer));
            }
        }
        responses
    }

    fn partition(
        &self,
        wanted: &WantedPartition,
        answer: PartitionAnswer,
    ) -> ResponseResponsePartition {
        let mut partition = ResponseResponsePartition {
            partition_index: wanted.key.partition,
            error_code: fetch_code_in(self.context.api_version, answer.error),
            high_watermark: answer.high_watermark,
            last_stable_offset: answer.last_stable_offset,
            log_start_offset: answer.log_start_offset,
            records: Some(answer.records),
            aborted_transactions: match self.look.isolation {
                Isolation::ReadCommitted => Some(aborted(&answer.aborted)),
                Isolation::ReadUncommitted => None,
            },
            ..ResponseResponsePartition::default()
        };
        if let Some(end) = answer.diverging {
            partition.diverging_epoch = ResponseResponsePartitionDivergingEpoch {
                epoch: end.epoch.value(),
                end_offset: end.end_offset.value(),
            };
        }
        if let Some(leader) = answer.current_leader {
            partition.current_leader = ResponseResponsePartitionCurrentLeader {
                leader_id: leader.node.value(),
                leader_epoch: leader.epoch.value(),
            };
        }
        partition
    }

    fn node_endpoints(
        &self,
        leaders: impl Iterator<Item = CurrentLeader>,
    ) -> Vec<ResponseNodeEndpoint> {
        if self.context.api_version < NODE_ENDPOINTS_FROM {
            return Vec::new();
        }
        let endpoints = current_leader::endpoints(&self.broker, &self.context, leaders);
        let endpoints = endpoints.into_iter().map(|endpoint| ResponseNodeEndpoint {
            node_id: endpoint.node.value(),
            host: endpoint.host,
            port: endpoint.port,
            rack: endpoint.rack,
        });
        endpoints.collect()
    }
}

fn aborted(found: &[AbortedTransaction]) -> Vec<ResponseResponsePartitionAbortedTransaction> {
    let aborted = found.iter().map(|aborted| ResponseResponsePartitionAbortedTransaction {
        producer_id: aborted.producer_id.value(),
        first_offset: aborted.first_offset.value(),
    });
    aborted.collect()
}

/// Watches the partitions of a fetch as long as it lives.
struct Watching {
    look: Arc<Look>,
    wakeup: Arc<Wakeup>,
}

impl Watching {
    fn begin(look: &Arc<Look>, wakeup: &Arc<Wakeup>) -> Self {
        for target in &look.targets {
            if let Ok(partition) = &target.found {
                partition.watchers().add(wakeup);
            }
        }
        Self { look: Arc::clone(look), wakeup: Arc::clone(wakeup) }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for target in &self.look.targets {
            if let Ok(partition) = &target.found {
                partition.watchers().remove(&self.wakeup);
            }
        }
    }
}

/// Finds the partitions; neighbours of one topic share the look-up.
fn targets(broker: &Broker, wanted: Vec<WantedPartition>) -> Vec<Target> {
    let mut topic = None;
    let mut targets = Vec::with_capacity(wanted.len());
    let mut last_key: Option<TopicKey> = None;
    for wanted in wanted {
        if last_key.as_ref() != Some(&wanted.key.topic) {
            topic = match &wanted.key.topic {
                TopicKey::Id(id) => broker.replicas.topic(*id),
                TopicKey::Name(name) => broker.replicas.topic_by_name(name),
            };
            last_key = Some(wanted.key.topic.clone());
        }
        let found = match &topic {
            Some(topic) => match topic.partition(wanted.key.partition) {
                Ok(partition) => Ok(Arc::clone(partition)),
                Err(reason) => Err(not_hosted(reason)),
            },
            None => Err(unknown_topic(&wanted.key.topic)),
        };
        targets.push(Target { wanted, found });
    }
    targets
}

fn unknown_topic(key: &TopicKey) -> Absent {
    let error = match key {
        TopicKey::Id(_) => ErrorCode::UnknownTopicId,
        TopicKey::Name(_) => ErrorCode::UnknownTopicOrPartition,
    };
    Absent { error, current_leader: None }
}

fn not_hosted(reason: NotHosted) -> Absent {
    let current_leader = match reason {
        NotHosted::UnknownPartition => None,
        NotHosted::NotLeader { leader, leader_epoch } => {
            Some(CurrentLeader { node: leader, epoch: leader_epoch })
        }
    };
    Absent { error: not_hosted_code(reason), current_leader }
}

fn wanted(topics: Vec<RequestTopic>, uses_topic_ids: bool) -> Vec<WantedPartition> {
    let mut wanted = Vec::with_capacity(topics.iter().map(|topic| topic.partitions.len()).sum());
    for topic in topics {
        let key = topic_key(uses_topic_ids, topic.topic_id, &topic.topic);
        for partition in topic.partitions {
            wanted.push(WantedPartition {
                key: PartitionKey { topic: key.clone(), partition: partition.partition },
                fetch_offset: Offset::new(partition.fetch_offset),
                max_bytes: partition.partition_max_bytes,
                current_leader_epoch: LeaderEpoch::new(partition.current_leader_epoch),
                last_fetched_epoch: LeaderEpoch::new(partition.last_fetched_epoch),
            });
        }
    }
    wanted
}

fn forgotten(topics: Vec<RequestForgottenTopicsData>, uses_topic_ids: bool) -> Vec<PartitionKey> {
    let mut forgotten = Vec::new();
    for topic in topics {
        let key = topic_key(uses_topic_ids, topic.topic_id, &topic.topic);
        let partitions = topic.partitions.into_iter();
        forgotten
            .extend(partitions.map(|partition| PartitionKey { topic: key.clone(), partition }));
    }
    forgotten
}

fn topic_key(uses_topic_ids: bool, id: Uuid, name: &Str) -> TopicKey {
    if uses_topic_ids { TopicKey::Id(id) } else { TopicKey::Name(Arc::from(&**name)) }
}
