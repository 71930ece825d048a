//! Programmable transactions at run time: values in slots, one file per group of commands (devchain
//! spec 2.4).

mod arguments;
mod call;
mod cliques;
mod coins;
mod outputs;
mod pure;
mod shared;
mod slots;
mod vector;

use std::collections::BTreeSet;
use std::sync::Arc;

use sui_devchain_vm::error::VmResult;
use sui_devchain_vm::object_runtime::{InputOwner, ObjectChanges};
use sui_devchain_vm::store::{Package, PackageStore};
use sui_devchain_vm::{Session, Type, Value};
use sui_sdk_types::{
    Address, Command, Event, ExecutionError, Identifier, Input, MovePackage, Owner,
    ProgrammableTransaction, StructTag, TypeTag,
};

use crate::collect::Finished;
use crate::commands::uses_gas_coin;
use crate::execution::Execution;
use crate::failure::Failure;
use crate::gas::{payment_total, read_cost};
use crate::inputs::{Access, Inputs};
use crate::outcome::CommandOutput;
use crate::payment::{Payment, Refund};
use crate::{Mode, bridge::Bridge};
pub(crate) use arguments::{Operand, Uses};
use cliques::Cliques;
use shared::Collected;
pub(crate) use slots::ResultSlot;
use slots::{InputSlot, ObjectSlot};

/// The state of one running programmable transaction.
pub(crate) struct Ptb<'a> {
    pub(crate) session: Session<'a>,
    bridge: &'a Bridge<'a>,
    inputs: &'a Inputs,
    sender: Address,
    mode: Mode,
    slots: Vec<InputSlot>,
    gas_coin: Option<ObjectSlot>,
    /// To whose address balance a command sent the whole gas coin.
    gas_sent_to: Option<Address>,
    results: Vec<Vec<ResultSlot>>,
    cliques: Cliques,
    /// Shared inputs that the running command took by value.
    taken: Vec<Address>,
    /// Shared inputs in vectors.
    collected: Vec<Collected>,
    /// Packages made by this transaction.
    pub(crate) packages: Vec<MovePackage>,
    /// The same, decoded.
    pub(crate) new_packages: Vec<Arc<Package>>,
    events: Vec<Event>,
    outputs: Vec<CommandOutput>,
}

/// How a run ended, with everything that is reported either way.
pub(crate) struct Run {
    pub(crate) result: Result<Finished, Failure>,
    /// Internal gas units.
    pub(crate) gas_used: u64,
    pub(crate) outputs: Vec<CommandOutput>,
    /// Objects that were received, also when a later step failed.
    pub(crate) received: Vec<Address>,
}

/// Runs all commands. `reserved` MIST of the payment are kept for gas.
pub(crate) fn run<'a>(
    execution: Execution<'_>,
    session: Session<'a>,
    bridge: &'a Bridge<'a>,
    inputs: &'a Inputs,
    reserved: u64,
    programmable: &ProgrammableTransaction,
) -> Run {
    let mut ptb = Ptb {
        session,
        bridge,
        inputs,
        sender: execution.transaction.sender,
        mode: execution.mode,
        slots: Vec::with_capacity(programmable.inputs.len()),
        gas_coin: None,
        gas_sent_to: None,
        results: Vec::with_capacity(programmable.commands.len()),
        cliques: Cliques::new(programmable.inputs.len(), programmable.commands.len()),
        taken: Vec::new(),
        collected: Vec::new(),
        packages: Vec::new(),
        new_packages: Vec::new(),
        events: Vec::new(),
        outputs: Vec::new(),
    };
    let ran = ptb.execute(programmable, reserved);
    let gas_used = ptb.session.gas_used();
    let outputs = std::mem::take(&mut ptb.outputs);
    let (result, received) = ptb.end(ran, reserved);
    Run {
        result,
        gas_used,
        outputs,
        received,
    }
}

impl<'a> Ptb<'a> {
    fn execute(
        &mut self,
        programmable: &ProgrammableTransaction,
        reserved: u64,
    ) -> Result<(), Failure> {
        if let Some(shortage) = &self.inputs.shortage {
            return Err(shortage.into());
        }
        if self.mode != Mode::System {
            self.session.charge(read_cost(self.inputs))?;
        }
        self.load_inputs(&programmable.inputs)?;
        self.load_gas_coin(reserved, uses_gas_coin(programmable))?;
        for (index, command) in programmable.commands.iter().enumerate() {
            self.command(command)
                .and_then(|()| self.close_command(index, command))
                .map_err(|failure| failure.in_command(index))?;
        }
        self.check_unused()
    }

