//! Topics that are made because a client asked about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater_controller::decide::{NewTopic, create_topics, internal_topic};
use highwater_records::TopicName;
use parking_lot::Mutex;

use crate::broker::Broker;

/// Names that are being made at one time; beyond it a request starts nothing and its client asks again.
const IN_FLIGHT_MAX: usize = 1000;

/// Which creations are under way: further requests for the same topic start nothing.
#[derive(Default)]
pub(crate) struct AutoCreate {
    in_flight: Mutex<BTreeSet<TopicName>>,
}

impl AutoCreate {
    /// Has the topics made, in the background. Names under way and names beyond the limit are left out.
    pub(crate) fn start(broker: &Arc<Broker>, names: Vec<TopicName>) {
        let names = broker.auto_create.begin(names);
        if names.is_empty() {
            return;
        }
        let their_broker = Arc::clone(broker);
        broker.tasks.spawn("auto-create", async move { create(&their_broker, names).await });
    }

    fn begin(&self, names: Vec<TopicName>) -> Vec<TopicName> {
        let mut in_flight = self.in_flight.lock();
        let is_new =
            |name: &TopicName| in_flight.len() < IN_FLIGHT_MAX && in_flight.insert(name.clone());
        names.into_iter().filter(is_new).collect()
    }

    fn end(&self, names: &[TopicName]) {
        let mut in_flight = self.in_flight.lock();
        for name in names {
            in_flight.remove(name);
        }
    }
}

/// Ends the creations however the task ends.
struct InFlight<'a> {
    broker: &'a Broker,
    names: &'a [TopicName],
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.broker.auto_create.end(self.names);
    }
}

async fn create(broker: &Broker, names: Vec<TopicName>) {
    let _in_flight = InFlight { broker, names: &names };
    if let Err(full) = broker.replicas.check_room().await {
        tracing::debug!(full, "topics were not created on first use");
        return;
    }
    let wanted = names.clone();
    let decided = broker.controller.decide(move |image, controller, random| {
        let defaults = |name: &TopicName| NewTopic {
            name: name.to_string(),
            partition_count: -1,
            replication_factor: -1,
            ..NewTopic::default()
        };
        let topic = |name: &TopicName| {
            internal_topic(image, controller, name.as_str()).unwrap_or_else(|| defaults(name))
        };
        let topics: Vec<NewTopic> = wanted.iter().map(topic).collect();
        create_topics(image, controller, &topics, false, random)
    });
    match decided.await {
        Ok((answer, _image)) => {
            for (topic, result) in answer {
                match result {
                    Ok(created) => tracing::info!(topic, id = %created.id, "created on first use"),
                    Err(refusal) => tracing::debug!(topic, %refusal, "not created on first use"),
                }
            }
        }
        Err(fault) => tracing::debug!(%fault, "topics were not created on first use"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> TopicName {
        TopicName::parse(&format!("t{number}")).unwrap()
    }

    #[test]
    fn topic_under_way_is_not_started_again() {
        let auto_create = AutoCreate::default();
        assert_eq!(auto_create.begin(vec![name(1), name(2)]).len(), 2);
        assert_eq!(auto_create.begin(vec![name(2), name(3)]), [name(3)]);
        auto_create.end(&[name(2)]);
        assert_eq!(auto_create.begin(vec![name(2)]), [name(2)]);
    }

    #[test]
    fn creations_under_way_are_bounded() {
        let auto_create = AutoCreate::default();
        let many = (0..IN_FLIGHT_MAX + 5).map(name).collect();
        assert_eq!(auto_create.begin(many).len(), IN_FLIGHT_MAX);
    }
}
