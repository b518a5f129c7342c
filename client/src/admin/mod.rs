//! The admin client: topics, configs, records, groups and the cluster itself.

mod cluster;
mod configs;
mod group_members;
mod group_offsets;
mod groups;
mod records;
mod topics;

use std::time::Duration;

use highwater_protocol::Request;
use highwater_records::ErrorCode;

use crate::{Client, ClientError, ClientOptions, Connection};

pub use self::cluster::{Broker, ClusterDescription};
pub use self::configs::{
    AlterOperation, ConfigChange, ConfigEntry, ConfigResource, ConfigSource, ConfigSynonym,
};
pub use self::group_offsets::CommittedOffset;
pub use self::groups::{GroupDescription, GroupKind, GroupListing, GroupMember};
pub use self::topics::{CreateOptions, CreatedTopic, NewTopic, TopicDescription};

/// Creates, describes and changes what a cluster holds; cheap to clone.
///
/// Calls on several things answer for each of them; the outer error says that nobody could be
/// asked. Calls are tried again until `api_timeout` where Kafka calls the failure retriable. A
/// creation whose answer was lost may therefore be reported as `TOPIC_ALREADY_EXISTS`.
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
}

impl Admin {
    /// An admin client with the given settings. Nothing is connected before it is needed.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self { client: Client::new(options)? })
    }

    /// An admin client over a client that others use too.
    #[must_use]
    pub fn over(client: Client) -> Self {
        Self { client }
    }

    /// The client below.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a change to the controller; `codes` reads the error codes out of an answer, and one
    /// that says NOT_CONTROLLER sends us to the next.
    async fn at_controller<R: Request>(
        &self,
        request: &R,
        codes: impl Fn(&R::Response) -> Vec<ErrorCode>,
    ) -> Result<(Connection, R::Response), ClientError> {
        let operation = || R::KEY.name().to_owned();
        let attempt = |_| async {
            let connection = self.client.controller().await?;
            let response = connection.request(request).await?;
            if codes(&response).contains(&ErrorCode::NotController) {
                let code = ErrorCode::NotController;
                return Err(self.client.refusal(R::KEY.name(), &connection, code, None));
            }
            Ok((connection, response))
        };
        self.client.retry_until(self.client.api_deadline(), operation, attempt).await
    }

    /// What one item of an answer means.
    fn outcome(
        &self,
        operation: String,
        connection: &Connection,
        code: ErrorCode,
        message: Option<&str>,
    ) -> Result<(), ClientError> {
        if code.is_none() {
            return Ok(());
        }
        let message = message.map(str::to_owned);
        Err(self.client.refusal(&operation, connection, code, message))
    }

    fn timeout_ms(&self) -> i32 {
        let timeout: Duration = self.client.request_timeout();
        i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
    }
}
