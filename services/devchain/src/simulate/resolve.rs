//! Transaction resolution: from what a client sent to a complete transaction (devchain spec 1.5, step 1 and 2).

use std::sync::Arc;

use sui_devchain_executor::resolve::{InputUses, ResolveError, Uses};
use sui_devchain_executor::{ObjectStore, limits};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::input::{InputKind, Mutability};
use sui_rpc::proto::sui::rpc::v2::transaction_kind;
use sui_sdk_types::framework::Coin;
use sui_sdk_types::{
    Address, Argument, Command, GasPayment, Input, Object, ObjectReference, Owner,
    ProgrammableTransaction, SharedInput, Transaction, TransactionExpiration, TransactionKind,
    TypeTag,
};
use tonic::Status;

use super::{Session, literal};
use crate::rpc::{invalid, missing, not_found, parse_address};

/// A complete transaction, except perhaps for its payment.
pub(super) struct Resolved {
    pub(super) transaction: Transaction,
    /// No budget was given: gas selection has to estimate it.
    pub(super) budget_is_open: bool,
}

/// Completes a transaction.
pub(super) fn resolve(
    session: &Session<'_>,
    message: &proto::Transaction,
) -> Result<Resolved, Status> {
    if message.bcs.is_some() {
        let transaction =
            Transaction::try_from(message).map_err(|error| invalid("transaction.bcs", error))?;
        return programmable_only(transaction);
    }
    if let Ok(transaction) = Transaction::try_from(message) {
        return programmable_only(transaction);
    }
    let sender = parse_address("transaction.sender", message.sender.as_deref())?;
    let Some(transaction_kind::Data::ProgrammableTransaction(programmable)) =
        message.kind.as_ref().and_then(|kind| kind.data.as_ref())
    else {
        return Err(invalid(
            "transaction.kind",
            "only programmable transactions can be simulated",
        ));
    };
    let programmable = resolve_programmable(session, programmable)?;
    let (gas_payment, budget_is_open) =
        resolve_payment(session, message.gas_payment.as_ref(), sender)?;
    let expiration = match &message.expiration {
        Some(expiration) => TransactionExpiration::try_from(expiration)
            .map_err(|error| invalid("transaction.expiration", error))?,
        None => TransactionExpiration::None,
    };
    Ok(Resolved {
        transaction: Transaction {
            kind: TransactionKind::ProgrammableTransaction(programmable),
            sender,
            gas_payment,
            expiration,
        },
        budget_is_open,
    })
}

fn programmable_only(transaction: Transaction) -> Result<Resolved, Status> {
    match transaction.kind {
        TransactionKind::ProgrammableTransaction(_) => Ok(Resolved {
            transaction,
            budget_is_open: false,
        }),
        _ => Err(invalid(
            "transaction.kind",
            "only programmable transactions can be simulated",
        )),
    }
}

fn resolve_programmable(
    session: &Session<'_>,
    message: &proto::ProgrammableTransaction,
) -> Result<ProgrammableTransaction, Status> {
    if message.inputs.len() > limits::MAX_INPUT_OBJECTS
        || message.commands.len() >= limits::COMMANDS_BOUND
    {
        return Err(invalid("transaction.kind", "too many inputs or commands"));
    }
    let commands = message
        .commands
        .iter()
        .map(Command::try_from)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid("transaction.kind.programmable_transaction.commands", error))?;
    // The uses of inputs follow from the commands alone; placeholders keep the positions.
    let draft = ProgrammableTransaction {
        inputs: vec![Input::Pure(Vec::new()); message.inputs.len()],
        commands,
    };
    let all = Uses::of(session.state.executor(), session.indexes, &draft);
    let mut inputs = Vec::with_capacity(message.inputs.len());
    for (index, input) in message.inputs.iter().enumerate() {
        inputs
            .push(resolve_input(session, &all, index, input).map_err(|status| at(index, &status))?);
    }
    Ok(ProgrammableTransaction {
        inputs,
        commands: draft.commands,
    })
}

fn at(index: usize, status: &Status) -> Status {
    let message = format!("input {index}: {}", status.message());
    Status::with_details(
        status.code(),
        message,
        prost::bytes::Bytes::copy_from_slice(status.details()),
    )
}

fn uses(all: &Uses<'_>, index: usize) -> Result<InputUses, Status> {
    all.of_input(index).map_err(|error| match error {
        ResolveError::PackageNotFound(_) => not_found(error),
        ResolveError::FunctionNotFound { .. } => invalid("commands", error),
    })
}

fn resolve_input(
    session: &Session<'_>,
    all: &Uses<'_>,
    index: usize,
    input: &proto::Input,
) -> Result<Input, Status> {
    let kind = match input.kind.map(InputKind::try_from) {
        None => InputKind::Unknown,
        Some(Ok(kind)) => kind,
        Some(Err(_)) => return Err(invalid("kind", "unknown kind of input")),
    };
    if let Some(value) = &input.literal {
        return literal::serialize(value, &uses(all, index)?.types).map(Input::Pure);
    }
    if let Some(bytes) = &input.pure
        && matches!(kind, InputKind::Unknown | InputKind::Pure)
    {
        return Ok(Input::Pure(bytes.to_vec()));
    }
    match kind {
        InputKind::Pure => return Err(missing("pure")),
        InputKind::FundsWithdrawal => {
            return Input::try_from(input).map_err(|error| invalid("funds_withdrawal", error));
        }
        _ if input.funds_withdrawal.is_some() => {
            let mut input = input.clone();
            input.set_kind(InputKind::FundsWithdrawal);
            return Input::try_from(&input).map_err(|error| invalid("funds_withdrawal", error));
        }
        _ => {}
    }
    resolve_object(session, all, index, input, kind)
}

