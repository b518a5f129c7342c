//! Room on the file systems of the log directories: who may write when there is little of it.
//!
//! Clients are slowed down as a disk nears its end, and refused when it is full: by evidence, since only a write that was refused knows.
//! What the broker needs itself (metadata, commits, checkpoints) has room of its own, reserved while there was some. The *ballast*, a file
//! of nothing, is given up then, so that there is room for more of that, and made again before clients may write again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use highwater_storage::{Disk, OpenMode, Space};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// Its file, in the first log directory of a file system.
const BALLAST_FILE: &str = "highwater-ballast";

/// Most of the ballast, where nothing else is configured, and how much of a smaller file system it takes.
const BALLAST_BYTES_MAX: u64 = 64 << 20;
const BALLAST_PARTS: u64 = 100;

/// Room beyond the ballast after which a full disk counts as one with room again.
const RESUME_BYTES_MIN: u64 = 1 << 20;

/// Clients are slowed down from so much on, or from twice the ballast.
const NEAR_BYTES_MIN: u64 = 4 << 20;

/// Most that an answer to a client waits as the disk nears its end.
const SLOW_DOWN_MAX: Duration = Duration::from_millis(100);

/// How often the disk is looked at while it is full, and while it is not.
const LOOK_WHILE_FULL: Duration = Duration::from_millis(250);
const LOOK: Duration = Duration::from_secs(1);
/// Where no room is kept, nobody has to be told early.
const LOOK_SELDOM: Duration = Duration::from_secs(10);

/// Bounds of what an internal partition keeps reserved; in between, a part of the file system.
const AHEAD_BYTES_MIN: u64 = 16 << 10;
const AHEAD_BYTES_MAX: u64 = 1 << 20;
const AHEAD_PARTS: u64 = 4096;

/// Bounds of what is kept for the small files of a log directory.
const SPARE_BYTES_MIN: u64 = 16 << 10;
const SPARE_BYTES_MAX: u64 = 256 << 10;
const SPARE_PARTS: u64 = 1024;

/// Log directories that share their room.
pub(crate) struct Room {
    disk: Arc<dyn Disk>,
    /// The first of them.
    path: PathBuf,
    ballast_bytes: u64,
    total_bytes: u64,
    ballast: Mutex<Ballast>,
    is_full: AtomicBool,
    /// Room at the last look.
    usable_bytes: AtomicU64,
    /// Appends of clients that were refused for want of room.
    pub(crate) refused_count: AtomicU64,
    became_full: Notify,
    /// How many file systems of the broker are full.
    full_count: watch::Sender<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ballast {
    /// As an earlier life left it.
    Unknown,
    Held,
    GivenUp,
}

/// What a look at the disk has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// As before.
    Same,
    /// There is room again.
    Resumed,
}

