//! Groups: list, describe, delete.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use highwater_protocol::Request;
use highwater_protocol::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ResponseGroup as ConsumerGroup,
};
use highwater_protocol::messages::delete_groups::DeleteGroupsRequest;
use highwater_protocol::messages::describe_groups::{
    DescribeGroupsRequest, ResponseGroup as ClassicGroup,
};
use highwater_protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use highwater_records::{ErrorCode, NodeId, TopicPartition};

use super::{Admin, group_members};
use crate::client::Lane;
use crate::{ClientError, Coordinator, TopicsWanted};

/// How the members of a group agree on who reads what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// By JoinGroup and SyncGroup: one of the members assigns.
    Classic,
    /// By heartbeats (KIP-848): the coordinator assigns.
    Consumer,
}

/// A group as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Its id.
    pub group_id: String,
    /// What kind of members it has, such as `consumer`; empty if it never had any.
    pub protocol_type: String,
    /// Its state in Kafka's words; none where the broker does not tell.
    pub state: Option<String>,
    /// Its type in Kafka's words, such as `classic`; none where the broker does not tell.
    pub group_type: Option<String>,
    /// The broker that looks after it.
    pub coordinator: NodeId,
}

/// A group as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its id.
    pub group_id: String,
    /// How it works.
    pub kind: GroupKind,
    /// Its state in Kafka's words: `Stable`, `Empty`, `Assigning`, ...
    pub state: String,
    /// What kind of members it has, such as `consumer`; empty if it never had any.
    pub protocol_type: String,
    /// The assignor in use; empty if there is none yet.
    pub assignor: String,
    /// The group's epoch, of a KIP-848 group.
    pub epoch: Option<i32>,
    /// The epoch that the assignment was made for, of a KIP-848 group.
    pub assignment_epoch: Option<i32>,
    /// The broker that looks after it.
    pub coordinator: NodeId,
    /// `host:port` of that broker.
    pub coordinator_address: String,
    /// Who is in it, in the order of member ids.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Its id.
    pub member_id: String,
    /// The name it keeps over restarts, of a static member.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// Its epoch, in a KIP-848 group.
    pub epoch: Option<i32>,
    /// The topics it asked for; none where they are not told.
    pub subscribed_topics: Vec<String>,
    /// The pattern of topics it asked for.
    pub subscribed_regex: Option<String>,
    /// What it reads, in order.
    pub assignment: Vec<TopicPartition>,
    /// What it will read once the others have let go, in a KIP-848 group.
    pub target: Option<Vec<TopicPartition>>,
}

impl Admin {
    /// Every group of the cluster, in the order of their ids: each broker is asked for its own.
    pub async fn list_groups(&self) -> Result<Vec<GroupListing>, ClientError> {
        let client = self.client();
        let brokers = || async {
            let metadata = client.refresh(TopicsWanted::None).await?;
            Ok(metadata.brokers.keys().copied().collect::<Vec<_>>())
        };
        let operation = || "listing groups".to_owned();
        let deadline = client.api_deadline();
        let nodes = client.retry_until(deadline, operation, |_| brokers()).await?;
        let asked = nodes.into_iter().map(async |node| {
            let attempt = |_| self.groups_of(node);
            client.retry_until(deadline, operation, attempt).await
        });
        let mut groups: BTreeMap<String, GroupListing> = BTreeMap::new();
        for listed in join_all(asked).await {
            // A group that moves while it is asked for may be told of twice.
            groups.extend(listed?.into_iter().map(|group| (group.group_id.clone(), group)));
        }
        Ok(groups.into_values().collect())
    }

    async fn groups_of(&self, node: NodeId) -> Result<Vec<GroupListing>, ClientError> {
        let connection = self.client().connection(node, Lane::Control).await?;
        let response: ListGroupsResponse =
            connection.request(&ListGroupsRequest::default()).await?;
        let operation = "listing groups".to_owned();
        self.outcome(operation, &connection, response.error_code, None)?;
        let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let groups = response.groups.iter().map(|group| GroupListing {
            group_id: group.group_id.to_string(),
            protocol_type: group.protocol_type.to_string(),
            state: told(&group.group_state),
            group_type: told(&group.group_type),
            coordinator: node,
        });
        Ok(groups.collect())
    }

    /// A group and its members; by DescribeGroups where it is a classic group, or the broker knows
    /// no other.
    ///
    /// Errors: GROUP_ID_NOT_FOUND, also where an old broker calls a group that is not there dead.
    pub async fn describe_group(&self, group: &str) -> Result<GroupDescription, ClientError> {
        match self.describe_consumer_group(group).await {
            Err(ClientError::UnsupportedVersion { .. }) | Ok(None) => {}
            Ok(Some(described)) => return Ok(described),
            Err(error) => return Err(error),
        }
        self.describe_classic_group(group).await
    }

