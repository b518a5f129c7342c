//! The cluster itself: who is in it.

use highwater_protocol::messages::describe_cluster::DescribeClusterRequest;
use highwater_records::{ErrorCode, NodeId};

use super::Admin;
use crate::metadata::join_address;
use crate::{ClientError, TopicsWanted};

/// A cluster and its brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id, if it has told.
    pub cluster_id: Option<String>,
    /// Where to send what changes it.
    pub controller: Option<NodeId>,
    /// Its brokers, in the order of their ids.
    pub brokers: Vec<Broker>,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: NodeId,
    /// `host:port`, as it advertises it.
    pub address: String,
    /// The rack it stands in.
    pub rack: Option<String>,
}

impl Admin {
    /// Who is in the cluster; asks by Metadata where the broker has no DescribeCluster.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, ClientError> {
        let operation = || "describing the cluster".to_owned();
        let attempt = |_| self.describe_cluster_once();
        let deadline = self.client.api_deadline();
        self.client.retry_until(deadline, operation, attempt).await
    }

    async fn describe_cluster_once(&self) -> Result<ClusterDescription, ClientError> {
        let connection = self.client.any_connection().await?;
        let request = DescribeClusterRequest { endpoint_type: 1, ..Default::default() };
        let response = match connection.request(&request).await {
            Err(ClientError::UnsupportedVersion { .. }) => {
                return self.describe_from_metadata().await;
            }
            answered => answered?,
        };
        if response.error_code != ErrorCode::None {
            let message = response.error_message.map(|message| message.to_string());
            let code = response.error_code;
            return Err(self.client.refusal("DescribeCluster", &connection, code, message));
        }
        let mut brokers: Vec<Broker> = response
            .brokers
            .iter()
            .map(|broker| Broker {
                id: NodeId::new(broker.broker_id),
                address: join_address(&broker.host, broker.port).to_string(),
                rack: broker.rack.as_ref().map(|rack| rack.to_string()),
            })
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(ClusterDescription {
            cluster_id: Some(response.cluster_id.to_string()),
            controller: (response.controller_id >= 0).then(|| NodeId::new(response.controller_id)),
            brokers,
        })
    }

    async fn describe_from_metadata(&self) -> Result<ClusterDescription, ClientError> {
        let metadata = self.client.refresh(TopicsWanted::None).await?;
        let brokers = metadata.brokers.iter().map(|(id, broker)| Broker {
            id: *id,
            address: broker.address.to_string(),
            rack: broker.rack.clone(),
        });
        Ok(ClusterDescription {
            cluster_id: metadata.cluster_id.clone(),
            controller: metadata.controller,
            brokers: brokers.collect(),
        })
    }
}
