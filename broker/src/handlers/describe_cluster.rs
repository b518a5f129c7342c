//! DescribeCluster: the brokers and who is the controller.
//!
//! Source: KIP-700, KIP-919 (endpoint types), KIP-1073 (fenced brokers).

use std::sync::Arc;

use highwater_controller::MetadataImage;
use highwater_protocol::Str;
use highwater_protocol::messages::describe_cluster::{
    DescribeClusterRequest, DescribeClusterResponse, ResponseBroker,
};
use highwater_records::{ErrorCode, NodeId};

use super::authorized_operations as operations;
use crate::broker::Broker;
use crate::context::RequestContext;

const BROKER_ENDPOINTS: i8 = 1;
const CONTROLLER_ENDPOINTS: i8 = 2;

pub(crate) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    let image = broker.metadata.load();
    answer(&image, context.listener_name(), broker.controller.leader(), &request)
}

fn answer(
    image: &MetadataImage,
    listener: &str,
    controller: Option<NodeId>,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let (error_code, message) = match request.endpoint_type {
        BROKER_ENDPOINTS => (ErrorCode::None, None),
        CONTROLLER_ENDPOINTS => (
            ErrorCode::MismatchedEndpointType,
            Some("this is an endpoint for brokers, not for controllers"),
        ),
        _ => (
            ErrorCode::UnsupportedEndpointType,
            Some("endpoint types are 1 (brokers) and 2 (controllers)"),
        ),
    };
    let mut response = DescribeClusterResponse {
        error_code,
        error_message: message.map(Str::from_static),
        endpoint_type: request.endpoint_type,
        ..DescribeClusterResponse::default()
    };
    if error_code != ErrorCode::None {
        return response;
    }
    let shown =
        image.brokers().filter(|broker| !broker.is_fenced || request.include_fenced_brokers);
    response.brokers = shown
        .filter_map(|broker| {
            let endpoint = broker.endpoint(listener)?;
            Some(ResponseBroker {
                broker_id: broker.node.value(),
                host: Str::from(endpoint.host.as_str()),
                port: i32::from(endpoint.port),
                rack: broker.rack.as_deref().map(Str::from),
                is_fenced: broker.is_fenced,
            })
        })
        .collect();
    response.cluster_id = Str::from(image.cluster_id());
    response.controller_id = controller.unwrap_or(NodeId::NONE).value();
    response.cluster_authorized_operations =
        operations::cluster(request.include_cluster_authorized_operations);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::fixture::{image, unreachable_listener};

    fn ask(request: &DescribeClusterRequest, listener: &str) -> DescribeClusterResponse {
        answer(&image(), listener, Some(NodeId::new(1)), request)
    }

    fn nodes(response: &DescribeClusterResponse) -> Vec<(i32, bool)> {
        response.brokers.iter().map(|broker| (broker.broker_id, broker.is_fenced)).collect()
    }

    #[test]
    fn brokers_are_those_of_the_listener_and_fenced_ones_only_if_asked_for() {
        let request = DescribeClusterRequest::default();
        let response = ask(&request, "PLAINTEXT");
        assert_eq!(nodes(&response), [(1, false)]);
        assert_eq!((response.controller_id, &*response.cluster_id), (1, "test-cluster"));
        assert_eq!(response.cluster_authorized_operations, i32::MIN);
        let request = DescribeClusterRequest {
            include_fenced_brokers: true,
            include_cluster_authorized_operations: true,
            ..request
        };
        let response = ask(&request, "PLAINTEXT");
        assert_eq!(nodes(&response), [(1, false), (2, true)]);
        assert_eq!(response.cluster_authorized_operations, 0b1_1111_1010_0000);
        assert!(ask(&request, unreachable_listener()).brokers.is_empty());
    }

    #[test]
    fn other_endpoint_types_are_refused() {
        for (endpoint_type, code) in
            [(2, ErrorCode::MismatchedEndpointType), (3, ErrorCode::UnsupportedEndpointType)]
        {
            let request = DescribeClusterRequest { endpoint_type, ..Default::default() };
            let response = ask(&request, "PLAINTEXT");
            assert_eq!(response.error_code, code);
            assert!(response.brokers.is_empty());
        }
    }
}
