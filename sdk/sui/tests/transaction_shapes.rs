//! Programmable transactions have the commands and inputs that were asked for, and failures are typed.

use sui_sdk_types::{Address, Argument, Command, Digest, Input, ObjectReference, TransactionKind};
use walrus_sui::transactions::{Ptb, TransactionError};

#[test]
fn a_payment_and_a_call_become_these_inputs_and_commands() {
    let coin = ObjectReference::new(Address::from([7; 32]), 3, Digest::ZERO);
    let mut ptb = Ptb::new();
    let paying = ptb.object_reference(&coin);
    let parts = ptb.split(paying, &[5, 6]).unwrap();
    let blob_id = ptb.pure(&[9u8; 32]).unwrap();
    let key = ptb.pure(&"key").unwrap();
    let object = ptb
        .call(
            Address::TWO,
            "system",
            "register_blob",
            vec![],
            vec![parts[1], blob_id, key],
        )
        .unwrap();
    ptb.transfer(vec![object], Address::from([1; 32])).unwrap();
    ptb.builder().set_sender(Address::ZERO);
    ptb.builder().set_gas_budget(1);
    ptb.builder().set_gas_price(1);
    ptb.builder()
        .add_gas_objects([sui_transaction_builder::ObjectInput::owned(
            Address::ZERO,
            1,
            Digest::ZERO,
        )]);
    let transaction = ptb.build_offline().unwrap();
    let TransactionKind::ProgrammableTransaction(ptb) = transaction.kind else {
        panic!()
    };

    assert_eq!(
        ptb.inputs,
        [
            Input::ImmutableOrOwned(coin),
            Input::Pure(5u64.to_le_bytes().to_vec()),
            Input::Pure(6u64.to_le_bytes().to_vec()),
            Input::Pure(vec![9; 32]),
            Input::Pure(b"\x03key".to_vec()),
            Input::Pure(vec![1; 32]),
        ]
    );
    assert!(matches!(&ptb.commands[0], Command::SplitCoins(split)
        if split.coin == Argument::Input(0) && split.amounts == [Argument::Input(1), Argument::Input(2)]));
    assert!(matches!(&ptb.commands[1], Command::MoveCall(call)
        if call.function.as_str() == "register_blob"
            && call.arguments == [Argument::NestedResult(0, 1), Argument::Input(3), Argument::Input(4)]));
    assert!(
        matches!(&ptb.commands[2], Command::TransferObjects(transfer)
        if transfer.objects == [Argument::Result(1)] && transfer.address == Argument::Input(5))
    );
}

#[test]
fn names_that_are_no_identifiers_are_refused() {
    let error = Ptb::new().call(Address::TWO, "no module", "f", vec![], vec![]);
    assert!(matches!(error, Err(TransactionError::Build { .. })));
}
