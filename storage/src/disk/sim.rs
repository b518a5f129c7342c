//! A file system in memory that can lose, tear and refuse.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use highwater_records::Timestamp;
use parking_lot::Mutex;
use rustix::io::Errno;

use super::sim_crash::CrashPoint;
pub use super::sim_tree::PowerCut;
use super::sim_tree::{Chance, Inode, InodeId, SimTree, errno};
use super::{DirEntry, Disk, DiskFile, DiskLock, Metadata, OpenMode, Space};

/// What can be counted and made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskOp {
    /// Opening an existing file, listing, asking for metadata.
    Look,
    /// Making a file.
    Create,
    /// Reading from a file.
    Read,
    /// Writing to a file; on a failure the first half of the bytes has been written.
    Write,
    /// Cutting or extending a file.
    SetLen,
    /// Syncing a file; after a failure its pages are clean though they are not on disk.
    Sync,
    /// Syncing a directory, or everything.
    SyncDir,
    /// Renaming.
    Rename,
    /// Removing a file or directory.
    Remove,
    /// Making directories.
    CreateDir,
    /// Reserving room.
    Allocate,
}

impl DiskOp {
    const fn changes_something(self) -> bool {
        !matches!(self, Self::Look | Self::Read)
    }
}

/// A simulated disk. Clones are the same disk.
///
/// It forgets, at [`SimDisk::power_cut`], a random part of what was not synced: sectors of 512
/// bytes are kept, dropped, zeroed or torn each on its own, lengths and names apart from both.
/// Nothing below a completed sync is undone. Files opened before the cut answer `ESTALE` after it.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    tree: SimTree,
    /// Rises when the process dies; handles and locks of an earlier one are void.
    incarnation: u64,
    locks: BTreeMap<InodeId, u64>,
    next_lock: u64,
    faults: Vec<Fault>,
    counts: BTreeMap<DiskOp, u64>,
    read_bytes: u64,
    changes: u64,
    stop_after_changes: Option<u64>,
    capacity_bytes: Option<u64>,
    now: Timestamp,
    /// How it was before each change, while that is recorded.
    recorded: Option<Vec<CrashPoint>>,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    op: DiskOp,
    errno: i32,
    after: u64,
    for_ever: bool,
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk of unlimited size.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            tree: SimTree::new(),
            incarnation: 0,
            locks: BTreeMap::new(),
            next_lock: 0,
            faults: Vec::new(),
            counts: BTreeMap::new(),
            read_bytes: 0,
            changes: 0,
            stop_after_changes: None,
            capacity_bytes: None,
            now: Timestamp::new(0),
            recorded: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A second disk with the same content, durable and not, and no planned faults.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        copy.state.lock().tree = self.state.lock().tree.clone();
        copy
    }

    /// A disk that holds this.
    pub(super) fn with_tree(tree: SimTree) -> Self {
        let disk = Self::new();
        disk.state.lock().tree = tree;
        disk
    }

    /// From now on keeps how the disk is before every change, for [`SimDisk::take_recorded`].
    pub fn record(&self) {
        self.state.lock().recorded = Some(Vec::new());
    }

    /// The places between changes since [`SimDisk::record`] at which the power may be cut: before
    /// the first change, after each of them. The n-th one is the disk after n changes.
    #[must_use]
    pub fn take_recorded(&self) -> Vec<CrashPoint> {
        let mut state = self.state.lock();
        let mut recorded = state.recorded.take().unwrap_or_default();
        recorded.push(CrashPoint::new(state.tree.clone()));
        recorded
    }

    /// A number that stands for all durable names and bytes.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.state.lock().tree.digest()
    }

    /// Loses the power: what was not synced is kept, dropped or torn at random, all open files
    /// and locks are void, planned faults are forgotten. Equal seeds lose equal things.
    pub fn power_cut(&self, seed: u64) -> PowerCut {
        let mut state = self.state.lock();
        state.end_process();
        state.tree.cut_power(&mut Chance::new(seed))
    }

    /// Kills the process: nothing is lost, but open files and locks are void.
    pub fn crash(&self) {
        self.state.lock().end_process();
    }

    /// Makes the operation after the next `after` ones of this kind fail once.
    pub fn fail_next(&self, op: DiskOp, errno: i32, after: u64) {
        self.state.lock().faults.push(Fault { op, errno, after, for_ever: false });
    }

    /// Makes every operation of this kind fail after the next `after` ones, until
    /// [`SimDisk::heal`].
    pub fn fail_from(&self, op: DiskOp, errno: i32, after: u64) {
        self.state.lock().faults.push(Fault { op, errno, after, for_ever: true });
    }

    /// Forgets planned faults.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.faults.clear();
        state.stop_after_changes = None;
    }

    /// Lets `changes` more changing operations happen; after them everything fails with `EIO`
    /// until the power is cut, as if it had been cut there.
    pub fn stop_after(&self, changes: u64) {
        let mut state = self.state.lock();
        state.stop_after_changes = Some(state.changes + changes);
    }

    /// Changing operations so far.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.state.lock().changes
    }

    /// Operations of one kind so far, failed ones included.
    #[must_use]
    pub fn count(&self, op: DiskOp) -> u64 {
        self.state.lock().counts.get(&op).copied().unwrap_or(0)
    }

    /// Bytes read so far.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.state.lock().read_bytes
    }

    /// Bytes that a power cut now may take.
    #[must_use]
    pub fn unsynced_bytes(&self) -> u64 {
        self.state.lock().tree.unsynced_bytes()
    }

    /// Bytes that all files take.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().tree.used_bytes()
    }

    /// Limits the disk to `bytes` (`None`: no limit). Past it a write is cut short with `ENOSPC`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// The time that files written from now on show as theirs.
    pub fn set_time(&self, now: Timestamp) {
        self.state.lock().now = now;
    }

    /// Flips the bits of `mask` in one byte of a file, in cache and on disk.
    pub fn flip_bits(&self, path: &Path, at: usize, mask: u8) -> io::Result<()> {
        let mut state = self.state.lock();
        let inode = state.tree.find(path)?;
        let content = state.tree.content_mut(inode)?;
        if let Some(byte) = content.durable.get_mut(at) {
            *byte ^= mask;
        }
        let byte = content.live.get_mut(at).ok_or_else(|| errno(Errno::INVAL))?;
        *byte ^= mask;
        Ok(())
    }
}

