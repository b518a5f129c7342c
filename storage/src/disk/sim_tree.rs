//! Names of the simulated disk: directories, and what a power cut does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use rustix::io::Errno;

use super::sim_file::SimContent;

/// Number of a file or directory; the root is 0.
pub(super) type InodeId = u64;

pub(super) const ROOT: InodeId = 0;

/// A file or directory; shared with the copies of the tree until one of them changes it.
#[derive(Clone, Debug)]
pub(super) enum Inode {
    File(Arc<SimContent>),
    Dir(Arc<SimDir>),
}

/// One directory: the names readers see, and those that are durable.
#[derive(Clone, Debug, Default)]
pub(super) struct SimDir {
    pub(super) live: BTreeMap<String, InodeId>,
    pub(super) durable: BTreeMap<String, InodeId>,
}

impl SimDir {
    /// Shows the durable names only.
    pub(super) fn forget_unsynced(self: &mut Arc<Self>) {
        if self.live != self.durable {
            let dir = Arc::make_mut(self);
            dir.live.clone_from(&dir.durable);
        }
    }
}

/// A change of names that is not durable yet. A rename is one change.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Link { dir: InodeId, name: String, inode: InodeId },
    Unlink { dir: InodeId, name: String, inode: InodeId },
    Rename { from: (InodeId, String), to: (InodeId, String), inode: InodeId },
}

impl NameChange {
    pub(super) const fn inode(&self) -> InodeId {
        match self {
            Self::Link { inode, .. } | Self::Unlink { inode, .. } | Self::Rename { inode, .. } => {
                *inode
            }
        }
    }

    fn touches(&self, wanted: InodeId) -> bool {
        match self {
            Self::Link { dir, .. } | Self::Unlink { dir, .. } => *dir == wanted,
            Self::Rename { from, to, .. } => from.0 == wanted || to.0 == wanted,
        }
    }
}

/// All names and files.
#[derive(Clone, Debug)]
pub(super) struct SimTree {
    pub(super) inodes: BTreeMap<InodeId, Inode>,
    next_inode: InodeId,
    pub(super) pending: Vec<NameChange>,
}

/// What a power cut took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerCut {
    /// Bytes that readers saw before and do not find (or find changed) after.
    pub lost_bytes: u64,
    /// Names made, renamed or removed whose change was undone.
    pub lost_names: u64,
}

/// Numbers from a seed; equal seeds give equal numbers.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn flip(&mut self) -> bool {
        self.next() & 1 == 0
    }

    /// A number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

pub(super) fn errno(errno: Errno) -> io::Error {
    errno.into()
}

fn names(path: &Path) -> impl Iterator<Item = String> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    })
}

