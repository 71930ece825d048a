use std::net::Ipv4Addr;

use axum::http::Method;
use walrus_gateway::{aggregator::AggregatorOptions, store::StoreError};
use walrus_service::server::Caller;

use crate::{
    quilts::patch,
    store::{Aggregator, Memories, content, id},
};

fn caller(last: u8) -> Option<Caller> {
    Some(Caller::at(Ipv4Addr::new(10, 0, 0, last).into()))
}

#[tokio::test]
async fn every_read_is_one_of_its_caller() {
    let store = Memories::default()
        .with(1, content(10))
        .with(2, content(10))
        .with_object(7, 1, &[])
        .with_quilt(2, vec![(patch("a", 1, &[]), content(3))]);
    let aggregator = Aggregator::new(store);
    let (one, two) = (id(1), id(2));
    let paths = [
        format!("/v1/blobs/{one}"),
        format!("/v1/blobs/{one}/byte-range?start=0&length=1"),
        format!("/v1/blobs/by-object-id/0x{}", "07".repeat(32)),
        format!("/v1alpha/blobs/{one}/stream"),
        format!("/v1alpha/blobs/concat?ids={one}"),
        format!("/v1/quilts/{two}/patches"),
        format!("/v1/quilts/{two}/tar"),
        format!("/v1/blobs/by-quilt-id/{two}/a"),
        format!("/v1/blobs/by-quilt-patch-id/{}", patch("a", 1, &[]).id(two)),
    ];
    for (number, path) in (1..).zip(&paths) {
        let answer = aggregator
            .ask_as(caller(number), Method::GET, path, &[], "")
            .await;
        assert_eq!(answer.status, 200, "{path}");
        let callers = aggregator.store.callers.lock().unwrap();
        assert_eq!(
            (callers.len(), callers.last().copied()),
            (usize::from(number), caller(number)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn one_address_does_not_keep_the_others_from_being_served() {
    let options = AggregatorOptions {
        max_concurrent_requests: 4,
        max_buffer_size: 0,
        ..AggregatorOptions::default()
    };
    let store = Memories::default()
        .with(1, content(10))
        .with(2, content(10));
    store
        .refused
        .lock()
        .unwrap()
        .insert(id(1), StoreError::Registered);
    let aggregator = Aggregator::with(store, &options);
    let waiting = format!("/v1/blobs/{}?wait=30", id(1));
    let path = format!("/v1/blobs/{}", id(2));
    let mut held: Vec<_> = (0..2)
        .map(|_| Box::pin(aggregator.ask_as(caller(1), Method::GET, &waiting, &[], "")))
        .collect();
    for request in &mut held {
        assert!(futures::poll!(request).is_pending());
    }
    let refused = aggregator
        .ask_as(caller(1), Method::GET, &path, &[], "")
        .await;
    assert_eq!(refused.refused(), (429, "TOO_MANY_REQUESTS".into()));
    let served = aggregator
        .ask_as(caller(2), Method::GET, &path, &[], "")
        .await;
    assert_eq!(served.bytes(), content(10));
    aggregator.store.refused.lock().unwrap().clear();
    for request in held {
        assert_eq!(request.await.bytes(), content(10));
    }
    let again = aggregator
        .ask_as(caller(1), Method::GET, &path, &[], "")
        .await;
    assert_eq!(again.status, 200);
}
