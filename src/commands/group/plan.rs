//! Where a reset puts a group: reckoned from what the partitions hold, and kept inside of it.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use highwater::admin::CommittedOffset;
use highwater::client::{ClientError, Isolation, ListedOffset, OffsetSpec};
use highwater::{Admin, Offset, Timestamp, TopicPartition};

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Earliest,
    Latest,
    /// Where it is; gives those in reach that have no offset the end.
    Current,
    Offset(Offset),
    Time(Timestamp),
    /// So many records on, or back.
    Shift(i64),
    Each(BTreeMap<TopicPartition, Offset>),
}

/// What happens to one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) from: Option<Offset>,
    pub(super) to: Offset,
    /// Whether the target lay outside of the log, so that its nearest end was taken.
    pub(super) is_clamped: bool,
}

/// What a partition holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    first: Offset,
    end: Offset,
    at_time: Option<Offset>,
}

/// Reckons where each of `partitions` goes. Changes nothing.
pub(super) async fn plan(
    admin: &Admin,
    committed: &BTreeMap<TopicPartition, CommittedOffset>,
    partitions: &[TopicPartition],
    target: &Target,
) -> anyhow::Result<BTreeMap<TopicPartition, Planned>> {
    let first = look_up(admin, partitions, OffsetSpec::Earliest).await?;
    let end = look_up(admin, partitions, OffsetSpec::Latest).await?;
    let at_time = match target {
        Target::Time(time) => look_up(admin, partitions, OffsetSpec::At(*time)).await?,
        _ => BTreeMap::new(),
    };
    let mut plan = BTreeMap::new();
    for partition in partitions {
        let found = |found: &BTreeMap<_, Option<Offset>>| found.get(partition).copied().flatten();
        let held = Held {
            first: found(&first).context("a partition without a start")?,
            end: found(&end).context("a partition without an end")?,
            at_time: found(&at_time),
        };
        let from = committed.get(partition).map(|committed| committed.offset);
        let Some(planned) = place(target, partition, from, held) else {
            bail!("{partition} has no committed offset that could be shifted");
        };
        plan.insert(partition.clone(), planned);
    }
    Ok(plan)
}

fn place(
    target: &Target,
    partition: &TopicPartition,
    from: Option<Offset>,
    held: Held,
) -> Option<Planned> {
    let wanted = match target {
        Target::Earliest => held.first,
        Target::Latest => held.end,
        Target::Current => from.unwrap_or(held.end),
        Target::Offset(offset) => *offset,
        // No record is as new as that.
        Target::Time(_) => held.at_time.unwrap_or(held.end),
        Target::Shift(by) => Offset::new(from?.value().saturating_add(*by)),
        Target::Each(offsets) => *offsets.get(partition)?,
    };
    let to = wanted.min(held.end).max(held.first);
    Some(Planned { from, to, is_clamped: to != wanted })
}

async fn look_up(
    admin: &Admin,
    partitions: &[TopicPartition],
    place: OffsetSpec,
) -> Result<BTreeMap<TopicPartition, Option<Offset>>, ClientError> {
    let places = partitions.iter().map(|partition| (partition.clone(), place)).collect();
    let listed = admin.list_offsets(places, Isolation::ReadUncommitted).await;
    let offset =
        |(partition, listed): (_, Result<ListedOffset, _>)| Ok((partition, listed?.offset));
    listed.into_iter().map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &Target, from: Option<i64>, expected: Option<(i64, bool)>) {
        let partition = TopicPartition::new("t".parse().unwrap(), 0);
        let held =
            Held { first: Offset::new(10), end: Offset::new(50), at_time: Some(Offset::new(33)) };
        let planned = place(target, &partition, from.map(Offset::new), held);
        let planned = planned.map(|planned| (planned.to.value(), planned.is_clamped));
        assert_eq!(planned, expected, "{target:?} from {from:?}");
    }

    #[test]
    fn target_is_kept_inside_of_the_log() {
        check(&Target::Earliest, Some(20), Some((10, false)));
        check(&Target::Latest, None, Some((50, false)));
        check(&Target::Offset(Offset::new(50)), None, Some((50, false)));
        check(&Target::Offset(Offset::new(9)), None, Some((10, true)));
        check(&Target::Offset(Offset::new(51)), None, Some((50, true)));
        check(&Target::Time(Timestamp::new(0)), None, Some((33, false)));
        check(&Target::Shift(-5), Some(20), Some((15, false)));
        check(&Target::Shift(-11), Some(20), Some((10, true)));
        check(&Target::Shift(i64::MAX), Some(20), Some((50, true)));
        check(&Target::Shift(1), None, None);
        check(&Target::Current, Some(20), Some((20, false)));
        check(&Target::Current, Some(3), Some((10, true)));
        check(&Target::Current, None, Some((50, false)));
        check(&Target::Each(BTreeMap::new()), Some(20), None);
    }
}
