//! Arguments of commands, made typed values or borrows (devchain spec 2.4).

use sui_devchain_vm::{AbilitySet, Argument as VmArgument, Slot, Type, Value, VmError};
use sui_sdk_types::{Address, Argument, CommandArgumentError, Owner, Version};

use super::Ptb;
use super::pure::{is_pure_type, options_are_valid, strings_are_valid};
use super::slots::{InputSlot, ResultSlot};
use crate::Mode;
use crate::failure::Failure;

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Gas,
    Input(usize),
    Result(usize, usize),
}

/// The place that an argument names, which has to be in range.
pub(super) fn named_place(argument: Argument) -> Place {
    match argument {
        Argument::Gas => Place::Gas,
        Argument::Input(index) => Place::Input(usize::from(index)),
        Argument::Result(result) => Place::Result(usize::from(result), 0),
        Argument::NestedResult(result, subresult) => {
            Place::Result(usize::from(result), usize::from(subresult))
        }
    }
}

/// How a command used a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// `&`
    Shared,
    /// `&mut`
    Exclusive,
    Copied,
    Moved,
}

/// One use of a place.
#[derive(Debug)]
struct Used {
    place: Place,
    /// The type of a pure input, which is another place at every type.
    pure: Option<Type>,
    how: Use,
    /// Index of the operand.
    index: usize,
}

impl Used {
    fn is_same_place(&self, other: &Self) -> bool {
        self.place == other.place && self.pure == other.pure
    }
}

/// The uses of places within one command, in the order of the operands.
#[derive(Debug, Default)]
pub(crate) struct Uses(Vec<Used>);

impl Uses {
    fn record(&mut self, new: Used) -> Result<(), Failure> {
        for old in self.0.iter().filter(|old| old.is_same_place(&new)) {
            let kind = match (old.how, new.how) {
                (Use::Moved, _) => CommandArgumentError::ArgumentWithoutValue,
                (Use::Copied, _) | (_, Use::Copied) => continue,
                (_, Use::Moved) => CommandArgumentError::CannotMoveBorrowedValue,
                // Two borrows: judged when every operand has its type.
                (Use::Shared | Use::Exclusive, _) => continue,
            };
            return Err(Failure::argument(new.index, kind));
        }
        self.0.push(new);
        Ok(())
    }

    /// Refuses aliases of what is borrowed by `&mut`, once every operand has its type: a wrong type is the first to be told.
    /// The operand that is named is the first borrow by `&mut` of the first place that is borrowed so.
    pub(super) fn check_aliases(&self) -> Result<(), Failure> {
        let borrows = || {
            let all = self.0.iter();
            all.filter(|used| matches!(used.how, Use::Shared | Use::Exclusive))
        };
        for used in borrows() {
            let mut same = borrows().filter(|other| other.is_same_place(used));
            let exclusive = same.clone().find(|other| other.how == Use::Exclusive);
            if let (Some(exclusive), Some(_)) = (exclusive, same.nth(1)) {
                return Err(Failure::argument(
                    exclusive.index,
                    CommandArgumentError::InvalidReferenceArgument,
                ));
            }
        }
        Ok(())
    }
}

/// One operand being resolved: the argument, its index in the command, and the command's uses.
pub(crate) struct Operand<'u> {
    pub(crate) argument: Argument,
    pub(crate) index: usize,
    pub(crate) uses: &'u mut Uses,
}

impl Operand<'_> {
    fn fail<T>(&self, kind: CommandArgumentError) -> Result<T, Failure> {
        Err(Failure::argument(self.index, kind))
    }

    fn uses(&mut self, place: Place, how: Use) -> Result<(), Failure> {
        self.record(place, None, how)
    }

    /// A use of a pure input at a type.
    fn uses_pure(&mut self, place: Place, type_: &Type, how: Use) -> Result<(), Failure> {
        self.record(place, Some(type_.clone()), how)
    }

    fn record(&mut self, place: Place, pure: Option<Type>, how: Use) -> Result<(), Failure> {
        let index = self.index;
        self.uses.record(Used {
            place,
            pure,
            how,
            index,
        })
    }
}

