//! Members that obey the protocol, and some that die, restart, lose answers or dawdle: no partition
//! is ever in use by two of them, and when they are left alone everything settles.

use std::collections::{BTreeMap, BTreeSet};

use highwater_records::Uuid;
use proptest::prelude::*;

use super::super::super::{Input, Refusal};
use super::rig::{Beat, Rig, topic_id};
use crate::ConnectionId;

const TOPICS: [&str; 4] = ["a", "b", "c", "d"];

type Held = BTreeSet<(Uuid, i32)>;

/// A client as it should be: it reads what it is told to and gives up what it is not.
#[derive(Clone, Debug)]
struct Client {
    member_id: String,
    instance_id: Option<String>,
    connection: u64,
    subscription: Wish,
    assignor: Option<&'static str>,
    epoch: i32,
    /// What it reads. Until it says so, others may not have it.
    owned: Held,
    /// What it was last told to have.
    told: Option<Held>,
    /// What it said it owns when it was last answered.
    reported: Option<Held>,
    has_other_wish: bool,
    /// Its process is gone; until its session ends the group counts with it.
    is_dead: bool,
}

#[derive(Clone, Debug)]
enum Wish {
    Topics(Vec<&'static str>),
    Regex(&'static str),
}

#[derive(Clone, Debug)]
enum Event {
    /// A new client comes, static or not.
    Come { wish: Wish, is_static: bool, assignor: Option<&'static str> },
    /// A client sends a heartbeat; its answer may be lost.
    Beat { client: usize, is_answer_lost: bool },
    /// A client does what it was told.
    Obey { client: usize },
    /// A client leaves.
    Leave { client: usize },
    /// A static client restarts: leaves for a while and comes back under a new id.
    Bounce { client: usize },
    /// A process dies; its connection closes.
    Die { client: usize },
    /// A client wants something else.
    Want { client: usize, wish: Wish },
    /// Time passes.
    Wait { ms: u64 },
    /// A topic is made, grows or is deleted.
    Topic { topic: usize, count: i32 },
    /// The coordinator moves: all but the log is lost.
    Restart,
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let topics = prop::sample::subsequence(TOPICS.to_vec(), 1..=4).prop_map(Wish::Topics);
    let regex = prop::sample::select(vec!["[ab]", "c|d", ".*", "nothing"]).prop_map(Wish::Regex);
    prop_oneof![4 => topics, 1 => regex]
}

fn any_event() -> impl Strategy<Value = Event> {
    let client = 0..8_usize;
    let assignor = prop::sample::select(vec![None, None, Some("range"), Some("uniform")]);
    prop_oneof![
        4 => (any_wish(), prop::bool::weighted(0.3), assignor)
            .prop_map(|(wish, is_static, assignor)| Event::Come { wish, is_static, assignor }),
        30 => (client.clone(), prop::bool::weighted(0.15))
            .prop_map(|(client, is_answer_lost)| Event::Beat { client, is_answer_lost }),
        20 => client.clone().prop_map(|client| Event::Obey { client }),
        1 => client.clone().prop_map(|client| Event::Leave { client }),
        1 => client.clone().prop_map(|client| Event::Bounce { client }),
        1 => client.clone().prop_map(|client| Event::Die { client }),
        2 => (client, any_wish()).prop_map(|(client, wish)| Event::Want { client, wish }),
        8 => prop::sample::select(vec![100, 1_000, 3_000, 12_000])
            .prop_map(|ms| Event::Wait { ms }),
        2 => (0..4_usize, 0..7_i32).prop_map(|(topic, count)| Event::Topic { topic, count }),
        1 => Just(Event::Restart),
    ]
}

struct World {
    rig: Rig,
    clients: Vec<Client>,
    born: u64,
    checks: usize,
}

impl World {
    fn new() -> Self {
        Self {
            rig: Rig::new(&[("a", 3), ("b", 4), ("c", 1)]),
            clients: Vec::new(),
            born: 0,
            checks: 0,
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Come { wish, is_static, assignor } => {
                if self.clients.len() < 8 {
                    self.born += 1;
                    let instance_id = is_static.then(|| format!("i{}", self.born));
                    self.come(wish.clone(), instance_id, *assignor);
                }
            }
            Event::Beat { client, is_answer_lost } => {
                if let Some(at) = self.living(*client) {
                    self.beat(at, *is_answer_lost);
                }
            }
            Event::Obey { client } => {
                if let Some(at) = self.living(*client) {
                    self.obey(at);
                }
            }
            Event::Leave { client } => {
                if let Some(at) = self.living(*client) {
                    let client = self.clients.remove(at);
                    self.leave(&client, -1);
                }
            }
            Event::Bounce { client } => {
                if let Some(at) = self.living(*client)
                    && self.clients[at].instance_id.is_some()
                {
                    let client = self.clients.remove(at);
                    self.leave(&client, -2);
                    self.come(client.subscription, client.instance_id, client.assignor);
                }
            }
            Event::Die { client } => {
                if let Some(at) = self.living(*client) {
                    self.clients[at].is_dead = true;
                    // What it read is free as soon as it is dead: nobody reads it any more.
                    self.clients[at].owned.clear();
                    let connection = ConnectionId(self.clients[at].connection);
                    self.rig.handle(Input::ConnectionClosed { connection });
                }
            }
            Event::Want { client, wish } => {
                if let Some(at) = self.living(*client) {
                    self.clients[at].subscription = wish.clone();
                    self.clients[at].has_other_wish = true;
                }
            }
            Event::Wait { ms } => self.rig.advance(*ms),
            Event::Topic { topic, count } => {
                let name = TOPICS[*topic];
                let now = self.rig.topics.get(name).copied().unwrap_or(0);
                // A topic does not lose partitions, other than with all of it.
                let count = if *count == 0 { 0 } else { now.max(*count) };
                self.rig.set_topics(&[(name, count)]);
            }
            Event::Restart => self.rig.restart(),
        }
        self.check();
    }

    fn living(&self, client: usize) -> Option<usize> {
        self.clients.get(client).filter(|client| !client.is_dead).map(|_| client)
    }

    fn come(
        &mut self,
        subscription: Wish,
        instance_id: Option<String>,
        assignor: Option<&'static str>,
    ) {
        self.born += 1;
        self.clients.push(Client {
            member_id: format!("m{}", self.born),
            instance_id,
            connection: self.born,
            subscription,
            assignor,
            epoch: 0,
            owned: Held::new(),
            told: None,
            reported: None,
            has_other_wish: false,
            is_dead: false,
        });
        self.beat(self.clients.len() - 1, false);
    }

    fn beat_of(client: &Client) -> Beat {
        let mut beat = Beat::of(&client.member_id, client.epoch).connection(client.connection);
        if let Some(instance_id) = &client.instance_id {
            beat = beat.instance(instance_id);
        }
        beat
    }

    fn leave(&mut self, client: &Client, epoch: i32) {
        let beat = Self::beat_of(client).with(|request| request.member_epoch = epoch);
        match self.rig.send(beat) {
            Ok(answer) => assert_eq!(answer.member_epoch, epoch),
            Err(
                Refusal::UnknownMemberId | Refusal::FencedInstanceId | Refusal::GroupIdNotFound,
            ) => {}
            Err(other) => panic!("leaving is not refused for {other}"),
        }
    }

    fn beat(&mut self, at: usize, is_answer_lost: bool) {
        let client = &self.clients[at];
        let mut beat = Self::beat_of(client);
        let is_full = client.epoch == 0 || client.reported.is_none();
        if is_full || client.has_other_wish {
            beat = match &client.subscription {
                Wish::Topics(topics) => beat.topics(topics).regex(""),
                Wish::Regex(regex) => beat.topics(&[]).regex(regex),
            };
        }
        if is_full {
            beat = beat.with(|request| request.rebalance_timeout_ms = 30_000);
            if let Some(assignor) = client.assignor {
                beat = beat.assignor(assignor);
            }
        }
        if is_full || client.reported.as_ref() != Some(&client.owned) {
            let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
            for &(id, partition) in &client.owned {
                let name = TOPICS.into_iter().find(|name| topic_id(name) == id).unwrap();
                by_topic.entry(name).or_default().push(partition);
            }
            let owned: Vec<(&str, &[i32])> =
                by_topic.iter().map(|(name, all)| (*name, &all[..])).collect();
            beat = beat.owns(&owned);
        }
        let answer = self.rig.send(beat);
        let client = &mut self.clients[at];
        match answer {
            // What it said counts, so it must not act on what it was told before.
            Ok(_) if is_answer_lost => {
                client.reported = None;
                client.told = None;
            }
            Ok(answer) => {
                assert!(answer.member_epoch >= client.epoch, "epochs do not go back (I-G2)");
                assert!(answer.member_epoch > 0, "a member has an epoch");
                client.epoch = answer.member_epoch;
                client.reported = Some(client.owned.clone());
                client.has_other_wish = false;
                if let Some(assignment) = answer.assignment {
                    let told = assignment
                        .into_iter()
                        .flat_map(|(id, all)| all.into_iter().map(move |one| (id, one)));
                    client.told = Some(told.collect());
                }
            }
            Err(
                Refusal::UnknownMemberId
                | Refusal::FencedMemberEpoch { .. }
                | Refusal::GroupIdNotFound,
            ) => {
                client.epoch = 0;
                client.owned.clear();
                client.told = None;
                client.reported = None;
            }
            Err(Refusal::UnreleasedInstanceId { .. } | Refusal::FencedInstanceId) => {
                client.is_dead = true;
                client.owned.clear();
            }
            Err(other) => panic!("an obedient member is not refused for {other}"),
        }
    }

    /// Gives up what is no longer assigned first, and takes the new only with nothing to give up.
    fn obey(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let Some(told) = client.told.clone() else { return };
        if client.owned.is_subset(&told) {
            client.owned = told;
        } else {
            client.owned.retain(|partition| told.contains(partition));
        }
    }

    /// What must hold after every step.
    fn check(&mut self) {
        let mut used: BTreeMap<(Uuid, i32), String> = BTreeMap::new();
        for client in &self.clients {
            for &partition in &client.owned {
                // A member whose session is over may not know it yet; the group has a right to
                // give its partitions away then.
                if self.rig.group_has(&client.member_id) {
                    let other = used.insert(partition, client.member_id.clone());
                    assert_eq!(other, None, "{partition:?} is used by {} too", client.member_id);
                }
            }
        }
        self.rig.check_epochs();
        self.checks += 1;
        if self.checks.is_multiple_of(16) {
            self.rig.check_replay();
        }
    }

    /// Everybody does what it should, until nothing changes.
    fn settle(&mut self) {
        self.clients.retain(|client| !client.is_dead);
        for _ in 0..40 {
            self.rig.advance(1_500);
            for at in 0..self.clients.len() {
                self.obey(at);
                self.beat(at, false);
                self.check();
            }
        }
        let waited_ms = 60_000;
        for _ in 0..waited_ms / 3_000 {
            self.rig.advance(3_000);
            for at in 0..self.clients.len() {
                self.obey(at);
                self.beat(at, false);
            }
        }
    }

    fn check_settled(&mut self) {
        let wanted = |client: &Client, name: &str| match &client.subscription {
            Wish::Topics(topics) => topics.contains(&name),
            Wish::Regex(".*") => true,
            Wish::Regex("[ab]") => name == "a" || name == "b",
            Wish::Regex("c|d") => name == "c" || name == "d",
            Wish::Regex(_) => false,
        };
        let mut expected = Held::new();
        for (name, &count) in &self.rig.topics {
            if self.clients.iter().any(|client| wanted(client, name)) {
                expected.extend((0..count).map(|one| (topic_id(name), one)));
            }
        }
        let mut used = Held::new();
        for client in &self.clients {
            for &(id, partition) in &client.owned {
                assert!(used.insert((id, partition)), "used once");
                let name = TOPICS.into_iter().find(|name| topic_id(name) == id).unwrap();
                assert!(wanted(client, name), "{} does not want {name}", client.member_id);
            }
        }
        assert_eq!(used, expected, "all that somebody wants is read");
        let state = self.rig.group().map_or("Empty", |group| group.state());
        let expected = if self.clients.is_empty() { "Empty" } else { "Stable" };
        assert_eq!(state, expected);
        let before = self.rig.log.len();
        for at in 0..self.clients.len() {
            self.beat(at, false);
        }
        assert_eq!(self.rig.log.len(), before, "a heartbeat that changes nothing writes nothing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_partition_has_two_owners_and_everything_settles(
        events in prop::collection::vec(any_event(), 1..120),
    ) {
        let mut world = World::new();
        for event in &events {
            world.step(event);
        }
        world.rig.check_replay();
        world.settle();
        world.check_settled();
        world.rig.check_replay();
    }
}
