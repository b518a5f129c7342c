//! Requests to frames, frames to responses.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use highwater_protocol::{
    DecodeError, EncodeError, Frame, Message, Reader, Request, RequestHeader, ResponseHeader,
    Writer,
};
use highwater_records::ErrorCode;

use crate::ClientError;

/// A request on its way out: the pieces of its frame that are not written yet.
#[derive(Debug)]
pub(crate) struct OutgoingFrame {
    frame: Frame,
    next: usize,
}

/// Encodes a request with its header and its size.
pub(crate) fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: &str,
) -> Result<OutgoingFrame, ClientError> {
    let encoded = || -> Result<Frame, EncodeError> {
        let mut writer = Writer::framed();
        let header = RequestHeader {
            api_key: R::KEY.code(),
            api_version: version,
            correlation_id,
            client_id: Some(client_id.into()),
        };
        header.encode(&mut writer)?;
        request.encode(&mut writer, version)?;
        writer.finish()
    };
    let frame = encoded().map_err(|source| ClientError::Encode {
        api: R::KEY.name(),
        version,
        source: Arc::new(source),
    })?;
    Ok(OutgoingFrame { frame, next: 0 })
}

/// Decodes an answer, header included; what is left over must be nothing.
pub(crate) fn decode_response<R: Request>(
    body: Bytes,
    version: i16,
) -> Result<R::Response, DecodeError> {
    let mut reader = Reader::new(body);
    ResponseHeader::decode(&mut reader, R::KEY, version)?;
    let response = R::Response::decode(&mut reader, version)?;
    reader.expect_end()?;
    Ok(response)
}

/// The correlation id at the front of every answer; none if the answer is too short.
pub(crate) fn correlation_of(body: &Bytes) -> Option<i32> {
    body.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes))
}

/// Whether an answer to ApiVersions says UNSUPPORTED_VERSION, and thus comes in version 0.
pub(crate) fn is_version_refusal(body: &Bytes) -> bool {
    let code = body.get(4..6).and_then(|bytes| bytes.first_chunk::<2>());
    code.map(|bytes| i16::from_be_bytes(*bytes)) == Some(ErrorCode::UnsupportedVersion.code())
}

impl Buf for OutgoingFrame {
    fn remaining(&self) -> usize {
        self.frame.segments.iter().skip(self.next).map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.frame.segments.get(self.next).map(Bytes::as_ref).unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.frame.segments.iter().skip(self.next);
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    fn advance(&mut self, written: usize) {
        let mut left = written;
        while left > 0 {
            let piece = &mut self.frame.segments[self.next];
            let step = left.min(piece.len());
            piece.advance(step);
            left -= step;
            if piece.is_empty() {
                self.next += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(pieces: &[&'static [u8]]) -> OutgoingFrame {
        let segments = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
        let len = pieces.iter().map(|piece| piece.len()).sum();
        OutgoingFrame { frame: Frame { segments, len }, next: 0 }
    }

    #[test]
    fn outgoing_frame_written_in_any_steps_leaves_whole() {
        for step in 1..=9 {
            let mut frame = frame(&[b"ab", b"c", b"defgh"]);
            let mut written = Vec::new();
            while frame.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = frame.chunks_vectored(&mut slices);
                let offered: Vec<u8> =
                    slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                let taken = step.min(offered.len());
                written.extend_from_slice(&offered[..taken]);
                frame.advance(taken);
            }
            assert_eq!(written, b"abcdefgh", "in steps of {step}");
        }
    }

    #[test]
    fn short_answer_has_no_correlation_id() {
        assert_eq!(correlation_of(&Bytes::from_static(&[0, 0, 1])), None);
        assert_eq!(correlation_of(&Bytes::from_static(&[0, 0, 1, 2, 9])), Some(258));
    }
}
