//! The consumer's face, and the loop behind `poll`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream};
use futures_util::{FutureExt, StreamExt};
use highwater_client::retry::Need;
use highwater_client::{
    Client, ClientError, ClusterMetadata, Connection, Lane, ListedOffset, OffsetSpec, TopicsWanted,
};
use highwater_protocol::messages::fetch::{FetchRequest, FetchResponse};
use highwater_records::{NodeId, Offset, TopicName, TopicPartition};
use tokio::time::Instant;

use crate::fetch::{Fetching, Wanted};
use crate::group::{Group, GroupEvent};
use crate::options::ConsumerBuilder;
use crate::partition::{AfterFetch, AssignedPartition, SeekTo};
use crate::{ConsumeError, ConsumerRecord};

/// Fetches in flight at one broker: one may wait for data while the other brings some.
const FETCHES_PER_NODE_MAX: usize = 2;
/// How long one round of position look-ups may take; partitions without a leader stay for the
/// next, so that they do not hold up the others.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads assigned partitions of a Kafka cluster.
///
/// Records are fetched ahead while they are worked on. Nothing runs in the background except
/// requests that are under way: what arrives is taken in by the next [`Consumer::poll`].
#[derive(Debug)]
pub struct Consumer {
    pub(crate) client: Client,
    pub(crate) options: ConsumerBuilder,
    pub(crate) partitions: BTreeMap<TopicPartition, AssignedPartition>,
    links: BTreeMap<NodeId, Link>,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
    pub(crate) metadata_need: Need,
    /// Which partition comes first next time, in requests and in what `poll` returns.
    turn: usize,
    /// Records taken out of their partitions that no `poll` has returned yet.
    pub(crate) ready: Vec<ConsumerRecord>,
    pub(crate) assignment_count: u64,
    /// Who says which partitions we read, if that is not the caller.
    pub(crate) group: Option<Group>,
}

#[derive(Debug)]
struct Link {
    connection: Option<Connection>,
    connecting: Need,
    in_flight: usize,
}

#[derive(Debug)]
enum Event {
    Connected(NodeId, Result<Connection, ClientError>),
    Fetched(NodeId, Fetching, Result<FetchResponse, ClientError>),
    Metadata(Result<Arc<ClusterMetadata>, ClientError>),
    Found(Vec<(u64, TopicPartition, Result<ListedOffset, ClientError>)>),
    Group(GroupEvent),
}

impl Consumer {
    /// Settings for a consumer; `servers` is a list such as `broker-1:9092,broker-2:9092`.
    #[must_use]
    pub fn builder(servers: &str) -> ConsumerBuilder {
        ConsumerBuilder::new(servers)
    }

    pub(crate) fn new(client: Client, options: ConsumerBuilder) -> Self {
        Self {
            metadata_need: Need::new(client.options().retry),
            client,
            options,
            partitions: BTreeMap::new(),
            links: BTreeMap::new(),
            events: FuturesUnordered::new(),
            turn: 0,
            ready: Vec::new(),
            assignment_count: 0,
            group: None,
        }
    }

