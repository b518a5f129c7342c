//! Random histories of whole groups against a model, with the invariants looked at after each step.
//!
//! - I-G1: within a generation, or among the members of a consumer group, a partition has one owner.
//! - I-G2: generations and epochs never go back, and no member is ahead of its group.
//! - I-G3: nobody is assigned what it does not subscribe to or what does not exist.
//! - I-G4: the current generation commits and nobody else, and what is read was committed last.
//! - I-G5: a fresh machine that reads the log is as this one ([`Host::check_durable`]).

mod clients;
mod model;

use highwater_protocol::Str;
use highwater_protocol::messages::{offset_commit, offset_fetch, txn_offset_commit};
use proptest::prelude::*;

use super::fixture::Host;
use super::{Answer, GroupConfig, GroupRecord, Input, Refusal};
use crate::{ConnectionId, RequestId};
use clients::{Client, Protocol};
use model::Model;

const TOPICS: [(&str, i32); 2] = [("orders", 4), ("pays", 2)];
const GROUPS: [&str; 2] = ["g", "h"];
const PRODUCERS: i64 = 2;

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    /// The client does what its protocol wants next.
    Go {
        client: usize,
    },
    /// The client is killed: its connection closes, and a new process begins.
    Kill {
        client: usize,
    },
    /// The client hangs, and when it goes on it does not know.
    Silence {
        client: usize,
    },
    Leave {
        client: usize,
    },
    /// The client commits, in its generation or the one before.
    Commit {
        client: usize,
        partition: i32,
        is_stale: bool,
    },
    /// Somebody without membership commits.
    CommitAlone {
        group: usize,
        partition: i32,
    },
    CommitTxn {
        group: usize,
        partition: i32,
        producer: i64,
    },
    EndTxn {
        producer: i64,
        is_commit: bool,
    },
    DeleteGroup {
        group: usize,
    },
    Pass {
        ms: u64,
    },
    /// Another machine takes over.
    Restart,
    Expire,
}

fn step(clients: usize) -> impl Strategy<Value = Step> {
    let client = 0..clients;
    let group = 0..GROUPS.len();
    let partition = 0..TOPICS[0].1;
    let producer = 0..PRODUCERS;
    prop_oneof![
        40 => client.clone().prop_map(|client| Step::Go { client }),
        2 => client.clone().prop_map(|client| Step::Kill { client }),
        1 => client.clone().prop_map(|client| Step::Silence { client }),
        2 => client.clone().prop_map(|client| Step::Leave { client }),
        6 => (client, partition.clone(), any::<bool>())
            .prop_map(|(client, partition, is_stale)| Step::Commit { client, partition, is_stale }),
        2 => (group.clone(), partition.clone())
            .prop_map(|(group, partition)| Step::CommitAlone { group, partition }),
        3 => (group.clone(), partition, producer.clone())
            .prop_map(|(group, partition, producer)| Step::CommitTxn { group, partition, producer }),
        2 => (producer, any::<bool>())
            .prop_map(|(producer, is_commit)| Step::EndTxn { producer, is_commit }),
        1 => group.prop_map(|group| Step::DeleteGroup { group }),
        10 => (1u64..4_000).prop_map(|ms| Step::Pass { ms }),
        1 => (20_000u64..80_000).prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Restart),
        1 => Just(Step::Expire),
    ]
}

/// All that there is in one history.
struct World {
    host: Host,
    model: Model,
    clients: Vec<Client>,
}

impl World {
    fn new(protocols: &[Protocol]) -> Self {
        let config = GroupConfig {
            initial_rebalance_delay_ms: 500,
            group_size_max: 4,
            offsets_retention_ms: 120_000,
            ..GroupConfig::default()
        };
        let clients = protocols.iter().enumerate().map(|(index, protocol)| {
            // The last two are on their own.
            let group = if index + 2 < protocols.len() { GROUPS[0] } else { GROUPS[1] };
            Client::new(index, group, *protocol)
        });
        Self {
            clients: clients.collect(),
            host: Host::new(config, &TOPICS),
            model: Model::default(),
        }
    }

