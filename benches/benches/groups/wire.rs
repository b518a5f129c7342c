//! One connection that asks and waits for the answer, so that a thousand of them fit into one thread.

use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use highwater_protocol::Message;
use highwater_protocol::{Reader, Request};
use highwater_tests::request_frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A connection with at most one request under way.
pub(crate) struct Wire {
    stream: TcpStream,
    correlation_id: i32,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, correlation_id: 0 })
    }

    /// Goes on with a connection that blocked until now.
    pub(crate) fn over(stream: StdTcpStream) -> Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream)?, correlation_id: 0 })
    }

    /// Sends one request and returns its answer.
    pub(crate) async fn call<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response> {
        self.correlation_id += 1;
        let frame = request_frame(version, self.correlation_id, request)?;
        let mut reader = Reader::of_broker(self.exchange(&frame).await?);
        let answered = reader.i32()?;
        anyhow::ensure!(answered == self.correlation_id, "answer {answered} to another request");
        if R::KEY.response_header_version(version) > 0 {
            reader.skip_tags()?;
        }
        Ok(R::Response::decode(&mut reader, version)?)
    }

    /// Sends a whole frame and returns the answer without its size prefix.
    pub(crate) async fn exchange(&mut self, frame: &[u8]) -> Result<Bytes> {
        let exchanged = async {
            self.stream.write_all(frame).await?;
            let size = self.stream.read_u32().await?;
            let mut body = vec![0; usize::try_from(size)?];
            self.stream.read_exact(&mut body).await?;
            Ok(body.into())
        };
        tokio::time::timeout(ANSWER_MAX, exchanged).await.context("no answer in time")?
    }
}
