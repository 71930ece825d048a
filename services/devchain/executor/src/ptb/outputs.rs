//! Command outputs of rehearsals: returned values and arguments changed by reference.

use sui_devchain_vm::Type;

use super::Ptb;
use super::call::Borrowed;
use super::slots::ResultSlot;
use crate::failure::Failure;
use crate::outcome::{CommandOutput, MutatedReference, OutputValue};

impl Ptb<'_> {
    /// Opens the output of the running command with what it changed through references.
    pub(super) fn record_mutations(&mut self, borrowed: Vec<Borrowed>) -> Result<(), Failure> {
        if !self.mode.is_rehearsal() {
            return Ok(());
        }
        let mut output = CommandOutput::default();
        for item in borrowed {
            let value = OutputValue {
                type_: item.type_.to_tag()?,
                bcs: self.session.serialize(&item.type_, &item.slot.get())?,
            };
            output.mutated_by_ref.push(MutatedReference {
                argument: item.argument,
                value,
            });
        }
        self.outputs.push(output);
        Ok(())
    }

    /// Adds the results of the running command to its output.
    pub(super) fn record_returns(&mut self, results: &[ResultSlot]) -> Result<(), Failure> {
        if !self.mode.is_rehearsal() {
            return Ok(());
        }
        if self.outputs.len() == self.results.len() {
            self.outputs.push(CommandOutput::default());
        }
        let mut values = Vec::with_capacity(results.len());
        for result in results {
            let type_ = match &result.type_ {
                Type::Reference(inner) | Type::MutableReference(inner) => inner,
                other => other,
            };
            values.push(OutputValue {
                type_: type_.to_tag()?,
                bcs: self.session.serialize(type_, &result.slot.get())?,
            });
        }
        if let Some(output) = self.outputs.last_mut() {
            output.return_values = values;
        }
        Ok(())
    }
}
