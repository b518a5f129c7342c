//! Stories of consumer groups, line by line: `testdata/consumer_*.txt`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use highwater_protocol::Str;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::leave_group::{LeaveGroupRequest, RequestMember};
use highwater_protocol::messages::sync_group::{RequestAssignment, SyncGroupRequest};
use highwater_protocol::records::ConsumerGroupMemberMetadataValue;
use highwater_records::Uuid;

use super::super::super::fixture::check_golden;
use super::super::super::{Answer, GroupRecord, Input, Refusal};
use super::super::embedded::EmbeddedAssignment;
use super::rig::{Beat, GROUP, Rig, assignment, join_request, subscription, topic_id};
use crate::ConnectionId;

#[test]
fn members_come_and_go() {
    check("consumer.txt");
}

#[test]
fn static_members_leave_for_a_while() {
    check("consumer_static.txt");
}

#[test]
fn expressions_follow_the_topics() {
    check("consumer_regex.txt");
}

#[test]
fn members_that_are_silent_slow_or_cut_off_are_fenced() {
    check("consumer_timeouts.txt");
}

#[test]
fn classic_members_that_are_cut_off_are_fenced() {
    check("consumer_disconnect.txt");
}

#[test]
fn groups_change_their_protocol_and_back() {
    check("consumer_migration.txt");
}

fn check(name: &str) {
    let mut rig = Rig::new(&[]);
    check_golden(name, |block| {
        let mut printed = String::new();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            let written = rig.log.len();
            let line = with_ids(line);
            let told = Line::parse(&line).run(&mut rig);
            for record in &rig.log[written.min(rig.log.len())..] {
                writeln!(printed, "+ {}", record_text(record)).unwrap();
            }
            printed.push_str(&told);
            for (request, answer) in std::mem::take(&mut rig.late) {
                writeln!(printed, "@{} {}", request.0, answer_text(&answer)).unwrap();
            }
        }
        rig.check_replay();
        if printed.is_empty() { "-".to_owned() } else { with_aliases(&printed) }
    });
}

/// Requests of one script.
const REQUESTS_MAX: u128 = 99;

/// Ids that the group makes: `c#1` of a classic group for request 1, `u#1` of a consumer group.
fn made_ids() -> impl Iterator<Item = (String, String)> {
    // From behind, so that `c#1` is not taken for the beginning of `c#12`.
    (1..=REQUESTS_MAX).rev().flat_map(|request| {
        let in_classic = format!("client-00000000-0000-4000-8000-{request:012x}");
        let in_consumer = Uuid::from_random(request).to_string();
        [(format!("c#{request}"), in_classic), (format!("u#{request}"), in_consumer)]
    })
}

fn with_ids(line: &str) -> String {
    made_ids().fold(line.to_owned(), |text, (alias, id)| text.replace(&alias, &id))
}

fn with_aliases(text: &str) -> String {
    made_ids().fold(text.to_owned(), |text, (alias, id)| text.replace(&id, &alias))
}

/// A verb, words, and `key=value` options.
struct Line<'a> {
    verb: &'a str,
    words: Vec<&'a str>,
    options: BTreeMap<&'a str, &'a str>,
}

