//! A member of a KIP-848 group that reads what it is told to, as a client does.
//!
//! It heartbeats at the interval it was told, and at once after it gave up or took in partitions, then with what it owns; only its
//! first heartbeat says everything. It stops reading a partition, commits its position and tells the coordinator, in this order;
//! what it takes in it reads from the committed position. It fetches on a second connection, one long poll after another.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, RequestTopicPartition, ResponseAssignment,
};
use highwater_protocol::messages::fetch::{self, FetchRequest, ResponseResponsePartition};
use highwater_protocol::messages::offset_commit::{self, OffsetCommitRequest};
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, RequestGroup, RequestGroupTopic,
};
use highwater_records::{ErrorCode, Uuid, batches};
use tokio::sync::Notify;

use super::board::Board;
use super::members::{CONSUMER_HEARTBEAT_VERSION, expect, first_heartbeat};
use super::wire::Wire;

pub(crate) const GROUP: &str = "readers";
pub(crate) const TOPIC: &str = "read";

const COMMIT_VERSION: i16 = 9;
const OFFSET_FETCH_VERSION: i16 = 9;
const FETCH_VERSION: i16 = 11;
const LONG_POLL_MS: i32 = 500;
const LEAVE_EPOCH: i32 = -1;

/// One member; `live` is its life.
pub(crate) struct Reader {
    number: usize,
    address: SocketAddr,
    board: Rc<RefCell<Board>>,
    /// Told when the member is to leave.
    leaving: Rc<Notify>,
    /// By partition that it owns: the offset to be fetched next.
    positions: RefCell<BTreeMap<i32, i64>>,
    /// There is something to fetch.
    reading: Notify,
}

impl Reader {
    pub(crate) fn new(
        number: usize,
        address: SocketAddr,
        board: Rc<RefCell<Board>>,
        leaving: Rc<Notify>,
    ) -> Self {
        let (positions, reading) = (RefCell::default(), Notify::new());
        Self { number, address, board, leaving, positions, reading }
    }

    /// Joins, reads, and leaves once it is told to.
    pub(crate) async fn live(self) -> Result<()> {
        tokio::select! {
            ended = self.belong() => ended,
            ended = self.read() => ended,
        }
    }

