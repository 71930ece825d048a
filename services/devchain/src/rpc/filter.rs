//! DNF filters over transactions and events (devchain spec 1.2). Evaluated by scanning.

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::event_literal::Predicate as EventPredicate;
use sui_rpc::proto::sui::rpc::v2::transaction_literal::Predicate as TransactionPredicate;
use sui_sdk_types::{
    Address, Command, Event, ObjectIn, ObjectOut, Owner, TransactionEffects, TransactionKind,
};
use tonic::Status;

use super::error::{invalid, missing};
use super::parse::{self, TypeFilter};
use crate::history::{Executed, Key, Marks};
use crate::limits::MAX_FILTER_LITERALS;

/// One condition.
#[derive(Clone, Debug)]
enum Condition {
    Sender(Address),
    AffectedAddress(Address),
    AffectedObject(Address),
    MoveCall(TypeFilter),
    EmitModule(TypeFilter),
    EventType(TypeFilter),
    PackageWrite,
}

/// Any of the terms, each all of its literals; a literal may be negated.
#[derive(Clone, Debug)]
pub(crate) struct Filter(Vec<Vec<(bool, Condition)>>);

impl Filter {
    /// Reads a transaction filter; an absent one matches everything.
    pub(crate) fn transactions(
        filter: Option<proto::TransactionFilter>,
    ) -> Result<Option<Self>, Status> {
        let terms = filter.map(|filter| filter.terms.into_iter().map(|term| term.literals));
        let literal = |literal: proto::TransactionLiteral| {
            Ok((literal.negated, transaction_condition(&literal)?))
        };
        terms.map(|terms| Self::read(terms, literal)).transpose()
    }

    /// Reads an event filter; an absent one matches everything.
    pub(crate) fn events(filter: Option<proto::EventFilter>) -> Result<Option<Self>, Status> {
        let terms = filter.map(|filter| filter.terms.into_iter().map(|term| term.literals));
        let literal =
            |literal: proto::EventLiteral| Ok((literal.negated, event_condition(&literal)?));
        terms.map(|terms| Self::read(terms, literal)).transpose()
    }

    fn read<L>(
        terms: impl Iterator<Item = Vec<L>>,
        literal: impl Fn(L) -> Result<(bool, Condition), Status>,
    ) -> Result<Self, Status> {
        let terms: Vec<_> = terms.collect();
        bounded(terms.iter().map(Vec::len).sum())?;
        let terms = terms
            .into_iter()
            .map(|literals| literals.into_iter().map(&literal).collect());
        terms.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there may be matches in a checkpoint with these marks.
    pub(crate) fn may_match(&self, marks: &Marks) -> bool {
        self.0.iter().any(|term| {
            term.iter().all(|(negated, condition)| {
                *negated || condition.key().is_none_or(|key| marks.may_have(key))
            })
        })
    }

    pub(crate) fn matches_transaction(&self, executed: &Executed) -> bool {
        self.any(|condition| condition.transaction(executed))
    }

    pub(crate) fn matches_event(&self, event: &Event) -> bool {
        self.any(|condition| condition.event(event))
    }

    fn any(&self, holds: impl Fn(&Condition) -> bool) -> bool {
        self.0.iter().any(|term| {
            term.iter()
                .all(|(negated, condition)| holds(condition) != *negated)
        })
    }
}

fn bounded(literals: usize) -> Result<(), Status> {
    if literals > MAX_FILTER_LITERALS {
        return Err(invalid(
            "filter",
            format!("{literals} literals, the limit is {MAX_FILTER_LITERALS}"),
        ));
    }
    Ok(())
}

fn path(field: &str, text: Option<&str>) -> Result<TypeFilter, Status> {
    TypeFilter::parse(field, text.ok_or_else(|| missing(field))?)
}

fn transaction_condition(literal: &proto::TransactionLiteral) -> Result<Condition, Status> {
    match &literal.predicate {
        Some(TransactionPredicate::Sender(sender)) => {
            parse::address("filter.sender", sender.address.as_deref()).map(Condition::Sender)
        }
        Some(TransactionPredicate::AffectedAddress(affected)) => {
            parse::address("filter.affected_address", affected.address.as_deref())
                .map(Condition::AffectedAddress)
        }
        Some(TransactionPredicate::AffectedObject(affected)) => {
            parse::address("filter.affected_object", affected.object_id.as_deref())
                .map(Condition::AffectedObject)
        }
        Some(TransactionPredicate::MoveCall(call)) => {
            path("filter.move_call", call.function.as_deref()).map(Condition::MoveCall)
        }
        Some(TransactionPredicate::EmitModule(module)) => {
            path("filter.emit_module", module.module.as_deref()).map(Condition::EmitModule)
        }
        Some(TransactionPredicate::EventType(found)) => {
            path("filter.event_type", found.event_type.as_deref()).map(Condition::EventType)
        }
        Some(TransactionPredicate::PackageWrite(_)) => Ok(Condition::PackageWrite),
        Some(_) => Err(Status::unimplemented(
            "event stream heads are not kept by this chain",
        )),
        None => Err(missing("filter.terms.literals.predicate")),
    }
}

fn event_condition(literal: &proto::EventLiteral) -> Result<Condition, Status> {
    match &literal.predicate {
        Some(EventPredicate::Sender(sender)) => {
            parse::address("filter.sender", sender.address.as_deref()).map(Condition::Sender)
        }
        Some(EventPredicate::EmitModule(module)) => {
            path("filter.emit_module", module.module.as_deref()).map(Condition::EmitModule)
        }
        Some(EventPredicate::EventType(found)) => {
            path("filter.event_type", found.event_type.as_deref()).map(Condition::EventType)
        }
        Some(_) => Err(Status::unimplemented(
            "event stream heads are not kept by this chain",
        )),
        None => Err(missing("filter.terms.literals.predicate")),
    }
}

impl Condition {
    /// The mark of whatever it holds for.
    fn key(&self) -> Option<Key> {
        match self {
            Self::Sender(sender) => Some(Key::sender(sender)),
            Self::AffectedAddress(address) => Some(Key::affected_address(address)),
            Self::AffectedObject(id) => Some(Key::affected_object(id)),
            Self::MoveCall(call) => call.path().map(Key::call),
            Self::EmitModule(module) => module.path().map(Key::emitter),
            Self::EventType(type_) => type_.path().map(Key::event_type),
            Self::PackageWrite => Some(Key::package_write()),
        }
    }