impl Room {
    /// Takes over the file system of `path`. With `asked_bytes` below zero the size of the ballast follows that of the file system; with
    /// zero no room is kept. Blocks.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        path: &Path,
        asked_bytes: i64,
        full_count: watch::Sender<usize>,
    ) -> Arc<Self> {
        // What cannot be asked is found out by the first write.
        let space = disk.space(path).unwrap_or(Space { total_bytes: 0, usable_bytes: u64::MAX });
        let fitting = BALLAST_BYTES_MAX.min(space.total_bytes / BALLAST_PARTS);
        let room = Self {
            disk: Arc::clone(disk),
            path: path.to_owned(),
            ballast_bytes: u64::try_from(asked_bytes).unwrap_or(fitting),
            total_bytes: space.total_bytes,
            ballast: Mutex::new(Ballast::Unknown),
            is_full: AtomicBool::new(false),
            usable_bytes: AtomicU64::new(space.usable_bytes),
            refused_count: AtomicU64::new(0),
            became_full: Notify::new(),
            full_count,
        };
        Arc::new(room)
    }

    /// Makes the ballast. `dirs` are all log directories here. Blocks.
    pub(super) fn begin<'a>(&self, dirs: impl IntoIterator<Item = &'a Path>) {
        let path = self.ballast_path();
        for dir in dirs {
            // Of an earlier start with other settings.
            let other = dir.join(BALLAST_FILE);
            if self.ballast_bytes == 0 || other != path {
                drop(self.disk.remove_file(&other));
            }
        }
        if self.ballast_bytes == 0 {
            return;
        }
        let usable_bytes = self.usable_bytes.load(Ordering::Relaxed);
        if usable_bytes < self.ballast_bytes.saturating_add(self.resume_bytes()) {
            // Clients may have what is left; a try would take it from them for a moment.
            tracing::warn!(path = %path.display(), usable_bytes, "the disk is nearly full: no room for a ballast");
            return;
        }
        if let Err(error) = self.hold_ballast(&mut self.ballast.lock()) {
            tracing::warn!(path = %path.display(), %error, "no ballast for a full disk");
        }
    }

    fn ballast_path(&self) -> PathBuf {
        self.path.join(BALLAST_FILE)
    }

    /// What a partition keeps reserved that must be written on a full disk.
    pub(super) fn reserved_ahead_bytes(&self) -> u64 {
        self.part_of_disk(AHEAD_PARTS, AHEAD_BYTES_MIN, AHEAD_BYTES_MAX)
    }

    /// What a log directory keeps for its small files.
    pub(super) fn spare_bytes(&self) -> u64 {
        self.part_of_disk(SPARE_PARTS, SPARE_BYTES_MIN, SPARE_BYTES_MAX)
    }

    fn part_of_disk(&self, parts: u64, least_bytes: u64, most_bytes: u64) -> u64 {
        if self.ballast_bytes == 0 {
            return 0;
        }
        (self.total_bytes / parts).clamp(least_bytes, most_bytes) / 4096 * 4096
    }

    /// Whether clients are refused for want of room.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Whether there is so much room, as far as it is known.
    pub(super) fn has(&self, bytes: u64) -> bool {
        !self.is_full() && self.usable_bytes.load(Ordering::Relaxed) >= bytes
    }

    /// Takes note that a write into `dir` found no room. From here on clients are refused until there is some.
    pub(crate) fn note_full(&self, dir: &Path) {
        if self.is_full.swap(true, Ordering::Relaxed) {
            return;
        }
        self.full_count.send_modify(|count| *count += 1);
        tracing::error!("{}", full_text(dir));
        self.became_full.notify_one();
    }

    /// How long the answer to a client waits, as the disk nears its end.
    pub(crate) fn slow_down(&self) -> Option<Duration> {
        let near_bytes = NEAR_BYTES_MIN.max(self.ballast_bytes.saturating_mul(2));
        let usable_bytes = self.usable_bytes.load(Ordering::Relaxed);
        let short_bytes = near_bytes.checked_sub(usable_bytes).filter(|short| *short > 0)?;
        // A small disk is not near its end all the time.
        if near_bytes > self.total_bytes / 4 {
            return None;
        }
        let share = u128::from(short_bytes) * SLOW_DOWN_MAX.as_micros() / u128::from(near_bytes);
        Some(Duration::from_micros(u64::try_from(share).unwrap_or(0)))
    }

    /// When the disk is to be looked at again.
    pub(super) fn next_look(&self) -> Duration {
        match (self.is_full(), self.ballast_bytes) {
            (true, _) => LOOK_WHILE_FULL,
            (false, 0) => LOOK_SELDOM,
            (false, _) => LOOK,
        }
    }

    /// Waits until a write finds no room.
    pub(super) async fn wait_full(&self) {
        self.became_full.notified().await;
    }

    /// Looks how much room there is: gives the ballast up, or makes it again and lets clients write. Blocks.
    pub(super) fn look(&self) -> Look {
        // A disk that does not answer is found out by writes.
        let Ok(space) = self.disk.space(&self.path) else { return Look::Same };
        self.usable_bytes.store(space.usable_bytes, Ordering::Relaxed);
        let mut ballast = self.ballast.lock();
        let missing_bytes = match *ballast {
            Ballast::Held => 0,
            Ballast::Unknown | Ballast::GivenUp => self.ballast_bytes,
        };
        let has_room = space.usable_bytes >= missing_bytes.saturating_add(self.resume_bytes());
        if has_room && self.ballast_bytes > 0 && *ballast != Ballast::Held {
            // A quota has other limits than the disk.
            if self.hold_ballast(&mut ballast).is_err() {
                return Look::Same;
            }
        }
        match (self.is_full(), has_room) {
            (true, true) => {
                self.is_full.store(false, Ordering::Relaxed);
                self.full_count.send_modify(|count| *count = count.saturating_sub(1));
                let dir = self.path.display();
                tracing::info!(
                    "no longer disk full: there is room again in {dir}, writing goes on"
                );
                Look::Resumed
            }
            (true, false) if *ballast != Ballast::GivenUp => {
                self.give_up_ballast(&mut ballast);
                Look::Same
            }
            (true | false, _) => Look::Same,
        }
    }

    fn resume_bytes(&self) -> u64 {
        RESUME_BYTES_MIN.max(self.ballast_bytes / 2)
    }

    fn hold_ballast(&self, ballast: &mut Ballast) -> io::Result<()> {
        let file = self.disk.open(&self.ballast_path(), OpenMode::Create)?;
        let held = file.allocate_keep_size(self.ballast_bytes);
        if held.is_err() {
            // A part of it helps nobody.
            file.set_len(0)?;
        }
        held?;
        *ballast = Ballast::Held;
        Ok(())
    }

    fn give_up_ballast(&self, ballast: &mut Ballast) {
        let path = self.ballast_path();
        let cut = self.disk.open(&path, OpenMode::Write).and_then(|file| file.set_len(0));
        match cut {
            Ok(()) => *ballast = Ballast::GivenUp,
            Err(error) if error.kind() == io::ErrorKind::NotFound => *ballast = Ballast::GivenUp,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the ballast cannot be given up");
            }
        }
    }
}

