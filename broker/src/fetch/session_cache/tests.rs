//! Tables of the session cache: what a request gets, and who gives way.

use highwater_records::{LeaderEpoch, Offset, Uuid};

use super::*;
use crate::fetch::TopicKey;

const SESSIONS_MAX: usize = 1000;

fn at(seconds: u64) -> Monotonic {
    Monotonic::new(Duration::from_secs(seconds))
}

fn cache(sessions_max: usize) -> FetchSessions {
    FetchSessions::new(sessions_max, 1000)
}

fn key(partition: i32) -> PartitionKey {
    PartitionKey { topic: TopicKey::Id(Uuid::ZERO), partition }
}

fn wanted(count: i32) -> Vec<WantedPartition> {
    let wanted = |partition| WantedPartition {
        key: key(partition),
        fetch_offset: Offset::ZERO,
        max_bytes: 100,
        current_leader_epoch: LeaderEpoch::NONE,
        last_fetched_epoch: LeaderEpoch::NONE,
    };
    (0..count).map(wanted).collect()
}

fn request(id: i32, epoch: i32, count: i32) -> SessionRequest {
    SessionRequest {
        id,
        epoch,
        uses_topic_ids: true,
        is_follower: false,
        wanted: wanted(count),
        forgotten: Vec::new(),
    }
}

fn quiet() -> PartitionOutcome {
    PartitionOutcome {
        record_bytes: 0,
        high_watermark: 0,
        log_start_offset: 0,
        has_error: false,
        is_diverging: false,
        has_preferred_replica: false,
    }
}

/// Fetches once and returns the session id and what the answer holds.
fn fetch(
    sessions: &FetchSessions,
    now: Monotonic,
    request: SessionRequest,
) -> Result<(i32, Vec<bool>), SessionRefusal> {
    let context = sessions.open(now, request)?;
    answer(sessions, now, &context)
}

fn answer(
    sessions: &FetchSessions,
    now: Monotonic,
    context: &FetchContext,
) -> Result<(i32, Vec<bool>), SessionRefusal> {
    let wanted: Vec<&WantedPartition> = context.wanted.iter().collect();
    let mut next = u32::try_from(session_count(sessions)).unwrap() * 2;
    sessions.answer(now, context, &wanted, &vec![quiet(); wanted.len()], || {
        next += 2;
        next
    })
}

fn session_count(sessions: &FetchSessions) -> usize {
    sessions.slots.lock().len()
}

fn new_session(sessions: &FetchSessions, now: Monotonic, count: i32) -> i32 {
    fetch(sessions, now, request(0, 0, count)).unwrap().0
}

#[test]
fn full_fetch_gets_a_session_and_all_partitions() {
    let sessions = cache(SESSIONS_MAX);
    let (id, sent) = fetch(&sessions, at(0), request(0, 0, 3)).unwrap();
    assert_ne!(id, 0);
    assert_eq!(sent, [true; 3]);
    let (again, sent) = fetch(&sessions, at(1), request(id, 1, 0)).unwrap();
    assert_eq!(again, id);
    assert_eq!(sent, [false; 3], "nothing is new");
    assert_eq!(fetch(&sessions, at(2), request(id, 2, 0)).unwrap().0, id);
}

#[test]
fn final_epoch_closes_the_session_and_makes_none() {
    let sessions = cache(SESSIONS_MAX);
    let id = new_session(&sessions, at(0), 2);
    assert_eq!(fetch(&sessions, at(1), request(id, -1, 1)).unwrap(), (0, vec![true]));
    assert_eq!(session_count(&sessions), 0);
    assert_eq!(fetch(&sessions, at(2), request(id, 1, 0)), Err(SessionRefusal::IdNotFound));
}

#[test]
fn full_fetch_naming_a_session_replaces_it() {
    let sessions = cache(SESSIONS_MAX);
    let id = new_session(&sessions, at(0), 2);
    let replaced = fetch(&sessions, at(1), request(id, 0, 1)).unwrap().0;
    assert_ne!(replaced, 0);
    assert_eq!(session_count(&sessions), 1);
}

#[test]
fn session_at_another_epoch_is_refused_and_stays() {
    let sessions = cache(SESSIONS_MAX);
    let id = new_session(&sessions, at(0), 2);
    for epoch in [2, 7, i32::MAX] {
        let refused = fetch(&sessions, at(1), request(id, epoch, 0));
        assert_eq!(refused, Err(SessionRefusal::InvalidEpoch));
    }
    assert!(fetch(&sessions, at(1), request(id, 1, 0)).is_ok());
}

