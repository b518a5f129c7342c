//! The cluster as one thing: connections to its brokers, and what is known of its topics.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use highwater_protocol::messages::metadata::{MetadataRequest, MetadataResponse, RequestTopic};
use highwater_records::{ErrorCode, LeaderEpoch, NodeId, TopicName};
use tokio::time::Instant;

use crate::metadata::LeaderHint;
use crate::retry::{Backoff, Verdict, time_given, verdict, wait_before};
use crate::{ClientError, ClientOptions, ClusterMetadata, Connection, ConnectionFault};

/// Shared access to one cluster; cheap to clone. Nothing is connected before it is needed.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    metadata: Mutex<Known>,
    links: Mutex<HashMap<(Place, Lane), Arc<Link>>>,
    /// Where the next search for any broker begins, so that not all go to the first.
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Known {
    metadata: Arc<ClusterMetadata>,
    fetched: Option<Instant>,
}

/// At most one connection; whoever holds the lock makes it, the others wait for that.
type Link = tokio::sync::Mutex<Option<Connection>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Node(NodeId),
    Bootstrap(usize),
}

/// What a connection is for: a broker may answer one request of a connection at a time, so that
/// what waits for data must not stand in front of what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Metadata, administration, look-ups: answered at once.
    Control,
    /// Produce and Fetch: answered when there is something to say.
    Data,
    /// What a member of a group says to its coordinator: its end tells that the member is gone.
    Group,
}

/// Which topics to ask about.
#[derive(Clone, Copy, Debug)]
pub enum TopicsWanted<'a> {
    /// All that the cluster has.
    All,
    /// None: only brokers and controller.
    None,
    /// These.
    Named {
        /// Their names.
        names: &'a [TopicName],
        /// Whether the broker may create those that do not exist, if its settings allow it.
        may_create: bool,
    },
}

