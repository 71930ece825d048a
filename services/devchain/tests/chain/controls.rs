//! Time travel, checkpoints, epochs and money over HTTP (devchain spec 6.4).

use std::time::Duration;

use serde_json::{Value, json};
use sui_rpc::proto::sui::rpc::v2::{GetCheckpointRequest, GetServiceInfoRequest};
use tonic::Code;

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

#[tokio::test]
async fn pruned_checkpoints_and_their_transactions_are_gone_and_objects_stay() {
    let chain = boot().await;
    let account = chain.accounts()[0].address;
    let before = balance(&mut client(&chain), account).await;
    for _ in 0..4 {
        chain.advance_clock(Duration::from_millis(1)).await.unwrap();
    }
    let lowest = chain.height() - 1;
    let body = json!({ "lowest": lowest }).to_string();
    let (status, text) = http(&chain.faucet_url(), "POST", "/control/prune", &body).await;
    assert_eq!(status, 200, "{text}");
    let mut client = client(&chain);
    let mut ledger = client.ledger_client();
    let info = ledger.get_service_info(GetServiceInfoRequest::default());
    let info = info.await.unwrap().into_inner();
    assert_eq!(info.lowest_available_checkpoint(), lowest);
    for (sequence, is_there) in [(0, false), (lowest - 1, false), (lowest, true)] {
        let request = GetCheckpointRequest::by_sequence_number(sequence);
        let found = client.ledger_client().get_checkpoint(request).await;
        assert_eq!(found.is_ok(), is_there, "checkpoint {sequence}");
        let code = found.err().map(|status| status.code());
        assert!(is_there || code == Some(Code::NotFound), "{code:?}");
    }
    assert_eq!(balance(&mut client, account).await, before);
    // Nothing comes back.
    chain.prune(1);
    let request = GetCheckpointRequest::by_sequence_number(1);
    assert!(
        client
            .ledger_client()
            .get_checkpoint(request)
            .await
            .is_err()
    );
}
