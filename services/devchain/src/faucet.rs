//! Faucet: SUI for anybody who asks (devchain spec 1.7).

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use sui_crypto::SuiSigner;
use sui_devchain_executor::ObjectStore;
use sui_sdk_types::framework::Coin;
use sui_sdk_types::{
    Address, Argument, Command, GasPayment, Input, ObjectReference, ProgrammableTransaction,
    SignedTransaction, SplitCoins, StructTag, Transaction, TransactionExpiration, TransactionKind,
    TransferObjects,
};
use tokio::sync::Mutex;

use crate::account::Account;
use crate::error::LedgerError;
use crate::history::Executed;
use crate::indexes::OwnedKey;
use crate::ledger::Ledger;
use crate::limits::MAX_FAUCET_BODY;
use crate::rpc::{cors, parse_address};

/// Most coins of one grant.
const MAX_COINS: u16 = 256;
/// Gas budget of a grant in MIST.
const BUDGET: u64 = 5_000_000_000;

/// What one faucet request hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Number of coins.
    pub coins: u16,
    /// MIST in each.
    pub amount: u64,
}

impl Default for Grant {
    /// Five coins of 10 SUI.
    fn default() -> Self {
        Self {
            coins: 5,
            amount: 10_000_000_000,
        }
    }
}

/// A coin that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedCoin {
    /// MIST in the coin.
    pub amount: u64,
    /// Object id of the coin.
    pub id: Address,
    /// Digest of the transaction that made it.
    pub transaction: sui_sdk_types::Digest,
}

/// Pays from the faucet account, one grant at a time.
#[derive(Clone, Debug)]
pub(crate) struct Faucet {
    ledger: Ledger,
    account: Account,
    grant: Grant,
    /// Two grants must not choose the same gas coin.
    turn: Arc<Mutex<()>>,
}

impl Faucet {
    pub(crate) fn new(ledger: Ledger, account: Account, grant: Grant) -> Self {
        Self {
            ledger,
            account,
            grant,
            turn: Arc::default(),
        }
    }

    /// Sends the configured grant.
    pub(crate) async fn request(
        &self,
        recipient: Address,
    ) -> Result<Vec<GrantedCoin>, LedgerError> {
        self.send(recipient, self.grant).await
    }

    /// Sends any grant.
    pub(crate) async fn send(
        &self,
        recipient: Address,
        grant: Grant,
    ) -> Result<Vec<GrantedCoin>, LedgerError> {
        if grant.coins == 0 || grant.coins > MAX_COINS {
            return Err(LedgerError::Internal(format!(
                "a grant has 1 to {MAX_COINS} coins, not {}",
                grant.coins
            )));
        }
        let _turn = self.turn.lock().await;
        let gas = self.largest_coin(grant)?;
        let transaction = self.transaction(recipient, grant, gas);
        let signature = self
            .account
            .key()
            .sign_transaction(&transaction)
            .map_err(|error| LedgerError::Internal(error.to_string()))?;
        let executed = self
            .ledger
            .execute(SignedTransaction {
                transaction,
                signatures: vec![signature],
            })
            .await?;
        if !matches!(
            executed.record.effects.status(),
            sui_sdk_types::ExecutionStatus::Success
        ) {
            return Err(LedgerError::Internal(format!(
                "the faucet's transaction failed: {}",
                executed.record.error_message.clone().unwrap_or_default()
            )));
        }
        Ok(self.granted(&executed, recipient, grant))
    }

    fn largest_coin(&self, grant: Grant) -> Result<ObjectReference, LedgerError> {
        let needed = u64::from(grant.coins)
            .saturating_mul(grant.amount)
            .saturating_add(BUDGET);
        let coin_type = StructTag::gas_coin().to_string();
        let indexes = self.ledger.state().read();
        indexes
            .owned_from(OwnedKey::first_of_type(
                self.account.address,
                coin_type.clone(),
            ))
            .next()
            .filter(|(key, _)| key.object_type == coin_type && key.balance.0 >= needed)
            .map(|(key, object)| ObjectReference::new(key.id, object.version(), object.digest()))
            .ok_or_else(|| {
                LedgerError::Internal(format!("the faucet has no coin with {needed} MIST left"))
            })
    }

