//! A bound on open segment files.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::segment::Segment;

/// One limit on the open segment files of all logs of a process.
///
/// Past it, the file that was opened longest ago is closed; its next user opens it again. A file
/// with unsynced bytes stays open until its sync, so the true number can be a little higher.
/// Index files are open only while they are used and do not count.
pub struct OpenFiles {
    limit: usize,
    /// Oldest first. What was dropped meanwhile still counts until it comes to the front.
    opened: Mutex<VecDeque<Weak<Segment>>>,
}

impl OpenFiles {
    /// At most about `limit` open files.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(1), opened: Mutex::new(VecDeque::new()) })
    }

    /// How many files are thought to be open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.opened.lock().len()
    }

    pub(crate) fn on_opened(&self, segment: &Arc<Segment>) {
        let mut opened = self.opened.lock();
        opened.push_back(Arc::downgrade(segment));
        let oldest = if opened.len() > self.limit { opened.pop_front() } else { None };
        drop(opened);
        if let Some(oldest) = oldest.and_then(|oldest| oldest.upgrade()) {
            oldest.close_file();
        }
    }
}

impl fmt::Debug for OpenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFiles").field("limit", &self.limit).finish_non_exhaustive()
    }
}
