//! What must hold of frames, headers and messages, whatever bytes come.

use bytes::{Bytes, BytesMut};
use highwater_protocol::{
    AnyRequest, AnyResponse, ApiKey, FrameError, FrameReader, Reader, RequestHeader, Writer,
};

const FRAME_BYTES_MAX: usize = 200;

/// A stream cut into pieces gives the frames, and the error, of the whole stream. The first byte
/// says how it is cut.
pub fn frame(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let reader = FrameReader::new(FRAME_BYTES_MAX);
    let mut whole = BytesMut::from(stream);
    let expected = drain(reader, &mut whole);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    let mut error = None;
    for piece in stream.chunks(usize::from(*cut) + 1) {
        buffer.extend_from_slice(piece);
        let (more, refused) = drain(reader, &mut buffer);
        frames.extend(more);
        error = refused;
        if error.is_some() {
            break;
        }
    }
    assert_eq!((frames, error), expected);
    if error.is_none() {
        assert_eq!(buffer, whole, "what is left over");
    }
}

fn drain(reader: FrameReader, buffer: &mut BytesMut) -> (Vec<Bytes>, Option<FrameError>) {
    let mut frames = Vec::new();
    loop {
        match reader.next_frame(buffer) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

/// A header is refused, or says the same after it was written and read again.
pub fn header(data: &[u8]) {
    let mut reader = Reader::new(Bytes::copy_from_slice(data));
    let Ok(header) = RequestHeader::decode(&mut reader) else { return };
    assert!(reader.position() <= data.len());
    let mut writer = Writer::new();
    header.encode(&mut writer).expect("what was read can be written");
    let mut reader = Reader::new(writer.into_bytes().expect("it is small"));
    let again = RequestHeader::decode(&mut reader).expect("we read what we write");
    assert_eq!(again, header);
    // Of an ApiVersions from the future only the front is read.
    if ApiKey::from_code(header.api_key).is_none_or(|key| key.has_version(header.api_version)) {
        reader.expect_end().expect("nothing is left");
    }
}

/// A request of any API and version is refused, or says the same after it was written and read
/// again. The first byte chooses the API, the second the version.
pub fn request(data: &[u8]) {
    let Some((key, version, body)) = choose(data) else { return };
    let Ok(once) = AnyRequest::decode(key, version, &mut Reader::new(body)) else { return };
    let mut writer = Writer::new();
    once.encode(&mut writer, version).expect("what was read can be written");
    let written = writer.into_bytes().expect("it is small");
    let mut reader = Reader::with_budget(written.clone(), usize::MAX);
    let again = AnyRequest::decode(key, version, &mut reader).expect("we read what we write");
    reader.expect_end().expect("nothing is left");
    let mut writer = Writer::new();
    again.encode(&mut writer, version).expect("what was read can be written");
    assert_eq!(writer.into_bytes().expect("it is small"), written);
    // A number that is not a number is not equal to itself.
    assert_eq!(format!("{once:?}"), format!("{again:?}"));
}

/// The same for a response.
pub fn response(data: &[u8]) {
    let Some((key, version, body)) = choose(data) else { return };
    let Ok(once) = AnyResponse::decode(key, version, &mut Reader::new(body)) else { return };
    let mut writer = Writer::new();
    once.encode(&mut writer, version).expect("what was read can be written");
    let written = writer.into_bytes().expect("it is small");
    let mut reader = Reader::with_budget(written.clone(), usize::MAX);
    let again = AnyResponse::decode(key, version, &mut reader).expect("we read what we write");
    reader.expect_end().expect("nothing is left");
    let mut writer = Writer::new();
    again.encode(&mut writer, version).expect("what was read can be written");
    assert_eq!(writer.into_bytes().expect("it is small"), written);
    assert_eq!(format!("{once:?}"), format!("{again:?}"));
}

fn choose(data: &[u8]) -> Option<(ApiKey, i16, Bytes)> {
    let ([key, version], body) = data.split_first_chunk()?;
    let key = ApiKey::from_code(i16::from(*key)).filter(|key| key.has_messages())?;
    let version = i16::from(*version);
    key.has_version(version).then(|| (key, version, Bytes::copy_from_slice(body)))
}
