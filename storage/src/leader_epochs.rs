//! Which leader epoch began at which offset: `leader-epoch-checkpoint`.
//!
//! ```text
//! 0            version
//! 2            count
//! 3 0          epoch, start offset; both rising
//! 5 1270
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::fmt::Write as _;

use highwater_records::{LeaderEpoch, Offset};

use crate::text::{FormatError, Lines};
use crate::view::EpochEnd;

/// Name of the file in a partition's directory.
pub(crate) const LEADER_EPOCHS_FILE: &str = "leader-epoch-checkpoint";

/// An epoch and the offset at which its leader began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Offset of its first record, or the log end when the leader was elected.
    pub start_offset: Offset,
}

/// The epochs of one log. Both epochs and start offsets rise strictly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    entries: Vec<EpochStart>,
}

impl LeaderEpochs {
    /// Reads `leader-epoch-checkpoint`. An empty file has no entries.
    ///
    /// # Errors
    /// For another version, a line that is none, entries that do not rise and a wrong count.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut epochs = Self::default();
        let Some((mut lines, count)) = Lines::with_count(bytes)? else { return Ok(epochs) };
        for _ in 0..count {
            let line = lines.next_line()?;
            let Some((epoch, offset)) = line.split_once(' ') else {
                return Err(lines.error("expected epoch and start offset"));
            };
            let epoch: i32 = epoch.parse().map_err(|error| lines.error(error))?;
            let offset: i64 = offset.parse().map_err(|error| lines.error(error))?;
            if epoch < 0 || offset < 0 {
                return Err(lines.error("negative epoch or offset"));
            }
            let entry =
                EpochStart { epoch: LeaderEpoch::new(epoch), start_offset: Offset::new(offset) };
            let rises = |last: &EpochStart| {
                last.epoch < entry.epoch && last.start_offset < entry.start_offset
            };
            if !epochs.entries.last().is_none_or(rises) {
                return Err(lines.error("epochs and offsets must rise"));
            }
            epochs.entries.push(entry);
        }
        lines.end()?;
        Ok(epochs)
    }

    /// The text of the file.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = format!("0\n{}\n", self.entries.len());
        for entry in &self.entries {
            writeln!(text, "{} {}", entry.epoch, entry.start_offset)
                .unwrap_or_else(|_| unreachable!("a String takes everything"));
        }
        text
    }

    /// Notes that `epoch` begins at `start_offset`; true if that was new. What contradicts it,
    /// epochs not below and starts not below, was replaced and is dropped.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        if epoch.value() < 0 {
            return false;
        }
        if let Some(latest) = self.entries.last()
            && latest.epoch == epoch
            && latest.start_offset <= start_offset
        {
            return false;
        }
        let contradicts =
            |entry: &EpochStart| entry.epoch >= epoch || entry.start_offset >= start_offset;
        while self.entries.last().is_some_and(contradicts) {
            self.entries.pop();
        }
        self.entries.push(EpochStart { epoch, start_offset });
        true
    }

    /// Drops epochs that begin at or after `end`; true if there were any.
    pub fn truncate_from_end(&mut self, end: Offset) -> bool {
        let count = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end);
        self.entries.len() != count
    }

    /// Drops epochs that end at or before `start`; the one that holds `start` begins there now.
    /// True if something changed.
    pub fn truncate_from_start(&mut self, start: Offset) -> bool {
        let ended = self.entries.partition_point(|entry| entry.start_offset <= start);
        let Some(holds_start) = ended.checked_sub(1) else { return false };
        let dropped = self.entries.drain(..holds_start).count();
        match self.entries.first_mut() {
            Some(first) if first.start_offset < start => {
                first.start_offset = start;
                true
            }
            Some(_) | None => dropped > 0,
        }
    }

    /// Whether these are all of `others`, and perhaps newer ones.
    pub(crate) fn begins_with(&self, others: &Self) -> bool {
        self.entries.starts_with(&others.entries)
    }

    /// The newest epoch.
    #[must_use]
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    /// The epoch that `offset` belongs to.
    #[must_use]
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|entry| entry.start_offset <= offset);
        self.entries.get(after.checked_sub(1)?).map(|entry| entry.epoch)
    }

    /// The largest epoch not above `wanted`, and where it ends.
    ///
    /// The latest epoch ends at `log_end`. Below the first known epoch the answer is `wanted`
    /// itself, ending where the first known one starts. Unknown (above the latest, or none at
    /// all): no epoch, offset -1.
    ///
    /// Source: KIP-101, KIP-279.
    #[must_use]
    pub fn end_offset_for(&self, wanted: LeaderEpoch, log_end: Offset) -> EpochEnd {
        let unknown = EpochEnd { epoch: LeaderEpoch::NONE, end_offset: Offset::new(-1) };
        let Some(latest) = self.latest() else { return unknown };
        if wanted.value() < 0 || wanted > latest {
            return unknown;
        }
        if wanted == latest {
            return EpochEnd { epoch: latest, end_offset: log_end };
        }
        let above = self.entries.partition_point(|entry| entry.epoch <= wanted);
        let end_offset = self.entries.get(above).map_or(log_end, |entry| entry.start_offset);
        let floor = above.checked_sub(1).and_then(|index| self.entries.get(index));
        EpochEnd { epoch: floor.map_or(wanted, |entry| entry.epoch), end_offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(entries: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start) in entries {
            epochs.assign(LeaderEpoch::new(*epoch), Offset::new(*start));
        }
        epochs
    }

    fn end(epochs: &LeaderEpochs, wanted: i32) -> (i32, i64) {
        let found = epochs.end_offset_for(LeaderEpoch::new(wanted), Offset::new(100));
        (found.epoch.value(), found.end_offset.value())
    }

    #[test]
    fn end_offset_for_epoch_answers_every_case_of_the_kips() {
        let known = epochs(&[(2, 10), (3, 20), (7, 50)]);
        let cases =
            [(7, (7, 100)), (3, (3, 50)), (5, (3, 50)), (2, (2, 20)), (1, (1, 10)), (0, (0, 10))];
        for (wanted, expected) in cases {
            assert_eq!(end(&known, wanted), expected, "epoch {wanted}");
        }
        assert_eq!(end(&known, 8), (-1, -1));
        assert_eq!(end(&known, -1), (-1, -1));
        assert_eq!(end(&epochs(&[]), 0), (-1, -1));
    }

    #[test]
    fn assign_keeps_the_first_start_and_drops_contradictions() {
        let mut known = epochs(&[(1, 0), (2, 10)]);
        assert!(!known.assign(LeaderEpoch::new(2), Offset::new(15)));
        assert!(!known.assign(LeaderEpoch::NONE, Offset::new(15)));
        assert!(known.assign(LeaderEpoch::new(4), Offset::new(10)));
        assert_eq!(known, epochs(&[(1, 0), (4, 10)]));
        assert!(known.assign(LeaderEpoch::new(3), Offset::new(20)));
        assert_eq!(known.entries().len(), 2);
        assert_eq!(known.latest(), Some(LeaderEpoch::new(3)));
    }

    #[test]
    fn truncation_cuts_both_ends() {
        let mut known = epochs(&[(1, 0), (2, 10), (3, 20)]);
        assert!(known.truncate_from_end(Offset::new(20)));
        assert!(!known.truncate_from_end(Offset::new(20)));
        assert_eq!(known, epochs(&[(1, 0), (2, 10)]));
        assert!(known.truncate_from_start(Offset::new(12)));
        assert!(!known.truncate_from_start(Offset::new(12)));
        assert_eq!(known, epochs(&[(2, 12)]));
        assert_eq!(known.epoch_of(Offset::new(11)), None);
        assert_eq!(known.epoch_of(Offset::new(99)), Some(LeaderEpoch::new(2)));
    }

    #[test]
    fn file_is_kafkas_text_and_reads_back() {
        let known = epochs(&[(0, 0), (5, 1270)]);
        assert_eq!(known.write(), "0\n2\n0 0\n5 1270\n");
        assert_eq!(LeaderEpochs::read(known.write().as_bytes()).unwrap(), known);
        assert_eq!(LeaderEpochs::read(b"").unwrap(), LeaderEpochs::default());
    }

    #[test]
    fn damaged_file_is_refused() {
        for text in ["1\n0\n", "0\n1\n", "0\n2\n1 5\n1 6\n", "0\n2\n1 5\n2 5\n", "0\n1\n-1 0\n"] {
            assert!(LeaderEpochs::read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(LeaderEpochs::read(b"0\n1\n1 0 0\n").is_err());
        assert!(LeaderEpochs::read(b"0\n18446744073709551615\n").is_err());
    }
}
