//! Limits, and who feels them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use highwater_broker::{ListenOptions, Listener, Seams, Server, Stream, TcpTransport, Transport};
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Client, TestBroker, bytes_of, config};

/// Whether the broker serves this connection; one that it reset at accept fails somewhere on the way.
async fn is_served(client: std::io::Result<Client>) -> Option<Client> {
    let mut client = client.ok()?;
    let request = bytes_of(0, 1, &ApiVersionsRequest::default());
    client.stream.write_all(&request).await.ok()?;
    client.frame().await?;
    Some(client)
}

#[tokio::test]
async fn connections_per_address_are_limited_and_others_get_in() {
    let broker = TestBroker::start(&["max.connections.per.ip=3"]).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(
            is_served(Client::connect_from("127.0.0.2", broker.address()).await).await.unwrap(),
        );
    }
    assert!(is_served(Client::connect_from("127.0.0.2", broker.address()).await).await.is_none());
    assert!(is_served(Client::connect_from("127.0.0.3", broker.address()).await).await.is_some());
    // A place that is given back can be had again.
    open.pop();
    while is_served(Client::connect_from("127.0.0.2", broker.address()).await).await.is_none() {}
    broker.stop().await;
}

#[tokio::test]
async fn connections_in_all_are_limited() {
    let broker = TestBroker::start(&["max.connections=2"]).await;
    let _first = is_served(Ok(broker.connect().await)).await.unwrap();
    let _second = is_served(Ok(broker.connect().await)).await.unwrap();
    assert!(is_served(Client::connect_from("127.0.0.2", broker.address()).await).await.is_none());
    broker.stop().await;
}

#[tokio::test]
async fn request_above_the_limit_closes_and_one_at_the_limit_does_not() {
    let broker = TestBroker::start(&["socket.request.max.bytes=2000000"]).await;
    let body =
        [&18_i16.to_be_bytes()[..], &0_i16.to_be_bytes(), &[0, 0, 0, 9, 0xff, 0xff]].concat();
    for (size, is_answered) in [(2_000_000, true), (2_000_001, false)] {
        let mut client = broker.connect().await;
        // ApiVersions version 0 has no body: what follows the header is let pass.
        let mut frame = i32::to_be_bytes(size).to_vec();
        frame.extend_from_slice(&body);
        frame.resize(usize::try_from(size).unwrap() + 4, 0);
        drop(client.stream.write_all(&frame).await);
        assert_eq!(client.frame().await.is_some(), is_answered, "{size}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn stalled_frames_and_idle_connections_are_closed() {
    let overrides = ["highwater.frame.stall.ms=50", "connections.max.idle.ms=50"];
    let broker = TestBroker::start(&overrides).await;
    let mut stalled = broker.connect().await;
    stalled.raw(&[0, 0, 1, 0, 0, 18]).await;
    stalled.expect_closed().await;
    let mut idle = broker.connect().await;
    idle.expect_closed().await;
    broker.stop().await;
}

#[tokio::test]
async fn flood_of_requests_that_nobody_reads_answers_of_is_stopped() {
    let broker = TestBroker::start(&["highwater.response.stall.ms=200"]).await;
    let mut client = broker.connect().await;
    let request = bytes_of(0, 1, &ApiVersionsRequest::default());
    let many: Vec<u8> = request.iter().copied().cycle().take(request.len() * 1000).collect();
    // The broker stops reading, the kernel's buffers fill, and then it gives the connection up.
    let mut sent = 0_usize;
    while client.stream.write_all(&many).await.is_ok() {
        sent += 1000;
        assert!(sent < 50_000_000, "never stopped");
    }
    let mut honest = broker.connect().await;
    assert!(honest.call(0, &ApiVersionsRequest::default()).await.api_keys.len() > 1);
    let mut rest = [0; 4096];
    while client.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    broker.stop().await;
}

/// A transport whose listeners run out of descriptors now and then.
struct Exhausted {
    inner: TcpTransport,
    lent: Arc<AtomicU32>,
}

struct ExhaustedListener {
    inner: Box<dyn Listener>,
    failures_left: u32,
    lent: Arc<AtomicU32>,
}

impl Transport for Exhausted {
    fn listen<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        options: ListenOptions,
    ) -> BoxFuture<'a, std::io::Result<Box<dyn Listener>>> {
        let lent = Arc::clone(&self.lent);
        Box::pin(async move {
            let inner = self.inner.listen(host, port, options).await?;
            Ok(Box::new(ExhaustedListener { inner, failures_left: 3, lent }) as Box<dyn Listener>)
        })
    }

    fn connections_max(&self) -> Option<usize> {
        self.inner.connections_max()
    }

    fn open_files_max(&self) -> usize {
        self.inner.open_files_max()
    }
}

impl Listener for ExhaustedListener {
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<(Box<dyn Stream>, SocketAddr)>> {
        if self.failures_left > 0 {
            self.failures_left -= 1;
            let too_many_open_files = 24;
            return Poll::Ready(Err(std::io::Error::from_raw_os_error(too_many_open_files)));
        }
        self.inner.poll_accept(context)
    }

    fn lend_descriptors(&mut self, lend: bool) {
        self.lent.fetch_add(u32::from(lend), Ordering::Relaxed);
        self.inner.lend_descriptors(lend);
    }
}

#[tokio::test]
async fn broker_without_descriptors_lends_its_reserve_and_accepts_later() {
    let dir = tempfile::TempDir::new().unwrap();
    let lent = Arc::new(AtomicU32::new(0));
    let transport = Arc::new(Exhausted { inner: TcpTransport::new(), lent: Arc::clone(&lent) });
    let seams = Seams { transport, ..Seams::real().unwrap() };
    let server = Server::start(config(dir.path(), &[]), seams).await.unwrap();
    let mut client = Client::connect(server.local_addrs()[0]).await;
    assert!(!client.call(0, &ApiVersionsRequest::default()).await.api_keys.is_empty());
    assert_eq!(lent.load(Ordering::Relaxed), 3);
    assert!(server.stop().await.is_clean);
}
