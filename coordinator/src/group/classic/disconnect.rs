//! The disconnect rule: a member whose connection its peer closed is soon gone.
//!
//! Differs from Kafka: with `highwater.group.disconnect.timeout.ms` above 0, a dynamic member whose
//! last request came on a connection that the peer closed has until then (or twice the longest
//! heartbeat gap it has shown) to be heard again; Kafka waits for the whole session timeout.

use std::time::Duration;

use highwater_protocol::Str;

use super::super::consumer::millis;
use super::super::context::Context;
use super::super::timers::{TimerKey, TimerKind};
use super::{ClassicGroup, after_ms};

impl ClassicGroup {
    /// The connection on which this member (or id) was last heard is closed.
    pub(crate) fn on_disconnected(&mut self, cx: &mut Context<'_>, id: &Str, member_id: &Str) {
        let timeout_ms = cx.config.disconnect_timeout_ms;
        if timeout_ms <= 0 {
            return;
        }
        if self.pending.contains(member_id) {
            let at = after_ms(cx.now.monotonic, timeout_ms);
            cx.timers.set_earlier(TimerKey::of_member(id, TimerKind::Pending, member_id), at);
            return;
        }
        let Some(member) = self.members.get_mut(member_id) else { return };
        if member.instance_id.is_some() {
            return;
        }
        // Who waits for an answer sees at once that it will not come.
        let silence = if member.is_waiting() {
            millis(timeout_ms)
        } else {
            silence_max(timeout_ms, member.session_timeout_ms, member.longest_gap)
        };
        let at = cx.now.monotonic.plus(silence);
        member.gone_at = Some(at);
        cx.timers.set_earlier(TimerKey::of_member(id, TimerKind::Session, member_id), at);
    }
}

/// How long a classic member whose connection is closed may stay silent before it counts as gone.
///
/// Its client comes back with its next heartbeat, and how often it sends one is only known from
/// having seen it; before that the setting counts, which is twice what clients have by default.
pub(crate) fn silence_max(
    timeout_ms: i32,
    session_timeout_ms: i32,
    longest_gap: Duration,
) -> Duration {
    let session = millis(session_timeout_ms);
    millis(timeout_ms).max(longest_gap.saturating_mul(2)).min(session)
}
