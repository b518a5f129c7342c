//! A cleaned segment takes the place of those it was made from.
//!
//! | step | on disk | if the power goes then |
//! | --- | --- | --- |
//! | written, synced as `.cleaned` | old, and `.cleaned` | `.cleaned` is removed |
//! | [`Replacement::prepare`]: renamed `.swap`, directory synced | old, and `.swap` | the swap is finished |
//! | [`Log::replace`]: readers see the new one | the same | the same |
//! | [`Replacement::finish`]: old ones renamed `.deleted`, directory synced | `.deleted`, and `.swap` | the same |
//! | `.swap` loses its suffix, directory synced | `.deleted`, and new | `.deleted` is removed |
//!
//! The old names must be gone for good before the new one appears: were only the last renaming kept, the
//! segments that a merged one replaces would stand beside it.

use std::path::PathBuf;
use std::sync::Arc;

use highwater_records::{Mutation, Offset};
use parking_lot::Mutex;

use crate::error::{AtPath, StorageFault};
use crate::log::Log;
use crate::segment::{Segment, SegmentHome, Stage, parse_file_name, remove_if_there};

/// One cleaned segment, and those whose place it takes. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Replacement {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    home: Arc<SegmentHome>,
    cuts: u64,
    /// Where the pass ends.
    end: Offset,
    old: Vec<Arc<Segment>>,
    new: Arc<Segment>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Written,
    Prepared,
    /// In the log; the files are on their way, those of the old segments to these names.
    Replaced(Vec<PathBuf>),
    /// The old files, to be removed.
    Finished(Vec<PathBuf>),
    Given,
}

impl Replacement {
    pub(super) fn new(
        home: &Arc<SegmentHome>,
        (cuts, end): (u64, Offset),
        old: Vec<Arc<Segment>>,
        new: Arc<Segment>,
    ) -> Self {
        let (home, state) = (Arc::clone(home), Mutex::new(State::Written));
        Self { shared: Arc::new(Shared { home, cuts, end, old, new, state }) }
    }

    /// Bytes that the log is smaller by.
    #[must_use]
    pub fn saved_bytes(&self) -> i64 {
        let old: u64 = self.shared.old.iter().map(|segment| segment.size_bytes()).sum();
        let new = self.shared.new.size_bytes();
        i64::try_from(old).unwrap_or(i64::MAX) - i64::try_from(new).unwrap_or(i64::MAX)
    }

    /// Makes the new segment durable under the name that says that it is complete; false if the
    /// log was cut or deleted meanwhile, and then [`Replacement::discard`] is all that is left.
    ///
    /// Blocks; [`Log::replace`] comes next.
    ///
    /// # Errors
    /// A fault takes the log directory offline.
    pub fn prepare(&self) -> Result<bool, StorageFault> {
        let Shared { home, new, .. } = &*self.shared;
        let _cutting = home.cutting.lock();
        if !self.is_current() {
            return Ok(false);
        }
        // Output that an earlier pass could not remove would undo this one after a crash.
        remove_staged(home, Some(new.base_offset()))?;
        home.raise_compacted_through(self.shared.end)?;
        new.rename_to(Stage::Swap)?;
        if !home.mutant.is(Mutation::SwapUnsynced) {
            home.sync_names()?;
        }
        *self.shared.state.lock() = State::Prepared;
        Ok(true)
    }

    fn is_current(&self) -> bool {
        self.shared.home.cut_count() == self.shared.cuts
    }

    /// Removes the new segment, which is not in the log.
    ///
    /// # Errors
    /// As [`Replacement::prepare`].
    pub fn discard(self) -> Result<(), StorageFault> {
        let _cutting = self.shared.home.cutting.lock();
        // A deleted log took its files along; another one may stand where it stood.
        if self.is_current() { self.shared.new.remove_files() } else { Ok(()) }
    }

    /// Renames the files: those of the old segments for deletion, then the new one's to what they
    /// are. Does nothing if that is done. Blocks, after [`Log::replace`].
    ///
    /// # Errors
    /// A full disk and a want of descriptors pass by themselves: whoever changes names next, or begins the
    /// next pass, finishes it. Any other fault takes the log directory offline.
    pub fn finish(&self) -> Result<(), StorageFault> {
        let _cutting = self.shared.home.cutting.lock();
        self.finish_locked()
    }