/// `a:0+1,b:2` as topics with partitions.
fn partitions_of(text: &str) -> Vec<(&str, Vec<i32>)> {
    let topics = text.split(',').filter(|topic| !topic.is_empty());
    topics
        .map(|topic| {
            let (name, all) = topic.split_once(':').unwrap();
            (name, all.split('+').map(|one| one.parse().unwrap()).collect())
        })
        .collect()
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        let mut parts = line.split_whitespace();
        let verb = parts.next().unwrap();
        let (options, words): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.contains('='));
        let options = options.into_iter().map(|part| part.split_once('=').unwrap()).collect();
        Self { verb, words, options }
    }

    fn number(&self, key: &str, otherwise: i32) -> i32 {
        self.options.get(key).map_or(otherwise, |text| text.parse().unwrap())
    }

    fn instance_id(&self) -> Option<Str> {
        self.options.get("instance").map(|text| Str::from(*text))
    }

    fn member_id(&self) -> &'a str {
        self.words.first().copied().filter(|word| *word != "?").unwrap_or("")
    }

    fn topics(&self) -> Vec<&'a str> {
        self.options
            .get("topics")
            .map_or_else(Vec::new, |text| text.split(',').filter(|name| !name.is_empty()).collect())
    }

    fn run(&self, rig: &mut Rig) -> String {
        match self.verb {
            "topics" => {
                let topics: Vec<(&str, i32)> = self
                    .options
                    .iter()
                    .map(|(name, count)| (*name, count.parse().unwrap()))
                    .collect();
                rig.set_topics(&topics);
            }
            "interval" => {
                let interval_ms = self.words[0].parse().unwrap();
                rig.set_config(|config| config.consumer_assignment_interval_ms = interval_ms);
            }
            "pass" => rig.advance(self.words[0].parse().unwrap()),
            "restart" => rig.restart(),
            "close" => {
                let connection = ConnectionId(self.words[0].parse().unwrap());
                rig.handle(Input::ConnectionClosed { connection });
            }
            "describe" => return describe(rig),
            "join" | "beat" | "leave" => {
                let answer = rig.send(self.beat());
                return format!("{}\n", answer_text(&Answer::ConsumerHeartbeat(answer)));
            }
            _ => return self.run_classic(rig),
        }
        String::new()
    }

    fn beat(&self) -> Beat {
        let mut beat = match self.verb {
            "join" => Beat::join(self.member_id(), &self.topics()),
            "beat" => Beat::of(self.member_id(), self.number("epoch", 0)),
            _ => Beat::of(self.member_id(), self.number("epoch", -1)),
        };
        if self.verb == "beat" && self.options.contains_key("topics") {
            beat = beat.topics(&self.topics());
        }
        if let Some(regex) = self.options.get("regex") {
            beat = beat.regex(regex);
        }
        if let Some(instance_id) = self.options.get("instance") {
            beat = beat.instance(instance_id);
        }
        if let Some(assignor) = self.options.get("assignor") {
            beat = beat.assignor(assignor);
        }
        if let Some(owned) = self.options.get("owns") {
            let owned = partitions_of(owned);
            let owned: Vec<(&str, &[i32])> = owned.iter().map(|(t, all)| (*t, &all[..])).collect();
            beat = beat.owns(&owned);
        }
        if self.options.contains_key("timeout") {
            let timeout_ms = self.number("timeout", -1);
            beat = beat.with(|request| request.rebalance_timeout_ms = timeout_ms);
        }
        let connection = u64::try_from(self.number("conn", 1)).unwrap();
        let version = i16::try_from(self.number("v", 1)).unwrap();
        beat.connection(connection).version(version)
    }

    /// `classic-...`: a call of the classic protocol.
    fn run_classic(&self, rig: &mut Rig) -> String {
        let version = i16::try_from(self.number("v", 4)).unwrap();
        let caller = rig.caller(version, u64::try_from(self.number("conn", 9)).unwrap());
        let group_id = Str::from_static(GROUP);
        let member_id = Str::from(self.member_id());
        let input = match self.verb {
            "classic-join" => {
                let owned = partitions_of(self.options.get("owns").copied().unwrap_or_default());
                let metadata = subscription(&self.topics(), &owned);
                let mut request = join_request(&member_id, metadata);
                request.group_instance_id = self.instance_id();
                if let Some(name) = self.options.get("protocol") {
                    request.protocols[0].name = Str::from(*name);
                }
                let uuid = Uuid::from_random(u128::from(caller.request.0));
                Input::Join { caller: caller.clone(), request, uuid }
            }
            "classic-sync" => {
                let given = self.options.iter().filter(|(key, _)| key.starts_with('@'));
                let assignments = given.map(|(key, partitions)| RequestAssignment {
                    member_id: Str::from(&key[1..]),
                    assignment: assignment(&partitions_of(partitions), None),
                });
                let request = SyncGroupRequest {
                    group_id,
                    generation_id: self.number("gen", 0),
                    member_id,
                    group_instance_id: self.instance_id(),
                    assignments: assignments.collect(),
                    ..Default::default()
                };
                Input::Sync { caller: caller.clone(), request }
            }
            "classic-beat" => {
                let request = HeartbeatRequest {
                    group_id,
                    generation_id: self.number("gen", 0),
                    member_id,
                    group_instance_id: self.instance_id(),
                };
                Input::Heartbeat { caller: caller.clone(), request }
            }
            "classic-leave" => {
                let group_instance_id = self.instance_id();
                let member = RequestMember { member_id, group_instance_id, reason: None };
                let members = vec![member];
                let request = LeaveGroupRequest { group_id, members, ..Default::default() };
                Input::Leave { caller: caller.clone(), request }
            }
            other => panic!("no command {other:?}"),
        };
        match rig.call(&caller, input) {
            Some(answer) => format!("{}\n", answer_text(&answer)),
            None => format!("@{} waits\n", caller.request.0),
        }
    }
}