    /// None if it is not a group of that kind.
    async fn describe_consumer_group(
        &self,
        group: &str,
    ) -> Result<Option<GroupDescription>, ClientError> {
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![group.into()],
            include_authorized_operations: false,
        };
        let newest = *ConsumerGroupDescribeRequest::KEY.versions().end();
        let code = |response: &<ConsumerGroupDescribeRequest as Request>::Response| {
            response.groups.first().map_or(ErrorCode::None, |group| group.error_code)
        };
        let client = self.client();
        let (coordinator, response) = client.at_coordinator(group, newest, &request, code).await?;
        let operation = format!("describing group {group}");
        let Some(answer) = response.groups.into_iter().next() else {
            return Err(self.unanswered(operation, &coordinator.connection));
        };
        if matches!(answer.error_code, ErrorCode::GroupIdNotFound | ErrorCode::UnsupportedVersion) {
            return Ok(None);
        }
        let message = answer.error_message.as_deref();
        self.outcome(operation, &coordinator.connection, answer.error_code, message)?;
        Ok(Some(consumer_group(answer, &coordinator)))
    }

    async fn describe_classic_group(&self, group: &str) -> Result<GroupDescription, ClientError> {
        let request = DescribeGroupsRequest {
            groups: vec![group.into()],
            ..DescribeGroupsRequest::default()
        };
        let newest = *DescribeGroupsRequest::KEY.versions().end();
        let code = |response: &<DescribeGroupsRequest as Request>::Response| {
            response.groups.first().map_or(ErrorCode::None, |group| group.error_code)
        };
        let client = self.client();
        let (coordinator, response) = client.at_coordinator(group, newest, &request, code).await?;
        let operation = format!("describing group {group}");
        let Some(answer) = response.groups.into_iter().next() else {
            return Err(self.unanswered(operation, &coordinator.connection));
        };
        let is_dead = answer.error_code.is_none() && &*answer.group_state == "Dead";
        let code = if is_dead { ErrorCode::GroupIdNotFound } else { answer.error_code };
        let message = answer.error_message.as_deref();
        self.outcome(operation, &coordinator.connection, code, message)?;
        Ok(classic_group(answer, &coordinator))
    }

    /// Deletes groups without members, with all their offsets; the answer for each stands in the
    /// order of `groups`.
    ///
    /// Errors: per group GROUP_ID_NOT_FOUND or NON_EMPTY_GROUP.
    pub async fn delete_groups(&self, groups: &[String]) -> Vec<Result<(), ClientError>> {
        let mut deleted = Vec::new();
        for group in groups {
            deleted.push(self.delete_group(group).await);
        }
        deleted
    }

    async fn delete_group(&self, group: &str) -> Result<(), ClientError> {
        let request = DeleteGroupsRequest { groups_names: vec![group.into()] };
        let newest = *DeleteGroupsRequest::KEY.versions().end();
        let code = |response: &<DeleteGroupsRequest as Request>::Response| {
            response.results.first().map_or(ErrorCode::None, |result| result.error_code)
        };
        let client = self.client();
        let (coordinator, response) = client.at_coordinator(group, newest, &request, code).await?;
        let operation = format!("deleting group {group}");
        match response.results.first() {
            Some(answer) => {
                self.outcome(operation, &coordinator.connection, answer.error_code, None)
            }
            None => Err(self.unanswered(operation, &coordinator.connection)),
        }
    }
}

fn consumer_group(group: ConsumerGroup, coordinator: &Coordinator) -> GroupDescription {
    let mut members: Vec<_> =
        group.members.into_iter().map(group_members::consumer_member).collect();
    members.sort_by(|a, b| a.member_id.cmp(&b.member_id));
    GroupDescription {
        group_id: group.group_id.to_string(),
        kind: GroupKind::Consumer,
        state: group.group_state.to_string(),
        protocol_type: "consumer".to_owned(),
        assignor: group.assignor_name.to_string(),
        epoch: Some(group.group_epoch),
        assignment_epoch: Some(group.assignment_epoch),
        coordinator: coordinator.node,
        coordinator_address: coordinator.connection.address().to_string(),
        members,
    }
}

fn classic_group(group: ClassicGroup, coordinator: &Coordinator) -> GroupDescription {
    let is_consumer = &*group.protocol_type == "consumer";
    let members = group.members.iter();
    let mut members: Vec<_> =
        members.map(|member| group_members::classic_member(member, is_consumer)).collect();
    members.sort_by(|a, b| a.member_id.cmp(&b.member_id));
    GroupDescription {
        group_id: group.group_id.to_string(),
        kind: GroupKind::Classic,
        state: group.group_state.to_string(),
        protocol_type: group.protocol_type.to_string(),
        assignor: group.protocol_data.to_string(),
        epoch: None,
        assignment_epoch: None,
        coordinator: coordinator.node,
        coordinator_address: coordinator.connection.address().to_string(),
        members,
    }
}
