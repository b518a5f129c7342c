//! Stories of groups, line by line: `testdata/*.txt`.
//!
//! Member ids are long; `c1#2` stands for the id of client `c1` with the second random part.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use highwater_protocol::messages::{
    heartbeat, join_group, leave_group, list_groups, offset_commit, offset_delete, offset_fetch,
    sync_group, txn_offset_commit,
};
use highwater_protocol::{Str, Writer};
use highwater_records::Uuid;

use super::fixture::{Host, check_golden};
use super::records::expire_timestamp;
use super::{
    Answer, FetchedTopic, GroupConfig, GroupRecord, Input, JoinAnswer, Refusal, TopicResults,
};
use crate::{ConnectionId, RequestId};

const TOPICS: [(&str, i32); 3] = [("orders", 12), ("pays", 3), ("logs", 1)];

fn check(name: &str) {
    let mut host = Host::new(GroupConfig::default(), &TOPICS);
    check_golden(name, |block| {
        let mut printed = String::new();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            printed.push_str(&Line::parse(line).run(&mut host));
        }
        if printed.is_empty() { "-".to_owned() } else { printed }
    });
}

#[test]
fn classic_groups_form_and_rebalance() {
    check("classic.txt");
}

#[test]
fn classic_calls_are_refused_as_by_kafka() {
    check("classic_refusals.txt");
}

#[test]
fn assignments_are_shown_until_a_generation_ends_without_any() {
    check("classic_describe.txt");
}

#[test]
fn static_members_keep_their_place() {
    check("static_members.txt");
}

#[test]
fn members_that_are_gone_are_noticed() {
    check("disconnect.txt");
}

#[test]
fn offsets_are_committed_and_read() {
    check("offsets.txt");
}

#[test]
fn offsets_and_groups_expire() {
    check("expiry.txt");
}

/// One command: a verb, words, and `key=value` options.
struct Line {
    verb: String,
    words: Vec<String>,
    options: BTreeMap<String, String>,
}

impl Line {
    fn parse(line: &str) -> Self {
        let mut parts = line.split_whitespace().map(expand);
        let verb = parts.next().unwrap();
        let (mut words, mut options) = (Vec::new(), BTreeMap::new());
        for part in parts {
            match part.split_once('=') {
                Some((key, value)) if !key.contains('-') => {
                    options.insert(key.to_owned(), value.to_owned());
                }
                Some(_) | None => words.push(part),
            }
        }
        Self { verb, words, options }
    }

    fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    fn text(&self, key: &str) -> Str {
        Str::from(self.option(key).unwrap_or_default())
    }

    fn optional(&self, key: &str) -> Option<Str> {
        self.option(key).map(long)
    }

    fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, key: &str, otherwise: T) -> T {
        self.option(key).map_or(otherwise, |text| text.parse().unwrap())
    }

    fn list(&self, key: &str) -> Vec<Str> {
        let items = self.option(key).into_iter().flat_map(|text| text.split(','));
        items.map(Str::from).collect()
    }

    fn group(&self) -> Str {
        Str::from(self.words.first().map_or("", |word| if word == "\"\"" { "" } else { word }))
    }

    fn run(&self, host: &mut Host) -> String {
        let (records, answers) = match self.verb.as_str() {
            "begin" => {
                *host = self.begin();
                return String::new();
            }
            "pass" => host.pass_ms(self.words[0].parse().unwrap()),
            "restart" => (Vec::new(), host.restart()),
            "end-txn" => {
                host.end_transaction(self.number("producer", 0), self.words[0] == "commit");
                host.check_durable();
                return String::new();
            }
            "waiting" => {
                return format!(
                    "waiting {:?}\n",
                    host.waiting.iter().map(|id| id.0).collect::<Vec<_>>()
                );
            }
            _ => {
                let input = self.input(host);
                host.send(input)
            }
        };
        let mut printed = String::new();
        for record in &records {
            writeln!(printed, "{}", shorten(&show_record(record))).unwrap();
        }
        for (request, answer) in &answers {
            writeln!(printed, "{}", shorten(&show_answer(*request, answer))).unwrap();
        }
        printed
    }

    fn begin(&self) -> Host {
        let defaults = GroupConfig::default();
        let config = GroupConfig {
            initial_rebalance_delay_ms: self.number("initial", defaults.initial_rebalance_delay_ms),
            disconnect_timeout_ms: self.number("disconnect", defaults.disconnect_timeout_ms),
            group_size_max: self.number("size", defaults.group_size_max),
            group_bytes_max: self.number("bytes", defaults.group_bytes_max),
            offset_metadata_bytes_max: self.number("texts", defaults.offset_metadata_bytes_max),
            offsets_retention_ms: self.number("retention", defaults.offsets_retention_ms),
            ..defaults
        };
        Host::new(config, &TOPICS)
    }

    fn input(&self, host: &mut Host) -> Input {
        let client = self.option("client").unwrap_or("c");
        match self.verb.as_str() {
            "close" => {
                return Input::ConnectionClosed {
                    connection: ConnectionId(self.number("conn", 1)),
                };
            }
            "expire" => return Input::ExpireOffsets,
            "topic-deleted" => {
                let name = self.group();
                let id = host.topics.by_name(&name).map(|topic| topic.id).unwrap_or_default();
                return Input::TopicsDeleted { topics: vec![(name, id)] };
            }
            _ => {}
        }
        let uuid = if self.verb == "join" { host.uuid() } else { Uuid::ZERO };
        let client = long(client);
        // Later versions of SyncGroup have to name the protocol.
        let version = self.number("v", if self.verb == "sync" { 4 } else { 9 });
        let caller = host.caller(self.number("conn", 1), version, &client);
        match self.verb.as_str() {
            "join" => Input::Join { caller, request: self.join(), uuid },
            "sync" => Input::Sync { caller, request: self.sync() },
            "heartbeat" => Input::Heartbeat {
                caller,
                request: heartbeat::HeartbeatRequest {
                    group_id: self.group(),
                    generation_id: self.number("gen", -1),
                    member_id: self.text("member"),
                    group_instance_id: self.optional("instance"),
                },
            },
            "leave" => Input::Leave { caller, request: self.leave() },
            "commit" => Input::CommitOffsets { caller, request: self.commit() },
            "txn-commit" => Input::CommitTxnOffsets { caller, request: self.txn_commit() },
            "fetch" => Input::FetchOffsets {
                caller,
                group: self.fetch(),
                require_stable: self.words.iter().any(|word| word == "stable"),
            },
            "delete-offsets" => Input::DeleteOffsets { caller, request: self.delete_offsets() },
            "delete-group" => Input::DeleteGroup { caller, group_id: self.group() },
            "describe" => Input::DescribeGroup { caller, group_id: self.group() },
            "list" => Input::ListGroups {
                caller,
                request: list_groups::ListGroupsRequest {
                    states_filter: self.list("states"),
                    types_filter: self.list("types"),
                },
            },
            verb => panic!("unknown verb {verb}"),
        }
    }

    fn join(&self) -> join_group::JoinGroupRequest {
        let protocols = self.option("protocols").unwrap_or("range:orders");
        let protocols = protocols.split(',').filter(|given| !given.is_empty()).map(|given| {
            let (name, topics) = given.split_once(':').unwrap_or((given, ""));
            let metadata = match topics.strip_prefix('!') {
                Some(raw) => Bytes::copy_from_slice(raw.as_bytes()),
                None => subscription(topics),
            };
            join_group::RequestProtocol { name: Str::from(name), metadata }
        });
        join_group::JoinGroupRequest {
            group_id: self.group(),
            session_timeout_ms: self.number("session", 10_000),
            rebalance_timeout_ms: self.number("rebalance", 60_000),
            member_id: self.text("member"),
            group_instance_id: self.optional("instance"),
            protocol_type: Str::from(self.option("type").unwrap_or("consumer")),
            protocols: protocols.collect(),
            reason: None,
        }
    }

    fn sync(&self) -> sync_group::SyncGroupRequest {
        let assignments = self.list("assign").into_iter().map(|given| {
            let (member_id, assignment) = given.split_once(':').unwrap();
            sync_group::RequestAssignment {
                member_id: Str::from(member_id),
                assignment: Bytes::copy_from_slice(assignment.as_bytes()),
            }
        });
        sync_group::SyncGroupRequest {
            group_id: self.group(),
            generation_id: self.number("gen", -1),
            member_id: self.text("member"),
            group_instance_id: self.optional("instance"),
            protocol_type: self.optional("type"),
            protocol_name: self.optional("protocol"),
            assignments: assignments.collect(),
        }
    }

    fn leave(&self) -> leave_group::LeaveGroupRequest {
        let one = |member_id: Str, group_instance_id: Option<Str>| leave_group::RequestMember {
            member_id,
            group_instance_id,
            reason: None,
        };
        let by_id = self.list("members").into_iter().map(|id| one(id, None));
        let by_instance =
            self.list("instances").into_iter().map(|instance| one(Str::default(), Some(instance)));
        leave_group::LeaveGroupRequest {
            group_id: self.group(),
            member_id: self.text("member"),
            members: by_id.chain(by_instance).collect(),
        }
    }

    /// `topic-partition=offset` words, by topic.
    fn partitions(&self) -> Vec<(Str, Vec<(i32, i64)>)> {
        let mut topics: Vec<(Str, Vec<(i32, i64)>)> = Vec::new();
        for word in self.words.iter().skip(1).filter(|word| word.contains('-')) {
            let (topic, partition) = word.split_once('-').unwrap();
            let (partition, offset) = partition.split_once('=').unwrap_or((partition, "-1"));
            let entry = (partition.parse().unwrap(), offset.parse().unwrap());
            match topics.iter_mut().find(|(name, _)| *name == topic) {
                Some((_, partitions)) => partitions.push(entry),
                None => topics.push((Str::from(topic), vec![entry])),
            }
        }
        topics
    }

    fn commit(&self) -> offset_commit::OffsetCommitRequest {
        let metadata = self.option("metadata").map(|text| match text.parse() {
            Ok(length) => Str::from("m".repeat(length)),
            Err(_) => Str::from(text),
        });
        let topics = self.partitions().into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(partition_index, committed_offset)| {
                offset_commit::RequestTopicPartition {
                    partition_index,
                    committed_offset,
                    committed_leader_epoch: self.number("epoch", -1),
                    committed_metadata: metadata.clone(),
                }
            });
            offset_commit::RequestTopic {
                name,
                topic_id: Uuid::ZERO,
                partitions: partitions.collect(),
            }
        });
        offset_commit::OffsetCommitRequest {
            group_id: self.group(),
            generation_id_or_member_epoch: self.number("gen", -1),
            member_id: self.text("member"),
            group_instance_id: self.optional("instance"),
            retention_time_ms: self.number("retention", -1),
            topics: topics.collect(),
        }
    }

    fn txn_commit(&self) -> txn_offset_commit::TxnOffsetCommitRequest {
        let topics = self.partitions().into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(partition_index, committed_offset)| {
                txn_offset_commit::RequestTopicPartition {
                    partition_index,
                    committed_offset,
                    ..Default::default()
                }
            });
            txn_offset_commit::RequestTopic { name, partitions: partitions.collect() }
        });
        txn_offset_commit::TxnOffsetCommitRequest {
            transactional_id: Str::from("t"),
            group_id: self.group(),
            producer_id: self.number("producer", 0),
            producer_epoch: 0,
            generation_id_or_member_epoch: self.number("gen", -1),
            member_id: self.text("member"),
            group_instance_id: self.optional("instance"),
            topics: topics.collect(),
        }
    }

    fn fetch(&self) -> offset_fetch::RequestGroup {
        let topics = self.partitions().into_iter().map(|(name, partitions)| {
            let partition_indexes =
                partitions.into_iter().map(|(partition, _)| partition).collect();
            offset_fetch::RequestGroupTopic { name, topic_id: Uuid::ZERO, partition_indexes }
        });
        let is_all = self.words.iter().any(|word| word == "all");
        offset_fetch::RequestGroup {
            group_id: self.group(),
            topics: (!is_all).then(|| topics.collect()),
            ..Default::default()
        }
    }

    fn delete_offsets(&self) -> offset_delete::OffsetDeleteRequest {
        let topics = self.partitions().into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(partition_index, _)| {
                offset_delete::RequestTopicPartition { partition_index }
            });
            offset_delete::RequestTopic { name, partitions: partitions.collect() }
        });
        offset_delete::OffsetDeleteRequest { group_id: self.group(), topics: topics.collect() }
    }
}