impl Ptb<'_> {
    /// An argument for a parameter of type `expected` (closed; a reference for borrows).
    pub(super) fn argument_for(
        &mut self,
        operand: &mut Operand<'_>,
        expected: &Type,
        gas_coin_allowed: bool,
    ) -> Result<VmArgument, Failure> {
        match expected {
            Type::Reference(inner) => self.borrow(operand, inner, false),
            Type::MutableReference(inner) => self.borrow(operand, inner, true),
            _ => self
                .by_value(operand, expected, gas_coin_allowed)
                .map(VmArgument::Value),
        }
    }

    /// The value of an argument, moved out or copied. Only TransferObjects and `coin::send_funds` take the
    /// gas coin.
    pub(crate) fn by_value(
        &mut self,
        operand: &mut Operand<'_>,
        expected: &Type,
        gas_coin_allowed: bool,
    ) -> Result<Value, Failure> {
        match self.place(operand)? {
            Place::Gas => self.gas_by_value(operand, expected, gas_coin_allowed),
            place @ Place::Input(input) => self.input_by_value(operand, place, input, expected),
            place @ Place::Result(command, sub) => {
                self.result_by_value(operand, place, (command, sub), expected)
            }
        }
    }

    /// A borrow of the place that an argument names.
    pub(super) fn borrow(
        &mut self,
        operand: &mut Operand<'_>,
        expected: &Type,
        mutable: bool,
    ) -> Result<VmArgument, Failure> {
        let place = self.place(operand)?;
        let how = if mutable { Use::Exclusive } else { Use::Shared };
        match place {
            Place::Gas => {
                operand.uses(place, how)?;
                self.gas_slot(operand, expected).map(VmArgument::Borrow)
            }
            Place::Input(input) => self.borrow_input(operand, input, expected, mutable),
            Place::Result(command, sub) => {
                operand.uses(place, how)?;
                let slot = self.result_slot(operand, command, sub)?;
                borrow_result(operand, slot, expected, mutable)
            }
        }
    }

    /// The type that an argument already has: objects, results, withdrawals and fixed pure inputs.
    pub(super) fn type_of(&self, operand: &Operand<'_>) -> Result<Option<Type>, Failure> {
        Ok(match self.place(operand)? {
            Place::Gas => self.gas_coin.as_ref().map(|coin| coin.type_.clone()),
            Place::Input(input) => match self.slots.get(input) {
                Some(InputSlot::Object(object)) => Some(object.type_.clone()),
                Some(
                    InputSlot::Value(value)
                    | InputSlot::Pure {
                        fixed: Some(value), ..
                    },
                ) => Some(value.type_.clone()),
                _ => None,
            },
            Place::Result(command, sub) => self
                .results
                .get(command)
                .and_then(|results| results.get(sub))
                .map(|slot| slot.type_.clone()),
        })
    }

    /// Where an argument lives. `Result(i)` needs a command with exactly one result.
    pub(super) fn place(&self, operand: &Operand<'_>) -> Result<Place, Failure> {
        match operand.argument {
            Argument::Gas => Ok(Place::Gas),
            Argument::Input(index) if usize::from(index) < self.slots.len() => {
                Ok(Place::Input(usize::from(index)))
            }
            Argument::Input(index) => {
                operand.fail(CommandArgumentError::IndexOutOfBounds { index })
            }
            Argument::Result(result) => match self.results.get(usize::from(result)) {
                Some(results) if results.len() == 1 => Ok(Place::Result(usize::from(result), 0)),
                Some(_) => operand.fail(CommandArgumentError::InvalidResultArity { result }),
                None => operand.fail(CommandArgumentError::IndexOutOfBounds { index: result }),
            },
            Argument::NestedResult(result, subresult) => {
                let Some(results) = self.results.get(usize::from(result)) else {
                    return operand.fail(CommandArgumentError::IndexOutOfBounds { index: result });
                };
                if usize::from(subresult) >= results.len() {
                    return operand.fail(CommandArgumentError::SecondaryIndexOutOfBounds {
                        result,
                        subresult,
                    });
                }
                Ok(Place::Result(usize::from(result), usize::from(subresult)))
            }
        }
    }

    fn gas_by_value(
        &mut self,
        operand: &mut Operand<'_>,
        expected: &Type,
        allowed: bool,
    ) -> Result<Value, Failure> {
        if !allowed {
            return operand.fail(CommandArgumentError::InvalidGasCoinUsage);
        }
        self.gas_slot(operand, expected)?;
        operand.uses(Place::Gas, Use::Moved)?;
        match &mut self.gas_coin {
            Some(coin) => Ok(coin.take()),
            None => operand.fail(CommandArgumentError::InvalidGasCoinUsage),
        }
    }

    fn gas_slot(&self, operand: &Operand<'_>, expected: &Type) -> Result<Slot, Failure> {
        let Some(coin) = &self.gas_coin else {
            return operand.fail(CommandArgumentError::InvalidGasCoinUsage);
        };
        if coin.is_taken() {
            return operand.fail(CommandArgumentError::ArgumentWithoutValue);
        }
        if coin.type_ != *expected {
            return operand.fail(CommandArgumentError::TypeMismatch);
        }
        Ok(coin.slot.clone())
    }

    fn input_by_value(
        &mut self,
        operand: &mut Operand<'_>,
        place: Place,
        input: usize,
        expected: &Type,
    ) -> Result<Value, Failure> {
        match self.slots.get_mut(input) {
            Some(InputSlot::Object(object)) => {
                if object.is_taken() {
                    return operand.fail(CommandArgumentError::ArgumentWithoutValue);
                }
                if object.type_ != *expected {
                    return operand.fail(CommandArgumentError::TypeMismatch);
                }
                if self.mode.checks() && !object.access.is_mutable() {
                    return operand.fail(CommandArgumentError::InvalidObjectByValue);
                }
                operand.uses(place, Use::Moved)?;
                let is_shared = self
                    .inputs
                    .objects
                    .get(&object.id)
                    .is_some_and(|input| matches!(input.object.owner(), Owner::Shared(_)));
                if is_shared {
                    self.taken.push(object.id);
                }
                Ok(object.take())
            }
            Some(
                InputSlot::Value(value)
                | InputSlot::Pure {
                    fixed: Some(value), ..
                },
            ) => {
                if value.is_taken() {
                    return operand.fail(CommandArgumentError::ArgumentWithoutValue);
                }
                if value.type_ != *expected {
                    return operand.fail(CommandArgumentError::TypeMismatch);
                }
                let copies = value.type_.abilities(&[]).has(AbilitySet::COPY);
                operand.uses(place, if copies { Use::Copied } else { Use::Moved })?;
                let value = value.take();
                if copies {
                    self.session.charge_copy(&value)?;
                }
                Ok(value)
            }
            Some(InputSlot::Receiving { id, version }) => {
                let (id, version) = (*id, *version);
                receiving(operand, expected, id, version)
            }
            Some(InputSlot::Pure { bytes, .. }) => {
                let bytes = bytes.clone();
                self.pure_value(operand, expected, &bytes)
            }
            None => Err(Failure::invariant("input slot vanished")),
        }
    }

    fn borrow_input(
        &mut self,
        operand: &mut Operand<'_>,
        input: usize,
        expected: &Type,
        mutable: bool,
    ) -> Result<VmArgument, Failure> {
        let place = Place::Input(input);
        let how = if mutable { Use::Exclusive } else { Use::Shared };
        if matches!(
            self.slots.get(input),
            Some(InputSlot::Pure { fixed: None, .. })
        ) {
            let value = self.input_by_value(operand, place, input, expected)?;
            let fixed = ResultSlot::new(expected.clone(), value);
            let slot = fixed.slot.clone();
            if let (true, Some(InputSlot::Pure { fixed: place, .. })) =
                (mutable, self.slots.get_mut(input))
            {
                *place = Some(fixed);
            }
            operand.uses_pure(place, expected, how)?;
            return Ok(VmArgument::Borrow(slot));
        }
        match self.slots.get(input) {
            Some(InputSlot::Object(object)) => {
                if object.is_taken() {
                    return operand.fail(CommandArgumentError::ArgumentWithoutValue);
                }
                if object.type_ != *expected {
                    return operand.fail(CommandArgumentError::TypeMismatch);
                }
                if mutable && self.mode.checks() && !object.access.is_mutable() {
                    return operand.fail(CommandArgumentError::InvalidObjectByMutRef);
                }
                operand.uses(place, how)?;
                Ok(VmArgument::Borrow(object.slot.clone()))
            }
            Some(InputSlot::Value(value)) => {
                operand.uses(place, how)?;
                borrow_result(operand, value, expected, mutable)
            }
            Some(InputSlot::Pure {
                fixed: Some(value), ..
            }) => {
                operand.uses_pure(place, expected, how)?;
                borrow_result(operand, value, expected, mutable)
            }
            Some(InputSlot::Receiving { id, version }) => {
                let value = receiving(operand, expected, *id, *version)?;
                Ok(VmArgument::Borrow(Slot::new(value)))
            }
            _ => Err(Failure::invariant("input slot vanished")),
        }
    }

    fn pure_value(
        &mut self,
        operand: &Operand<'_>,
        expected: &Type,
        bytes: &[u8],
    ) -> Result<Value, Failure> {
        if self.mode != Mode::DevInspect && !is_pure_type(expected) {
            return operand.fail(CommandArgumentError::InvalidUsageOfPureArgument);
        }
        let value = match self.session.deserialize(expected, bytes) {
            Ok(value) => value,
            Err(VmError::InvalidBcs(_)) => {
                return operand.fail(CommandArgumentError::InvalidBcsBytes);
            }
            Err(error) => return Err(error.into()),
        };
        self.session.charge_copy(&value)?;
        if !strings_are_valid(expected, &value) || !options_are_valid(expected, &value) {
            return operand.fail(CommandArgumentError::InvalidBcsBytes);
        }
        Ok(value)
    }

    fn result_slot(
        &self,
        operand: &Operand<'_>,
        command: usize,
        sub: usize,
    ) -> Result<&ResultSlot, Failure> {
        let slot = self
            .results
            .get(command)
            .and_then(|results| results.get(sub))
            .ok_or_else(|| Failure::invariant("result vanished"))?;
        if slot.is_taken() {
            return operand.fail(CommandArgumentError::ArgumentWithoutValue);
        }
        Ok(slot)
    }

    fn result_by_value(
        &mut self,
        operand: &mut Operand<'_>,
        place: Place,
        (command, sub): (usize, usize),
        expected: &Type,
    ) -> Result<Value, Failure> {
        let slot = self.result_slot(operand, command, sub)?;
        if let Type::Reference(inner) | Type::MutableReference(inner) = &slot.type_ {
            if **inner != *expected || !inner.abilities(&[]).has(AbilitySet::COPY) {
                return operand.fail(CommandArgumentError::TypeMismatch);
            }
            let inner = Type::clone(inner);
            let bytes = self.session.serialize(&inner, &slot.slot.get())?;
            let value = self.session.deserialize(&inner, &bytes)?;
            self.session.charge_copy(&value)?;
            return Ok(value);
        }
        if slot.type_ != *expected {
            return operand.fail(CommandArgumentError::TypeMismatch);
        }
        let copies = slot.type_.abilities(&[]).has(AbilitySet::COPY);
        let hot = slot.is_hot();
        operand.uses(place, if copies { Use::Copied } else { Use::Moved })?;
        let value = self
            .results
            .get_mut(command)
            .and_then(|results| results.get_mut(sub))
            .map(ResultSlot::take)
            .ok_or_else(|| Failure::invariant("result vanished"))?;
        if copies {
            self.session.charge_copy(&value)?;
        } else if hot {
            self.cliques.cool(place);
        }
        Ok(value)
    }
}

