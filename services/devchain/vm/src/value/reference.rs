//! Checked references: a root cell and a path of field and element indices.

use std::{cell::RefCell, rc::Rc};

use super::{Path, Reference, Value};
use crate::error::{VmError, VmResult};

const INLINE: usize = 7;

impl Path {
    fn indices(&self) -> &[u32] {
        match self {
            Path::Inline(length, indices) => indices.get(..usize::from(*length)).unwrap_or(&[]),
            Path::Long(indices) => indices,
        }
    }

    fn push(&self, index: u32) -> Path {
        let old = self.indices();
        if old.len() < INLINE {
            let mut indices = [0; INLINE];
            for (place, value) in indices
                .iter_mut()
                .zip(old.iter().chain(std::iter::once(&index)))
            {
                *place = *value;
            }
            Path::Inline(old.len() as u8 + 1, indices)
        } else {
            Path::Long(old.iter().copied().chain(std::iter::once(index)).collect())
        }
    }
}

/// What a reference points to.
pub(crate) enum Target<'a> {
    Value(&'a Value),
    Byte(u8),
}

/// What a mutable reference points to.
pub(crate) enum TargetMut<'a> {
    Value(&'a mut Value),
    Byte(&'a mut u8),
}

fn broken() -> VmError {
    VmError::invariant("reference to a place that is gone")
}

impl Reference {
    /// A reference to a whole cell.
    pub(crate) fn root(root: Rc<RefCell<Value>>) -> Self {
        Self {
            root,
            path: Path::Inline(0, [0; INLINE]),
        }
    }

    /// A reference to field or element `index` of the target.
    pub(crate) fn child(&self, index: u32) -> Self {
        Self {
            root: self.root.clone(),
            path: self.path.push(index),
        }
    }

    /// Looks at the target.
    pub(crate) fn with<R>(&self, look: impl FnOnce(Target<'_>) -> VmResult<R>) -> VmResult<R> {
        let guard = self.root.try_borrow().map_err(|_| broken())?;
        let mut value: &Value = &guard;
        let mut indices = self.path.indices().iter();
        while let Some(index) = indices.next() {
            let index = *index as usize;
            value = match value {
                Value::Struct(items) | Value::Vector(items) | Value::Variant(_, items) => {
                    items.get(index).ok_or_else(broken)?
                }
                Value::Bytes(bytes) if indices.len() == 0 => {
                    return look(Target::Byte(*bytes.get(index).ok_or_else(broken)?));
                }
                _ => return Err(broken()),
            };
        }
        if matches!(value, Value::Invalid) {
            return Err(broken());
        }
        look(Target::Value(value))
    }

    /// Changes the target.
    pub(crate) fn with_mut<R>(
        &self,
        change: impl FnOnce(TargetMut<'_>) -> VmResult<R>,
    ) -> VmResult<R> {
        let mut guard = self.root.try_borrow_mut().map_err(|_| broken())?;
        let mut value: &mut Value = &mut guard;
        let mut indices = self.path.indices().iter();
        while let Some(index) = indices.next() {
            let index = *index as usize;
            value = match value {
                Value::Struct(items) | Value::Vector(items) | Value::Variant(_, items) => {
                    items.get_mut(index).ok_or_else(broken)?
                }
                Value::Bytes(bytes) if indices.len() == 0 => {
                    return change(TargetMut::Byte(bytes.get_mut(index).ok_or_else(broken)?));
                }
                _ => return Err(broken()),
            };
        }
        if matches!(value, Value::Invalid) {
            return Err(broken());
        }
        change(TargetMut::Value(value))
    }

    /// Looks at a target that is not a single byte of a `vector<u8>`.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Value) -> VmResult<R>) -> VmResult<R> {
        self.with(|target| match target {
            Target::Value(value) => look(value),
            Target::Byte(byte) => look(&Value::U8(byte)),
        })
    }

    /// A deep copy of the target.
    pub(crate) fn read(&self) -> VmResult<Value> {
        self.look(|value| Ok(value.clone()))
    }

    /// Replaces the target.
    pub(crate) fn write(&self, new: Value) -> VmResult<()> {
        // The old value is dropped after the borrow ends: it may hold references to the same cell in broken code.
        let old = self.with_mut(|target| match (target, new) {
            (TargetMut::Value(place), new) => Ok(std::mem::replace(place, new)),
            (TargetMut::Byte(place), Value::U8(new)) => {
                *place = new;
                Ok(Value::Invalid)
            }
            _ => Err(VmError::invariant("byte expected")),
        })?;
        drop(old);
        Ok(())
    }
}
