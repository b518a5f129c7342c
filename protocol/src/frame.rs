//! Frames: a 4-byte size, then that many bytes of header and body.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::{Buf, Bytes, BytesMut};

use crate::{ApiKey, EncodeError, Frame, Message, Request, RequestHeader, ResponseHeader, Writer};

/// Bytes of the size before each frame.
pub const FRAME_PREFIX_BYTES: usize = 4;

/// The stream of frames is broken; the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The size is below zero.
    #[error("a frame of {size} bytes")]
    NegativeSize {
        /// As it stood in the bytes.
        size: i32,
    },
    /// The size exceeds the limit of the reader.
    #[error("a frame of {size} bytes, at most {max} are allowed")]
    TooLarge {
        /// As it stood in the bytes.
        size: usize,
        /// The limit.
        max: usize,
    },
}

/// Cuts a stream of bytes into frames, however the bytes arrive.
///
/// Holds no bytes itself and allocates nothing: the caller's buffer grows with what arrived.
#[derive(Clone, Copy, Debug)]
pub struct FrameReader {
    frame_bytes_max: usize,
}

impl FrameReader {
    /// Takes frames of at most this many bytes (without the size); a larger one is
    /// [`FrameError::TooLarge`] as soon as its size is there.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max }
    }

    /// Changes the limit, for example after authentication.
    pub fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// The size of the frame at the front, if its four bytes are there. Excludes those four.
    ///
    /// Errors: any [`FrameError`].
    pub fn peek_size(&self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = buffer.first_chunk::<FRAME_PREFIX_BYTES>() else { return Ok(None) };
        let size = i32::from_be_bytes(*prefix);
        let max = self.frame_bytes_max;
        match usize::try_from(size) {
            Ok(size) if size <= max => Ok(Some(size)),
            Ok(size) => Err(FrameError::TooLarge { size, max }),
            Err(_) => Err(FrameError::NegativeSize { size }),
        }
    }

    /// Takes one whole frame, without its size, off the front of the buffer; `None` if more bytes
    /// have to come first. The frame shares the buffer's memory.
    ///
    /// Errors: any [`FrameError`]; the buffer is left as it was.
    pub fn next_frame(&self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(size) = self.peek_size(buffer)? else { return Ok(None) };
        if buffer.len().saturating_sub(FRAME_PREFIX_BYTES) < size {
            return Ok(None);
        }
        buffer.advance(FRAME_PREFIX_BYTES);
        Ok(Some(buffer.split_to(size).freeze()))
    }
}

/// A whole request as it goes over the wire: size, header, body. Key and version are the header's.
///
/// Errors: any [`EncodeError`].
pub fn request_frame<R: Request>(
    header: &RequestHeader,
    request: &R,
) -> Result<Frame, EncodeError> {
    let mut writer = Writer::framed();
    header.encode(&mut writer)?;
    request.encode(&mut writer, header.api_version)?;
    writer.finish()
}

/// A whole response as it goes over the wire: size, header, body.
///
/// Errors: any [`EncodeError`].
pub fn response_frame<M: Message>(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &M,
) -> Result<Frame, EncodeError> {
    let mut writer = Writer::framed();
    ResponseHeader { correlation_id }.encode(&mut writer, key, version);
    response.encode(&mut writer, version)?;
    writer.finish()
}
