//! Which broker looks after a group.

use std::sync::Arc;

use highwater_protocol::messages::find_coordinator::FindCoordinatorRequest;
use highwater_protocol::{ApiKey, Request};
use highwater_records::{ErrorCode, NodeId};

use crate::client::Lane;
use crate::metadata::join_address;
use crate::{Client, ClientError, Connection};

/// The broker that looks after a group, as of the last answer about it.
#[derive(Clone, Debug)]
pub struct Coordinator {
    /// Its id.
    pub node: NodeId,
    /// The connection to it.
    pub connection: Connection,
}

impl Client {
    /// Asks any broker once who looks after `group`, and connects to that broker.
    ///
    /// Errors: COORDINATOR_NOT_AVAILABLE, which is retriable, while nobody does.
    pub async fn coordinator(&self, group: &str, lane: Lane) -> Result<Coordinator, ClientError> {
        let connection = self.any_connection().await?;
        // One of the two is written, as the version has it.
        let request = FindCoordinatorRequest {
            key: group.into(),
            key_type: 0,
            coordinator_keys: vec![group.into()],
        };
        let response = connection.request(&request).await?;
        let (code, message, node, host, port) = match response.coordinators.into_iter().next() {
            Some(found) => {
                (found.error_code, found.error_message, found.node_id, found.host, found.port)
            }
            None => (
                response.error_code,
                response.error_message,
                response.node_id,
                response.host,
                response.port,
            ),
        };
        if !code.is_none() {
            let operation = format!("looking up the coordinator of group {group}");
            let message = message.map(|message| message.to_string());
            return Err(self.refusal(&operation, &connection, code, message));
        }
        let node = NodeId::new(node);
        let address: Arc<str> = join_address(&host, port);
        let connection = self.connection_to(node, lane, &address).await?;
        Ok(Coordinator { node, connection })
    }

    /// Asks the coordinator of `group`, and looks it up again where it is not, or not yet, the
    /// one. `code` reads the error that concerns the request as a whole; such an error that is not
    /// retriable is left in the answer.
    pub async fn at_coordinator<R: Request>(
        &self,
        group: &str,
        newest: i16,
        request: &R,
        code: impl Fn(&R::Response) -> ErrorCode,
    ) -> Result<(Coordinator, R::Response), ClientError> {
        let operation = || of_group(R::KEY, group);
        let attempt = |_| async {
            let coordinator = self.coordinator(group, Lane::Control).await?;
            let connection = &coordinator.connection;
            let version = connection.version_of::<R>(&(*R::KEY.versions().start()..=newest))?;
            let response = connection.request_in(request, version, self.request_timeout()).await?;
            match code(&response) {
                code if code.is_retriable() => {
                    Err(self.refusal(&operation(), connection, code, None))
                }
                _ => Ok((coordinator, response)),
            }
        };
        self.retry_until(self.api_deadline(), operation, attempt).await
    }
}

/// What a call is called in errors.
fn of_group(key: ApiKey, group: &str) -> String {
    format!("{} of group {group}", key.name())
}
