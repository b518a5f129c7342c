//! When a group may change its protocol, and when not.

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::sync_group::{RequestAssignment, SyncGroupRequest};
use proptest::prelude::*;

use super::super::super::{Answer, Input, JoinAnswer, MigrationPolicy, Refusal};
use super::rig::{Beat, GROUP, Rig, assignment, join_request, subscription};

/// A stable classic group of one member, without id in the first call.
fn classic_group(rig: &mut Rig, protocol_type: &str, metadata: Bytes, assigned: Bytes) -> Str {
    let caller = rig.caller(3, 9);
    let mut request = join_request("", metadata);
    request.protocol_type = Str::from(protocol_type);
    let uuid = rig.uuid();
    assert_eq!(rig.call(&caller, Input::Join { caller: caller.clone(), request, uuid }), None);
    rig.advance(4_000);
    let joined = rig.late.pop();
    let Some((_, Answer::Join(Ok(JoinAnswer { member_id, generation_id, .. })))) = joined else {
        panic!("not {joined:?}");
    };
    let caller = rig.caller(3, 9);
    let request = SyncGroupRequest {
        group_id: Str::from_static(GROUP),
        generation_id,
        member_id: member_id.clone(),
        assignments: vec![RequestAssignment { member_id: member_id.clone(), assignment: assigned }],
        ..Default::default()
    };
    let synced = rig.call(&caller, Input::Sync { caller: caller.clone(), request });
    assert!(matches!(synced, Some(Answer::Sync(Ok(_)))), "{synced:?}");
    member_id
}

fn of_topic_a() -> (Bytes, Bytes) {
    (subscription(&["a"], &[]), assignment(&[("a", vec![0, 1])], None))
}

fn check_upgrade(change: impl FnOnce(&mut Rig) -> Str, expected: Result<(), Refusal>) {
    let mut rig = Rig::new(&[("a", 2)]);
    change(&mut rig);
    let written = rig.log.len();
    let result = rig.send(Beat::join("new", &["a"])).map(|_| ());
    assert_eq!(result, expected);
    assert_eq!(rig.group().is_some(), expected.is_ok());
    if expected.is_err() {
        assert_eq!(rig.log.len(), written, "a group that stays is not written");
    }
    rig.check_replay();
}

#[test]
fn only_groups_that_lose_nothing_are_upgraded() {
    let no = || Err(Refusal::GroupIdNotFound);
    let (wanted, assigned) = of_topic_a();
    let plain = |rig: &mut Rig| classic_group(rig, "consumer", wanted.clone(), assigned.clone());
    check_upgrade(plain, Ok(()));
    for (policy, expected) in [
        (MigrationPolicy::Disabled, no()),
        (MigrationPolicy::Downgrade, no()),
        (MigrationPolicy::Upgrade, Ok(())),
    ] {
        let with_policy = |rig: &mut Rig| {
            rig.set_config(|config| config.consumer_migration_policy = policy);
            plain(rig)
        };
        check_upgrade(with_policy, expected);
    }
    let too_large = |rig: &mut Rig| {
        rig.set_config(|config| config.consumer_group_size_max = 0);
        plain(rig)
    };
    check_upgrade(too_large, no());
    let connect = |rig: &mut Rig| classic_group(rig, "connect", wanted.clone(), assigned.clone());
    check_upgrade(connect, no());
    let user_data = assignment(&[("a", vec![0])], Some(b"mine"));
    let custom = |rig: &mut Rig| classic_group(rig, "consumer", wanted.clone(), user_data);
    check_upgrade(custom, no());
    let garbage = Bytes::from_static(b"\0\0\0\0\xff");
    let unreadable =
        |rig: &mut Rig| classic_group(rig, "consumer", wanted.clone(), garbage.clone());
    check_upgrade(unreadable, no());
}

#[test]
fn an_empty_group_becomes_what_joins_first_whatever_the_policy() {
    let mut rig = Rig::new(&[("a", 2)]);
    rig.set_config(|config| config.consumer_migration_policy = MigrationPolicy::Disabled);
    rig.send(Beat::join("m", &["a"])).unwrap();
    rig.send(Beat::of("m", -1)).unwrap();
    let (wanted, assigned) = of_topic_a();
    let member_id = classic_group(&mut rig, "consumer", wanted, assigned);
    assert!(rig.group().is_none());
    rig.check_replay();
    let caller = rig.caller(2, 9);
    let request = highwater_protocol::messages::leave_group::LeaveGroupRequest {
        group_id: Str::from_static(GROUP),
        member_id,
        ..Default::default()
    };
    rig.call(&caller, Input::Leave { caller: caller.clone(), request });
    assert!(rig.send(Beat::join("m", &["a"])).is_ok());
    assert!(rig.group().is_some());
    rig.check_replay();
}