    fn transaction(&self, recipient: Address, grant: Grant, gas: ObjectReference) -> Transaction {
        let amounts = (0..grant.coins).map(|_| Argument::Input(0)).collect();
        let coins = (0..grant.coins)
            .map(|index| Argument::NestedResult(0, index))
            .collect();
        Transaction {
            kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                inputs: vec![
                    Input::Pure(grant.amount.to_le_bytes().to_vec()),
                    Input::Pure(recipient.as_bytes().to_vec()),
                ],
                commands: vec![
                    Command::SplitCoins(SplitCoins {
                        coin: Argument::Gas,
                        amounts,
                    }),
                    Command::TransferObjects(TransferObjects {
                        objects: coins,
                        address: Argument::Input(1),
                    }),
                ],
            }),
            sender: self.account.address,
            gas_payment: GasPayment {
                objects: vec![gas],
                owner: self.account.address,
                price: self.ledger.state().params().reference_gas_price,
                budget: BUDGET,
            },
            expiration: TransactionExpiration::None,
        }
    }

    /// The new coins, by the ids that follow from the transaction digest.
    fn granted(&self, executed: &Executed, recipient: Address, grant: Grant) -> Vec<GrantedCoin> {
        let indexes = self.ledger.state().read();
        (0..u64::from(grant.coins))
            .map(|counter| Address::derive_id(executed.digest, counter))
            .filter(|id| {
                indexes.latest(id).is_some_and(|object| {
                    Coin::try_from_object(&object).is_some()
                        && *object.owner() == sui_sdk_types::Owner::Address(recipient)
                })
            })
            .map(|id| GrantedCoin {
                amount: grant.amount,
                id,
                transaction: executed.digest,
            })
            .collect()
    }

    /// The HTTP surface.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(|| async { "OK" }))
            .route("/health", get(|| async { "OK" }))
            .route("/v2/gas", post(v2))
            .route("/v1/gas", post(legacy))
            .route("/gas", post(legacy))
            .layer(DefaultBodyLimit::max(MAX_FAUCET_BODY))
            .layer(cors())
            .with_state(self)
    }
}

#[derive(Deserialize)]
struct GasRequest {
    #[serde(rename = "FixedAmountRequest")]
    fixed: Fixed,
}

#[derive(Deserialize)]
struct Fixed {
    recipient: String,
}

/// Sends a grant for a request body, whatever its content type says.
async fn grant(faucet: &Faucet, body: &[u8]) -> Result<Vec<Value>, (StatusCode, String)> {
    let request: GasRequest = serde_json::from_slice(body).map_err(|error| {
        (
            StatusCode::BAD_REQUEST,
            format!("expected {{\"FixedAmountRequest\":{{\"recipient\":\"0x…\"}}}}: {error}"),
        )
    })?;
    let recipient = parse_address("recipient", Some(&request.fixed.recipient))
        .map_err(|status| (StatusCode::BAD_REQUEST, status.message().to_owned()))?;
    let coins = faucet
        .request(recipient)
        .await
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(coins
        .into_iter()
        .map(|coin| {
            json!({
                "amount": coin.amount,
                "id": coin.id.to_string(),
                "transferTxDigest": coin.transaction.to_string(),
            })
        })
        .collect())
}

async fn v2(State(faucet): State<Faucet>, body: axum::body::Bytes) -> Response {
    match grant(&faucet, &body).await {
        Ok(coins) => (
            StatusCode::CREATED,
            Json(json!({"status": "Success", "coins_sent": coins})),
        )
            .into_response(),
        Err((status, message)) => (
            status,
            Json(json!({"status": {"Failure": {"Internal": message}}, "coins_sent": null})),
        )
            .into_response(),
    }
}

/// The two older forms of the answer have the same fields.
async fn legacy(State(faucet): State<Faucet>, body: axum::body::Bytes) -> Response {
    match grant(&faucet, &body).await {
        Ok(coins) => (
            StatusCode::CREATED,
            Json(json!({"transferredGasObjects": coins, "error": null})),
        )
            .into_response(),
        Err((status, message)) => (
            status,
            Json(json!({"transferredGasObjects": [], "error": message})),
        )
            .into_response(),
    }
}
