use std::collections::BTreeMap;

use futures_util::FutureExt;
use highwater_protocol::Writer;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::*;
use crate::config::Limits;
use crate::seams::SystemClock;

/// Answers by the first byte of a request: `r`eady, `w`aiting, e`x`clusive, exclusive and read`y`, `a`dmitting, `n`o response, `c`lose, `o`ffence, `b`ig, `p`anic.
/// The rest is echoed; what waits is released by its rest.
#[derive(Clone, Default)]
struct TestService {
    log: Arc<Mutex<Vec<String>>>,
    gates: Arc<Mutex<BTreeMap<String, oneshot::Sender<()>>>>,
}

impl TestService {
    fn gate(&self, name: &str) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.gates.lock().insert(name.to_owned(), sender);
        receiver
    }

    fn release(&self, name: &str) {
        self.gates.lock().remove(name).unwrap().send(()).unwrap();
    }

    fn log(&self) -> String {
        self.log.lock().join(" ")
    }
}

fn frame(body: &[u8]) -> Frame {
    let mut writer = Writer::framed();
    writer.raw(body);
    writer.finish().unwrap()
}

impl Service for TestService {
    fn call(&self, request: Bytes) -> Result<Dispatched, Offence> {
        let text = String::from_utf8_lossy(&request[..request.len().min(8)]).into_owned();
        self.log.lock().push(text.clone());
        let echo = frame(&request);
        Ok(match request[0] {
            b'r' => Dispatched::Ready(echo),
            b'b' => Dispatched::Ready(frame(&vec![b'b'; 600_000])),
            b'w' => {
                let gate = self.gate(&text);
                Dispatched::Waiting(Box::pin(async move {
                    gate.await.map(|()| echo).map_err(|_| Offence::FrameStalled)
                }))
            }
            b'x' => {
                let (gate, log) = (self.gate(&text), Arc::clone(&self.log));
                Dispatched::Exclusive(Box::pin(async move {
                    drop(gate.await);
                    log.lock().push(format!("{text}."));
                    Ok(echo)
                }))
            }
            b'y' => Dispatched::Exclusive(Box::pin(std::future::ready(Ok(echo)))),
            b'a' => {
                let gate = self.gate(&text);
                Dispatched::Admitting(Box::pin(async move {
                    drop(gate.await);
                    Ok(Dispatched::Ready(echo))
                }))
            }
            b'n' => Dispatched::NoResponse,
            b'c' => Dispatched::Close,
            b'o' => return Err(Offence::UnknownApi { key: 99 }),
            _ => panic!("on purpose"),
        })
    }
}

struct Fixture {
    service: TestService,
    net: Arc<Net>,
    peer: DuplexStream,
    connection: JoinSet<End>,
}

fn limits() -> Limits {
    crate::config::tests::config("").limits
}

/// A connection whose two halves hold `pipe_bytes` each way.
fn connect(limits: Limits, pipe_bytes: usize) -> Fixture {
    let net = Arc::new(Net::new(limits, Arc::new(SystemClock::new()), Arc::default()));
    let (peer, ours) = tokio::io::duplex(pipe_bytes);
    let service = TestService::default();
    let address = "127.0.0.1:1".parse().unwrap();
    let mut connection = JoinSet::new();
    connection.spawn(Connection::new(ours, service.clone(), address, Arc::clone(&net)).run());
    Fixture { service, net, peer, connection }
}

impl Fixture {
    fn new() -> Self {
        connect(limits(), 1 << 20)
    }

    async fn send(&mut self, requests: &[&str]) {
        let mut bytes = Vec::new();
        for request in requests {
            bytes.extend_from_slice(&frame(request.as_bytes()).into_bytes());
        }
        self.peer.write_all(&bytes).await.unwrap();
        self.settle().await;
    }

