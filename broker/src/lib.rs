//! The broker: listeners, connections, handlers, partitions and the metadata quorum, joined in one place.
//!
//! What it is for: serving the Kafka protocol over the machines and the log of the crates below. It decides nothing about Kafka's
//! semantics that a pure machine could decide, and holds no file format.
//!
//! What it is not for: the command line, signals, log subscribers, process limits. An embedding process owns those; starting a broker
//! changes nothing about the process it lives in.
//!
//! **Invariant:** clock, chance, files, sockets and blocking threads are reached only through [`Seams`].
//! **Invariant:** every task is spawned through the task registry and ends before [`Server::stop`] returns.
//! **Invariant:** answers leave a connection in the order of its requests.
//!
//! Start at [`Server`] (`server.rs`, the only place where the parts are joined), then follow a request: `net/listener.rs`,
//! `net/connection.rs`, `net/dispatch.rs`, `handlers/<api>.rs`, `partition/`.

mod admin;
mod broker;
mod config;
mod context;
mod error_map;
mod fetch;
mod handlers;
mod hosts;
mod log_dirs;
mod metadata_cache;
mod metrics;
mod net;
mod partition;
mod quorum;
mod replicas;
mod seams;
mod server;
mod tasks;
mod workers;

pub use config::{
    Config, ConfigError, ConfigWarning, Endpoint, Limits, ListenerConfig,
    PROPERTIES_FILE_BYTES_MAX, Properties, PropertiesError,
};
pub use quorum::verify_metadata;
pub use seams::{
    Clock, ListenOptions, Listener, Seams, Stream, SystemClock, TcpTransport, Transport,
};
pub use server::{Server, StartError, StopReport};
pub use workers::{Job, Pool, RuntimeWorkers, ThreadWorkers, Workers};