#[test]
fn session_with_topic_ids_refuses_a_version_without() {
    let sessions = cache(SESSIONS_MAX);
    let id = new_session(&sessions, at(0), 2);
    let by_name = SessionRequest { uses_topic_ids: false, ..request(id, 1, 0) };
    assert_eq!(fetch(&sessions, at(1), by_name), Err(SessionRefusal::TopicIdError));
}

#[test]
fn session_left_empty_is_removed() {
    let sessions = cache(SESSIONS_MAX);
    let id = new_session(&sessions, at(0), 1);
    let forget = SessionRequest { forgotten: vec![key(0)], ..request(id, 1, 0) };
    assert_eq!(fetch(&sessions, at(1), forget).unwrap(), (0, vec![]));
    assert_eq!(session_count(&sessions), 0);
}

#[test]
fn two_fetches_at_once_in_one_session_lose_the_earlier_answer() {
    let sessions = cache(SESSIONS_MAX);
    let id = new_session(&sessions, at(0), 1);
    let first = sessions.open(at(1), request(id, 1, 0)).unwrap();
    let second = sessions.open(at(1), request(id, 2, 0)).unwrap();
    assert_eq!(answer(&sessions, at(2), &first), Err(SessionRefusal::InvalidEpoch));
    assert!(answer(&sessions, at(2), &second).is_ok());
}

#[test]
fn fetch_of_nothing_gets_no_session() {
    let sessions = cache(SESSIONS_MAX);
    assert_eq!(new_session(&sessions, at(0), 0), 0);
    assert_eq!(new_session(&cache(0), at(0), 5), 0);
}

#[test]
fn full_cache_keeps_young_sessions_in_use() {
    let sessions = cache(2);
    let first = new_session(&sessions, at(0), 1);
    let second = new_session(&sessions, at(0), 1);
    assert_eq!(new_session(&sessions, at(60), 100), 0);
    assert!(fetch(&sessions, at(61), request(first, 1, 0)).is_ok());
    assert!(fetch(&sessions, at(61), request(second, 1, 0)).is_ok());
}

#[test]
fn full_cache_gives_the_slot_of_the_longest_unused() {
    let sessions = cache(2);
    let unused = new_session(&sessions, at(0), 50);
    let used = new_session(&sessions, at(0), 1);
    assert!(fetch(&sessions, at(100), request(used, 1, 0)).is_ok());
    assert_ne!(new_session(&sessions, at(121), 1), 0);
    assert_eq!(fetch(&sessions, at(121), request(unused, 1, 0)), Err(SessionRefusal::IdNotFound));
    assert!(fetch(&sessions, at(121), request(used, 2, 0)).is_ok());
}

#[test]
fn full_cache_gives_the_slot_of_a_smaller_old_session_to_a_larger() {
    let sessions = cache(2);
    let small = new_session(&sessions, at(0), 2);
    let large = new_session(&sessions, at(0), 9);
    for (now, epoch) in [(100, 1), (130, 2)] {
        assert!(fetch(&sessions, at(now), request(small, epoch, 0)).is_ok());
        assert!(fetch(&sessions, at(now), request(large, epoch, 0)).is_ok());
    }
    assert_eq!(new_session(&sessions, at(131), 2), 0, "equal is not larger");
    assert_ne!(new_session(&sessions, at(131), 3), 0);
    assert_eq!(fetch(&sessions, at(132), request(small, 3, 0)), Err(SessionRefusal::IdNotFound));
    assert!(fetch(&sessions, at(132), request(large, 3, 0)).is_ok());
}

#[test]
fn follower_takes_the_slot_of_a_young_consumer_and_never_the_reverse() {
    let sessions = cache(1);
    new_session(&sessions, at(0), 9);
    let follower = SessionRequest { is_follower: true, ..request(0, 0, 1) };
    let id = fetch(&sessions, at(1), follower).unwrap().0;
    assert_ne!(id, 0);
    assert!(fetch(&sessions, at(100), request(id, 1, 0)).is_ok());
    assert_eq!(new_session(&sessions, at(200), 9), 0);
}

#[test]
fn partitions_of_all_sessions_have_a_limit() {
    let sessions = cache(SESSIONS_MAX);
    let ids: Vec<i32> = (0..7).map(|_| new_session(&sessions, at(0), 20_000)).collect();
    assert_eq!(ids.iter().filter(|id| **id != 0).count(), 5);
    let wanted = |partition| WantedPartition {
        key: PartitionKey { topic: TopicKey::Id(Uuid::ZERO), partition },
        ..wanted(1).remove(0)
    };
    let mut grown = request(ids[0], 1, 0);
    grown.wanted = vec![wanted(30_000)];
    assert_eq!(fetch(&sessions, at(1), grown), Err(SessionRefusal::IdNotFound));
    assert_eq!(session_count(&sessions), 4);
    assert_ne!(new_session(&sessions, at(1), 20_000), 0);
}
