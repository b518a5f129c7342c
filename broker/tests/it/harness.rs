//! A broker on a free port and a client that sends what it is told.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use highwater_broker::{Config, Properties, Seams, Server, StartError};
use highwater_protocol::{
    ApiKey, Message, Reader, Request, RequestHeader, ResponseHeader, Str, request_frame,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What takes longer than this never comes. A test that says a broker is woken has it wait far longer than this.
const PATIENCE: Duration = Duration::from_secs(45);

/// What `future` comes to; a test that waits for what never comes fails here.
pub(crate) async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what}: nothing in {PATIENCE:?}"))
}

/// A broker with a data directory of its own.
pub(crate) struct TestBroker {
    pub(crate) server: Server,
    pub(crate) dir: TempDir,
}

/// The configuration of a broker on `dir`, on a free port, with `overrides` (`key=value`).
pub(crate) fn config(dir: &Path, overrides: &[&str]) -> Config {
    let mut properties = Properties::default();
    properties.set("log.dirs", dir.to_str().unwrap());
    properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
    for pair in overrides {
        properties.set_pair(pair).unwrap();
    }
    Config::from_properties(properties).unwrap()
}

/// Starts a broker on a directory that outlives it.
pub(crate) async fn start_on(dir: &Path, overrides: &[&str]) -> Result<Server, StartError> {
    let seams = Seams { mutant: mutant(), ..Seams::real().unwrap() };
    Server::start(config(dir, overrides), seams).await
}

impl TestBroker {
    pub(crate) async fn start(overrides: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let server = start_on(dir.path(), overrides).await.unwrap();
        Self { server, dir }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addrs()[0]
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address()).await
    }

    /// Stops it and checks that nothing went wrong on the way.
    pub(crate) async fn stop(self) -> TempDir {
        assert_eq!(self.server.panic_count(), 0);
        let report = in_time("stop", self.server.stop()).await;
        // A connection that had to be cut off was not answered.
        assert_eq!((report.is_clean, report.cut_connection_count), (true, 0));
        self.dir
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    next_correlation_id: i32,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, next_correlation_id: 1 }
    }

    /// Connects from another address of this machine.
    pub(crate) async fn connect_from(source: &str, address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source.parse().unwrap(), 0))?;
        let stream = socket.connect(address).await?;
        Ok(Self { stream, next_correlation_id: 1 })
    }

    /// Sends a request and returns its correlation id.
    pub(crate) async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id += 1;
        self.raw(&bytes_of(version, correlation_id, request)).await;
        correlation_id
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame, without its size; `None` if the broker closed or reset the connection.
    pub(crate) async fn frame(&mut self) -> Option<Vec<u8>> {
        let frame = async {
            let size = self.stream.read_i32().await.ok()?;
            let mut frame = vec![0; usize::try_from(size).unwrap()];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame)
        };
        in_time("an answer", frame).await
    }

    /// The next answer; it must be one to `R`, whole, with nothing left over.
    pub(crate) async fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = self.frame().await.expect("an answer");
        decode(R::KEY, version, frame)
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let sent = self.send(version, request).await;
        let (received, response) = self.receive::<R>(version).await;
        assert_eq!(received, sent);
        response
    }

    /// The broker closes this connection without another byte.
    pub(crate) async fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        drop(in_time("the end of a connection", self.stream.read_to_end(&mut rest)).await);
        assert_eq!(rest, b"", "{} bytes before the end", rest.len());
    }
}

/// A request as it goes over the wire.
pub(crate) fn bytes_of<R: Request>(version: i16, correlation_id: i32, request: &R) -> Vec<u8> {
    let header = RequestHeader {
        api_key: R::KEY.code(),
        api_version: version,
        correlation_id,
        client_id: Some(Str::from_static("it")),
    };
    request_frame(&header, request).unwrap().into_bytes().to_vec()
}

pub(crate) fn decode<M: Message>(key: ApiKey, version: i16, frame: Vec<u8>) -> (i32, M) {
    // We trust our own broker; an answer may hold far more than its bytes in small structs.
    let mut reader = Reader::with_budget(frame.into(), 1 << 30);
    let header = ResponseHeader::decode(&mut reader, key, version).unwrap();
    let message = M::decode(&mut reader, version).unwrap();
    reader.expect_end().unwrap();
    (header.correlation_id, message)
}

/// The wrong variant that `cargo xtask mutants` asks for, if it does.
fn mutant() -> highwater_records::Mutant {
    match std::env::var_os("HIGHWATER_MUTANT") {
        Some(number) => highwater_records::Mutant::numbered(number.to_str().unwrap())
            .expect("a build with mutants"),
        None => highwater_records::Mutant::NONE,
    }
}
