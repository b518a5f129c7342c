//! Small files as a whole.

use std::io::{self, IoSlice};
use std::path::Path;

use super::{Disk, OpenMode};

/// Replaces the file `path` by `bytes`: written under another name, synced, renamed, directory
/// synced. After a crash the file holds all of the old or all of the new bytes.
pub fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    if let Err(error) = write_beside(disk, &temporary, bytes) {
        // What it holds of a full disk is given back; if not now, then by the next try.
        drop(disk.remove_file(&temporary));
        return Err(error);
    }
    disk.rename(&temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))
}

fn write_beside(disk: &dyn Disk, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(temporary, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_all_at(&mut [IoSlice::new(bytes)], 0)?;
    file.sync_data()
}

/// As [`write_atomically`], in the room that the file `spare` has; `spare` is then what `path` was.
/// The bytes and everything about them need no room that is not there already.
pub(crate) fn write_into_spare(
    disk: &dyn Disk,
    spare: &Path,
    path: &Path,
    bytes: &[u8],
) -> io::Result<()> {
    let file = disk.open(spare, OpenMode::Write)?;
    let len_bytes = bytes.len() as u64;
    // Before the cut: that gives back what it has more.
    file.allocate_keep_size(len_bytes)?;
    file.write_all_at(&mut [IoSlice::new(bytes)], 0)?;
    if file.len_bytes()? > len_bytes {
        file.set_len(len_bytes)?;
    }
    file.sync_data()?;
    disk.exchange(spare, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// All bytes of a small file, or `None` if it does not exist. A file of more than `bytes_max` is
/// an error of kind [`io::ErrorKind::FileTooLarge`].
pub fn read_file(disk: &dyn Disk, path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let len_bytes = file.len_bytes()?;
    if len_bytes > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let len = usize::try_from(len_bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}
