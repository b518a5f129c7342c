//! How far a group is behind, in records and in seconds.

use std::collections::BTreeMap;

use highwater::admin::CommittedOffset;
use highwater::client::{ClientError, Isolation, OffsetSpec};
use highwater::{Admin, Offset, TopicPartition};

/// Where a group stands in a partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    /// Where the partition ends; none if nobody could say.
    pub(super) end: Option<Offset>,
    /// Records between the committed offset and the end.
    pub(super) records: Option<i64>,
    /// How long the first uncommitted record has been there; 0 without one.
    pub(super) seconds: Option<f64>,
}

/// Looks up where each partition ends and how long its first uncommitted record has been there.
pub(super) async fn standings(
    admin: &Admin,
    partitions: &BTreeMap<TopicPartition, Option<CommittedOffset>>,
) -> Result<BTreeMap<TopicPartition, Standing>, ClientError> {
    let place = |committed: &Option<CommittedOffset>| match committed {
        Some(committed) => OffsetSpec::LatestAndAge(committed.offset),
        None => OffsetSpec::Latest,
    };
    let places = partitions.iter().map(|(partition, at)| (partition.clone(), place(at))).collect();
    let mut standings = BTreeMap::new();
    for (partition, listed) in admin.list_offsets(places, Isolation::ReadUncommitted).await {
        let (end, age) = match listed {
            Ok(listed) => (listed.offset, listed.age),
            // The topic is gone and the group remembers it.
            Err(ClientError::UnknownTopic { .. } | ClientError::UnknownPartition { .. }) => {
                (None, None)
            }
            Err(error) => return Err(error),
        };
        let committed = partitions[&partition].as_ref().map(|committed| committed.offset);
        let records = committed.zip(end).map(|(committed, end)| records(committed, end));
        let seconds = match records {
            Some(0) => Some(0.0),
            _ => age.map(|age| age.as_secs_f64()),
        };
        standings.insert(partition, Standing { end, records, seconds });
    }
    Ok(standings)
}

/// A commit may run ahead of an end that was looked up before it.
fn records(committed: Offset, end: Offset) -> i64 {
    end.value().saturating_sub(committed.value()).max(0)
}
