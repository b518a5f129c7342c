//! Content of one simulated file: what readers see, and what a power cut would leave.

use std::collections::BTreeSet;

use highwater_records::Timestamp;

use super::sim_tree::Chance;

/// Unit in which a disk keeps or loses bytes.
pub(super) const SECTOR_BYTES: usize = 512;

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
    dirty: BTreeSet<usize>,
    len_is_dirty: bool,
    /// The least length since the last sync, if the file was cut.
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
        if end > self.live.len() {
            self.live.resize(end, 0);
            self.len_is_dirty = true;
        }
        self.live[at..end].copy_from_slice(bytes);
        self.dirty.extend(at / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        if len < self.live.len() {
            self.cut_to = Some(self.cut_to.map_or(len, |cut| cut.min(len)));
            self.dirty.retain(|sector| sector * SECTOR_BYTES < len);
        }
        self.reserved_bytes = self.reserved_bytes.min(len as u64);
        self.live.resize(len, 0);
        self.len_is_dirty = true;
    }

    pub(super) fn sync(&mut self) {
        if let Some(cut) = self.cut_to.take() {
            self.durable.truncate(cut);
        }
        if self.len_is_dirty {
            self.durable.resize(self.live.len(), 0);
            self.len_is_dirty = false;
        }
        for sector in std::mem::take(&mut self.dirty) {
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
        self.len_is_dirty = false;
        self.cut_to = None;
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
        if let Some(cut) = self.cut_to.take()
            && chance.flip()
        {
            kept.truncate(cut);
        }
        // Every fourth time this file's pages were all on their way already.
        let all_kept = chance.below(4) == 0;
        let len = if all_kept { self.live.len() } else { self.len_after_cut(kept.len(), chance) };
        let len = if self.len_is_dirty { len } else { kept.len() };
        kept.resize(len, 0);
        for sector in std::mem::take(&mut self.dirty) {
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
        self.len_is_dirty = false;
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
}
