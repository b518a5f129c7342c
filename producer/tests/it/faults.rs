//! Random faults: what is acknowledged is in the log once and in order, what is refused is not.

use std::time::Duration;

use highwater_client::retry::RetryPolicy;
use highwater_producer::{ProduceError, Producer, ProducerBuilder, ProducerRecord};
use highwater_records::{Codec, ErrorCode};

use crate::model::{Fault, Model};

/// Enough for many batches in flight, few enough for a second.
const RECORD_COUNT: usize = 300;

fn builder(model: &Model) -> ProducerBuilder {
    let retry = RetryPolicy { initial: Duration::from_millis(1), max: Duration::from_millis(2) };
    Producer::builder(&model.broker.address())
        .linger(Duration::ZERO)
        .batch_size(120)
        .client_options(|options| options.retry = retry)
}

/// One run: a fault for about one batch in four.
async fn run(seed: u64) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let model = Model::start(move |_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        match random % 24 {
            0 => Fault::Refuse(ErrorCode::NotEnoughReplicas),
            1 => Fault::AppendAndSay(ErrorCode::RequestTimedOut),
            2 => Fault::AppendAndClose,
            3 => Fault::Close,
            4 => Fault::Refuse(ErrorCode::MessageTooLarge),
            5 => Fault::AppendAndSay(ErrorCode::NotEnoughReplicasAfterAppend),
            _ => Fault::None,
        }
    })
    .await;
    let producer = builder(&model).compression(Codec::Lz4).build().unwrap();
    let mut deliveries = Vec::new();
    for number in 0..RECORD_COUNT {
        let record = ProducerRecord::new("t".parse().unwrap()).value(format!("value-{number:05}"));
        deliveries.push(producer.send(record).await.unwrap());
        if number % 7 == 0 {
            // Lets the sender run in between, so that batches differ in size.
            tokio::task::yield_now().await;
        }
    }
    producer.close().await.unwrap();
    let values = model.values();
    let (mut expected, mut unknown_count) = (Vec::new(), 0);
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let value = format!("value-{number:05}").into_bytes();
        match delivery.await {
            Ok(written) => {
                let offset = usize::try_from(written.offset.unwrap().value()).unwrap();
                assert_eq!(values[offset], value, "seed {seed}: offset of record {number}");
                expected.push(value);
            }
            // A batch that was given up is unknown, and so are those in flight behind it.
            Err(ProduceError::OutcomeUnknown { .. }) => {
                unknown_count += 1;
                if values.contains(&value) {
                    expected.push(value);
                }
            }
            Err(error) => {
                assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge), "seed {seed}: {error}");
                assert!(
                    !values.contains(&value),
                    "seed {seed}: record {number} refused, but there"
                );
            }
        }
    }
    assert!(unknown_count < RECORD_COUNT / 4, "seed {seed}: {unknown_count} are unknown");
    let different = values.iter().zip(&expected).position(|(one, other)| one != other);
    assert_eq!(different, None, "seed {seed}: the log is not what was acknowledged");
    assert_eq!(values.len(), expected.len(), "seed {seed}: written twice, or not at all");
}

#[tokio::test]
async fn acknowledged_records_are_in_the_log_once_and_in_order_whatever_fails() {
    for seed in 1..=40 {
        run(seed).await;
    }
}
