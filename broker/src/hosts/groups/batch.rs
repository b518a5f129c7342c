//! Between a machine's records and a batch in the log.

use highwater_coordinator::group::{GroupRecord, RecordDecodeError};
use highwater_protocol::EncodeError;
use highwater_records::{
    BatchBuilder, BatchError, Codec, ControlRecord, ControlRecordError, Offset, RecordBatch,
    Sequence, Timestamp,
};

/// Bytes of a batch at most, before compression: what a group of a thousand members takes that moves to another protocol. Less
/// if the segments of the topic are smaller.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// Why records are not written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    /// A text in a record is too long for its field.
    #[error(transparent)]
    Record(#[from] EncodeError),
    /// Records that must be written together do not fit into a batch.
    #[error("they do not fit into a batch of {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
}

/// Bytes that a batch may have in segments of this size; what does not compress may grow a little.
pub(super) fn bytes_max(segment_bytes: i32) -> usize {
    let segment_bytes = usize::try_from(segment_bytes).unwrap_or(0);
    BATCH_BYTES_MAX.min(segment_bytes / 16 * 15)
}

/// As many of the records as fit into one batch, transactional if they are a producer's; and how many that is: all of them, or
/// some if they end things only.
pub(super) fn encode(
    records: &[GroupRecord],
    codec: Codec,
    now: Timestamp,
    bytes_max: usize,
) -> Result<(RecordBatch, usize), Unwritable> {
    let mut builder = BatchBuilder::new(codec);
    if let Some((id, epoch)) = records.first().and_then(GroupRecord::producer) {
        builder.producer(id, epoch, Sequence::NONE).transactional();
    }
    for (count, record) in records.iter().enumerate() {
        let (key, value) = record.encode()?;
        let bytes = builder.estimated_record_bytes(now, Some(&key), value.as_deref(), &[]);
        if builder.estimated_bytes() + bytes > bytes_max {
            if count > 0 && records.iter().all(GroupRecord::is_tombstone) {
                return Ok((builder.build(), count));
            }
            return Err(Unwritable::TooLarge { bytes_max });
        }
        builder.append(now, Some(&key), value.as_deref(), &[]);
    }
    Ok((builder.build(), records.len()))
}

/// A batch of the log that no state can be made from.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchDecodeError {
    #[error("a batch is damaged: {0}")]
    Batch(#[from] BatchError),
    #[error("the record at offset {offset}: {source}")]
    Record { offset: Offset, source: RecordDecodeError },
    #[error("the record at offset {offset}: {source}")]
    Control { offset: Offset, source: ControlRecordError },
}

/// Hands the records of a batch to `replay`, in order; those of types that nobody here knows are left out.
pub(super) fn decode(
    batch: &RecordBatch,
    mut replay: impl FnMut(Offset, &GroupRecord),
) -> Result<(), BatchDecodeError> {
    let header = batch.header();
    let (producer_id, producer_epoch) = (header.producer_id, header.producer_epoch);
    for record in batch.records()? {
        let record = record?;
        let offset = record.offset;
        if header.is_control() {
            let control = ControlRecord::read(&record)
                .map_err(|source| BatchDecodeError::Control { offset, source })?;
            if let ControlRecord::EndTransaction(marker) = control {
                let is_commit = marker.is_commit;
                replay(offset, &GroupRecord::TxnEnd { producer_id, producer_epoch, is_commit });
            }
            continue;
        }
        let decoded = GroupRecord::decode(record.key.as_ref(), record.value.as_ref())
            .map_err(|source| BatchDecodeError::Record { offset, source })?;
        match decoded {
            Some(decoded) if header.is_transactional() => {
                replay(offset, &decoded.in_transaction(producer_id, producer_epoch));
            }
            Some(decoded) => replay(offset, &decoded),
            None => tracing::debug!(%offset, "a group record of an unknown type is left out"),
        }
    }
    Ok(())
}
