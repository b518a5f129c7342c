//! What readers hold of a partition: an immutable picture that each turn replaces.

use std::sync::Arc;

use highwater_controller::config::TopicSettings;
use highwater_records::{LeaderEpoch, NodeId, Offset};
use highwater_replication::BoundInputs;
use highwater_storage::LogView;

/// A hosted replica as it was after some turn.
#[derive(Debug)]
pub(crate) enum PartitionView {
    /// It leads and serves.
    Leading(LeaderView),
    /// Its log directory failed, or a turn of it did; nothing is served any more.
    Offline(Arc<str>),
    /// It was deleted, or closed by a stop.
    Gone,
}

/// A leading replica.
///
/// **Invariant:** all fields are of one moment: between two turns.
#[derive(Debug)]
pub(crate) struct LeaderView {
    pub(crate) epoch: LeaderEpoch,
    /// Log end when the epoch began.
    pub(crate) epoch_start: Offset,
    pub(crate) high_watermark: Offset,
    pub(crate) last_stable_offset: Offset,
    /// The other replicas.
    pub(crate) followers: Arc<[NodeId]>,
    pub(crate) settings: Arc<TopicSettings>,
    pub(crate) log: LogView,
}

/// Why a replica serves nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotServing {
    #[error("the replica is offline: {0}")]
    Offline(Arc<str>),
    #[error("the replica is no longer here")]
    Gone,
}

impl PartitionView {
    /// The view of a leader, or why there is none.
    pub(crate) fn leading(&self) -> Result<&LeaderView, NotServing> {
        match self {
            Self::Leading(leading) => Ok(leading),
            Self::Offline(reason) => Err(NotServing::Offline(Arc::clone(reason))),
            Self::Gone => Err(NotServing::Gone),
        }
    }
}

impl LeaderView {
    /// What `replication` decides reads by.
    pub(crate) fn bound_inputs(&self) -> BoundInputs<'_> {
        BoundInputs {
            is_leader: true,
            epoch: self.epoch,
            epoch_start: self.epoch_start,
            log_start: self.log.log_start_offset(),
            log_end: self.log.log_end_offset(),
            high_watermark: self.high_watermark,
            last_stable_offset: self.last_stable_offset,
            followers: &self.followers,
        }
    }

    /// Whether a reader who waited on `earlier` should look again.
    pub(crate) fn is_news_after(&self, earlier: &Self) -> bool {
        self.high_watermark != earlier.high_watermark
            || self.last_stable_offset != earlier.last_stable_offset
            || self.epoch != earlier.epoch
            || self.log.log_start_offset() != earlier.log.log_start_offset()
            || self.log.log_end_offset() < earlier.log.log_end_offset()
    }
}
