//! A blocking client that sends exactly what it is told to.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use highwater_protocol::{Message, Reader, Request, Writer};
use socket2::{Domain, Socket, Type};

/// How long one answer may take before the test says that it never came.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Largest answer a test expects.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One connection; requests and answers as bytes.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    correlation_id: i32,
}

impl RawClient {
    /// Connects from the address the kernel picks.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        Self::over(stream)
    }

    /// Connects from a given loopback address, so that limits per address see somebody else.
    pub fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket
            .connect(&address.into())
            .with_context(|| format!("connect {source} to {address}"))?;
        Self::over(socket.into())
    }

    /// Sends a whole frame, size prefix included.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        self.stream.write_all(frame).context("send")
    }

    /// Receives one frame and returns it without its size prefix.
    pub fn receive(&mut self) -> Result<Bytes> {
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix).context("receive the size of an answer")?;
        let size = usize::try_from(u32::from_be_bytes(prefix))?;
        anyhow::ensure!(size <= ANSWER_BYTES_MAX, "an answer of {size} bytes");
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body).context("receive an answer")?;
        Ok(body.into())
    }

    /// Sends one request and returns its answer, which must use up every byte.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        let correlation_id = self.start(version, request)?;
        self.finish::<R>(version, correlation_id)
    }

    /// Sends one request; its answer is for [`RawClient::finish`].
    pub fn start<R: Request>(&mut self, version: i16, request: &R) -> Result<i32> {
        self.correlation_id += 1;
        self.send(&request_frame(version, self.correlation_id, request)?)?;
        Ok(self.correlation_id)
    }

    /// Receives the answer to the request that [`RawClient::start`] numbered.
    pub fn finish<R: Request>(&mut self, version: i16, correlation_id: i32) -> Result<R::Response> {
        let mut reader = Reader::new(self.receive()?);
        let answered = reader.i32()?;
        anyhow::ensure!(answered == correlation_id, "answer {answered} to {correlation_id}");
        if R::KEY.response_header_version(version) > 0 {
            reader.skip_tags()?;
        }
        let response = R::Response::decode(&mut reader, version)?;
        reader.expect_end()?;
        Ok(response)
    }

    /// Whether the broker closed the connection (or reset it) instead of answering.
    pub fn is_closed_by_peer(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream, correlation_id: 0 })
    }
}

/// A frame: the size prefix, then `parts` one after another.
pub fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let size = u32::try_from(size).expect("a test frame is far below 4 GiB");
    let mut bytes = size.to_be_bytes().to_vec();
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A whole request, size prefix included.
pub fn request_frame<R: Request>(
    version: i16,
    correlation_id: i32,
    request: &R,
) -> Result<Vec<u8>> {
    let mut writer = Writer::new();
    writer.i16(R::KEY.code());
    writer.i16(version);
    writer.i32(correlation_id);
    // The client id keeps its old form, with a 16-bit length, in every header.
    writer.nullable_string(false, &Some("tests".into()))?;
    if R::KEY.request_header_version(version) > 1 {
        writer.uvarint(0);
    }
    request.encode(&mut writer, version)?;
    Ok(frame(&[&writer.into_bytes()?]))
}