impl State {
    fn end_process(&mut self) {
        self.incarnation += 1;
        self.locks.clear();
        self.faults.clear();
        self.stop_after_changes = None;
    }

    /// Counts the operation and fails if that was planned.
    fn begin(&mut self, op: DiskOp) -> io::Result<()> {
        *self.counts.entry(op).or_default() += 1;
        if op.changes_something()
            && let Some(recorded) = &mut self.recorded
        {
            recorded.push(CrashPoint::new(self.tree.clone()));
        }
        if self.stop_after_changes.is_some_and(|stop| {
            self.changes > stop || (op.changes_something() && self.changes == stop)
        }) {
            self.changes += u64::from(op.changes_something());
            return Err(errno(Errno::IO));
        }
        self.changes += u64::from(op.changes_something());
        let mut failure = None;
        self.faults.retain_mut(|fault| {
            if fault.op != op || failure.is_some() {
                return true;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return true;
            }
            failure = Some(fault.errno);
            fault.for_ever
        });
        failure.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
    }

    /// How many of `wanted` more bytes there is room for.
    fn room(&self, wanted: u64) -> u64 {
        match self.capacity_bytes {
            Some(capacity) => wanted.min(capacity.saturating_sub(self.tree.used_bytes())),
            None => wanted,
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        let found = state.tree.find(path);
        let inode = match (found, mode) {
            (Ok(_), OpenMode::CreateNew) => return Err(errno(Errno::EXIST)),
            (Ok(inode), OpenMode::Read | OpenMode::Write | OpenMode::Create) => {
                state.begin(DiskOp::Look)?;
                state.tree.content(inode)?;
                inode
            }
            (Err(error), OpenMode::Read | OpenMode::Write) => return Err(error),
            (Err(_), OpenMode::Create | OpenMode::CreateNew) => {
                state.begin(DiskOp::Create)?;
                if state.room(1) == 0 {
                    return Err(errno(Errno::NOSPC));
                }
                let inode = state.tree.create_file(path)?;
                let now = state.now;
                state.tree.content_mut(inode)?.modified = now;
                inode
            }
        };
        let incarnation = state.incarnation;
        let is_writable = mode != OpenMode::Read;
        Ok(Arc::new(SimFile { state: Arc::clone(&self.state), inode, incarnation, is_writable }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::Rename)?;
        state.tree.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::Remove)?;
        state.tree.remove_file(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::CreateDir)?;
        state.tree.create_dir_all(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::Remove)?;
        state.tree.remove_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut state = self.state.lock();
        state.begin(DiskOp::Look)?;
        let dir = state.tree.dir(state.tree.find(path)?)?;
        dir.live
            .iter()
            .map(|(name, inode)| {
                let (is_dir, len_bytes, modified) = match state.tree.inode(*inode)? {
                    Inode::Dir(_) => (true, 0, state.now),
                    Inode::File(content) => (false, content.live.len() as u64, content.modified),
                };
                Ok(DirEntry { name: name.clone(), is_dir, len_bytes, modified })
            })
            .collect()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::SyncDir)?;
        let dir = state.tree.find(path)?;
        state.tree.dir(dir)?;
        state.tree.sync_dir(dir);
        Ok(())
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::SyncDir)?;
        state.tree.find(path)?;
        state.tree.sync_everything();
        Ok(())
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let mut state = self.state.lock();
        state.begin(DiskOp::Look)?;
        Ok(match state.tree.inode(state.tree.find(path)?)? {
            Inode::Dir(_) => Metadata { is_dir: true, len_bytes: 0, modified: state.now },
            Inode::File(content) => Metadata {
                is_dir: false,
                len_bytes: content.live.len() as u64,
                modified: content.modified,
            },
        })
    }

    fn set_modified(&self, path: &Path, modified: Timestamp) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(DiskOp::SetLen)?;
        let inode = state.tree.find(path)?;
        state.tree.content_mut(inode)?.modified = modified;
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let mut state = self.state.lock();
        let inode = match state.tree.find(path) {
            Ok(inode) => inode,
            Err(_) => {
                state.begin(DiskOp::Create)?;
                state.tree.create_file(path)?
            }
        };
        if state.locks.contains_key(&inode) {
            return Err(errno(Errno::WOULDBLOCK));
        }
        state.next_lock += 1;
        let token = state.next_lock;
        state.locks.insert(inode, token);
        Ok(Box::new(SimLock { state: Arc::clone(&self.state), inode, token }))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let state = self.state.lock();
        state.tree.find(path)?;
        let total_bytes = state.capacity_bytes.unwrap_or(1 << 40);
        let usable_bytes = total_bytes.saturating_sub(state.tree.used_bytes());
        Ok(Space { total_bytes, usable_bytes })
    }
}