    /// As [`Replacement::finish`], for a caller that has the lock on cutting.
    pub(crate) fn finish_locked(&self) -> Result<(), StorageFault> {
        let Shared { home, old, new, .. } = &*self.shared;
        let mut state = self.shared.state.lock();
        let State::Replaced(deleted) = &mut *state else { return Ok(()) };
        let sync = || match home.mutant.is(Mutation::SwapUnsynced) {
            true => Ok(()),
            false => home.sync_names(),
        };
        for segment in old {
            segment.rename_for_deletion(deleted)?;
        }
        sync()?;
        new.rename_to(Stage::Final)?;
        sync()?;
        *state = State::Finished(std::mem::take(deleted));
        Ok(())
    }

    fn is_done(&self) -> bool {
        match *self.shared.state.lock() {
            State::Written | State::Prepared | State::Replaced(_) => false,
            State::Finished(_) | State::Given => true,
        }
    }

    /// The log is deleted, its files are gone.
    pub(crate) fn abandon(&self) {
        *self.shared.state.lock() = State::Given;
    }

    /// The old files, once: give them to [`crate::remove_files`] after `file.delete.delay.ms`.
    #[must_use]
    pub fn take_deleted(&self) -> Vec<PathBuf> {
        let mut state = self.shared.state.lock();
        match std::mem::replace(&mut *state, State::Given) {
            State::Finished(deleted) => deleted,
            other => {
                *state = other;
                Vec::new()
            }
        }
    }
}

/// Removes what cleaners have written and not given to the log, but for the files of one base,
/// durably.
pub(crate) fn remove_staged(
    home: &SegmentHome,
    except: Option<Offset>,
) -> Result<(), StorageFault> {
    let mut has_changed = false;
    for entry in home.disk.read_dir(&home.dir).at_path("list", &home.dir)? {
        let name = [Stage::Cleaned, Stage::Swap]
            .iter()
            .find_map(|stage| entry.name.strip_suffix(stage.suffix()));
        let base = name.and_then(parse_file_name).map(|(base, _)| base);
        if base.is_some() && base != except {
            remove_if_there(&*home.disk, &home.dir.join(&entry.name))?;
            has_changed = true;
        }
    }
    if has_changed { home.sync_names() } else { Ok(()) }
}

impl Log {
    /// Puts a prepared segment in the place of those it was made from; false if one of them is gone
    /// (retention was faster), and then nothing has changed. Publish a new view; older ones answer
    /// [`crate::ReadError::Stale`].
    ///
    /// [`Replacement::finish`] comes next; until then other changes of names finish it first.
    pub fn replace(&mut self, replacement: &Replacement) -> bool {
        let Shared { home, old, new, .. } = &*replacement.shared;
        let first = old.first().map_or(new.base_offset(), |segment| segment.base_offset());
        let at = self.segments.partition_point(|segment| segment.base_offset() < first);
        let in_place = self.segments.get(at..at + old.len()).unwrap_or_default();
        let is_in_place = in_place.len() == old.len()
            && in_place.iter().zip(old).all(|(ours, theirs)| Arc::ptr_eq(ours, theirs));
        // An earlier one that has its names by now.
        self.replacing.take_if(|earlier| earlier.is_done());
        let mut state = replacement.shared.state.lock();
        let may_replace = is_in_place
            && Arc::ptr_eq(home, &self.home)
            && replacement.is_current()
            && self.fault.is_none()
            && self.replacing.is_none()
            && matches!(*state, State::Prepared);
        if !may_replace {
            return false;
        }
        assert!(at + old.len() < self.segments.len(), "the active segment is never replaced");
        home.on_replaced();
        self.sync.forget_segments(old);
        let segments = Arc::make_mut(&mut self.segments);
        segments.splice(at..at + old.len(), [Arc::clone(new)]);
        self.tail.forget_below(segments[at + 1].base_offset());
        *state = State::Replaced(Vec::new());
        self.replacing = Some(replacement.clone());
        true
    }

    /// Finishes what [`Log::replace`] began, before other names change; `is_cutting` says that the
    /// caller has the lock on cutting.
    pub(crate) fn finish_replacing(&mut self, is_cutting: bool) -> Result<(), StorageFault> {
        let Some(replacement) = self.replacing.clone() else { return Ok(()) };
        let finished = if is_cutting { replacement.finish_locked() } else { replacement.finish() };
        self.keep_lasting(finished)?;
        self.replacing = None;
        Ok(())
    }
}
