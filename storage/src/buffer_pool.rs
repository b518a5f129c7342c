//! Large buffers that are used again.
//!
//! The first touch of a fresh page costs more than all else that is done with it, on a virtual
//! machine up to twenty times more. So what a large request was received in, or a read from a file
//! was made into, goes to the next one when its last user lets go: a connection, the tail cache, a
//! response under way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Smaller buffers are the allocator's: it has them at hand.
const POOLED_BYTES_MIN: usize = 32 << 10;

/// Larger ones come too seldom to be kept.
const POOLED_BYTES_MAX: usize = 16 << 20;

/// Sizes between two powers of two: at most a quarter of a buffer is not used.
const CLASSES_PER_DOUBLING: usize = 4;

/// Buffers that wait for their next use, of at most a given size together.
pub struct BufferPool {
    idle_bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle_bytes: usize,
    /// By size.
    classes: BTreeMap<usize, Class>,
}

#[derive(Default)]
struct Class {
    /// The one used last is used next: its pages are warm.
    idle: Vec<Vec<u8>>,
    /// So many were not wanted since the last [`BufferPool::release_unused`].
    unused_count: usize,
}

/// A buffer with a filled and an unfilled part.
pub struct Buffer {
    /// As long as its capacity; what lies past `filled_bytes` is of earlier use.
    bytes: Vec<u8>,
    filled_bytes: usize,
    pool: Arc<BufferPool>,
}

impl BufferPool {
    /// A pool that keeps at most this much for later.
    #[must_use]
    pub fn new(idle_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { idle_bytes_max, state: Mutex::new(State::default()) })
    }

    /// An empty buffer with room for `bytes` or somewhat more.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: usize) -> Buffer {
        let size = size_of_class(bytes);
        let idle = self.state.lock().take(size);
        let bytes = idle.unwrap_or_else(|| vec![0; size]);
        Buffer { bytes, filled_bytes: 0, pool: Arc::clone(self) }
    }

    /// Bytes that wait for their next use.
    #[must_use]
    pub fn idle_bytes(&self) -> usize {
        self.state.lock().idle_bytes
    }

    /// Frees what has not been used since the last call.
    pub fn release_unused(&self) {
        let released = self.state.lock().take_unused();
        // Giving memory back takes time; not while others wait.
        drop(released);
    }

    fn give(&self, bytes: Vec<u8>) {
        let size = bytes.len();
        if !(POOLED_BYTES_MIN..=POOLED_BYTES_MAX).contains(&size) {
            return;
        }
        let mut state = self.state.lock();
        if state.idle_bytes + size <= self.idle_bytes_max {
            state.idle_bytes += size;
            state.classes.entry(size).or_default().idle.push(bytes);
        }
    }
}

impl State {
    fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        let class = self.classes.get_mut(&size)?;
        let bytes = class.idle.pop()?;
        class.unused_count = class.unused_count.min(class.idle.len());
        self.idle_bytes -= size;
        Some(bytes)
    }

    fn take_unused(&mut self) -> Vec<Vec<u8>> {
        let mut released = Vec::new();
        for class in self.classes.values_mut() {
            released.extend(class.idle.drain(..class.unused_count.min(class.idle.len())));
            class.unused_count = class.idle.len();
        }
        self.classes.retain(|_, class| !class.idle.is_empty());
        self.idle_bytes -= released.iter().map(Vec::len).sum::<usize>();
        released
    }
}

/// `bytes` rounded up to the sizes that are kept.
fn size_of_class(bytes: usize) -> usize {
    if !(POOLED_BYTES_MIN..=POOLED_BYTES_MAX).contains(&bytes) {
        return bytes;
    }
    let step = (bytes.next_power_of_two() / 2 / CLASSES_PER_DOUBLING).max(1);
    bytes.next_multiple_of(step)
}

impl Buffer {
    /// What has been filled.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled_bytes).unwrap_or_default()
    }

    /// Room that is left. It holds bytes of earlier use.
    pub fn unfilled(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled_bytes..).unwrap_or_default()
    }

    /// Counts the next bytes as filled; at most all.
    pub fn advance(&mut self, bytes: usize) {
        self.filled_bytes = self.bytes.len().min(self.filled_bytes.saturating_add(bytes));
    }

    /// Appends bytes.
    ///
    /// # Panics
    /// If there is no room for them.
    pub fn extend(&mut self, bytes: &[u8]) {
        let room = self.unfilled().get_mut(..bytes.len());
        room.expect("the buffer was taken large enough").copy_from_slice(bytes);
        self.advance(bytes.len());
    }

    /// What has been filled, to be shared; the buffer is used again when all of it is dropped.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.filled()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.give(std::mem::take(&mut self.bytes));
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle_bytes = self.idle_bytes();
        f.debug_struct("BufferPool").field("idle_bytes", &idle_bytes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("filled_bytes", &self.filled_bytes)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pool: &Arc<BufferPool>, bytes: usize, content: u8) -> Bytes {
        let mut buffer = pool.take(bytes);
        buffer.extend(&vec![content; bytes]);
        buffer.freeze()
    }

    #[test]
    fn buffer_is_used_again_only_when_every_part_of_it_is_dropped() {
        let pool = BufferPool::new(10 << 20);
        let first = filled(&pool, 900_000, 1);
        let at = first.as_ptr();
        let part = first.slice(10..20);
        drop(first);
        let second = filled(&pool, 900_000, 2);
        assert_ne!(second.as_ptr(), at);
        assert_eq!(part, vec![1; 10]);
        drop(part);
        assert_eq!(filled(&pool, 890_000, 3).as_ptr(), at, "of the same class");
        assert_eq!(second, vec![2; 900_000]);
    }

    #[test]
    fn buffer_has_the_room_that_was_asked_for_and_at_most_a_quarter_more() {
        let pool = BufferPool::new(1 << 20);
        let mut asked = 1;
        while asked < 40 << 20 {
            let room = pool.take(asked).unfilled().len();
            assert!(room >= asked && room <= asked + asked / 4, "{room} for {asked}");
            asked += asked / 7 + 1;
        }
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_not_used_is_freed() {
        let pool = BufferPool::new(1 << 20);
        let held: Vec<_> = (0..100).map(|_| pool.take(100_000)).collect();
        assert_eq!(pool.idle_bytes(), 0);
        drop(held);
        let idle = pool.idle_bytes();
        assert!(idle > 800_000 && idle <= 1 << 20, "{idle}");
        pool.release_unused();
        assert_eq!(pool.idle_bytes(), idle, "used since the call before");
        let used = [pool.take(100_000), pool.take(100_000)];
        let size = used[0].bytes.len();
        drop(used);
        pool.release_unused();
        assert_eq!(pool.idle_bytes(), 2 * size);
        pool.release_unused();
        pool.release_unused();
        assert_eq!(pool.idle_bytes(), 0);
    }
}
