//! The producer's one task: takes due batches, sends them to leaders, takes in what came of it.
//!
//! It never waits for one broker alone: connecting, answers, metadata and producer ids are events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use highwater_client::retry::Need;
use highwater_client::{Client, ClientError, ClusterMetadata, Connection, Lane, TopicsWanted};
use highwater_protocol::messages::init_producer_id::InitProducerIdRequest;
use highwater_protocol::messages::produce::{ProduceRequest, ProduceResponse};
use highwater_records::{ErrorCode, NodeId, ProducerEpoch, ProducerId, TopicPartition};
use tokio::time::Instant;

use crate::ProduceError;
use crate::accumulator::Accumulator;
use crate::options::{Acks, ProducerBuilder};
use crate::partition::{BuiltBatch, Fate, PartitionState};
use crate::request::{IDENTITY_API, Sending, wants_metadata};
use crate::sequence::Identity;

/// How often batches that cannot be sent are looked at for their delivery timeout.
const EXPIRY_CHECK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Sender {
    client: Client,
    settings: ProducerBuilder,
    accumulator: Arc<Accumulator>,
    partitions: HashMap<TopicPartition, PartitionState>,
    links: BTreeMap<NodeId, Link>,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
    identity: Option<Identity>,
    identity_need: Need,
    metadata_need: Need,
    /// Why nothing can be sent any more, such as a broker without producer ids.
    fatal: Option<ProduceError>,
    /// Whether a broker said that its disk is full or fails, and nothing was written since.
    is_disk_in_trouble: bool,
}

/// Our side of one broker.
#[derive(Debug)]
struct Link {
    connection: Option<Connection>,
    connecting: Need,
    in_flight: usize,
    /// Which of the broker's partitions comes first in the next request.
    turn: usize,
}

#[derive(Debug)]
enum Event {
    Connected(NodeId, Result<Connection, ClientError>),
    Answered(NodeId, Sending, Result<ProduceResponse, ClientError>),
    Metadata(Result<Arc<ClusterMetadata>, ClientError>),
    Identity(Result<Identity, ClientError>),
}

impl Sender {
    pub(crate) fn new(
        client: Client,
        settings: ProducerBuilder,
        accumulator: Arc<Accumulator>,
    ) -> Self {
        let need = || Need::new(client.options().retry);
        Self {
            identity_need: need(),
            metadata_need: need(),
            client,
            settings,
            accumulator,
            partitions: HashMap::new(),
            links: BTreeMap::new(),
            events: FuturesUnordered::new(),
            identity: None,
            fatal: None,
            is_disk_in_trouble: false,
        }
    }

    /// Runs until its task is aborted.
    pub(crate) async fn run(mut self) {
        loop {
            let next = self.send_due(Instant::now()).await;
            let accumulator = Arc::clone(&self.accumulator);
            tokio::select! {
                biased;
                Some(event) = self.events.next(), if !self.events.is_empty() => {
                    self.on_event(event);
                }
                () = accumulator.woken() => {}
                () = sleep_until(next) => {}
            }
            while let Some(Some(event)) = self.events.next().now_or_never() {
                self.on_event(event);
            }
        }
    }

    /// Sends what can be sent; returns when to look again if nothing happens before.
    async fn send_due(&mut self, now: Instant) -> Option<Instant> {
        self.expire(now);
        let (due, mut next) = self.accumulator.ready(now);
        let mut candidates: BTreeSet<TopicPartition> = due.into_iter().collect();
        let failed = self.partitions.iter().filter(|(_, state)| state.has_failed());
        candidates.extend(failed.map(|(partition, _)| partition.clone()));
        if candidates.is_empty() {
            return next;
        }
        if self.client.is_metadata_old() {
            self.metadata_need.want();
        }
        let mut look_again = |at: Instant| next = Some(next.map_or(at, |next| next.min(at)));
        look_again(now + EXPIRY_CHECK);
        let mut by_leader: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
        for partition in candidates {
            let Some((leader, _)) = self.client.known_leader(&partition.topic, partition.partition)
            else {
                self.metadata_need.want();
                continue;
            };
            let state = self.state(&partition);
            if let Some(until) = state.waits_until(now) {
                look_again(until);
            } else if state.may_send(leader, now) {
                by_leader.entry(leader).or_default().push(partition);
            }
        }
        for (leader, partitions) in by_leader {
            self.send_to(leader, partitions, now).await;
        }
        self.ask_for_needs(now);
        let needs = self.links.values().map(|link| &link.connecting);
        for need in needs.chain([&self.metadata_need, &self.identity_need]) {
            if let Some(until) = need.waits_until(now) {
                look_again(until);
            }
        }
        next
    }