    fn command(&mut self, command: &Command) -> Result<(), Failure> {
        let results = match command {
            Command::MoveCall(call) => self.move_call(call)?,
            Command::TransferObjects(transfer) => self.transfer_objects(transfer)?,
            Command::SplitCoins(split) => self.split_coins(split)?,
            Command::MergeCoins(merge) => self.merge_coins(merge)?,
            Command::MakeMoveVector(make) => self.make_vector(make)?,
            Command::Publish(publish) => self.publish(publish)?,
            Command::Upgrade(upgrade) => self.upgrade(upgrade)?,
            _ => {
                return Err(Failure::new(
                    ExecutionError::FeatureNotYetSupported,
                    "unknown kind of command",
                ));
            }
        };
        self.record_returns(&results)?;
        self.results.push(results);
        Ok(())
    }

    fn load_inputs(&mut self, inputs: &[Input]) -> Result<(), Failure> {
        for input in inputs {
            let slot = match input {
                Input::Pure(bytes) => InputSlot::pure(bytes.clone()),
                Input::ImmutableOrOwned(reference) => {
                    InputSlot::Object(self.load_object(reference.object_id(), None)?)
                }
                Input::Shared(shared) => {
                    InputSlot::Object(self.load_object(&shared.object_id(), None)?)
                }
                Input::Receiving(reference) => InputSlot::Receiving {
                    id: *reference.object_id(),
                    version: reference.version(),
                },
                Input::FundsWithdrawal(withdrawal) => {
                    let amount = withdrawal.amount().unwrap_or_default();
                    InputSlot::Value(self.withdrawal(withdrawal.coin_type(), amount)?)
                }
                _ => return Err(Failure::invariant("unknown kind of input")),
            };
            self.slots.push(slot);
        }
        Ok(())
    }

    /// An input object as a typed value. `balance` replaces the value of a coin.
    fn load_object(&mut self, id: &Address, balance: Option<u64>) -> Result<ObjectSlot, Failure> {
        let input = self
            .inputs
            .objects
            .get(id)
            .ok_or_else(|| Failure::invariant(format!("input {id} was not loaded")))?;
        let value = input
            .object
            .as_struct()
            .ok_or_else(|| Failure::invariant(format!("input {id} is a package")))?;
        let tag = TypeTag::from(value.object_type().clone());
        let type_ = self.session.load_type(&tag)?;
        let mut contents = value.contents().to_vec();
        if let (Some(balance), Some(field)) = (balance, contents.get_mut(32..40)) {
            field.copy_from_slice(&balance.to_le_bytes());
        }
        let value = self.session.deserialize(&type_, &contents)?;
        let owner = match input.object.owner() {
            Owner::Shared(_) => InputOwner::Shared,
            Owner::Immutable => InputOwner::Immutable,
            Owner::ConsensusAddress { .. } => InputOwner::ConsensusAddress,
            _ => InputOwner::Address,
        };
        self.session.declare_input(*id, owner);
        Ok(ObjectSlot::new(*id, type_, value, input.access))
    }

    /// The first payment coin holds the sum of the payment less the reserved budget while commands run.
    /// A payment that starts with a reservation has a coin of its own for that time.
    fn load_gas_coin(&mut self, reserved: u64, used: bool) -> Result<(), Failure> {
        let left = payment_total(self.inputs).saturating_sub(reserved);
        match &self.inputs.payment {
            Payment::Coins(coins) => {
                if let Some(first) = coins.first() {
                    self.gas_coin = Some(self.load_object(first, Some(left))?);
                }
            }
            Payment::Reservation(_) if used => {
                let type_ = self.session.load_type(&StructTag::gas_coin().into())?;
                let id = self.session.fresh_id()?;
                let value = coins::new_coin(id, left);
                self.gas_coin = Some(ObjectSlot::new(id, type_, value, Access::Owned));
            }
            _ => {}
        }
        Ok(())
    }

