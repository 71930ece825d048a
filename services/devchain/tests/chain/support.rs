//! What the tests share.

use std::time::Duration;

use sui_crypto::SuiSigner;
use sui_devchain::{Account, Devchain, RunningChain};
use sui_rpc::Client;
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, StructTag, Transaction, TypeTag};
use sui_transaction_builder::{Argument, Function, TransactionBuilder};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A chain in memory.
pub(crate) async fn boot() -> RunningChain {
    Devchain::builder()
        .seed("tests")
        .accounts(2)
        .start()
        .await
        .unwrap()
}

pub(crate) fn client(chain: &RunningChain) -> Client {
    Client::new(chain.rpc_url()).unwrap()
}

/// Builds, signs and executes; the executed transaction with everything.
pub(crate) async fn run(
    client: &mut Client,
    account: &Account,
    mut builder: TransactionBuilder,
) -> proto::ExecutedTransaction {
    builder.set_sender(account.address);
    let transaction = builder.build(client).await.unwrap();
    submit(client, account, transaction).await.unwrap()
}

pub(crate) async fn submit(
    client: &mut Client,
    account: &Account,
    transaction: Transaction,
) -> Result<proto::ExecutedTransaction, tonic::Status> {
    let signature = account.key().sign_transaction(&transaction).unwrap();
    let mut request = proto::ExecuteTransactionRequest::new(transaction.into())
        .with_read_mask(FieldMask::from_paths(["*"]));
    request.signatures = vec![signature.into()];
    let response = client
        .execute_transaction_and_wait_for_checkpoint(request, PATIENCE)
        .await
        .map_err(|error| match error {
            sui_rpc::client::ExecuteAndWaitError::RpcError(status) => status,
            other => tonic::Status::internal(other.to_string()),
        })?;
    let executed = response.into_inner().transaction.unwrap();
    Ok(executed)
}

/// A payment out of the gas coin.
pub(crate) fn payment(recipient: Address, amount: u64) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let gas = builder.gas();
    let amount = builder.pure(&amount);
    let coins = builder.split_coins(gas, vec![amount]);
    let recipient = builder.pure(&recipient);
    builder.transfer_objects(coins, recipient);
    builder
}

pub(crate) async fn balance(client: &mut Client, owner: Address) -> u64 {
    let request = proto::GetBalanceRequest::default()
        .with_owner(owner)
        .with_coin_type(StructTag::sui());
    let response = client.state_client().get_balance(request).await.unwrap();
    response.into_inner().balance.unwrap().balance()
}

/// Opens a kiosk, places a coin in it as a dynamic object field and lists it for sale, which emits
/// one `kiosk::ItemListed` event with this price. The kiosk goes to `owner`.
pub(crate) fn listing(owner: Address, price: u64) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let coin_type: TypeTag = StructTag::gas_coin().into();
    let function = |module: &str, name: &str, types: Vec<TypeTag>| {
        Function::new(Address::TWO, module.parse().unwrap(), name.parse().unwrap())
            .with_type_args(types)
    };
    let gas = builder.gas();
    let one = builder.pure(&1u64);
    let coin = builder.split_coins(gas, vec![one])[0];
    let id = builder.move_call(
        function("object", "id", vec![coin_type.clone()]),
        vec![coin],
    );
    let opened: Vec<Argument> = builder
        .move_call(function("kiosk", "new", vec![]), vec![])
        .to_nested(2);
    let [kiosk, cap] = opened[..] else {
        unreachable!()
    };
    builder.move_call(
        function("kiosk", "place", vec![coin_type.clone()]),
        vec![kiosk, cap, coin],
    );
    let price = builder.pure(&price);
    builder.move_call(
        function("kiosk", "list", vec![coin_type]),
        vec![kiosk, cap, id, price],
    );
    let owner = builder.pure(&owner);
    builder.transfer_objects(vec![kiosk, cap], owner);
    builder
}

/// A wallet that owns nothing yet.
pub(crate) fn stranger(number: u8) -> Address {
    Address::new([number; 32])
}
