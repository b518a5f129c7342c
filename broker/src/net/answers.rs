//! Answers in the order of their requests, and the bytes that are on their way out.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use highwater_protocol::Frame;
use highwater_records::{Mutant, Mutation};
use tokio::io::AsyncWrite;

use crate::net::budget::{Charge, MemoryBudget};
use crate::net::connection::Offence;

/// An answer that took time: the frame, or why the connection must close instead.
pub(crate) type Outcome = Result<Frame, Offence>;

/// Pieces handed to the kernel in one call.
const SLICES_MAX: usize = 64;

/// Answers from this size on are charged to the budget until they are written; smaller ones are bounded by their number.
const CHARGED_BYTES_MIN: usize = 4096;

/// The answers a connection owes and the bytes it has not got rid of.
pub(crate) struct Answers {
    slots: VecDeque<Slot>,
    in_flight_bytes: usize,
    outbox: Outbox,
    mutant: Mutant,
}

struct Slot {
    state: State,
    request_bytes: usize,
    /// Of the request, where it is needed until the answer.
    charge: Option<Charge>,
}

enum State {
    Ready(Frame),
    /// Polled when it comes to the front.
    Waiting(BoxFuture<'static, Outcome>),
    /// Polled at once; nothing stands behind it.
    Exclusive(BoxFuture<'static, Outcome>),
}

impl Answers {
    pub(crate) fn new(budget: MemoryBudget, mutant: Mutant) -> Self {
        let outbox = Outbox {
            segments: VecDeque::new(),
            len_bytes: 0,
            queued_bytes: 0,
            written_bytes: 0,
            charges: VecDeque::new(),
            budget,
        };
        Self { slots: VecDeque::new(), in_flight_bytes: 0, outbox, mutant }
    }

    /// Adds an answer that is known.
    pub(crate) fn push_ready(&mut self, frame: Frame, request_bytes: usize) {
        if self.slots.is_empty() && !self.mutant.is(Mutation::AnswersSwapped) {
            self.outbox.push(frame);
        } else {
            self.push(State::Ready(frame), request_bytes, None);
        }
    }

    /// Adds an answer that comes later, beside others.
    pub(crate) fn push_waiting(
        &mut self,
        answer: BoxFuture<'static, Outcome>,
        request_bytes: usize,
    ) {
        self.push(State::Waiting(answer), request_bytes, None);
    }

    /// Adds an answer that nothing may stand behind before it is known.
    pub(crate) fn push_exclusive(
        &mut self,
        answer: BoxFuture<'static, Outcome>,
        request_bytes: usize,
        charge: Option<Charge>,
    ) {
        self.push(State::Exclusive(answer), request_bytes, charge);
    }

    fn push(&mut self, state: State, request_bytes: usize, charge: Option<Charge>) {
        self.in_flight_bytes += request_bytes;
        self.slots.push_back(Slot { state, request_bytes, charge });
    }

    /// Whether the last request must be answered before another starts.
    pub(crate) fn is_exclusive(&self) -> bool {
        matches!(self.slots.back(), Some(Slot { state: State::Exclusive(_), .. }))
    }

    /// Requests without a complete answer.
    pub(crate) fn in_flight_count(&self) -> usize {
        self.slots.len()
    }

    /// Their bytes.
    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    /// Answer bytes the peer has not taken.
    pub(crate) fn unwritten_bytes(&self) -> usize {
        self.outbox.len_bytes
    }

    /// Answer bytes the peer has taken, in all.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.outbox.written_bytes
    }

    /// Moves what is known to the way out; returns whether anything became known.
    ///
    /// Errors: an answer that ends the connection.
    pub(crate) fn poll_collect(&mut self, context: &mut Context<'_>) -> Result<bool, Offence> {
        let mut has_moved = false;
        if self.mutant.is(Mutation::AnswersSwapped) && self.slots.len() > 1 {
            self.slots.swap(0, 1);
        }
        if self.slots.len() > 1
            && let Some(Slot { state, charge, .. }) = self.slots.back_mut()
            && let State::Exclusive(answer) = state
            && let Poll::Ready(outcome) = answer.as_mut().poll(context)
        {
            *state = State::Ready(outcome?);
            *charge = None;
            has_moved = true;
        }
        while let Some(slot) = self.slots.front_mut() {
            let frame = match &mut slot.state {
                State::Ready(frame) => std::mem::take(frame),
                State::Waiting(answer) | State::Exclusive(answer) => {
                    match answer.as_mut().poll(context) {
                        Poll::Ready(outcome) => outcome?,
                        Poll::Pending => break,
                    }
                }
            };
            self.in_flight_bytes -= slot.request_bytes;
            self.slots.pop_front();
            self.outbox.push(frame);
            has_moved = true;
        }
        Ok(has_moved)
    }

    /// Hands bytes to the kernel until all are gone (ready) or it takes no more (pending).
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.outbox.poll_write(stream, context)
    }
}

struct Outbox {
    segments: VecDeque<Bytes>,
    len_bytes: usize,
    queued_bytes: u64,
    written_bytes: u64,
    /// Held until so many bytes have been written.
    charges: VecDeque<(u64, Charge)>,
    budget: MemoryBudget,
}

impl Outbox {
    fn push(&mut self, frame: Frame) {
        self.len_bytes += frame.len;
        self.queued_bytes += frame.len as u64;
        if frame.len >= CHARGED_BYTES_MIN {
            self.charges.push_back((self.queued_bytes, self.budget.take_now(frame.len)));
        }
        self.segments.extend(frame.segments);
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        while !self.segments.is_empty() {
            let written = ready!(self.poll_write_some(stream, context))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_some<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        if let (Some(only), 1) = (self.segments.front(), self.segments.len()) {
            return Pin::new(stream).poll_write(context, only);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(segment);
            count += 1;
        }
        Pin::new(stream).poll_write_vectored(context, &slices[..count])
    }

    fn advance(&mut self, written: usize) {
        self.len_bytes -= written;
        self.written_bytes += written as u64;
        let mut left = written;
        while let Some(front) = self.segments.front_mut() {
            if left < front.len() {
                front.advance(left);
                break;
            }
            left -= front.len();
            self.segments.pop_front();
        }
        while self.charges.front().is_some_and(|(end, _)| *end <= self.written_bytes) {
            self.charges.pop_front();
        }
        if self.segments.is_empty() && self.segments.capacity() > SLICES_MAX {
            self.segments = VecDeque::new();
        }
    }
}
