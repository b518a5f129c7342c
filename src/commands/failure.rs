//! What the command says when it fails: what, where, why, and what to try.

use std::io::{self, Write};
use std::process::ExitCode;

use highwater::ErrorCode;
use highwater::client::{ClientError, FaultCause};
use highwater::consumer::ConsumeError;
use highwater::producer::ProduceError;

use super::output::printable;

/// Arguments that make no sense together; exit code 2, as for those that clap refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Something that was said already, part by part; only the exit code is left.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
pub(crate) struct Reported;

/// Writes the error to standard error and returns the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        // Who read our output has seen enough, such as `head`.
        return ExitCode::SUCCESS;
    }
    if !error.is::<Reported>() {
        tell(error);
    }
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// Writes the error to standard error, with what to try. Names in it come from anybody.
pub(crate) fn tell(error: &anyhow::Error) {
    let mut text = format!("error: {}\n", printable(&chain(error)));
    if let Some(hint) = hint(error) {
        text.push_str("  try: ");
        text.push_str(hint);
        text.push('\n');
    }
    // If standard error is gone there is nowhere left to say so.
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Says on standard error what is no failure and not what was asked for.
pub(crate) fn note(text: &str) {
    io::stderr().write_all(format!("{}\n", printable(text)).as_bytes()).ok();
}

/// The causes on one line, each said once.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let direct = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(|it| it.io_error_kind());
        direct.or(json) == Some(io::ErrorKind::BrokenPipe) && client_error(error).is_none()
    })
}

/// The error of the client below, whoever wrapped it.
fn client_error(error: &anyhow::Error) -> Option<&ClientError> {
    error.chain().find_map(|cause| {
        let produce = cause.downcast_ref::<ProduceError>().and_then(|error| match error {
            ProduceError::Client(error) => Some(error),
            _ => None,
        });
        let consume = cause.downcast_ref::<ConsumeError>().and_then(|error| match error {
            ConsumeError::Client(error) | ConsumeError::NoConsumerGroups { source: error } => {
                Some(error)
            }
            _ => None,
        });
        cause.downcast_ref::<ClientError>().or(produce).or(consume)
    })
}

fn hint(error: &anyhow::Error) -> Option<&'static str> {
    let is_no_group = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(ConsumeError::NoConsumerGroups { .. }))
    };
    if error.chain().any(is_no_group) {
        return Some("`highwater consume` without --group reads from any Kafka");
    }
    if let Some(code) = error.chain().find_map(code_of) {
        return hint_for_code(code);
    }
    client_error(error).and_then(hint_for_client)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    if let Some(error) = cause.downcast_ref::<ProduceError>() {
        return error.code();
    }
    if let Some(ConsumeError::Client(error)) = cause.downcast_ref::<ConsumeError>() {
        return error.code();
    }
    cause.downcast_ref::<ClientError>().and_then(ClientError::code)
}

fn hint_for_client(error: &ClientError) -> Option<&'static str> {
    const START: &str = "start a broker with `highwater serve`, or name one that runs with \
                         --brokers HOST:PORT or HIGHWATER_BROKERS";
    match error {
        ClientError::NoBroker { tried } => {
            tried.last().map_or(Some(START), |fault| hint_for_fault(&fault.cause).or(Some(START)))
        }
        ClientError::Connection(fault) => hint_for_fault(&fault.cause),
        ClientError::TimedOut { last: Some(last), .. } => hint_for_client(last),
        ClientError::UnknownTopic { .. } => Some(
            "`highwater topic list` shows the topics there are, `highwater topic create NAME` \
             makes one",
        ),
        ClientError::UnsupportedVersion { .. } => {
            Some("the broker is too old or too new for this; `highwater --version` is ours")
        }
        _ => None,
    }
}