/// Borrows a result; a reference result is handed on as it is.
fn borrow_result(
    operand: &Operand<'_>,
    slot: &ResultSlot,
    expected: &Type,
    mutable: bool,
) -> Result<VmArgument, Failure> {
    if slot.is_taken() {
        return operand.fail(CommandArgumentError::ArgumentWithoutValue);
    }
    match &slot.type_ {
        Type::MutableReference(inner) if **inner == *expected => {
            Ok(VmArgument::Value(slot.slot.get()))
        }
        Type::Reference(inner) if !mutable && **inner == *expected => {
            Ok(VmArgument::Value(slot.slot.get()))
        }
        own if *own == *expected => Ok(VmArgument::Borrow(slot.slot.clone())),
        _ => operand.fail(CommandArgumentError::TypeMismatch),
    }
}

/// `0x2::transfer::Receiving<T>{id, version}`; T is whatever the parameter says.
fn receiving(
    operand: &Operand<'_>,
    expected: &Type,
    id: Address,
    version: Version,
) -> Result<Value, Failure> {
    if !expected.is_datatype(&Address::TWO, "transfer", "Receiving") {
        return operand.fail(CommandArgumentError::TypeMismatch);
    }
    Ok(Value::Struct(vec![
        Value::Struct(vec![Value::Address(id)]),
        Value::U64(version),
    ]))
}
