//! Values that must not be mixed: hot cliques (devchain spec 2.4) and shared objects taken by value (2.6).

use crate::world::toys::{dependencies, modules};
use crate::world::{ALICE, Body, World, change, written_of};
use sui_devchain_executor::Outcome;
use sui_sdk_types::*;

const LOANS: &str = include_str!("../fixtures/move/artifacts/loans.json");

struct Loans {
    world: World,
    package: Address,
    pot: Address,
}

impl Loans {
    fn publish() -> Self {
        let mut world = World::boot();
        let mut body = Body::new();
        let cap = body.command(Command::Publish(Publish {
            modules: modules(LOANS),
            dependencies: dependencies(),
        }));
        body.transfer(vec![cap], ALICE);
        let outcome = world.succeed(body);
        Self {
            world,
            package: outcome.packages().next().unwrap().object_id(),
            pot: written_of(&outcome, "Pot")[0],
        }
    }

    fn call(&self, body: &mut Body, function: &str, arguments: Vec<Argument>) -> Argument {
        body.call(self.package, "loans", function, arguments)
    }

    /// A transaction that begins with a loan: the money, the loan, the pot, and the amount as it was named.
    fn lend(&self, amount: u64) -> (Body, [Argument; 4]) {
        let mut body = Body::new();
        let pot = body.shared(&self.world, self.pot, true);
        let named = body.pure(&amount);
        self.call(&mut body, "lend", vec![pot, named]);
        let money = Argument::NestedResult(0, 0);
        let loan = Argument::NestedResult(0, 1);
        (body, [money, loan, pot, named])
    }

    /// The same with the pot by value in the first command.
    fn with_pot(&self, function: &str) -> (Body, Argument) {
        let mut body = Body::new();
        let pot = body.shared(&self.world, self.pot, true);
        let result = self.call(&mut body, function, vec![pot]);
        (body, result)
    }

    /// The pot in a vector.
    fn collected(&self) -> (Body, Argument) {
        let mut body = Body::new();
        let pot = body.shared(&self.world, self.pot, true);
        let pots = body.command(Command::MakeMoveVector(MakeMoveVector {
            type_: None,
            elements: vec![pot],
        }));
        (body, pots)
    }
}

#[track_caller]
fn assert_refused(outcome: &Outcome, in_command: u64, at: u16) {
    let ExecutionStatus::Failure { error, command } = outcome.effects.status() else {
        panic!("the transaction succeeded");
    };
    assert_eq!(
        *error,
        ExecutionError::CommandArgumentError {
            argument: at,
            kind: CommandArgumentError::InvalidArgumentToPrivateEntryFunction,
        }
    );
    assert_eq!(*command, Some(in_command));
}

#[track_caller]
fn assert_not_allowed(outcome: &Outcome, in_command: u64) {
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::ConsensusObjectOperationNotAllowed,
            command: Some(in_command),
        }
    );
}

#[test]
fn borrowed_money_is_not_spent_in_a_private_entry_function() {
    let mut loans = Loans::publish();
    let (mut body, [money, loan, ..]) = loans.lend(5);
    loans.call(&mut body, "spend", vec![money]);
    loans.call(&mut body, "repay", vec![loan, money]);
    assert_refused(&loans.world.run(body), 1, 0);
}

#[test]
fn public_functions_take_borrowed_money() {
    let mut loans = Loans::publish();
    let (mut body, [money, loan, ..]) = loans.lend(5);
    loans.call(&mut body, "spend_publicly", vec![money]);
    loans.call(&mut body, "repay", vec![loan, money]);
    loans.world.succeed(body);
}

#[test]
fn what_a_loan_has_touched_is_as_hot_as_the_loan() {
    let mut loans = Loans::publish();
    let (mut body, [money, loan, ..]) = loans.lend(5);
    let amount = loans.call(&mut body, "amount", vec![loan]);
    loans.call(&mut body, "note", vec![amount]);
    loans.call(&mut body, "repay", vec![loan, money]);
    assert_refused(&loans.world.run(body), 2, 0);

    let (mut body, [money, loan, _, named]) = loans.lend(5);
    loans.call(&mut body, "note", vec![named]);
    loans.call(&mut body, "repay", vec![loan, money]);
    assert_refused(&loans.world.run(body), 1, 0);
}

#[test]
fn what_a_loan_has_not_touched_stays_cold() {
    let mut loans = Loans::publish();
    let (mut body, [money, loan, ..]) = loans.lend(5);
    let other = body.pure(&7u64);
    loans.call(&mut body, "note", vec![other]);
    loans.call(&mut body, "repay", vec![loan, money]);
    loans.world.succeed(body);
}

#[test]
fn a_repaid_loan_heats_nothing() {
    let mut loans = Loans::publish();
    let (mut body, [money, loan, _, named]) = loans.lend(5);
    loans.call(&mut body, "repay", vec![loan, money]);
    loans.call(&mut body, "note", vec![named]);
    loans.world.succeed(body);
}

#[test]
fn a_private_entry_function_may_take_the_last_hot_value() {
    let mut loans = Loans::publish();
    let (mut body, [_, loan, ..]) = loans.lend(5);
    loans.call(&mut body, "forgive", vec![loan]);
    loans.world.succeed(body);

    let (mut body, [_, loan, pot, named]) = loans.lend(5);
    loans.call(&mut body, "lend", vec![pot, named]);
    loans.call(&mut body, "forgive", vec![loan]);
    loans.call(&mut body, "forgive", vec![Argument::NestedResult(1, 1)]);
    assert_refused(&loans.world.run(body), 2, 0);
}

