//! What can go wrong between us and a broker.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::{DecodeError, EncodeError};
use highwater_records::ErrorCode;

/// Why a call to a cluster has no result.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// One connection failed under the call.
    #[error(transparent)]
    Connection(#[from] ConnectionFault),
    /// No address that we know answers.
    #[error("no broker answers; tried {}", Tried(tried))]
    NoBroker {
        /// What each address said, in the order tried.
        tried: Vec<ConnectionFault>,
    },
    /// The broker answered with an error code.
    #[error("{operation} at {address}: {}", Said { code: *code, message: message.as_deref() })]
    Refused {
        /// The API, in Kafka's spelling, or what was asked for.
        operation: String,
        /// The broker that said so.
        address: Arc<str>,
        /// What it said.
        code: ErrorCode,
        /// Its own words, where the protocol has room for them.
        message: Option<String>,
    },
    /// The broker and this client share no version of an API that the call needs.
    #[error("{api} at {address}: no common version; ours {}, theirs {}", Range(Some(*ours)), Range(*theirs))]
    UnsupportedVersion {
        /// The API, in Kafka's spelling.
        api: &'static str,
        /// The broker.
        address: Arc<str>,
        /// First and last version that we can use for this call.
        ours: (i16, i16),
        /// First and last version that the broker speaks; none if it does not have the API.
        theirs: Option<(i16, i16)>,
    },
    /// A request does not fit the wire, such as a text of more than 32 KiB in an old version.
    #[error("{api} cannot be written in version {version}")]
    Encode {
        /// The API, in Kafka's spelling.
        api: &'static str,
        /// The version agreed with the broker.
        version: i16,
        /// What does not fit.
        source: Arc<EncodeError>,
    },
    /// Time ran out while a call was tried again and again.
    #[error("{operation} did not succeed within {after:?}")]
    TimedOut {
        /// What was tried.
        operation: String,
        /// The time it was given.
        after: Duration,
        /// Why the last attempt failed.
        #[source]
        last: Option<Box<ClientError>>,
    },
    /// The cluster has no such topic.
    #[error("no topic {topic:?}")]
    UnknownTopic {
        /// Its name.
        topic: String,
    },
    /// The topic has no such partition.
    #[error("topic {topic:?} has {partition_count} partitions, and none is number {partition}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The number asked for.
        partition: i32,
        /// How many it has; they are numbered from 0.
        partition_count: usize,
    },
    /// The caller asked for something that makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
}

impl ClientError {
    /// The error code of the broker, if it was the broker that refused.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::TimedOut { last, .. } => last.as_ref().and_then(|last| last.code()),
            _ => None,
        }
    }
}

/// The end of one connection: it is closed, and whatever waited on it fails with this.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{address}: {cause}")]
pub struct ConnectionFault {
    /// The broker's address as we used it, `host:port`.
    pub address: Arc<str>,
    /// What happened.
    #[source]
    pub cause: FaultCause,
}

/// What ended a connection, or kept it from being made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultCause {
    /// The host name has no address.
    #[error("cannot resolve the host name: {0}")]
    Resolve(Arc<io::Error>),
    /// Nobody accepted the connection.
    #[error("cannot connect: {0}")]
    Connect(Arc<io::Error>),
    /// Neither accepted nor refused, or accepted and then mute.
    #[error("no connection within {0:?}")]
    ConnectTimedOut(Duration),
    /// The socket failed.
    #[error("{operation}: {source}")]
    Io {
        /// `read` or `write`.
        operation: &'static str,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The broker closed the connection.
    #[error("closed by the broker")]
    ClosedByPeer,
    /// We closed it.
    #[error("closed by this client")]
    ClosedByUs,
    /// An answer did not come in time; the connection may be dead.
    #[error("no answer to {api} within {after:?}")]
    RequestTimedOut {
        /// The API, in Kafka's spelling.
        api: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// An answer claims a size that we do not accept; probably this is not a Kafka broker.
    #[error("answer of {size_bytes} bytes, at most {max_bytes} are accepted")]
    ResponseTooLarge {
        /// What its prefix says.
        size_bytes: i64,
        /// The limit.
        max_bytes: usize,
    },
    /// An answer too short to say what it answers.
    #[error("an answer without a correlation id")]
    TruncatedAnswer,
    /// An answer to nothing that we asked.
    #[error("answer with correlation id {0}, which is not in flight")]
    UnexpectedAnswer(i32),
    /// An answer that cannot be read.
    #[error("answer to {api} version {version} cannot be read: {source}")]
    Decode {
        /// The API, in Kafka's spelling.
        api: &'static str,
        /// The version agreed with the broker.
        version: i16,
        /// Where reading stopped.
        source: Arc<DecodeError>,
    },
    /// The first request of a connection was refused.
    #[error("ApiVersions refused: {0}")]
    Handshake(ErrorCode),
}

struct Tried<'a>(&'a [ConnectionFault]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

struct Said<'a> {
    code: ErrorCode,
    message: Option<&'a str>,
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message {
            Some(message) if !message.is_empty() => write!(f, "{} ({message})", self.code),
            _ => write!(f, "{}", self.code),
        }
    }
}

struct Range(Option<(i16, i16)>);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((first, last)) => write!(f, "{first} to {last}"),
            None => f.write_str("none"),
        }
    }
}
