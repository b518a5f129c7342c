use proptest::prelude::*;

use super::*;

/// Topics with partition counts, and members with the topics they subscribe to (places in the
/// list), by ids `m00`, `m01` and so on.
#[derive(Clone, Debug)]
struct Group {
    partition_counts: Vec<i32>,
    members: Vec<(String, BTreeSet<usize>)>,
    current: BTreeMap<String, Partitions>,
}

fn topic(place: usize) -> Uuid {
    Uuid::from_random(u128::try_from(place).unwrap() + 1)
}

fn partitions(all: &[(usize, i32)]) -> Partitions {
    all.iter().map(|&(place, partition)| (topic(place), partition)).collect()
}

impl Group {
    fn new(partition_counts: &[i32], members: &[&[usize]]) -> Self {
        Self {
            partition_counts: partition_counts.to_vec(),
            members: members
                .iter()
                .enumerate()
                .map(|(place, topics)| (format!("m{place:02}"), topics.iter().copied().collect()))
                .collect(),
            current: BTreeMap::new(),
        }
    }

    fn subscribes(&self, member: usize, topic_id: Uuid) -> bool {
        self.members[member].1.iter().any(|&place| topic(place) == topic_id)
    }

    fn assign(&self, assignor: Assignor) -> Vec<Partitions> {
        let nothing = Partitions::default();
        let mut subscriptions = Vec::new();
        let mut members = Vec::new();
        for (member_id, topics) in &self.members {
            let ids: BTreeSet<Uuid> = topics.iter().map(|&place| topic(place)).collect();
            let known = subscriptions.iter().position(|one| *one == ids);
            let subscription = known.unwrap_or_else(|| {
                subscriptions.push(ids);
                subscriptions.len() - 1
            });
            let current = self.current.get(member_id).unwrap_or(&nothing);
            members.push(SpecMember { member_id, instance_id: None, subscription, current });
        }
        let topics = self.partition_counts.iter().enumerate();
        let topics = topics.map(|(place, &count)| (topic(place), count)).collect();
        assignor.assign(&Spec { topics, subscriptions, members })
    }

    /// Assigns, and takes the answer for what the members have from now on.
    fn settle(&mut self, assignor: Assignor) -> Vec<Partitions> {
        let targets = self.assign(assignor);
        let ids = self.members.iter().map(|(id, _)| id.clone());
        self.current = ids.zip(targets.iter().cloned()).collect();
        targets
    }

    fn check_legal(&self, targets: &[Partitions]) {
        let mut given = Partitions::default();
        for (member, target) in targets.iter().enumerate() {
            for (topic_id, partition) in target.iter() {
                assert!(self.subscribes(member, topic_id), "m{member} has a foreign {topic_id}");
                assert!(given.insert(topic_id, partition), "{topic_id}-{partition} is given twice");
            }
        }
        let mut expected = Partitions::default();
        for (place, &count) in self.partition_counts.iter().enumerate() {
            if self.members.iter().any(|(_, topics)| topics.contains(&place)) {
                expected =
                    expected.iter().chain((0..count).map(|one| (topic(place), one))).collect();
            }
        }
        assert_eq!(given, expected, "each partition with a subscriber is given");
    }

    /// No partition could move to a member that has two fewer.
    fn check_balanced(&self, targets: &[Partitions]) {
        for (giver, has) in targets.iter().enumerate() {
            for (topic_id, _) in has.topics() {
                for (taker, other) in targets.iter().enumerate() {
                    assert!(
                        !self.subscribes(taker, topic_id) || has.len() <= other.len() + 1,
                        "m{giver} has {} and m{taker} has {}",
                        has.len(),
                        other.len(),
                    );
                }
            }
        }
    }
}

fn moved(before: &BTreeMap<String, Partitions>, group: &Group) -> usize {
    let kept = |(id, had): (&String, &Partitions)| {
        let has = group.current.get(id);
        had.iter().filter(|&(t, p)| !has.is_some_and(|has| has.contains(t, p))).count()
    };
    before.iter().map(kept).sum()
}

fn any_group(alike: bool) -> impl Strategy<Value = Group> {
    let counts = prop::collection::vec(0..12_i32, 1..6);
    (counts, 1..9_usize).prop_flat_map(move |(counts, member_count)| {
        let topic_count = counts.len();
        let subset = prop::collection::btree_set(0..topic_count + 1, 0..=topic_count);
        let members = prop::collection::vec(subset, member_count);
        let owners = prop::collection::vec(0..member_count, 72);
        (Just(counts), members, owners).prop_map(move |(counts, mut members, owners)| {
            if alike {
                let first = members[0].clone();
                members.fill(first);
            }
            let members: Vec<_> =
                members.into_iter().enumerate().map(|(i, m)| (format!("m{i:02}"), m)).collect();
            // What members have may be of topics and partitions that are gone.
            let mut current: BTreeMap<String, Partitions> = BTreeMap::new();
            for (place, owner) in owners.iter().enumerate() {
                let (of, partition) = (place % 6, i32::try_from(place / 6).unwrap());
                let id = members[*owner].0.clone();
                current.entry(id).or_default().insert(topic(of), partition);
            }
            Group { partition_counts: counts, members, current }
        })
    })
}

