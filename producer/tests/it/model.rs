//! A broker of one topic that keeps its log in memory and checks sequences as Kafka does (KIP-98):
//! too simple to be wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::init_producer_id::{
    InitProducerIdRequest, InitProducerIdResponse,
};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_protocol::messages::produce::{
    ProduceRequest, ProduceResponse, ResponseResponse, ResponseResponsePartitionResponse,
};
use highwater_protocol::{ApiKey, Records};
use highwater_records::{BatchHeader, ErrorCode, Record, RecordBatch};

use crate::fake_broker::{Asked, FakeBroker, Reply, all_versions, metadata};

/// What the broker does to one batch, or to the request that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Refuse it with a code, nothing appended.
    Refuse(ErrorCode),
    /// Append it and answer with a code.
    AppendAndSay(ErrorCode),
    /// Append it and close the connection.
    AppendAndClose,
    /// Close the connection, nothing appended.
    Close,
}

/// What every test looks at.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Values in the order of the log.
    pub(crate) values: Vec<Vec<u8>>,
    /// The header of each batch as it came, appended or not.
    pub(crate) headers: Vec<BatchHeader>,
    pub(crate) versions: Vec<i16>,
    pub(crate) acks: Vec<i16>,
    producer_id_count: i64,
    producers: BTreeMap<i64, VecDeque<Appended>>,
}

#[derive(Clone, Copy, Debug)]
struct Appended {
    first: i32,
    last: i32,
    base_offset: i64,
}

pub(crate) struct Model {
    pub(crate) broker: FakeBroker,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Model {
    /// `fault` decides about each batch that arrives.
    pub(crate) async fn start(
        mut fault: impl FnMut(&BatchHeader) -> Fault + Send + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let (tell, told) = std::sync::mpsc::channel();
        let mut port = 0;
        let broker = FakeBroker::start(move |asked| {
            if port == 0 {
                port = told.recv().unwrap();
            }
            let seen = &mut shared.lock().unwrap();
            match asked.key {
                ApiKey::ApiVersions => asked.answer::<ApiVersionsRequest>(&all_versions()),
                ApiKey::Metadata => {
                    asked.answer::<MetadataRequest>(&metadata(&asked.request(), port, 1))
                }
                ApiKey::InitProducerId => {
                    seen.producer_id_count += 1;
                    let producer_id = seen.producer_id_count;
                    let response = InitProducerIdResponse {
                        producer_id,
                        producer_epoch: 0,
                        ..InitProducerIdResponse::default()
                    };
                    asked.answer::<InitProducerIdRequest>(&response)
                }
                ApiKey::Produce => seen.produce(asked, &mut fault),
                other => panic!("unexpected {other:?}"),
            }
        })
        .await;
        tell.send(broker.port).unwrap();
        Self { broker, seen }
    }

    pub(crate) fn values(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().values.clone()
    }
}

impl Seen {
    fn produce(&mut self, asked: &Asked, fault: &mut impl FnMut(&BatchHeader) -> Fault) -> Reply {
        let request: ProduceRequest = asked.request();
        self.versions.push(asked.header.api_version);
        self.acks.push(request.acks);
        let topic = &request.topic_data[0];
        let partition = &topic.partition_data[0];
        let records = partition.records.as_ref().map(Records::to_bytes).unwrap();
        let batch = RecordBatch::parse(records).expect("a whole batch with a good CRC");
        self.headers.push(batch.header().clone());
        let (code, offset) = match fault(batch.header()) {
            Fault::None => self.append(&batch),
            // What is there already was no larger when it was taken.
            Fault::Refuse(ErrorCode::MessageTooLarge) if self.has(batch.header()) => {
                self.append(&batch)
            }
            Fault::Refuse(code) => (code, -1),
            Fault::AppendAndSay(code) => {
                let (appended, _) = self.append(&batch);
                (if appended.is_none() { code } else { appended }, -1)
            }
            Fault::AppendAndClose => {
                self.append(&batch);
                return Reply::Close;
            }
            Fault::Close => return Reply::Close,
        };
        if request.acks == 0 {
            return Reply::Silence;
        }
        let answer = ResponseResponsePartitionResponse {
            index: partition.index,
            error_code: code,
            base_offset: offset,
            ..ResponseResponsePartitionResponse::default()
        };
        let response = ProduceResponse {
            responses: vec![ResponseResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_responses: vec![answer],
            }],
            ..ProduceResponse::default()
        };
        asked.answer::<ProduceRequest>(&response)
    }

    fn has(&self, header: &BatchHeader) -> bool {
        let known = self.producers.get(&header.producer_id.value());
        known.is_some_and(|known| known.iter().any(|it| it.first == header.base_sequence.value()))
    }

    fn append(&mut self, batch: &RecordBatch) -> (ErrorCode, i64) {
        let header = batch.header();
        let base_offset = i64::try_from(self.values.len()).unwrap();
        if !header.producer_id.is_none() {
            let first = header.base_sequence.value();
            let last = first + header.last_offset_delta;
            let known = self.producers.entry(header.producer_id.value()).or_default();
            if let Some(same) = known.iter().find(|it| it.first == first && it.last == last) {
                return (ErrorCode::None, same.base_offset);
            }
            // A producer that is not known may begin anywhere.
            if known.back().is_some_and(|newest| newest.last + 1 != first) {
                return (ErrorCode::OutOfOrderSequenceNumber, -1);
            }
            known.push_back(Appended { first, last, base_offset });
            if known.len() > 5 {
                known.pop_front();
            }
        }
        let records: Vec<Record> = batch.records().unwrap().map(Result::unwrap).collect();
        self.values.extend(records.into_iter().map(|it| it.value.unwrap().to_vec()));
        (ErrorCode::None, base_offset)
    }
}