struct SimLock {
    state: Arc<Mutex<State>>,
    inode: InodeId,
    token: u64,
}

impl fmt::Debug for SimLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimLock({})", self.inode)
    }
}

impl DiskLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.locks.get(&self.inode) == Some(&self.token) {
            state.locks.remove(&self.inode);
        }
    }
}

struct SimFile {
    state: Arc<Mutex<State>>,
    inode: InodeId,
    incarnation: u64,
    is_writable: bool,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({})", self.inode)
    }
}

impl SimFile {
    fn begin(&self, op: DiskOp) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        if state.incarnation != self.incarnation {
            return Err(errno(Errno::STALE));
        }
        if op.changes_something() && !self.is_writable && op != DiskOp::Sync {
            return Err(errno(Errno::BADF));
        }
        match state.begin(op) {
            Ok(()) => Ok(state),
            Err(error) => {
                if op == DiskOp::Sync {
                    state.tree.content_mut(self.inode)?.fail_sync();
                }
                Err(error)
            }
        }
    }
}

fn to_usize(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|_| errno(Errno::FBIG))
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.begin(DiskOp::Read)?;
        let live = &state.tree.content(self.inode)?.live;
        let rest = live.get(to_usize(at)?..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        state.read_bytes += read as u64;
        Ok(read)
    }

    fn write_all_at(&self, slices: &mut [IoSlice<'_>], at: u64) -> io::Result<()> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let at = to_usize(at)?;
        let mut state = match self.begin(DiskOp::Write) {
            Ok(state) => state,
            Err(error) => {
                let mut state = self.state.lock();
                // After a stop nothing more happens; a planned failure comes in the middle.
                let is_stopped = state.stop_after_changes.is_some_and(|stop| state.changes > stop);
                if state.incarnation == self.incarnation && self.is_writable && !is_stopped {
                    state.tree.content_mut(self.inode)?.write(at, &bytes[..bytes.len() / 2]);
                }
                return Err(error);
            }
        };
        let taken = state.tree.content(self.inode)?.used_bytes();
        let grows = ((at + bytes.len()) as u64).saturating_sub(taken);
        let missing = to_usize(grows - state.room(grows))?;
        let now = state.now;
        let content = state.tree.content_mut(self.inode)?;
        content.modified = now;
        content.write(at, &bytes[..bytes.len().saturating_sub(missing)]);
        if missing > 0 { Err(errno(Errno::NOSPC)) } else { Ok(()) }
    }

    fn len_bytes(&self) -> io::Result<u64> {
        let state = self.begin(DiskOp::Look)?;
        Ok(state.tree.content(self.inode)?.live.len() as u64)
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        let mut state = self.begin(DiskOp::SetLen)?;
        let len = to_usize(len_bytes)?;
        state.tree.content_mut(self.inode)?.set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.begin(DiskOp::Sync)?;
        state.tree.content_mut(self.inode)?.sync();
        Ok(())
    }

    fn allocate_keep_size(&self, len_bytes: u64) -> io::Result<()> {
        let mut state = self.begin(DiskOp::Allocate)?;
        let grows = len_bytes.saturating_sub(state.tree.content(self.inode)?.used_bytes());
        if state.room(grows) < grows {
            return Err(errno(Errno::NOSPC));
        }
        let content = state.tree.content_mut(self.inode)?;
        content.reserved_bytes = content.reserved_bytes.max(len_bytes);
        Ok(())
    }
}
