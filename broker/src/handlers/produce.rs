//! Produce: client batches go into the logs of partitions led here.
//!
//! Everything up to the append happens before [`start`] returns, in the order of the connection's requests. What may wait
//! is the answer: `acks=all` for the high watermark, and any append for the turn of somebody else.

use std::sync::Arc;
use std::time::Duration;

use highwater_controller::config::TopicSettings;
use highwater_protocol::messages::produce::{
    ProduceRequest, ProduceResponse, RequestTopicData, RequestTopicDataPartitionData,
    ResponseNodeEndpoint, ResponseResponse, ResponseResponsePartitionResponse,
    ResponseResponsePartitionResponseCurrentLeader, ResponseResponsePartitionResponseRecordError,
};
use highwater_protocol::{Records, Str};
use highwater_records::{BatchRefusal, ErrorCode, LeaderEpoch, Monotonic, NodeId, Now};
use highwater_replication::Acks;
use highwater_storage::Refusal as LogRefusal;

use super::PARTITIONS_MAX;
use super::current_leader::{self, CurrentLeader};
use crate::broker::Broker;
use crate::config::RecordLimits;
use crate::context::{RequestContext, Started};
use crate::error_map::{
    append_code, intake_code, intake_message, not_hosted_code, not_serving_code,
};
use crate::partition::{
    Append, AppendRefusal, AppendResult, IntakeRefusal, IntakeRules, Partition, PendingAppends,
    take_in,
};
use crate::replicas::{HostedTopic, NotHosted};
use crate::seams::sleep_until;

/// First version in which topics are named by id.
const TOPIC_IDS_FROM: i16 = 13;

/// First version that may hold zstd batches.
const ZSTD_FROM: i16 = 7;

/// First version whose answers name the leader to ask instead.
const CURRENT_LEADER_FROM: i16 = 10;

/// A produce whose appends are under way.
struct Producing {
    version: i16,
    acks: Acks,
    now: Now,
    limits: RecordLimits,
    pending: Arc<PendingAppends>,
    /// Where in the answer each append goes, in the order in which they were added to `pending`.
    places: Vec<Place>,
    response: ProduceResponse,
}

struct Place {
    topic: usize,
    partition: usize,
    hosted: Arc<Partition>,
}

/// Appends what the request holds; see the module.
pub(crate) fn start(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ProduceRequest,
) -> Started<ProduceResponse> {
    let partition_count = request.topic_data.iter().map(|topic| topic.partition_data.len());
    if partition_count.sum::<usize>() > PARTITIONS_MAX {
        return Started::Close;
    }
    let Some(acks) = Acks::from_wire(request.acks) else {
        return Started::Ready(refuse_all(request.topic_data, ErrorCode::InvalidRequiredAcks));
    };
    let mut producing = Producing {
        version: context.api_version,
        acks,
        now: broker.clock.now(),
        limits: broker.config.limits.records,
        pending: PendingAppends::new(),
        places: Vec::new(),
        response: ProduceResponse::default(),
    };
    producing.response.responses.reserve_exact(request.topic_data.len());
    for topic in request.topic_data {
        producing.append_topic(broker, topic);
    }
    producing.name_leaders(broker, context);
    producing.answer(broker, request.timeout_ms)
}

impl Producing {
    fn append_topic(&mut self, broker: &Broker, topic: RequestTopicData) {
        let RequestTopicData { name, topic_id, partition_data } = topic;
        let (hosted, unknown) = if self.version >= TOPIC_IDS_FROM {
            (broker.replicas.topic(topic_id), ErrorCode::UnknownTopicId)
        } else {
            (broker.replicas.topic_by_name(&name), ErrorCode::UnknownTopicOrPartition)
        };
        let index = self.response.responses.len();
        let mut partition_responses = Vec::with_capacity(partition_data.len());
        for RequestTopicDataPartitionData { index: partition, records } in partition_data {
            let place = (index, partition_responses.len());
            partition_responses.push(match &hosted {
                Some(hosted) => self.append_partition(hosted, place, partition, records),
                None => refused(partition, unknown, None),
            });
        }
        self.response.responses.push(ResponseResponse { name, topic_id, partition_responses });
    }