/// What the operator and the clients are told.
pub(crate) fn full_text(dir: &Path) -> String {
    format!(
        "disk full: no room for records in {}; free some space there (delete topics, shorten their retention, remove other files) \
         and writing goes on by itself",
        dir.display()
    )
}

#[cfg(test)]
mod tests {
    use highwater_storage::{DiskOp, SimDisk};

    use super::*;

    const TOTAL_BYTES: u64 = 1 << 30;

    fn room(asked_bytes: i64) -> (SimDisk, Arc<Room>, watch::Receiver<usize>) {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk.set_capacity(Some(TOTAL_BYTES));
        let (count, counted) = watch::channel(0);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let room = Room::open(&shared, Path::new("/data"), asked_bytes, count);
        room.begin([Path::new("/data")]);
        (disk, room, counted)
    }

    #[test]
    fn ballast_is_given_up_on_a_full_disk_and_made_again_before_clients_write() {
        let (disk, room, full_count) = room(-1);
        let ballast_bytes = TOTAL_BYTES / BALLAST_PARTS;
        assert_eq!(disk.used_bytes(), ballast_bytes);
        disk.set_capacity(Some(ballast_bytes));
        room.note_full(Path::new("/data"));
        room.note_full(Path::new("/data"));
        assert!(room.is_full() && *full_count.borrow() == 1);
        assert_eq!(room.look(), Look::Same);
        assert_eq!(disk.used_bytes(), 0, "there is room for what must go on");
        disk.set_capacity(Some(ballast_bytes + room.resume_bytes() - 1));
        assert_eq!(room.look(), Look::Same);
        assert!(room.is_full());
        disk.set_capacity(Some(ballast_bytes + room.resume_bytes()));
        assert_eq!(room.look(), Look::Resumed);
        assert!(!room.is_full() && *full_count.borrow() == 0);
        assert_eq!(disk.used_bytes(), ballast_bytes);
    }

    #[test]
    fn ballast_of_an_earlier_life_is_given_up_too() {
        let (disk, room, _full_count) = room(-1);
        let ballast_bytes = disk.used_bytes();
        drop(room);
        disk.set_capacity(Some(ballast_bytes));
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let asked_bytes = i64::try_from(ballast_bytes).unwrap();
        let room = Room::open(&shared, Path::new("/data"), asked_bytes, watch::channel(0).0);
        room.begin([Path::new("/data")]);
        assert!(!room.is_full(), "nobody was refused yet");
        room.note_full(Path::new("/data"));
        room.look();
        assert_eq!(disk.used_bytes(), 0);
    }

    #[test]
    fn room_that_only_looks_free_lets_nobody_write() {
        let (disk, room, _full_count) = room(-1);
        room.note_full(Path::new("/data"));
        assert_eq!(room.look(), Look::Resumed, "there was room for the ballast all the time");
        disk.set_capacity(Some(1));
        room.note_full(Path::new("/data"));
        room.look();
        disk.set_capacity(Some(TOTAL_BYTES));
        // A quota refuses what the file system would have.
        disk.fail_next(DiskOp::Allocate, 122, 0);
        assert_eq!(room.look(), Look::Same);
        assert!(room.is_full());
        assert_eq!(room.look(), Look::Resumed);
    }

    #[test]
    fn answers_wait_longer_the_less_room_there_is() {
        let (disk, room, _full_count) = room(-1);
        assert_eq!(room.slow_down(), None);
        let pauses = [16 << 20, 8 << 20, 1 << 20, 0].map(|left| {
            disk.set_capacity(Some(disk.used_bytes() + left));
            room.look();
            room.slow_down().unwrap()
        });
        assert!(pauses.is_sorted() && pauses[0] < pauses[3], "{pauses:?}");
        assert_eq!(pauses[3], SLOW_DOWN_MAX);
    }

    #[test]
    fn no_ballast_means_no_room_is_kept() {
        let (disk, room, _full_count) = room(0);
        assert_eq!((disk.used_bytes(), room.reserved_ahead_bytes(), room.spare_bytes()), (0, 0, 0));
        room.note_full(Path::new("/data"));
        assert_eq!(room.look(), Look::Resumed);
    }
}
