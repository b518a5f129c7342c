//! ConsumerGroupRegularExpression (type 16 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupRegularExpressionKey {
    pub group_id: Str,
    pub regular_expression: Str,
}

impl Message for ConsumerGroupRegularExpressionKey {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupRegularExpressionKey", v, 16..=16)?;
        let f = false;
        let group_id = r.string(f)?;
        let regular_expression = r.string(f)?;
        Ok(Self { group_id, regular_expression })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupRegularExpressionKey", v, 16..=16)?;
        let f = false;
        w.string(f, &self.group_id)?;
        w.string(f, &self.regular_expression)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupRegularExpressionValue {
    pub topics: Vec<Str>,
    pub version: i64,
    pub timestamp: i64,
}

impl Message for ConsumerGroupRegularExpressionValue {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupRegularExpressionValue", v, 0..=0)?;
        let f = true;
        let topics = r.primitives(f)?;
        let version = r.i64()?;
        let timestamp = r.i64()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topics, version, timestamp })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupRegularExpressionValue", v, 0..=0)?;
        let f = true;
        w.primitives(f, &self.topics)?;
        w.i64(self.version);
        w.i64(self.timestamp);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl CoordinatorKey for ConsumerGroupRegularExpressionKey {
    const TYPE: i16 = 16;
    type Value = ConsumerGroupRegularExpressionValue;
}

impl CoordinatorValue for ConsumerGroupRegularExpressionValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