#[test]
fn a_classic_member_joins_a_consumer_group_only_if_it_may() {
    let mut rig = Rig::new(&[("a", 2)]);
    rig.send(Beat::join("m", &["a"])).unwrap();
    let mut join = |change: &dyn Fn(&mut Rig), metadata: Bytes, protocol_type: &'static str| {
        change(&mut rig);
        let caller = rig.caller(3, 9);
        let mut request = join_request("", metadata);
        request.protocol_type = Str::from_static(protocol_type);
        let uuid = rig.uuid();
        let written = rig.log.len();
        let answer = rig.call(&caller, Input::Join { caller: caller.clone(), request, uuid });
        let Some(Answer::Join(answer)) = answer else { panic!("not {answer:?}") };
        assert_eq!(rig.log.len() == written, answer.is_err());
        answer.map(|_| ())
    };
    let (wanted, _) = of_topic_a();
    let set =
        |policy| move |rig: &mut Rig| rig.set_config(|c| c.consumer_migration_policy = policy);
    let inconsistent = Err(Refusal::InconsistentGroupProtocol);
    assert_eq!(join(&set(MigrationPolicy::Disabled), wanted.clone(), "consumer"), inconsistent);
    let open = set(MigrationPolicy::Bidirectional);
    assert_eq!(join(&open, wanted.clone(), "connect"), inconsistent);
    assert_eq!(join(&open, Bytes::from_static(b"\0"), "consumer"), inconsistent);
    let full = |rig: &mut Rig| rig.set_config(|config| config.consumer_group_size_max = 1);
    let refused = Err(Refusal::GroupMaxSizeReached { max: 1 });
    assert_eq!(join(&full, wanted.clone(), "consumer"), refused);
    let room = |rig: &mut Rig| rig.set_config(|config| config.consumer_group_size_max = 2);
    assert_eq!(join(&room, wanted, "consumer"), Ok(()));
}

/// A classic member of a consumer group does what its heartbeats tell it.
fn follow(rig: &mut Rig, classic: &Str) {
    let mut epoch = rig.group().unwrap().member(classic).unwrap().current.epoch;
    for _ in 0..4 {
        let caller = rig.caller(3, 9);
        let request = HeartbeatRequest {
            group_id: Str::from_static(GROUP),
            generation_id: epoch,
            member_id: classic.clone(),
            group_instance_id: None,
        };
        let answer = rig.call(&caller, Input::Heartbeat { caller: caller.clone(), request });
        if answer == Some(Answer::Heartbeat(Ok(()))) {
            return;
        }
        let caller = rig.caller(5, 9);
        let owned = &rig.group().unwrap().member(classic).unwrap().current.assigned;
        let owned = owned.topics().map(|(_, all)| ("a", all.keys().copied().collect()));
        let request = join_request(classic, subscription(&["a"], &owned.collect::<Vec<_>>()));
        let uuid = rig.uuid();
        let joined = rig.call(&caller, Input::Join { caller: caller.clone(), request, uuid });
        let Some(Answer::Join(Ok(joined))) = joined else { panic!("not {joined:?}") };
        epoch = joined.generation_id;
    }
    panic!("a member that does what it is told comes to rest");
}

#[test]
fn without_leave_to_go_back_a_group_stays_as_it_is() {
    let mut rig = Rig::new(&[("a", 2)]);
    let (wanted, assigned) = of_topic_a();
    let classic = classic_group(&mut rig, "consumer", wanted, assigned);
    rig.set_config(|config| config.consumer_migration_policy = MigrationPolicy::Upgrade);
    rig.send(Beat::join("new", &["a"])).unwrap();
    rig.advance(2_000);
    follow(&mut rig, &classic);
    rig.send(Beat::of("new", -1)).unwrap();
    assert!(rig.group().is_some_and(|group| group.member(&classic).is_ok()));
    rig.check_replay();
    // Nobody of the new protocol is left to ask for the next target, and it comes all the same.
    follow(&mut rig, &classic);
    let group = rig.group().unwrap();
    assert_eq!(group.state(), "Stable");
    assert_eq!(group.member(&classic).unwrap().current.assigned.iter().count(), 2);
}

#[test]
fn a_partition_that_does_not_exist_is_nobodys_after_an_upgrade() {
    let mut rig = Rig::new(&[("a", 2)]);
    let assigned = assignment(&[("a", vec![-1, 0, 1, 1, 2]), ("gone", vec![0])], None);
    classic_group(&mut rig, "consumer", subscription(&["a"], &[]), assigned);
    rig.send(Beat::join("new", &["a"])).unwrap();
    rig.check_epochs();
    let held: usize = rig
        .group()
        .unwrap()
        .members()
        .map(|(_, member)| member.current.assigned.iter().count())
        .sum();
    assert_eq!(held, 2);
}

proptest! {
    #[test]
    fn any_bytes_of_a_classic_member_upgrade_or_stay(
        metadata in prop::collection::vec(any::<u8>(), 0..40),
        assigned in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut rig = Rig::new(&[("a", 2)]);
        classic_group(&mut rig, "consumer", Bytes::from(metadata), Bytes::from(assigned));
        let result = rig.send(Beat::join("new", &["a"]));
        prop_assert_eq!(result.is_ok(), rig.group().is_some());
        prop_assert!(matches!(result, Ok(_) | Err(Refusal::GroupIdNotFound)));
        rig.check_replay();
    }
}
