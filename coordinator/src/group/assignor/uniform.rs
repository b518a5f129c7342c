//! `uniform`: equal loads, few moves.
//!
//! Topics with the same subscribers form a pool; a group whose members all subscribe to the same
//! has one pool, whatever the number of its topics. Three steps: everybody keeps what is still
//! theirs, what is free goes to whoever has least, and then the fullest member of a pool hands
//! partitions to the emptiest until they are one apart.

use std::collections::{BTreeMap, BTreeSet};

use highwater_records::Uuid;

use super::{Partitions, Spec};

/// How often all pools are gone through to level them. Each pass that changes anything makes the
/// loads more equal, so real groups need two or three; past the limit the result is legal and only
/// less even.
const PASSES_MAX: usize = 64;

/// Keeps, fills up and levels.
pub(super) fn assign(spec: &Spec<'_>) -> Vec<Partitions> {
    let (mut pools, pool_of_topic) = pools(spec);
    let mut loads = vec![0_usize; spec.members.len()];
    keep_current(spec, &mut pools, &pool_of_topic, &mut loads);
    for pool in &mut pools {
        pool.assign_free(&mut loads);
    }
    for _ in 0..PASSES_MAX {
        let mut moved = false;
        for pool in &mut pools {
            moved |= pool.level(&mut loads);
        }
        if !moved {
            break;
        }
    }
    let mut targets = vec![Partitions::default(); spec.members.len()];
    for pool in pools {
        for (member, held) in pool.held {
            for (topic_id, partition) in held {
                targets[member].insert(topic_id, partition);
            }
        }
    }
    targets
}

/// Topics whose partitions may go to the same members.
struct Pool {
    /// Partitions nobody has.
    free: BTreeSet<(Uuid, i32)>,
    /// All subscribers, with what they have of this pool.
    held: BTreeMap<usize, Vec<(Uuid, i32)>>,
}

impl Pool {
    /// Gives each free partition to the subscriber with the least load.
    fn assign_free(&mut self, loads: &mut [usize]) {
        if self.free.is_empty() {
            return;
        }
        let mut by_load: BTreeSet<(usize, usize)> =
            self.held.keys().map(|&member| (loads[member], member)).collect();
        for partition in std::mem::take(&mut self.free) {
            let Some((load, member)) = by_load.pop_first() else {
                return; // a pool is made of somebody's subscription
            };
            loads[member] = load + 1;
            by_load.insert((load + 1, member));
            self.held.entry(member).or_default().push(partition);
        }
    }

    /// Moves partitions from the fullest holder to the emptiest subscriber while that helps.
    fn level(&mut self, loads: &mut [usize]) -> bool {
        let mut by_load: BTreeSet<(usize, usize)> =
            self.held.keys().map(|&member| (loads[member], member)).collect();
        let mut holders: BTreeSet<(usize, usize)> = self
            .held
            .iter()
            .filter(|(_, held)| !held.is_empty())
            .map(|(&member, _)| (loads[member], member))
            .collect();
        let mut moved = false;
        while let (Some(&(most, giver)), Some(&(least, taker))) = (holders.last(), by_load.first())
            && most > least + 1
        {
            let Some(partition) = self.held.get_mut(&giver).and_then(Vec::pop) else {
                break; // a holder holds something
            };
            self.held.entry(taker).or_default().push(partition);
            for (member, old, new) in [(giver, most, most - 1), (taker, least, least + 1)] {
                by_load.remove(&(old, member));
                by_load.insert((new, member));
                holders.remove(&(old, member));
                if self.held.get(&member).is_some_and(|held| !held.is_empty()) {
                    holders.insert((new, member));
                }
                loads[member] = new;
            }
            moved = true;
        }
        moved
    }
}

/// The pools, those with the fewest subscribers first, and the pool of each topic.
fn pools(spec: &Spec<'_>) -> (Vec<Pool>, BTreeMap<Uuid, usize>) {
    let mut members_of_subscription = vec![Vec::new(); spec.subscriptions.len()];
    for (member, of) in spec.members.iter().enumerate() {
        members_of_subscription[of.subscription].push(member);
    }
    let mut topics_of_subscribers: BTreeMap<Vec<usize>, Vec<Uuid>> = BTreeMap::new();
    for &topic_id in spec.topics.keys() {
        let subscribers: Vec<usize> = (0..spec.subscriptions.len())
            .filter(|&of| {
                !members_of_subscription[of].is_empty()
                    && spec.subscriptions[of].contains(&topic_id)
            })
            .collect();
        if !subscribers.is_empty() {
            topics_of_subscribers.entry(subscribers).or_default().push(topic_id);
        }
    }
    let mut pools: Vec<(Pool, Vec<Uuid>)> = topics_of_subscribers
        .into_iter()
        .map(|(subscriptions, topics)| {
            let members = subscriptions.iter().flat_map(|&of| &members_of_subscription[of]);
            let held = members.map(|&member| (member, Vec::new())).collect();
            let free = topics
                .iter()
                .flat_map(|&topic_id| (0..spec.topics[&topic_id]).map(move |one| (topic_id, one)))
                .collect();
            (Pool { free, held }, topics)
        })
        .collect();
    pools.sort_by_key(|(pool, _)| pool.held.len());
    let mut pool_of_topic = BTreeMap::new();
    for (place, (_, topics)) in pools.iter().enumerate() {
        pool_of_topic.extend(topics.iter().map(|&topic_id| (topic_id, place)));
    }
    (pools.into_iter().map(|(pool, _)| pool).collect(), pool_of_topic)
}

/// Lets every member keep what exists, is still subscribed to and is no other's already.
fn keep_current(
    spec: &Spec<'_>,
    pools: &mut [Pool],
    pool_of_topic: &BTreeMap<Uuid, usize>,
    loads: &mut [usize],
) {
    for (member, of) in spec.members.iter().enumerate() {
        for (topic_id, partitions) in of.current.topics() {
            let Some(&pool) = pool_of_topic.get(&topic_id) else { continue };
            let Some(held) = pools[pool].held.get_mut(&member) else { continue };
            for &partition in partitions {
                if pools[pool].free.remove(&(topic_id, partition)) {
                    held.push((topic_id, partition));
                    loads[member] += 1;
                }
            }
        }
    }
}