fn describe(rig: &mut Rig) -> String {
    let caller = rig.caller(1, 0);
    let input = Input::DescribeConsumerGroup { caller: caller.clone(), group_id: GROUP.into() };
    let described = match rig.call(&caller, input) {
        Some(Answer::DescribeConsumerGroup(Ok(described))) => described,
        Some(Answer::DescribeConsumerGroup(Err(refusal))) => return refused(&refusal),
        other => panic!("not {other:?}"),
    };
    let mut text = format!(
        "{} epoch={} assignment-epoch={} {}\n",
        described.state, described.group_epoch, described.assignment_epoch, described.assignor
    );
    for member in described.members {
        let lists = [&member.assignment, &member.target_assignment].map(|topics| {
            let all = topics.iter().map(|topic| (topic.topic_id, topic.partitions.clone()));
            partitions_text(all)
        });
        let [has, target] = lists;
        let classic = if member.is_classic { " classic" } else { "" };
        writeln!(
            text,
            "  {} epoch={} has {has} target {target}{classic}",
            member.member_id, member.member_epoch
        )
        .unwrap();
    }
    text
}

fn refused(refusal: &Refusal) -> String {
    format!("refused: {refusal:?}")
}

/// Names of topics are single letters or short; their ids are made of them.
fn topic_name(id: Uuid) -> String {
    let names = ["a", "b", "c", "orders", "orders-eu", "pays", "other"];
    let name = names.into_iter().find(|name| topic_id(name) == id);
    name.map_or_else(|| id.to_string(), str::to_owned)
}

fn partitions_text(all: impl IntoIterator<Item = (Uuid, Vec<i32>)>) -> String {
    let mut named: Vec<(String, Vec<i32>)> =
        all.into_iter().map(|(id, partitions)| (topic_name(id), partitions)).collect();
    named.sort();
    let named = named.iter().map(|(name, partitions)| {
        let partitions: Vec<String> = partitions.iter().map(i32::to_string).collect();
        format!("{name}:{}", partitions.join("+"))
    });
    format!("[{}]", named.collect::<Vec<_>>().join(" "))
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::ConsumerHeartbeat(Ok(answer)) => {
            let told = answer.assignment.clone().map(partitions_text);
            let told = told.unwrap_or_else(|| "unchanged".to_owned());
            let member = answer.member_id.clone().unwrap_or_default();
            format!("{member} epoch={} {told}", answer.member_epoch)
        }
        Answer::Join(Ok(join)) => format!(
            "joined {} gen={} protocol={} leader={:?} members={}",
            join.member_id,
            join.generation_id,
            join.protocol_name.clone().unwrap_or_default(),
            join.leader,
            join.members.len()
        ),
        Answer::Sync(Ok(sync)) => {
            let read = EmbeddedAssignment::read(&sync.assignment).unwrap();
            let all = read.partitions.into_iter().map(|(name, all)| (topic_id(&name), all));
            format!("synced {}", partitions_text(all))
        }
        Answer::Leave(Ok(left)) => {
            let results = left.iter().map(|one| match &one.result {
                Ok(()) => "left".to_owned(),
                Err(refusal) => refused(refusal),
            });
            results.collect::<Vec<_>>().join(", ")
        }
        Answer::ConsumerHeartbeat(Err(refusal))
        | Answer::Join(Err(refusal))
        | Answer::Sync(Err(refusal))
        | Answer::Leave(Err(refusal))
        | Answer::Heartbeat(Err(refusal)) => refused(refusal),
        Answer::Heartbeat(Ok(())) => "alive".to_owned(),
        Answer::CommitOffsets(_)
        | Answer::CommitTxnOffsets(_)
        | Answer::FetchOffsets(_)
        | Answer::DeleteOffsets(_)
        | Answer::DeleteGroup(_)
        | Answer::ListGroups(_)
        | Answer::DescribeGroup(_)
        | Answer::DescribeConsumerGroup(_) => format!("{answer:?}"),
    }
}