    /// Lets the connection do all it can.
    async fn settle(&mut self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    async fn answer(&mut self) -> String {
        let size = self.peer.read_i32().await.unwrap();
        let mut body = vec![0; usize::try_from(size).unwrap()];
        self.peer.read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// Nothing has been answered.
    async fn expect_silence(&mut self) {
        self.settle().await;
        assert!(self.peer.read_i32().now_or_never().is_none());
    }

    async fn end(&mut self) -> End {
        self.connection.join_next().await.unwrap().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn answers_leave_in_the_order_of_the_requests() {
    let mut fixture = Fixture::new();
    fixture.send(&["r1", "w2", "r3", "w4", "r5"]).await;
    assert_eq!(fixture.service.log(), "r1 w2 r3 w4 r5");
    assert_eq!(fixture.answer().await, "r1");
    fixture.service.release("w4");
    fixture.expect_silence().await;
    fixture.service.release("w2");
    for expected in ["w2", "r3", "w4", "r5"] {
        assert_eq!(fixture.answer().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn exclusive_request_starts_behind_waiting_ones_and_holds_back_the_next() {
    let mut fixture = Fixture::new();
    fixture.send(&["w1", "x2", "r3", "x4", "r5"]).await;
    assert_eq!(fixture.service.log(), "w1 x2");
    fixture.service.release("x2");
    fixture.settle().await;
    // It is known, and so the next ones take effect although nothing has been answered yet.
    assert_eq!(fixture.service.log(), "w1 x2 x2. r3 x4");
    fixture.service.release("x4");
    fixture.expect_silence().await;
    assert_eq!(fixture.service.log(), "w1 x2 x2. r3 x4 x4. r5");
    fixture.service.release("w1");
    for expected in ["w1", "x2", "r3", "x4", "r5"] {
        assert_eq!(fixture.answer().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_while_a_request_is_being_admitted() {
    let mut fixture = Fixture::new();
    fixture.send(&["a1", "r2"]).await;
    assert_eq!(fixture.service.log(), "a1");
    fixture.service.release("a1");
    assert_eq!(fixture.answer().await, "a1");
    assert_eq!(fixture.answer().await, "r2");
}

#[tokio::test(start_paused = true)]
async fn request_that_comes_after_a_long_one_is_read() {
    let mut fixture = Fixture::new();
    for name in ["x1", "x2", "a3"] {
        fixture.send(&[name]).await;
        fixture.service.release(name);
        assert_eq!(fixture.answer().await, name);
    }
    // The next one comes in two pieces, the first of which arrives while the connection is busy.
    fixture.send(&["x4"]).await;
    fixture.peer.write_all(b"\0\0").await.unwrap();
    fixture.settle().await;
    fixture.service.release("x4");
    assert_eq!(fixture.answer().await, "x4");
    fixture.settle().await;
    fixture.peer.write_all(b"\0\x02r5").await.unwrap();
    assert_eq!(fixture.answer().await, "r5");
}

#[tokio::test(start_paused = true)]
async fn request_without_response_leaves_no_gap() {
    let mut fixture = Fixture::new();
    fixture.send(&["n1", "r2", "n3", "r4"]).await;
    assert_eq!(fixture.answer().await, "r2");
    assert_eq!(fixture.answer().await, "r4");
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_limited_by_number_and_by_bytes() {
    let mut few = limits();
    few.in_flight_requests = 3;
    let mut fixture = connect(few, 1 << 20);
    fixture.send(&["w1", "w2", "w3", "w4", "w5"]).await;
    assert_eq!(fixture.service.log(), "w1 w2 w3");
    fixture.service.release("w1");
    assert_eq!(fixture.answer().await, "w1");
    fixture.settle().await;
    assert_eq!(fixture.service.log(), "w1 w2 w3 w4");

    let mut small = limits();
    small.in_flight_bytes = 5;
    let mut fixture = connect(small, 1 << 20);
    fixture.send(&["w1", "w2", "w3", "w4", "w5"]).await;
    assert_eq!(fixture.service.log(), "w1 w2 w3");
}

#[tokio::test(start_paused = true)]
async fn peer_that_reads_nothing_stops_its_own_requests_and_is_cut_off() {
    let mut fixture = connect(limits(), 64 * 1024);
    let requests = vec!["b"; 100];
    fixture.send(&requests).await;
    // The first answer fills the pipe; no second one is made for a peer that does not take the first.
    assert_eq!(fixture.service.log(), "b");
    assert!(fixture.net.responses.free_bytes() < 256 << 20);
    let begun = tokio::time::Instant::now();
    let end = fixture.end().await;
    assert!(matches!(end, End::Offence(Offence::ResponseStalled)), "{end:?}");
    assert_eq!(begun.elapsed().as_secs(), 30);
    assert_eq!(fixture.net.responses.free_bytes(), 256 << 20);
}

#[tokio::test(start_paused = true)]
async fn slow_loris_is_cut_off_and_a_slow_upload_is_not() {
    let mut fixture = Fixture::new();
    fixture.peer.write_all(&1000_i32.to_be_bytes()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let end = loop {
        tokio::select! {
            biased;
            end = fixture.connection.join_next() => break end.unwrap().unwrap(),
            () = tokio::time::sleep(Duration::from_secs(1)) => fixture.peer.write_all(b"x").await.unwrap(),
        }
    };
    assert!(matches!(end, End::Offence(Offence::FrameStalled)), "{end:?}");
    assert!((29..=31).contains(&begun.elapsed().as_secs()));

    let mut fixture = Fixture::new();
    let request = format!("r{}", "x".repeat(300_000));
    for piece in frame(request.as_bytes()).into_bytes().chunks(1000) {
        fixture.peer.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(fixture.answer().await, request);
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_closed_and_a_busy_one_is_not() {
    let mut fixture = Fixture::new();
    fixture.send(&["r1"]).await;
    assert_eq!(fixture.answer().await, "r1");
    tokio::time::sleep(Duration::from_secs(500)).await;
    fixture.send(&["w2"]).await;
    tokio::time::sleep(Duration::from_secs(5000)).await;
    fixture.service.release("w2");
    assert_eq!(fixture.answer().await, "w2");
    let begun = tokio::time::Instant::now();
    assert!(matches!(fixture.end().await, End::Idle));
    assert_eq!(begun.elapsed().as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn stalled_upload_makes_room_when_others_wait_for_memory() {
    let mut small = limits();
    small.queued_max_request_bytes = 2 * 200_000;
    let mut fixture = connect(small, 1 << 20);
    fixture.peer.write_all(&1_000_000_i32.to_be_bytes()).await.unwrap();
    fixture.peer.write_all(&[b'r'; 70_000]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(fixture.connection.len(), 1);
    let net = Arc::clone(&fixture.net);
    let (charge, end) = tokio::join!(net.requests.take(190_000), fixture.end());
    assert!(matches!(end, End::Offence(Offence::Hoarding)), "{end:?}");
    drop(charge);
    assert_eq!(fixture.net.requests.free_bytes(), 200_000);
}

#[tokio::test(start_paused = true)]
async fn absurd_sizes_and_offences_close_the_connection() {
    for (bytes, offence) in [
        (&b"\xff\xff\xff\xff"[..], Offence::BadSize { size: -1, api_key: None, max: 16 << 20 }),
        (
            b"\x7f\xff\xff\xff\0\x03",
            Offence::BadSize { size: i32::MAX, api_key: Some(3), max: 16 << 20 },
        ),
        (
            b"\x01\0\0\x01\0\x03",
            Offence::BadSize { size: (16 << 20) + 1, api_key: Some(3), max: 16 << 20 },
        ),
        (b"\0\0\0\x01o", Offence::UnknownApi { key: 99 }),
    ] {
        let mut fixture = Fixture::new();
        fixture.peer.write_all(bytes).await.unwrap();
        let end = fixture.end().await;
        assert!(matches!(&end, End::Offence(found) if *found == offence), "{end:?}");
        assert_eq!(
            fixture.net.counters.connections_offended.load(std::sync::atomic::Ordering::Relaxed),
            1
        );
        assert_eq!(fixture.peer.read(&mut [0; 1]).await.unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn close_without_answer_is_no_offence() {
    let mut fixture = Fixture::new();
    fixture.send(&["c"]).await;
    assert!(matches!(fixture.end().await, End::Closed));
    assert_eq!(
        fixture.net.counters.connections_offended.load(std::sync::atomic::Ordering::Relaxed),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn stop_answers_what_was_asked_and_closes() {
    let mut fixture = Fixture::new();
    fixture.send(&["r1", "w2", "x3", "r4"]).await;
    fixture.net.stop.begin();
    fixture.settle().await;
    fixture.service.release("x3");
    fixture.service.release("w2");
    for expected in ["r1", "w2", "x3", "r4"] {
        assert_eq!(fixture.answer().await, expected);
    }
    assert_eq!(fixture.peer.read(&mut [0; 1]).await.unwrap(), 0);
    drop(std::mem::replace(&mut fixture.peer, tokio::io::duplex(1).0));
    assert!(matches!(fixture.end().await, End::Stopped));
}

#[tokio::test(start_paused = true)]
async fn stop_ends_an_idle_connection_at_once() {
    let mut fixture = Fixture::new();
    fixture.settle().await;
    fixture.net.stop.begin();
    let begun = tokio::time::Instant::now();
    assert!(matches!(fixture.end().await, End::Stopped));
    assert!(begun.elapsed() <= LINGER);
}

#[tokio::test(start_paused = true)]
async fn peer_that_leaves_ends_its_connection_after_what_it_sent_took_effect() {
    let mut fixture = Fixture::new();
    fixture.send(&["x1", "n2", "w3"]).await;
    fixture.peer.shutdown().await.unwrap();
    fixture.settle().await;
    assert_eq!(fixture.service.log(), "x1");
    fixture.service.release("x1");
    assert!(matches!(fixture.end().await, End::PeerClosed));
    assert_eq!(fixture.service.log(), "x1 x1. n2 w3");
}

#[tokio::test(start_paused = true)]
async fn budget_that_is_used_up_stops_reading_until_some_comes_back() {
    let mut fixture = Fixture::new();
    fixture.settle().await;
    let held = fixture.net.requests.take(usize::MAX).await;
    fixture.send(&["r1"]).await;
    fixture.expect_silence().await;
    drop(held);
    assert_eq!(fixture.answer().await, "r1");
    fixture.settle().await;
    assert_eq!(fixture.net.requests.free_bytes(), 256 << 20);
}

#[tokio::test(start_paused = true)]
async fn panic_ends_its_own_connection_only() {
    let mut fixture = Fixture::new();
    let panics = Arc::clone(&fixture.net.counters.panics);
    let tasks = crate::tasks::Tasks::new(tokio::runtime::Handle::current(), panics);
    let (mut peer, ours) = tokio::io::duplex(100);
    let address = "127.0.0.1:1".parse().unwrap();
    let bad = Connection::new(ours, fixture.service.clone(), address, Arc::clone(&fixture.net));
    tasks.spawn("connection", async move {
        bad.run().await;
    });
    peer.write_all(&frame(b"panic").into_bytes()).await.unwrap();
    assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    tasks.wait_idle().await;
    assert_eq!(fixture.net.counters.panics.load(std::sync::atomic::Ordering::Relaxed), 1);
    fixture.send(&["r1"]).await;
    assert_eq!(fixture.answer().await, "r1");
}

#[tokio::test]
async fn idle_connection_holds_little_memory() {
    let net = Arc::new(Net::new(limits(), Arc::new(SystemClock::new()), Arc::default()));
    let stream: Box<dyn crate::seams::Stream> = Box::new(NoStream);
    let address = "127.0.0.1:1".parse().unwrap();
    let connection =
        Connection::new(stream, TestService::default(), address, Arc::clone(&net)).run();
    // With the socket and the task around it, this stays below 4 KiB.
    let bytes = std::mem::size_of_val(&connection);
    assert!(bytes <= 2048, "{bytes}");
}

/// Sends small requests without end, and notes how far ahead of the service it is asked to be.
struct Flood {
    service: TestService,
    sent_count: usize,
    ahead_max: usize,
    write_count: usize,
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let served_count = self.service.log.lock().len();
        self.ahead_max = self.ahead_max.max(self.sent_count - served_count);
        while buffer.remaining() >= 5 && self.sent_count < 100_000 {
            buffer.put_slice(b"\0\0\0\x01y");
            self.sent_count += 1;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_count += 1;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_count += 1;
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn flood_is_read_no_faster_than_it_is_served_and_answered_in_few_writes() {
    let net = Arc::new(Net::new(limits(), Arc::new(SystemClock::new()), Arc::default()));
    let service = TestService::default();
    let mut flood = Flood { service: service.clone(), sent_count: 0, ahead_max: 0, write_count: 0 };
    let address = "127.0.0.1:1".parse().unwrap();
    let end = Connection::new(&mut flood, service.clone(), address, net).run().await;
    assert!(matches!(end, End::PeerClosed), "{end:?}");
    assert_eq!(service.log.lock().len(), 100_000);
    assert_eq!(flood.ahead_max, 0, "read with whole requests left to serve");
    assert!(flood.write_count < 3000, "{} writes", flood.write_count);
}

struct NoStream;

impl crate::seams::Stream for NoStream {
    fn reset_on_drop(&mut self) {}
}

impl AsyncRead for NoStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        _buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for NoStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
