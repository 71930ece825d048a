//! Time travel, checkpoints, epochs and money over HTTP (devchain spec 6.4).

use serde_json::{Value, json};

use crate::support::{balance, boot, client, stranger};
use crate::transfers::http;

#[tokio::test]
async fn the_chain_is_controlled_over_http() {
    let chain = boot().await;
    let url = chain.faucet_url();
    let ask = async |method: &str, path: &str, body: &str| -> Value {
        let (status, text) = http(&url, method, path, body).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    };
    let first = ask("GET", "/control/status", "").await;
    assert_eq!(first["checkpoint"], chain.height());
    let later = ask("POST", "/control/clock", r#"{"advanceMs": 3600000}"#).await;
    let passed = later["timestampMs"].as_u64().unwrap() - first["timestampMs"].as_u64().unwrap();
    assert!(passed >= 3_600_000, "{passed}");
    let next = ask("POST", "/control/checkpoint", "").await;
    assert_eq!(
        next["checkpoint"],
        later["checkpoint"].as_u64().unwrap() + 1
    );
    assert_eq!(ask("POST", "/control/epoch", "").await["epoch"], 1);
    let body = json!({"recipient": stranger(9).to_string(), "mist": 5, "coins": 2}).to_string();
    let coins = ask("POST", "/control/fund", &body).await;
    assert_eq!(coins["coins"].as_array().unwrap().len(), 2);
    assert_eq!(balance(&mut client(&chain), stranger(9)).await, 10);
    let (status, text) = http(&url, "POST", "/control/clock", r#"{"back": 1}"#).await;
    assert_eq!(status, 400, "{text}");
}
