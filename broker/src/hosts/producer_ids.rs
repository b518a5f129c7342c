//! Producer ids for idempotent producers, out of blocks from the controller.

use highwater_controller::decide::{ProducerIdBlock, allocate_producer_ids};
use highwater_records::ProducerId;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::hosts::controller::{AdminFault, ControllerHost};

/// The block at hand. What is left of it at a stop is never used again.
pub(crate) struct ProducerIds {
    block: Mutex<ProducerIdBlock>,
    /// Held by whoever fetches the next block; the others wait for it.
    fetching: Semaphore,
}

impl ProducerIds {
    pub(crate) fn new() -> Self {
        Self {
            block: Mutex::new(ProducerIdBlock { first: 0, end: 0 }),
            fetching: Semaphore::new(1),
        }
    }

    /// An id that nobody has had and nobody else will get, in any life of the cluster.
    pub(crate) async fn next(&self, controller: &ControllerHost) -> Result<ProducerId, AdminFault> {
        if let Some(id) = self.take() {
            return Ok(id);
        }
        let _permit = self.fetching.acquire().await.map_err(|_| AdminFault::Stopped)?;
        loop {
            // Whoever fetched before us may have brought enough.
            if let Some(id) = self.take() {
                return Ok(id);
            }
            let (block, _image) =
                controller.decide(|image, _, _| allocate_producer_ids(image)).await?;
            let block = block.map_err(|refusal| {
                tracing::error!(%refusal, "no producer id can be given");
                AdminFault::Stopped
            })?;
            *self.block.lock() = block;
        }
    }

    fn take(&self) -> Option<ProducerId> {
        let mut block = self.block.lock();
        if block.first >= block.end {
            return None;
        }
        let id = ProducerId::new(block.first);
        block.first += 1;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_block_are_given_once_each() {
        let ids = ProducerIds::new();
        assert_eq!(ids.take(), None);
        *ids.block.lock() = ProducerIdBlock { first: 7, end: 9 };
        assert_eq!(ids.take(), Some(ProducerId::new(7)));
        assert_eq!(ids.take(), Some(ProducerId::new(8)));
        assert_eq!(ids.take(), None);
    }
}