    fn send(&mut self, input: Input) -> Vec<(RequestId, Answer)> {
        let (records, answers) = self.host.send(input);
        self.took(&records, &answers);
        answers
    }

    /// What was appended goes to the model, what was answered to the clients.
    fn took(&mut self, records: &[GroupRecord], answers: &[(RequestId, Answer)]) {
        let first = self.host.log.len() - records.len();
        for (index, record) in records.iter().enumerate() {
            self.model.append(first + index, record);
        }
        self.model.batch_ended();
        for (request, answer) in answers {
            for client in &mut self.clients {
                client.on_answer(*request, answer, &mut self.model);
            }
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Go { client } => self.go(*client),
            Step::Kill { client } => {
                let connection = self.clients[*client].restart();
                self.send(Input::ConnectionClosed { connection: ConnectionId(connection) });
            }
            Step::Silence { client } => self.clients[*client].silence(),
            Step::Leave { client } => {
                if let Some(input) = self.clients[*client].leave(&mut self.host) {
                    self.send(input);
                    self.clients[*client].restart();
                }
            }
            Step::Commit { client, partition, is_stale } => {
                self.commit_of(*client, *partition, *is_stale);
            }
            Step::CommitAlone { group, partition } => {
                let request = self.commit(GROUPS[*group], *partition);
                let caller = self.host.caller(99, 9, "alone");
                self.send(Input::CommitOffsets { caller, request });
            }
            Step::CommitTxn { group, partition, producer } => {
                self.commit_txn(GROUPS[*group], *partition, *producer);
            }
            Step::EndTxn { producer, is_commit } => {
                self.host.end_transaction(*producer, *is_commit);
                self.model.end_transaction(*producer, *is_commit);
                self.host.check_durable();
            }
            Step::DeleteGroup { group } => {
                let caller = self.host.caller(99, 2, "admin");
                self.send(Input::DeleteGroup { caller, group_id: Str::from(GROUPS[*group]) });
            }
            Step::Pass { ms } => {
                let (records, answers) = self.host.pass_ms(*ms);
                self.took(&records, &answers);
            }
            Step::Restart => {
                // Requests on their way are lost with their connections.
                let answers = self.host.restart();
                self.took(&[], &answers);
                self.clients.iter_mut().for_each(Client::disconnected);
            }
            Step::Expire => {
                self.send(Input::ExpireOffsets);
            }
        }
        self.check();
    }

    fn go(&mut self, client: usize) {
        if let Some(input) = self.clients[client].next(&mut self.host) {
            self.send(input);
        }
    }

    fn commit(&mut self, group: &str, partition: i32) -> offset_commit::OffsetCommitRequest {
        let committed = offset_commit::RequestTopicPartition {
            partition_index: partition,
            committed_offset: self.model.next_offset(),
            ..Default::default()
        };
        let topic = offset_commit::RequestTopic {
            name: Str::from(TOPICS[0].0),
            partitions: vec![committed],
            ..Default::default()
        };
        offset_commit::OffsetCommitRequest {
            group_id: Str::from(group),
            topics: vec![topic],
            ..Default::default()
        }
    }

    fn commit_of(&mut self, client: usize, partition: i32, is_stale: bool) {
        let (group, member_id, epoch) = self.clients[client].membership();
        let mut request = self.commit(group, partition);
        request.generation_id_or_member_epoch = epoch - i32::from(is_stale);
        request.member_id = member_id.clone();
        request.group_instance_id = self.clients[client].instance_id.clone();
        let given = request.generation_id_or_member_epoch;
        let is_owed = self
            .host
            .group(group)
            .is_some_and(|group| model::may_commit(group, &member_id, given, &self.host.topics));
        let caller = self.host.caller(self.clients[client].connection, 9, "c");
        let answers = self.send(Input::CommitOffsets { caller, request });
        let accepted = match &answers[..] {
            [(_, Answer::CommitOffsets(Ok(topics)))] => topics[0].partitions[0].1.is_ok(),
            _ => false,
        };
        assert!(accepted || !is_owed, "{member_id} in {given}: {answers:?}");
        if accepted && given >= 0 {
            let group = self.host.group(group).unwrap();
            model::check_accepted(group, &member_id, given, partition, &self.host.topics);
        }
    }

