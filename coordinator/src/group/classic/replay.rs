//! Records of a classic group, fresh or read back.

use std::collections::BTreeMap;

use highwater_protocol::Str;
use highwater_protocol::records::GroupMetadataValue;
use highwater_records::Timestamp;

use super::{ClassicGroup, ClassicState, Member, detached};

impl ClassicGroup {
    /// Takes the group's record, or its end.
    ///
    /// A fresh record finds the members it speaks of and gives them their assignments; one read back
    /// makes them.
    pub(crate) fn replay(&mut self, value: Option<&GroupMetadataValue>) {
        let Some(value) = value else {
            *self = Self::default();
            return;
        };
        // The first record of a group, whose first members wait already.
        let is_joined = self.state == ClassicState::PreparingRebalance && !self.members.is_empty();
        if !value.members.is_empty() {
            self.replay_members(value);
        } else if !is_joined {
            self.replay_empty(value);
        }
        self.record = Some(own(value));
    }

    fn replay_empty(&mut self, value: &GroupMetadataValue) {
        let pending = std::mem::take(&mut self.pending);
        *self = Self {
            state_since: Timestamp::new(value.current_state_timestamp),
            generation: value.generation,
            protocol_type: protocol_type(value),
            pending,
            ..Self::default()
        };
        self.subscribed = self.read_subscriptions();
    }

    fn replay_members(&mut self, value: &GroupMetadataValue) {
        let protocol = value.protocol.as_ref().map(Str::detached);
        let mut known = std::mem::take(&mut self.members);
        if let Some(member) = self.replacing.take() {
            known.insert(member.id.clone(), member);
        }
        self.static_members = BTreeMap::new();
        self.supported = BTreeMap::new();
        self.members_bytes = 0;
        self.waiting_join_count = 0;
        // Set before the members go in: the first one leads where nobody does.
        self.leader = value.leader.as_ref().map(Str::detached);
        for stored in &value.members {
            let member = match known.remove(&stored.member_id) {
                Some(member) => member.with_value(stored, protocol.as_ref()),
                None => Member::from_value(stored, protocol.as_ref()),
            };
            self.insert_member(member);
        }
        self.protocol_type = protocol_type(value);
        match self.state {
            // Made by a change of kind, and already on its way to the next generation.
            ClassicState::PreparingRebalance => {
                for member in known.into_values() {
                    self.insert_member(member);
                }
            }
            ClassicState::Empty | ClassicState::CompletingRebalance | ClassicState::Stable => {
                self.state = ClassicState::Stable;
                self.are_assignments_void = false;
                self.state_since = Timestamp::new(value.current_state_timestamp);
                self.generation = value.generation;
                self.protocol = protocol;
            }
        }
        self.subscribed = self.read_subscriptions();
    }
}

fn protocol_type(value: &GroupMetadataValue) -> Option<Str> {
    (!value.protocol_type.is_empty()).then(|| value.protocol_type.detached())
}

/// The record in allocations of its own.
fn own(value: &GroupMetadataValue) -> GroupMetadataValue {
    let mut value = value.clone();
    value.protocol_type = value.protocol_type.detached();
    for text in value.protocol.iter_mut().chain(&mut value.leader) {
        *text = text.detached();
    }
    for member in &mut value.members {
        member.member_id = member.member_id.detached();
        member.client_id = member.client_id.detached();
        member.client_host = member.client_host.detached();
        member.group_instance_id = member.group_instance_id.as_ref().map(Str::detached);
        member.subscription = detached(&member.subscription);
        member.assignment = detached(&member.assignment);
    }
    value
}
