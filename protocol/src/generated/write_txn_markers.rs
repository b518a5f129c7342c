//! WriteTxnMarkers (27): versions 1-2, flexible from 1.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersRequest {
    pub markers: Vec<RequestMarker>,
}

impl Message for WriteTxnMarkersRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("WriteTxnMarkersRequest", v, 1..=2)?;
        let f = true;
        let markers = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { markers })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("WriteTxnMarkersRequest", v, 1..=2)?;
        let f = true;
        w.array(f, v, &self.markers)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestMarker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transaction_result: bool,
    pub topics: Vec<RequestMarkerTopic>,
    pub coordinator_epoch: i32,
    /// Versions 2+.
    pub transaction_version: i8,
}

impl Message for RequestMarker {
    const LEAST_BYTES: usize = 17;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let producer_id = r.i64()?;
        let producer_epoch = r.i16()?;
        let transaction_result = r.bool()?;
        let topics = r.array(f, v)?;
        let coordinator_epoch = r.i32()?;
        let transaction_version = if v >= 2 { r.i8()? } else { Default::default() };
        {
            r.skip_tags()?;
        }
        Ok(Self {
            producer_id,
            producer_epoch,
            transaction_result,
            topics,
            coordinator_epoch,
            transaction_version,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.transaction_result);
        w.array(f, v, &self.topics)?;
        w.i32(self.coordinator_epoch);
        if v >= 2 {
            w.i8(self.transaction_version);
        }
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestMarkerTopic {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl Message for RequestMarkerTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let partition_indexes = r.primitives(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, partition_indexes })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.primitives(f, &self.partition_indexes)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersResponse {
    pub markers: Vec<ResponseMarker>,
}

impl Message for WriteTxnMarkersResponse {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("WriteTxnMarkersResponse", v, 1..=2)?;
        let f = true;
        let markers = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { markers })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("WriteTxnMarkersResponse", v, 1..=2)?;
        let f = true;
        w.array(f, v, &self.markers)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseMarker {
    pub producer_id: i64,
    pub topics: Vec<ResponseMarkerTopic>,
}

impl Message for ResponseMarker {
    const LEAST_BYTES: usize = 10;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let producer_id = r.i64()?;
        let topics = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { producer_id, topics })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i64(self.producer_id);
        w.array(f, v, &self.topics)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseMarkerTopic {
    pub name: Str,
    pub partitions: Vec<ResponseMarkerTopicPartition>,
}

impl Message for ResponseMarkerTopic {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let partitions = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, partitions })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.array(f, v, &self.partitions)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseMarkerTopicPartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl Message for ResponseMarkerTopicPartition {
    const LEAST_BYTES: usize = 7;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let partition_index = r.i32()?;
        let error_code = r.error_code()?;
        {
            r.skip_tags()?;
        }
        Ok(Self { partition_index, error_code })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.partition_index);
        w.error_code(self.error_code);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for WriteTxnMarkersRequest {
    const KEY: ApiKey = ApiKey::WriteTxnMarkers;
    type Response = WriteTxnMarkersResponse;
}