    /// What the coin of a reserved payment still holds (all of it if no command uses it), and where
    /// a command took the gas coin. The coin itself ends here unless it was handed on.
    fn end_gas_coin(&mut self, reserved: u64) -> Result<(u64, Option<Refund>), Failure> {
        let sent = self.gas_sent_to.map(Refund::Balance);
        if !matches!(self.inputs.payment, Payment::Reservation(_)) {
            return Ok((0, sent));
        }
        let Some(mut coin) = self.gas_coin.take() else {
            return Ok((payment_total(self.inputs).saturating_sub(reserved), None));
        };
        if coin.is_taken() {
            return Ok((0, sent.or(Some(Refund::Coin(coin.id)))));
        }
        self.session.delete_id(coin.id)?;
        Ok((*coins::coin_value_mut(&mut coin.take())?, None))
    }

    /// `0x2::funds_accumulator::Withdrawal<0x2::balance::Balance<T>>{owner, limit}`.
    fn withdrawal(&mut self, coin_type: &TypeTag, amount: u64) -> Result<ResultSlot, Failure> {
        let tag = StructTag::new(
            Address::TWO,
            Identifier::from_static("funds_accumulator"),
            Identifier::from_static("Withdrawal"),
            vec![crate::effects::balance_type(coin_type)],
        );
        let type_ = self.session.load_type(&tag.into())?;
        let value = Value::Struct(vec![
            Value::Address(self.sender),
            Value::U256(ethnum::U256::from(amount)),
        ]);
        Ok(ResultSlot::new(type_, value))
    }

    /// Every result that is still there must be droppable.
    fn check_unused(&self) -> Result<(), Failure> {
        for (index, results) in self.results.iter().enumerate() {
            for (sub, slot) in results.iter().enumerate() {
                if slot.may_be_dropped() {
                    continue;
                }
                let result = u16::try_from(index).unwrap_or(u16::MAX);
                let subresult = u16::try_from(sub).unwrap_or(u16::MAX);
                return Err(Failure::new(
                    ExecutionError::UnusedValueWithoutDrop { result, subresult },
                    format!("result {result}.{subresult} is not used and has no drop"),
                ));
            }
        }
        Ok(())
    }

    /// Closes the session. What was received is known even if the commands failed.
    fn end(
        self,
        ran: Result<(), Failure>,
        reserved: u64,
    ) -> (Result<Finished, Failure>, Vec<Address>) {
        let received = |objects: &ObjectChanges| objects.received.keys().copied().collect();
        if let Err(failure) = ran {
            let objects = self.session.finish().unwrap_or_default();
            return (Err(failure), received(&objects));
        }
        let finished = self.finish(reserved);
        let ids = finished
            .as_ref()
            .map_or_else(|_| Vec::new(), |finished| received(&finished.objects));
        (finished, ids)
    }

    fn finish(mut self, reserved: u64) -> Result<Finished, Failure> {
        let (gas_left, refund) = self.end_gas_coin(reserved)?;
        let mut held = Vec::new();
        let mut seen = BTreeSet::new();
        let objects = self.slots.iter().filter_map(|slot| match slot {
            InputSlot::Object(object) => Some(object),
            _ => None,
        });
        for object in objects.chain(&self.gas_coin) {
            if object.is_taken() || !object.access.is_mutable() || !seen.insert(object.id) {
                continue;
            }
            let contents = self.session.serialize(&object.type_, &object.slot.get())?;
            held.push((object.id, contents));
        }
        Ok(Finished {
            objects: self.session.finish()?,
            held,
            packages: self.packages,
            events: self.events,
            gas_left,
            refund,
        })
    }

    /// Stamps the events since the last command with the called package and module (devchain spec 2.8).
    pub(crate) fn collect_events(&mut self, package: Address, module: &Identifier) {
        let sender = self.sender;
        let events = self.session.take_events();
        self.events.extend(events.into_iter().map(|event| Event {
            package_id: package,
            module: module.clone(),
            sender,
            type_: event.event_type,
            contents: event.contents,
        }));
    }

    /// A package by storage id, also one made by an earlier command.
    pub(crate) fn package(&self, id: Address) -> VmResult<Option<Arc<Package>>> {
        if let Some(package) = self
            .new_packages
            .iter()
            .find(|package| package.storage_id == id)
        {
            return Ok(Some(Arc::clone(package)));
        }
        self.bridge.package(id)
    }
}

/// Whether a type is `0x2::tx_context::TxContext` behind a reference.
fn is_context(type_: &Type) -> bool {
    match type_ {
        Type::Reference(inner) | Type::MutableReference(inner) => {
            inner.is_datatype(&Address::TWO, "tx_context", "TxContext")
        }
        _ => false,
    }
}
