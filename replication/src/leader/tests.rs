//! Tables and properties of the leader's machine.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::WaitingAppends;

fn offset(value: i64) -> Offset {
    Offset::new(value)
}

fn nodes(ids: &[i32]) -> BTreeSet<NodeId> {
    ids.iter().map(|id| NodeId::new(*id)).collect()
}

fn progress(end: i64, synced: i64) -> Progress {
    Progress { end: offset(end), synced: offset(synced), compacted: Offset::ZERO }
}

fn setup(replicas: &[i32], isr: &[i32], min_insync_replicas: usize) -> LeaderSetup {
    LeaderSetup {
        node: NodeId::new(1),
        epoch: LeaderEpoch::new(5),
        replicas: replicas.iter().map(|id| NodeId::new(*id)).collect(),
        isr: nodes(isr),
        min_insync_replicas,
        durability: Durability::Fsync,
        log_end: Offset::ZERO,
        synced_end: Offset::ZERO,
        high_watermark: Offset::ZERO,
        mutant: match std::env::var_os("HIGHWATER_MUTANT") {
            Some(number) => {
                Mutant::numbered(number.to_str().unwrap()).expect("a build with mutants")
            }
            None => Mutant::NONE,
        },
    }
}

fn leader(replicas: &[i32], isr: &[i32], min_insync_replicas: usize) -> Leader {
    Leader::new(setup(replicas, isr, min_insync_replicas)).0
}

fn change(leader: &Leader, isr: &[i32], min_insync_replicas: usize) -> MetadataChange {
    MetadataChange {
        epoch: leader.epoch(),
        replicas: leader.replicas().to_vec(),
        isr: nodes(isr),
        min_insync_replicas,
        durability: leader.durability(),
    }
}

#[test]
fn fsync_append_alone_requests_a_sync_and_commits_with_it() {
    let mut leader = leader(&[1], &[1], 1);
    let appended = leader.on_appended(offset(3));
    assert!(appended.requests_sync());
    assert_eq!(appended.high_watermark(), None);
    let synced = leader.on_synced(offset(2));
    assert_eq!(synced.high_watermark(), Some(offset(2)));
    assert_eq!(leader.high_watermark(), offset(2));
}

#[test]
fn os_append_alone_commits_at_once_and_requests_nothing() {
    let start = LeaderSetup { durability: Durability::Os, ..setup(&[1], &[1], 1) };
    let mut leader = Leader::new(start).0;
    let appended = leader.on_appended(offset(3));
    assert!(!appended.requests_sync());
    assert_eq!(appended.high_watermark(), Some(offset(3)));
}

#[test]
fn new_leader_alone_starts_with_the_synced_end_committed() {
    let start = LeaderSetup { log_end: offset(9), synced_end: offset(7), ..setup(&[1], &[1], 1) };
    let (leader, effects) = Leader::new(start);
    assert_eq!(effects.high_watermark(), Some(offset(7)));
    assert!(effects.requests_sync(), "the rest becomes visible only by a sync");
    assert_eq!(leader.epoch_start(), offset(9));
}

#[test]
fn checkpointed_high_watermark_above_the_log_end_is_cut() {
    let start = LeaderSetup {
        log_end: offset(4),
        synced_end: offset(4),
        high_watermark: offset(100),
        ..setup(&[1, 2], &[1, 2], 1)
    };
    assert_eq!(Leader::new(start).0.high_watermark(), offset(4));
}

#[test]
fn high_watermark_waits_for_every_member_of_the_isr() {
    let mut leader = leader(&[1, 2, 3], &[1, 2, 3], 2);
    assert!(leader.on_appended(offset(10)).requests_sync());
    assert_eq!(leader.on_synced(offset(10)), Effects::NONE);
    let second = leader.on_follower_fetched(NodeId::new(2), progress(10, 8)).unwrap();
    assert_eq!(second, Effects::NONE, "3 has not been heard of");
    let third = leader.on_follower_fetched(NodeId::new(3), progress(9, 9)).unwrap();
    assert_eq!(third.high_watermark(), Some(offset(8)), "only what 2 has synced counts");
}

