//! How far a group is behind, in records and in seconds.
//!
//! Seconds are reckoned here, from the record itself: no broker is asked for more than a fetch.
//! They are as true as the timestamps in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::admin::CommittedOffset;
use highwater::client::{ClientError, Isolation, OffsetSpec};
use highwater::consumer::{Consumer, OffsetReset, SeekTo};
use highwater::{Admin, Offset, Timestamp, TopicPartition};
use tokio::time::Instant;

use crate::commands::Global;
use crate::commands::moment;

/// How long the first uncommitted records are waited for.
const RECORDS_MAX: Duration = Duration::from_secs(5);

/// Where a group stands in a partition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    /// Where the partition ends; none if nobody could say.
    pub(super) end: Option<Offset>,
    /// Records between the committed offset and the end.
    pub(super) records: Option<i64>,
    /// How old the first uncommitted record is; 0 without one.
    pub(super) seconds: Option<f64>,
}

/// Looks up where each partition ends and how old its first uncommitted record is.
pub(super) async fn standings(
    global: &Global,
    admin: &Admin,
    partitions: &BTreeMap<TopicPartition, Option<CommittedOffset>>,
) -> anyhow::Result<BTreeMap<TopicPartition, Standing>> {
    let places = partitions.keys().map(|it| (it.clone(), OffsetSpec::Latest)).collect();
    let ends = admin.list_offsets(places, Isolation::ReadUncommitted).await;
    let mut behind = BTreeMap::new();
    let mut standings = BTreeMap::new();
    for (partition, end) in ends {
        let end = match end {
            Ok(listed) => listed.offset,
            // The topic is gone and the group remembers it.
            Err(ClientError::UnknownTopic { .. } | ClientError::UnknownPartition { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let committed = partitions[&partition].as_ref().map(|committed| committed.offset);
        let records = committed.zip(end).map(|(committed, end)| records(committed, end));
        if let (Some(committed), Some(end), Some(1..)) = (committed, end, records) {
            behind.insert(partition.clone(), (committed, end));
        }
        let seconds = (records == Some(0)).then_some(0.0);
        standings.insert(partition, Standing { end, records, seconds });
    }
    for (partition, seconds) in ages(global, behind).await? {
        if let Some(standing) = standings.get_mut(&partition) {
            standing.seconds = Some(seconds);
        }
    }
    Ok(standings)
}

/// A commit may run ahead of an end that was looked up before it.
fn records(committed: Offset, end: Offset) -> i64 {
    end.value().saturating_sub(committed.value()).max(0)
}

/// How old the first record at or behind each committed offset is. Where none comes in time there
/// is no answer; where only the ends of transactions are left it is 0.
async fn ages(
    global: &Global,
    mut behind: BTreeMap<TopicPartition, (Offset, Offset)>,
) -> anyhow::Result<BTreeMap<TopicPartition, f64>> {
    let mut ages = BTreeMap::new();
    if behind.is_empty() {
        return Ok(ages);
    }
    let options = global.client_options();
    let mut consumer = Consumer::builder(&global.brokers)
        .client_options(|client| {
            client.api_timeout = options.api_timeout;
            client.client_id = options.client_id;
        })
        // Records that are gone count by the oldest that is left.
        .auto_offset_reset(OffsetReset::Earliest)
        // One batch is enough; a larger one comes whole.
        .max_partition_fetch_bytes(16 * 1024)
        .max_poll_records(10_000)
        .build()?;
    consumer.assign(behind.iter().map(|(it, (from, _))| (it.clone(), SeekTo::Offset(*from))));
    let deadline = Instant::now() + RECORDS_MAX;
    while !behind.is_empty() && Instant::now() < deadline {
        let records = match consumer.poll(Duration::from_millis(200)).await {
            Ok(records) => records,
            Err(error) => {
                // The others can still be told.
                tracing::warn!(%error, "the age of a record is not known");
                continue;
            }
        };
        let before = behind.len();
        for record in records {
            let partition = TopicPartition::new(record.topic, record.partition);
            if behind.remove(&partition).is_some() {
                ages.insert(partition, age(record.timestamp));
            }
        }
        behind.retain(|partition, (_, end)| {
            let is_passed = consumer.position(partition).is_some_and(|position| position >= *end);
            if is_passed {
                ages.insert(partition.clone(), 0.0);
            }
            !is_passed
        });
        if behind.len() < before {
            // Those that are known need not be fetched any further.
            let left = behind.iter().map(|(it, (from, _))| (it.clone(), SeekTo::Offset(*from)));
            consumer.assign(left.collect::<Vec<_>>());
        }
    }
    Ok(ages)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a million years are exact")]
fn age(timestamp: Timestamp) -> f64 {
    // A record from the future is no lag.
    moment::now().value().saturating_sub(timestamp.value()).max(0) as f64 / 1000.0
}
