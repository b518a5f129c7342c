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
    let file = disk.open(&temporary, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_all_at(&mut [IoSlice::new(bytes)], 0)?;
    file.sync_data()?;
    disk.rename(&temporary, path)?;
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