impl SimTree {
    pub(super) fn new() -> Self {
        let root = Inode::Dir(Arc::default());
        Self { inodes: BTreeMap::from([(ROOT, root)]), next_inode: 1, pending: Vec::new() }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<InodeId> {
        names(path).try_fold(ROOT, |dir, name| {
            self.dir(dir)?.live.get(&name).copied().ok_or_else(|| errno(Errno::NOENT))
        })
    }

    pub(super) fn dir(&self, inode: InodeId) -> io::Result<&SimDir> {
        match self.inodes.get(&inode) {
            Some(Inode::Dir(dir)) => Ok(dir),
            Some(Inode::File(_)) => Err(errno(Errno::NOTDIR)),
            None => Err(errno(Errno::NOENT)),
        }
    }

    pub(super) fn inode(&self, inode: InodeId) -> io::Result<&Inode> {
        self.inodes.get(&inode).ok_or_else(|| errno(Errno::STALE))
    }

    pub(super) fn content(&self, inode: InodeId) -> io::Result<&SimContent> {
        match self.inode(inode)? {
            Inode::File(content) => Ok(content),
            Inode::Dir(_) => Err(errno(Errno::ISDIR)),
        }
    }

    pub(super) fn content_mut(&mut self, inode: InodeId) -> io::Result<&mut SimContent> {
        match self.inodes.get_mut(&inode) {
            Some(Inode::File(content)) => Ok(Arc::make_mut(content)),
            Some(Inode::Dir(_)) => Err(errno(Errno::ISDIR)),
            None => Err(errno(Errno::STALE)),
        }
    }

    /// The directory and name that `path` stands for; the name need not exist.
    fn place(&self, path: &Path) -> io::Result<(InodeId, String)> {
        let mut parts: Vec<String> = names(path).collect();
        let name = parts.pop().ok_or_else(|| errno(Errno::INVAL))?;
        let dir = parts.into_iter().try_fold(ROOT, |dir, name| {
            self.dir(dir)?.live.get(&name).copied().ok_or_else(|| errno(Errno::NOENT))
        })?;
        self.dir(dir)?;
        Ok((dir, name))
    }

    fn live(&mut self, dir: InodeId) -> &mut BTreeMap<String, InodeId> {
        match self.inodes.get_mut(&dir) {
            Some(Inode::Dir(dir)) => &mut Arc::make_mut(dir).live,
            Some(Inode::File(_)) | None => unreachable!("place() has seen the directory"),
        }
    }

    fn link(&mut self, (dir, name): (InodeId, String), inode: Inode) -> InodeId {
        let id = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(id, inode);
        self.live(dir).insert(name.clone(), id);
        self.pending.push(NameChange::Link { dir, name, inode: id });
        id
    }

    pub(super) fn create_file(&mut self, path: &Path) -> io::Result<InodeId> {
        let place = self.place(path)?;
        Ok(self.link(place, Inode::File(Arc::default())))
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut dir = ROOT;
        for name in names(path) {
            dir = match self.dir(dir)?.live.get(&name) {
                Some(inode) => *inode,
                None => self.link((dir, name), Inode::Dir(Arc::default())),
            };
        }
        self.dir(dir).map(drop)
    }

    fn unlink(&mut self, dir: InodeId, name: &str) {
        if let Some(inode) = self.live(dir).remove(name) {
            self.pending.push(NameChange::Unlink { dir, name: name.to_owned(), inode });
        }
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.content(self.find(path)?)?;
        let (dir, name) = self.place(path)?;
        self.unlink(dir, &name);
        Ok(())
    }

    pub(super) fn remove_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let inode = self.find(path)?;
        let children: Vec<String> = self.dir(inode)?.live.keys().cloned().collect();
        for child in children {
            let child_path = path.join(&child);
            match self.inode(self.find(&child_path)?)? {
                Inode::File(_) => self.unlink(inode, &child),
                Inode::Dir(_) => self.remove_dir_all(&child_path)?,
            }
        }
        let (dir, name) = self.place(path)?;
        self.unlink(dir, &name);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        let (from, to) = (self.place(from)?, self.place(to)?);
        if let Some(target) = self.dir(to.0)?.live.get(&to.1)
            && let Inode::Dir(target) = self.inode(*target)?
            && !target.live.is_empty()
        {
            return Err(errno(Errno::NOTEMPTY));
        }
        self.live(from.0).remove(&from.1);
        self.live(to.0).insert(to.1.clone(), inode);
        self.pending.push(NameChange::Rename { from, to, inode });
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: InodeId) {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|change| change.touches(dir));
        self.pending = later;
        for change in now {
            self.make_durable(change);
        }
    }

    pub(super) fn sync_everything(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            self.make_durable(change);
        }
        for inode in self.inodes.values_mut() {
            if let Inode::File(content) = inode {
                Arc::make_mut(content).sync();
            }
        }
    }

    pub(super) fn make_durable(&mut self, change: NameChange) {
        match change {
            NameChange::Link { dir, name, inode } => {
                self.durable(dir).insert(name, inode);
            }
            NameChange::Unlink { dir, name, inode } => {
                let names = self.durable(dir);
                if names.get(&name) == Some(&inode) {
                    names.remove(&name);
                }
            }
            NameChange::Rename { from, to, inode } => {
                let names = self.durable(from.0);
                if names.get(&from.1) == Some(&inode) {
                    names.remove(&from.1);
                }
                self.durable(to.0).insert(to.1, inode);
            }
        }
    }

    fn durable(&mut self, dir: InodeId) -> &mut BTreeMap<String, InodeId> {
        match self.inodes.get_mut(&dir) {
            Some(Inode::Dir(dir)) => &mut Arc::make_mut(dir).durable,
            Some(Inode::File(_)) | None => unreachable!("directories stay until the power cut"),
        }
    }

    /// Keeps, drops or tears every change that was not synced, each on its own.
    pub(super) fn cut_power(&mut self, chance: &mut Chance) -> PowerCut {
        let mut cut = PowerCut::default();
        let seen = self.reachable();
        for change in std::mem::take(&mut self.pending) {
            if chance.flip() {
                self.make_durable(change);
            } else {
                cut.lost_names += 1;
            }
        }
        for inode in self.inodes.values_mut() {
            if let Inode::Dir(dir) = inode {
                dir.forget_unsynced();
            }
        }
        let kept = self.reachable();
        for id in seen.difference(&kept) {
            if let Some(Inode::File(content)) = self.inodes.get(id) {
                cut.lost_bytes += content.live.len() as u64;
            }
        }
        self.inodes.retain(|id, _| kept.contains(id));
        for (id, inode) in &mut self.inodes {
            if let Inode::File(content) = inode {
                let lost = Arc::make_mut(content).cut_power(chance);
                cut.lost_bytes += if seen.contains(id) { lost } else { 0 };
            }
        }
        cut
    }

    pub(super) fn reachable(&self) -> BTreeSet<InodeId> {
        let mut found = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            if let Some(Inode::Dir(dir)) = self.inodes.get(&id) {
                open.extend(dir.live.values().copied().filter(|child| found.insert(*child)));
            }
        }
        found
    }

    /// Bytes that the files with a name take.
    pub(super) fn used_bytes(&self) -> u64 {
        let used = |id: InodeId| match self.inodes.get(&id) {
            Some(Inode::File(content)) => content.used_bytes(),
            Some(Inode::Dir(_)) | None => 0,
        };
        self.reachable().into_iter().map(used).sum()
    }

    /// Bytes that a power cut now may take.
    pub(super) fn unsynced_bytes(&self) -> u64 {
        let unsynced = |id: InodeId| match self.inodes.get(&id) {
            Some(Inode::File(content)) => content.unsynced_bytes(),
            Some(Inode::Dir(_)) | None => 0,
        };
        self.reachable().into_iter().map(unsynced).sum()
    }
}
