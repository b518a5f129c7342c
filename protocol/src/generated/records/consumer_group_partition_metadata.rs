//! ConsumerGroupPartitionMetadata (type 4 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupPartitionMetadataKey {
    pub group_id: Str,
}

impl Message for ConsumerGroupPartitionMetadataKey {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupPartitionMetadataKey", v, 4..=4)?;
        let f = false;
        let group_id = r.string(f)?;
        Ok(Self { group_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupPartitionMetadataKey", v, 4..=4)?;
        let f = false;
        w.string(f, &self.group_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupPartitionMetadataValue {
    pub topics: Vec<TopicMetadata>,
}

impl Message for ConsumerGroupPartitionMetadataValue {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupPartitionMetadataValue", v, 0..=0)?;
        let f = true;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupPartitionMetadataValue", v, 0..=0)?;
        let f = true;
        w.array(f, v, &self.topics)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicMetadata {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub num_partitions: i32,
    pub partition_metadata: Vec<PartitionMetadata>,
}

impl Message for TopicMetadata {
    const LEAST_BYTES: usize = 23;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let topic_id = r.uuid()?;
        let topic_name = r.string(f)?;
        let num_partitions = r.i32()?;
        let partition_metadata = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { topic_id, topic_name, num_partitions, partition_metadata })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.uuid(self.topic_id);
        w.string(f, &self.topic_name)?;
        w.i32(self.num_partitions);
        w.array(f, v, &self.partition_metadata)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<TopicMetadata>());

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionMetadata {
    pub partition: i32,
    pub racks: Vec<Str>,
}

impl Message for PartitionMetadata {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition = r.i32()?;
        let racks = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition, racks })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition);
        w.primitives(f, &self.racks)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<PartitionMetadata>());

impl CoordinatorKey for ConsumerGroupPartitionMetadataKey {
    const TYPE: i16 = 4;
    type Value = ConsumerGroupPartitionMetadataValue;
}

impl CoordinatorValue for ConsumerGroupPartitionMetadataValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