fn record_text(record: &GroupRecord) -> String {
    match record {
        GroupRecord::ConsumerGroup { value: Some(value), .. } => {
            format!("group epoch={}", value.epoch)
        }
        GroupRecord::ConsumerGroup { value: None, .. } => "no group".to_owned(),
        GroupRecord::ConsumerMember { member_id, value: Some(value), .. } => {
            member_text(member_id, value)
        }
        GroupRecord::ConsumerMember { member_id, value: None, .. } => {
            format!("no member {member_id}")
        }
        GroupRecord::TargetAssignment { value: Some(value), .. } => {
            format!("target epoch={}", value.assignment_epoch)
        }
        GroupRecord::TargetAssignment { value: None, .. } => "no target".to_owned(),
        GroupRecord::TargetMember { member_id, value: Some(value), .. } => {
            let all = value
                .topic_partitions
                .iter()
                .map(|topic| (topic.topic_id, topic.partitions.clone()));
            format!("target {member_id} {}", partitions_text(all))
        }
        GroupRecord::TargetMember { member_id, value: None, .. } => {
            format!("no target {member_id}")
        }
        GroupRecord::CurrentAssignment { member_id, value: Some(value), .. } => {
            let state = match value.state {
                0 => "stable",
                1 => "unrevoked",
                2 => "unreleased",
                _ => "unknown",
            };
            let lists =
                [&value.assigned_partitions, &value.partitions_pending_revocation].map(|topics| {
                    partitions_text(
                        topics.iter().map(|topic| (topic.topic_id, topic.partitions.clone())),
                    )
                });
            let [has, gives_up] = lists;
            format!(
                "current {member_id} epoch={} {state} {has} gives up {gives_up}",
                value.member_epoch
            )
        }
        GroupRecord::CurrentAssignment { member_id, value: None, .. } => {
            format!("no current {member_id}")
        }
        GroupRecord::RegularExpression { expression, value: Some(value), .. } => {
            let names: Vec<&str> = value.topics.iter().map(|name| &**name).collect();
            format!("regex {expression} is {}", names.join(","))
        }
        GroupRecord::RegularExpression { expression, value: None, .. } => {
            format!("no regex {expression}")
        }
        GroupRecord::ClassicGroup { value: Some(value), .. } => {
            let members: Vec<&str> =
                value.members.iter().map(|member| &*member.member_id).collect();
            format!("classic group gen={} members={}", value.generation, members.join(","))
        }
        GroupRecord::ClassicGroup { value: None, .. } => "no classic group".to_owned(),
        GroupRecord::Offset(_)
        | GroupRecord::TxnOffset { .. }
        | GroupRecord::TxnEnd { .. }
        | GroupRecord::ConsumerPartitions { .. } => format!("{record:?}"),
    }
}

fn member_text(member_id: &Str, value: &ConsumerGroupMemberMetadataValue) -> String {
    let names: Vec<&str> = value.subscribed_topic_names.iter().map(|name| &**name).collect();
    let mut text = format!("member {member_id} topics={}", names.join(","));
    for (key, said) in [
        ("regex", &value.subscribed_topic_regex),
        ("instance", &value.instance_id),
        ("assignor", &value.server_assignor),
    ] {
        if let Some(said) = said {
            write!(text, " {key}={said}").unwrap();
        }
    }
    if value.classic_member_metadata.is_some() {
        text.push_str(" classic");
    }
    text
}