    async fn belong(&self) -> Result<()> {
        let mut wire = Wire::connect(self.address).await?;
        let mut request = first_heartbeat(GROUP, &self.member_id(), TOPIC);
        loop {
            let answer = wire.call(CONSUMER_HEARTBEAT_VERSION, &request).await?;
            expect(answer.error_code, ErrorCode::None, "heartbeat")?;
            let interval_ms = u64::try_from(answer.heartbeat_interval_ms)?;
            let epoch = answer.member_epoch;
            let news = match answer.assignment {
                Some(told) => self.follow(&mut wire, epoch, &told).await?,
                None => None,
            };
            self.board.borrow_mut().heard(self.number, epoch);
            request = ConsumerGroupHeartbeatRequest {
                group_id: GROUP.into(),
                member_id: self.member_id().into(),
                member_epoch: epoch,
                ..ConsumerGroupHeartbeatRequest::default()
            };
            if news.is_some() {
                request.topic_partitions = news;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(interval_ms)) => {}
                () = self.leaving.notified() => {
                    self.board.borrow_mut().left(self.number);
                    request.member_epoch = LEAVE_EPOCH;
                    wire.call(CONSUMER_HEARTBEAT_VERSION, &request).await?;
                    return Ok(());
                }
            }
        }
    }

    /// Gives up and takes in; if there was any of that, gives what is owned now.
    async fn follow(
        &self,
        wire: &mut Wire,
        epoch: i32,
        assignment: &ResponseAssignment,
    ) -> Result<Option<Vec<RequestTopicPartition>>> {
        let Some(topic) = assignment.topic_partitions.first() else {
            anyhow::ensure!(self.positions.borrow().is_empty(), "everything was taken away");
            return Ok(None);
        };
        let told: BTreeSet<i32> = topic.partitions.iter().copied().collect();
        let superfluous: BTreeMap<i32, i64> = self
            .positions
            .borrow_mut()
            .extract_if(.., |partition, _| !told.contains(partition))
            .collect();
        if !superfluous.is_empty() {
            self.commit(wire, epoch, &superfluous).await?;
            for partition in superfluous.keys() {
                self.board.borrow_mut().give_up(usize::try_from(*partition)?);
            }
        }
        let missing: Vec<i32> = {
            let positions = self.positions.borrow();
            told.into_iter().filter(|partition| !positions.contains_key(partition)).collect()
        };
        if !missing.is_empty() {
            let committed = self.committed(wire, epoch, &missing).await?;
            for partition in &missing {
                self.board.borrow_mut().take_in(self.number, usize::try_from(*partition)?)?;
            }
            self.positions.borrow_mut().extend(committed);
            self.reading.notify_one();
        }
        let has_news = !superfluous.is_empty() || !missing.is_empty();
        Ok(has_news.then(|| self.owned(topic.topic_id)))
    }

    fn owned(&self, topic_id: Uuid) -> Vec<RequestTopicPartition> {
        let partitions = self.positions.borrow().keys().copied().collect();
        vec![RequestTopicPartition { topic_id, partitions }]
    }

    fn member_id(&self) -> String {
        format!("reader-{}", self.number)
    }

    // ---- offsets

    async fn commit(
        &self,
        wire: &mut Wire,
        epoch: i32,
        positions: &BTreeMap<i32, i64>,
    ) -> Result<()> {
        let partition = |(&partition_index, &committed_offset): (&i32, &i64)| {
            offset_commit::RequestTopicPartition {
                partition_index,
                committed_offset,
                ..Default::default()
            }
        };
        let partitions = positions.iter().map(partition).collect();
        let topic =
            offset_commit::RequestTopic { name: TOPIC.into(), partitions, ..Default::default() };
        let request = OffsetCommitRequest {
            group_id: GROUP.into(),
            generation_id_or_member_epoch: epoch,
            member_id: self.member_id().into(),
            topics: vec![topic],
            ..OffsetCommitRequest::default()
        };
        let answer = wire.call(COMMIT_VERSION, &request).await?;
        for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
            expect(partition.error_code, ErrorCode::None, "commit")?;
        }
        Ok(())
    }

    /// Committed positions; the beginning where there is none.
    async fn committed(
        &self,
        wire: &mut Wire,
        epoch: i32,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, i64>> {
        let topic = RequestGroupTopic {
            name: TOPIC.into(),
            partition_indexes: partitions.to_vec(),
            ..RequestGroupTopic::default()
        };
        let group = RequestGroup {
            group_id: GROUP.into(),
            member_id: Some(self.member_id().into()),
            member_epoch: epoch,
            topics: Some(vec![topic]),
        };
        let request = OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() };
        let answer = wire.call(OFFSET_FETCH_VERSION, &request).await?;
        let group = answer.groups.first().context("no group in the answer")?;
        expect(group.error_code, ErrorCode::None, "offset fetch")?;
        let topic = group.topics.first().context("no topic in the answer")?;
        let position = |it: &_| {
            let highwater_protocol::messages::offset_fetch::ResponseGroupTopicPartition {
                partition_index,
                committed_offset,
                ..
            } = it;
            (*partition_index, (*committed_offset).max(0))
        };
        Ok(topic.partitions.iter().map(position).collect())
    }

    // ---- reading

    async fn read(&self) -> Result<()> {
        let mut wire = Wire::connect(self.address).await?;
        loop {
            let request = self.fetch_request();
            if request.topics.is_empty() {
                self.reading.notified().await;
                continue;
            }
            let answer = wire.call(FETCH_VERSION, &request).await?;
            expect(answer.error_code, ErrorCode::None, "fetch")?;
            for partition in answer.responses.iter().flat_map(|topic| &topic.partitions) {
                self.deliver(partition)?;
            }
        }
    }

    fn fetch_request(&self) -> FetchRequest {
        let partition = |(&partition, &fetch_offset): (&i32, &i64)| fetch::RequestTopicPartition {
            partition,
            fetch_offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        };
        let partitions: Vec<_> = self.positions.borrow().iter().map(partition).collect();
        let topic = |partitions| fetch::RequestTopic {
            topic: TOPIC.into(),
            partitions,
            ..Default::default()
        };
        FetchRequest {
            max_wait_ms: LONG_POLL_MS,
            min_bytes: 1,
            session_epoch: -1,
            topics: (!partitions.is_empty()).then(|| topic(partitions)).into_iter().collect(),
            ..FetchRequest::default()
        }
    }

    fn deliver(&self, fetched: &ResponseResponsePartition) -> Result<()> {
        expect(fetched.error_code, ErrorCode::None, "fetch of a partition")?;
        let records = fetched.records.as_ref().map(|it| it.to_bytes()).unwrap_or_default();
        let mut positions = self.positions.borrow_mut();
        // It may have been given up while the answer was on its way.
        let Some(position) = positions.get_mut(&fetched.partition_index) else { return Ok(()) };
        if let Some(last) = batches(&records).last() {
            *position = last?.header().next_offset().value();
            self.board.borrow_mut().delivered(usize::try_from(fetched.partition_index)?);
        }
        Ok(())
    }
}
