//! A bound on open segment files.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::segment::Segment;

/// One limit on the open segment files of all logs of a process.
///
/// Past it, a file that was not used for long is closed; its next user opens it again. A file with
/// unsynced bytes stays open until its sync: so logs ask for one before such files take all there
/// is. Index files are open only while they are used and do not count.
pub struct OpenFiles {
    limit: usize,
    /// Oldest first; one that was used since it came to the front goes round once more. What was
    /// dropped meanwhile still counts until it comes to the front.
    opened: Mutex<VecDeque<Weak<Segment>>>,
    /// Files that stay open because they have unsynced bytes.
    unsynced_count: AtomicUsize,
    /// Woken when there is one less.
    one_synced: (Mutex<()>, Condvar),
}

/// How long somebody without a descriptor waits for a sync that frees one.
const SYNC_WAIT: Duration = Duration::from_secs(1);

/// Counts a file with unsynced bytes, until dropped.
pub(crate) struct UnsyncedFile {
    open_files: Arc<OpenFiles>,
}

impl UnsyncedFile {
    pub(crate) fn new(open_files: &Arc<OpenFiles>) -> Arc<Self> {
        open_files.unsynced_count.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { open_files: Arc::clone(open_files) })
    }
}

impl Drop for UnsyncedFile {
    fn drop(&mut self) {
        self.open_files.unsynced_count.fetch_sub(1, Ordering::Relaxed);
        let (lock, one_synced) = &self.open_files.one_synced;
        drop(lock.lock());
        one_synced.notify_all();
    }
}

impl fmt::Debug for UnsyncedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsyncedFile")
    }
}

impl OpenFiles {
    /// At most about `limit` open files.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            opened: Mutex::new(VecDeque::new()),
            unsynced_count: AtomicUsize::new(0),
            one_synced: (Mutex::new(()), Condvar::new()),
        })
    }

    /// How many files are thought to be open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.opened.lock().len()
    }

    /// Whether so many files stay open for a sync that one should come soon.
    pub(crate) fn wants_sync(&self) -> bool {
        self.unsynced_count.load(Ordering::Relaxed) > self.limit / 2
    }

    /// Waits until a file is synced and may close; false if none comes. Blocks a writer that would
    /// be refused otherwise.
    pub(crate) fn wait_for_sync(&self) -> bool {
        let (lock, one_synced) = &self.one_synced;
        let mut waiting = lock.lock();
        let is_any = self.unsynced_count.load(Ordering::Relaxed) > 0;
        is_any && !one_synced.wait_for(&mut waiting, SYNC_WAIT).timed_out()
    }

    pub(crate) fn on_opened(&self, segment: &Arc<Segment>) {
        let mut opened = self.opened.lock();
        opened.push_back(Arc::downgrade(segment));
        let is_over = opened.len() > self.limit;
        drop(opened);
        if is_over {
            self.close_oldest();
        }
    }

    /// Closes a file that was not used for long; false if none is open.
    pub(crate) fn close_oldest(&self) -> bool {
        let mut opened = self.opened.lock();
        let mut again_count = opened.len();
        let oldest = loop {
            let Some(oldest) = opened.pop_front() else { return false };
            match oldest.upgrade() {
                Some(segment) if again_count > 0 && segment.take_used() => {
                    again_count -= 1;
                    opened.push_back(oldest);
                }
                Some(segment) => break segment,
                None => {}
            }
        };
        drop(opened);
        // Without waiting: the caller may be about to open a file, this one even.
        oldest.close_idle_file();
        true
    }
}

impl fmt::Debug for OpenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFiles").field("limit", &self.limit).finish_non_exhaustive()
    }
}
