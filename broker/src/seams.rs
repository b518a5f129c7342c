//! Where the broker touches the world: clock, chance, files, sockets, blocking threads. Each is a value with a real and a simulated form.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use highwater_records::{Monotonic, Mutant, Now, Timestamp, Uuid};
use highwater_storage::{Disk, FileDisk};
use rustix::process::Resource;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::workers::{ThreadWorkers, Workers};

/// Everything a broker needs from outside. Two brokers share nothing but what their owner gives to both.
#[derive(Clone)]
pub struct Seams {
    pub clock: Arc<dyn Clock>,
    /// Start of the broker's random numbers: topic ids, directory ids, jitter. Equal seeds make equal choices.
    pub random_seed: u64,
    pub disk: Arc<dyn Disk>,
    pub transport: Arc<dyn Transport>,
    pub workers: Arc<dyn Workers>,
    /// Memory this process may use, if somebody limits it: a quarter of it is the budget for requests and answers.
    pub memory_limit_bytes: Option<u64>,
    /// A wrong variant of the broker, in builds that have them.
    pub mutant: Mutant,
}

impl Seams {
    /// The real world: system clock, a seed from the operating system, files, TCP, named threads.
    ///
    /// Errors: the operating system gives no random bytes.
    pub fn real() -> io::Result<Self> {
        Ok(Self {
            clock: Arc::new(SystemClock::new()),
            random_seed: system_seed()?,
            disk: Arc::new(FileDisk),
            transport: Arc::new(TcpTransport::new()),
            workers: Arc::new(ThreadWorkers::new()),
            memory_limit_bytes: control_group_limit(),
            mutant: Mutant::NONE,
        })
    }
}

/// The least memory limit of the control groups this process is in (version 2 of them).
fn control_group_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = std::path::Path::new("/sys/fs/cgroup");
    let own = root.join(group);
    let levels = own.ancestors().take_while(|level| level.starts_with(root));
    let limit = |level: &std::path::Path| -> Option<u64> {
        std::fs::read_to_string(level.join("memory.max")).ok()?.trim().parse().ok()
    };
    levels.filter_map(limit).min()
}

fn system_seed() -> io::Result<u64> {
    let mut seed = [0; 8];
    io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
    Ok(u64::from_be_bytes(seed))
}

// ---- time

/// Tells the time. Deadlines and leases use the monotonic half, record times and retention the wall half.
///
/// Timers are tokio's: a simulated clock runs beside a runtime whose time is paused and moves with it.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Now;

    /// The monotonic half alone.
    fn monotonic(&self) -> Monotonic {
        self.now().monotonic
    }

    /// Instant of tokio's timers at which `now().monotonic` was zero.
    fn started(&self) -> Instant;

    /// The instant tokio's timers know `at` by.
    fn instant(&self, at: Monotonic) -> Instant {
        self.started() + at.value()
    }
}

/// The real clock.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic half starts now.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a clock that starts by default would start unseen"
    )]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Now { monotonic: self.monotonic(), wall: Timestamp::new(wall_ms) }
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::new(self.started.elapsed())
    }

    fn started(&self) -> Instant {
        self.started
    }
}

// ---- chance

