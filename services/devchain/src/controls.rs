//! Controls of a development chain over HTTP: time travel, empty checkpoints, ends of epochs,
//! money for an address (devchain spec 6.4). HTTP beside the faucet, only on a loopback address.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `GET /control/status` | | `epoch`, `checkpoint`, `timestampMs` |
//! | `POST /control/clock` | `{"advanceMs": 1000}` | the status after it |
//! | `POST /control/checkpoint` | | the status after it |
//! | `POST /control/epoch` | | the status after it |
//! | `POST /control/prune` | `{"lowest": 100}` | the status after it |
//! | `POST /control/fund` | `{"recipient": "0x…", "mist": 5, "coins": 1}` | the ids of the coins |

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::LedgerError;
use crate::faucet::{Faucet, Grant};
use crate::ledger::Ledger;
use crate::limits::MAX_FAUCET_BODY;
use crate::rpc::{cors, parse_address};

#[derive(Clone)]
struct Controls {
    ledger: Ledger,
    faucet: Faucet,
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

/// The routes.
pub(crate) fn router(ledger: Ledger, faucet: Faucet) -> Router {
    Router::new()
        .route("/control/status", get(status))
        .route("/control/clock", post(clock))
        .route("/control/checkpoint", post(checkpoint))
        .route("/control/epoch", post(epoch))
        .route("/control/prune", post(prune))
        .route("/control/fund", post(fund))
        .layer(DefaultBodyLimit::max(MAX_FAUCET_BODY))
        .layer(cors())
        .with_state(Controls { ledger, faucet })
}

fn refuse(code: StatusCode, message: impl ToString) -> (StatusCode, Json<Value>) {
    (code, Json(json!({"error": message.to_string()})))
}

fn failed(error: LedgerError) -> (StatusCode, Json<Value>) {
    refuse(StatusCode::INTERNAL_SERVER_ERROR, error)
}

fn body<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, (StatusCode, Json<Value>)> {
    serde_json::from_slice(bytes).map_err(|error| refuse(StatusCode::BAD_REQUEST, error))
}

async fn status(State(controls): State<Controls>) -> Answer {
    let summary = controls
        .ledger
        .state()
        .read()
        .tip()
        .map(|tip| tip.summary.clone());
    let summary = summary.ok_or_else(|| {
        refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the chain has no checkpoint",
        )
    })?;
    Ok(Json(json!({
        "epoch": controls.ledger.state().params().epoch,
        "checkpoint": summary.sequence_number,
        "timestampMs": summary.timestamp_ms,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_ms: u64,
}

async fn clock(State(controls): State<Controls>, bytes: axum::body::Bytes) -> Answer {
    let Advance { advance_ms } = body(&bytes)?;
    let by = Duration::from_millis(advance_ms);
    controls.ledger.tick(by).await.map_err(failed)?;
    status(State(controls)).await
}

async fn checkpoint(State(controls): State<Controls>) -> Answer {
    controls.ledger.tick(Duration::ZERO).await.map_err(failed)?;
    status(State(controls)).await
}

async fn epoch(State(controls): State<Controls>) -> Answer {
    controls.ledger.end_epoch().await.map_err(failed)?;
    status(State(controls)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prune {
    lowest: u64,
}

async fn prune(State(controls): State<Controls>, bytes: axum::body::Bytes) -> Answer {
    let Prune { lowest } = body(&bytes)?;
    controls.ledger.state().prune(lowest);
    status(State(controls)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fund {
    recipient: String,
    mist: u64,
    #[serde(default = "one")]
    coins: u16,
}

fn one() -> u16 {
    1
}

async fn fund(State(controls): State<Controls>, bytes: axum::body::Bytes) -> Answer {
    let request: Fund = body(&bytes)?;
    let recipient = parse_address("recipient", Some(&request.recipient))
        .map_err(|status| refuse(StatusCode::BAD_REQUEST, status.message()))?;
    let grant = Grant {
        coins: request.coins,
        amount: request.mist,
    };
    let coins = controls.faucet.send(recipient, grant).await;
    let ids: Vec<String> = coins
        .map_err(failed)?
        .into_iter()
        .map(|coin| coin.id.to_string())
        .collect();
    Ok(Json(json!({"coins": ids})))
}
