//! Between a machine's records and a batch in the log.

use highwater_coordinator::group::{GroupRecord, RecordDecodeError};
use highwater_protocol::EncodeError;
use highwater_records::{
    BatchBuilder, BatchError, Codec, ControlRecord, ControlRecordError, Offset, RecordBatch,
    Sequence, Timestamp,
};

/// The records as one batch, transactional if they are a producer's.
///
/// Errors: a record that has no bytes, because a text in it is too long for its field.
pub(super) fn encode(
    records: &[GroupRecord],
    codec: Codec,
    now: Timestamp,
) -> Result<RecordBatch, EncodeError> {
    let mut builder = BatchBuilder::new(codec);
    if let Some((id, epoch)) = records.first().and_then(GroupRecord::producer) {
        builder.producer(id, epoch, Sequence::NONE).transactional();
    }
    for record in records {
        let (key, value) = record.encode()?;
        builder.append(now, Some(&key), value.as_deref(), &[]);
    }
    Ok(builder.build())
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
