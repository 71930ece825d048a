//! Simulations: inspection, failures, and requests that make no sense.

use crate::support::{boot, client, payment, run, stranger};
use sui_rpc::Client;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::simulate_transaction_request::TransactionChecks;
use sui_sdk_types::Address;
use tonic::Code;

/// A call without any resolution: no kind, no gas.
fn call(sender: Address, target: [&str; 3], inputs: Vec<proto::Input>) -> proto::Transaction {
    let [package, module, function] = target;
    let mut call = proto::MoveCall::default()
        .with_package(package)
        .with_module(module)
        .with_function(function);
    call.arguments = (0..inputs.len())
        .map(|index| proto::Argument::new_input(u16::try_from(index).unwrap()))
        .collect();
    let mut programmable = proto::ProgrammableTransaction::default();
    programmable.inputs = inputs;
    programmable.commands = vec![call.into()];
    let mut transaction = proto::Transaction::default().with_sender(sender);
    transaction.kind = Some(programmable.into());
    transaction
}

fn object(id: &str) -> proto::Input {
    proto::Input::default().with_object_id(id)
}

async fn simulate(
    client: &mut Client,
    transaction: proto::Transaction,
    checks: TransactionChecks,
) -> Result<proto::SimulateTransactionResponse, tonic::Status> {
    let mut request = proto::SimulateTransactionRequest::new(transaction);
    request.set_checks(checks);
    request.do_gas_selection = Some(checks == TransactionChecks::Enabled);
    let response = client
        .execution_client()
        .simulate_transaction(request)
        .await?;
    Ok(response.into_inner())
}

#[tokio::test]
async fn an_inspection_returns_values_without_any_gas() {
    let chain = boot().await;
    let mut client = client(&chain);
    let clock = call(
        stranger(9),
        ["0x2", "clock", "timestamp_ms"],
        vec![object("0x6")],
    );
    let response = simulate(&mut client, clock, TransactionChecks::Disabled)
        .await
        .unwrap();
    let value = &response.command_outputs[0].return_values[0];
    assert_eq!(value.value().name(), "u64");
    let bytes = value.value().value().to_vec();
    let now = u64::from_le_bytes(bytes.try_into().unwrap());
    let wall = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    assert!(u128::from(now).abs_diff(wall.as_millis()) < 60_000, "{now}");
    assert!(response.transaction().effects().status().success());
    assert_eq!(response.suggested_gas_price(), 1000);
}

#[tokio::test]
async fn literals_are_typed_by_the_parameter() {
    let chain = boot().await;
    let mut client = client(&chain);
    let mut literal = proto::Input::default();
    literal.literal = Some(Box::new(prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue("258".into())),
    }));
    let swap = call(stranger(9), ["0x2", "math", "sqrt"], vec![literal]);
    let response = simulate(&mut client, swap, TransactionChecks::Disabled)
        .await
        .unwrap();
    let bytes = response.command_outputs[0].return_values[0].value().value();
    assert_eq!(bytes.to_vec(), 16u64.to_le_bytes());
}

#[tokio::test]
async fn an_abort_is_a_failed_status_and_not_an_error() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = chain.accounts()[0].address;
    let pure = |bytes: Vec<u8>| proto::Input::default().with_pure(bytes);
    let abort = call(
        sender,
        ["0x2", "address", "from_bytes"],
        vec![pure(vec![2, 1, 1])],
    );
    let response = simulate(&mut client, abort, TransactionChecks::Enabled)
        .await
        .unwrap();
    let status = response.transaction().effects().status();
    assert!(!status.success());
    assert_eq!(status.error().command(), 0);
    assert!(!status.error().description().is_empty());
}

#[tokio::test]
async fn senders_without_coins_cannot_select_gas() {
    let chain = boot().await;
    let mut client = client(&chain);
    let clock = call(
        stranger(9),
        ["0x2", "clock", "timestamp_ms"],
        vec![object("0x6")],
    );
    let status = simulate(&mut client, clock, TransactionChecks::Enabled)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("gas"), "{status}");
}

