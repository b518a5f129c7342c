//! A hundred members of a KIP-848 group read a thousand partitions; one more joins.
//!
//! It has settled once every member was told the group's epoch and every partition is read by one member. At heartbeats every
//! second that takes at most 3 s, at the default of 5 s at most two intervals and 2 s. What moves is what the newcomer gets, and
//! partitions that do not move are delivered all the time: no gap over 100 ms. A record is written to every partition every 40 ms.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use highwater_protocol::messages::consumer_group_describe::ConsumerGroupDescribeRequest;
use highwater_protocol::messages::produce::{
    ProduceRequest, RequestTopicData, RequestTopicDataPartitionData,
};
use highwater_records::{BatchBuilder, Codec, ErrorCode, Timestamp};
use highwater_tests::groups::coordinator;
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient};
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, MissedTickBehavior};

use super::board::Board;
use super::members::expect;
use super::reader::{GROUP, Reader, TOPIC};
use super::row;
use super::wire::Wire;

const MEMBERS: usize = 100;
const PARTITIONS: i32 = 1_000;
const RECORD_EVERY: Duration = Duration::from_millis(40);
const PRODUCE_VERSION: i16 = 9;
const DESCRIBE_VERSION: i16 = 0;
/// How long the first members may take to settle, and each round.
const SETTLED_MAX: Duration = Duration::from_secs(60);
/// Time after a group settled in which partitions are still looked at.
const AFTERMATH: Duration = Duration::from_millis(500);

struct Case {
    interval: Duration,
    overrides: &'static [&'static str],
    rounds: usize,
    target: &'static str,
}

const CASES: [Case; 2] = [
    Case {
        interval: Duration::from_secs(1),
        overrides: &[
            "group.consumer.heartbeat.interval.ms=1000",
            "group.consumer.min.heartbeat.interval.ms=1000",
        ],
        rounds: 7,
        target: "at most 3",
    },
    Case { interval: Duration::from_secs(5), overrides: &[], rounds: 3, target: "at most 12" },
];

pub(crate) fn run() -> Result<()> {
    for case in CASES {
        let directory = tempfile::tempdir()?;
        let broker = Highwater::serve(&directory.path().join("data"), case.overrides)?;
        let mut client = RawClient::connect(broker.address())?;
        // A sync of each of a thousand logs every 40 ms is more than a disk can do.
        create_topic(&mut client, TOPIC, PARTITIONS, &[("highwater.durability", "os")])?;
        coordinator(&mut client, GROUP)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let rounds = LocalSet::new().block_on(&runtime, rounds(&broker, &case))?;
        print(&case, &rounds)?;
    }
    Ok(())
}

fn print(case: &Case, rounds: &[Round]) -> Result<()> {
    let all = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    let seconds = case.interval.as_secs();
    let what = format!(
        "{MEMBERS} members, {PARTITIONS} partitions, heartbeats every {seconds} s: one joins, s"
    );
    row(&what, &all(|round| round.settled_s), case.target)?;
    let fair = f64::from(PARTITIONS / i32::try_from(MEMBERS + 1)?);
    row("  partitions that moved", &all(|round| round.moved), format!("{fair:.0}"))?;
    row("  gap in those that do not move, ms", &all(|round| round.gap_ms), "at most 100")?;
    row("  gap in all before, ms", &all(|round| round.gap_before_ms), "-")?;
    row("  gap in those that move, ms", &all(|round| round.gap_moved_ms), "-")
}

struct Round {
    settled_s: f64,
    moved: f64,
    gap_before_ms: f64,
    gap_ms: f64,
    gap_moved_ms: f64,
}

struct Story<'a> {
    broker: &'a Highwater,
    board: Rc<RefCell<Board>>,
    tasks: JoinSet<Result<()>>,
    describing: Wire,
}