    /// Sends as many requests to `leader` as may be in flight, one batch per partition in each.
    async fn send_to(&mut self, leader: NodeId, partitions: Vec<TopicPartition>, now: Instant) {
        let need = || Need::new(self.client.options().retry);
        let link = self.links.entry(leader).or_insert_with(|| Link {
            connection: None,
            connecting: need(),
            in_flight: 0,
            turn: 0,
        });
        let open = link.connection.as_ref().filter(|connection| !connection.is_closed());
        let Some(connection) = open.cloned() else {
            link.connecting.want();
            return;
        };
        let mut partitions = partitions;
        let by = link.turn % partitions.len();
        partitions.rotate_left(by);
        while self.links[&leader].in_flight < self.settings.max_in_flight {
            let batches = self.take_batches(leader, &partitions, now);
            if batches.is_empty() {
                return;
            }
            self.send(leader, &connection, batches).await;
        }
    }

    fn take_batches(
        &mut self,
        leader: NodeId,
        partitions: &[TopicPartition],
        now: Instant,
    ) -> Vec<BuiltBatch> {
        let mut batches = Vec::new();
        let mut size = 0;
        for (index, partition) in partitions.iter().enumerate() {
            if size >= self.settings.max_request_size {
                if let Some(link) = self.links.get_mut(&leader) {
                    link.turn = link.turn.wrapping_add(index);
                }
                break;
            }
            let identity = self.identity;
            let accumulator = Arc::clone(&self.accumulator);
            let state = self.state(partition);
            if !state.may_send(leader, now) {
                continue;
            }
            if !state.take_identity(identity) {
                self.identity_need.want();
                continue;
            }
            let taken = match state.take_failed() {
                Some(failed) => Some(failed),
                None if state.may_take_new() => {
                    accumulator.take(partition, now).map(|batch| state.build(batch))
                }
                None => None,
            };
            if let Some(batch) = taken {
                state.on_sent(leader);
                size += batch.records().len_bytes();
                batches.push(batch);
            }
        }
        batches
    }

    async fn send(&mut self, leader: NodeId, connection: &Connection, batches: Vec<BuiltBatch>) {
        let sending = Sending::new(batches, &self.client.metadata());
        let timeout = self.client.request_timeout();
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let request = sending.request(self.settings.acks.on_the_wire(), timeout_ms);
        let versions = sending.versions(self.settings.compression);
        if let Some(link) = self.links.get_mut(&leader) {
            link.in_flight += 1;
        }
        let version = match connection.version_of::<ProduceRequest>(&versions) {
            Ok(version) => version,
            Err(error) => return self.on_event(Event::Answered(leader, sending, Err(error))),
        };
        if self.settings.acks == Acks::None {
            let fates = match connection.send(&request, version).await {
                Ok(()) => sending.fates_unacknowledged(),
                Err(error) => sending.fates_without_answer(&error),
            };
            return self.on_fates(leader, fates);
        }
        // Started here, in order; only the answer is waited for elsewhere.
        match connection.start(&request, version).await {
            Ok(pending) => self.events.push(
                async move { Event::Answered(leader, sending, pending.wait(timeout).await) }
                    .boxed(),
            ),
            Err(error) => self.on_event(Event::Answered(leader, sending, Err(error))),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected(node, result) => self.on_connected(node, result),
            Event::Answered(node, sending, Ok(response)) => {
                let (fates, hints) = sending.fates(&response);
                let news: Vec<_> =
                    hints.iter().filter(|hint| self.client.note_leader(hint)).collect();
                self.on_fates(node, fates);
                for hint in news {
                    let partition = TopicPartition::new(hint.topic.clone(), hint.partition);
                    self.state(&partition).stop_waiting();
                }
            }
            Event::Answered(node, sending, Err(error)) => {
                tracing::debug!(node = node.value(), %error, "a produce request failed");
                if let Some(link) = self.links.get_mut(&node)
                    && link.connection.as_ref().is_some_and(Connection::is_closed)
                {
                    link.connection = None;
                }
                self.on_fates(node, sending.fates_without_answer(&error));
            }
            Event::Metadata(Ok(metadata)) => {
                self.metadata_need.on_got();
                self.accumulator.update_topics(&metadata);
            }
            Event::Metadata(Err(error)) => {
                tracing::debug!(%error, "metadata could not be refreshed");
                self.metadata_need.on_failed();
                self.metadata_need.want();
            }
            Event::Identity(Ok(identity)) => {
                self.identity_need.on_got();
                self.identity = Some(identity);
            }
            Event::Identity(Err(error)) => self.on_no_identity(error),
        }
    }

    fn on_fates(&mut self, node: NodeId, fates: Vec<(BuiltBatch, Fate)>) {
        if let Some(link) = self.links.get_mut(&node) {
            link.in_flight -= 1;
        }
        let now = Instant::now();
        let accumulator = Arc::clone(&self.accumulator);
        for (batch, fate) in fates {
            if wants_metadata(&fate) {
                self.metadata_need.want();
            }
            self.tell_of_disk(&fate);
            let partition = batch.partition().clone();
            let used_up = self.state(&partition).on_fate(batch, fate, now, &accumulator);
            self.replace_identity(used_up);
        }
    }