    /// Appends to one partition; what it returns is final unless the append was queued.
    fn append_partition(
        &mut self,
        topic: &HostedTopic,
        place: (usize, usize),
        partition: i32,
        records: Option<Records>,
    ) -> ResponseResponsePartitionResponse {
        let hosted = match topic.partition(partition) {
            Ok(_) if topic.is_internal => {
                let text = "only the brokers write internal topics";
                return refused(partition, ErrorCode::InvalidTopicException, Some(text.into()));
            }
            Ok(hosted) => hosted,
            Err(reason) => {
                let mut response = refused(partition, not_hosted_code(reason), None);
                if let NotHosted::NotLeader { leader, leader_epoch } = reason {
                    response.current_leader = ResponseResponsePartitionResponseCurrentLeader {
                        leader_id: leader.value(),
                        leader_epoch: leader_epoch.value(),
                    };
                }
                return response;
            }
        };
        let view = hosted.view();
        let leading = match view.leading() {
            Ok(leading) => leading,
            Err(reason) => {
                return refused(partition, not_serving_code(&reason), Some(reason.to_string()));
            }
        };
        if let Err(full) = hosted.dir().check_room() {
            return refused(partition, ErrorCode::KafkaStorageError, Some(full));
        }
        let rules = IntakeRules {
            settings: &leading.settings,
            now: self.now.wall,
            zstd_allowed: self.version >= ZSTD_FROM,
            limits: self.limits,
        };
        let records = records.map(|records| records.to_bytes()).unwrap_or_default();
        match take_in(records, &rules) {
            Ok(batch) => {
                let append = Append {
                    batch,
                    acks: self.acks,
                    leader_epoch: None,
                    at: None,
                    reply: self.pending.add(),
                };
                hosted.append(append);
                let (topic, index) = place;
                self.places.push(Place { topic, partition: index, hosted: Arc::clone(hosted) });
                ResponseResponsePartitionResponse {
                    index: partition,
                    ..ResponseResponsePartitionResponse::default()
                }
            }
            Err(refusal) => refused_batch(partition, &refusal, &leading.settings),
        }
    }

    /// Fills in where the leaders are that should have been asked.
    fn name_leaders(&mut self, broker: &Broker, context: &RequestContext) {
        if self.version < CURRENT_LEADER_FROM {
            return;
        }
        let partitions =
            self.response.responses.iter().flat_map(|topic| &topic.partition_responses);
        let named = partitions.filter(|partition| partition.current_leader.leader_id >= 0);
        let leaders = named.map(|partition| CurrentLeader {
            node: NodeId::new(partition.current_leader.leader_id),
            epoch: LeaderEpoch::new(partition.current_leader.leader_epoch),
        });
        let endpoints = current_leader::endpoints(broker, context, leaders);
        let endpoints = endpoints.into_iter().map(|endpoint| ResponseNodeEndpoint {
            node_id: endpoint.node.value(),
            host: endpoint.host,
            port: endpoint.port,
            rack: endpoint.rack,
        });
        self.response.node_endpoints = endpoints.collect();
    }

    fn answer(self, broker: &Arc<Broker>, timeout_ms: i32) -> Started<ProduceResponse> {
        if self.acks == Acks::None {
            // What waits for somebody else's turn is not known yet; a client that asks for no answer gets none.
            let is_complete = self.pending.is_complete();
            let has_failed = self.has_refused() || (is_complete && self.fill().1);
            return if has_failed { Started::Close } else { Started::NoResponse };
        }
        if self.pending.is_complete() && !self.is_behind() && self.slow_down().is_none() {
            return Started::Ready(self.fill().0);
        }
        let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        let deadline = self.now.monotonic.plus(timeout);
        let clock = Arc::clone(&broker.clock);
        let mut producing = self;
        // The names share the request's bytes, which an answer that waits must not keep.
        for topic in &mut producing.response.responses {
            topic.name = topic.name.detached();
        }
        Started::Waiting(Box::pin(async move {
            producing.wait(&*clock, deadline).await;
            producing.fill().0
        }))
    }

