//! The broker's own records in a log: transaction markers and the quorum's.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use crate::batch::RecordBatch;
use crate::builder::BatchBuilder;
use crate::compression::Codec;
use crate::epoch::ProducerEpoch;
use crate::ids::{ProducerId, Sequence};
use crate::record::Record;
use crate::time::Timestamp;

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlType {
    /// The producer's open transaction is aborted.
    Abort,
    /// The producer's open transaction is committed.
    Commit,
    /// Kafka's quorum only.
    LeaderChange,
    /// Kafka's quorum only.
    SnapshotHeader,
    /// Kafka's quorum only.
    SnapshotFooter,
    /// Kafka's quorum only.
    KraftVersion,
    /// Kafka's quorum only.
    KraftVoters,
    /// Something newer; readers skip it.
    Unknown(i16),
}

impl ControlType {
    /// The type of a number.
    #[must_use]
    pub const fn from_id(id: i16) -> Self {
        match id {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KraftVersion,
            6 => Self::KraftVoters,
            unknown => Self::Unknown(unknown),
        }
    }

    /// The number in a control record's key.
    #[must_use]
    pub const fn id(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::LeaderChange => 2,
            Self::SnapshotHeader => 3,
            Self::SnapshotFooter => 4,
            Self::KraftVersion => 5,
            Self::KraftVoters => 6,
            Self::Unknown(id) => id,
        }
    }
}

/// A control record that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// The end of a transaction.
    EndTransaction(EndTransactionMarker),
    /// Anything else: takes an offset and has no meaning for a partition.
    Other(ControlType),
}

/// The end of one producer's transaction in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionMarker {
    /// Whether it was committed.
    pub is_commit: bool,
    /// Term of the coordinator that decided it; an older one is fenced.
    pub coordinator_epoch: i32,
}

/// A control record that is not what the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("control record: {reason}")]
pub struct ControlRecordError {
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ControlRecord {
    /// Reads a record of a control batch. Key versions that are not known count as 0.
    ///
    /// # Errors
    /// If the key, or the value of a transaction's end, is missing or too short.
    pub fn read(record: &Record) -> Result<Self, ControlRecordError> {
        let refused = |reason| ControlRecordError { reason };
        let key = record.key.as_deref().ok_or(refused("null key"))?;
        let Some(&[_, _, high, low]) = key.first_chunk() else {
            return Err(refused("key too short"));
        };
        let is_commit = match ControlType::from_id(i16::from_be_bytes([high, low])) {
            ControlType::Abort => false,
            ControlType::Commit => true,
            other @ (ControlType::LeaderChange
            | ControlType::SnapshotHeader
            | ControlType::SnapshotFooter
            | ControlType::KraftVersion
            | ControlType::KraftVoters
            | ControlType::Unknown(_)) => return Ok(Self::Other(other)),
        };
        let value = record.value.as_deref().ok_or(refused("null value"))?;
        let Some(&[v0, v1, a, b, c, d]) = value.first_chunk() else {
            return Err(refused("value too short"));
        };
        if i16::from_be_bytes([v0, v1]) < 0 {
            return Err(refused("negative value version"));
        }
        let coordinator_epoch = i32::from_be_bytes([a, b, c, d]);
        Ok(Self::EndTransaction(EndTransactionMarker { is_commit, coordinator_epoch }))
    }
}

impl EndTransactionMarker {
    /// The batch that a transaction coordinator has appended to a partition.
    #[must_use]
    pub fn batch(
        self,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        timestamp: Timestamp,
    ) -> RecordBatch {
        let control_type = if self.is_commit { ControlType::Commit } else { ControlType::Abort };
        let [high, low] = control_type.id().to_be_bytes();
        let [a, b, c, d] = self.coordinator_epoch.to_be_bytes();
        BatchBuilder::new(Codec::None)
            .producer(producer_id, producer_epoch, Sequence::NONE)
            .transactional()
            .control()
            .append(timestamp, Some(&[0, 0, high, low]), Some(&[0, 0, a, b, c, d]), &[])
            .build()
    }
}
