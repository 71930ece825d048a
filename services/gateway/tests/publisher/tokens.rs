//! Tokens, and when they are used up.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures::{StreamExt as _, stream};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use walrus_gateway::publisher::{
    Access, Algorithm, Signature, TokenOptions, Unstored, UploadError,
};

use crate::harness::{HERE, Memory, Publisher, Refused};

const SECRET: &[u8] = b"secret";

fn token(jti: &str) -> String {
    let claims = json!({"exp": 4_000_000_000_u32, "jti": jti});
    let key = EncodingKey::from_secret(SECRET);
    let token = encode(&Header::new(Algorithm::HS256), &claims, &key);
    format!("Bearer {}", token.unwrap())
}

/// A publisher that takes tokens, and the directory of those that were used.
fn with_tokens() -> (Publisher, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::with(Memory::default(), |options| {
        options.access = Access::Tokens;
        options.tokens = Some(TokenOptions {
            signature: Signature::Checked {
                key: SECRET.to_vec(),
                algorithm: Algorithm::HS256,
            },
            expiring_sec: 0,
            verify_upload: true,
            cache_size: 100,
            directory: directory.path().join("used"),
        });
    });
    (publisher, directory)
}

#[tokio::test]
async fn a_token_whose_store_cost_nothing_is_good_again() {
    let (publisher, _used) = with_tokens();
    let token = token("one");
    let headers = [HERE, ("authorization", &*token)];
    let refused = publisher.put("", &headers, vec![0; (1 << 20) + 1]).await;
    assert_eq!(refused.refused(), (413, "BODY_TOO_LARGE"));
    // The connection broke.
    let broken = Err(std::io::Error::other("broken"));
    let broken = stream::iter([Ok(Bytes::from_static(b"ab")), broken]);
    let refused = publisher.put("", &headers, Body::from_stream(broken)).await;
    assert_eq!(refused.refused(), (400, "INVALID_BODY"));
    // The client left.
    let let_in = Arc::new(AtomicBool::new(false));
    let polled = Arc::clone(&let_in);
    let endless = stream::once(async move { polled.store(true, Ordering::SeqCst) });
    let endless = endless.map(|()| Ok::<_, std::io::Error>(Bytes::from_static(b"ab")));
    let endless = Body::from_stream(endless.chain(stream::pending()));
    {
        let put = publisher.put("", &headers, endless);
        tokio::pin!(put);
        while !let_in.load(Ordering::SeqCst) {
            assert!(futures::poll!(&mut put).is_pending());
            tokio::task::yield_now().await;
        }
        let other = publisher.put("", &headers, "x").await;
        assert_eq!(other.refused(), (429, "TOKEN_ALREADY_USED"));
    }
    let unpaid: [Refused; 2] = [
        || UploadError::Blocked.into(),
        || UploadError::Funds("no".into()).into(),
    ];
    for unpaid in unpaid {
        *publisher.memory.refused.lock().unwrap() = Some(unpaid);
        let refused = publisher.put("", &headers, "x").await;
        assert!([451, 503].contains(&refused.status.as_u16()));
    }
    *publisher.memory.refused.lock().unwrap() = None;
    assert_eq!(publisher.put("", &headers, "x").await.status, 200);
    let again = publisher.put("", &headers, "x").await;
    assert_eq!(again.refused(), (429, "TOKEN_ALREADY_USED"));
}

#[tokio::test]
async fn a_token_with_which_something_was_paid_is_used_up() {
    let (publisher, _used) = with_tokens();
    let token = token("one");
    let headers = [HERE, ("authorization", &*token)];
    *publisher.memory.refused.lock().unwrap() = Some(|| Unstored {
        error: UploadError::Confirmations("61 of 67".into()),
        paid: true,
    });
    assert_eq!(publisher.put("", &headers, "x").await.status, 504);
    *publisher.memory.refused.lock().unwrap() = None;
    let again = publisher.put("", &headers, "x").await;
    assert_eq!(again.refused(), (429, "TOKEN_ALREADY_USED"));
}

#[tokio::test]
async fn an_upload_that_was_ended_gives_its_token_back() {
    let (publisher, _used) = with_tokens();
    let token = token("one");
    let header = ("authorization", &*token);
    let upload = publisher.begin(5, &[header]).await;
    let refused = publisher.put("", &[HERE, header], "x").await;
    assert_eq!(refused.refused(), (429, "TOKEN_ALREADY_USED"));
    let headers = [HERE, ("tus-resumable", "1.0.0")];
    let ended = publisher.ask(Method::DELETE, &upload, &headers, "").await;
    assert_eq!(ended.status, 204);
    let upload = publisher.begin(5, &[header]).await;
    let stored = publisher.patch(&upload, 0, &[], "12345").await;
    assert_eq!(stored.status, 204);
    let refused = publisher.put("", &[HERE, header], "x").await;
    assert_eq!(refused.refused(), (429, "TOKEN_ALREADY_USED"));
}
