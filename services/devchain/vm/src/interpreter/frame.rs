//! Call frames and locals.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use crate::{
    error::{VmError, VmResult},
    loader::{Function, LinkedModule},
    types::Type,
    value::{Reference, Value},
};

/// An active call.
pub(super) struct Frame {
    pub(super) module: Arc<LinkedModule>,
    pub(super) function: Arc<Function>,
    pub(super) types: Arc<[Type]>,
    /// Where its locals start.
    pub(super) base: usize,
    pub(super) pc: usize,
}

/// A local; it becomes a cell when it is borrowed first.
pub(super) enum Local {
    Empty,
    Plain(Value),
    Cell(Rc<RefCell<Value>>),
}

fn gone() -> VmError {
    VmError::invariant("local has no value")
}

impl Local {
    /// Bytes as gas counts them, and number of values.
    pub(super) fn size(&self) -> VmResult<(u64, u64)> {
        match self {
            Local::Empty => Err(gone()),
            Local::Plain(value) => Ok((value.size(), value.count())),
            Local::Cell(cell) => {
                let value = cell.try_borrow().map_err(|_| gone())?;
                Ok((value.size(), value.count()))
            }
        }
    }

    pub(super) fn copy(&self) -> VmResult<Value> {
        match self {
            Local::Empty => Err(gone()),
            Local::Plain(value) => Ok(value.clone()),
            Local::Cell(cell) => Ok(cell.try_borrow().map_err(|_| gone())?.clone()),
        }
    }

    pub(super) fn take(&mut self) -> VmResult<Value> {
        match std::mem::replace(self, Local::Empty) {
            Local::Empty => Err(gone()),
            Local::Plain(value) => Ok(value),
            Local::Cell(cell) => Ok(std::mem::take(
                &mut *cell.try_borrow_mut().map_err(|_| gone())?,
            )),
        }
    }

    pub(super) fn borrow(&mut self) -> VmResult<Reference> {
        let cell = match std::mem::replace(self, Local::Empty) {
            Local::Empty => return Err(gone()),
            Local::Plain(value) => Rc::new(RefCell::new(value)),
            Local::Cell(cell) => cell,
        };
        *self = Local::Cell(cell.clone());
        Ok(Reference::root(cell))
    }
}
