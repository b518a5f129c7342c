//! Which connection each member was last heard on.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::Str;

use crate::ConnectionId;

/// The disconnect rule's memory: the connection of each member's last group request.
///
/// A member never heard since the load is not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    of_member: BTreeMap<(Str, Str), ConnectionId>,
    members: BTreeMap<ConnectionId, BTreeSet<(Str, Str)>>,
}

impl Connections {
    /// A member was heard.
    pub(crate) fn heard(&mut self, group: &Str, member: &Str, connection: ConnectionId) {
        let key = (group.clone(), member.clone());
        match self.of_member.get_mut(&key) {
            Some(before) if *before == connection => return,
            Some(before) => {
                let before = std::mem::replace(before, connection);
                self.remove(before, &key);
            }
            None => {
                self.of_member.insert(key.clone(), connection);
            }
        }
        self.members.entry(connection).or_default().insert(key);
    }

    /// A member is gone.
    pub(crate) fn forget(&mut self, group: &Str, member: &Str) {
        let key = (group.clone(), member.clone());
        if let Some(connection) = self.of_member.remove(&key) {
            self.remove(connection, &key);
        }
    }

    /// The connection is gone: the members (group, member) last heard on it.
    pub(crate) fn closed(&mut self, connection: ConnectionId) -> BTreeSet<(Str, Str)> {
        let members = self.members.remove(&connection).unwrap_or_default();
        for key in &members {
            self.of_member.remove(key);
        }
        members
    }

    fn remove(&mut self, connection: ConnectionId, key: &(Str, Str)) {
        if let Some(members) = self.members.get_mut(&connection) {
            members.remove(key);
            if members.is_empty() {
                self.members.remove(&connection);
            }
        }
    }
}