/// A consumer's subscription to topics joined by `+`.
fn subscription(topics: &str) -> Bytes {
    let names: Vec<Str> =
        topics.split('+').filter(|name| !name.is_empty()).map(Str::from).collect();
    let mut writer = Writer::new();
    writer.i16(0);
    writer.primitives(false, &names).unwrap();
    writer.i32(-1);
    writer.into_bytes().unwrap()
}

fn show_answer(request: RequestId, answer: &Answer) -> String {
    let refused = |refusal: &Refusal| format!("refused: {refusal:?}");
    let shown = match answer {
        Answer::Join(Ok(joined)) => show_join(joined),
        Answer::Sync(Ok(assigned)) => format!(
            "assigned {:?} type={} protocol={}",
            String::from_utf8_lossy(&assigned.assignment),
            assigned.protocol_type.clone().unwrap_or_default(),
            assigned.protocol_name.clone().unwrap_or_default(),
        ),
        Answer::Heartbeat(Ok(())) | Answer::DeleteGroup(Ok(())) => "ok".to_owned(),
        Answer::Leave(Ok(members)) => {
            let left = members.iter().map(|left| {
                let instance = left.group_instance_id.clone().unwrap_or_default();
                format!("{}/{instance} {}", left.member_id, show_result(&left.result))
            });
            left.collect::<Vec<_>>().join(", ")
        }
        Answer::CommitOffsets(Ok(topics))
        | Answer::CommitTxnOffsets(Ok(topics))
        | Answer::DeleteOffsets(Ok(topics)) => show_topics(topics),
        Answer::FetchOffsets(Ok(topics)) => show_fetched(topics),
        Answer::ListGroups(groups) => {
            let groups = groups.iter().map(|group| {
                let kind = group.group_type;
                format!("{} {kind} {:?} {}", group.group_id, &*group.protocol_type, group.state)
            });
            groups.collect::<Vec<_>>().join(", ")
        }
        Answer::DescribeGroup(Ok(group)) => {
            let members = group.members.iter().map(|member| {
                let assignment = String::from_utf8_lossy(&member.assignment).into_owned();
                format!("{}:{assignment:?}+{}B", member.member_id, member.metadata.len())
            });
            let (members, protocol) = (members.collect::<Vec<_>>().join(" "), &*group.protocol);
            format!("{} {:?} {protocol:?} [{members}]", group.state, &*group.protocol_type)
        }
        Answer::ConsumerHeartbeat(Ok(_)) | Answer::DescribeConsumerGroup(Ok(_)) => {
            format!("{answer:?}")
        }
        Answer::Join(Err(refusal))
        | Answer::Sync(Err(refusal))
        | Answer::Heartbeat(Err(refusal))
        | Answer::Leave(Err(refusal))
        | Answer::ConsumerHeartbeat(Err(refusal))
        | Answer::CommitOffsets(Err(refusal))
        | Answer::CommitTxnOffsets(Err(refusal))
        | Answer::FetchOffsets(Err(refusal))
        | Answer::DeleteOffsets(Err(refusal))
        | Answer::DeleteGroup(Err(refusal))
        | Answer::DescribeGroup(Err(refusal))
        | Answer::DescribeConsumerGroup(Err(refusal)) => refused(refusal),
    };
    format!("@{} {shown}", request.0)
}

