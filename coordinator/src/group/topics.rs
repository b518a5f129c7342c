//! The topics a coordinator knows.

use std::collections::BTreeMap;

use highwater_protocol::Str;
use highwater_records::Uuid;

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Str,
    /// Its id; a topic made anew under the same name has another.
    pub id: Uuid,
    /// Partitions are `0..partition_count`.
    pub partition_count: i32,
}

/// All topics of the cluster, as of some metadata change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    by_name: BTreeMap<Str, Topic>,
    names: BTreeMap<Uuid, Str>,
}

impl Topics {
    /// These topics; a name or an id said twice counts once.
    #[must_use]
    pub fn new(topics: impl IntoIterator<Item = Topic>) -> Self {
        let mut all = Self::default();
        for topic in topics {
            all.names.insert(topic.id, topic.name.clone());
            all.by_name.insert(topic.name.clone(), topic);
        }
        all
    }

    /// The topic of this name.
    #[must_use]
    pub fn by_name(&self, name: &Str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    /// The topic of this id.
    #[must_use]
    pub fn by_id(&self, id: Uuid) -> Option<&Topic> {
        self.names.get(&id).and_then(|name| self.by_name.get(name))
    }

    /// How many topics there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no topic.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// All topics, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.by_name.values()
    }
}