/// An input that names an object, by its kind or else by its owner.
fn resolve_object(
    session: &Session<'_>,
    all: &Uses<'_>,
    index: usize,
    input: &proto::Input,
    kind: InputKind,
) -> Result<Input, Status> {
    let object = find(session, input.object_id.as_deref())?;
    match (kind, object.owner()) {
        (InputKind::ImmutableOrOwned, Owner::Address(_) | Owner::Immutable) => {
            reference(&object, input).map(Input::ImmutableOrOwned)
        }
        (InputKind::Receiving, Owner::Address(_)) => {
            reference(&object, input).map(Input::Receiving)
        }
        (InputKind::Unknown, Owner::Immutable) => {
            reference(&object, input).map(Input::ImmutableOrOwned)
        }
        (InputKind::Unknown, Owner::Address(_)) => {
            let receiving = uses(all, index)?.receiving;
            let reference = reference(&object, input)?;
            Ok(if receiving {
                Input::Receiving(reference)
            } else {
                Input::ImmutableOrOwned(reference)
            })
        }
        (InputKind::Shared | InputKind::Unknown, Owner::Shared(version)) => {
            let mutable = uses(all, index)?.mutable;
            Ok(shared(&object, *version, mutable))
        }
        // Its owner alone uses it, so that nobody else waits: the owner's word counts where the uses do not tell, as in a
        // transfer.
        (InputKind::Shared | InputKind::Unknown, Owner::ConsensusAddress { start_version, .. }) => {
            let asked = input.mutable() || input.mutability() == Mutability::Mutable;
            let mutable = asked || uses(all, index)?.mutable;
            Ok(shared(&object, *start_version, mutable))
        }
        (_, owner) => Err(invalid(
            "object_id",
            format!(
                "object {} with owner {owner:?} cannot be used as an input of kind {}",
                object.object_id(),
                kind.as_str_name()
            ),
        )),
    }
}

fn shared(object: &Object, version: u64, mutable: bool) -> Input {
    Input::Shared(SharedInput::new(object.object_id(), version, mutable))
}

fn find(session: &Session<'_>, id: Option<&str>) -> Result<Arc<Object>, Status> {
    let id = parse_address("object_id", id)?;
    session
        .indexes
        .latest(&id)
        .ok_or_else(|| not_found(format!("object {id} not found")))
}

/// The reference to the latest version; a version or digest that the client gave has to agree.
fn reference(object: &Object, input: &proto::Input) -> Result<ObjectReference, Status> {
    agreed(object, input.version, input.digest.as_deref())
}

fn agreed(
    object: &Object,
    version: Option<u64>,
    digest: Option<&str>,
) -> Result<ObjectReference, Status> {
    let id = object.object_id();
    let current = object.version();
    if let Some(given) = version.filter(|given| *given != current) {
        return Err(invalid(
            "version",
            format!("object {id} is at version {current}, not {given}"),
        ));
    }
    let found = object.digest();
    if let Some(given) = digest.filter(|given| *given != found.to_base58()) {
        return Err(invalid(
            "digest",
            format!("object {id} has digest {found}, not {given}"),
        ));
    }
    Ok(ObjectReference::new(id, current, found))
}

fn resolve_payment(
    session: &Session<'_>,
    message: Option<&proto::GasPayment>,
    sender: Address,
) -> Result<(GasPayment, bool), Status> {
    let owner = match message.and_then(|message| message.owner.as_deref()) {
        Some(owner) => parse_address("transaction.gas_payment.owner", Some(owner))?,
        None => sender,
    };
    let mut objects = Vec::new();
    let mut total = 0u64;
    for object in message.map_or(&[][..], |message| message.objects.as_slice()) {
        if objects.len() >= limits::MAX_GAS_OBJECTS {
            return Err(invalid("transaction.gas_payment.objects", "too many coins"));
        }
        let found = find(session, object.object_id.as_deref())?;
        let coin = Coin::try_from_object(&found)
            .filter(|coin| *coin.coin_type() == sui_type())
            .ok_or_else(|| {
                invalid(
                    "transaction.gas_payment.objects",
                    format!("object {} is not a SUI coin", found.object_id()),
                )
            })?;
        total = total.saturating_add(coin.balance());
        objects.push(agreed(&found, object.version, object.digest.as_deref())?);
    }
    let given = message.and_then(|message| message.budget);
    let budget = given.unwrap_or(if objects.is_empty() {
        limits::MAX_GAS_BUDGET
    } else {
        total.min(limits::MAX_GAS_BUDGET)
    });
    let payment = GasPayment {
        objects,
        owner,
        price: message
            .and_then(|message| message.price)
            .unwrap_or(session.state.params().reference_gas_price),
        budget,
    };
    Ok((payment, given.is_none()))
}

/// The type of SUI.
pub(super) fn sui_type() -> TypeTag {
    sui_sdk_types::StructTag::sui().into()
}

/// Whether a command uses the gas coin.
pub(super) fn uses_gas_coin(programmable: &ProgrammableTransaction) -> bool {
    let gas = |argument: &Argument| matches!(argument, Argument::Gas);
    programmable.commands.iter().any(|command| match command {
        Command::MoveCall(call) => call.arguments.iter().any(gas),
        Command::TransferObjects(transfer) => transfer.objects.iter().any(gas),
        Command::SplitCoins(split) => gas(&split.coin) || split.amounts.iter().any(gas),
        Command::MergeCoins(merge) => gas(&merge.coin) || merge.coins_to_merge.iter().any(gas),
        Command::MakeMoveVector(vector) => vector.elements.iter().any(gas),
        _ => false,
    })
}
