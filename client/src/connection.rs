//! One connection to one broker: many requests in flight, answers matched by correlation id.
//!
//! One task per connection writes requests and reads answers. A caller that goes away leaves
//! nothing half written: whole frames are handed to the task, and an answer that nobody waits for
//! is read and dropped. Dropping the last handle aborts the task and closes the socket at once.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use highwater_protocol::{ApiKey, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::negotiation::negotiate;
use crate::wire::{self, OutgoingFrame};
use crate::{BrokerVersions, ClientError, ClientOptions, ConnectionFault, FaultCause};

/// Room kept free in front of the next read.
const READ_BYTES: usize = 16 * 1024;

/// The most that is reserved at once for an answer that has not arrived yet: memory follows what
/// arrives, not what a length field claims.
const READ_AHEAD_BYTES_MAX: usize = 1024 * 1024;

/// A connection that has agreed on versions; cheap to clone, closed when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Connection {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Outgoing>,
    in_flight: Arc<Semaphore>,
    next_correlation: AtomicI32,
    versions: OnceLock<BrokerVersions>,
    client_id: String,
    request_timeout: Duration,
    /// Owns the connection's task: dropped with the last handle, it aborts the task.
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    address: Arc<str>,
    fault: OnceLock<ConnectionFault>,
    pending: Mutex<VecDeque<Pending>>,
    stop: Notify,
    response_bytes_max: usize,
}

/// A frame on its way to the socket, and who waits for its answer.
#[derive(Debug)]
struct Outgoing {
    frame: OutgoingFrame,
    pending: Option<Pending>,
    /// Held by frames without an answer until they are written.
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Pending {
    correlation: i32,
    reply: oneshot::Sender<Result<Bytes, ConnectionFault>>,
    _permit: OwnedSemaphorePermit,
}

/// An answer that is still to come; dropping it forgets the answer, not the request.
#[derive(Debug)]
pub struct PendingResponse<R: Request> {
    connection: Connection,
    reply: oneshot::Receiver<Result<Bytes, ConnectionFault>>,
    version: i16,
    started: Instant,
    request: PhantomData<fn() -> R>,
}

impl Connection {
    /// Connects to `address` and agrees on versions with ApiVersions (KIP-511).
    ///
    /// Errors: the address cannot be resolved or connected within the connect timeout, or who
    /// answers is no Kafka broker.
    pub async fn open(address: &str, options: &ClientOptions) -> Result<Self, ConnectionFault> {
        let within = options.connect_timeout;
        match tokio::time::timeout(within, Self::open_and_negotiate(address, options)).await {
            Ok(opened) => opened,
            Err(_) => Err(fault(&Arc::from(address), FaultCause::ConnectTimedOut(within))),
        }
    }

    async fn open_and_negotiate(
        address: &str,
        options: &ClientOptions,
    ) -> Result<Self, ConnectionFault> {
        let newest = *ApiKey::ApiVersions.versions().end();
        let mut connection = Self::connect(address, options).await?;
        let versions = match negotiate(&connection, newest).await {
            // Brokers from before KIP-511, and some others, close instead of answering in v0.
            Err(ConnectionFault { cause: FaultCause::ClosedByPeer, .. }) => {
                connection = Self::connect(address, options).await?;
                negotiate(&connection, 0).await?
            }
            negotiated => negotiated?,
        };
        connection.handle.versions.set(versions).expect("nobody else has this connection yet");
        Ok(connection)
    }

    async fn connect(address: &str, options: &ClientOptions) -> Result<Self, ConnectionFault> {
        let address: Arc<str> = Arc::from(address);
        let stream = connect_tcp(&address).await.map_err(|cause| fault(&address, cause))?;
        let (outgoing, queue) = mpsc::channel(options.in_flight_max.max(1));
        let shared = Arc::new(Shared {
            address,
            fault: OnceLock::new(),
            pending: Mutex::new(VecDeque::new()),
            stop: Notify::new(),
            response_bytes_max: options.response_bytes_max,
        });
        let in_flight = Arc::new(Semaphore::new(options.in_flight_max.max(1)));
        let mut task = JoinSet::new();
        task.spawn(run(stream, queue, Arc::clone(&shared), Arc::clone(&in_flight)));
        let handle = Handle {
            shared,
            outgoing,
            in_flight,
            next_correlation: AtomicI32::new(0),
            versions: OnceLock::new(),
            client_id: options.client_id.clone(),
            request_timeout: options.request_timeout,
            _task: task,
        };
        Ok(Self { handle: Arc::new(handle) })
    }

    /// Sends `request` in the newest common version and waits for the answer.
    ///
    /// Cancel-safe: a caller that goes away leaves the connection usable.
    pub async fn request<R: Request>(&self, request: &R) -> Result<R::Response, ClientError> {
        let version = self.version_of::<R>(&R::KEY.versions())?;
        self.request_in(request, version, self.handle.request_timeout).await
    }

