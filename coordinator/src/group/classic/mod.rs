//! The classic group: members join, one of them assigns.

use highwater_protocol::Str;

use super::context::Context;
use super::timers::TimerKind;

/// A classic group; also what a group is before it is anything else.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassicGroup {}

impl ClassicGroup {
    /// Whether nothing would be lost with it: no record, no members, nobody waits.
    pub(crate) fn is_vacant(&self) -> bool {
        true
    }

    pub(crate) fn on_timer(&mut self, _cx: &mut Context<'_>, _kind: TimerKind, _member: &Str) {}
}
