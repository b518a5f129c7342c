//! What the tests of groups share: golden files, and a host that appends, replays and checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt::Write as _, fs};

use highwater_protocol::Str;
use highwater_protocol::records::GroupMetadataValue;
use highwater_records::{
    Monotonic, Now, Offset, ProducerEpoch, ProducerId, Timestamp, TopicName, Uuid,
};

use super::offsets::GroupOffsets;
use super::{
    Answer, Caller, DescribedConsumerGroup, Group, GroupConfig, GroupCoordinator, GroupKind,
    GroupRecord, Input, Refusal, Topic, Topics,
};
use crate::{ConnectionId, Machine, RequestId};

/// Ticks after which one input must have led to rest.
const TICKS_MAX: usize = 10_000;

/// Compares each block of a golden file (input, a line of dashes, output) with what `run` makes of
/// its input; `UPDATE_GOLDEN=1` writes the file anew.
pub(crate) fn check_golden(name: &str, mut run: impl FnMut(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    let before = fs::read_to_string(&path).unwrap();
    let mut after = String::new();
    for block in before.split("\n\n") {
        let block = block.trim_matches('\n');
        if block.is_empty() {
            continue;
        }
        let input = block.split("\n----").next().unwrap_or_default();
        writeln!(after, "{input}").unwrap();
        if !input.lines().all(|line| line.starts_with('#')) {
            writeln!(after, "----\n{}", run(input).trim_end()).unwrap();
        }
        after.push('\n');
    }
    let after = format!("{}\n", after.trim_end());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, after).unwrap();
        return;
    }
    compare(&path, &before, &after);
}

fn compare(path: &Path, before: &str, after: &str) {
    let lines = before.lines().zip(after.lines()).enumerate();
    for (at, (expected, found)) in lines {
        assert_eq!(found, expected, "{}:{}", path.display(), at + 1);
    }
    assert_eq!(after.lines().count(), before.lines().count(), "{}", path.display());
}

/// A coordinator and its log, kept as a host does.
pub(crate) struct Host {
    pub(crate) machine: GroupCoordinator,
    pub(crate) config: Arc<GroupConfig>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) log: Vec<GroupRecord>,
    pub(crate) now_ms: u64,
    requests: u64,
    uuids: u128,
    /// Requests that have no answer yet.
    pub(crate) waiting: BTreeSet<RequestId>,
}

/// Wall time at the start of a test.
pub(crate) const START_MS: i64 = 1_000_000;

