//! The Kafka wire: primitives, messages, headers, frames and the version table; and the records of
//! Kafka's internal topics, whose schemas are written in the same language.
//!
//! For anyone who reads or writes Kafka's protocol: the broker, the client, the coordinators, tests
//! and tools. The messages are defined in `definitions/*.txt`, one API a file, the keys and values
//! of internal topics in `definitions/records/*.txt`; `cargo xtask codegen` writes `src/generated`
//! from them. A field is a public Rust field, a version is an argument.
//!
//! Not here: sockets, what an API or an internal record means (`broker`, `coordinator`), and what
//! is inside a user's records (`records`): they pass through as shared bytes.
//!
//! **Invariant:** no decoder panics, and none allocates what a length claims: a count is compared
//! with the bytes left and with a memory budget in proportion to the frame ([`Reader::new`]).
//! **Invariant:** record bytes are never copied on decode, nor on encode from
//! [`SPLICE_BYTES_MIN`] on.
//! **Invariant:** what was decoded and is encoded again in the same version decodes to the same
//! value.
//!
//! Start at [`Message`]; for a server at [`FrameReader`], [`RequestHeader`] and
//! [`response_frame`]; for the table of APIs at [`ApiKey`]; for internal topics at
//! [`CoordinatorKey`].

#![forbid(unsafe_code)]
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod api;
mod coordinator_record;
mod error;
pub mod frame;
pub mod header;
mod message;
#[path = "generated/mod.rs"]
pub mod messages;
mod reader;
mod record_bytes;
#[path = "generated/records/mod.rs"]
pub mod records;
mod string;
mod writer;

pub use self::api::{Authorization, Operation, ResourceType};
pub use self::coordinator_record::{CoordinatorKey, CoordinatorValue};
pub use self::error::{DecodeError, EncodeError};
pub use self::frame::{FrameError, FrameReader, request_frame, response_frame};
pub use self::header::{RequestHeader, ResponseHeader};
pub use self::message::{Message, Primitive, Request};
pub use self::messages::any::{AnyRequest, AnyResponse};
pub use self::messages::api_key::ApiKey;
pub use self::reader::{Reader, STRING_BYTES_MAX, TAGGED_FIELD_BYTES_MAX};
pub use self::record_bytes::Records;
pub use self::string::Str;
pub use self::writer::{Frame, SPLICE_BYTES_MIN, Writer};
