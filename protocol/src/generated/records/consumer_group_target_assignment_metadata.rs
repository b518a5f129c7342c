//! ConsumerGroupTargetAssignmentMetadata (type 6 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    pub group_id: Str,
}

impl Message for ConsumerGroupTargetAssignmentMetadataKey {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupTargetAssignmentMetadataKey", v, 6..=6)?;
        let f = false;
        let group_id = r.string(f)?;
        Ok(Self { group_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupTargetAssignmentMetadataKey", v, 6..=6)?;
        let f = false;
        w.string(f, &self.group_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    /// Tag 0.
    pub assignment_timestamp: i64,
}

impl Message for ConsumerGroupTargetAssignmentMetadataValue {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupTargetAssignmentMetadataValue", v, 0..=0)?;
        let f = true;
        let assignment_epoch = r.i32()?;
        let mut assignment_timestamp = Default::default();
        {
            r.tags(|r, tag| {
                match tag {
                    0 => assignment_timestamp = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { assignment_epoch, assignment_timestamp })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupTargetAssignmentMetadataValue", v, 0..=0)?;
        let f = true;
        w.i32(self.assignment_epoch);
        {
            let has_0 = self.assignment_timestamp != 0;
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.i64(self.assignment_timestamp);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

impl CoordinatorKey for ConsumerGroupTargetAssignmentMetadataKey {
    const TYPE: i16 = 6;
    type Value = ConsumerGroupTargetAssignmentMetadataValue;
}

impl CoordinatorValue for ConsumerGroupTargetAssignmentMetadataValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
