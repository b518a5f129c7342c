//! ConsumerGroupCurrentMemberAssignment (type 8 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupCurrentMemberAssignmentKey {
    pub group_id: Str,
    pub member_id: Str,
}

impl Message for ConsumerGroupCurrentMemberAssignmentKey {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupCurrentMemberAssignmentKey", v, 8..=8)?;
        let f = false;
        let group_id = r.string(f)?;
        let member_id = r.string(f)?;
        Ok(Self { group_id, member_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupCurrentMemberAssignmentKey", v, 8..=8)?;
        let f = false;
        w.string(f, &self.group_id)?;
        w.string(f, &self.member_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitions>,
    pub partitions_pending_revocation: Vec<TopicPartitions>,
}

impl Message for ConsumerGroupCurrentMemberAssignmentValue {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupCurrentMemberAssignmentValue", v, 0..=0)?;
        let f = true;
        let member_epoch = r.i32()?;
        let previous_member_epoch = r.i32()?;
        let state = r.i8()?;
        let assigned_partitions = r.array(f, v)?;
        let partitions_pending_revocation = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            member_epoch,
            previous_member_epoch,
            state,
            assigned_partitions,
            partitions_pending_revocation,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupCurrentMemberAssignmentValue", v, 0..=0)?;
        let f = true;
        w.i32(self.member_epoch);
        w.i32(self.previous_member_epoch);
        w.i8(self.state);
        w.array(f, v, &self.assigned_partitions)?;
        w.array(f, v, &self.partitions_pending_revocation)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    /// Tag 0.
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Message for TopicPartitions {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let partitions = r.primitives(f)?;
        let mut assignment_epochs = Default::default();
        {
            r.tags(|r, tag| {
                match tag {
                    0 => assignment_epochs = r.nullable_primitives(true)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { topic_id, partitions, assignment_epochs })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.primitives(f, &self.partitions)?;
        {
            let has_0 = self.assignment_epochs.is_some();
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.nullable_primitives(true, &self.assignment_epochs)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<TopicPartitions>());

impl CoordinatorKey for ConsumerGroupCurrentMemberAssignmentKey {
    const TYPE: i16 = 8;
    type Value = ConsumerGroupCurrentMemberAssignmentValue;
}

impl CoordinatorValue for ConsumerGroupCurrentMemberAssignmentValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