    /// Sends `request` in `version` and waits at most `timeout` for the answer.
    pub async fn request_in<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<R::Response, ClientError> {
        self.start(request, version).await?.wait(timeout).await
    }

    /// Puts `request` on its way, after every request started before; the answer comes later.
    ///
    /// Waits while the connection has as many requests in flight as it may.
    pub async fn start<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<PendingResponse<R>, ClientError> {
        let permit = self.permit().await?;
        let (reply, receiver) = oneshot::channel();
        let (frame, correlation) = self.encode(request, version)?;
        let pending = Pending { correlation, reply, _permit: permit };
        self.hand_over(Outgoing { frame, pending: Some(pending), _permit: None })?;
        Ok(PendingResponse {
            connection: self.clone(),
            reply: receiver,
            version,
            started: Instant::now(),
            request: PhantomData,
        })
    }

    /// Puts a request on its way that never gets an answer (Produce with acks=0).
    pub async fn send<R: Request>(&self, request: &R, version: i16) -> Result<(), ClientError> {
        let permit = self.permit().await?;
        let (frame, _) = self.encode(request, version)?;
        self.hand_over(Outgoing { frame, pending: None, _permit: Some(permit) })?;
        Ok(())
    }

    /// The newest version of `R` that the broker serves and that lies in `within`.
    ///
    /// Errors: [`ClientError::UnsupportedVersion`].
    pub fn version_of<R: Request>(&self, within: &RangeInclusive<i16>) -> Result<i16, ClientError> {
        let versions = self.versions();
        versions.choose(R::KEY, within).ok_or_else(|| ClientError::UnsupportedVersion {
            api: R::KEY.name(),
            address: Arc::clone(self.address()),
            ours: (*within.start(), *within.end()),
            theirs: versions.range(R::KEY),
        })
    }

    /// The version ranges that the broker named when this connection was made.
    #[must_use]
    pub fn versions(&self) -> &BrokerVersions {
        self.handle.versions.get().expect("`open` sets them before it hands out the connection")
    }

    /// The address this connection was made to.
    #[must_use]
    pub fn address(&self) -> &Arc<str> {
        &self.handle.shared.address
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.handle.request_timeout
    }

    /// Whether the connection has ended and a new one is needed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.handle.shared.fault.get().is_some()
    }

    /// Closes the connection now; whatever waits on it fails.
    pub fn close(&self) {
        self.handle.fail(FaultCause::ClosedByUs);
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, ConnectionFault> {
        let in_flight = Arc::clone(&self.handle.in_flight);
        in_flight.acquire_owned().await.map_err(|_| self.handle.shared.ended())
    }

    fn encode<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<(OutgoingFrame, i32), ClientError> {
        let correlation = self.handle.next_correlation.fetch_add(1, Ordering::Relaxed);
        let frame = wire::encode_request(request, version, correlation, &self.handle.client_id)?;
        Ok((frame, correlation))
    }

    fn hand_over(&self, outgoing: Outgoing) -> Result<(), ConnectionFault> {
        // The queue is as long as there are permits, so it can be closed but never full.
        self.handle.outgoing.try_send(outgoing).map_err(|_| self.handle.shared.ended())
    }
}

impl<R: Request> PendingResponse<R> {
    /// Waits for the answer, at most `timeout` from the moment the request was started.
    ///
    /// Errors: when the time is over the connection is closed and with it all that waits on it.
    pub async fn wait(mut self, timeout: Duration) -> Result<R::Response, ClientError> {
        let body = self.body(timeout).await?;
        Ok(self.decode(body, self.version)?)
    }

    /// The version the request was sent in.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.version
    }

    /// The answer as it came, header included.
    pub(crate) async fn body(&mut self, timeout: Duration) -> Result<Bytes, ConnectionFault> {
        let handle = &self.connection.handle;
        match tokio::time::timeout_at(self.started + timeout, &mut self.reply).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(handle.shared.ended())),
            Err(_) => {
                let api = R::KEY.name();
                handle.fail(FaultCause::RequestTimedOut { api, after: timeout });
                Err(handle.shared.ended())
            }
        }
    }

    pub(crate) fn decode(&self, body: Bytes, version: i16) -> Result<R::Response, ConnectionFault> {
        wire::decode_response::<R>(body, version).map_err(|source| {
            let api = R::KEY.name();
            let cause = FaultCause::Decode { api, version, source: Arc::new(source) };
            self.connection.handle.fail(cause.clone());
            fault(self.connection.address(), cause)
        })
    }
}

impl Handle {
    fn fail(&self, cause: FaultCause) {
        self.shared.end(cause);
        self.in_flight.close();
        self.shared.stop.notify_one();
    }
}

