//! ConsumerGroupMetadata (type 3 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataKey {
    pub group_id: Str,
}

impl Message for ConsumerGroupMetadataKey {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupMetadataKey", v, 3..=3)?;
        let f = false;
        let group_id = r.string(f)?;
        Ok(Self { group_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupMetadataKey", v, 3..=3)?;
        let f = false;
        w.string(f, &self.group_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    /// Tag 0.
    pub metadata_hash: i64,
}

impl Message for ConsumerGroupMetadataValue {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupMetadataValue", v, 0..=0)?;
        let f = true;
        let epoch = r.i32()?;
        let mut metadata_hash = Default::default();
        {
            r.tags(|r, tag| {
                match tag {
                    0 => metadata_hash = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { epoch, metadata_hash })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupMetadataValue", v, 0..=0)?;
        let f = true;
        w.i32(self.epoch);
        {
            let has_0 = self.metadata_hash != 0;
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.i64(self.metadata_hash);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

impl CoordinatorKey for ConsumerGroupMetadataKey {
    const TYPE: i16 = 3;
    type Value = ConsumerGroupMetadataValue;
}

impl CoordinatorValue for ConsumerGroupMetadataValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