    fn commit_txn(&mut self, group: &str, partition: i32, producer: i64) {
        let committed = txn_offset_commit::RequestTopicPartition {
            partition_index: partition,
            committed_offset: self.model.next_offset(),
            ..Default::default()
        };
        let topic = txn_offset_commit::RequestTopic {
            name: Str::from(TOPICS[0].0),
            partitions: vec![committed],
        };
        let request = txn_offset_commit::TxnOffsetCommitRequest {
            group_id: Str::from(group),
            producer_id: producer,
            topics: vec![topic],
            ..Default::default()
        };
        let caller = self.host.caller(98, 3, "producer");
        self.send(Input::CommitTxnOffsets { caller, request });
    }

    fn check(&mut self) {
        for group in GROUPS {
            self.model.check_group(self.host.group(group), group, &self.host.topics);
            self.check_fetch(group);
        }
        clients::check_owners(&self.clients, &self.host);
    }

    /// I-G4: what is read was committed last, in the order of the log.
    fn check_fetch(&mut self, group: &str) {
        for require_stable in [false, true] {
            let caller = self.host.caller(97, 9, "reader");
            let partitions: Vec<i32> = (0..TOPICS[0].1).collect();
            let topic = offset_fetch::RequestGroupTopic {
                name: Str::from(TOPICS[0].0),
                partition_indexes: partitions,
                ..Default::default()
            };
            let request = offset_fetch::RequestGroup {
                group_id: Str::from(group),
                topics: Some(vec![topic]),
                ..Default::default()
            };
            let input = Input::FetchOffsets { caller, group: request, require_stable };
            let answer = self.host.ask(input);
            let Answer::FetchOffsets(Ok(topics)) = &answer else { panic!("{answer:?}") };
            for fetched in &topics[0].partitions {
                let expected = self.model.offset(group, fetched.partition);
                let is_pending = self.model.is_pending(group, fetched.partition);
                let found = match &fetched.result {
                    Ok(found) => found.as_ref().map(|found| found.offset),
                    Err(Refusal::UnstableOffsetCommit) if require_stable && is_pending => continue,
                    Err(refusal) => panic!("{refusal:?}"),
                };
                assert!(!(require_stable && is_pending), "not stable, and read");
                assert_eq!(found, expected, "{group} {}", fetched.partition);
            }
        }
    }

    /// Nobody waits for ever: in the end every request has its answer.
    fn finish(&mut self) {
        let (records, answers) = self.host.pass_ms(20 * 60 * 1_000);
        self.took(&records, &answers);
        assert!(self.host.waiting.is_empty(), "{:?} wait for ever", self.host.waiting);
        self.check();
    }
}

fn run(protocols: &[Protocol], steps: &[Step]) {
    let mut world = World::new(protocols);
    for step in steps {
        world.run(step);
    }
    world.finish();
}

const ALL_CLASSIC: [Protocol; 6] = [
    Protocol::Classic,
    Protocol::Classic,
    Protocol::Static,
    Protocol::OldClassic,
    Protocol::Classic,
    Protocol::Static,
];
const ALL_CONSUMER: [Protocol; 5] = [Protocol::Consumer; 5];
const MIXED: [Protocol; 6] = [
    Protocol::Classic,
    Protocol::Consumer,
    Protocol::Static,
    Protocol::Consumer,
    Protocol::Consumer,
    Protocol::OldClassic,
];

/// Each step looks at everything, so a case of the larger groups costs a while.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn classic_groups_hold_what_they_promise(
        steps in proptest::collection::vec(step(ALL_CLASSIC.len()), 1..120),
    ) {
        run(&ALL_CLASSIC, &steps);
    }
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn consumer_groups_hold_what_they_promise(
        steps in proptest::collection::vec(step(ALL_CONSUMER.len()), 1..120),
    ) {
        run(&ALL_CONSUMER, &steps);
    }

    #[test]
    fn groups_of_both_protocols_hold_what_they_promise(
        steps in proptest::collection::vec(step(MIXED.len()), 1..120),
    ) {
        run(&MIXED, &steps);
    }
}
