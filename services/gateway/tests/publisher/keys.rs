//! Keys, and what they may have.

use axum::http::Method;
use walrus_gateway::publisher::{Access, KeyFile, NewKey, Unstored, UploadError};

use crate::harness::{HERE, Memory, PRICE, Publisher, in_directory};

/// A publisher with a key, and the header that shows it.
fn with_key(memory: Memory, new: NewKey) -> (Publisher, String, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    let (_, secret) = KeyFile::in_directory(state.path()).create(new, 1).unwrap();
    let publisher = Publisher::with(memory, |options| {
        *options = in_directory(state.path());
        options.access = Access::Keys;
    });
    (publisher, format!("Bearer {}", secret.reveal()), state)
}

#[tokio::test]
async fn only_who_has_a_key_stores_where_one_is_needed() {
    let (publisher, key, _state) = with_key(Memory::default(), NewKey::default());
    let refused = publisher.put("", &[], "x").await;
    assert_eq!(refused.refused(), (401, "MISSING_KEY"));
    let other = key.replace("wk_", "wk_A");
    let refused = publisher.put("", &[("authorization", &other)], "x").await;
    assert_eq!(refused.refused(), (401, "INVALID_KEY"));
    let stored = publisher.put("", &[("authorization", &key)], "x").await;
    assert_eq!(stored.status, 200);
}

#[tokio::test]
async fn no_key_spends_more_than_its_budget() {
    let new = NewKey {
        budget: Some(2 * PRICE + 10),
        ..NewKey::default()
    };
    let (publisher, key, state) = with_key(Memory::default(), new);
    let put = |body: &'static str| {
        let key = key.clone();
        let publisher = &publisher;
        async move { publisher.put("", &[("authorization", &key)], body).await }
    };
    // Three at once, of which two can be paid for.
    let stores = futures::future::join_all([put("1"), put("2"), put("3")]).await;
    let stored = stores.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(stored, 2);
    let refused = stores.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!(refused.refused(), (402, "BUDGET_EXCEEDED"));
    let quota = publisher
        .ask(Method::GET, "/v1/quota", &[("authorization", &key)], "")
        .await;
    let spent = 2 * PRICE + 2;
    assert_eq!(quota.json["spent"], spent, "{}", quota.json);
    assert_eq!(quota.json["budget"], 2 * PRICE + 10);
    drop(publisher);
    // The next process counts on.
    let publisher = Publisher::with(Memory::default(), |options| {
        *options = in_directory(state.path());
    });
    let again = publisher
        .put("", &[HERE, ("authorization", &key)], "4")
        .await;
    assert_eq!(again.refused(), (402, "BUDGET_EXCEEDED"));
}

#[tokio::test]
async fn an_upload_that_the_budget_does_not_pay_for_is_over_when_its_bytes_are_there() {
    let new = NewKey {
        budget: Some(PRICE + 2),
        ..NewKey::default()
    };
    let (publisher, key, _state) = with_key(Memory::default(), new);
    let header = ("authorization", key.as_str());
    // Each could be paid for alone.
    let first = publisher.begin(2, &[header]).await;
    let upload = publisher.begin(2, &[header]).await;
    let stored = publisher.patch(&first, 0, &[header], "ab").await;
    assert_eq!(stored.status, 204);
    let refused = publisher.patch(&upload, 0, &[header], "xy").await;
    assert_eq!(refused.refused(), (402, "BUDGET_EXCEEDED"));
    let again = publisher.patch(&upload, 2, &[header], "").await;
    assert_eq!(again.refused(), (404, "UPLOAD_NOT_FOUND"));
    assert_eq!(publisher.memory.times_paid(), 1);
}

#[tokio::test]
async fn bytes_count_too_and_what_failed_for_nothing_does_not() {
    let new = NewKey {
        bytes: Some(10),
        ..NewKey::default()
    };
    let (publisher, key, _state) = with_key(Memory::default(), new);
    let header = [("authorization", key.as_str())];
    let put = |body: &'static str| publisher.put("", &header, body);
    assert_eq!(put("12345678901").await.refused(), (402, "BUDGET_EXCEEDED"));
    *publisher.memory.refused.lock().unwrap() = Some(|| UploadError::Blocked.into());
    assert_eq!(put("1234567").await.refused(), (451, "FORBIDDEN_BLOB"));
    *publisher.memory.refused.lock().unwrap() = Some(|| Unstored {
        error: UploadError::Confirmations("61 of 67".into()),
        paid: true,
    });
    assert_eq!(
        put("1234567").await.refused(),
        (504, "INSUFFICIENT_CONFIRMATIONS")
    );
    *publisher.memory.refused.lock().unwrap() = None;
    assert_eq!(put("8901").await.refused(), (402, "BUDGET_EXCEEDED"));
    // It is paid for already.
    assert_eq!(put("1234567").await.status, 200);
    assert_eq!(put("890").await.status, 200);
}

#[tokio::test]
async fn everybody_shares_one_budget() {
    let publisher = Publisher::with(Memory::default(), |options| {
        options.access = Access::Anonymous;
        options.budget = Some(PRICE + 1);
    });
    assert_eq!(publisher.put("", &[], "1").await.status, 200);
    assert_eq!(
        publisher.put("", &[], "2").await.refused(),
        (402, "BUDGET_EXCEEDED")
    );
    assert_eq!(publisher.memory.times_paid(), 1);
}
