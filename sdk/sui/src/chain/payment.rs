//! What a transaction paid to whom, and what it was given first: how a tip is recognised. Client spec 4.6.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Address, Digest, Input, StructTag, Transaction, TransactionKind};

use super::{Call, ChainClient, ChainError};

/// An executed transaction, as far as it may be a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// When its checkpoint was made, in milliseconds since 1970; none before that.
    pub timestamp_ms: Option<u64>,
    /// By how much the SUI of addresses changed, in MIST, in the order of the chain.
    pub sui_changes: Vec<(Address, i128)>,
    /// The first input, if it is a pure one of a programmable transaction.
    pub first_pure_input: Option<Vec<u8>>,
    /// Whether it is a programmable transaction.
    pub is_programmable: bool,
}

impl ChainClient {
    /// A transaction as a payment.
    ///
    /// # Errors
    /// [`ChainError`], also when the chain does not know the transaction.
    pub fn payment<'a>(&'a self, digest: &'a Digest) -> Call<'a, Payment> {
        Box::pin(async move {
            const CALL: &str = "GetTransaction";
            const FIELDS: [&str; 5] = [
                "digest",
                "transaction.bcs",
                "balance_changes",
                "timestamp",
                "effects.status",
            ];
            let response = self
                .read(CALL, |mut rpc| {
                    let request = proto::GetTransactionRequest::default()
                        .with_digest(digest.to_string())
                        .with_read_mask(FieldMask::from_paths(FIELDS));
                    async move {
                        Ok(rpc
                            .ledger_client()
                            .get_transaction(request)
                            .await?
                            .into_inner())
                    }
                })
                .await?;
            Payment::from_proto(CALL, response.transaction())
        })
    }
}

impl Payment {
    fn from_proto(
        call: &'static str,
        executed: &proto::ExecutedTransaction,
    ) -> Result<Self, ChainError> {
        let malformed = |reason: String| ChainError::malformed(call, reason);
        let bytes = executed.transaction().bcs().value();
        let transaction: Transaction =
            bcs::from_bytes(bytes).map_err(|error| malformed(error.to_string()))?;
        let programmable = match transaction.kind {
            TransactionKind::ProgrammableTransaction(programmable) => Some(programmable),
            _ => None,
        };
        let is_programmable = programmable.is_some();
        let inputs = programmable.map(|programmable| programmable.inputs);
        let first = inputs.and_then(|inputs| inputs.into_iter().next());
        let first_pure_input = match first {
            Some(Input::Pure(bytes)) => Some(bytes),
            _ => None,
        };
        let mut sui_changes = Vec::new();
        for change in executed.balance_changes() {
            let coin: StructTag = change
                .coin_type()
                .parse()
                .map_err(|error| malformed(format!("{}: {error}", change.coin_type())))?;
            if coin != StructTag::sui() {
                continue;
            }
            let address = change.address().parse();
            let address = address.map_err(|error| malformed(format!("an address: {error}")))?;
            let amount = change.amount().parse();
            let amount = amount.map_err(|error| malformed(format!("an amount: {error}")))?;
            sui_changes.push((address, amount));
        }
        let timestamp = executed.timestamp_opt();
        let timestamp_ms = timestamp.and_then(|timestamp| {
            let seconds = u64::try_from(timestamp.seconds).ok()?;
            let millis = u64::try_from(timestamp.nanos).ok()? / 1_000_000;
            seconds.checked_mul(1000)?.checked_add(millis)
        });
        Ok(Self {
            succeeded: executed.effects().status().success(),
            timestamp_ms,
            sui_changes,
            first_pure_input,
            is_programmable,
        })
    }
}
