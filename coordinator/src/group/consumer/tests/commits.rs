//! Who may commit and read offsets.

use highwater_protocol::Str;
use highwater_records::Uuid;

use super::super::super::Refusal;
use super::super::CommitCaller;
use super::rig::{Beat, Rig, topic_id};

struct Commit {
    member_id: &'static str,
    epoch: i32,
    version: i16,
    is_transactional: bool,
}

const COMMIT: Commit = Commit { member_id: "m", epoch: 1, version: 9, is_transactional: false };

fn check(rig: &Rig, commit: &Commit, partitions: &[(Uuid, i32)], expected: Result<(), Refusal>) {
    let member_id = Str::from_static(commit.member_id);
    let caller = CommitCaller {
        version: commit.version,
        is_transactional: commit.is_transactional,
        member_id: &member_id,
        instance_id: None,
        epoch: commit.epoch,
    };
    assert_eq!(rig.group().unwrap().check_commit(caller, partitions), expected);
}

#[test]
fn a_commit_needs_the_members_epoch_and_a_version_that_has_it() {
    let mut rig = Rig::new(&[("a", 2)]);
    rig.send(Beat::join("m", &["a"])).unwrap();
    let a0 = [(topic_id("a"), 0)];
    check(&rig, &COMMIT, &a0, Ok(()));
    check(&rig, &Commit { version: 8, ..COMMIT }, &a0, Err(Refusal::UnsupportedVersion));
    check(&rig, &Commit { version: 3, is_transactional: true, ..COMMIT }, &a0, Ok(()));
    let newer = Refusal::StaleMemberEpoch { given: 2, current: 1 };
    check(&rig, &Commit { epoch: 2, ..COMMIT }, &a0, Err(newer));
    check(&rig, &Commit { member_id: "x", ..COMMIT }, &a0, Err(Refusal::UnknownMemberId));
    let admin = Commit { member_id: "", epoch: -1, ..COMMIT };
    check(&rig, &admin, &a0, Err(Refusal::UnknownMemberId));
    check(&rig, &Commit { is_transactional: true, ..admin }, &a0, Ok(()));
    rig.send(Beat::of("m", -1)).unwrap();
    check(&rig, &admin, &a0, Ok(()));
}

#[test]
fn an_older_epoch_may_commit_to_what_it_already_had() {
    let mut rig = Rig::new(&[("a", 1), ("b", 1)]);
    rig.send(Beat::join("m", &["a"])).unwrap();
    rig.advance(2_000);
    rig.send(Beat::of("m", 1).topics(&["a", "b"])).unwrap();
    let (a, b) = ((topic_id("a"), 0), (topic_id("b"), 0));
    let stale = Refusal::StaleMemberEpoch { given: 1, current: 2 };
    check(&rig, &COMMIT, &[a], Ok(()));
    check(&rig, &COMMIT, &[b], Err(stale.clone()));
    check(&rig, &COMMIT, &[a, b], Err(stale.clone()));
    check(&rig, &COMMIT, &[(topic_id("c"), 0)], Err(stale));
    check(&rig, &Commit { epoch: 2, ..COMMIT }, &[a, b], Ok(()));
    // What has to be given up may still be committed.
    rig.advance(2_000);
    let told = rig.send(Beat::of("m", 2).topics(&["b"]).owns(&[("a", &[0]), ("b", &[0])])).unwrap();
    assert_eq!(told.member_epoch, 2);
    check(&rig, &COMMIT, &[a], Ok(()));
}

#[test]
fn reading_offsets_as_a_member_needs_its_epoch() {
    let mut rig = Rig::new(&[("a", 2)]);
    rig.send(Beat::join("m", &["a"])).unwrap();
    let group = rig.group().unwrap();
    let (m, x) = (Str::from_static("m"), Str::from_static("x"));
    assert_eq!(group.check_fetch(None, -1), Ok(()));
    assert_eq!(group.check_fetch(Some(&m), 1), Ok(()));
    assert_eq!(group.check_fetch(Some(&x), 1), Err(Refusal::UnknownMemberId));
    assert_eq!(group.check_fetch(None, 1), Err(Refusal::UnknownMemberId));
    let stale = Refusal::StaleMemberEpoch { given: 0, current: 1 };
    assert_eq!(group.check_fetch(Some(&m), 0), Err(stale));
}
