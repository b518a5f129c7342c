//! One connection: one task that reads, dispatches and writes, without a hop between them.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use highwater_protocol::{DecodeError, EncodeError, Frame};
use highwater_records::Monotonic;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::net::answers::{Answers, Outcome};
use crate::net::budget::Charge;
use crate::net::input::{Arrived, BadSize, Filled, Input};
use crate::net::{Counters, Net};

/// Turns frames into answers. Called in the order of the requests; what a request changes has changed when the call (or, for
/// [`Dispatched::Admitting`] and [`Dispatched::Exclusive`], its future) is done.
pub(crate) trait Service: Send {
    fn call(&self, frame: Bytes) -> Result<Dispatched, Offence>;

    /// The peer sends no more, or is gone. Said once or twice, never because of a close of ours.
    fn on_peer_closed(&self) {}
}

/// What a request has become.
pub(crate) enum Dispatched {
    /// The answer.
    Ready(Frame),
    /// The request has taken effect; others may start while its answer waits.
    Waiting(BoxFuture<'static, Outcome>),
    /// Nothing starts before the answer is known.
    Exclusive(BoxFuture<'static, Outcome>),
    /// Not let in yet; nothing starts before it is.
    Admitting(BoxFuture<'static, Result<Dispatched, Offence>>),
    /// Done, without an answer.
    NoResponse,
    /// The connection closes, as the protocol has it.
    Close,
}

/// What makes the broker close a connection. One line in the log, with the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Offence {
    #[error("a request of {size} bytes (api key {api_key:?}); socket.request.max.bytes is {max}")]
    BadSize { size: i32, api_key: Option<i16>, max: usize },
    #[error("unknown api key {key}")]
    UnknownApi { key: i16 },
    #[error("version {version} of {api} is not served")]
    UnsupportedVersion { api: &'static str, version: i16 },
    #[error("request header: {0}")]
    Header(DecodeError),
    #[error("{api} version {version}: {error}")]
    Body { api: &'static str, version: i16, error: DecodeError },
    #[error("a request stopped in the middle")]
    FrameStalled,
    #[error("a request stopped in the middle while memory for others ran out")]
    Hoarding,
    #[error("answers were not taken")]
    ResponseStalled,
    /// Ours: an answer that its own version cannot say.
    #[error("the answer to {api} version {version} cannot be sent: {error}")]
    Answer { api: &'static str, version: i16, error: EncodeError },
}

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    PeerClosed,
    Failed(io::ErrorKind),
    /// As the protocol has it (a failed acks=0 produce).
    Closed,
    Idle,
    Stopped,
    Offence(Offence),
}

/// While this much waits to be written, no further request is started.
const UNWRITTEN_BYTES_MAX: usize = 256 * 1024;

/// A request or an answer under way must move so many bytes within the stall time.
const PROGRESS_BYTES_MIN: u64 = 4096;

/// While others wait for memory, a request under way must move within this time.
const HOARDING_STALL: Duration = Duration::from_secs(1);

/// After the last answer of a graceful stop, the peer gets this long to take it before what it still sends resets the connection.
const LINGER: Duration = Duration::from_millis(250);

/// One connection, whatever its bytes travel on.
pub(crate) struct Connection<S, V> {
    stream: S,
    service: V,
    peer: SocketAddr,
    net: Arc<Net>,
    input: Input,
    answers: Answers,
    admitting: Option<Admitting>,
    /// No whole frame is left of what has arrived.
    needs_input: bool,
    /// The peer sends no more.
    is_ended: bool,
    is_write_blocked: bool,
    has_moved: bool,
    active_at: Monotonic,
    /// Of the frame that has arrived in part.
    frame_window: Option<Window>,
    /// Of the answers the peer does not take.
    write_window: Option<Window>,
    /// Bytes both ways that are in the broker's counters.
    counted_in: u64,
    counted_out: u64,
}

struct Admitting {
    decision: BoxFuture<'static, Result<Dispatched, Offence>>,
    request_bytes: usize,
    charge: Option<Charge>,
}

/// A stretch of time in which bytes have to move.
#[derive(Clone, Copy)]
struct Window {
    since: Monotonic,
    /// Bytes moved before it began.
    bytes: u64,
    /// Frame the window is about.
    frame: u64,
    /// When and where bytes moved last.
    moved_at: Monotonic,
    moved_bytes: u64,
}

struct Timer<'a> {
    sleep: Pin<&'a mut Sleep>,
    at: Monotonic,
    /// It wakes the task when it is due.
    is_registered: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin, V: Service> Connection<S, V> {
    pub(crate) fn new(stream: S, service: V, peer: SocketAddr, net: Arc<Net>) -> Self {
        let (request_bytes_max, budget) = (net.limits.socket_request_max_bytes, &net.requests);
        let input = Input::new(request_bytes_max, budget.clone(), Arc::clone(&net.buffers));
        Self {
            stream,
            service,
            peer,
            input,
            answers: Answers::new(net.responses.clone(), net.mutant),
            admitting: None,
            needs_input: true,
            is_ended: false,
            is_write_blocked: false,
            has_moved: true,
            active_at: net.clock.monotonic(),
            frame_window: None,
            write_window: None,
            counted_in: 0,
            counted_out: 0,
            net,
        }
    }

    /// Serves until the connection ends, and says why.
    pub(crate) async fn run(mut self) -> End {
        let net = Arc::clone(&self.net);
        let mut sleep = pin!(tokio::time::sleep_until(net.clock.started()));
        let mut stopped = pin!(net.stop.begun_token().clone().cancelled_owned());
        let mut is_registered = false;
        let mut timer = Timer { sleep: sleep.as_mut(), at: Monotonic::MAX, is_registered: false };
        let end = std::future::poll_fn(|context| {
            // A task has one waker all its life: told once, the token knows it.
            is_registered = is_registered || register(stopped.as_mut(), context);
            match self.poll_serve(context) {
                Ok(()) => self.poll_timer(&mut timer, context),
                Err(end) => Poll::Ready(end),
            }
        })
        .await;
        self.finish(&end).await;
        end
    }

    /// Does all that can be done now. `Err` is the end.
    fn poll_serve(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        loop {
            let mut has_moved = false;
            let (could_start, wanted_input) = (self.may_start(), self.wants_input());
            if wanted_input {
                match self.input.poll_fill(&mut self.stream, context) {
                    Poll::Ready(Ok(Filled::Some)) => {
                        has_moved = true;
                        self.needs_input = false;
                    }
                    Poll::Ready(Ok(Filled::End)) => {
                        self.is_ended = true;
                        self.service.on_peer_closed();
                    }
                    Poll::Ready(Err(error)) => return Err(End::Failed(error.kind())),
                    Poll::Pending => {}
                }
            }
            has_moved |= self.poll_admitting(context)?;
            has_moved |= self.dispatch_arrived(context)?;
            has_moved |= self.answers.poll_collect(context).map_err(End::Offence)?;
            match self.answers.poll_write(&mut self.stream, context) {
                Poll::Ready(Ok(())) => self.is_write_blocked = false,
                Poll::Ready(Err(error)) => return Err(End::Failed(error.kind())),
                Poll::Pending => self.is_write_blocked = true,
            }
            self.count_bytes();
            // What became possible only now has not been tried, so nothing would wake this task for it.
            let is_untried =
                (self.may_start() && !could_start) || (self.wants_input() && !wanted_input);
            if !has_moved && !is_untried {
                return self.check_finished();
            }
            self.has_moved |= has_moved;
        }
    }

    fn count_bytes(&mut self) {
        let counters = &self.net.counters;
        let received = self.input.received_bytes();
        Counters::add_growth(&counters.bytes_in, &mut self.counted_in, received);
        let written = self.answers.written_bytes();
        Counters::add_growth(&counters.bytes_out, &mut self.counted_out, written);
    }

    /// Whether another request may start now.
    fn may_start(&self) -> bool {
        let limits = &self.net.limits;
        self.admitting.is_none()
            && !self.answers.is_exclusive()
            && self.answers.in_flight_count() < limits.in_flight_requests
            && self.answers.in_flight_bytes() < limits.in_flight_bytes
            && self.answers.unwritten_bytes() < UNWRITTEN_BYTES_MAX
    }

    /// Behind a request that others wait for, input is read too, until a whole frame is there: a join can wait for minutes, and a peer
    /// that is gone meanwhile must be noticed.
    fn wants_input(&self) -> bool {
        let needs_input = if self.answers.is_exclusive() {
            !self.input.has_next()
        } else {
            self.needs_input && self.may_start()
        };
        needs_input && !self.is_ended && !self.net.stop.is_begun()
    }

    /// Starts what has arrived, up to the limits. What is answered at once leaves in one write with the others.
    fn dispatch_arrived(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let mut has_moved = false;
        while self.may_start() {
            let arrived = self.input.next().map_err(|BadSize { size, api_key }| {
                let max = self.net.limits.socket_request_max_bytes;
                End::Offence(Offence::BadSize { size, api_key, max })
            })?;
            self.needs_input = arrived.is_none();
            let Some(Arrived { frame, charge }) = arrived else { break };
            let request_bytes = frame.len();
            Counters::add(&self.net.counters.requests);
            let dispatched = self.service.call(frame).map_err(End::Offence)?;
            self.take(dispatched, request_bytes, charge)?;
            if self.answers.is_exclusive() {
                self.answers.poll_collect(context).map_err(End::Offence)?;
            }
            has_moved = true;
        }
        Ok(has_moved)
    }

    fn take(
        &mut self,
        dispatched: Dispatched,
        request_bytes: usize,
        charge: Option<Charge>,
    ) -> Result<(), End> {
        match dispatched {
            Dispatched::Ready(frame) => self.answers.push_ready(frame, request_bytes),
            // The body is released here: what still waits must not keep memory from the fetches it waits for.
            Dispatched::Waiting(answer) => self.answers.push_waiting(answer, request_bytes),
            Dispatched::Exclusive(answer) => {
                self.answers.push_exclusive(answer, request_bytes, charge)
            }
            Dispatched::Admitting(decision) => {
                self.admitting = Some(Admitting { decision, request_bytes, charge });
            }
            Dispatched::NoResponse => {}
            Dispatched::Close => return Err(End::Closed),
        }
        Ok(())
    }

    fn poll_admitting(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let Some(admitting) = &mut self.admitting else { return Ok(false) };
        let Poll::Ready(decided) = admitting.decision.as_mut().poll(context) else {
            return Ok(false);
        };
        let Some(admitting) = self.admitting.take() else { return Ok(false) };
        let dispatched = decided.map_err(End::Offence)?;
        self.take(dispatched, admitting.request_bytes, admitting.charge)?;
        Ok(true)
    }

    /// Ends once there is nothing left to do: by the peer, or by a stop.
    fn check_finished(&self) -> Result<(), End> {
        let is_working = self.admitting.is_some() || self.answers.is_exclusive();
        let has_unwritten = self.answers.unwritten_bytes() > 0;
        if is_working || has_unwritten {
            return Ok(());
        }
        if self.is_ended {
            // Nobody is left to read what still waits.
            return Err(End::PeerClosed);
        }
        if self.net.stop.is_begun() && self.answers.in_flight_count() == 0 {
            return Err(End::Stopped);
        }
        Ok(())
    }

    // ---- time

    fn poll_timer(&mut self, timer: &mut Timer<'_>, context: &mut Context<'_>) -> Poll<End> {
        let now = self.net.clock.monotonic();
        self.note_progress(now);
        loop {
            let deadline = match self.check_deadlines(now) {
                Ok(deadline) => deadline,
                Err(end) => return Poll::Ready(end),
            };
            if deadline < timer.at {
                timer.at = deadline;
                timer.sleep.as_mut().reset(self.net.clock.instant(deadline));
                timer.is_registered = false;
            }
            // A task has one waker all its life: a timer that was told it once is looked at again when it is due.
            if timer.at == Monotonic::MAX || (timer.is_registered && now < timer.at) {
                return Poll::Pending;
            }
            if timer.sleep.as_mut().poll(context).is_pending() {
                timer.is_registered = true;
                return Poll::Pending;
            }
            // It was set for an earlier reason: set it for the one that counts now.
            timer.at = Monotonic::MAX;
        }
    }

    fn note_progress(&mut self, now: Monotonic) {
        if std::mem::take(&mut self.has_moved) {
            self.active_at = now;
        }
        // What we keep waiting is not blamed on the peer.
        let is_frame_due =
            self.input.is_partial() && self.wants_input() && !self.input.waits_for_budget();
        let frame = self.input.frame_count();
        let stall = self.net.limits.frame_stall;
        self.frame_window = is_frame_due.then(|| {
            Window::next(self.frame_window, now, self.input.received_bytes(), frame, stall)
        });
        let stall = self.net.limits.response_stall;
        self.write_window = self
            .is_write_blocked
            .then(|| Window::next(self.write_window, now, self.answers.written_bytes(), 0, stall));
    }

    /// When to look again; `Err` if the connection is at its end by now.
    fn check_deadlines(&self, now: Monotonic) -> Result<Monotonic, End> {
        let limits = &self.net.limits;
        let mut next = Monotonic::MAX;
        let mut check = |at: Monotonic, end: End| {
            next = next.min(at);
            if at <= now { Err(end) } else { Ok(()) }
        };
        if let Some(window) = &self.frame_window {
            check(window.since.plus(limits.frame_stall), End::Offence(Offence::FrameStalled))?;
            if self.input.hoarded_bytes() > 0 {
                let due = window.moved_at.plus(HOARDING_STALL);
                // Memory may run out for others at any time: look once in a while.
                let at = if self.net.requests.has_waiters() {
                    due
                } else {
                    due.max(now.plus(HOARDING_STALL))
                };
                check(at, End::Offence(Offence::Hoarding))?;
            }
        }
        if let Some(window) = &self.write_window {
            check(
                window.since.plus(limits.response_stall),
                End::Offence(Offence::ResponseStalled),
            )?;
        }
        let is_idle = self.answers.in_flight_count() == 0
            && self.admitting.is_none()
            && !self.is_write_blocked;
        if let Some(idle) = limits.connections_max_idle.filter(|_| is_idle) {
            check(self.active_at.plus(idle), End::Idle)?;
        }
        Ok(next)
    }

    // ---- the end

    async fn finish(&mut self, end: &End) {
        match end {
            End::Stopped => self.linger().await,
            End::Offence(offence) => {
                Counters::add(&self.net.counters.connections_offended);
                if let Some(kept_back) = self.net.limiter.pass(self.net.clock.monotonic()) {
                    tracing::warn!(peer = %self.peer, kept_back, "connection closed: {offence}");
                }
            }
            End::Failed(kind) => {
                self.service.on_peer_closed();
                tracing::debug!(peer = %self.peer, %kind, "connection failed");
            }
            End::Closed | End::PeerClosed | End::Idle => {
                if matches!(end, End::PeerClosed) {
                    self.service.on_peer_closed();
                }
                tracing::debug!(peer = %self.peer, ?end, "connection ended");
            }
        }
    }

    /// Ends our half and reads what the peer still sends: closing over unread bytes would reset the connection, and the last answers with it.
    async fn linger(&mut self) {
        let until = self.net.clock.instant(self.net.clock.monotonic().plus(LINGER));
        let stream = &mut self.stream;
        let drain = async {
            stream.shutdown().await?;
            std::future::poll_fn(|context| poll_discard(stream, context)).await
        };
        // Whether it ends in time or not, there is nothing more to do for this peer.
        drop(tokio::time::timeout_at(until, drain).await);
    }
}

impl Window {
    /// The window at `now`: a new one for a new frame or after enough progress, else the one that was.
    fn next(window: Option<Self>, now: Monotonic, bytes: u64, frame: u64, stall: Duration) -> Self {
        let new = Self { since: now, bytes, frame, moved_at: now, moved_bytes: bytes };
        let Some(mut window) = window.filter(|window| window.frame == frame) else { return new };
        let is_over = window.since.plus(stall) <= now;
        if is_over && bytes - window.bytes >= PROGRESS_BYTES_MIN {
            return new;
        }
        if bytes > window.moved_bytes {
            window.moved_at = now;
            window.moved_bytes = bytes;
        }
        window
    }
}

/// Reads to the end and keeps nothing.
fn poll_discard<S: AsyncRead + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let mut room = [MaybeUninit::uninit(); 4096];
        let mut read = ReadBuf::uninit(&mut room);
        std::task::ready!(Pin::new(&mut *stream).poll_read(context, &mut read))?;
        if read.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
    }
}

/// Tells the token whom to wake; true once it knows.
fn register(stopped: Pin<&mut WaitForCancellationFutureOwned>, context: &mut Context<'_>) -> bool {
    // Ready or not, the stop is read from its flag.
    matches!(stopped.poll(context), Poll::Ready(()) | Poll::Pending)
}

#[cfg(test)]
mod tests;