    async fn wait(&self, clock: &dyn crate::seams::Clock, deadline: Monotonic) {
        let complete = async {
            std::future::poll_fn(|context| self.pending.poll_complete(context)).await;
            // A disk that cannot keep up slows its producers down.
            for place in &self.places {
                place.hosted.dir().catch_up().await;
            }
            if let Some(pause) = self.slow_down() {
                sleep_until(clock, clock.monotonic().plus(pause)).await;
            }
        };
        tokio::select! {
            biased;
            () = complete => {}
            () = sleep_until(clock, deadline) => {}
        }
    }

    fn is_behind(&self) -> bool {
        self.places.iter().any(|place| place.hosted.dir().is_behind())
    }

    /// How long the answer waits because a disk nears its end.
    fn slow_down(&self) -> Option<Duration> {
        self.places.iter().filter_map(|place| place.hosted.dir().room().slow_down()).max()
    }

    fn has_refused(&self) -> bool {
        let mut partitions =
            self.response.responses.iter().flat_map(|topic| &topic.partition_responses);
        partitions.any(|partition| partition.error_code != ErrorCode::None)
    }

    /// Puts the results into the answer; also says whether one of them is a refusal.
    fn fill(self) -> (ProduceResponse, bool) {
        let Self { pending, places, mut response, .. } = self;
        let results = pending.take_results(|index, ticket| {
            if let Some(place) = places.get(index) {
                place.hosted.cancel(ticket);
            }
        });
        let mut has_failed = false;
        for (place, result) in places.iter().zip(results) {
            has_failed |= result.is_err();
            let topic = &mut response.responses[place.topic];
            fill_partition(&mut topic.partition_responses[place.partition], &place.hosted, result);
        }
        (response, has_failed)
    }
}

fn fill_partition(
    response: &mut ResponseResponsePartitionResponse,
    hosted: &Partition,
    result: AppendResult,
) {
    match result {
        Ok(done) => {
            response.base_offset = done.base_offset.value();
            response.log_append_time_ms = done.log_append_time.value();
            response.log_start_offset = done.log_start_offset.value();
        }
        Err(refusal) => {
            let text = match &refusal {
                AppendRefusal::Log(LogRefusal::DiskFull { .. }) => hosted.dir().full_text(),
                _ => refusal.to_string(),
            };
            *response = refused(response.index, append_code(&refusal), Some(text));
        }
    }
}

fn refused(
    partition: i32,
    error_code: ErrorCode,
    message: Option<String>,
) -> ResponseResponsePartitionResponse {
    ResponseResponsePartitionResponse {
        index: partition,
        error_code,
        base_offset: -1,
        error_message: message.map(Str::from),
        ..ResponseResponsePartitionResponse::default()
    }
}

fn refused_batch(
    partition: i32,
    refusal: &IntakeRefusal,
    settings: &TopicSettings,
) -> ResponseResponsePartitionResponse {
    let message = intake_message(refusal, settings);
    let mut response = refused(partition, intake_code(refusal), Some(message));
    let records = match refusal {
        IntakeRefusal::Batch(
            BatchRefusal::InvalidRecord { records, .. }
            | BatchRefusal::InvalidTimestamp { records, .. },
        ) => records.as_slice(),
        IntakeRefusal::NotOneBatch
        | IntakeRefusal::UnsupportedMagic
        | IntakeRefusal::Malformed(_)
        | IntakeRefusal::Corrupt(_)
        | IntakeRefusal::NoTransaction
        | IntakeRefusal::Batch(_) => &[],
    };
    let errors = records.iter().map(|(index, text)| ResponseResponsePartitionResponseRecordError {
        batch_index: *index,
        batch_index_error_message: Some(Str::from_static(text)),
    });
    response.record_errors = errors.collect();
    response
}

fn refuse_all(topics: Vec<RequestTopicData>, error_code: ErrorCode) -> ProduceResponse {
    let refuse = |topic: RequestTopicData| ResponseResponse {
        name: topic.name,
        topic_id: topic.topic_id,
        partition_responses: topic
            .partition_data
            .iter()
            .map(|partition| refused(partition.index, error_code, None))
            .collect(),
    };
    ProduceResponse {
        responses: topics.into_iter().map(refuse).collect(),
        ..ProduceResponse::default()
    }
}
