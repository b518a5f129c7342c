//! A member of a KIP-848 group: its epoch, what it was told to read, what it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, RequestTopicPartition,
    ResponseAssignment,
};
use highwater_records::{ErrorCode, TopicName, TopicPartition, Uuid};
use tokio::time::Instant;

use super::GroupSettings;

/// A partition as heartbeats name it.
pub(super) type PartitionId = (Uuid, i32);

/// Until the coordinator says how often it wants to hear.
const FIRST_INTERVAL: Duration = Duration::from_secs(5);
/// So many answers in a row that leave us without a partition mean that there is none for us; the
/// others need an interval or two to let go of what will be ours.
const EMPTY_ANSWERS: u32 = 4;

/// What an answer to a heartbeat means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// All is well.
    Welcome,
    /// The group goes on without us: whatever we have is not ours, and we join again.
    Fenced,
    /// Somebody else looks after the group.
    WrongCoordinator,
    /// Not now.
    Later,
    /// Not ever.
    Refused(ErrorCode),
}

/// What is to be done so that we read what we were told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    GiveUp(BTreeSet<PartitionId>),
    TakeIn(BTreeSet<PartitionId>),
}

#[derive(Debug)]
pub(super) struct Membership {
    group_id: String,
    settings: GroupSettings,
    member_id: String,
    /// 0 while we are not in the group.
    epoch: i32,
    topics: Vec<TopicName>,
    /// What the coordinator told us to read.
    told: BTreeSet<PartitionId>,
    /// What we read, and have not given up.
    owned: BTreeMap<PartitionId, TopicPartition>,
    /// Whether the coordinator does not know `owned` yet.
    is_news: bool,
    /// Whether to say everything: an answer may have been lost.
    is_full: bool,
    is_waiting: bool,
    /// Whether the coordinator may have heard of us.
    may_be_known: bool,
    /// Answers in a row after which there was nothing for us to read.
    empty_answers: u32,
    interval: Duration,
    next: Instant,
}

impl Membership {
    pub(super) fn new(group_id: String, settings: GroupSettings, topics: Vec<TopicName>) -> Self {
        Self {
            group_id,
            settings,
            member_id: random_id(),
            epoch: 0,
            topics,
            told: BTreeSet::new(),
            owned: BTreeMap::new(),
            is_news: false,
            is_full: true,
            is_waiting: false,
            may_be_known: false,
            empty_answers: 0,
            interval: FIRST_INTERVAL,
            next: Instant::now(),
        }
    }

    pub(super) fn group_id(&self) -> &str {
        &self.group_id
    }

    pub(super) fn settings(&self) -> &GroupSettings {
        &self.settings
    }

    pub(super) fn member_id(&self) -> &str {
        &self.member_id
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(super) fn topics(&self) -> &[TopicName] {
        &self.topics
    }

    pub(super) fn owned(&self) -> &BTreeMap<PartitionId, TopicPartition> {
        &self.owned
    }

    /// Whether there may be something to leave: also what was asked and not answered may be done.
    pub(super) fn may_be_known(&self) -> bool {
        self.may_be_known
    }

    /// Whether we are in the group and it has had nothing for us for a while.
    pub(super) fn is_left_out(&self) -> bool {
        self.empty_answers >= EMPTY_ANSWERS
    }

    /// Lets the next heartbeat be sent at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next = now;
    }

    /// When the next heartbeat is due; none while one is under way.
    pub(super) fn next_heartbeat(&self) -> Option<Instant> {
        (!self.is_waiting).then_some(self.next)
    }