    /// Reads these partitions, and no others, each from its place. Ends a subscription without
    /// telling the group; [`Consumer::close`] tells it.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = (TopicPartition, SeekTo)>) {
        let retry = self.client.options().retry;
        self.assignment_count += 1;
        // Above every generation that was, so that late answers are not taken for new ones.
        let generation = self.assignment_count << 32;
        self.group = None;
        let assigned = partitions
            .into_iter()
            .map(|(name, to)| (name.clone(), AssignedPartition::new(name, to, generation, retry)));
        self.partitions = assigned.collect();
        self.ready.clear();
        self.metadata_need.want();
    }

    /// Reads an assigned partition on from elsewhere; says whether it is assigned.
    pub fn seek(&mut self, partition: &TopicPartition, to: SeekTo) -> bool {
        match self.partitions.get_mut(partition) {
            Some(assigned) => {
                assigned.seek(to);
                if let Some(group) = &mut self.group {
                    group.forget_stored(partition);
                }
                let TopicPartition { topic, partition } = partition;
                self.ready.retain(|it| it.topic != *topic || it.partition != *partition);
                true
            }
            None => false,
        }
    }

    /// Returns records as soon as there are any, at most `max_poll_records`; none if there are
    /// none within `timeout`.
    ///
    /// Cancel-safe: dropped half-way, the next call returns what this one would have.
    ///
    /// Errors: any [`ConsumeError`], of one partition; the others, and this one, can be polled on.
    pub async fn poll(&mut self, timeout: Duration) -> Result<Vec<ConsumerRecord>, ConsumeError> {
        let deadline = Instant::now() + timeout;
        loop {
            self.take_events();
            self.take_records();
            let next = self.start_work(Instant::now()).await;
            if !self.ready.is_empty() {
                return Ok(std::mem::take(&mut self.ready));
            }
            let of_group = self.group.as_mut().and_then(Group::take_error);
            let of_partition = || self.partitions.values_mut().find_map(|it| it.take_error());
            if let Some(error) = of_group.or_else(of_partition) {
                return Err(error);
            }
            if self.is_over(deadline, next).await {
                return Ok(Vec::new());
            }
        }
    }

    /// Does for `timeout` what [`Consumer::poll`] does besides returning records: heartbeats,
    /// commits, fetching ahead as far as there is room. For whoever cannot take more records now
    /// and wants to stay in the group.
    ///
    /// Cancel-safe, as `poll`.
    ///
    /// Errors: of the group; those of partitions stay for the next `poll`.
    pub async fn keep_alive(&mut self, timeout: Duration) -> Result<(), ConsumeError> {
        let deadline = Instant::now() + timeout;
        loop {
            self.take_events();
            let next = self.start_work(Instant::now()).await;
            if let Some(error) = self.group.as_mut().and_then(Group::take_error) {
                return Err(error);
            }
            if self.is_over(deadline, next).await {
                return Ok(());
            }
        }
    }

    /// The records as a stream that never ends by itself. After an error it can be polled on.
    pub fn stream(&mut self) -> impl Stream<Item = Result<ConsumerRecord, ConsumeError>> + use<'_> {
        let state = (self, Vec::new().into_iter());
        futures_util::stream::unfold(state, |(consumer, mut ready)| async move {
            loop {
                if let Some(record) = ready.next() {
                    return Some((Ok(record), (consumer, ready)));
                }
                match consumer.poll(Duration::from_secs(60)).await {
                    Ok(records) => ready = records.into_iter(),
                    Err(error) => return Some((Err(error), (consumer, ready))),
                }
            }
        })
    }

    /// The offset of the next record that `poll` will return, once that is known.
    #[must_use]
    pub fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        let TopicPartition { topic, partition: number } = partition;
        let ready = self.ready.iter().find(|it| it.topic == *topic && it.partition == *number);
        match ready {
            Some(record) => Some(record.offset),
            None => self.partitions.get(partition)?.position(),
        }
    }

    /// The end of the partition as of the last answer about it: the first offset that is not yet
    /// committed to the log.
    #[must_use]
    pub fn high_watermark(&self, partition: &TopicPartition) -> Option<Offset> {
        self.partitions.get(partition)?.high_watermark()
    }

    /// The partitions of a topic, in order.
    ///
    /// Errors: [`ClientError::UnknownTopic`]; the topic is not created.
    pub async fn partitions_of(
        &self,
        topic: &TopicName,
    ) -> Result<Vec<TopicPartition>, ConsumeError> {
        let metadata = self.client.topic(topic, false, self.client.api_deadline()).await?;
        let known = metadata.topics.get(topic).map(|topic| topic.partitions.as_slice());
        let numbers = known.unwrap_or_default().iter().map(|known| known.partition);
        Ok(numbers.map(|number| TopicPartition::new(topic.clone(), number)).collect())
    }

    /// Looks up a place in each of some partitions, assigned or not.
    pub async fn offsets(
        &self,
        places: BTreeMap<TopicPartition, OffsetSpec>,
    ) -> BTreeMap<TopicPartition, Result<ListedOffset, ClientError>> {
        let deadline = self.client.api_deadline();
        self.client.list_offsets(places, self.options.isolation, deadline).await
    }

    /// The client below, for look-ups beside the records.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Takes in everything that has come.
    fn take_events(&mut self) {
        while let Some(Some(event)) = self.events.next().now_or_never() {
            self.on_event(event);
        }
    }

    /// Waits until something comes, or there is work at `next`; says whether `deadline` was first.
    async fn is_over(&mut self, deadline: Instant, next: Option<Instant>) -> bool {
        let wake = next.map_or(deadline, |next| next.min(deadline));
        tokio::select! {
            biased;
            Some(event) = self.events.next(), if !self.events.is_empty() => {
                self.on_event(event);
                false
            }
            () = tokio::time::sleep_until(wake) => wake == deadline,
        }
    }

    /// Makes fetched records ready, a partition at a time so that their order is kept.
    fn take_records(&mut self) {
        let max = self.options.max_poll_records;
        let count = self.partitions.len();
        if count == 0 {
            return;
        }
        let first = self.turn % count;
        let mut partitions: Vec<_> = self.partitions.values_mut().collect();
        partitions.rotate_left(first);
        for (index, partition) in partitions.into_iter().enumerate() {
            if self.ready.len() >= max {
                self.turn = first + index;
                break;
            }
            partition.take_records(&mut self.ready, max);
        }
    }

    /// Sends what is to be sent; returns when to look again if nothing happens before.
    async fn start_work(&mut self, now: Instant) -> Option<Instant> {
        self.start_group(now);
        self.start_lookups(now);
        let mut by_leader: BTreeMap<NodeId, Vec<Wanted>> = BTreeMap::new();
        let mut next: Option<Instant> = None;
        let mut look_again = |at: Instant| next = Some(next.map_or(at, |next| next.min(at)));
        if let Some(until) = self.group.as_ref().and_then(|group| group.wake(now)) {
            look_again(until);
        }
        for (name, partition) in &self.partitions {
            if let Some(until) = partition.waits_until(now) {
                look_again(until);
            }
            let Some((offset, last_fetched_epoch)) = partition.wants_fetch(now) else { continue };
            let Some((leader, leader_epoch)) =
                self.client.known_leader(&name.topic, name.partition)
            else {
                self.metadata_need.want();
                continue;
            };
            by_leader.entry(leader).or_default().push(Wanted {
                partition: name.clone(),
                generation: partition.generation,
                leader_epoch,
                offset,
                last_fetched_epoch,
            });
        }
        if self.client.is_metadata_old() && !self.partitions.is_empty() {
            self.metadata_need.want();
        }
        for (leader, wanted) in by_leader {
            self.fetch(leader, wanted).await;
        }
        self.ask_for_needs(now);
        let needs = self.links.values().map(|link| &link.connecting);
        for need in needs.chain([&self.metadata_need]) {
            if let Some(until) = need.waits_until(now) {
                look_again(until);
            }
        }
        next
    }

    /// Lets the group do what is due.
    fn start_group(&mut self, now: Instant) {
        let Some(mut group) = self.group.take() else { return };
        let mut started = Vec::new();
        let changes = group.start(now, |partition| self.position(partition), &mut started);
        self.group = Some(group);
        let started = started.into_iter().map(|event| event.map(Event::Group).boxed());
        self.events.extend(started);
        self.change(changes);
    }

    fn on_group_event(&mut self, event: GroupEvent) {
        if let Some(group) = &mut self.group {
            let changes = group.on_event(event);
            self.change(changes);
        }
    }

    async fn fetch(&mut self, leader: NodeId, mut wanted: Vec<Wanted>) {
        let retry = self.client.options().retry;
        let link = self.links.entry(leader).or_insert_with(|| Link {
            connection: None,
            connecting: Need::new(retry),
            in_flight: 0,
        });
        let open = link.connection.as_ref().filter(|connection| !connection.is_closed());
        let Some(connection) = open.cloned() else {
            link.connecting.want();
            return;
        };
        if link.in_flight >= FETCHES_PER_NODE_MAX {
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        let by = self.turn % wanted.len();
        wanted.rotate_left(by);
        let fetching = Fetching::new(wanted, &self.client.metadata());
        let request = fetching.request(&self.options);
        let timeout = self.client.request_timeout() + self.options.fetch_max_wait;
        let started = match connection.version_of::<FetchRequest>(&fetching.versions()) {
            Ok(version) => connection.start(&request, version).await,
            Err(error) => Err(error),
        };
        link.in_flight += 1;
        for wanted in &fetching.wanted {
            if let Some(partition) = self.partitions.get_mut(&wanted.partition) {
                partition.on_fetch_sent();
            }
        }
        let event = async move {
            let response = match started {
                Ok(pending) => pending.wait(timeout).await,
                Err(error) => Err(error),
            };
            Event::Fetched(leader, fetching, response)
        };
        self.events.push(event.boxed());
    }

    fn start_lookups(&mut self, now: Instant) {
        let mut places = BTreeMap::new();
        let mut generations = BTreeMap::new();
        for (name, partition) in &mut self.partitions {
            if let Some(place) = partition.start_lookup(now) {
                places.insert(name.clone(), place);
                generations.insert(name.clone(), partition.generation);
            }
        }
        if places.is_empty() {
            return;
        }
        let (client, isolation) = (self.client.clone(), self.options.isolation);
        let event = async move {
            let found = client.list_offsets(places, isolation, Instant::now() + LOOKUP_TIMEOUT);
            let found = found.await.into_iter();
            Event::Found(found.map(|(name, found)| (generations[&name], name, found)).collect())
        };
        self.events.push(event.boxed());
    }

    fn ask_for_needs(&mut self, now: Instant) {
        if self.metadata_need.start(now) {
            let mut topics: BTreeSet<TopicName> =
                self.partitions.values().map(|partition| partition.topic().clone()).collect();
            topics.extend(self.group.iter().flat_map(|group| group.topics().iter().cloned()));
            let (client, names) = (self.client.clone(), Vec::from_iter(topics));
            let refreshed = async move {
                let wanted = TopicsWanted::Named { names: &names, may_create: false };
                Event::Metadata(client.refresh(wanted).await)
            };
            self.events.push(refreshed.boxed());
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

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected(node, result) => {
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
                            1 => {
                                tracing::warn!(node = node.value(), %error, "lost a broker, trying again")
                            }
                            _ => tracing::debug!(node = node.value(), %error, "no connection"),
                        }
                        self.metadata_need.want();
                    }
                }
            }
            Event::Fetched(node, fetching, result) => {
                if let Some(link) = self.links.get_mut(&node) {
                    link.in_flight -= 1;
                }
                match result {
                    Ok(response) if response.error_code.is_none() => {
                        self.on_fetched(&fetching, response);
                    }
                    Ok(response) => {
                        tracing::debug!(code = %response.error_code, "a fetch was refused");
                        self.on_fetch_failed(&fetching);
                    }
                    Err(error) => {
                        tracing::debug!(node = node.value(), %error, "a fetch failed");
                        self.on_fetch_failed(&fetching);
                    }
                }
            }
            Event::Metadata(Ok(metadata)) => {
                self.metadata_need.on_got();
                if let Some(group) = &mut self.group {
                    group.on_metadata(&metadata);
                }
            }
            Event::Metadata(Err(error)) => {
                tracing::debug!(%error, "metadata could not be refreshed");
                self.metadata_need.on_failed();
                self.metadata_need.want();
            }
            Event::Found(found) => self.on_found(found),
            Event::Group(event) => self.on_group_event(event),
        }
    }

    fn on_fetched(&mut self, fetching: &Fetching, response: FetchResponse) {
        let now = Instant::now();
        let (answers, hints) = fetching.answers(response);
        let mut unanswered: BTreeSet<&TopicPartition> =
            fetching.wanted.iter().map(|wanted| &wanted.partition).collect();
        for answered in answers {
            unanswered.remove(&answered.partition);
            let reset = self.options.auto_offset_reset;
            let Some(partition) = self.partitions.get_mut(&answered.partition) else { continue };
            if partition.generation != answered.generation {
                continue;
            }
            if let Some(group) =
                self.group.as_mut().filter(|_| answered.answer.error_code.is_none())
            {
                group.on_read(&answered.partition.topic);
            }
            match partition.on_fetched(answered.answer, reset, now) {
                AfterFetch::Nothing => {}
                AfterFetch::RefreshMetadata => self.metadata_need.want(),
            }
        }
        for name in unanswered {
            let generation = fetching.wanted.iter().find(|wanted| wanted.partition == *name);
            let generation = generation.map(|wanted| wanted.generation);
            let partition = self.partitions.get_mut(name);
            if let Some(partition) = partition.filter(|it| Some(it.generation) == generation) {
                partition.on_fetch_failed(now);
            }
        }
        for hint in hints {
            let name = TopicPartition::new(hint.topic.clone(), hint.partition);
            if self.client.note_leader(&hint)
                && let Some(partition) = self.partitions.get_mut(&name)
            {
                partition.stop_waiting();
            }
        }
    }

    fn on_fetch_failed(&mut self, fetching: &Fetching) {
        let now = Instant::now();
        self.metadata_need.want();
        for wanted in &fetching.wanted {
            let partition = self.partitions.get_mut(&wanted.partition);
            if let Some(partition) = partition.filter(|it| it.generation == wanted.generation) {
                partition.on_fetch_failed(now);
            }
        }
    }

    fn on_found(&mut self, found: Vec<(u64, TopicPartition, Result<ListedOffset, ClientError>)>) {
        let now = Instant::now();
        for (generation, name, found) in found {
            let Some(partition) = self.partitions.get_mut(&name) else { continue };
            if partition.generation != generation {
                continue;
            }
            match found {
                Ok(listed) => partition.on_found(listed.offset),
                Err(error) => {
                    let may_come = matches!(error, ClientError::TimedOut { .. });
                    partition.on_not_found(error.into(), may_come, now);
                }
            }
        }
    }
}
