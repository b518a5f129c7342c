//! ConsumerGroupTargetAssignmentMember (type 7 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    pub group_id: Str,
    pub member_id: Str,
}

impl Message for ConsumerGroupTargetAssignmentMemberKey {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupTargetAssignmentMemberKey", v, 7..=7)?;
        let f = false;
        let group_id = r.string(f)?;
        let member_id = r.string(f)?;
        Ok(Self { group_id, member_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupTargetAssignmentMemberKey", v, 7..=7)?;
        let f = false;
        w.string(f, &self.group_id)?;
        w.string(f, &self.member_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<TopicPartition>,
}

impl Message for ConsumerGroupTargetAssignmentMemberValue {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupTargetAssignmentMemberValue", v, 0..=0)?;
        let f = true;
        let topic_partitions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupTargetAssignmentMemberValue", v, 0..=0)?;
        let f = true;
        w.array(f, v, &self.topic_partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl Message for TopicPartition {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let partitions = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.primitives(f, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<TopicPartition>());

impl CoordinatorKey for ConsumerGroupTargetAssignmentMemberKey {
    const TYPE: i16 = 7;
    type Value = ConsumerGroupTargetAssignmentMemberValue;
}

impl CoordinatorValue for ConsumerGroupTargetAssignmentMemberValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
