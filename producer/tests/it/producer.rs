use std::sync::mpsc;
use std::time::Duration;

use highwater_client::ClientError;
use highwater_client::retry::RetryPolicy;
use highwater_producer::{Acks, ProduceError, Producer, ProducerBuilder, ProducerRecord};
use highwater_records::{Codec, ErrorCode, Sequence};

use crate::model::{Fault, Model};

fn builder(model: &Model) -> ProducerBuilder {
    let retry = RetryPolicy { initial: Duration::from_millis(1), max: Duration::from_millis(5) };
    Producer::builder(&model.broker.address())
        .linger(Duration::ZERO)
        .client_options(|options| options.retry = retry)
}

fn record(value: &str) -> ProducerRecord {
    ProducerRecord::new("t".parse().unwrap()).value(value.to_owned())
}

/// Gives out `faults` one after the other, then none.
fn in_turn(faults: &'static [Fault]) -> impl FnMut(&highwater_records::BatchHeader) -> Fault {
    let mut faults = faults.iter();
    move |_| faults.next().copied().unwrap_or(Fault::None)
}

#[tokio::test]
async fn records_of_every_codec_arrive_in_order_with_their_offsets() {
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        let model = Model::start(|_| Fault::None).await;
        let producer = builder(&model).compression(codec).build().unwrap();
        let mut deliveries = Vec::new();
        for value in ["a", "b", "c"] {
            deliveries.push(producer.send(record(value)).await.unwrap());
        }
        for (delivery, offset) in deliveries.into_iter().zip(0..) {
            assert_eq!(delivery.await.unwrap().offset.unwrap().value(), offset, "{codec:?}");
        }
        assert_eq!(model.values(), [b"a", b"b", b"c"]);
        let headers = &model.seen.lock().unwrap().headers;
        assert!(headers.iter().all(|header| header.codec() == Ok(codec)));
    }
}

#[tokio::test]
async fn lost_answer_is_asked_for_again_with_the_same_number_and_nothing_is_written_twice() {
    let model = Model::start(in_turn(&[Fault::AppendAndClose])).await;
    let producer = builder(&model).build().unwrap();
    let written = producer.send(record("once")).await.unwrap().await.unwrap();
    assert_eq!(written.offset.unwrap().value(), 0);
    assert_eq!(model.values(), [b"once"]);
    let headers = &model.seen.lock().unwrap().headers;
    assert_eq!(headers.len(), 2);
    assert_eq!(headers[0].base_sequence, headers[1].base_sequence);
    assert_eq!(headers[0].producer_id, headers[1].producer_id);
}

#[tokio::test]
async fn duplicate_that_the_broker_recognizes_counts_as_written() {
    let model = Model::start(in_turn(&[Fault::Refuse(ErrorCode::DuplicateSequenceNumber)])).await;
    let producer = builder(&model).build().unwrap();
    let written = producer.send(record("x")).await.unwrap().await.unwrap();
    assert_eq!(written.offset, None);
}

#[tokio::test]
async fn broker_that_forgot_us_gets_a_new_producer_id_and_the_record_once() {
    let model =
        Model::start(in_turn(&[Fault::None, Fault::Refuse(ErrorCode::UnknownProducerId)])).await;
    let producer = builder(&model).build().unwrap();
    producer.send(record("a")).await.unwrap().await.unwrap();
    producer.send(record("b")).await.unwrap().await.unwrap();
    assert_eq!(model.values(), [b"a", b"b"]);
    let headers = &model.seen.lock().unwrap().headers;
    assert_ne!(headers[1].producer_id, headers[2].producer_id);
    assert_eq!(headers[2].base_sequence, Sequence::ZERO);
}

#[tokio::test]
async fn broker_that_lost_acknowledged_records_fails_the_next_and_takes_those_after_it() {
    let model =
        Model::start(in_turn(&[Fault::None, Fault::Refuse(ErrorCode::OutOfOrderSequenceNumber)]))
            .await;
    let producer = builder(&model).build().unwrap();
    producer.send(record("a")).await.unwrap().await.unwrap();
    let lost = producer.send(record("b")).await.unwrap().await.unwrap_err();
    assert_eq!(lost.code(), Some(ErrorCode::OutOfOrderSequenceNumber));
    producer.send(record("c")).await.unwrap().await.unwrap();
    assert_eq!(model.values(), [b"a", b"c"]);
}

#[tokio::test]
async fn acks_0_waits_for_nobody_and_knows_no_offset() {
    let model = Model::start(|_| Fault::None).await;
    let producer = builder(&model).acks(Acks::None).build().unwrap();
    let written = producer.send(record("x")).await.unwrap().await.unwrap();
    assert_eq!(written.offset, None);
    let seen = || model.seen.lock().unwrap().acks.clone();
    while seen().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(seen(), [0]);
}

