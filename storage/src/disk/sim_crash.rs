//! All that a power cut can leave of a simulated disk, one by one.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::sim::SimDisk;
use super::sim_tree::{Inode, InodeId, ROOT, SimTree};

/// A disk at a moment at which the power may be cut.
///
/// What was not synced then is a list of effects, each of which ends on its own: a change of names
/// is lost or kept; the length of a file is the durable one, one it had since, or a full sector in
/// between; a sector of 512 bytes holds what is durable or anything it held since. What lies below
/// a completed sync is no effect. (File systems that keep the order of their journal permit fewer
/// states.)
#[derive(Clone, Debug)]
pub struct CrashPoint {
    tree: SimTree,
}

impl CrashPoint {
    pub(super) const fn new(tree: SimTree) -> Self {
        Self { tree }
    }

    /// The disk itself, with all that is not synced.
    #[must_use]
    pub fn disk(&self) -> SimDisk {
        SimDisk::with_tree(self.tree.clone())
    }

    /// In how many ways each effect can end: 0 stands for lost, the greatest number for kept.
    #[must_use]
    pub fn effects(&self) -> Vec<usize> {
        let names = self.tree.pending.iter().map(|_| 2);
        let files = self.tree.unsynced_files();
        let contents = files.into_iter().flat_map(|id| match &self.tree.inodes[&id] {
            Inode::File(content) => content.effects().collect(),
            Inode::Dir(_) => Vec::new(),
        });
        names.chain(contents).collect()
    }

    /// The disk after the power came back; `ends` says how each effect ended.
    #[must_use]
    pub fn after_cut(&self, ends: &[usize]) -> SimDisk {
        let mut tree = self.tree.clone();
        let mut ends = ends.iter().copied();
        let files = tree.unsynced_files();
        for change in std::mem::take(&mut tree.pending) {
            if ends.next() == Some(1) {
                tree.make_durable(change);
            }
        }
        for id in files {
            if let Some(Inode::File(content)) = tree.inodes.get_mut(&id) {
                *content = Arc::new(content.after_cut(&mut ends));
            }
        }
        for inode in tree.inodes.values_mut() {
            if let Inode::Dir(dir) = inode {
                dir.forget_unsynced();
            }
        }
        let kept = tree.reachable();
        tree.inodes.retain(|id, _| kept.contains(id));
        SimDisk::with_tree(tree)
    }
}

impl SimTree {
    /// Files whose content a power cut may change and that may have a name after it.
    fn unsynced_files(&self) -> BTreeSet<InodeId> {
        let mut named: BTreeSet<InodeId> =
            self.pending.iter().map(|change| change.inode()).collect();
        for inode in self.inodes.values() {
            if let Inode::Dir(dir) = inode {
                named.extend(dir.durable.values());
            }
        }
        let is_unsynced = |id: &InodeId| match self.inodes.get(id) {
            Some(Inode::File(content)) => !content.is_durable(),
            Some(Inode::Dir(_)) | None => false,
        };
        named.retain(is_unsynced);
        named
    }

    /// A number that stands for all durable names and bytes.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_dir(ROOT, &mut hasher);
        hasher.finish()
    }

    fn hash_dir(&self, dir: InodeId, hasher: &mut DefaultHasher) {
        let Some(Inode::Dir(dir)) = self.inodes.get(&dir) else { return };
        dir.durable.len().hash(hasher);
        for (name, id) in &dir.durable {
            name.hash(hasher);
            match self.inodes.get(id) {
                Some(Inode::File(content)) => content.durable.hash(hasher),
                Some(Inode::Dir(_)) => self.hash_dir(*id, hasher),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::Path;

    use super::*;
    use crate::disk::{Disk, DiskFile, OpenMode, read_file};

    fn write(file: &dyn DiskFile, at: u64, bytes: &[u8]) {
        file.write_all_at(&mut [IoSlice::new(bytes)], at).unwrap();
    }

    /// Every state in which the files of these names can be after a cut now.
    fn states(disk: &SimDisk, names: &[&str]) -> BTreeSet<Vec<Option<String>>> {
        disk.record();
        let point = disk.take_recorded().pop().unwrap();
        let effects = point.effects();
        let mut states = BTreeSet::new();
        for number in 0..effects.iter().product() {
            let mut rest: usize = number;
            let ends: Vec<usize> = effects
                .iter()
                .map(|ways| {
                    let end = rest % ways;
                    rest /= ways;
                    end
                })
                .collect();
            let after = point.after_cut(&ends);
            let read = |name: &&str| {
                let bytes = read_file(&after, Path::new(name), 1 << 20).unwrap();
                bytes.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', "."))
            };
            states.insert(names.iter().map(read).collect());
        }
        states
    }

    fn expected(of: &[&[Option<&str>]]) -> BTreeSet<Vec<Option<String>>> {
        let owned = |state: &&[Option<&str>]| {
            state.iter().map(|content| content.map(str::to_owned)).collect()
        };
        of.iter().map(owned).collect()
    }

    #[test]
    fn length_and_data_of_an_append_are_lost_apart() {
        let disk = SimDisk::new();
        let file = disk.open(Path::new("/a"), OpenMode::Create).unwrap();
        write(&*file, 0, b"ab");
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(states(&disk, &["/a"]), expected(&[&[Some("ab")]]));
        write(&*file, 2, b"cd");
        write(&*file, 4, b"ef");
        let states = states(&disk, &["/a"]);
        let possible = ["ab", "ab..", "abcd", "ab....", "abcd..", "abcdef"];
        assert_eq!(states, possible.map(|content| vec![Some(content.to_owned())]).into());
    }

    #[test]
    fn names_are_lost_apart_and_a_rename_is_one_change() {
        let disk = SimDisk::new();
        for (name, content) in [("/a", b"1"), ("/b", b"2")] {
            let file = disk.open(Path::new(name), OpenMode::Create).unwrap();
            write(&*file, 0, content);
            file.sync_data().unwrap();
        }
        disk.sync_dir(Path::new("/")).unwrap();
        disk.rename(Path::new("/a"), Path::new("/b")).unwrap();
        disk.open(Path::new("/c"), OpenMode::Create).unwrap();
        let possible = expected(&[
            &[Some("1"), Some("2"), None],
            &[Some("1"), Some("2"), Some("")],
            &[None, Some("1"), None],
            &[None, Some("1"), Some("")],
        ]);
        assert_eq!(states(&disk, &["/a", "/b", "/c"]), possible);
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(states(&disk, &["/a", "/b", "/c"]).len(), 1, "nothing below a sync is undone");
    }

    #[test]
    fn cut_and_growth_show_no_old_bytes_once_the_cut_is_kept() {
        let disk = SimDisk::new();
        let file = disk.open(Path::new("/a"), OpenMode::Create).unwrap();
        write(&*file, 0, b"abcd");
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.set_len(1).unwrap();
        file.set_len(3).unwrap();
        let possible = [&[Some("abcd")][..], &[Some("a")], &[Some("a..")]];
        assert_eq!(states(&disk, &["/a"]), expected(&possible));
    }
}
