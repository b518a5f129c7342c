//! Replicas that a full disk keeps from being made or opened: offline until there is room, and then back by themselves.

use std::sync::Arc;

use highwater_records::Uuid;
use highwater_storage::StorageFault;

use super::apply::Change;
use super::{Dir, HostedTopic, Replicas};
use crate::partition::Partition;

impl Replicas {
    /// Hosts a replica offline and remembers to try again.
    pub(super) fn host_unopened(
        &self,
        dir: &Dir,
        change: Change,
        fault: &StorageFault,
    ) -> Arc<Partition> {
        let reason = format!(
            "disk full: {fault}; free some space in {} and the replica comes back by itself",
            dir.hosted.path().display()
        );
        let partition = self.offline(dir, &change, &reason);
        let topic_partition = partition.topic_partition();
        match &change.hosted {
            // One of many tries.
            Some(_) => tracing::debug!(%topic_partition, reason, "the replica is still offline"),
            None => tracing::error!(%topic_partition, reason, "the replica is offline"),
        }
        let hosted = Some(Arc::clone(&partition));
        self.unopened.lock().insert(change.key(), Change { hosted, ..change });
        partition
    }

    /// A topic that is deleted waits for no room.
    pub(super) fn forget_unopened(&self, topic_id: Uuid) {
        self.unopened.lock().retain(|(id, _), _| *id != topic_id);
    }

    /// Tries again to open what a full disk has kept from it.
    pub(super) async fn open_unopened(self: &Arc<Self>) {
        if self.unopened.lock().is_empty() {
            return;
        }
        let _applying = self.applying.lock().await;
        let changes: Vec<Change> = {
            let unopened = self.unopened.lock();
            unopened.values().map(Change::clone).collect()
        };
        let hosted = self.run_changes(changes).await;
        let mut registry = self.registry.write();
        for ((topic_id, number), partition) in hosted {
            let (Some(known), Ok(index)) = (registry.by_id.get(&topic_id), usize::try_from(number))
            else {
                continue;
            };
            let mut topic = HostedTopic::clone(known);
            if let Some(slot) = topic.slots.get_mut(index) {
                slot.partition = partition;
            }
            let topic = Arc::new(topic);
            registry.by_id.insert(topic_id, Arc::clone(&topic));
            if registry.by_name.get(&topic.name).is_some_and(|named| named.id == topic_id) {
                registry.by_name.insert(topic.name.clone(), topic);
            }
        }
    }
}
