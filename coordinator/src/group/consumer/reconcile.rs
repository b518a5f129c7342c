//! One step of a member towards its target assignment.
//!
//! A member first gives up what the target no longer gives it, and confirms that by what it says
//! it owns; only then it moves to the target's epoch and gets what is new, as far as the others
//! have given that up.

use std::collections::BTreeSet;

use highwater_protocol::messages::consumer_group_heartbeat::RequestTopicPartition;
use highwater_records::Uuid;

use super::super::assignor::Partitions;
use super::super::refusal::Refusal;
use super::member::{Current, MemberState, Owned};

/// What a step depends on, besides the member.
pub(crate) struct Step<'a> {
    pub(crate) target_epoch: i32,
    pub(crate) target: &'a Partitions,
    /// The member changed its subscription just now; the target may not know it yet.
    pub(crate) has_subscription_changed: bool,
    /// Topics the member subscribes to.
    pub(crate) subscribed: &'a BTreeSet<Uuid>,
    /// What the member says it owns; `None` if it said nothing.
    pub(crate) reported: Option<&'a [RequestTopicPartition]>,
}

impl Step<'_> {
    /// The member's next state; the same one if there is nothing to do.
    ///
    /// `is_held_by_other` says whether any other member has the partition, in use or not yet
    /// given up.
    ///
    /// Errors: [`Refusal::FencedMemberEpoch`] for a member in a state we do not know that has not
    /// dropped everything.
    pub(crate) fn take(
        &self,
        current: &Current,
        is_held_by_other: &dyn Fn(Uuid, i32) -> bool,
    ) -> Result<Current, Refusal> {
        match current.state {
            MemberState::Stable => {
                if current.epoch != self.target_epoch {
                    Ok(self.towards_target(current, is_held_by_other))
                } else if self.has_subscription_changed {
                    Ok(self.without_unsubscribed(current))
                } else {
                    Ok(current.clone())
                }
            }
            MemberState::Unrevoked => {
                if !self.still_has(&current.pending_revocation) {
                    Ok(self.towards_target(current, is_held_by_other))
                } else if self.has_subscription_changed {
                    Ok(self.without_unsubscribed(current))
                } else {
                    Ok(current.clone())
                }
            }
            MemberState::Unreleased => Ok(self.towards_target(current, is_held_by_other)),
            MemberState::Unknown => {
                if self.reported.is_none_or(|reported| !reported.is_empty()) {
                    return Err(Refusal::FencedMemberEpoch {
                        given: current.epoch,
                        current: current.epoch,
                    });
                }
                Ok(self.towards_target(current, is_held_by_other))
            }
        }
    }

    /// Whether the member has not confirmed that it gave these up.
    fn still_has(&self, revoked: &Owned) -> bool {
        self.reported.is_none_or(|reported| revoked.has_any(reported))
    }

    fn towards_target(
        &self,
        current: &Current,
        is_held_by_other: &dyn Fn(Uuid, i32) -> bool,
    ) -> Current {
        let is_target = |topic_id, partition| {
            self.subscribed.contains(&topic_id) && self.target.contains(topic_id, partition)
        };
        let (mut assigned, mut revoked) = (Owned::default(), Owned::default());
        for (topic_id, partition, epoch) in current.assigned.iter() {
            let to = if is_target(topic_id, partition) { &mut assigned } else { &mut revoked };
            to.insert(topic_id, partition, epoch);
        }
        if !revoked.is_empty() && self.still_has(&revoked) {
            return Current {
                epoch: current.epoch,
                previous_epoch: current.epoch,
                state: MemberState::Unrevoked,
                assigned,
                pending_revocation: revoked,
            };
        }
        let mut state = MemberState::Stable;
        for (topic_id, partition) in self.target.iter() {
            if !self.subscribed.contains(&topic_id) || assigned.contains(topic_id, partition) {
                continue;
            }
            if is_held_by_other(topic_id, partition) {
                state = MemberState::Unreleased;
            } else {
                assigned.insert(topic_id, partition, self.target_epoch);
            }
        }
        Current {
            epoch: self.target_epoch,
            previous_epoch: current.epoch,
            state,
            assigned,
            pending_revocation: Owned::default(),
        }
    }

    /// Takes away what the member no longer subscribes to, ahead of the next target.
    fn without_unsubscribed(&self, current: &Current) -> Current {
        let mut assigned = Owned::default();
        let mut pending = current.pending_revocation.clone();
        let mut changed = false;
        for (topic_id, partition, epoch) in current.assigned.iter() {
            if self.subscribed.contains(&topic_id) {
                assigned.insert(topic_id, partition, epoch);
            } else {
                pending.insert(topic_id, partition, epoch);
                changed = true;
            }
        }
        if !changed {
            return current.clone();
        }
        let mut next = Current { previous_epoch: current.epoch, assigned, ..current.clone() };
        if self.still_has(&pending) {
            next.state = MemberState::Unrevoked;
            next.pending_revocation = pending;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Uuid = Uuid::from_random(1);

    fn owned(partitions: &[i32], epoch: i32) -> Owned {
        partitions.iter().map(|&partition| (TOPIC, partition, epoch)).collect()
    }

    fn current(epoch: i32, state: MemberState, assigned: &[i32], pending: &[i32]) -> Current {
        Current {
            epoch,
            previous_epoch: epoch,
            state,
            assigned: owned(assigned, 1),
            pending_revocation: owned(pending, 1),
        }
    }

    struct Given<'a> {
        target_epoch: i32,
        target: &'a [i32],
        held_by_other: &'a [i32],
        reported: Option<&'a [i32]>,
    }

    /// Epoch, state, assigned partitions and those to be revoked.
    type Seen = (i32, MemberState, Vec<i32>, Vec<i32>);

    fn seen(current: &Current) -> Seen {
        let list = |owned: &Owned| owned.iter().map(|(_, partition, _)| partition).collect();
        (current.epoch, current.state, list(&current.assigned), list(&current.pending_revocation))
    }

    fn take(before: &Current, given: &Given<'_>) -> Result<Current, Refusal> {
        let reported = given.reported.map(|partitions| {
            vec![RequestTopicPartition { topic_id: TOPIC, partitions: partitions.to_vec() }]
        });
        Step {
            target_epoch: given.target_epoch,
            target: &given.target.iter().map(|&partition| (TOPIC, partition)).collect(),
            has_subscription_changed: false,
            subscribed: &BTreeSet::from([TOPIC]),
            reported: reported.as_deref(),
        }
        .take(before, &|_, partition| given.held_by_other.contains(&partition))
    }

    fn check(before: &Current, given: &Given<'_>, expected: Seen) {
        assert_eq!(seen(&take(before, given).unwrap()), expected);
    }

    use MemberState::{Stable, Unknown, Unreleased, Unrevoked};

    #[test]
    fn a_stable_member_at_the_targets_epoch_stays_as_it_is() {
        let before = current(5, Stable, &[1, 2], &[]);
        let given =
            Given { target_epoch: 5, target: &[1, 2, 3], held_by_other: &[], reported: None };
        assert_eq!(take(&before, &given).unwrap(), before);
    }

    #[test]
    fn what_is_free_is_given_at_once_with_the_epoch_of_the_target() {
        let before = current(5, Stable, &[1], &[]);
        let given =
            Given { target_epoch: 6, target: &[1, 2], held_by_other: &[], reported: Some(&[1]) };
        check(&before, &given, (6, Stable, vec![1, 2], vec![]));
        let after = take(&before, &given).unwrap();
        assert_eq!(after.previous_epoch, 5);
        assert_eq!(after.assigned.epoch_of(TOPIC, 1), Some(1), "kept with its epoch");
        assert_eq!(after.assigned.epoch_of(TOPIC, 2), Some(6));
    }

    #[test]
    fn what_must_go_is_revoked_before_anything_new_is_given() {
        let before = current(5, Stable, &[1, 2], &[]);
        let given = Given { target_epoch: 6, target: &[2, 3], held_by_other: &[], reported: None };
        check(&before, &given, (5, Unrevoked, vec![2], vec![1]));
    }

    #[test]
    fn a_revocation_is_over_when_the_member_no_longer_reports_the_partition() {
        let before = current(5, Unrevoked, &[2], &[1]);
        let with =
            |reported| Given { target_epoch: 6, target: &[2, 3], held_by_other: &[], reported };
        check(&before, &with(None), (5, Unrevoked, vec![2], vec![1]));
        check(&before, &with(Some(&[1, 2])), (5, Unrevoked, vec![2], vec![1]));
        check(&before, &with(Some(&[2])), (6, Stable, vec![2, 3], vec![]));
    }

    #[test]
    fn a_member_waits_at_the_targets_epoch_for_what_others_hold() {
        let before = current(5, Stable, &[1], &[]);
        let with = |held_by_other| Given {
            target_epoch: 6,
            target: &[1, 2, 3],
            held_by_other,
            reported: None,
        };
        check(&before, &with(&[2, 3]), (6, Unreleased, vec![1], vec![]));
        check(&before, &with(&[3]), (6, Unreleased, vec![1, 2], vec![]));
        let waiting = current(6, Unreleased, &[1], &[]);
        check(&waiting, &with(&[]), (6, Stable, vec![1, 2, 3], vec![]));
    }

    #[test]
    fn a_member_that_waits_follows_a_newer_target() {
        let waiting = current(6, Unreleased, &[1, 2], &[]);
        let given = Given { target_epoch: 7, target: &[1], held_by_other: &[], reported: None };
        check(&waiting, &given, (6, Unrevoked, vec![1], vec![2]));
    }

    #[test]
    fn a_partition_given_back_and_wanted_again_is_given_again() {
        let before = current(5, Unrevoked, &[], &[1]);
        let given =
            Given { target_epoch: 6, target: &[1], held_by_other: &[], reported: Some(&[]) };
        check(&before, &given, (6, Stable, vec![1], vec![]));
        assert_eq!(take(&before, &given).unwrap().assigned.epoch_of(TOPIC, 1), Some(6));
    }

    #[test]
    fn a_member_in_an_unknown_state_has_to_drop_everything() {
        let before = current(5, Unknown, &[1], &[]);
        let with = |reported| Given { target_epoch: 6, target: &[2], held_by_other: &[], reported };
        assert!(matches!(
            take(&before, &with(None)),
            Err(Refusal::FencedMemberEpoch { given: 5, current: 5 })
        ));
        assert!(take(&before, &with(Some(&[1]))).is_err());
        let empty = Step {
            target_epoch: 6,
            target: &Partitions::from_iter([(TOPIC, 2)]),
            has_subscription_changed: false,
            subscribed: &BTreeSet::from([TOPIC]),
            reported: Some(&[]),
        };
        let after = empty.take(&before, &|_, _| false).unwrap();
        assert_eq!(seen(&after), (6, Stable, vec![2], vec![]));
    }

    #[test]
    fn a_topic_no_longer_subscribed_goes_before_the_next_target_is_there() {
        let before = current(6, Stable, &[1, 2], &[]);
        let (target, subscribed) = (Partitions::default(), BTreeSet::new());
        let step = |reported| Step {
            target_epoch: 6,
            target: &target,
            has_subscription_changed: true,
            subscribed: &subscribed,
            reported,
        };
        let after = step(None).take(&before, &|_, _| false).unwrap();
        assert_eq!(seen(&after), (6, Unrevoked, vec![], vec![1, 2]));
        let gone = step(Some(&[])).take(&before, &|_, _| false).unwrap();
        assert_eq!(seen(&gone), (6, Stable, vec![], vec![]));
    }
}
