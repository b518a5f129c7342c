//! Bytes into frames. Memory follows what has arrived, never what a length claims.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use highwater_storage::{Buffer, BufferPool};
use tokio::io::{AsyncRead, ReadBuf};

use crate::net::budget::{Charge, MemoryBudget};

/// Frames above this get a buffer of their own, so that one small batch never pins a large buffer and a large one is never copied.
pub(crate) const SMALL_FRAME_BYTES_MAX: usize = 16 * 1024;

/// Most bytes of one read while no large frame is under way. The room is on the stack: an idle connection holds no buffer.
const READ_BYTES: usize = 32 * 1024;

/// First room for a large frame on a connection that has not sent one of its size before.
const LARGE_FRAME_FIRST_BYTES: usize = 64 * 1024;

/// A full buffer becomes this many times larger, at most as large as its frame.
const GROWTH_FACTOR: usize = 4;

const SIZE_BYTES: usize = 4;

/// The part of a connection that has arrived and is no request yet.
pub(crate) struct Input {
    request_bytes_max: usize,
    budget: MemoryBudget,
    buffers: Arc<BufferPool>,
    /// Small frames, and the first bytes of a large one.
    buffer: BytesMut,
    /// For the bytes of one read; held while `buffer` has any.
    buffer_charge: Option<Charge>,
    large: Option<Large>,
    /// Largest frame that has arrived whole: what this peer has paid for before.
    largest_bytes: usize,
    waiting: Option<BoxFuture<'static, Charge>>,
    received_bytes: u64,
    frame_count: u64,
}

struct Large {
    bytes: Buffer,
    /// What is charged; `bytes` may have somewhat more room.
    room_bytes: usize,
    frame_bytes: usize,
    charge: Charge,
}

/// A whole frame, without its size.
pub(crate) struct Arrived {
    pub(crate) frame: Bytes,
    /// Large frames: what they hold of the budget.
    pub(crate) charge: Option<Charge>,
}

/// A size no request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSize {
    pub(crate) size: i32,
    /// The api key after it, if that has arrived.
    pub(crate) api_key: Option<i16>,
}

/// What filling has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Something arrived: look for frames.
    Some,
    /// The peer will send no more.
    End,
}

impl Input {
    pub(crate) fn new(
        request_bytes_max: usize,
        budget: MemoryBudget,
        buffers: Arc<BufferPool>,
    ) -> Self {
        Self {
            request_bytes_max,
            budget,
            buffers,
            buffer: BytesMut::new(),
            buffer_charge: None,
            large: None,
            largest_bytes: 0,
            waiting: None,
            received_bytes: 0,
            frame_count: 0,
        }
    }

    /// The next whole frame, if it has arrived.
    pub(crate) fn next(&mut self) -> Result<Option<Arrived>, BadSize> {
        if let Some(large) = &self.large {
            if !large.is_whole() {
                return Ok(None);
            }
            let large = self.large.take().expect("looked at above");
            self.largest_bytes = self.largest_bytes.max(large.frame_bytes);
            self.frame_count += 1;
            return Ok(Some(Arrived { frame: large.bytes.freeze(), charge: Some(large.charge) }));
        }
        let Some(frame_bytes) = self.frame_bytes()? else { return Ok(None) };
        let end = SIZE_BYTES + frame_bytes;
        if frame_bytes > SMALL_FRAME_BYTES_MAX || self.buffer.len() < end {
            return Ok(None);
        }
        let mut frame = if self.buffer.len() == end {
            self.buffer_charge = None;
            std::mem::take(&mut self.buffer)
        } else {
            self.buffer.split_to(end)
        };
        frame.advance(SIZE_BYTES);
        self.frame_count += 1;
        Ok(Some(Arrived { frame: frame.freeze(), charge: None }))
    }

    /// Reads what there is, once it may be held.
    pub(crate) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<Filled>> {
        if self.large.is_none() && self.is_at_large_frame() {
            let room_bytes = LARGE_FRAME_FIRST_BYTES.max(self.largest_bytes * 2);
            let room_bytes = room_bytes.max(self.buffer.len());
            let frame_bytes = self.frame_bytes().ok().flatten().unwrap_or(0);
            let room_bytes = room_bytes.min(frame_bytes);
            let charge = ready!(self.poll_charge(room_bytes, context));
            self.begin_large(frame_bytes, room_bytes, charge);
            if self.large.as_ref().is_some_and(Large::is_whole) {
                return Poll::Ready(Ok(Filled::Some));
            }
        }
        let read_count = if self.large.is_some() {
            ready!(self.poll_fill_large(stream, context))?
        } else {
            ready!(self.poll_fill_buffer(stream, context))?
        };
        self.received_bytes += read_count as u64;
        Poll::Ready(Ok(if read_count == 0 { Filled::End } else { Filled::Some }))
    }