/// Random numbers from one seed (SplitMix64), for ids and jitter; never for secrets.
pub(crate) struct Random {
    state: AtomicU64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    pub(crate) fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`; zero if `bound` is zero.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// An id that may be handed out: its text does not begin with `-`, so that command lines can take it.
    pub(crate) fn uuid(&self) -> Uuid {
        loop {
            let bits = u128::from(self.next_u64()) << 64 | u128::from(self.next_u64());
            let uuid = Uuid::from_random(bits);
            if uuid.is_acceptable() {
                return uuid;
            }
        }
    }
}

// ---- network

/// Opens listeners (and, once brokers talk to brokers, connections).
pub trait Transport: Send + Sync + 'static {
    /// Listens on `host:port`; port 0 takes a free one. An empty host means all addresses.
    fn listen<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        options: ListenOptions,
    ) -> BoxFuture<'a, io::Result<Box<dyn Listener>>>;

    /// Most connections the process can hold and still open its files; `None` if there is no such limit.
    fn connections_max(&self) -> Option<usize>;

    /// Most files a broker should hold open at a time beside them.
    fn open_files_max(&self) -> usize;
}

/// How a listener's sockets are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Connections the kernel keeps until they are accepted; beyond it new ones are refused or retried by their kernel.
    pub backlog: i32,
    /// Of each connection; `None` lets the kernel choose and adapt.
    pub send_buffer_bytes: Option<usize>,
    pub receive_buffer_bytes: Option<usize>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 1024, send_buffer_bytes: None, receive_buffer_bytes: None }
    }
}

/// A bound address that connections arrive at.
pub trait Listener: Send {
    fn local_addr(&self) -> SocketAddr;

    /// Takes the next connection.
    ///
    /// Errors: the process or the system is out of descriptors or memory; the caller waits and comes back.
    fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Box<dyn Stream>, SocketAddr)>>;

    /// Gives descriptors that were held back to whoever needs them now (`true`), or takes them back.
    ///
    /// Called around the back-off that follows a failed accept, so that open files go on while nobody new gets in.
    fn lend_descriptors(&mut self, lend: bool);
}

/// One connection's bytes, both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes the drop that follows a reset instead of an orderly end.
    fn reset_on_drop(&mut self);
}

impl Stream for Box<dyn Stream> {
    fn reset_on_drop(&mut self) {
        (**self).reset_on_drop();
    }
}

/// TCP with the options a broker wants.
#[derive(Debug, Default)]
pub struct TcpTransport;

impl TcpTransport {
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

/// Descriptors that stay free for files whatever the clients do.
const DESCRIPTORS_HELD_BACK: usize = 64;

/// Share of the remaining descriptors that log files may hold open; connections may take the rest.
const OPEN_FILES_PARTS: usize = 4;

/// What is open beside both: listeners, the runtime's own, standard streams, locks, the metadata journal, and the files that workers
/// open for a moment.
const DESCRIPTORS_OF_OTHERS: usize = 40;

impl Transport for TcpTransport {
    fn listen<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        options: ListenOptions,
    ) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            for address in resolve(host, port).await? {
                match bind(address, options) {
                    Ok(listener) => return Ok(Box::new(listener) as Box<dyn Listener>),
                    Err(error) => last_error = error,
                }
            }
            Err(last_error)
        })
    }

    fn connections_max(&self) -> Option<usize> {
        Some(free_descriptors()?.saturating_sub(self.open_files_max()).max(1))
    }

    fn open_files_max(&self) -> usize {
        let share = free_descriptors().map_or(usize::MAX, |free| free / OPEN_FILES_PARTS);
        share.clamp(OPEN_FILES_MIN, OPEN_FILES_MAX)
    }
}

/// Bounds of the files held open at a time.
const OPEN_FILES_MIN: usize = 4;
const OPEN_FILES_MAX: usize = 16 * 1024;

/// What the process may open for connections and logs; `None`: without limit.
fn free_descriptors() -> Option<usize> {
    let descriptors = rustix::process::getrlimit(Resource::Nofile).current?;
    let taken = DESCRIPTORS_HELD_BACK + DESCRIPTORS_OF_OTHERS;
    Some(usize::try_from(descriptors).ok()?.saturating_sub(taken))
}

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host.is_empty() {
        // One socket for both families where the system has the newer one.
        return Ok(vec![
            SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port)),
        ]);
    }
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        return Ok(vec![SocketAddr::from((address, port))]);
    }
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    // `localhost` is both: clients in every language find the older family.
    addresses.sort_by_key(|address| !address.is_ipv4());
    Ok(addresses)
}

fn bind(address: SocketAddr, options: ListenOptions) -> io::Result<BoundTcp> {
    use socket2::{Domain, Protocol, Socket, Type};

    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if address.ip() == std::net::IpAddr::from(std::net::Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    // Accepted sockets inherit them.
    if let Some(bytes) = options.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(options.backlog)?;
    let listener = TcpListener::from_std(socket.into())?;
    let local_addr = listener.local_addr()?;
    let mut bound = BoundTcp { listener, local_addr, held_back: Vec::new() };
    bound.lend_descriptors(false);
    Ok(bound)
}

struct BoundTcp {
    listener: TcpListener,
    local_addr: SocketAddr,
    /// Copies of one descriptor, for their number only.
    held_back: Vec<std::os::fd::OwnedFd>,
}

impl Listener for BoundTcp {
    fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Box<dyn Stream>, SocketAddr)>> {
        let (stream, peer) = std::task::ready!(self.listener.poll_accept(context))?;
        // Fails only on a connection that is gone already; its first read says so.
        drop(stream.set_nodelay(true));
        Poll::Ready(Ok((Box::new(TcpConnection { stream }), peer)))
    }

    fn lend_descriptors(&mut self, lend: bool) {
        use std::os::fd::AsFd;

        if lend {
            self.held_back.clear();
            return;
        }
        while self.held_back.len() < DESCRIPTORS_HELD_BACK {
            let Ok(copy) = self.listener.as_fd().try_clone_to_owned() else { return };
            self.held_back.push(copy);
        }
    }
}

struct TcpConnection {
    stream: TcpStream,
}

impl Stream for TcpConnection {
    fn reset_on_drop(&mut self) {
        let socket = socket2::SockRef::from(&self.stream);
        // Fails only on a connection that is gone already.
        drop(socket.set_linger(Some(Duration::ZERO)));
    }
}

impl AsyncRead for TcpConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for TcpConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Waits until `at` by the broker's clock.
pub(crate) fn sleep_until(
    clock: &dyn Clock,
    at: Monotonic,
) -> impl Future<Output = ()> + Send + 'static {
    tokio::time::sleep_until(clock.instant(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let (one, other) = (Random::new(7), Random::new(7));
        let numbers: Vec<u64> = (0..100).map(|_| one.next_u64()).collect();
        assert!(numbers.iter().all(|number| *number == other.next_u64()));
    }

    #[test]
    fn random_below_a_bound_stays_below_it_and_reaches_all() {
        let random = Random::new(1);
        let mut seen = [0_u32; 7];
        (0..7000).for_each(|_| seen[usize::try_from(random.below(7)).unwrap()] += 1);
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[tokio::test]
    async fn second_listener_on_a_port_is_refused() {
        let transport = TcpTransport::new();
        let first = transport.listen("127.0.0.1", 0, ListenOptions::default()).await.unwrap();
        let second = transport
            .listen("127.0.0.1", first.local_addr().port(), ListenOptions::default())
            .await;
        assert_eq!(second.err().unwrap().kind(), io::ErrorKind::AddrInUse);
    }
}
