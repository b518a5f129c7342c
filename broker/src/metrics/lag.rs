//! Groups as the operator sees them: how many in which state, and how far behind they are in records and in seconds.

use std::collections::BTreeMap;

use highwater_coordinator::group::LagSource;
use highwater_protocol::Str;
use highwater_records::Offset;

use crate::broker::Broker;
use crate::hosts::groups::Unavailable;

/// All groups that this broker coordinates, at about one moment.
#[derive(Debug, Default)]
pub(super) struct GroupsPicture {
    /// Groups by type and state.
    pub(super) by_state: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) member_count: usize,
    pub(super) committed_count: usize,
    /// Partitions of `__consumer_offsets` whose groups are served, and those that are being read.
    pub(super) active_count: usize,
    pub(super) loading_count: usize,
    pub(super) lags: Vec<Lag>,
    /// Committed offsets past the bound on series.
    pub(super) left_out_count: usize,
}

/// One group on one partition.
#[derive(Debug)]
pub(super) struct Lag {
    pub(super) group: Str,
    pub(super) topic: Str,
    pub(super) partition: i32,
    pub(super) records: i64,
    pub(super) seconds: f64,
}

struct Committed {
    group: Str,
    topic: Str,
    partition: i32,
    offset: Offset,
}

impl Committed {
    fn place(&self) -> (&str, &str, i32) {
        (&self.group, &self.topic, self.partition)
    }

    fn new(source: &LagSource<'_>) -> Self {
        Self {
            group: source.group_id.clone(),
            topic: source.topic.clone(),
            partition: source.partition,
            offset: source.committed,
        }
    }
}

impl GroupsPicture {
    /// Looks at every group, and at the partitions of the first `series_max` committed offsets by group, topic and
    /// partition.
    pub(super) fn take(broker: &Broker, series_max: usize) -> Self {
        let mut picture = Self::default();
        let mut committed = Vec::new();
        let shards = broker.groups.look(|machine| {
            for group in machine.groups() {
                *picture.by_state.entry((group.group_type, group.state)).or_default() += 1;
                picture.member_count += group.member_count;
                picture.committed_count += group.offset_count;
            }
            committed.extend(machine.lag_sources().take(series_max).map(|it| Committed::new(&it)));
            committed.sort_unstable_by(|one, other| one.place().cmp(&other.place()));
            committed.truncate(series_max);
        });
        for shard in shards {
            match shard {
                Ok(()) => picture.active_count += 1,
                Err(Unavailable::Loading) => picture.loading_count += 1,
                Err(_) => {}
            }
        }
        picture.left_out_count = picture.committed_count.saturating_sub(committed.len());
        picture.lags = committed.into_iter().filter_map(|it| lag(broker, it)).collect();
        picture
    }
}

/// How far a group is behind; `None` if the partition is not served here.
fn lag(broker: &Broker, committed: Committed) -> Option<Lag> {
    let Committed { group, topic, partition, offset } = committed;
    let hosted = broker.replicas.topic_by_name(&topic)?;
    let replica = hosted.partition(partition).ok()?;
    let view = replica.view();
    let leading = view.leading().ok()?;
    let end = leading.high_watermark;
    let records = (end.value() - offset.value()).max(0);
    let seconds = replica.age_of_first(leading, offset).as_secs_f64();
    Some(Lag { group, topic, partition, records, seconds })
}