#[tokio::test]
async fn nonsense_is_refused_with_a_reason() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = chain.accounts()[0].address;
    let clock = ["0x2", "clock", "timestamp_ms"];
    let out_of_range = {
        let mut transaction = call(sender, clock, vec![object("0x6")]);
        let Some(proto::transaction_kind::Data::ProgrammableTransaction(programmable)) =
            transaction
                .kind
                .as_mut()
                .and_then(|kind| kind.data.as_mut())
        else {
            unreachable!()
        };
        programmable.inputs.clear();
        transaction
    };
    let mut garbage = proto::Transaction::default();
    garbage.bcs = Some(vec![1, 2, 3].into());
    let cases = [
        (
            "empty",
            proto::Transaction::default(),
            Code::InvalidArgument,
        ),
        ("garbage", garbage, Code::InvalidArgument),
        (
            "no such object",
            call(sender, clock, vec![object("0x123456")]),
            Code::NotFound,
        ),
        (
            "no such package",
            call(sender, ["0x999", "m", "f"], vec![object("0x6")]),
            Code::NotFound,
        ),
        (
            "no such function",
            call(sender, ["0x2", "clock", "nope"], vec![object("0x6")]),
            Code::InvalidArgument,
        ),
        (
            "not an address",
            call(sender, clock, vec![object("zz")]),
            Code::InvalidArgument,
        ),
        (
            "an empty input",
            call(sender, clock, vec![proto::Input::default()]),
            Code::InvalidArgument,
        ),
        (
            "an argument out of range",
            out_of_range,
            Code::InvalidArgument,
        ),
    ];
    for (name, transaction, expected) in cases {
        let status = simulate(&mut client, transaction, TransactionChecks::Enabled)
            .await
            .expect_err(name);
        assert_eq!(status.code(), expected, "{name}: {status}");
        assert!(!status.message().is_empty());
    }
}

const HEAVY: &str = include_str!("../../executor/tests/fixtures/move/artifacts/heavy.json");

/// More callers than places give up waiting for loops that would run for long; the next one is served all the same.
#[tokio::test]
async fn simulations_that_nobody_waits_for_give_their_places_back() {
    let chain = boot().await;
    let mut client = client(&chain);
    let heavy = walrus_artifacts::parse(HEAVY).unwrap().remove(0);
    let mut builder = sui_transaction_builder::TransactionBuilder::new();
    let cap = builder.publish(
        heavy.bytecode(),
        vec![Address::from_static("0x1"), Address::TWO],
    );
    let owner = builder.pure(&stranger(9));
    builder.transfer_objects(vec![cap], owner);
    let account = chain.accounts()[0].clone();
    let published = run(&mut client, &account, builder).await;
    let package = published
        .effects()
        .changed_objects()
        .iter()
        .find(|changed| changed.object_type() == "package")
        .unwrap()
        .object_id()
        .to_owned();
    for _ in 0..6 {
        let spin = call(stranger(9), [&package, "heavy", "spin"], vec![]);
        let mut request = proto::SimulateTransactionRequest::new(spin);
        request.set_checks(TransactionChecks::Disabled);
        let mut request = tonic::Request::new(request);
        request.set_timeout(std::time::Duration::from_millis(20));
        let status = client
            .execution_client()
            .simulate_transaction(request)
            .await
            .unwrap_err();
        assert!(
            matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded),
            "{status:?}"
        );
    }
    let clock = call(
        stranger(9),
        ["0x2", "clock", "timestamp_ms"],
        vec![object("0x6")],
    );
    let answered = simulate(&mut client, clock, TransactionChecks::Disabled).await;
    assert_eq!(answered.unwrap().command_outputs.len(), 1);
}

