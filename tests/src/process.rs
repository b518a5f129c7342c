//! Child processes that say when they are ready, and never outlive the test.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a process may take to say that it is ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// A child that printed the address it listens on; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: SocketAddr,
    /// All that it has named so far.
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Process {
    /// Starts `command` and waits until a line of its standard output names a loopback address.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let (found, ready) = mpsc::sync_channel(1);
        let addresses = Arc::new(Mutex::new(Vec::new()));
        let named = Arc::clone(&addresses);
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(address) = address_in(&line) {
                    named.lock().unwrap_or_else(PoisonError::into_inner).push(address);
                    // The receiver takes the first address and leaves.
                    found.try_send(address).unwrap_or(());
                }
                line.clear();
            }
            // Keeps the pipe open to its end, so that the child never writes into a closed one.
            drop(lines.read_to_end(&mut Vec::new()));
        });
        match ready.recv_timeout(READY_MAX) {
            Ok(address) => Ok(Self { child, address, addresses }),
            Err(_) => {
                child.kill()?;
                bail!("not ready: {} ({})", command.get_program().display(), child.wait()?)
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where else it listens; waits until it says so.
    pub fn second_address(&self) -> Result<SocketAddr> {
        let deadline = Instant::now() + READY_MAX;
        loop {
            let named = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(second) = named.into_iter().find(|address| *address != self.address) {
                return Ok(second);
            }
            anyhow::ensure!(Instant::now() < deadline, "it names one address only");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// SIGTERM, and waits for the process to end by itself.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let status = Command::new("kill").arg(self.child.id().to_string()).status()?;
        anyhow::ensure!(status.success(), "cannot signal {}", self.child.id());
        Ok(self.child.wait()?)
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The real broker on a free port.
#[derive(Debug)]
pub struct Highwater {
    process: Process,
    data_dir: PathBuf,
}

impl Highwater {
    /// Starts `highwater serve` on `data_dir` with `overrides` (`key=value`) and waits until it is ready.
    pub fn serve(data_dir: &Path, overrides: &[&str]) -> Result<Self> {
        Self::serve_at(data_dir, "127.0.0.1:0", overrides)
    }

    /// As [`Highwater::serve`], on a given address: a restart that keeps the port.
    pub fn serve_at(data_dir: &Path, listen: &str, overrides: &[&str]) -> Result<Self> {
        Self::serve_with(data_dir, listen, overrides, Stdio::inherit())
    }

    /// As [`Highwater::serve`], with its log in a file.
    pub fn serve_logging(data_dir: &Path, overrides: &[&str], log: File) -> Result<Self> {
        Self::serve_with(data_dir, "127.0.0.1:0", overrides, log.into())
    }

    /// As [`Highwater::serve`], with at most so many file descriptors.
    pub fn serve_limited(data_dir: &Path, overrides: &[&str], descriptors: u32) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &descriptors.to_string()]);
        command.arg(highwater_binary()?);
        Self::serve_by(command, data_dir, "127.0.0.1:0", overrides)
    }

    fn serve_with(data_dir: &Path, listen: &str, overrides: &[&str], log: Stdio) -> Result<Self> {
        let mut command = Command::new(highwater_binary()?);
        command.stderr(log);
        Self::serve_by(command, data_dir, listen, overrides)
    }

    fn serve_by(
        mut command: Command,
        data_dir: &Path,
        listen: &str,
        overrides: &[&str],
    ) -> Result<Self> {
        command.arg("serve").arg("--data-dir").arg(data_dir).arg("--listen").arg(listen);
        for property in overrides {
            command.arg("--override").arg(property);
        }
        let process = Process::start(&mut command)?;
        Ok(Self { process, data_dir: data_dir.to_owned() })
    }

    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

/// The `highwater` binary of this build, built first if it is missing; `HIGHWATER_BIN` names another.
pub fn highwater_binary() -> Result<PathBuf> {
    // Asking cargo takes longer than a start of the broker does: once for each process.
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    if let Some(path) = std::env::var_os("HIGHWATER_BIN") {
        return Ok(path.into());
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = &*built {
        return Ok(path.clone());
    }
    let path = build_binary()?;
    Ok(built.insert(path).clone())
}

fn build_binary() -> Result<PathBuf> {
    // Test and benchmark binaries live in `deps`, one below the profile's directory.
    let own = std::env::current_exe()?;
    let mut directory = own.parent().context("no parent")?;
    if directory.ends_with("deps") {
        directory = directory.parent().context("no parent")?;
    }
    let path = directory.join("highwater");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "highwater"]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    anyhow::ensure!(
        cargo.status()?.success(),
        "cargo build of the highwater command did not succeed"
    );
    Ok(path)
}

/// The first loopback address in a line of text.
fn address_in(line: &str) -> Option<SocketAddr> {
    let from = line.find("127.0.0.1:")?;
    let rest = line.get(from..)?;
    let port_from = rest.find(':')? + 1;
    let port = rest.get(port_from..)?;
    let end = port.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(port.len());
    rest.get(..port_from + end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_found_inside_a_line() {
        let found = address_in("ready on 127.0.0.1:40123, data in ./data\n");
        assert_eq!(found, Some(SocketAddr::from(([127, 0, 0, 1], 40123))));
        assert_eq!(address_in("nothing here"), None);
    }
}
