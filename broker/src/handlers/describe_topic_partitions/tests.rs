use highwater_protocol::messages::describe_topic_partitions::RequestTopic;

use super::*;
use crate::handlers::fixture::image;

fn ask(names: &[&str], limit: i32, cursor: Option<(&str, i32)>) -> DescribeTopicPartitionsResponse {
    let image = image();
    let view = View { image: &image, listener: "PLAINTEXT", version: i16::MAX, controller: None };
    let request = DescribeTopicPartitionsRequest {
        topics: names.iter().map(|name| RequestTopic { name: Str::from(*name) }).collect(),
        response_partition_limit: limit,
        cursor: cursor.map(|(name, partition_index)| RequestCursor {
            topic_name: Str::from(name),
            partition_index,
        }),
    };
    answer(&view, 2000, &request)
}

type Row = (String, Vec<i32>);

fn rows(response: &DescribeTopicPartitionsResponse) -> Vec<Row> {
    let numbers =
        |topic: &ResponseTopic| topic.partitions.iter().map(|p| p.partition_index).collect();
    response
        .topics
        .iter()
        .map(|topic| (topic.name.as_deref().unwrap().to_owned(), numbers(topic)))
        .collect()
}

/// Follows the cursor to the end.
fn pages(names: &[&str], limit: i32) -> Vec<Vec<Row>> {
    let mut pages = Vec::new();
    let mut response = ask(names, limit, None);
    while let Some(cursor) = response.next_cursor.take() {
        pages.push(rows(&response));
        assert!(pages.len() < 50, "the pages do not end");
        response = ask(names, limit, Some((&cursor.topic_name, cursor.partition_index)));
    }
    pages.push(rows(&response));
    pages
}

fn row(name: &str, partitions: &[i32]) -> Row {
    (name.to_owned(), partitions.to_vec())
}

#[test]
fn pages_follow_each_other_without_gap_or_overlap() {
    let all = [
        row("__consumer_offsets", &[0]),
        row("a", &[0, 1, 2]),
        row("b", &[0, 1]),
        row("both", &[0]),
    ];
    assert_eq!(pages(&[], 2000), [all.to_vec()]);
    assert_eq!(pages(&[], 0).len(), 7, "a limit below one is one");
    for limit in 1..8 {
        let mut joined: Vec<Row> = Vec::new();
        for page in pages(&[], limit) {
            let count: usize = page.iter().map(|(_, partitions)| partitions.len()).sum();
            assert!(count <= usize::try_from(limit).unwrap());
            for (name, partitions) in page {
                match joined.last_mut().filter(|(last, _)| *last == name) {
                    Some((_, seen)) => seen.extend(partitions),
                    None => joined.push((name, partitions)),
                }
            }
        }
        assert_eq!(joined, all, "limit {limit}");
    }
}

#[test]
fn named_topics_come_by_name_with_the_error_of_each() {
    let response = ask(&["nope", "b", "bad name", "b"], 2000, None);
    let codes: Vec<(&str, ErrorCode)> = response
        .topics
        .iter()
        .map(|topic| (topic.name.as_deref().unwrap(), topic.error_code))
        .collect();
    assert_eq!(
        codes,
        [
            ("b", ErrorCode::None),
            ("bad name", ErrorCode::InvalidTopicException),
            ("nope", ErrorCode::UnknownTopicOrPartition)
        ]
    );
    let b = &response.topics[0];
    assert_eq!(b.partitions[0].error_code, ErrorCode::LeaderNotAvailable);
    assert_eq!(b.partitions[0].leader_epoch, 3);
    assert_eq!(b.partitions[1].eligible_leader_replicas, Some(Vec::new()));
    assert_ne!(b.topic_authorized_operations, i32::MIN);
    assert_eq!(pages(&["b", "a"], 2).len(), 3);
}

#[test]
fn cursor_behind_the_last_partition_goes_on_with_the_next_topic() {
    assert_eq!(rows(&ask(&["a", "b"], 2000, Some(("a", 3)))), [row("a", &[]), row("b", &[0, 1])]);
    assert_eq!(rows(&ask(&["a", "b"], 2000, Some(("aa", 7)))), [row("b", &[0, 1])]);
}

#[test]
fn negative_cursor_is_refused() {
    let response = ask(&["a"], 2000, Some(("a", -1)));
    assert_eq!(response.topics[0].error_code, ErrorCode::InvalidRequest);
}
