//! Between records and bytes.

use bytes::Bytes;
use highwater_protocol::EncodeError;

use super::{GroupRecord, RecordDecodeError};

pub(super) fn encode(_record: &GroupRecord) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    Ok((Bytes::new(), None))
}

pub(super) fn decode(
    key: Option<&Bytes>,
    _value: Option<&Bytes>,
) -> Result<Option<GroupRecord>, RecordDecodeError> {
    key.ok_or(RecordDecodeError::NoKey)?;
    Ok(None)
}
