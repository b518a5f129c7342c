//! The committed metadata as every handler reads it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use highwater_controller::MetadataImage;

/// The newest image whose partitions this broker already hosts.
///
/// Readers take a copy of the pointer and never wait. An image is published after [`Replicas`](crate::replicas::Replicas) has made it
/// true here, so that what Metadata says can be produced to at once.
pub(crate) struct MetadataCache {
    image: ArcSwap<MetadataImage>,
}

impl MetadataCache {
    pub(crate) fn new(image: Arc<MetadataImage>) -> Self {
        Self { image: ArcSwap::new(image) }
    }

    /// The image now; a later call may give a later one, never an earlier one.
    pub(crate) fn load(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    /// Called by the controller's host only, in the order of commit.
    pub(crate) fn publish(&self, image: Arc<MetadataImage>) {
        self.image.store(image);
    }
}