proptest! {
    #[test]
    fn uniform_targets_are_legal_and_level(mut group in any_group(false)) {
        let targets = group.settle(Assignor::Uniform);
        group.check_legal(&targets);
        group.check_balanced(&targets);
        prop_assert_eq!(group.assign(Assignor::Uniform), targets, "nothing changed, nothing moves");
    }

    #[test]
    fn uniform_among_members_alike_moves_the_least_there_can_be(mut group in any_group(true)) {
        let kept: Vec<usize> = group.members.iter().enumerate().map(|(member, (id, _))| {
            let had = group.current.get(id).cloned().unwrap_or_default();
            had.iter().filter(|&(topic_id, partition)| {
                let place = (0..group.partition_counts.len()).find(|&p| topic(p) == topic_id);
                place.is_some_and(|p| partition < group.partition_counts[p])
                    && group.subscribes(member, topic_id)
            }).count()
        }).collect();
        let before = group.current.clone();
        let targets = group.settle(Assignor::Uniform);
        group.check_legal(&targets);
        let total: usize = targets.iter().map(Partitions::len).sum();
        let (floor, longer) = (total / kept.len(), total % kept.len());
        prop_assert!(targets.iter().all(|t| t.len() == floor || t.len() == floor + 1));
        let above: usize = kept.iter().map(|k| k.saturating_sub(floor)).sum();
        let may_keep_one_more = kept.iter().filter(|&&k| k > floor).count().min(longer);
        let lost_anyway = before.values().map(Partitions::len).sum::<usize>()
            - kept.iter().sum::<usize>();
        prop_assert_eq!(moved(&before, &group), lost_anyway + above - may_keep_one_more);
    }

    #[test]
    fn range_targets_are_legal_and_each_is_one_range_of_a_topic(group in any_group(false)) {
        let targets = group.assign(Assignor::Range);
        group.check_legal(&targets);
        for target in &targets {
            for (_, partitions) in target.topics() {
                let (first, last) = (partitions.first().unwrap(), partitions.last().unwrap());
                prop_assert_eq!(usize::try_from(last - first).unwrap() + 1, partitions.len());
            }
        }
        for (place, &count) in group.partition_counts.iter().enumerate() {
            let sizes: Vec<usize> = targets.iter().enumerate()
                .filter(|&(member, _)| group.subscribes(member, topic(place)))
                .map(|(_, target)| target.iter().filter(|&(t, _)| t == topic(place)).count())
                .collect();
            prop_assert!(sizes.is_sorted_by(|a, b| a >= b), "longer ranges come first: {sizes:?}");
            if count > 0 && !sizes.is_empty() {
                prop_assert!(sizes[0] <= sizes[sizes.len() - 1] + 1);
            }
        }
    }
}

#[test]
fn range_gives_equal_partitions_of_equal_topics_to_the_same_member() {
    let group = Group::new(&[5, 5], &[&[0, 1], &[0, 1], &[0, 1]]);
    let targets = group.assign(Assignor::Range);
    assert_eq!(targets[0], partitions(&[(0, 0), (0, 1), (1, 0), (1, 1)]));
    assert_eq!(targets[1], partitions(&[(0, 2), (0, 3), (1, 2), (1, 3)]));
    assert_eq!(targets[2], partitions(&[(0, 4), (1, 4)]));
}

#[test]
fn range_puts_static_members_first_by_instance_id() {
    let nothing = Partitions::default();
    let member = |member_id, instance_id| SpecMember {
        member_id,
        instance_id,
        subscription: 0,
        current: &nothing,
    };
    let spec = Spec {
        topics: BTreeMap::from([(topic(0), 3)]),
        subscriptions: vec![BTreeSet::from([topic(0)])],
        members: vec![member("a", None), member("b", Some("2")), member("c", Some("1"))],
    };
    let targets = Assignor::Range.assign(&spec);
    assert_eq!(targets[2], partitions(&[(0, 0)]), "instance 1");
    assert_eq!(targets[1], partitions(&[(0, 1)]), "instance 2");
    assert_eq!(targets[0], partitions(&[(0, 2)]), "the dynamic member");
}

#[test]
fn uniform_adding_one_of_a_hundred_members_moves_its_share_only() {
    let all: &[usize] = &[0];
    let mut group = Group::new(&[1000], &[all; 100]);
    group.settle(Assignor::Uniform);
    let before = group.current.clone();
    group.members.push(("m99-late".to_owned(), BTreeSet::from([0])));
    let targets = group.settle(Assignor::Uniform);
    assert_eq!(targets[100].len(), 9);
    assert_eq!(moved(&before, &group), 9);
}

#[test]
fn uniform_gives_what_a_gone_member_had_to_the_others_and_moves_nothing_else() {
    let all: &[usize] = &[0, 1];
    let mut group = Group::new(&[6, 6], &[all; 4]);
    group.settle(Assignor::Uniform);
    let before = group.current.clone();
    group.members.remove(1);
    group.settle(Assignor::Uniform);
    let of_the_others: BTreeMap<_, _> =
        before.iter().filter(|(id, _)| *id != "m01").map(|(i, p)| (i.clone(), p.clone())).collect();
    assert_eq!(moved(&of_the_others, &group), 0);
    assert!(group.members.iter().all(|(id, _)| group.current[id].len() == 4));
}

#[test]
fn no_member_and_no_topic_give_an_empty_target() {
    let spec = Spec { topics: BTreeMap::new(), subscriptions: vec![], members: vec![] };
    for assignor in Assignor::ALL {
        assert!(assignor.assign(&spec).is_empty());
        let group = Group::new(&[], &[&[0], &[]]);
        assert!(group.assign(assignor).iter().all(Partitions::is_empty));
    }
}

#[test]
fn assignors_are_found_by_their_names_on_the_wire() {
    assert_eq!(Assignor::from_name("uniform"), Some(Assignor::Uniform));
    assert_eq!(Assignor::from_name("range"), Some(Assignor::Range));
    assert_eq!(Assignor::from_name("Uniform"), None);
}