#[test]
fn a_shared_object_taken_by_value_heats_for_the_rest_of_the_transaction() {
    let mut loans = Loans::publish();
    let (mut body, money) = loans.with_pot("close");
    loans.call(&mut body, "spend", vec![money]);
    assert_refused(&loans.world.run(body), 1, 0);

    let (mut body, money) = loans.with_pot("close");
    loans.call(&mut body, "spend_publicly", vec![money]);
    loans.world.succeed(body);
}

#[test]
fn inspections_know_no_heat() {
    let loans = Loans::publish();
    let (mut body, [money, loan, ..]) = loans.lend(5);
    loans.call(&mut body, "spend", vec![money]);
    loans.call(&mut body, "repay", vec![loan, money]);
    let transaction = loans.world.transaction(ALICE, body);
    let outcome = loans.world.inspect(&transaction);
    assert_eq!(outcome.error_message, None);
}

#[test]
fn a_shared_object_is_shared_again_by_the_command_that_takes_it() {
    let mut loans = Loans::publish();
    let (body, _) = loans.with_pot("share");
    let outcome = loans.world.succeed(body);
    assert!(matches!(
        change(&outcome, loans.pot).output_state,
        ObjectOut::ObjectWrite {
            owner: Owner::Shared(_),
            ..
        }
    ));

    // The second command could not put it right any more.
    let (mut body, kept) = loans.with_pot("keep");
    loans.call(&mut body, "no_such_function", vec![kept]);
    assert_not_allowed(&loans.world.run(body), 0);
}

#[test]
fn a_shared_object_is_not_given_to_an_address() {
    let mut loans = Loans::publish();
    let mut body = Body::new();
    let other = body.split(Argument::Gas, 1);
    let pot = body.shared(&loans.world, loans.pot, true);
    body.transfer(vec![other, pot], ALICE);
    assert_not_allowed(&loans.world.run(body), 1);
}

#[test]
fn whoever_takes_a_vector_answers_for_the_shared_objects_in_it() {
    let mut loans = Loans::publish();
    let (mut body, pots) = loans.collected();
    loans.call(&mut body, "count", vec![pots]);
    loans.call(&mut body, "close_last", vec![pots]);
    loans.call(&mut body, "end", vec![pots]);
    let outcome = loans.world.succeed(body);
    assert_eq!(
        change(&outcome, loans.pot).id_operation,
        IdOperation::Deleted
    );

    let mut loans = Loans::publish();
    let (mut body, pots) = loans.collected();
    loans.call(&mut body, "close_all", vec![pots]);
    loans.world.succeed(body);
}

#[test]
fn a_vector_gives_no_shared_object_away() {
    let mut loans = Loans::publish();
    let (mut body, pots) = loans.collected();
    let to = body.pure(&ALICE);
    loans.call(&mut body, "send_last", vec![pots, to]);
    loans.call(&mut body, "end", vec![pots]);
    assert_not_allowed(&loans.world.run(body), 1);

    let (mut body, pots) = loans.collected();
    let pot = StructTag::new(
        loans.package,
        Identifier::from_static("loans"),
        Identifier::from_static("Pot"),
        vec![],
    );
    let some = TypeTag::Vector(Box::new(pot.into()));
    let vectors = body.command(Command::MakeMoveVector(MakeMoveVector {
        type_: Some(some.clone()),
        elements: vec![pots],
    }));
    // An option keeps the vector of vectors.
    body.generic(
        Address::from_static("0x1"),
        "option",
        "some",
        vec![TypeTag::Vector(Box::new(some))],
        vec![vectors],
    );
    assert_not_allowed(&loans.world.run(body), 2);
}

const BORROWS: &str = include_str!("../fixtures/move/artifacts/borrows.json");

/// What a call with the same value for two parameters ends with; `None` if it ends well. The value is a pure input, or the
/// result of another call.
fn alias(function: &str, from_result: bool, prefix: bool) -> Option<ExecutionError> {
    let mut world = World::boot();
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: modules(BORROWS),
        dependencies: dependencies(),
    }));
    body.transfer(vec![cap], ALICE);
    let package = world.succeed(body).packages().next().unwrap().object_id();
    let mut body = Body::new();
    let value = body.pure(&7u64);
    let mut same = value;
    if from_result {
        same = body.call(package, "borrows", "read_twice", vec![value, value]);
    }
    let mut arguments = vec![same, same];
    if prefix {
        let flag = body.pure(&true);
        arguments.insert(0, flag);
    }
    body.call(package, "borrows", function, arguments);
    match world.run(body).effects.status() {
        ExecutionStatus::Success => None,
        ExecutionStatus::Failure { error, .. } => Some(error.clone()),
    }
}

#[test]
fn a_value_that_is_borrowed_by_mut_is_borrowed_once() {
    let refused = |argument| {
        Some(ExecutionError::CommandArgumentError {
            argument,
            kind: CommandArgumentError::InvalidReferenceArgument,
        })
    };
    for from_result in [false, true] {
        assert_eq!(alias("both", from_result, false), refused(0));
        assert_eq!(alias("write_then_read", from_result, false), refused(0));
        assert_eq!(alias("read_twice", from_result, false), None);
        // A copy is no borrow.
        assert_eq!(alias("write_and_copy", from_result, false), None);
        // Named is the borrow by `&mut`, wherever the other one is.
        assert_eq!(alias("read_then_write", from_result, true), refused(2));
    }
}