fn show_join(joined: &JoinAnswer) -> String {
    let members = joined.members.iter().map(|member| match &member.group_instance_id {
        Some(instance_id) => format!("{}({instance_id})", member.member_id),
        None => member.member_id.to_string(),
    });
    format!(
        "joined gen={} protocol={} leader={} member={} members=[{}]{}",
        joined.generation_id,
        joined.protocol_name.clone().unwrap_or_default(),
        joined.leader,
        joined.member_id,
        members.collect::<Vec<_>>().join(" "),
        if joined.skip_assignment { " skip-assignment" } else { "" },
    )
}

fn show_result(result: &Result<(), Refusal>) -> String {
    result.as_ref().map_or_else(|refusal| format!("{refusal:?}"), |()| "ok".to_owned())
}

fn show_topics(topics: &[TopicResults]) -> String {
    let partitions = topics.iter().flat_map(|topic| {
        let name = &topic.name;
        let shown = topic.partitions.iter();
        shown.map(move |(partition, result)| format!("{name}-{partition} {}", show_result(result)))
    });
    partitions.collect::<Vec<_>>().join(", ")
}

fn show_fetched(topics: &[FetchedTopic]) -> String {
    let partitions = topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(move |fetched| {
            let shown = match &fetched.result {
                Ok(Some(fetched)) => format!("{}/{:?}", fetched.offset, &*fetched.metadata),
                Ok(None) => "none".to_owned(),
                Err(refusal) => format!("{refusal:?}"),
            };
            format!("{}-{}={shown}", topic.name, fetched.partition)
        })
    });
    let partitions: Vec<_> = partitions.collect();
    if partitions.is_empty() { "nothing".to_owned() } else { partitions.join(", ") }
}

