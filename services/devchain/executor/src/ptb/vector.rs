//! MakeMoveVec.

use std::sync::Arc;

use sui_devchain_vm::{AbilitySet, Type, Value};
use sui_sdk_types::{CommandArgumentError, ExecutionError, MakeMoveVector};

use super::Ptb;
use super::arguments::{Operand, Uses};
use super::slots::ResultSlot;
use crate::failure::Failure;

impl Ptb<'_> {
    pub(super) fn make_vector(
        &mut self,
        make: &MakeMoveVector,
    ) -> Result<Vec<ResultSlot>, Failure> {
        let mut uses = Uses::default();
        let element = match &make.type_ {
            Some(tag) => self.load_type_argument(0, tag)?,
            None => self.element_type(make, &mut uses)?,
        };
        let mut values = Vec::with_capacity(make.elements.len());
        for (index, argument) in make.elements.iter().enumerate() {
            let mut operand = Operand {
                argument: *argument,
                index,
                uses: &mut uses,
            };
            values.push(self.by_value(&mut operand, &element, false)?);
        }
        let value = if element == Type::U8 {
            Value::Bytes(bytes(&values)?)
        } else {
            Value::Vector(values)
        };
        let type_ = Type::Vector(Arc::new(element));
        Ok(vec![ResultSlot::new(type_, value)])
    }

    /// Without an explicit type the first element, an object, decides.
    fn element_type(&self, make: &MakeMoveVector, uses: &mut Uses) -> Result<Type, Failure> {
        let Some(argument) = make.elements.first() else {
            return Err(Failure::new(
                ExecutionError::ArityMismatch,
                "an empty vector needs a type",
            ));
        };
        let operand = Operand {
            argument: *argument,
            index: 0,
            uses,
        };
        match self.type_of(&operand)? {
            Some(type_) if type_.abilities(&[]).has(AbilitySet::KEY) => Ok(type_),
            _ => Err(Failure::argument(
                0,
                CommandArgumentError::InvalidMakeMoveVecNonObjectArgument,
            )),
        }
    }
}

fn bytes(values: &[Value]) -> Result<Vec<u8>, Failure> {
    values
        .iter()
        .map(|value| match value {
            Value::U8(byte) => Ok(*byte),
            _ => Err(Failure::invariant("element is no u8")),
        })
        .collect()
}