/// What a literal becomes depends on the parameter that it is given to.
#[tokio::test]
async fn literals_take_the_type_of_the_parameter() {
    use prost_types::value::Kind;
    let chain = boot().await;
    let mut client = client(&chain);
    let text = |text: &str| Kind::StringValue(text.into());
    let list = |kinds: Vec<Kind>| {
        let values = kinds
            .into_iter()
            .map(|kind| prost_types::Value { kind: Some(kind) })
            .collect();
        Kind::ListValue(prost_types::ListValue { values })
    };
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let cases = [
        (["0x1", "u8", "sqrt"], Kind::NumberValue(49.0), vec![7]),
        (
            ["0x1", "u64", "sqrt"],
            text("49"),
            7u64.to_le_bytes().to_vec(),
        ),
        (["0x1", "u256", "bitwise_not"], text(largest), vec![0; 32]),
        (
            ["0x2", "address", "to_u256"],
            text("0x7"),
            [vec![7], vec![0; 31]].concat(),
        ),
        (
            ["0x1", "ascii", "length"],
            text("seven"),
            5u64.to_le_bytes().to_vec(),
        ),
        (
            ["0x1", "hash", "sha2_256"],
            list(vec![Kind::NumberValue(104.0), text("105")]),
            [
                vec![32],
                hex("8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"),
            ]
            .concat(),
        ),
    ];
    for (target, kind, expected) in cases {
        let mut input = proto::Input::default();
        input.literal = Some(Box::new(prost_types::Value { kind: Some(kind) }));
        let transaction = call(stranger(9), target, vec![input]);
        let response = simulate(&mut client, transaction, TransactionChecks::Disabled)
            .await
            .unwrap();
        let value = &response.command_outputs[0].return_values[0];
        assert_eq!(value.value().value(), expected, "{target:?}");
    }
    let mut input = proto::Input::default();
    let kind = Some(Kind::NumberValue(256.0));
    input.literal = Some(Box::new(prost_types::Value { kind }));
    let transaction = call(stranger(9), ["0x1", "u8", "sqrt"], vec![input]);
    let status = simulate(&mut client, transaction, TransactionChecks::Disabled)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The types of changed objects are there when they are asked for, whatever else is.
#[tokio::test]
async fn types_of_changed_objects_follow_the_mask() {
    use sui_rpc::field::{FieldMask, FieldMaskUtil};
    let chain = boot().await;
    let mut client = client(&chain);
    let account = chain.accounts()[0].clone();
    let done = run(&mut client, &account, payment(stranger(7), 5)).await;
    let types = async |client: &mut Client, paths: [&str; 2]| {
        let request = proto::GetTransactionRequest::default()
            .with_digest(done.digest().to_owned())
            .with_read_mask(FieldMask::from_paths(paths));
        let response = client.ledger_client().get_transaction(request).await;
        let transaction = response.unwrap().into_inner().transaction.unwrap();
        let changed = transaction.effects.unwrap().changed_objects;
        changed
            .into_iter()
            .map(|changed| changed.object_type)
            .collect::<Vec<_>>()
    };
    let with = types(
        &mut client,
        [
            "effects.changed_objects.object_id",
            "effects.changed_objects.object_type",
        ],
    )
    .await;
    assert!(with.len() > 1);
    assert!(with.iter().all(|found| {
        found
            .as_deref()
            .is_some_and(|name| name.contains("::coin::Coin<"))
    }));
    let without = types(
        &mut client,
        [
            "effects.changed_objects.object_id",
            "effects.changed_objects.output_version",
        ],
    )
    .await;
    assert_eq!(without, vec![None; with.len()]);
}

/// A mask below a field gives that part of it, in every place where a transaction is shown.
#[tokio::test]
async fn masks_reach_into_the_transaction() {
    use sui_rpc::field::{FieldMask, FieldMaskUtil};
    let chain = boot().await;
    let mut client = client(&chain);
    let account = chain.accounts()[0].clone();
    let done = run(&mut client, &account, payment(stranger(7), 5)).await;
    let request = proto::GetTransactionRequest::default()
        .with_digest(done.digest().to_owned())
        .with_read_mask(FieldMask::from_paths([
            "transaction.kind.programmable_transaction.inputs.kind",
            "transaction.gas_payment.budget",
            "transaction.sender",
        ]));
    let response = client.ledger_client().get_transaction(request).await;
    let transaction = response.unwrap().into_inner().transaction.unwrap();
    let transaction = transaction.transaction.unwrap();
    let whole = done.transaction();
    let mut expected = proto::Transaction::default();
    expected.sender = whole.sender.clone();
    let mut gas = proto::GasPayment::default();
    gas.budget = whole.gas_payment().budget;
    expected.gas_payment = Some(gas);
    let mut programmable = proto::ProgrammableTransaction::default();
    for _ in 0..2 {
        let mut input = proto::Input::default();
        input.set_kind(proto::input::InputKind::Pure);
        programmable.inputs.push(input);
    }
    expected.kind =
        Some(proto::TransactionKind::default().with_programmable_transaction(programmable));
    assert_eq!(transaction, expected);
}
