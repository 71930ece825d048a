//! Uses of inputs: what the commands of a transaction say about them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use sui_devchain_vm::Signature;
use sui_sdk_types::{Address, Argument, Command, Identifier, MoveCall, ProgrammableTransaction};

use super::{Parameter, Passing, ResolveError, parameters};
use crate::{Executor, ObjectStore};

/// What the uses of one input in a transaction tell about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputUses {
    /// Whether a shared object used like this has to be a mutable input.
    pub mutable: bool,
    /// Whether some use is as a `Receiving<T>` parameter.
    pub receiving: bool,
    /// The parameter types where the input is used in Move calls, and `u64` or `address` where a
    /// built-in command takes it, in command order and each once. Gives the type of a literal.
    pub types: Vec<Arc<Signature>>,
}

type Function = (Address, Identifier, Identifier);
/// The operands of a function, or why there are none.
type Operands = Result<Arc<[Operand]>, ResolveError>;

/// A parameter that an argument is given for.
#[derive(Clone, Debug)]
struct Operand {
    passing: Passing,
    type_: Arc<Signature>,
}

/// The uses of the inputs of a transaction. Commands are looked at once, functions too.
pub struct Uses<'a> {
    executor: &'a Executor,
    store: &'a dyn ObjectStore,
    commands: &'a [Command],
    /// Per input the commands that use it, and where they use it first.
    positions: Vec<Vec<(usize, usize)>>,
    functions: RefCell<HashMap<Function, Operands>>,
}

impl<'a> Uses<'a> {
    /// Looks through the commands of a transaction.
    #[must_use]
    pub fn of(
        executor: &'a Executor,
        store: &'a dyn ObjectStore,
        transaction: &'a ProgrammableTransaction,
    ) -> Self {
        let mut positions: Vec<Vec<(usize, usize)>> = vec![Vec::new(); transaction.inputs.len()];
        for (index, command) in transaction.commands.iter().enumerate() {
            let arguments = crate::commands::arguments(command);
            for (position, argument) in arguments.into_iter().enumerate() {
                if let Argument::Input(input) = argument
                    && let Some(found) = positions.get_mut(usize::from(input))
                    && found.last().is_none_or(|(last, _)| *last != index)
                {
                    found.push((index, position));
                }
            }
        }
        Self {
            executor,
            store,
            commands: &transaction.commands,
            positions,
            functions: RefCell::default(),
        }
    }

    /// What the commands say about an input; of each command only the first use counts.
    ///
    /// # Errors
    /// When a function that the input is given to does not exist.
    pub fn of_input(&self, input: usize) -> Result<InputUses, ResolveError> {
        let mut uses = InputUses::default();
        for (index, position) in self.positions.get(input).into_iter().flatten() {
            if let Some(command) = self.commands.get(*index) {
                self.add_use(command, *position, &mut uses)?;
            }
        }
        Ok(uses)
    }

    fn add_use(
        &self,
        command: &Command,
        position: usize,
        uses: &mut InputUses,
    ) -> Result<(), ResolveError> {
        match command {
            Command::MoveCall(call) => {
                if let Some(operand) = self.operands(call)?.get(position) {
                    let by_value = operand.passing == Passing::Value;
                    let datatype = matches!(*operand.type_, Signature::Datatype { .. });
                    uses.mutable |=
                        operand.passing == Passing::MutableReference || (by_value && datatype);
                    uses.receiving |=
                        operand
                            .type_
                            .is_datatype(Address::TWO, "transfer", "Receiving");
                    let type_ = if operand.type_.is_open() {
                        Arc::new(operand.type_.substitute(&call.type_arguments))
                    } else {
                        Arc::clone(&operand.type_)
                    };
                    uses.add_type(type_);
                }
            }
            Command::SplitCoins(_) => {
                uses.mutable = true;
                if position > 0 {
                    uses.add_type(Arc::new(Signature::U64));
                }
            }
            Command::MergeCoins(_) => uses.mutable = true,
            Command::MakeMoveVector(make) => {
                uses.mutable = true;
                if let Some(tag) = &make.type_ {
                    uses.add_type(Arc::new(Signature::from(tag)));
                }
            }
            Command::TransferObjects(transfer) if position == transfer.objects.len() => {
                uses.add_type(Arc::new(Signature::Address));
            }
            _ => {}
        }
        Ok(())
    }

    fn operands(&self, call: &MoveCall) -> Operands {
        let key = (call.package, call.module.clone(), call.function.clone());
        if let Some(known) = self.functions.borrow().get(&key) {
            return known.clone();
        }
        let (executor, store) = (self.executor, self.store);
        let found = parameters(executor, store, call.package, &call.module, &call.function);
        let operands: Operands = found.map(|parameters| {
            let operands = parameters
                .into_iter()
                .filter(|parameter| !is_context(parameter));
            operands
                .map(|parameter| Operand {
                    passing: parameter.passing,
                    type_: Arc::new(parameter.type_),
                })
                .collect()
        });
        self.functions.borrow_mut().insert(key, operands.clone());
        operands
    }
}

impl InputUses {
    fn add_type(&mut self, type_: Arc<Signature>) {
        if !self.types.contains(&type_) {
            self.types.push(type_);
        }
    }
}

fn is_context(parameter: &Parameter) -> bool {
    parameter
        .type_
        .is_datatype(Address::TWO, "tx_context", "TxContext")
}