#[tokio::test]
async fn without_idempotence_batches_carry_no_producer() {
    let model = Model::start(|_| Fault::None).await;
    let producer = builder(&model).enable_idempotence(false).build().unwrap();
    producer.send(record("x")).await.unwrap().await.unwrap();
    let headers = &model.seen.lock().unwrap().headers;
    assert!(headers[0].producer_id.is_none());
    assert_eq!(headers[0].base_sequence, Sequence::NONE);
}

#[tokio::test]
async fn full_buffer_makes_send_wait_and_then_refuse() {
    // The broker refuses every batch for the time being, so that nothing leaves the buffer.
    let model = Model::start(|_| Fault::Refuse(ErrorCode::NotEnoughReplicas)).await;
    let producer = builder(&model)
        .buffer_memory(1000)
        .batch_size(100)
        .max_block(Duration::from_millis(50))
        .build()
        .unwrap();
    let value = "x".repeat(400);
    let first = producer.send(record(&value)).await.unwrap();
    let second = producer.send(record(&value)).await.unwrap();
    let third = producer.send(record(&value)).await.unwrap_err();
    assert!(matches!(third, ProduceError::BufferFull { .. }), "{third}");
    drop((first, second));
}

#[tokio::test]
async fn buffer_has_room_again_after_a_delivery() {
    let model = Model::start(|_| Fault::None).await;
    let producer = builder(&model).buffer_memory(1000).batch_size(100).build().unwrap();
    let value = "x".repeat(400);
    for _ in 0..20 {
        drop(producer.send(record(&value)).await.unwrap());
    }
    producer.flush().await;
    assert_eq!(model.values().len(), 20);
}

#[tokio::test]
async fn delivery_that_never_succeeds_ends_at_its_timeout_with_the_reason() {
    let model = Model::start(|_| Fault::Refuse(ErrorCode::NotEnoughReplicas)).await;
    let producer = builder(&model)
        .request_timeout(Duration::from_millis(50))
        .delivery_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let error = producer.send(record("x")).await.unwrap().await.unwrap_err();
    assert!(matches!(error, ProduceError::DeliveryTimedOut { .. }), "{error}");
    assert_eq!(error.code(), Some(ErrorCode::NotEnoughReplicas));
    assert!(model.values().is_empty());
}

#[tokio::test]
async fn dropped_producer_fails_what_it_still_holds() {
    let model = Model::start(|_| Fault::Refuse(ErrorCode::NotEnoughReplicas)).await;
    let producer = builder(&model).build().unwrap();
    let delivery = producer.send(record("x")).await.unwrap();
    drop(producer);
    assert!(matches!(delivery.await, Err(ProduceError::Closed)));
}

#[tokio::test]
async fn closed_producer_has_delivered_everything_and_takes_nothing_more() {
    let model = Model::start(|_| Fault::None).await;
    let producer =
        builder(&model).linger(Duration::from_secs(60)).delivery_timeout(Duration::from_secs(300));
    let producer = producer.build().unwrap();
    let delivery = producer.send(record("x")).await.unwrap();
    producer.close().await.unwrap();
    assert_eq!(model.values(), [b"x"]);
    delivery.await.unwrap();
    assert!(matches!(producer.send(record("y")).await, Err(ProduceError::Closed)));
}

#[tokio::test]
async fn record_that_fits_no_request_is_refused_before_it_is_sent() {
    let model = Model::start(|_| Fault::None).await;
    let producer = builder(&model).max_request_size(1000).build().unwrap();
    let error = producer.send(record(&"x".repeat(1000))).await.unwrap_err();
    assert!(matches!(error, ProduceError::RecordTooLarge { max_bytes: 1000, .. }), "{error}");
}

#[tokio::test]
async fn partition_that_does_not_exist_is_refused_by_name() {
    let model = Model::start(|_| Fault::None).await;
    let producer = builder(&model).build().unwrap();
    let error = producer.send(record("x").partition(7)).await.unwrap_err();
    assert_eq!(error.to_string(), "no partition 7 in topic t, which has 1");
}

#[tokio::test]
async fn unreachable_cluster_is_reported_by_send_with_its_address() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let producer =
        Producer::builder(&dead.to_string()).max_block(Duration::from_millis(100)).build().unwrap();
    match producer.send(record("x")).await.unwrap_err() {
        ProduceError::Client(ClientError::TimedOut { last: Some(last), .. }) => {
            assert!(last.to_string().contains(&dead.to_string()), "{last}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn producer_is_dropped_outside_of_its_runtime_without_blocking() {
    let (tell, told) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let model = Model::start(|_| Fault::None).await;
        let producer = builder(&model).build().unwrap();
        let delivery = producer.send(record("x")).await.unwrap();
        tell.send((producer, delivery)).unwrap();
    });
    drop(runtime);
    drop(told.recv().unwrap());
}