    /// Whether [`Input::next`] has something to say without further input.
    pub(crate) fn has_next(&self) -> bool {
        if let Some(large) = &self.large {
            return large.is_whole();
        }
        match self.frame_bytes() {
            Ok(Some(frame_bytes)) => {
                frame_bytes <= SMALL_FRAME_BYTES_MAX
                    && self.buffer.len() >= SIZE_BYTES + frame_bytes
            }
            Ok(None) => false,
            Err(BadSize { .. }) => true,
        }
    }

    /// Whether a frame has arrived in part.
    pub(crate) fn is_partial(&self) -> bool {
        self.large.is_some() || !self.buffer.is_empty()
    }

    /// Whether it is our memory that the peer waits for.
    pub(crate) fn waits_for_budget(&self) -> bool {
        self.waiting.is_some()
    }

    /// Bytes held for a frame that has arrived in part, beyond what every connection may hold.
    pub(crate) fn hoarded_bytes(&self) -> usize {
        self.large.as_ref().map_or(0, |large| large.room_bytes)
    }

    /// Bytes received in all.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Frames taken in all: the number of the frame that is under way.
    pub(crate) fn frame_count(&self) -> u64 {
        self.frame_count
    }

    /// Size of the frame at the front of the buffer.
    fn frame_bytes(&self) -> Result<Option<usize>, BadSize> {
        let Some(prefix) = self.buffer.first_chunk::<SIZE_BYTES>() else { return Ok(None) };
        let size = i32::from_be_bytes(*prefix);
        let api_key =
            || self.buffer[SIZE_BYTES..].first_chunk().map(|key| i16::from_be_bytes(*key));
        match usize::try_from(size) {
            Ok(frame_bytes) if frame_bytes <= self.request_bytes_max => Ok(Some(frame_bytes)),
            Ok(_) | Err(_) => Err(BadSize { size, api_key: api_key() }),
        }
    }

    fn is_at_large_frame(&self) -> bool {
        matches!(self.frame_bytes(), Ok(Some(frame_bytes)) if frame_bytes > SMALL_FRAME_BYTES_MAX)
    }

    fn begin_large(&mut self, frame_bytes: usize, room_bytes: usize, charge: Charge) {
        let mut bytes = self.buffers.take(room_bytes);
        self.buffer.advance(SIZE_BYTES);
        let arrived = self.buffer.split_to(self.buffer.len().min(frame_bytes));
        bytes.extend(&arrived);
        drop(arrived);
        self.release_empty_buffer();
        self.large = Some(Large { bytes, room_bytes, frame_bytes, charge });
    }

    fn release_empty_buffer(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.buffer_charge = None;
        }
    }

    fn poll_charge(&mut self, bytes: usize, context: &mut Context<'_>) -> Poll<Charge> {
        if self.waiting.is_none() {
            if let Some(charge) = self.budget.try_take(bytes) {
                return Poll::Ready(charge);
            }
            let budget = self.budget.clone();
            // Who holds part of a frame may go over the budget to get the rest; others wait their turn.
            let may_overdraw = self.is_partial();
            self.waiting = Some(Box::pin(async move {
                if may_overdraw {
                    budget.take_or_overdraw(bytes).await
                } else {
                    budget.take(bytes).await
                }
            }));
        }
        let waiting = self.waiting.as_mut().expect("set above");
        let charge = ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        Poll::Ready(charge)
    }

    fn poll_fill_buffer<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        if self.buffer_charge.is_none() {
            self.buffer_charge = Some(ready!(self.poll_charge(READ_BYTES, context)));
        }
        let mut room = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut read = ReadBuf::uninit(&mut room);
        let outcome = Pin::new(stream).poll_read(context, &mut read);
        let read_count = read.filled().len();
        self.buffer.extend_from_slice(read.filled());
        self.release_empty_buffer();
        outcome.map_ok(|()| read_count)
    }

    fn poll_fill_large<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        let (arrived, room_bytes, frame_bytes) = match &self.large {
            Some(large) => (large.bytes.filled().len(), large.room_bytes, large.frame_bytes),
            None => return Poll::Ready(Ok(0)),
        };
        if arrived == room_bytes {
            let grown = frame_bytes.min(room_bytes.saturating_mul(GROWTH_FACTOR));
            let charge = ready!(self.poll_charge(grown - room_bytes, context));
            if let Some(large) = &mut self.large {
                large.charge.merge(charge);
                let mut bytes = self.buffers.take(grown);
                bytes.extend(large.bytes.filled());
                large.bytes = bytes;
                large.room_bytes = grown;
            }
        }
        let Some(large) = &mut self.large else { return Poll::Ready(Ok(0)) };
        let left = large.room_bytes - arrived;
        let mut read = ReadBuf::new(large.bytes.unfilled().get_mut(..left).unwrap_or_default());
        let outcome = Pin::new(stream).poll_read(context, &mut read);
        let read_count = read.filled().len();
        large.bytes.advance(read_count);
        outcome.map_ok(|()| read_count)
    }
}