impl Client {
    /// A client of the cluster behind the bootstrap servers.
    ///
    /// Errors: [`ClientError::InvalidArgument`] without a server.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        if options.bootstrap_servers.is_empty() {
            return Err(ClientError::InvalidArgument("no bootstrap server is given".into()));
        }
        let known = Known { metadata: Arc::default(), fetched: None };
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                metadata: Mutex::new(known),
                links: Mutex::default(),
                turn: AtomicUsize::new(0),
            }),
        })
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// What is known now, without asking.
    #[must_use]
    pub fn metadata(&self) -> Arc<ClusterMetadata> {
        Arc::clone(&self.lock_known().metadata)
    }

    /// Whether the metadata is older than it should be, or was never asked for.
    #[must_use]
    pub fn is_metadata_old(&self) -> bool {
        let fetched = self.lock_known().fetched;
        fetched.is_none_or(|fetched| fetched.elapsed() >= self.inner.options.metadata_max_age)
    }

    /// Asks any broker once, and remembers the answer.
    ///
    /// Errors: [`ClientError::NoBroker`]; refusals per topic are in the result.
    pub async fn refresh(
        &self,
        wanted: TopicsWanted<'_>,
    ) -> Result<Arc<ClusterMetadata>, ClientError> {
        let (request, replaces_topics) = metadata_request(wanted);
        let (connection, response) = self.ask_for_metadata(&request).await?;
        match response.error_code {
            ErrorCode::None => {}
            ErrorCode::RebootstrapRequired => {
                self.forget_brokers();
                return Err(self.refusal("Metadata", &connection, response.error_code, None));
            }
            code => return Err(self.refusal("Metadata", &connection, code, None)),
        }
        let mut known = self.lock_known();
        known.metadata = Arc::new(known.metadata.updated(&response, replaces_topics));
        known.fetched = Some(Instant::now());
        Ok(Arc::clone(&known.metadata))
    }

    /// The metadata with `topic` usable in it: known, without an error, with a partition.
    ///
    /// Errors: [`ClientError::TimedOut`] when that is not so by `deadline`;
    /// [`ClientError::UnknownTopic`] at once if the broker may not create it.
    pub async fn topic(
        &self,
        topic: &TopicName,
        may_create: bool,
        deadline: Instant,
    ) -> Result<Arc<ClusterMetadata>, ClientError> {
        let names = [topic.clone()];
        let wanted = TopicsWanted::Named { names: &names, may_create };
        let operation = || format!("looking up topic {topic}");
        self.retry_until(deadline, operation, |_| async {
            let metadata = self.refresh(wanted).await?;
            let found = metadata.topics.get(topic);
            match found.map(|found| (found.error, found.partitions.is_empty())) {
                Some((ErrorCode::None, false)) => Ok(metadata),
                Some((ErrorCode::UnknownTopicOrPartition, _)) | None if !may_create => {
                    Err(ClientError::UnknownTopic { topic: topic.to_string() })
                }
                Some((ErrorCode::None, true)) | None => Err(ClientError::Refused {
                    operation: "Metadata".into(),
                    address: Arc::from("the cluster"),
                    code: ErrorCode::LeaderNotAvailable,
                    message: None,
                }),
                Some((code, _)) => Err(ClientError::Refused {
                    operation: format!("topic {topic}"),
                    address: Arc::from("the cluster"),
                    code,
                    message: None,
                }),
            }
        })
        .await
    }

    /// Who leads a partition, from what is known now.
    #[must_use]
    pub fn known_leader(&self, topic: &TopicName, partition: i32) -> Option<(NodeId, LeaderEpoch)> {
        let known = self.lock_known();
        let partition = known.metadata.partition(topic, partition)?;
        partition.leader.map(|leader| (leader, partition.leader_epoch))
    }

    /// Remembers a leader that a refusal named (KIP-951); says whether that was news.
    pub fn note_leader(&self, hint: &LeaderHint) -> bool {
        let mut known = self.lock_known();
        Arc::make_mut(&mut known.metadata).note_leader(hint)
    }

    /// A connection to one broker, made if there is none.
    pub async fn connection(&self, node: NodeId, lane: Lane) -> Result<Connection, ClientError> {
        let address = {
            let known = self.lock_known();
            known.metadata.brokers.get(&node).map(|broker| Arc::clone(&broker.address))
        };
        let Some(address) = address else {
            return Err(ClientError::NoBroker { tried: Vec::new() });
        };
        Ok(self.link(Place::Node(node), lane, &address).await?)
    }

    /// A connection to whichever broker can be reached, those we know before those we were told.
    pub async fn any_connection(&self) -> Result<Connection, ClientError> {
        let mut places: Vec<(Place, Arc<str>)> = {
            let known = self.lock_known();
            let brokers = known.metadata.brokers.iter();
            brokers.map(|(id, broker)| (Place::Node(*id), Arc::clone(&broker.address))).collect()
        };
        let turn = self.inner.turn.fetch_add(1, Ordering::Relaxed);
        if !places.is_empty() {
            let by = turn % places.len();
            places.rotate_left(by);
        }
        if let Some(open) = self.first_open(&places) {
            return Ok(open);
        }
        for (index, server) in self.inner.options.bootstrap_servers.iter().enumerate() {
            places.push((Place::Bootstrap(index), Arc::from(server.as_str())));
        }
        let mut tried = Vec::new();
        for (place, address) in &places {
            match self.link(place.clone(), Lane::Control, address).await {
                Ok(connection) => return Ok(connection),
                Err(fault) => tried.push(fault),
            }
        }
        Err(ClientError::NoBroker { tried })
    }

    /// A connection to the broker that takes changes to the cluster.
    pub async fn controller(&self) -> Result<Connection, ClientError> {
        let mut metadata = self.metadata();
        if metadata.controller.is_none() || self.is_metadata_old() {
            metadata = self.refresh(TopicsWanted::None).await?;
        }
        match metadata.controller {
            Some(controller) => self.connection(controller, Lane::Control).await,
            None => self.any_connection().await,
        }
    }

    /// A connection to a broker that an answer named.
    pub(crate) async fn connection_to(
        &self,
        node: NodeId,
        lane: Lane,
        address: &Arc<str>,
    ) -> Result<Connection, ClientError> {
        Ok(self.link(Place::Node(node), lane, address).await?)
    }

    /// Runs `attempt` until it succeeds, fails for good, or `deadline` comes; refreshes brokers
    /// and controller in between where the failure asks for it. `attempt` gets the number of
    /// failures so far.
    pub async fn retry_until<T, F>(
        &self,
        deadline: Instant,
        operation: impl Fn() -> String,
        mut attempt: impl FnMut(u32) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let started = Instant::now();
        let mut backoff = Backoff::new(self.inner.options.retry);
        loop {
            let out_of_time = |last| ClientError::TimedOut {
                operation: operation(),
                after: time_given(started, deadline),
                last,
            };
            let tried = tokio::time::timeout_at(deadline, attempt(backoff.attempts())).await;
            let error = match tried {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => return Err(out_of_time(None)),
            };
            let verdict = verdict(&error);
            if verdict == Verdict::Final {
                return Err(error);
            }
            tracing::debug!(operation = operation(), error = %error, "will try again");
            if !wait_before(deadline, &mut backoff).await {
                return Err(out_of_time(Some(Box::new(error))));
            }
            if verdict == Verdict::RefreshAndRetry {
                let refresh = self.refresh(TopicsWanted::None);
                // If it fails, the next attempt fails too and says why.
                tokio::time::timeout_at(deadline, refresh).await.ok();
            }
        }
    }

    /// [`ClientError::Refused`] by the broker at the other end of `connection`.
    #[must_use]
    pub fn refusal(
        &self,
        operation: &str,
        connection: &Connection,
        code: ErrorCode,
        message: Option<String>,
    ) -> ClientError {
        let address = Arc::clone(connection.address());
        ClientError::Refused { operation: operation.into(), address, code, message }
    }

    /// When a call that starts now runs out of time.
    #[must_use]
    pub fn api_deadline(&self) -> Instant {
        Instant::now() + self.inner.options.api_timeout
    }

    /// How long a single request may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        self.inner.options.request_timeout
    }

    async fn ask_for_metadata(
        &self,
        request: &MetadataRequest,
    ) -> Result<(Connection, MetadataResponse), ClientError> {
        let connection = self.any_connection().await?;
        let response = connection.request(request).await?;
        Ok((connection, response))
    }

    fn first_open(&self, places: &[(Place, Arc<str>)]) -> Option<Connection> {
        let links = self.lock_links();
        places.iter().find_map(|(place, address)| {
            let link = links.get(&(place.clone(), Lane::Control))?;
            let link = link.try_lock().ok()?;
            let usable = |open: &&Connection| !open.is_closed() && open.address() == address;
            link.as_ref().filter(usable).cloned()
        })
    }

    async fn link(
        &self,
        place: Place,
        lane: Lane,
        address: &Arc<str>,
    ) -> Result<Connection, ConnectionFault> {
        let link = Arc::clone(self.lock_links().entry((place, lane)).or_default());
        let mut link = link.lock().await;
        if let Some(open) = link.as_ref()
            && !open.is_closed()
            && open.address() == address
        {
            return Ok(open.clone());
        }
        *link = None;
        let opened = Connection::open(address, &self.inner.options).await?;
        *link = Some(opened.clone());
        Ok(opened)
    }

    /// Back to the bootstrap servers: the cluster we knew is not there any more (KIP-1102).
    fn forget_brokers(&self) {
        let mut known = self.lock_known();
        known.metadata = Arc::default();
        known.fetched = None;
    }

    fn lock_known(&self) -> MutexGuard<'_, Known> {
        self.inner.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_links(&self) -> MutexGuard<'_, HashMap<(Place, Lane), Arc<Link>>> {
        self.inner.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn metadata_request(wanted: TopicsWanted<'_>) -> (MetadataRequest, bool) {
    let mut request =
        MetadataRequest { allow_auto_topic_creation: false, ..MetadataRequest::default() };
    match wanted {
        TopicsWanted::All => request.topics = None,
        TopicsWanted::None => request.topics = Some(Vec::new()),
        TopicsWanted::Named { names, may_create } => {
            let topic = |name: &TopicName| RequestTopic {
                name: Some(name.as_str().into()),
                ..RequestTopic::default()
            };
            request.topics = Some(names.iter().map(topic).collect());
            request.allow_auto_topic_creation = may_create;
        }
    }
    (request, matches!(wanted, TopicsWanted::All))
}
