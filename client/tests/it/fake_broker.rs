//! A scripted broker on a real loopback socket, shared by the tests of client, producer and
//! consumer. A script sees every request of every connection, one at a time.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use highwater_protocol::messages::api_versions::{ApiVersionsResponse, ResponseApiKey};
use highwater_protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, ResponseBroker, ResponseTopic, ResponseTopicPartition,
};
use highwater_protocol::{ApiKey, Message, Reader, Request, RequestHeader, ResponseHeader, Writer};
use highwater_records::{ErrorCode, Uuid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A broker that does what its script says; gone when dropped.
pub(crate) struct FakeBroker {
    pub(crate) port: i32,
    _connections: JoinSet<()>,
}

/// One request.
pub(crate) struct Asked {
    pub(crate) header: RequestHeader,
    pub(crate) key: ApiKey,
    body: Bytes,
}

/// What to do about a request.
pub(crate) enum Reply {
    /// Send these bytes, each piece as a frame.
    Frames(Vec<Bytes>),
    /// Say nothing.
    Silence,
    /// Close the connection.
    Close,
}

type Script = Arc<Mutex<dyn FnMut(&Asked) -> Reply + Send>>;

impl FakeBroker {
    pub(crate) async fn start(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = i32::from(listener.local_addr().unwrap().port());
        let script: Script = Arc::new(Mutex::new(script));
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serving.spawn(serve(stream, Arc::clone(&script)));
            }
        });
        Self { port, _connections: connections }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Asked {
    pub(crate) fn request<R: Request>(&self) -> R {
        assert_eq!(self.key, R::KEY);
        R::decode(&mut Reader::new(self.body.clone()), self.header.api_version).unwrap()
    }

    pub(crate) fn frame<R: Request>(&self, response: &R::Response) -> Bytes {
        self.frame_in::<R>(response, self.header.api_version)
    }

    /// An answer in another version than asked for.
    pub(crate) fn frame_in<R: Request>(&self, response: &R::Response, version: i16) -> Bytes {
        let mut writer = Writer::new();
        let correlation_id = self.header.correlation_id;
        ResponseHeader { correlation_id }.encode(&mut writer, R::KEY, version);
        response.encode(&mut writer, version).unwrap();
        writer.into_bytes().unwrap()
    }

    pub(crate) fn answer<R: Request>(&self, response: &R::Response) -> Reply {
        Reply::Frames(vec![self.frame::<R>(response)])
    }
}

/// ApiVersions with every version we know.
pub(crate) fn all_versions() -> ApiVersionsResponse {
    let keys = (0..=100).filter_map(ApiKey::from_code);
    let api_keys = keys.map(|key| ResponseApiKey {
        api_key: key.code(),
        min_version: *key.versions().start(),
        max_version: *key.versions().end(),
    });
    ApiVersionsResponse { api_keys: api_keys.collect(), ..ApiVersionsResponse::default() }
}

/// A cluster of one broker, id 1, that leads every partition of the topics asked for.
pub(crate) fn metadata(request: &MetadataRequest, port: i32, partitions: i32) -> MetadataResponse {
    let broker =
        ResponseBroker { node_id: 1, host: "127.0.0.1".into(), port, ..ResponseBroker::default() };
    let topics = request.topics.iter().flatten().map(|topic| ResponseTopic {
        error_code: ErrorCode::None,
        name: topic.name.clone(),
        topic_id: Uuid::from_bytes([7; 16]),
        partitions: (0..partitions)
            .map(|partition_index| ResponseTopicPartition {
                partition_index,
                leader_id: 1,
                leader_epoch: 0,
                replica_nodes: vec![1],
                isr_nodes: vec![1],
                ..ResponseTopicPartition::default()
            })
            .collect(),
        ..ResponseTopic::default()
    });
    MetadataResponse {
        brokers: vec![broker],
        controller_id: 1,
        topics: topics.collect(),
        ..MetadataResponse::default()
    }
}

async fn serve(mut stream: TcpStream, script: Script) {
    stream.set_nodelay(true).unwrap();
    while let Ok(length) = stream.read_i32().await {
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut frame).await.is_err() {
            return;
        }
        let mut reader = Reader::new(Bytes::from(frame.clone()));
        let header = RequestHeader::decode(&mut reader).unwrap();
        let key = ApiKey::from_code(header.api_key).unwrap();
        let body = Bytes::from(frame).slice(reader.position()..);
        let asked = Asked { header, key, body };
        let reply = script.lock().unwrap()(&asked);
        match reply {
            Reply::Frames(frames) => {
                let mut bytes = Vec::new();
                for frame in frames {
                    let length = i32::try_from(frame.len()).unwrap();
                    bytes.extend_from_slice(&length.to_be_bytes());
                    bytes.extend_from_slice(&frame);
                }
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Silence => {}
            Reply::Close => return,
        }
    }
}
