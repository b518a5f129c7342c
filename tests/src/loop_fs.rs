//! A file system of its own on a file, whose power can be cut.

use std::fmt;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// `FS_IOC_SHUTDOWN`: `_IOR('X', 125, u32)`.
const FS_IOC_SHUTDOWN: rustix::ioctl::Opcode = 0x8004_587d;
/// Nothing more reaches the disk, the journal in memory included.
const SHUTDOWN_WITHOUT_LOG_FLUSH: u32 = 2;

/// File systems on which the power can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ext4, Self::Xfs].into_iter().find(|kind| kind.to_string() == name)
    }

    fn make_command(self, image: &Path) -> Command {
        let mut command = Command::new(format!("mkfs.{self}"));
        match self {
            Self::Ext4 => command.args(["-q", "-F"]),
            Self::Xfs => command.args(["-q", "-f"]),
        };
        command.arg(image);
        // Where Debian has them, which is not in everybody's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        })
    }
}

/// A mounted file system. Dropping it unmounts it and removes its image; the loop device goes with
/// the mount.
#[derive(Debug)]
pub struct LoopFs {
    directory: TempDir,
    is_mounted: bool,
}

impl LoopFs {
    /// Makes and mounts one of so many MiB, or says why this machine does not let us.
    ///
    /// # Panics
    /// If it does not, where `HIGHWATER_LOOP_DISKS` says that it must: to skip would be to look away.
    pub fn mount(kind: Kind, mib: u64) -> Result<Self, String> {
        let mounted = Self::try_mount(kind, mib);
        if let Err(reason) = &mounted {
            let may_skip = std::env::var_os("HIGHWATER_LOOP_DISKS").is_none();
            assert!(may_skip, "no {kind} on a loop device: {reason}");
        }
        mounted
    }

    fn try_mount(kind: Kind, mib: u64) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root may mount".into());
        }
        let made = Self::make(kind, mib).map_err(|error| format!("{error:#}"))?;
        let mut file_system = Self { directory: made, is_mounted: false };
        file_system.mount_again().map_err(|error| format!("{error:#}"))?;
        Ok(file_system)
    }

    fn make(kind: Kind, mib: u64) -> Result<TempDir> {
        let directory = tempfile::tempdir()?;
        let image = directory.path().join("image");
        // All of it, or a full host would look like a failing disk.
        run(Command::new("fallocate").arg("-l").arg(format!("{mib}M")).arg(&image))?;
        std::fs::create_dir(directory.path().join("mount"))?;
        run(&mut kind.make_command(&image))?;
        Ok(directory)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("mount")
    }

    /// From now on nothing reaches the disk any more, and every call says so.
    pub fn cut_power(&self) -> Result<()> {
        let root = std::fs::File::open(self.path())?;
        shut_down(root.as_fd()).context("shut the file system down")
    }

    /// Unmounts it: all that was not on the disk at the cut is gone. Nothing may have it open.
    pub fn unmount(&mut self) -> Result<()> {
        run(Command::new("umount").arg(self.path()))?;
        self.is_mounted = false;
        Ok(())
    }

    /// Mounts it as it was left; the file system replays its journal.
    pub fn mount_again(&mut self) -> Result<()> {
        let image = self.directory.path().join("image");
        run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(self.path()))?;
        self.is_mounted = true;
        Ok(())
    }
}

impl Drop for LoopFs {
    fn drop(&mut self) {
        if self.is_mounted {
            // Lazily: a file that is still open must not leave the mount behind.
            drop(run(Command::new("umount").arg("--lazy").arg(self.path())));
        }
    }
}

#[expect(unsafe_code, reason = "rustix has no call of its own for this ioctl")]
fn shut_down(directory: std::os::fd::BorrowedFd<'_>) -> rustix::io::Result<()> {
    // SAFETY: the opcode takes a pointer to a u32, which it only reads.
    let shutdown =
        unsafe { rustix::ioctl::Setter::<FS_IOC_SHUTDOWN, u32>::new(SHUTDOWN_WITHOUT_LOG_FLUSH) };
    // SAFETY: as above; the descriptor is borrowed for the length of the call.
    unsafe { rustix::ioctl::ioctl(directory, shutdown) }
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("no {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}", said.trim());
    Ok(())
}