#[test]
fn high_watermark_waits_for_a_member_whose_joining_is_proposed() {
    let mut leader = leader(&[1, 2], &[1], 1);
    leader.on_isr_proposed(nodes(&[1, 2]));
    assert!(leader.on_appended(offset(5)).requests_sync());
    assert_eq!(leader.on_synced(offset(5)), Effects::NONE);
    let fetched = leader.on_follower_fetched(NodeId::new(2), progress(4, 4)).unwrap();
    assert_eq!(fetched.high_watermark(), Some(offset(4)));
}

#[test]
fn high_watermark_freezes_below_min_isr_and_moves_again_with_it() {
    let mut leader = leader(&[1, 2, 3], &[1], 2);
    assert!(leader.on_appended(offset(5)).requests_sync());
    assert_eq!(leader.on_synced(offset(5)), Effects::NONE);
    let refused = leader.check_append(Acks::All, None).unwrap_err();
    assert_eq!(refused, Refusal::NotEnoughReplicas { isr_count: 1, min_insync_replicas: 2 });
    assert_eq!(leader.check_append(Acks::Leader, None), Ok(()));
    assert!(leader.check_acknowledge().is_err());
    assert_eq!(leader.on_follower_fetched(NodeId::new(2), progress(5, 5)).unwrap(), Effects::NONE);
    let joined = leader.on_metadata_changed(change(&leader, &[1, 2], 2));
    assert_eq!(joined.high_watermark(), Some(offset(5)));
    assert_eq!(leader.check_append(Acks::All, None), Ok(()));
}

#[test]
fn min_isr_above_the_replica_count_needs_all_replicas_only() {
    let leader = leader(&[1], &[1], 2);
    assert_eq!(leader.check_append(Acks::All, None), Ok(()));
}

#[test]
fn append_with_another_epoch_is_refused_before_the_isr_is_looked_at() {
    let leader = leader(&[1, 2], &[1], 2);
    let current = LeaderEpoch::new(5);
    assert_eq!(
        leader.check_append(Acks::All, Some(LeaderEpoch::new(4))),
        Err(Refusal::FencedLeaderEpoch { current })
    );
    assert_eq!(
        leader.check_append(Acks::Leader, Some(LeaderEpoch::new(6))),
        Err(Refusal::UnknownLeaderEpoch { current })
    );
}

#[test]
fn follower_that_truncated_does_not_take_the_high_watermark_back() {
    let mut leader = leader(&[1, 2], &[1, 2], 1);
    assert!(leader.on_appended(offset(5)).requests_sync());
    drop(leader.on_synced(offset(5)));
    let fetched = leader.on_follower_fetched(NodeId::new(2), progress(5, 5)).unwrap();
    assert_eq!(fetched.high_watermark(), Some(offset(5)));
    let back = leader.on_follower_fetched(NodeId::new(2), progress(1, 1)).unwrap();
    assert_eq!(back, Effects::NONE);
    assert_eq!(leader.high_watermark(), offset(5));
}

#[test]
fn fetch_of_a_node_without_a_replica_is_refused() {
    let mut leader = leader(&[1, 2], &[1], 1);
    let refused = leader.on_follower_fetched(NodeId::new(9), progress(5, 5));
    assert_eq!(refused, Err(Refusal::NotLeaderOrFollower));
}

#[test]
fn new_epoch_forgets_followers_and_starts_at_the_log_end() {
    let mut leader = leader(&[1, 2], &[1, 2], 1);
    assert!(leader.on_appended(offset(5)).requests_sync());
    drop(leader.on_synced(offset(5)));
    drop(leader.on_follower_fetched(NodeId::new(2), progress(3, 3)).unwrap());
    let next = MetadataChange { epoch: LeaderEpoch::new(6), ..change(&leader, &[1, 2], 1) };
    assert_eq!(leader.on_metadata_changed(next), Effects::NONE);
    assert_eq!(leader.epoch_start(), offset(5));
    assert_eq!(leader.on_synced(offset(5)), Effects::NONE, "2 has to fetch in this epoch first");
}

#[test]
fn last_stable_offset_is_held_back_by_an_open_transaction() {
    let start = LeaderSetup { log_end: offset(9), synced_end: offset(9), ..setup(&[1], &[1], 1) };
    let leader = Leader::new(start).0;
    assert_eq!(leader.last_stable_offset(None), offset(9));
    assert_eq!(leader.last_stable_offset(Some(offset(4))), offset(4));
    assert_eq!(leader.last_stable_offset(Some(offset(12))), offset(9));
}

