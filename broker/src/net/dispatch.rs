//! From a frame to its handler: header, version, body, and the table of what is served.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater_protocol::header::RequestHeader;
use highwater_protocol::messages::fetch::FetchRequest;
use highwater_protocol::messages::produce::ProduceRequest;
use highwater_protocol::{ApiKey, DecodeError, Frame, Message, Reader, Request, response_frame};
use highwater_records::ErrorCode;

use crate::broker::Broker;
use crate::context::{PeerContext, RequestContext, Started};
use crate::handlers;
use crate::metrics::AnswerErrors;
use crate::net::admission::{Admission, admit_produce};
use crate::net::connection::{Dispatched, Offence, Service};

/// One API that is served. Everything else closes the connection.
pub(crate) struct Served {
    pub(crate) key: ApiKey,
    /// What ApiVersions says. The codec may know fewer: such a version is advertised and closes the connection, as in Kafka.
    pub(crate) versions: RangeInclusive<i16>,
    run: fn(Call) -> Result<Dispatched, Offence>,
}

/// A request whose header has been read.
struct Call {
    broker: Arc<Broker>,
    context: RequestContext,
    reader: Reader,
}

/// An API whose requests are answered one at a time.
macro_rules! exclusive {
    ($key:ident, $versions:expr, $handler:path) => {
        Served {
            key: ApiKey::$key,
            versions: $versions,
            run: |call| {
                let Call { broker, context, reader } = call;
                let request = decode(&context, reader)?;
                Ok(Dispatched::Exclusive(Box::pin(async move {
                    let response = $handler(&broker, &context, request).await;
                    answer(&broker, ApiKey::$key, &context, &response)
                })))
            },
        }
    };
}

/// An API that takes effect at once and whose answers may wait side by side.
macro_rules! starting {
    ($key:ident, $versions:expr, $start:path) => {
        Served { key: ApiKey::$key, versions: $versions, run: $start }
    };
}

/// Everything this broker serves, ordered by key.
pub(crate) static SERVED: &[Served] = &[
    // Produce 0 to 2 cannot be decoded, and are advertised: older librdkafka turns features off without them (KAFKA-18659).
    starting!(Produce, 0..=13, start_produce),
    starting!(Fetch, 4..=18, start_fetch),
    exclusive!(ListOffsets, 1..=11, handlers::list_offsets::handle),
    exclusive!(Metadata, 0..=13, handlers::metadata::handle),
    exclusive!(OffsetCommit, 2..=10, handlers::offset_commit::handle),
    exclusive!(OffsetFetch, 1..=10, handlers::offset_fetch::handle),
    exclusive!(FindCoordinator, 0..=6, handlers::find_coordinator::handle),
    exclusive!(JoinGroup, 0..=9, handlers::join_group::handle),
    exclusive!(Heartbeat, 0..=4, handlers::heartbeat::handle),
    exclusive!(LeaveGroup, 0..=5, handlers::leave_group::handle),
    exclusive!(SyncGroup, 0..=5, handlers::sync_group::handle),
    exclusive!(DescribeGroups, 0..=6, handlers::describe_groups::handle),
    exclusive!(ListGroups, 0..=5, handlers::list_groups::handle),
    exclusive!(ApiVersions, 0..=4, handlers::api_versions::handle),
    exclusive!(CreateTopics, 2..=7, handlers::create_topics::handle),
    exclusive!(DeleteTopics, 1..=6, handlers::delete_topics::handle),
    exclusive!(DeleteRecords, 0..=2, handlers::delete_records::handle),
    exclusive!(InitProducerId, 0..=5, handlers::init_producer_id::handle),
    exclusive!(OffsetForLeaderEpoch, 2..=4, handlers::offset_for_leader_epoch::handle),
    exclusive!(DescribeConfigs, 1..=4, handlers::describe_configs::handle),
    exclusive!(AlterConfigs, 0..=2, handlers::alter_configs::handle),
    exclusive!(DescribeLogDirs, 1..=5, handlers::describe_log_dirs::handle),
    exclusive!(CreatePartitions, 0..=3, handlers::create_partitions::handle),
    exclusive!(DeleteGroups, 0..=2, handlers::delete_groups::handle),
    exclusive!(IncrementalAlterConfigs, 0..=1, handlers::incremental_alter_configs::handle),
    exclusive!(OffsetDelete, 0..=0, handlers::offset_delete::handle),
    exclusive!(DescribeCluster, 0..=2, handlers::describe_cluster::handle),
    exclusive!(ConsumerGroupHeartbeat, 0..=1, handlers::consumer_group_heartbeat::handle),
    exclusive!(ConsumerGroupDescribe, 0..=1, handlers::consumer_group_describe::handle),
    exclusive!(DescribeTopicPartitions, 0..=0, handlers::describe_topic_partitions::handle),
];

/// Row of each key in [`SERVED`], or none.
static ROWS: [Option<u8>; ROW_COUNT] = rows();
const ROW_COUNT: usize = 128;

const fn rows() -> [Option<u8>; ROW_COUNT] {
    let mut rows = [None; ROW_COUNT];
    let mut row = 0;
    while row < SERVED.len() {
        rows[SERVED[row].key.code() as usize] = Some(row as u8);
        row += 1;
    }
    rows
}

