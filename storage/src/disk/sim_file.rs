//! Content of one simulated file: what readers see, and what a power cut would leave.

use std::collections::BTreeMap;

use highwater_records::Timestamp;

use super::sim_tree::Chance;

/// Unit in which a disk keeps or loses bytes.
pub(super) const SECTOR_BYTES: usize = 512;

/// Contents of a sector between two syncs that are kept beside the newest; the oldest go first.
const EARLIER_CONTENTS_MAX: usize = 4;

/// Lengths between two syncs that are kept; the oldest go first.
const LENGTHS_MAX: usize = 16;

/// One file.
///
/// `live` is the page cache, `durable` the platter. A sector is dirty if it was written since the
/// last sync, even with the bytes it already had; a sync copies dirty sectors only, so that a
/// sector which turned clean by a *failed* sync stays lost until somebody writes it again.
#[derive(Clone, Debug, Default)]
pub(super) struct SimContent {
    pub(super) live: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) reserved_bytes: u64,
    pub(super) modified: Timestamp,
    /// Each with what it held before, since its first write after the last sync.
    dirty: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Lengths that the file was given since the last sync, oldest first.
    lengths: Vec<Length>,
}

/// A length that the file was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length {
    len: usize,
    /// The least length until then since the last sync, if the file was cut.
    cut_to: Option<usize>,
}

impl SimContent {
    /// Bytes of the file system that the file takes.
    pub(super) fn used_bytes(&self) -> u64 {
        (self.live.len() as u64).max(self.reserved_bytes)
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len();
        for sector in at / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES {
            let start = sector * SECTOR_BYTES;
            let before = self.live.get(start..).unwrap_or_default();
            let before = &before[..before.len().min(SECTOR_BYTES)];
            match self.dirty.get_mut(&sector) {
                None => drop(self.dirty.insert(sector, Vec::new())),
                Some(earlier) => {
                    if earlier.len() == EARLIER_CONTENTS_MAX {
                        earlier.remove(0);
                    }
                    earlier.push(before.to_vec());
                }
            }
        }
        if end > self.live.len() {
            self.live.resize(end, 0);
            self.note_length(None);
        }
        self.live[at..end].copy_from_slice(bytes);
    }

    /// Takes note of a new length of `live`, to which it was cut or extended.
    fn note_length(&mut self, cut: Option<usize>) {
        let before = self.cut_to();
        let cut_to = before.map_or(cut, |before| Some(cut.map_or(before, |cut| cut.min(before))));
        if self.lengths.len() == LENGTHS_MAX {
            self.lengths.remove(0);
        }
        self.lengths.push(Length { len: self.live.len(), cut_to });
    }

    /// The least length since the last sync, if the file was cut.
    fn cut_to(&self) -> Option<usize> {
        self.lengths.last().and_then(|length| length.cut_to)
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let is_cut = len < self.live.len();
        if is_cut {
            self.dirty.retain(|sector, _| sector * SECTOR_BYTES < len);
            // What the file system cuts off inside a sector does not come back.
            for (sector, earlier) in &mut self.dirty {
                let kept = len - sector * SECTOR_BYTES;
                earlier.iter_mut().for_each(|content| content.truncate(kept));
            }
        }
        self.reserved_bytes = self.reserved_bytes.min(len as u64);
        self.live.resize(len, 0);
        self.note_length(is_cut.then_some(len));
    }