#[test]
fn compacted_through_is_the_least_of_all_assigned_replicas() {
    let mut leader = leader(&[1, 2], &[1], 1);
    leader.on_compacted(offset(50));
    assert_eq!(leader.compacted_through(), Offset::ZERO, "2 has not reported");
    let reported = Progress { compacted: offset(30), ..progress(0, 0) };
    drop(leader.on_follower_fetched(NodeId::new(2), reported).unwrap());
    assert_eq!(leader.compacted_through(), offset(30));
}

#[derive(Clone, Debug)]
enum Input {
    Append(i64),
    Sync(i64),
    Fetch { node: i32, end: i64, unsynced: i64 },
    Isr(Vec<i32>),
    Propose(Vec<i32>),
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let isr = prop::sample::subsequence(vec![2, 3], 0..=2).prop_map(|mut isr| {
        isr.push(1);
        isr
    });
    let input = prop_oneof![
        (1..5i64).prop_map(Input::Append),
        (0..40i64).prop_map(Input::Sync),
        (2..=3i32, 0..40i64, 0..5i64).prop_map(|(node, end, unsynced)| Input::Fetch {
            node,
            end,
            unsynced
        }),
        isr.clone().prop_map(Input::Isr),
        isr.prop_map(Input::Propose),
    ];
    prop::collection::vec(input, 0..60)
}

/// What is true after every input, whatever the order of inputs.
fn check_history(history: &[Input], durability: Durability, min_insync_replicas: usize) {
    let mut leader = Leader::new(LeaderSetup {
        durability,
        ..setup(&[1, 2, 3], &[1, 2, 3], min_insync_replicas)
    })
    .0;
    let mut waiting = WaitingAppends::default();
    let (mut end, mut synced) = (0, 0);
    for input in history {
        let before = leader.high_watermark();
        let frozen = leader.isr().committed_count() < min_insync_replicas;
        let effects = match input {
            Input::Append(count) => {
                end += count;
                let ticket = waiting.next_ticket(offset(end));
                waiting.wait(ticket, offset(end));
                leader.on_appended(offset(end))
            }
            Input::Sync(to) => {
                synced = synced.max((*to).min(end));
                leader.on_synced(offset(synced))
            }
            Input::Fetch { node, end: reported, unsynced } => {
                let reported = (*reported).min(end);
                let progress = progress(reported, (reported - unsynced).max(0));
                leader.on_follower_fetched(NodeId::new(*node), progress).unwrap()
            }
            Input::Isr(isr) => {
                let change = change(&leader, isr, min_insync_replicas);
                leader.on_metadata_changed(change)
            }
            Input::Propose(isr) => {
                leader.on_isr_proposed(nodes(isr));
                Effects::NONE
            }
        };
        let high_watermark = leader.high_watermark();
        assert!(high_watermark >= before, "the high watermark went back");
        assert_eq!(effects.high_watermark(), (high_watermark > before).then_some(high_watermark));
        assert!(high_watermark <= offset(end));
        if durability == Durability::Fsync {
            assert!(high_watermark <= offset(synced));
        }
        if frozen && !matches!(input, Input::Isr(_)) {
            assert_eq!(high_watermark, before, "moved below min.insync.replicas");
        }
        for acknowledged in waiting.complete_through(high_watermark) {
            assert!(acknowledged <= high_watermark, "acknowledged above the high watermark");
        }
    }
}

proptest! {
    #[test]
    fn high_watermark_is_monotone_bounded_and_frozen_below_min_isr(
        history in inputs(),
        fsync in any::<bool>(),
        min_insync_replicas in 1..=3usize,
    ) {
        let durability = if fsync { Durability::Fsync } else { Durability::Os };
        check_history(&history, durability, min_insync_replicas);
    }

    #[test]
    fn leader_alone_commits_all_it_synced(appends in prop::collection::vec(1..5i64, 1..20)) {
        let mut leader = leader(&[1], &[1], 1);
        let mut end = 0;
        for count in appends {
            end += count;
            prop_assert!(leader.on_appended(offset(end)).requests_sync());
        }
        prop_assert_eq!(leader.on_synced(offset(end)).high_watermark(), Some(offset(end)));
    }
}