async fn rounds(broker: &Highwater, case: &Case) -> Result<Vec<Round>> {
    let board = Rc::new(RefCell::new(Board::new(usize::try_from(PARTITIONS)?)));
    let describing = Wire::connect(broker.address()).await?;
    let mut story = Story { broker, board, tasks: JoinSet::new(), describing };
    story.tasks.spawn_local(produce(Wire::connect(broker.address()).await?));
    for number in 0..MEMBERS {
        // Heartbeats spread over the interval.
        tokio::time::sleep(case.interval / u32::try_from(MEMBERS)?).await;
        story.spawn(number);
    }
    story.settled(MEMBERS).await?;
    let mut rounds = Vec::new();
    for number in 0..case.rounds {
        rounds.push(story.round(MEMBERS + number, case.interval).await?);
    }
    Ok(rounds)
}

impl Story<'_> {
    fn spawn(&mut self, number: usize) -> Rc<Notify> {
        let leaving = Rc::new(Notify::new());
        let (address, board) = (self.broker.address(), Rc::clone(&self.board));
        self.tasks.spawn_local(Reader::new(number, address, board, Rc::clone(&leaving)).live());
        leaving
    }

    /// One member joins, and leaves again.
    async fn round(&mut self, number: usize, interval: Duration) -> Result<Round> {
        tokio::time::sleep(AFTERMATH).await;
        self.board.borrow_mut().begin();
        tokio::time::sleep(interval * 2).await;
        let all = 0..usize::try_from(PARTITIONS)?;
        let gap_before_ms = self.board.borrow().gap_ms(all.clone());
        let before = self.board.borrow().owners();

        self.board.borrow_mut().begin();
        let joined = Instant::now();
        let leaving = self.spawn(number);
        let settled = self.settled(MEMBERS + 1).await?;
        tokio::time::sleep(AFTERMATH).await;
        let after = self.board.borrow().owners();
        let has_moved = |partition: &usize| before[*partition] != after[*partition];
        let round = Round {
            settled_s: (settled - joined).as_secs_f64(),
            moved: f64::from(u32::try_from(all.clone().filter(has_moved).count())?),
            gap_before_ms,
            gap_ms: self.board.borrow().gap_ms(all.clone().filter(|it| !has_moved(it))),
            gap_moved_ms: self.board.borrow().gap_ms(all.filter(has_moved)),
        };
        leaving.notify_one();
        self.settled(MEMBERS).await?;
        Ok(round)
    }

    /// Waits until the group has settled, and says since when it has.
    async fn settled(&mut self, members: usize) -> Result<Instant> {
        let deadline = Instant::now() + SETTLED_MAX;
        loop {
            while let Some(ended) = self.tasks.try_join_next() {
                ended??;
            }
            let settled = self.board.borrow().settled(members);
            if let Some((epoch, since)) = settled
                && self.is_stable_at(epoch).await?
            {
                return Ok(since);
            }
            anyhow::ensure!(Instant::now() < deadline, "the group does not settle");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether the coordinator says so, too.
    async fn is_stable_at(&mut self, epoch: i32) -> Result<bool> {
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![GROUP.into()],
            ..ConsumerGroupDescribeRequest::default()
        };
        let described = self.describing.call(DESCRIBE_VERSION, &request).await?;
        let group = described.groups.first().context("no group in the answer")?;
        expect(group.error_code, ErrorCode::None, "describe")?;
        Ok(&*group.group_state == "Stable"
            && group.group_epoch == epoch
            && group.assignment_epoch == epoch)
    }
}

/// Writes one record to every partition, again and again.
async fn produce(mut wire: Wire) -> Result<()> {
    let mut batch = BatchBuilder::new(Codec::None);
    batch.append(Timestamp::new(1_700_000_000_000), None, Some(b"delivered"), &[]);
    let batch = batch.build();
    let data = |index| RequestTopicDataPartitionData {
        index,
        records: Some(batch.bytes().clone().into()),
    };
    let topic = RequestTopicData {
        name: TOPIC.into(),
        partition_data: (0..PARTITIONS).map(data).collect(),
        ..RequestTopicData::default()
    };
    let request = ProduceRequest {
        acks: 1,
        timeout_ms: 30_000,
        topic_data: vec![topic],
        ..ProduceRequest::default()
    };
    let mut ticks = tokio::time::interval(RECORD_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = wire.call(PRODUCE_VERSION, &request).await?;
        for partition in answer.responses.iter().flat_map(|topic| &topic.partition_responses) {
            expect(partition.error_code, ErrorCode::None, "produce")?;
        }
    }
}
