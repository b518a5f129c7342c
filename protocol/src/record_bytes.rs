//! [`Records`]: the bytes of record batches inside a message, never opened here.

use std::fmt;

use bytes::{Bytes, BytesMut};
use smallvec::{SmallVec, smallvec};

/// Record batches as shared chunks, one after the other.
///
/// What arrives is one chunk of its frame. What leaves may be many, from the tail cache or from
/// several reads; none is copied to join them.
#[derive(Clone, Default)]
pub struct Records {
    chunks: SmallVec<[Bytes; 1]>,
}

impl Records {
    /// No bytes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes behind the others; an empty chunk is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push(chunk);
        }
    }

    /// Length of all chunks together, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The chunks in order; none is empty.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// All bytes as one: free for one chunk, a copy for more.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            many => {
                let mut joined = BytesMut::with_capacity(self.len_bytes());
                for chunk in many {
                    joined.extend_from_slice(chunk);
                }
                joined.freeze()
            }
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::default() } else { Self { chunks: smallvec![bytes] } }
    }
}

impl FromIterator<Bytes> for Records {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let mut records = Self::default();
        for chunk in chunks {
            records.push(chunk);
        }
        records
    }
}

/// Equal bytes are equal records, however they are cut.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len_bytes() == other.len_bytes()
            && self.chunks.iter().flatten().eq(other.chunks.iter().flatten())
    }
}

impl Eq for Records {}

/// The size only: records belong to the user and not into a log.
impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({} bytes)", self.len_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_cut_differently_are_equal() {
        let whole = Records::from(Bytes::from_static(b"abcdef"));
        let cut: Records =
            [&b"ab"[..], b"", b"cdef"].into_iter().map(Bytes::copy_from_slice).collect();
        assert_eq!(whole, cut);
        assert_eq!(cut.chunks().len(), 2);
        assert_ne!(whole, Records::from(Bytes::from_static(b"abcdeg")));
        assert_eq!(cut.to_bytes(), "abcdef");
    }

    #[test]
    fn records_of_one_chunk_join_without_a_copy() {
        let bytes = Bytes::from(vec![7; 100]);
        assert_eq!(Records::from(bytes.clone()).to_bytes().as_ptr(), bytes.as_ptr());
    }
}