impl Shared {
    /// Notes why the connection ended (the first reason counts) and fails all who wait.
    fn end(&self, cause: FaultCause) {
        let fault = self.fault.get_or_init(|| fault(&self.address, cause)).clone();
        let waiting = std::mem::take(&mut *self.lock_pending());
        for pending in waiting {
            // A caller that went away needs no answer.
            pending.reply.send(Err(fault.clone())).ok();
        }
    }

    fn ended(&self) -> ConnectionFault {
        let known = self.fault.get().cloned();
        known.unwrap_or_else(|| fault(&self.address, FaultCause::ClosedByUs))
    }

    fn lock_pending(&self) -> MutexGuard<'_, VecDeque<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a whole answer to whoever waits for it.
    fn answer(&self, frame: Bytes) -> Result<(), FaultCause> {
        let Some(correlation) = wire::correlation_of(&frame) else {
            return Err(FaultCause::TruncatedAnswer);
        };
        let mut pending = self.lock_pending();
        let at = pending.iter().position(|pending| pending.correlation == correlation);
        let waiting = at.and_then(|at| pending.remove(at));
        drop(pending);
        let waiting = waiting.ok_or(FaultCause::UnexpectedAnswer(correlation))?;
        // A caller that went away needs no answer.
        waiting.reply.send(Ok(frame)).ok();
        Ok(())
    }
}

async fn run(
    mut stream: TcpStream,
    mut queue: mpsc::Receiver<Outgoing>,
    shared: Arc<Shared>,
    in_flight: Arc<Semaphore>,
) {
    let (reader, writer) = stream.split();
    let cause = tokio::select! {
        biased;
        () = shared.stop.notified() => FaultCause::ClosedByUs,
        cause = read_answers(reader, &shared) => cause,
        cause = write_requests(writer, &mut queue, &shared) => cause,
    };
    shared.end(cause);
    in_flight.close();
}

async fn read_answers(mut reader: ReadHalf<'_>, shared: &Shared) -> FaultCause {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        let missing = loop {
            match split_frame(&mut buffer, shared.response_bytes_max) {
                Ok(Split::Frame(frame)) => {
                    if let Err(cause) = shared.answer(frame) {
                        return cause;
                    }
                }
                Ok(Split::Missing(bytes)) => break bytes,
                Err(cause) => return cause,
            }
        };
        buffer.reserve(missing.clamp(READ_BYTES, READ_AHEAD_BYTES_MAX));
        match reader.read_buf(&mut buffer).await {
            Ok(0) => return FaultCause::ClosedByPeer,
            Ok(_) => {}
            Err(source) => {
                return FaultCause::Io { operation: "read", source: Arc::new(source) };
            }
        }
    }
}

enum Split {
    /// One answer without its size prefix.
    Frame(Bytes),
    /// So many bytes of the next answer have not arrived.
    Missing(usize),
}

fn split_frame(buffer: &mut BytesMut, max_bytes: usize) -> Result<Split, FaultCause> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(Split::Missing(4 - buffer.len()));
    };
    let claimed = i32::from_be_bytes(*prefix);
    let size = usize::try_from(claimed).ok().filter(|size| *size <= max_bytes);
    let size = size.ok_or_else(|| FaultCause::ResponseTooLarge {
        size_bytes: i64::from(claimed),
        max_bytes,
    })?;
    let whole = size + 4;
    if buffer.len() < whole {
        return Ok(Split::Missing(whole - buffer.len()));
    }
    buffer.advance(4);
    Ok(Split::Frame(buffer.split_to(size).freeze()))
}

async fn write_requests(
    mut writer: WriteHalf<'_>,
    queue: &mut mpsc::Receiver<Outgoing>,
    shared: &Shared,
) -> FaultCause {
    while let Some(outgoing) = queue.recv().await {
        // In the list before the first byte leaves: the answer cannot be faster.
        if let Some(pending) = outgoing.pending {
            shared.lock_pending().push_back(pending);
        }
        let mut frame = outgoing.frame;
        while frame.has_remaining() {
            let mut slices = [std::io::IoSlice::new(&[]); 16];
            let count = frame.chunks_vectored(&mut slices);
            match writer.write_vectored(&slices[..count]).await {
                Ok(0) => return FaultCause::ClosedByPeer,
                Ok(written) => frame.advance(written),
                Err(source) => {
                    return FaultCause::Io { operation: "write", source: Arc::new(source) };
                }
            }
        }
    }
    FaultCause::ClosedByUs
}

async fn connect_tcp(address: &str) -> Result<TcpStream, FaultCause> {
    let resolved = tokio::net::lookup_host(address).await;
    let addresses = resolved.map_err(|source| FaultCause::Resolve(Arc::new(source)))?;
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without it the connection works, only slower; no reason to give it up.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(FaultCause::Connect(Arc::new(last)))
}

pub(crate) fn fault(address: &Arc<str>, cause: FaultCause) -> ConnectionFault {
    ConnectionFault { address: Arc::clone(address), cause }
}