impl Host {
    pub(crate) fn new(config: GroupConfig, topics: &[(&str, i32)]) -> Self {
        let config = Arc::new(config);
        let topics = Arc::new(Topics::new(topics.iter().enumerate().map(|(index, topic)| {
            let (name, partition_count) = *topic;
            TopicName::parse(name).unwrap();
            Topic { name: Str::from(name), id: topic_id(index + 1), partition_count }
        })));
        let mut machine = GroupCoordinator::new(Arc::clone(&config));
        machine.set_topics(Arc::clone(&topics));
        Self {
            machine,
            config,
            topics,
            log: Vec::new(),
            now_ms: 0,
            requests: 0,
            uuids: 0,
            waiting: BTreeSet::new(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::new(Duration::from_millis(self.now_ms)),
            wall: Timestamp::new(START_MS + i64::try_from(self.now_ms).unwrap()),
        }
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        self.uuids += 1;
        Uuid::from_bytes(self.uuids.to_be_bytes())
    }

    /// A caller whose request waits from now on.
    pub(crate) fn caller(&mut self, connection: u64, version: i16, client_id: &str) -> Caller {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.waiting.insert(request);
        Caller {
            request,
            connection: ConnectionId(connection),
            version,
            client_id: Str::from(client_id),
            client_host: Str::from("/127.0.0.1"),
        }
    }

    /// Handles an input and all that is due after it: records appended, and answers.
    pub(crate) fn send(&mut self, input: Input) -> (Vec<GroupRecord>, Vec<(RequestId, Answer)>) {
        let (mut records, mut answers) = (Vec::new(), Vec::new());
        self.handle(input, &mut records, &mut answers);
        for _ in 0..TICKS_MAX {
            if self.machine.next_deadline().is_none_or(|at| at > self.now().monotonic) {
                self.check_durable();
                return (records, answers);
            }
            self.handle(Input::Tick, &mut records, &mut answers);
        }
        panic!("ticks come to no end");
    }

    /// One input: what must survive a restart changes with the records of it, and not before.
    fn handle(
        &mut self,
        input: Input,
        records: &mut Vec<GroupRecord>,
        answers: &mut Vec<(RequestId, Answer)>,
    ) {
        let before = durable(&self.machine, &self.topics);
        let outcome = self.machine.handle(self.now(), input);
        assert_eq!(durable(&self.machine, &self.topics), before, "changed before the replay");
        self.take(outcome, records, answers);
    }

    /// The answer to something that only reads.
    pub(crate) fn ask(&mut self, input: Input) -> Answer {
        let outcome = self.machine.handle(self.now(), input);
        assert!(outcome.records.is_empty(), "{:?}", outcome.records);
        let [(request, answer)] = &outcome.answers[..] else { panic!("{:?}", outcome.answers) };
        assert!(self.waiting.remove(request));
        answer.clone()
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn pass_ms(&mut self, ms: u64) -> (Vec<GroupRecord>, Vec<(RequestId, Answer)>) {
        let end = self.now_ms + ms;
        let (mut records, mut answers) = (Vec::new(), Vec::new());
        loop {
            let next =
                self.machine.next_deadline().map(|at| at.value().as_nanos().div_ceil(1_000_000));
            let next = next.and_then(|at| u64::try_from(at).ok()).unwrap_or(u64::MAX);
            if next > end {
                break;
            }
            self.now_ms = self.now_ms.max(next);
            let (more_records, more_answers) = self.send(Input::Tick);
            records.extend(more_records);
            answers.extend(more_answers);
        }
        self.now_ms = end;
        (records, answers)
    }

    fn take(
        &mut self,
        outcome: super::GroupOutcome,
        records: &mut Vec<GroupRecord>,
        answers: &mut Vec<(RequestId, Answer)>,
    ) {
        let producer = outcome.records.first().and_then(GroupRecord::producer);
        for record in outcome.records {
            assert_eq!(record.producer(), producer, "one batch, one producer");
            self.append(record.clone());
            records.push(record);
        }
        for (request, answer) in outcome.answers {
            assert!(self.waiting.remove(&request), "{request:?} is answered twice: {answer:?}");
            answers.push((request, answer));
        }
    }

    /// Writes a record as bytes, reads it back and replays it.
    pub(crate) fn append(&mut self, record: GroupRecord) {
        let is_control = matches!(record, GroupRecord::TxnEnd { .. });
        let read_back = if is_control { record.clone() } else { round_trip(&record) };
        assert_eq!(read_back, record);
        let at = Offset::new(i64::try_from(self.log.len()).unwrap());
        self.machine.replay(at, &read_back);
        self.log.push(read_back);
    }

    /// The end of a transaction.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, is_commit: bool) {
        self.append(GroupRecord::TxnEnd {
            producer_id: ProducerId::new(producer_id),
            producer_epoch: ProducerEpoch::new(0),
            is_commit,
        });
    }

    /// Another machine takes the log over; who waits gets no answer.
    pub(crate) fn restart(&mut self) -> Vec<(RequestId, Answer)> {
        self.machine = self.replayed();
        self.waiting.clear();
        let outcome = self.machine.on_loaded(self.now());
        let (mut records, mut answers) = (Vec::new(), Vec::new());
        self.take(outcome, &mut records, &mut answers);
        answers
    }

    fn replayed(&self) -> GroupCoordinator {
        let mut machine = GroupCoordinator::new(Arc::clone(&self.config));
        machine.set_topics(Arc::clone(&self.topics));
        for (at, record) in self.log.iter().enumerate() {
            machine.replay(Offset::new(i64::try_from(at).unwrap()), record);
        }
        machine
    }

    /// I-G5: a fresh machine that reads the log holds the same durable state.
    pub(crate) fn check_durable(&self) {
        let fresh = self.replayed();
        assert_eq!(durable(&self.machine, &self.topics), durable(&fresh, &self.topics));
        // In a group that is at rest, members see what is in the log.
        for group in self.machine.all_groups() {
            let GroupKind::Classic(classic) = &group.kind else { continue };
            let described = classic.describe();
            if classic.record().is_some() && ["Stable", "Empty"].contains(&described.state) {
                let fresh = fresh.group(&group.id).map(|fresh| &fresh.kind);
                let Some(GroupKind::Classic(fresh)) = fresh else { panic!("{:?}", group.id) };
                assert_eq!(described, fresh.describe());
                assert_eq!(classic.generation(), fresh.generation());
            }
        }
    }

    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        self.machine.group(&Str::from(id))
    }
}

/// What a restart must bring back of one group.
#[derive(Debug, PartialEq)]
enum Durable {
    Classic(Option<GroupMetadataValue>, GroupOffsets),
    Consumer(Result<DescribedConsumerGroup, Refusal>, GroupOffsets),
}

fn durable(machine: &GroupCoordinator, topics: &Topics) -> BTreeMap<Str, Durable> {
    let mut all = BTreeMap::new();
    for group in machine.all_groups() {
        let offsets = group.offsets.clone();
        let durable = match &group.kind {
            GroupKind::Classic(classic) => Durable::Classic(classic.record().cloned(), offsets),
            GroupKind::Consumer(consumer) => Durable::Consumer(consumer.describe(topics), offsets),
        };
        // What only has members that wait for their first answer.
        if durable != Durable::Classic(None, GroupOffsets::default()) {
            all.insert(group.id.clone(), durable);
        }
    }
    all
}

pub(crate) fn round_trip(record: &GroupRecord) -> GroupRecord {
    let (key, value) = record.encode().unwrap();
    let read_back = GroupRecord::decode(Some(&key), value.as_ref()).unwrap().unwrap();
    match record.producer() {
        Some((producer_id, epoch)) => read_back.in_transaction(producer_id, epoch),
        None => read_back,
    }
}

pub(crate) fn topic_id(index: usize) -> Uuid {
    Uuid::from_bytes(u128::try_from(index).unwrap().to_be_bytes())
}