    fn event(&self, event: &Event) -> bool {
        match self {
            Self::Sender(sender) => event.sender == *sender,
            Self::EmitModule(module) => {
                // The trailing colons let a module prefix match like a type prefix.
                module.matches(&format!("{}::{}::", event.package_id, event.module))
            }
            Self::EventType(type_) => type_.matches(&event.type_.to_string()),
            _ => false,
        }
    }

    fn transaction(&self, executed: &Executed) -> bool {
        let record = &executed.record;
        match self {
            Self::Sender(sender) => record.transaction.sender == *sender,
            Self::EmitModule(_) | Self::EventType(_) => record
                .events
                .as_ref()
                .is_some_and(|events| events.0.iter().any(|event| self.event(event))),
            Self::MoveCall(call) => {
                calls(&record.transaction.kind).any(|target| call.matches(&target))
            }
            Self::AffectedObject(id) => touches(executed, id),
            Self::AffectedAddress(address) => affects(executed, address),
            Self::PackageWrite => writes_package(executed),
        }
    }
}

fn calls(kind: &TransactionKind) -> impl Iterator<Item = String> + '_ {
    let commands = match kind {
        TransactionKind::ProgrammableTransaction(programmable) => programmable.commands.as_slice(),
        _ => &[],
    };
    commands.iter().filter_map(|command| match command {
        Command::MoveCall(call) => Some(format!(
            "{}::{}::{}",
            call.package, call.module, call.function
        )),
        _ => None,
    })
}

/// The objects that a transaction changed or read through consensus.
fn touches(executed: &Executed, id: &Address) -> bool {
    let TransactionEffects::V2(effects) = &executed.record.effects else {
        return false;
    };
    let mut changed = effects.changed_objects.iter();
    let mut read = effects.unchanged_consensus_objects.iter();
    changed.any(|changed| changed.object_id == *id) || read.any(|read| read.object_id == *id)
}

fn writes_package(executed: &Executed) -> bool {
    let TransactionEffects::V2(effects) = &executed.record.effects else {
        return false;
    };
    let mut changed = effects.changed_objects.iter();
    changed.any(|changed| matches!(changed.output_state, ObjectOut::PackageWrite { .. }))
}

/// Whether a transaction is of an address, or changed what the address owns.
fn affects(executed: &Executed, address: &Address) -> bool {
    let record = &executed.record;
    let transaction = &record.transaction;
    if transaction.sender == *address || transaction.gas_payment.owner == *address {
        return true;
    }
    let mut balances = record.balance_changes.iter();
    if balances.any(|change| change.address == *address) {
        return true;
    }
    let TransactionEffects::V2(effects) = &record.effects else {
        return false;
    };
    effects.changed_objects.iter().any(|changed| {
        let before = match &changed.input_state {
            ObjectIn::Exist { owner, .. } => Some(owner),
            _ => None,
        };
        let after = match &changed.output_state {
            ObjectOut::ObjectWrite { owner, .. } => Some(owner),
            _ => None,
        };
        let mut owners = [before, after].into_iter().flatten();
        owners.any(|owner| match owner {
            Owner::Address(owner) | Owner::Object(owner) => owner == address,
            Owner::ConsensusAddress { owner, .. } => owner == address,
            _ => false,
        })
    })
}