fn show_record(record: &GroupRecord) -> String {
    match record {
        GroupRecord::Offset(offset) | GroupRecord::TxnOffset { record: offset, .. } => {
            let place = format!("{} {}-{}", offset.group_id, offset.topic, offset.partition);
            let producer = record.producer().map(|(id, _)| format!(" producer={id}"));
            let producer = producer.unwrap_or_default();
            match &offset.value {
                Some(value) => {
                    let expires = expire_timestamp(value).map(|at| format!(" expires={at}"));
                    let expires = expires.unwrap_or_default();
                    format!("+ offset {place}={}{expires}{producer}", value.offset)
                }
                None => format!("- offset {place}"),
            }
        }
        GroupRecord::ClassicGroup { group_id, value: None } => format!("- group {group_id}"),
        GroupRecord::ClassicGroup { group_id, value: Some(value) } => {
            let members = value.members.iter().map(|member| {
                format!("{}:{:?}", member.member_id, String::from_utf8_lossy(&member.assignment))
            });
            format!(
                "+ group {group_id} type={:?} gen={} protocol={} leader={} since={} members=[{}]",
                &*value.protocol_type,
                value.generation,
                value.protocol.clone().unwrap_or_default(),
                value.leader.clone().unwrap_or_default(),
                value.current_state_timestamp,
                members.collect::<Vec<_>>().join(" "),
            )
        }
        GroupRecord::TxnEnd { .. }
        | GroupRecord::ConsumerGroup { .. }
        | GroupRecord::ConsumerPartitions { .. }
        | GroupRecord::ConsumerMember { .. }
        | GroupRecord::TargetAssignment { .. }
        | GroupRecord::TargetMember { .. }
        | GroupRecord::CurrentAssignment { .. }
        | GroupRecord::RegularExpression { .. } => format!("{record:?}"),
    }
}

/// A text, or one of so many bytes: `long:40000`.
fn long(text: &str) -> Str {
    match text.strip_prefix("long:").map(str::parse) {
        Some(length) => Str::from("m".repeat(length.unwrap())),
        None => Str::from(text),
    }
}

/// Turns `c1#2` into the id it stands for.
fn expand(text: &str) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('#') {
        let length = after.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(length);
        write!(expanded, "{before}{ID_BEGIN}{:012x}", number.parse::<u64>().unwrap()).unwrap();
        rest = after;
    }
    expanded + rest
}

const ID_BEGIN: &str = "-00000000-0000-0000-0000-";

/// The counterpart of [`expand`].
fn shorten(text: &str) -> String {
    let mut parts = text.split(ID_BEGIN);
    let mut shortened = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, after) = part.split_at(12);
        write!(shortened, "#{}{after}", u64::from_str_radix(digits, 16).unwrap()).unwrap();
    }
    shortened
}
