//! What simulations choose to pay with, and what they make of inputs that are given in part.

use crate::support::{PATIENCE, boot, client, run, stranger};
use sui_devchain::{Grant, RunningChain};
use sui_rpc::Client;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::input::InputKind;
use sui_sdk_types::{
    Address, Argument, Command, FundsWithdrawal, Input, MoveCall, ProgrammableTransaction,
    SplitCoins, StructTag, TransactionKind, TransferObjects, TypeTag, WithdrawFrom,
};
use sui_transaction_builder::{Function, ObjectInput, TransactionBuilder};

const SUI: u64 = 1_000_000_000;

fn sui() -> TypeTag {
    StructTag::sui().into()
}

/// Moves SUI from the gas coin of an account into an address balance.
async fn deposit(client: &mut Client, chain: &RunningChain, owner: Address, amount: u64) {
    let mut builder = TransactionBuilder::new();
    let gas = builder.gas();
    let amount = builder.pure(&amount);
    let coin = builder.split_coins(gas, vec![amount])[0];
    let owner = builder.pure(&owner);
    let send = Function::new(
        Address::TWO,
        "coin".parse().unwrap(),
        "send_funds".parse().unwrap(),
    );
    builder.move_call(send.with_type_args(vec![sui()]), vec![coin, owner]);
    let account = chain.accounts()[0].clone();
    let done = run(client, &account, builder).await;
    assert!(done.effects().status().success());
}

/// Withdraws from an address balance and gives the coin away; with `split` also a part of the gas coin.
fn withdrawal(amount: u64, split: Option<u64>) -> ProgrammableTransaction {
    let mut inputs = vec![
        Input::FundsWithdrawal(FundsWithdrawal::new(amount, sui(), WithdrawFrom::Sender)),
        Input::Pure(stranger(200).as_bytes().to_vec()),
    ];
    let mut commands = vec![
        Command::MoveCall(MoveCall {
            package: Address::TWO,
            module: "coin".parse().unwrap(),
            function: "redeem_funds".parse().unwrap(),
            type_arguments: vec![sui()],
            arguments: vec![Argument::Input(0)],
        }),
        give(Argument::Result(0), 1),
    ];
    if let Some(split) = split {
        inputs.push(Input::Pure(split.to_le_bytes().to_vec()));
        commands.push(Command::SplitCoins(SplitCoins {
            coin: Argument::Gas,
            amounts: vec![Argument::Input(2)],
        }));
        commands.push(give(Argument::NestedResult(2, 0), 1));
    }
    ProgrammableTransaction { inputs, commands }
}

fn give(object: Argument, to: u16) -> Command {
    Command::TransferObjects(TransferObjects {
        objects: vec![object],
        address: Argument::Input(to),
    })
}

fn payment() -> ProgrammableTransaction {
    ProgrammableTransaction {
        inputs: vec![
            Input::Pure(5u64.to_le_bytes().to_vec()),
            Input::Pure(stranger(200).as_bytes().to_vec()),
        ],
        commands: vec![
            Command::SplitCoins(SplitCoins {
                coin: Argument::Gas,
                amounts: vec![Argument::Input(0)],
            }),
            give(Argument::NestedResult(0, 0), 1),
        ],
    }
}

/// The transaction with gas selected, and its effects.
async fn select(
    client: &mut Client,
    sender: Address,
    gas_owner: Address,
    transaction: ProgrammableTransaction,
) -> Result<(proto::Transaction, proto::TransactionEffects), tonic::Status> {
    let mut message = proto::Transaction::default().with_sender(sender);
    message.kind = Some(TransactionKind::ProgrammableTransaction(transaction).into());
    message.gas_payment = Some(proto::GasPayment::default().with_owner(gas_owner));
    let mut request = proto::SimulateTransactionRequest::new(message);
    request.do_gas_selection = Some(true);
    let response = client
        .execution_client()
        .simulate_transaction(request)
        .await?
        .into_inner();
    let executed = response.transaction.unwrap();
    Ok((executed.transaction.unwrap(), executed.effects.unwrap()))
}

/// MIST that a payment reference reserves of an address balance: the first bytes of its digest.
fn reserved(reference: &proto::ObjectReference) -> u64 {
    let digest: sui_sdk_types::Digest = reference.digest().parse().unwrap();
    u64::from_le_bytes(digest.inner()[..8].try_into().unwrap())
}

#[tokio::test]
async fn what_the_transaction_withdraws_is_not_reserved_for_gas() {
    let chain = boot().await;
    let mut client = client(&chain);
    let owner = stranger(11);
    deposit(&mut client, &chain, owner, 10 * SUI).await;
    // The gas coin is used: a reservation is the payment.
    let (transaction, effects) = select(&mut client, owner, owner, withdrawal(4 * SUI, Some(SUI)))
        .await
        .unwrap();
    assert!(effects.status().success(), "{effects:?}");
    let payment = &transaction.gas_payment().objects;
    assert_eq!(payment.len(), 1);
    assert_eq!(reserved(&payment[0]), 6 * SUI);
    // It is not: the balance itself is.
    let (transaction, effects) = select(&mut client, owner, owner, withdrawal(4 * SUI, None))
        .await
        .unwrap();
    assert!(effects.status().success(), "{effects:?}");
    assert!(transaction.gas_payment().objects.is_empty());
    // Nothing would be left.
    let status = select(&mut client, owner, owner, withdrawal(10 * SUI, None))
        .await
        .unwrap_err();
    assert!(status.message().contains(&owner.to_string()), "{status}");
}