    pub(super) fn sync(&mut self) {
        if let Some(cut) = self.cut_to() {
            self.durable.truncate(cut);
        }
        if !self.lengths.is_empty() {
            self.durable.resize(self.live.len(), 0);
            self.lengths.clear();
        }
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(self.live.len());
            if self.durable.len() < end {
                self.durable.resize(end, 0);
            }
            self.durable[start..end].copy_from_slice(&self.live[start..end]);
        }
    }

    /// The kernel forgets that these pages were never written.
    pub(super) fn fail_sync(&mut self) {
        self.dirty.clear();
        self.lengths.clear();
    }

    /// Bytes that a power cut may take.
    pub(super) fn unsynced_bytes(&self) -> u64 {
        let common = self.live.len().min(self.durable.len());
        let differ = |sector: usize| {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(common);
            start < end && self.live[start..end] != self.durable[start..end]
        };
        let sectors = common.div_ceil(SECTOR_BYTES);
        let changed = (0..sectors).filter(|sector| differ(*sector)).count() * SECTOR_BYTES;
        (changed + self.live.len() - common) as u64
    }

    /// What is there after the power came back; returns how many live bytes are gone.
    pub(super) fn cut_power(&mut self, chance: &mut Chance) -> u64 {
        let mut kept = std::mem::take(&mut self.durable);
        let synced_len = kept.len();
        if let Some(cut) = self.cut_to()
            && chance.flip()
        {
            kept.truncate(cut);
        }
        // Every fourth time this file's pages were all on their way already.
        let all_kept = chance.below(4) == 0;
        let len = if all_kept { self.live.len() } else { self.len_after_cut(kept.len(), chance) };
        let len = if self.lengths.is_empty() { kept.len() } else { len };
        self.lengths.clear();
        kept.resize(len, 0);
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(self.live.len()).min(kept.len());
            if start >= end {
                continue;
            }
            match if all_kept { 3 } else { chance.below(4) } {
                0 => {}
                1 => {
                    let torn = start + chance.below(end - start + 1);
                    kept[start..torn].copy_from_slice(&self.live[start..torn]);
                }
                2 if start >= synced_len => kept[start..end].fill(0),
                _ => kept[start..end].copy_from_slice(&self.live[start..end]),
            }
        }
        let common = kept.len().min(self.live.len());
        let changed =
            kept[..common].iter().zip(&self.live[..common]).filter(|(new, old)| new != old).count();
        let lost = (changed + self.live.len() - common) as u64;
        self.durable.clone_from(&kept);
        self.live = kept;
        lost
    }

    fn len_after_cut(&self, durable_len: usize, chance: &mut Chance) -> usize {
        match (self.live.len(), chance.below(3)) {
            (_, 0) => durable_len,
            (live, 1) if live > durable_len => durable_len + chance.below(live - durable_len + 1),
            (live, _) => live,
        }
    }

    /// In how many ways each unsynced effect can end at a power cut: the length, if it changed, and
    /// each dirty sector. 0 stands for lost, the greatest number for kept.
    pub(super) fn effects(&self) -> impl Iterator<Item = usize> {
        let length = (!self.lengths.is_empty()).then(|| self.possible_lengths().len());
        length.into_iter().chain(self.dirty.values().map(|earlier| earlier.len() + 2))
    }

    /// The file after a power cut at which every effect ended as `ends` says.
    pub(super) fn after_cut(&self, ends: &mut impl Iterator<Item = usize>) -> Self {
        let mut kept = self.durable.clone();
        if !self.lengths.is_empty() {
            let lengths = self.possible_lengths();
            let Length { len, cut_to } = lengths[ends.next().expect("one for each effect")];
            kept.truncate(cut_to.unwrap_or(usize::MAX));
            kept.resize(len, 0);
        }
        for (sector, earlier) in &self.dirty {
            let end = ends.next().expect("one for each effect");
            let start = sector * SECTOR_BYTES;
            let newest = &self.live[start..(start + SECTOR_BYTES).min(self.live.len())];
            let Some(content) = end.checked_sub(1) else { continue };
            let content = earlier.get(content).map_or(newest, Vec::as_slice);
            if let Some(room) = kept.get_mut(start..) {
                let len = content.len().min(room.len());
                room[..len].copy_from_slice(&content[..len]);
            }
        }
        Self {
            durable: kept.clone(),
            live: kept,
            reserved_bytes: self.reserved_bytes,
            modified: self.modified,
            dirty: BTreeMap::new(),
            lengths: Vec::new(),
        }
    }

    /// Whether a power cut would leave it as it is.
    pub(super) fn is_durable(&self) -> bool {
        self.dirty.is_empty() && self.lengths.is_empty() && self.live == self.durable
    }

    /// The durable length, those given since, and where a growing file may have got to between: the
    /// newest one last.
    fn possible_lengths(&self) -> Vec<Length> {
        let durable = Length { len: self.durable.len(), cut_to: None };
        let mut lengths = vec![durable];
        let cut_to = self.cut_to();
        let grown = self.durable.len().min(cut_to.unwrap_or(usize::MAX)) / SECTOR_BYTES + 1;
        let between = grown..self.live.len().div_ceil(SECTOR_BYTES);
        let between = between.map(|sector| Length { len: sector * SECTOR_BYTES, cut_to });
        for length in between.chain(self.lengths.iter().copied()) {
            lengths.retain(|known| *known != length);
            lengths.push(length);
        }
        lengths
    }
}
