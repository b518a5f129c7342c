//! What brokers and members say of members.
//!
//! The bytes of a classic member are what its client wrote and no broker has looked at: whatever
//! cannot be read is left out.

use bytes::Buf;
use highwater_protocol::messages::consumer_group_describe::ResponseGroupMember as ConsumerMember;
use highwater_protocol::messages::describe_groups::ResponseGroupMember as ClassicMember;
use highwater_records::{TopicName, TopicPartition};

use super::GroupMember;

pub(super) fn consumer_member(member: ConsumerMember) -> GroupMember {
    let topics = |name: &str, partitions: &[i32]| -> Vec<TopicPartition> {
        let Ok(topic) = TopicName::parse(name) else { return Vec::new() };
        partitions.iter().map(|number| TopicPartition::new(topic.clone(), *number)).collect()
    };
    let assigned = member.assignment.topic_partitions.iter();
    let mut assignment: Vec<_> =
        assigned.flat_map(|topic| topics(&topic.topic_name, &topic.partitions)).collect();
    assignment.sort();
    let targets = member.target_assignment.topic_partitions.iter();
    let mut target: Vec<_> =
        targets.flat_map(|topic| topics(&topic.topic_name, &topic.partitions)).collect();
    target.sort();
    GroupMember {
        member_id: member.member_id.to_string(),
        instance_id: member.instance_id.map(|id| id.to_string()),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        epoch: Some(member.member_epoch),
        subscribed_topics: member.subscribed_topic_names.iter().map(|it| it.to_string()).collect(),
        subscribed_regex: member.subscribed_topic_regex.map(|it| it.to_string()),
        assignment,
        target: Some(target),
    }
}

pub(super) fn classic_member(member: &ClassicMember, is_consumer: bool) -> GroupMember {
    let (mut subscribed_topics, mut assignment) = (Vec::new(), Vec::new());
    if is_consumer {
        subscribed_topics = read_subscription(&member.member_metadata).unwrap_or_default();
        assignment = read_assignment(&member.member_assignment).unwrap_or_default();
        assignment.sort();
    }
    GroupMember {
        member_id: member.member_id.to_string(),
        instance_id: member.group_instance_id.as_ref().map(|id| id.to_string()),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        epoch: None,
        subscribed_topics,
        subscribed_regex: None,
        assignment,
        target: None,
    }
}

/// The topics of a consumer's subscription; what newer versions add stands behind them.
fn read_subscription(bytes: &[u8]) -> Option<Vec<String>> {
    let mut bytes = bytes;
    bytes.try_get_i16().ok()?;
    let count = bytes.try_get_i32().ok()?;
    (0..count).map(|_| read_text(&mut bytes)).collect()
}

/// The partitions of a consumer's assignment; what newer versions add stands behind them.
fn read_assignment(bytes: &[u8]) -> Option<Vec<TopicPartition>> {
    let mut bytes = bytes;
    bytes.try_get_i16().ok()?;
    let count = bytes.try_get_i32().ok()?;
    let mut assignment = Vec::new();
    for _ in 0..count {
        let topic = TopicName::parse(&read_text(&mut bytes)?).ok()?;
        for _ in 0..bytes.try_get_i32().ok()? {
            let number = bytes.try_get_i32().ok()?;
            assignment.push(TopicPartition::new(topic.clone(), number));
        }
    }
    Some(assignment)
}

fn read_text(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;

    fn assignment() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_i16(3);
        bytes.put_i32(1);
        bytes.put_i16(6);
        bytes.put_slice(b"orders");
        bytes.put_i32(2);
        bytes.put_i32(0);
        bytes.put_i32(5);
        bytes.put_i32(-1);
        bytes
    }

    #[test]
    fn assignment_of_a_classic_consumer_is_its_partitions() {
        let topic: TopicName = "orders".parse().unwrap();
        let expected = [TopicPartition::new(topic.clone(), 0), TopicPartition::new(topic, 5)];
        assert_eq!(read_assignment(&assignment()).unwrap(), expected);
    }

    #[test]
    fn assignment_that_is_cut_off_or_absurd_is_none_and_reserves_nothing() {
        let bytes = assignment();
        // User data at the end is not looked at.
        for length in 0..bytes.len() - 4 {
            assert_eq!(read_assignment(&bytes[..length]), None, "{length}");
        }
        assert_eq!(read_assignment(&[0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(read_subscription(&[0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(read_subscription(&[0, 0, 0, 0, 0, 1, 0xff, 0xff]), None);
        assert_eq!(read_subscription(&[0, 0, 0, 0, 0, 1, 0, 1, b't']).unwrap(), ["t"]);
    }
}
