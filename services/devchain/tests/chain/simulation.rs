//! Simulations: inspection, failures, and requests that make no sense.

use crate::support::{boot, client, stranger};
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
