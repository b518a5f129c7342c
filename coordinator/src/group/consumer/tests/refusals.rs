//! Error by error: what a heartbeat must not say, and when.

use super::super::super::Refusal;
use super::rig::{Beat, Rig};

fn rig() -> Rig {
    Rig::new(&[("a", 2), ("b", 2)])
}

/// A heartbeat that is refused, and that changes nothing.
fn check(rig: &mut Rig, beat: Beat, expected: &Refusal) {
    let written = rig.log.len();
    assert_eq!(rig.send(beat).as_ref(), Err(expected));
    assert_eq!(rig.log.len(), written, "what is refused is not written");
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::InvalidRequest { reason }
}

#[test]
fn requests_that_contradict_themselves_are_invalid() {
    let join = || Beat::join("m", &["a"]);
    let cases: Vec<(Beat, &'static str)> = vec![
        (join().with(|r| r.group_id = " ".into()), "GroupId can't be empty."),
        (join().with(|r| r.member_id = "".into()), "MemberId can't be empty."),
        (Beat::of("", 1).version(0), "MemberId can't be empty."),
        (Beat::of("", -1).version(0), "MemberId can't be empty."),
        (join().instance(""), "InstanceId can't be empty."),
        (join().with(|r| r.rack_id = Some("".into())), "RackId can't be empty."),
        (
            join().with(|r| r.rebalance_timeout_ms = -1),
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (
            join().with(|r| r.topic_partitions = None),
            "TopicPartitions must be empty when (re-)joining.",
        ),
        (join().owns(&[("a", &[0])]), "TopicPartitions must be empty when (re-)joining."),
        (
            join().with(|r| r.subscribed_topic_names = None),
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
        (Beat::of("m", -2), "InstanceId can't be null."),
        (Beat::of("m", -3), "MemberEpoch is invalid."),
    ];
    for (beat, reason) in cases {
        check(&mut rig(), beat, &invalid(reason));
    }
}

#[test]
fn an_assignor_that_is_not_offered_is_unsupported() {
    let refused = |name: &str| Refusal::UnsupportedAssignor { assignor: name.into() };
    check(&mut rig(), Beat::join("m", &["a"]).assignor("sticky"), &refused("sticky"));
    let mut rig = rig();
    rig.set_config(|config| config.consumer_assignors = vec!["uniform".to_owned()]);
    check(&mut rig, Beat::join("m", &["a"]).assignor("range"), &refused("range"));
    assert!(rig.send(Beat::join("m", &["a"]).assignor("uniform")).is_ok());
}

#[test]
fn an_expression_that_cannot_be_read_is_invalid_when_it_is_new() {
    let bad = || Beat::join("m", &[]).regex("a(");
    let mut rig = rig();
    let refused = rig.send(bad());
    assert!(matches!(refused, Err(Refusal::InvalidRegularExpression { .. })), "{refused:?}");
    rig.send(Beat::join("m", &[]).regex("a.*")).unwrap();
    let later = rig.send(Beat::of("m", 1).regex("["));
    assert!(matches!(later, Err(Refusal::InvalidRegularExpression { .. })), "{later:?}");
    assert!(rig.send(Beat::of("m", 1)).is_ok(), "the old one stays");
}

#[test]
fn unknown_groups_and_members_are_told_apart() {
    let mut rig = rig();
    check(&mut rig, Beat::of("m", 1), &Refusal::GroupIdNotFound);
    check(&mut rig, Beat::of("m", -1), &Refusal::GroupIdNotFound);
    rig.send(Beat::join("m", &["a"])).unwrap();
    check(&mut rig, Beat::of("other", 1), &Refusal::UnknownMemberId);
    check(&mut rig, Beat::of("other", -1), &Refusal::UnknownMemberId);
    check(&mut rig, Beat::of("m", 1).instance("i"), &Refusal::UnknownMemberId);
    check(&mut rig, Beat::of("m", -2).instance("i"), &Refusal::UnknownMemberId);
}

#[test]
fn a_member_with_another_epoch_is_fenced() {
    let mut rig = rig();
    rig.send(Beat::join("m", &["a"])).unwrap();
    rig.advance(2_000);
    let moved = rig.send(Beat::of("m", 1).topics(&["a", "b"])).unwrap();
    assert_eq!(moved.member_epoch, 2);
    let fenced = |given| Refusal::FencedMemberEpoch { given, current: 2 };
    check(&mut rig, Beat::of("m", 3), &fenced(3));
    check(&mut rig, Beat::of("m", 1), &fenced(1));
    check(&mut rig, Beat::of("m", 1).owns(&[("c", &[0])]), &fenced(1));
}

#[test]
fn a_member_that_lost_the_answer_is_told_again() {
    let mut rig = rig();
    rig.send(Beat::join("m", &["a"])).unwrap();
    rig.advance(2_000);
    rig.send(Beat::of("m", 1).topics(&["a", "b"])).unwrap();
    let full = Beat::of("m", 1).topics(&["a", "b"]).owns(&[("a", &[0, 1])]);
    let again = rig.send(full.with(|r| r.rebalance_timeout_ms = 60_000)).unwrap();
    assert_eq!(again.member_epoch, 2);
    assert_eq!(again.assignment.map(|topics| topics.len()), Some(2), "a full call is told all");
}

#[test]
fn an_instance_id_in_use_is_not_given_away() {
    let mut rig = rig();
    rig.send(Beat::join("m1", &["a"]).instance("i")).unwrap();
    let unreleased = Refusal::UnreleasedInstanceId { member_id: "m1".into() };
    check(&mut rig, Beat::join("m2", &["a"]).instance("i"), &unreleased);
    assert!(rig.send(Beat::join("m1", &["a"]).instance("i")).is_ok(), "the owner may join again");
    rig.send(Beat::of("m1", -2).instance("i")).unwrap();
    let back = rig.send(Beat::join("m2", &["a"]).instance("i")).unwrap();
    assert_eq!(back.assignment.map(|topics| topics.len()), Some(1), "with what it had");
    check(&mut rig, Beat::of("m1", 1).instance("i"), &Refusal::FencedInstanceId);
    check(&mut rig, Beat::of("m1", -1).instance("i"), &Refusal::FencedInstanceId);
    check(&mut rig, Beat::of("m1", -2).instance("i"), &Refusal::FencedInstanceId);
}

#[test]
fn a_full_group_takes_no_new_member() {
    let mut rig = rig();
    rig.set_config(|config| config.consumer_group_size_max = 2);
    rig.send(Beat::join("m1", &["a"])).unwrap();
    rig.send(Beat::join("m2", &["a"]).instance("i")).unwrap();
    check(&mut rig, Beat::join("m3", &["a"]), &Refusal::GroupMaxSizeReached { max: 2 });
    assert!(rig.send(Beat::join("m1", &["a"])).is_ok(), "a member may join again");
    rig.send(Beat::of("m2", -2).instance("i")).unwrap();
    assert!(rig.send(Beat::join("m4", &["a"]).instance("i")).is_ok(), "in the place of another");
}

#[test]
fn a_member_that_says_too_much_is_refused() {
    let mut rig = rig();
    rig.set_config(|config| config.group_bytes_max = 16_000);
    let names: Vec<String> = (0..200).map(|place| format!("topic-{place}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let refused = rig.send(Beat::join("m", &names));
    assert!(matches!(refused, Err(Refusal::GroupTooLarge { max_bytes: 1_000, .. })), "{refused:?}");
    assert!(rig.send(Beat::join("m", &names[..50])).is_ok());
}