/// The real service: what one peer asks of a broker.
pub(crate) struct BrokerService {
    pub(crate) broker: Arc<Broker>,
    pub(crate) peer: Arc<PeerContext>,
}

impl Service for BrokerService {
    fn on_peer_closed(&self) {
        self.broker.groups.on_peer_closed(&self.peer);
    }

    fn call(&self, frame: Bytes) -> Result<Dispatched, Offence> {
        let mut reader = Reader::of_request(frame);
        let header = RequestHeader::decode(&mut reader).map_err(Offence::Header)?;
        let RequestHeader { api_key, api_version, correlation_id, client_id } = header;
        let Some(served) = find(api_key) else { return Err(Offence::UnknownApi { key: api_key }) };
        let peer = Arc::clone(&self.peer);
        let received = self.broker.clock.monotonic();
        let context = RequestContext { peer, client_id, api_version, correlation_id, received };
        if !served.versions.contains(&api_version) || !served.key.has_version(api_version) {
            if served.key == ApiKey::ApiVersions {
                let error = ErrorCode::UnsupportedVersion;
                self.broker.metrics.observe(served.key, Duration::ZERO, error);
                return handlers::api_versions::unsupported(&context).map(Dispatched::Ready);
            }
            return Err(Offence::UnsupportedVersion {
                api: served.key.name(),
                version: api_version,
            });
        }
        (served.run)(Call { broker: Arc::clone(&self.broker), context, reader })
    }
}

fn find(api_key: i16) -> Option<&'static Served> {
    let row = *ROWS.get(usize::try_from(api_key).ok()?)?;
    SERVED.get(usize::from(row?))
}

/// The row of an API in [`SERVED`].
pub(crate) fn row_of(key: ApiKey) -> Option<usize> {
    ROWS.get(usize::try_from(key.code()).ok()?).copied().flatten().map(usize::from)
}

fn decode<Q: Request>(context: &RequestContext, mut reader: Reader) -> Result<Q, Offence> {
    let version = context.api_version;
    // Bytes after the body are let pass, as in Kafka.
    Q::decode(&mut reader, version).map_err(|error| body_offence(Q::KEY, version, error))
}

fn body_offence(key: ApiKey, version: i16, error: DecodeError) -> Offence {
    Offence::Body { api: key.name(), version, error }
}

/// Counts an answer and makes a frame of it.
fn answer<R: Message + AnswerErrors>(
    broker: &Broker,
    key: ApiKey,
    context: &RequestContext,
    response: &R,
) -> Result<Frame, Offence> {
    let latency = broker.clock.monotonic().since(context.received);
    broker.metrics.observe(key, latency, response.first_error());
    encode(key, context, response)
}

/// The answer to `context`'s request as a frame.
pub(crate) fn encode<R: Message>(
    key: ApiKey,
    context: &RequestContext,
    response: &R,
) -> Result<Frame, Offence> {
    response_frame(key, context.api_version, context.correlation_id, response)
        .map_err(|error| Offence::Answer { api: key.name(), version: context.api_version, error })
}

/// Turns what `start` of a handler returned into an answer.
fn started<R: Message + AnswerErrors + Send + 'static>(
    broker: &Arc<Broker>,
    key: ApiKey,
    context: &RequestContext,
    started: Started<R>,
) -> Result<Dispatched, Offence> {
    Ok(match started {
        Started::Ready(response) => Dispatched::Ready(answer(broker, key, context, &response)?),
        Started::Waiting(waiting) => {
            // The client id shares the bytes of the request, which an answer that waits must not keep.
            let context = RequestContext { client_id: None, ..context.clone() };
            let broker = Arc::clone(broker);
            Dispatched::Waiting(Box::pin(async move {
                let response = waiting.await;
                answer(&broker, key, &context, &response)
            }))
        }
        Started::NoResponse => {
            let latency = broker.clock.monotonic().since(context.received);
            broker.metrics.observe(key, latency, ErrorCode::None);
            Dispatched::NoResponse
        }
        Started::Close => Dispatched::Close,
    })
}

fn start_produce(call: Call) -> Result<Dispatched, Offence> {
    let Call { broker, context, reader } = call;
    let request: ProduceRequest = decode(&context, reader)?;
    match admit_produce(&context, &request) {
        Admission::Pass => {
            let outcome = handlers::produce::start(&broker, &context, request);
            started(&broker, ApiKey::Produce, &context, outcome)
        }
        Admission::Wait(admitted) => Ok(Dispatched::Admitting(Box::pin(async move {
            admitted.await;
            let outcome = handlers::produce::start(&broker, &context, request);
            started(&broker, ApiKey::Produce, &context, outcome)
        }))),
    }
}

fn start_fetch(call: Call) -> Result<Dispatched, Offence> {
    let Call { broker, context, reader } = call;
    let mut request: FetchRequest = decode(&context, reader)?;
    let share = broker.net.response_share_bytes();
    request.max_bytes = request.max_bytes.min(i32::try_from(share).unwrap_or(i32::MAX));
    let outcome = handlers::fetch::start(&broker, &context, request);
    started(&broker, ApiKey::Fetch, &context, outcome)
}

#[cfg(test)]
mod tests;