#[tokio::test]
async fn the_senders_withdrawals_are_not_the_sponsors() {
    let chain = boot().await;
    let mut client = client(&chain);
    let (sender, sponsor) = (stranger(12), stranger(13));
    for owner in [sender, sponsor] {
        deposit(&mut client, &chain, owner, 10 * SUI).await;
    }
    let (transaction, effects) = select(&mut client, sender, sponsor, withdrawal(10 * SUI, None))
        .await
        .unwrap();
    assert!(effects.status().success(), "{effects:?}");
    assert!(transaction.gas_payment().objects.is_empty());
    // A sponsor cannot reserve a part of its balance: with the gas coin in use its coins pay.
    chain.fund(sponsor, Grant::default()).await.unwrap();
    let (transaction, effects) = select(
        &mut client,
        sender,
        sponsor,
        withdrawal(10 * SUI, Some(SUI)),
    )
    .await
    .unwrap();
    assert!(effects.status().success(), "{effects:?}");
    assert_eq!(transaction.gas_payment().objects.len(), 5);
    assert!(effects.gas_object.is_some());
}

/// Reading a coin of 130 bytes costs 1950 internal units: two gas units.
#[tokio::test]
async fn more_payment_coins_cost_what_reading_them_costs() {
    let chain = boot().await;
    let mut client = client(&chain);
    let mut budgets = Vec::new();
    for (number, coins) in [(14, 1), (15, 5), (16, 250)] {
        let grant = Grant { coins, amount: SUI };
        chain.fund(stranger(number), grant).await.unwrap();
        let owner = stranger(number);
        let (transaction, effects) = select(&mut client, owner, owner, payment()).await.unwrap();
        assert!(effects.status().success(), "{effects:?}");
        let gas = transaction.gas_payment();
        assert_eq!(gas.objects.len(), usize::from(coins));
        budgets.push(gas.budget());
    }
    assert_eq!(budgets[1] - budgets[0], 10_000, "4 coins, rounded");
    assert_eq!(budgets[2] - budgets[0], 490_000, "249 coins, rounded");
}

/// Transfers do not tell that an object has to be mutable. Of a shared object the client's word does not count; here it does.
#[tokio::test]
async fn the_owner_of_a_party_object_says_whether_it_is_mutable() {
    let chain = boot().await;
    let mut client = client(&chain);
    let account = chain.accounts()[0].clone();
    let mut builder = TransactionBuilder::new();
    let gas = builder.gas();
    let amount = builder.pure(&SUI);
    let coin = builder.split_coins(gas, vec![amount])[0];
    let owner = builder.pure(&account.address);
    let function = |module: &str, name: &str| {
        Function::new(Address::TWO, module.parse().unwrap(), name.parse().unwrap())
    };
    let party = builder.move_call(function("party", "single_owner"), vec![owner]);
    let coin_type: TypeTag = StructTag::gas_coin().into();
    builder.move_call(
        function("transfer", "public_party_transfer").with_type_args(vec![coin_type]),
        vec![coin, party],
    );
    let made = run(&mut client, &account, builder).await;
    let changed = &made.effects().changed_objects;
    let id = changed
        .iter()
        .find(|one| one.id_operation() == proto::changed_object::IdOperation::Created)
        .unwrap()
        .object_id();

    let transfer = ProgrammableTransaction {
        inputs: vec![Input::Pure(stranger(200).as_bytes().to_vec()); 2],
        commands: vec![give(Argument::Input(0), 1)],
    };
    for (kind, mutable) in [(InputKind::Unknown, true), (InputKind::Shared, true)] {
        let mut programmable = proto::ProgrammableTransaction::from(transfer.clone());
        let mut input = proto::Input::default().with_object_id(id);
        input.set_kind(kind);
        input.mutable = Some(mutable);
        programmable.inputs[0] = input;
        let mut message = proto::Transaction::default().with_sender(account.address);
        message.kind = Some(programmable.into());
        let mut request = proto::SimulateTransactionRequest::new(message);
        request.do_gas_selection = Some(true);
        let response = client
            .execution_client()
            .simulate_transaction(request)
            .await
            .unwrap()
            .into_inner();
        let executed = response.transaction();
        assert!(executed.effects().status().success(), "{executed:?}");
    }
    // And it goes through for real.
    let mut builder = TransactionBuilder::new();
    let version = changed
        .iter()
        .find(|one| one.object_id() == id)
        .unwrap()
        .output_version();
    let coin = builder.object(ObjectInput::shared(id.parse().unwrap(), version, true));
    let to = builder.pure(&stranger(200));
    builder.transfer_objects(vec![coin], to);
    let moved = tokio::time::timeout(PATIENCE, run(&mut client, &account, builder))
        .await
        .unwrap();
    assert!(moved.effects().status().success(), "{moved:?}");
}