impl Large {
    fn is_whole(&self) -> bool {
        self.bytes.filled().len() >= self.frame_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut frame = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(body);
        frame
    }

    fn body(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    /// Feeds the pieces one read each and returns the frames.
    async fn read_all(input: &mut Input, pieces: Vec<Vec<u8>>) -> Vec<Bytes> {
        let mut builder = Pieces { pieces: pieces.into() };
        let mut frames = Vec::new();
        loop {
            while let Some(arrived) = input.next().unwrap() {
                frames.push(arrived.frame);
            }
            let filled =
                std::future::poll_fn(|context| input.poll_fill(&mut builder, context)).await;
            if filled.unwrap() == Filled::End {
                return frames;
            }
        }
    }

    struct Pieces {
        pieces: std::collections::VecDeque<Vec<u8>>,
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
            room: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            if let Some(mut piece) = self.pieces.pop_front() {
                let rest = piece.split_off(piece.len().min(room.remaining()));
                room.put_slice(&piece);
                if !rest.is_empty() {
                    self.pieces.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn frames_of_all_sizes_arrive_whole_however_they_are_cut() {
        let many = [0, 1, 100, 16_384, 16_385, 3, 70_000, 1_000_000, 5, 400_000];
        let few = [100, 20_000, 7];
        for (lengths, piece_bytes) in [
            (&few[..], 1),
            (&few[..], 3),
            (&many[..], 1000),
            (&many[..], 4096),
            (&many[..], 32_768),
            (&many[..], 100_000),
            (&many[..], 10_000_000),
        ] {
            let bodies: Vec<Vec<u8>> = lengths.iter().map(|length| body(*length)).collect();
            let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
            let budget = MemoryBudget::new(8 << 20);
            let mut input = Input::new(1_000_000, budget.clone(), BufferPool::new(1 << 20));
            let frames =
                read_all(&mut input, stream.chunks(piece_bytes).map(<[u8]>::to_vec).collect())
                    .await;
            assert_eq!(frames.len(), bodies.len());
            assert!(frames.iter().zip(&bodies).all(|(frame, body)| frame == body));
            drop(frames);
            assert_eq!(budget.free_bytes(), 8 << 20);
        }
    }

    #[tokio::test]
    async fn memory_follows_the_bytes_received_and_not_the_claim() {
        let budget = MemoryBudget::new(64 << 20);
        let mut input = Input::new(16 << 20, budget.clone(), BufferPool::new(1 << 20));
        let mut stream = Pieces { pieces: [frame(&body(16 << 20))[..1000].to_vec()].into() };
        for _ in 0..3 {
            drop(
                std::future::poll_fn(|context| Poll::Ready(input.poll_fill(&mut stream, context)))
                    .await,
            );
            assert!(input.next().unwrap().is_none());
        }
        let held = (64 << 20) - budget.free_bytes();
        assert!(held <= LARGE_FRAME_FIRST_BYTES, "{held}");
    }

    #[tokio::test]
    async fn absurd_sizes_are_refused_before_anything_is_held() {
        for size in [-1, i32::MIN, i32::MAX, 1001] {
            let mut input = Input::new(1000, MemoryBudget::new(1 << 20), BufferPool::new(1 << 20));
            let mut bytes = size.to_be_bytes().to_vec();
            bytes.extend_from_slice(&[0, 3]);
            let mut stream = Pieces { pieces: [bytes].into() };
            let filled =
                std::future::poll_fn(|context| input.poll_fill(&mut stream, context)).await;
            assert_eq!(filled.unwrap(), Filled::Some);
            let refused = input.next().err().unwrap();
            assert_eq!(refused, BadSize { size, api_key: Some(3) });
        }
    }

    #[tokio::test]
    async fn reading_waits_for_the_budget() {
        let budget = MemoryBudget::new(READ_BYTES);
        let held = budget.try_take(1).unwrap();
        let mut input = Input::new(1000, budget, BufferPool::new(1 << 20));
        let mut stream = Pieces { pieces: [frame(b"abc")].into() };
        let first =
            std::future::poll_fn(|context| Poll::Ready(input.poll_fill(&mut stream, context)))
                .await;
        assert!(first.is_pending());
        assert!(input.waits_for_budget());
        drop(held);
        assert_eq!(read_all(&mut input, Vec::new()).await, Vec::<Bytes>::new());
        assert_eq!(
            read_all(&mut input, vec![frame(b"abc")]).await,
            vec![Bytes::from_static(b"abc")]
        );
    }
}