    /// The heartbeat to send now, if it is time; then its answer is waited for.
    pub(super) fn heartbeat(&mut self, now: Instant) -> Option<ConsumerGroupHeartbeatRequest> {
        if self.is_waiting || self.next > now {
            return None;
        }
        self.is_waiting = true;
        self.may_be_known = true;
        let is_full = self.is_full || self.epoch == 0;
        let tells_owned = is_full || self.is_news;
        self.is_full = false;
        self.is_news = false;
        let rebalance_ms = self.settings.rebalance_timeout.as_millis();
        let names = || self.topics.iter().map(|topic| topic.as_str().into()).collect();
        Some(ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: match is_full {
                true => i32::try_from(rebalance_ms).unwrap_or(i32::MAX),
                false => -1,
            },
            subscribed_topic_names: is_full.then(names),
            server_assignor: self.settings.assignor.as_deref().filter(|_| is_full).map(Into::into),
            topic_partitions: tells_owned.then(|| self.owned_by_topic()),
            ..self.addressed(self.epoch)
        })
    }

    /// What says that we go; a static member says that it comes back.
    pub(super) fn farewell(&self) -> ConsumerGroupHeartbeatRequest {
        self.addressed(if self.settings.instance_id.is_some() { -2 } else { -1 })
    }

    fn addressed(&self, member_epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group_id.as_str().into(),
            member_id: self.member_id.as_str().into(),
            member_epoch,
            instance_id: self.settings.instance_id.as_deref().map(Into::into),
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    pub(super) fn on_answer(
        &mut self,
        answer: ConsumerGroupHeartbeatResponse,
        now: Instant,
    ) -> Heard {
        self.is_waiting = false;
        match answer.error_code {
            ErrorCode::None => {}
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => return Heard::Fenced,
            code => {
                self.is_full = true;
                return match code {
                    ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                        Heard::WrongCoordinator
                    }
                    // The name is still held by a process that was killed.
                    ErrorCode::UnreleasedInstanceId => Heard::Later,
                    code if code.is_retriable() => Heard::Later,
                    code => Heard::Refused(code),
                };
            }
        }
        if let Some(id) = answer.member_id {
            self.member_id = id.to_string();
        }
        self.epoch = answer.member_epoch;
        let interval = u64::try_from(answer.heartbeat_interval_ms).unwrap_or_default();
        if interval > 0 {
            self.interval = Duration::from_millis(interval);
        }
        self.next = if self.is_news { now } else { now + self.interval };
        if let Some(assignment) = answer.assignment {
            self.told = partition_ids(&assignment);
        }
        let is_empty = self.told.is_empty() && self.owned.is_empty();
        self.empty_answers = if is_empty { self.empty_answers + 1 } else { 0 };
        Heard::Welcome
    }

    /// No answer came, or one that says to try again after `wait`.
    pub(super) fn try_again(&mut self, now: Instant, wait: Duration) {
        self.is_waiting = false;
        self.is_full = true;
        self.next = now + wait;
    }

    /// Forgets everything that the group gave us; joins anew.
    pub(super) fn rejoin(&mut self, now: Instant) {
        self.epoch = 0;
        self.told.clear();
        self.owned.clear();
        self.empty_answers = 0;
        self.is_full = true;
        self.next = now;
    }

    /// Partitions are given up before others are taken in.
    pub(super) fn next_step(&self) -> Option<Step> {
        let is_told = |id: &&PartitionId| self.told.contains(id);
        let superfluous: BTreeSet<_> =
            self.owned.keys().filter(|id| !is_told(id)).copied().collect();
        if !superfluous.is_empty() {
            return Some(Step::GiveUp(superfluous));
        }
        let missing: BTreeSet<_> =
            self.told.iter().filter(|id| !self.owned.contains_key(id)).copied().collect();
        (!missing.is_empty()).then_some(Step::TakeIn(missing))
    }

    /// Notes what was given up; the coordinator is told at once, because others wait for it.
    pub(super) fn on_given_up(&mut self, given_up: &BTreeSet<PartitionId>, now: Instant) {
        self.owned.retain(|id, _| !given_up.contains(id));
        self.tell(now);
    }

    /// Takes in those that are still wanted; returns their names.
    pub(super) fn on_taken_in(
        &mut self,
        taken: BTreeMap<PartitionId, TopicPartition>,
        now: Instant,
    ) -> Vec<TopicPartition> {
        let wanted: BTreeMap<_, _> =
            taken.into_iter().filter(|(id, _)| self.told.contains(id)).collect();
        let names = wanted.values().cloned().collect();
        self.owned.extend(wanted);
        self.tell(now);
        names
    }

    fn tell(&mut self, now: Instant) {
        self.is_news = true;
        self.next = now;
    }

    fn owned_by_topic(&self) -> Vec<RequestTopicPartition> {
        let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in self.owned.keys() {
            topics.entry(*topic).or_default().push(*partition);
        }
        let topic = |(topic_id, partitions)| RequestTopicPartition { topic_id, partitions };
        topics.into_iter().map(topic).collect()
    }
}

fn partition_ids(assignment: &ResponseAssignment) -> BTreeSet<PartitionId> {
    let topics = assignment.topic_partitions.iter();
    topics
        .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_id, *partition)))
        .collect()
}

/// 128 bits that no other member has.
fn random_id() -> String {
    let half = || u128::from(RandomState::new().hash_one(0_u8));
    Uuid::from_random(half() << 64 | half()).to_string()
}

#[cfg(test)]
mod tests {
    use highwater_protocol::messages::consumer_group_heartbeat::ResponseAssignmentTopicPartition;

    use super::*;

    const TOPIC: Uuid = Uuid::from_bytes([7; 16]);

    fn member() -> Membership {
        Membership::new("g".into(), GroupSettings::default(), vec!["t".parse().unwrap()])
    }

    fn welcome(epoch: i32, partitions: Option<&[i32]>) -> ConsumerGroupHeartbeatResponse {
        let assignment = partitions.map(|partitions| ResponseAssignment {
            topic_partitions: vec![ResponseAssignmentTopicPartition {
                topic_id: TOPIC,
                partitions: partitions.to_vec(),
            }],
        });
        ConsumerGroupHeartbeatResponse {
            member_epoch: epoch,
            heartbeat_interval_ms: 1000,
            assignment,
            ..ConsumerGroupHeartbeatResponse::default()
        }
    }

    fn ids(partitions: &[i32]) -> BTreeSet<PartitionId> {
        partitions.iter().map(|partition| (TOPIC, *partition)).collect()
    }

