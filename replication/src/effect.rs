//! What the machine wants its host to do.

use highwater_records::Offset;

/// One thing to do; the machine itself does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The log holds bytes that are not synced and count only once they are: ask for a sync.
    RequestSync,
    /// The high watermark moved: publish it, complete the appends and wake the readers that waited for it.
    AdvanceHighWatermark {
        /// The new high watermark (exclusive).
        to: Offset,
    },
}

/// The effects of one input, at most one of each kind; a turn makes one, so it holds no allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "effects are how the machine acts"]
pub struct Effects {
    pub(crate) request_sync: bool,
    pub(crate) high_watermark: Option<Offset>,
}

impl Effects {
    /// No effect.
    pub const NONE: Self = Self { request_sync: false, high_watermark: None };

    /// Adds the effects of a later input; a later high watermark replaces an earlier one.
    pub fn and(self, later: Self) -> Self {
        Self {
            request_sync: self.request_sync || later.request_sync,
            high_watermark: later.high_watermark.or(self.high_watermark),
        }
    }

    /// Whether a sync is wanted.
    pub fn requests_sync(&self) -> bool {
        self.request_sync
    }

    /// The new high watermark, if it moved.
    pub fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }

    /// The effects one by one, in the order in which they are to be done.
    pub fn iter(&self) -> impl Iterator<Item = Effect> + use<> {
        let sync = self.request_sync.then_some(Effect::RequestSync);
        let advance = self.high_watermark.map(|to| Effect::AdvanceHighWatermark { to });
        sync.into_iter().chain(advance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_of_two_inputs_keep_the_later_high_watermark() {
        let first = Effects { request_sync: true, high_watermark: Some(Offset::new(3)) };
        let second = Effects { request_sync: false, high_watermark: Some(Offset::new(5)) };
        let both: Vec<Effect> = first.and(second).iter().collect();
        assert_eq!(
            both,
            [Effect::RequestSync, Effect::AdvanceHighWatermark { to: Offset::new(5) }]
        );
        assert_eq!(Effects::NONE.and(Effects::NONE).iter().count(), 0);
    }
}
