//! Producer ids, in blocks.

use super::Decision;
use crate::MetadataImage;
use crate::record::MetadataRecord;
use crate::refusal::Refusal;

/// Ids in one block; a broker that restarts throws the rest of its block away.
pub const PRODUCER_ID_BLOCK_LENGTH: i64 = 1000;

/// Ids that belong to one broker: `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    pub first: i64,
    pub end: i64,
}

/// Takes the next block. No id is ever handed out twice: the block is lost if it is not used.
pub fn allocate_producer_ids(image: &MetadataImage) -> Decision<Result<ProducerIdBlock, Refusal>> {
    let first = image.next_producer_id();
    let Some(end) = first.checked_add(PRODUCER_ID_BLOCK_LENGTH) else {
        return Decision::nothing(Err(Refusal::ProducerIdsUsedUp));
    };
    Decision {
        records: vec![MetadataRecord::ProducerIds { next: end }],
        answer: Ok(ProducerIdBlock { first, end }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::apply;

    #[test]
    fn blocks_follow_each_other_and_end_with_the_last_id() {
        let mut image = MetadataImage::default();
        for first in [0, 1000, 2000] {
            let decision = allocate_producer_ids(&image);
            assert_eq!(decision.answer, Ok(ProducerIdBlock { first, end: first + 1000 }));
            apply(&mut image, &decision.records);
        }
        apply(&mut image, &[MetadataRecord::ProducerIds { next: i64::MAX - 10 }]);
        assert_eq!(allocate_producer_ids(&image).answer, Err(Refusal::ProducerIdsUsedUp));
    }
}