    /// Says once that a broker's disk is in trouble: it is tried again until the time is up, and somebody may be waiting who can help.
    fn tell_of_disk(&mut self, fate: &Fate) {
        match fate {
            Fate::Written(_) => self.is_disk_in_trouble = false,
            Fate::Again { error, .. } if is_of_disk(error) => {
                if !self.is_disk_in_trouble {
                    tracing::warn!(%error, "not written yet, trying again");
                }
                self.is_disk_in_trouble = true;
            }
            Fate::Again { .. } | Fate::Unnumbered { .. } | Fate::Final { .. } => {}
        }
    }

    fn on_connected(&mut self, node: NodeId, result: Result<Connection, ClientError>) {
        let Some(link) = self.links.get_mut(&node) else { return };
        match result {
            Ok(connection) => {
                link.connecting.on_got();
                link.connection = Some(connection);
            }
            Err(error) => {
                link.connecting.on_failed();
                // Once per outage; after that it only goes on.
                match link.connecting.failure_count() {
                    1 => tracing::warn!(node = node.value(), %error, "lost a broker, trying again"),
                    _ => tracing::debug!(node = node.value(), %error, "no connection"),
                }
                self.metadata_need.want();
            }
        }
    }

    fn on_no_identity(&mut self, error: ClientError) {
        self.identity_need.on_failed();
        let may_come = match &error {
            ClientError::Refused { code, .. } => code.is_retriable(),
            ClientError::Connection(_) | ClientError::NoBroker { .. } => true,
            _ => false,
        };
        tracing::debug!(%error, may_come, "no producer id");
        if may_come {
            self.metadata_need.want();
            self.identity_need.want();
        } else {
            self.fatal = Some(ProduceError::Client(error));
        }
    }

    /// A partition cannot go on with this producer id: others may, new numbers need a new one.
    fn replace_identity(&mut self, used_up: Option<Identity>) {
        if used_up.is_some() && self.identity == used_up {
            self.identity = None;
            self.identity_need.want();
        }
    }

    fn expire(&mut self, now: Instant) {
        let after = self.settings.delivery_timeout;
        let limit = match &self.fatal {
            Some(_) => Some(now),
            None => now.checked_sub(after),
        };
        let Some(limit) = limit else { return };
        let accumulator = Arc::clone(&self.accumulator);
        for batch in accumulator.take_expired(limit) {
            let partition = batch.settle.partition().clone();
            let timed_out = ProduceError::DeliveryTimedOut { partition, after, last: None };
            accumulator.release(batch.number, batch.reserved_bytes);
            batch.settle.settle(Err(self.fatal.clone().unwrap_or(timed_out)));
        }
        let states = self.partitions.values_mut();
        let used_up: Vec<_> =
            states.filter_map(|state| state.expire(limit, after, &accumulator)).collect();
        for identity in used_up {
            self.replace_identity(Some(identity));
        }
    }

    fn ask_for_needs(&mut self, now: Instant) {
        if self.metadata_need.start(now) {
            let (client, names) = (self.client.clone(), self.accumulator.topics());
            let refreshed = async move {
                let wanted = TopicsWanted::Named { names: &names, may_create: false };
                Event::Metadata(client.refresh(wanted).await)
            };
            self.events.push(refreshed.boxed());
        }
        if self.settings.is_idempotent() && self.identity_need.start(now) {
            let client = self.client.clone();
            let asked = async move { Event::Identity(ask_for_identity(&client).await) };
            self.events.push(asked.boxed());
        }
        for (node, link) in &mut self.links {
            if link.connecting.start(now) {
                let (client, node) = (self.client.clone(), *node);
                let connected = async move {
                    Event::Connected(node, client.connection(node, Lane::Data).await)
                };
                self.events.push(connected.boxed());
            }
        }
    }

    fn state(&mut self, partition: &TopicPartition) -> &mut PartitionState {
        if !self.partitions.contains_key(partition) {
            let retry = self.client.options().retry;
            let state = PartitionState::new(self.settings.is_idempotent(), retry);
            self.partitions.insert(partition.clone(), state);
        }
        self.partitions.get_mut(partition).expect("inserted above")
    }
}

async fn ask_for_identity(client: &Client) -> Result<Identity, ClientError> {
    let connection = client.any_connection().await?;
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        producer_id: ProducerId::NONE.value(),
        producer_epoch: ProducerEpoch::NONE.value(),
    };
    let response = connection.request(&request).await?;
    if !response.error_code.is_none() {
        let code = response.error_code;
        return Err(client.refusal(IDENTITY_API.name(), &connection, code, None));
    }
    Ok(Identity {
        id: ProducerId::new(response.producer_id),
        epoch: ProducerEpoch::new(response.producer_epoch),
    })
}

async fn sleep_until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}
/// Whether it says that a broker's disk is full or fails.
fn is_of_disk(error: &ProduceError) -> bool {
    matches!(error, ProduceError::Refused { code: ErrorCode::KafkaStorageError, .. })
}
