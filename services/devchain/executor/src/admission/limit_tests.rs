//! Limit tests: the bounds of a transaction at their edges.
#![allow(clippy::unwrap_used)]

use sui_sdk_types::{
    Address, Argument, Command, Digest, FundsWithdrawal, GasPayment, Input, MakeMoveVector,
    MergeCoins, MoveCall, ObjectReference, ProgrammableTransaction, Publish, SplitCoins, StructTag,
    Transaction, TransactionExpiration, TransactionKind, TransferObjects, TypeTag, WithdrawFrom,
};

use super::{AdmissionError, check_size, check_transaction};
use crate::limits::*;
use crate::{ChainParams, Mode};

const PRICE: u64 = 1000;

fn transaction(inputs: Vec<Input>, commands: Vec<Command>) -> Transaction {
    Transaction {
        kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
            inputs,
            commands,
        }),
        sender: Address::TWO,
        gas_payment: GasPayment {
            objects: vec![coin(0)],
            owner: Address::TWO,
            price: PRICE,
            budget: MAX_GAS_BUDGET,
        },
        expiration: TransactionExpiration::None,
    }
}

fn check(transaction: &Transaction) -> Result<(), AdmissionError> {
    let params = ChainParams {
        chain_id: Digest::ZERO,
        epoch: 0,
        epoch_start_ms: 0,
        reference_gas_price: PRICE,
    };
    check_transaction(&params, transaction, Mode::Normal)
}

fn coin(number: usize) -> ObjectReference {
    let mut id = [9; 32];
    for (byte, part) in id.iter_mut().zip(number.to_le_bytes()) {
        *byte = part;
    }
    ObjectReference::new(Address::new(id), 1, Digest::ZERO)
}

/// A transaction of the size is admitted, one that is one larger is not, for that reason.
fn edge(limit: usize, what: &str, make: impl Fn(usize) -> Transaction) {
    assert_eq!(check(&make(limit)), Ok(()), "{what}");
    match check(&make(limit + 1)) {
        Err(AdmissionError::LimitExceeded {
            what: found, got, ..
        }) => {
            assert_eq!(found, what);
            assert_eq!(got, limit as u64 + 1);
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn call(type_arguments: Vec<TypeTag>, arguments: Vec<Argument>) -> Command {
    Command::MoveCall(MoveCall {
        package: Address::TWO,
        module: "m".parse().unwrap(),
        function: "f".parse().unwrap(),
        type_arguments,
        arguments,
    })
}

fn publish(modules: usize, dependencies: usize) -> Command {
    Command::Publish(Publish {
        modules: vec![vec![]; modules],
        dependencies: vec![Address::TWO; dependencies],
    })
}

#[test]
fn commands_and_operands() {
    edge(COMMANDS_BOUND - 1, "commands", |count| {
        transaction(vec![], vec![call(vec![], vec![]); count])
    });
    let most = ARGUMENTS_BOUND - 1;
    let gas = |count| vec![Argument::Gas; count];
    let one = |command| transaction(vec![], vec![command]);
    edge(most, "arguments", |count| one(call(vec![], gas(count))));
    edge(most, "transferred objects", |count| {
        one(Command::TransferObjects(TransferObjects {
            objects: gas(count),
            address: Argument::Gas,
        }))
    });
    edge(most, "split amounts", |count| {
        one(Command::SplitCoins(SplitCoins {
            coin: Argument::Gas,
            amounts: gas(count),
        }))
    });
    edge(most, "merged coins", |count| {
        one(Command::MergeCoins(MergeCoins {
            coin: Argument::Gas,
            coins_to_merge: gas(count),
        }))
    });
    for type_ in [None, Some(TypeTag::U8)] {
        edge(most, "vector elements", |count| {
            one(Command::MakeMoveVector(MakeMoveVector {
                type_: type_.clone(),
                elements: gas(count),
            }))
        });
    }
}

#[test]
fn type_arguments() {
    let one = |types| transaction(vec![], vec![call(types, vec![])]);
    edge(TYPE_NODES_BOUND - 1, "type argument nodes", |count| {
        one(vec![TypeTag::U8; count])
    });
    // One type nests as deep as it has nodes, so that the number of nodes is what is told.
    assert_eq!(TYPE_DEPTH_BOUND, TYPE_NODES_BOUND);
    edge(TYPE_DEPTH_BOUND - 1, "type argument nodes", |depth| {
        let tag = (1..depth).fold(TypeTag::U8, |inner, _| TypeTag::Vector(Box::new(inner)));
        one(vec![tag])
    });
}

#[test]
fn inputs() {
    edge(PURE_BOUND - 1, "pure input bytes", |bytes| {
        transaction(vec![Input::Pure(vec![0; bytes])], vec![])
    });
    edge(MAX_INPUT_OBJECTS, "inputs", |count| {
        transaction(vec![Input::Pure(vec![]); count], vec![])
    });
    edge(MAX_WITHDRAWALS, "withdrawals", |count| {
        let sui = TypeTag::from(StructTag::sui());
        let withdrawal = FundsWithdrawal::new(1, sui, WithdrawFrom::Sender);
        transaction(vec![Input::FundsWithdrawal(withdrawal); count], vec![])
    });
}

#[test]
fn packages() {
    edge(MODULES_BOUND - 1, "modules", |count| {
        transaction(vec![], vec![publish(count, 1)])
    });
    edge(DEPENDENCIES_BOUND - 1, "dependencies", |count| {
        transaction(vec![], vec![publish(1, count)])
    });
    edge(MAX_PUBLISHES, "publish and upgrade commands", |count| {
        transaction(vec![], vec![publish(1, 1); count])
    });
}

#[test]
fn bytes() {
    let empty = bcs::serialized_size(&transaction(vec![Input::Pure(vec![])], vec![])).unwrap();
    // Lengths of this size take three bytes and not one.
    let contents = MAX_TRANSACTION_BYTES - empty - 2;
    let sized = |bytes| check_size(&transaction(vec![Input::Pure(vec![0; bytes])], vec![]));
    assert_eq!(sized(contents), Ok(()));
    assert!(matches!(
        sized(contents + 1),
        Err(AdmissionError::LimitExceeded { got: 131_073, .. })
    ));
}

#[test]
fn gas() {
    edge(MAX_GAS_OBJECTS, "payment objects", |count| {
        let mut transaction = transaction(vec![], vec![]);
        transaction.gas_payment.objects = (0..count).map(coin).collect();
        transaction
    });
    let least = MIN_GAS_UNITS * PRICE;
    let highest = GAS_PRICE_BOUND - 1;
    for (price, budget, fits) in [
        (PRICE, least, true),
        (PRICE, least - 1, false),
        (PRICE, MAX_GAS_BUDGET, true),
        (PRICE, MAX_GAS_BUDGET + 1, false),
        (PRICE - 1, MAX_GAS_BUDGET, false),
        (highest, MIN_GAS_UNITS * highest, true),
        (highest + 1, MAX_GAS_BUDGET, false),
    ] {
        let mut transaction = transaction(vec![], vec![]);
        transaction.gas_payment.price = price;
        transaction.gas_payment.budget = budget;
        assert_eq!(check(&transaction).is_ok(), fits, "{price} {budget}");
    }
}