fn hint_for_fault(cause: &FaultCause) -> Option<&'static str> {
    match cause {
        FaultCause::Resolve(_) => Some("check the spelling of the host name in --brokers"),
        FaultCause::Connect(_) | FaultCause::ConnectTimedOut(_) => Some(
            "start a broker with `highwater serve`, or name one that runs with --brokers \
             HOST:PORT or HIGHWATER_BROKERS",
        ),
        FaultCause::ClosedByPeer
        | FaultCause::ResponseTooLarge { .. }
        | FaultCause::Decode { .. }
        | FaultCause::UnexpectedAnswer(_)
        | FaultCause::TruncatedAnswer => Some(
            "check that a Kafka broker listens there, in plain text: a TLS port or another \
             server closes or answers like this",
        ),
        _ => None,
    }
}

fn hint_for_code(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::TopicAlreadyExists => "add --if-not-exists if that is fine",
        ErrorCode::UnknownTopicOrPartition => "`highwater topic list` shows the topics there are",
        ErrorCode::InvalidPartitions => "a topic can only grow: ask for more partitions than now",
        ErrorCode::InvalidReplicationFactor => "there are fewer brokers than that",
        ErrorCode::InvalidConfig => "`highwater config get` shows keys and values",
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            "raise the topic's max.message.bytes: `highwater config set topic NAME \
             max.message.bytes=...`"
        }
        ErrorCode::KafkaStorageError => {
            "the broker's disk is full or broken; its log says which directory"
        }
        ErrorCode::NotEnoughReplicas | ErrorCode::NotEnoughReplicasAfterAppend => {
            "fewer replicas are in sync than min.insync.replicas asks for; start the other brokers"
        }
        ErrorCode::GroupIdNotFound => "`highwater group list` shows the groups there are",
        ErrorCode::NonEmptyGroup | ErrorCode::UnknownMemberId => {
            "the group has members: stop them first; `highwater group members GROUP` shows them"
        }
        ErrorCode::TopicAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::GroupAuthorizationFailed => "ask for the right to do this",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anyhow::Context;
    use highwater::client::ConnectionFault;

    use super::*;

    fn refused() -> ClientError {
        let cause =
            FaultCause::Connect(Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused)));
        ClientError::NoBroker { tried: vec![ConnectionFault { address: "h:1".into(), cause }] }
    }

    #[test]
    fn failure_says_what_where_why_and_what_to_try() {
        let error = Err::<(), _>(refused()).context("cannot list topics").unwrap_err();
        let expected = "cannot list topics: no broker answers; \
                        tried h:1: cannot connect: connection refused";
        assert_eq!(chain(&error), expected);
        assert!(hint(&error).unwrap().contains("highwater serve"));
    }

    #[test]
    fn hint_reaches_through_the_errors_of_producer_and_consumer() {
        let produced = anyhow::Error::from(ProduceError::Client(refused()));
        assert!(hint(&produced).unwrap().contains("highwater serve"));
        let consumed = anyhow::Error::from(ConsumeError::Client(refused()));
        assert!(hint(&consumed).unwrap().contains("highwater serve"));
    }

    #[test]
    fn broker_without_consumer_groups_is_told_of_with_another_way() {
        let source = ClientError::UnsupportedVersion {
            api: "ConsumerGroupHeartbeat",
            address: "h:1".into(),
            ours: (0, 1),
            theirs: None,
        };
        let error = anyhow::Error::from(ConsumeError::NoConsumerGroups { source });
        assert!(chain(&error).contains("classic member yet: ConsumerGroupHeartbeat at h:1"));
        assert!(hint(&error).unwrap().contains("without --group"));
    }

    #[test]
    fn broken_pipe_of_our_output_is_quiet_and_one_of_a_connection_is_not() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(pipe())));
        let cause = FaultCause::Io { operation: "write", source: Arc::new(pipe()) };
        let fault = ConnectionFault { address: "h:1".into(), cause };
        assert!(!is_broken_pipe(&anyhow::Error::from(ClientError::Connection(fault))));
    }
}
