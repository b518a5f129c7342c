//! A small disk of our own: a file system in a file, mounted through a loop device. Needs root.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct LoopDisk {
    mount: PathBuf,
    /// Holds the image and the place where it is mounted; goes last.
    _directory: TempDir,
}

impl LoopDisk {
    /// Makes and mounts a file system (`ext4`, `xfs`) of so many MiB; `None`, with the reason on standard error, where that is not
    /// permitted or its tools are missing.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
    pub fn make(kind: &str, mib: u64) -> Result<Option<Self>> {
        let directory = tempfile::tempdir()?;
        match Self::make_in(directory, kind, mib) {
            Ok(disk) => Ok(Some(disk)),
            Err(error) if std::env::var_os("HIGHWATER_LOOP_DISKS").is_none() => {
                eprintln!("skipped: no {kind} of our own on a loop device: {error:#}");
                Ok(None)
            }
            // Where they are known to work, to skip would be to look away.
            Err(error) => Err(error),
        }
    }

    fn make_in(directory: TempDir, kind: &str, mib: u64) -> Result<Self> {
        let (image, mount) = (directory.path().join("image"), directory.path().join("mount"));
        std::fs::create_dir(&mount)?;
        // All of it, or a full host would look like a failing disk.
        run(Command::new("fallocate").arg("-l").arg(format!("{mib}M")).arg(&image))?;
        run(Command::new(format!("mkfs.{kind}")).arg("-q").arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mount))?;
        Ok(Self { mount, _directory: directory })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // Detached if something still uses it, so that it goes with its last user.
        if run(Command::new("umount").arg(&self.mount)).is_err() {
            drop(run(Command::new("umount").arg("--lazy").arg(&self.mount)));
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| what.clone())?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{what}: {}", said.trim());
    Ok(())
}