    fn take_in(member: &mut Membership, partitions: &[i32], now: Instant) {
        let named = ids(partitions)
            .into_iter()
            .map(|id| (id, TopicPartition::new("t".parse().unwrap(), id.1)));
        member.on_taken_in(named.collect(), now);
    }

    #[test]
    fn member_says_all_when_it_joins_and_then_only_what_is_new() {
        let (mut member, now) = (member(), Instant::now());
        let join = member.heartbeat(now + FIRST_INTERVAL).unwrap();
        assert_eq!((join.member_epoch, join.topic_partitions), (0, Some(Vec::new())));
        assert!(join.rebalance_timeout_ms > 0 && join.subscribed_topic_names.is_some());
        assert!(member.heartbeat(now + FIRST_INTERVAL).is_none(), "one is under way");
        assert_eq!(member.on_answer(welcome(3, Some(&[0, 1])), now), Heard::Welcome);
        assert!(member.heartbeat(now).is_none(), "not before the interval has passed");
        assert_eq!(member.next_step(), Some(Step::TakeIn(ids(&[0, 1]))));
        take_in(&mut member, &[0, 1], now);
        let told = member.heartbeat(now).unwrap();
        assert_eq!(told.topic_partitions.unwrap()[0].partitions, [0, 1]);
        assert_eq!((told.member_epoch, told.rebalance_timeout_ms), (3, -1));
        member.on_answer(welcome(3, None), now);
        let idle = member.heartbeat(now + Duration::from_secs(1)).unwrap();
        assert_eq!((idle.topic_partitions, idle.subscribed_topic_names), (None, None));
        assert_eq!(member.next_step(), None);
    }

    #[test]
    fn member_gives_up_before_it_takes_in_and_tells_at_once() {
        let (mut member, now) = (member(), Instant::now());
        member.heartbeat(now + FIRST_INTERVAL).unwrap();
        member.on_answer(welcome(1, Some(&[0, 1])), now);
        take_in(&mut member, &[0, 1], now);
        member.heartbeat(now).unwrap();
        member.on_answer(welcome(2, Some(&[1, 2])), now);
        assert_eq!(member.next_step(), Some(Step::GiveUp(ids(&[0]))));
        assert!(member.heartbeat(now).is_none(), "nothing is given up yet");
        member.on_given_up(&ids(&[0]), now);
        assert_eq!(member.heartbeat(now).unwrap().topic_partitions.unwrap()[0].partitions, [1]);
        assert_eq!(member.next_step(), Some(Step::TakeIn(ids(&[2]))));
    }

    #[test]
    fn partition_that_was_taken_away_while_it_was_looked_up_is_not_taken_in() {
        let (mut member, now) = (member(), Instant::now());
        member.heartbeat(now + FIRST_INTERVAL).unwrap();
        member.on_answer(welcome(1, Some(&[0])), now);
        member.on_answer(welcome(2, Some(&[])), now);
        take_in(&mut member, &[0], now);
        assert!(member.owned().is_empty());
    }

    #[test]
    fn member_is_left_out_only_after_several_answers_without_a_partition() {
        let (mut member, now) = (member(), Instant::now());
        let mut hear = |assignment| {
            member.hurry(now);
            member.heartbeat(now).unwrap();
            member.on_answer(welcome(1, assignment), now);
            member.is_left_out()
        };
        assert_eq!([Some(&[][..]), None, None, None].map(&mut hear), [false, false, false, true]);
        assert!(!hear(Some(&[0])), "now there is one");
        assert_eq!([Some(&[][..]), None, None, None].map(&mut hear), [false, false, false, true]);
    }

    #[test]
    fn lost_answer_makes_the_next_heartbeat_say_all() {
        let (mut member, now) = (member(), Instant::now());
        member.heartbeat(now + FIRST_INTERVAL).unwrap();
        member.on_answer(welcome(1, Some(&[0])), now);
        take_in(&mut member, &[0], now);
        member.heartbeat(now).unwrap();
        member.try_again(now, Duration::ZERO);
        let again = member.heartbeat(now).unwrap();
        assert_eq!(again.topic_partitions.unwrap()[0].partitions, [0]);
        assert!(again.rebalance_timeout_ms > 0 && again.subscribed_topic_names.is_some());
        assert_eq!(again.member_epoch, 1);
    }

    #[test]
    fn fenced_member_joins_again_with_nothing() {
        for code in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
            let (mut member, now) = (member(), Instant::now());
            member.heartbeat(now + FIRST_INTERVAL).unwrap();
            member.on_answer(welcome(1, Some(&[0])), now);
            take_in(&mut member, &[0], now);
            member.heartbeat(now).unwrap();
            let refused = ConsumerGroupHeartbeatResponse { error_code: code, ..welcome(0, None) };
            assert_eq!(member.on_answer(refused, now), Heard::Fenced);
            member.rejoin(now);
            let join = member.heartbeat(now).unwrap();
            assert_eq!((join.member_epoch, join.topic_partitions), (0, Some(Vec::new())));
        }
    }
}
