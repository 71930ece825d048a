//! Checked references: a root cell and a path of field and element indices.
//!
//! A place keeps its type for its whole life, so a path that could be walked once leads to a value of the type it was
//! made for, or nowhere. The exception is a field of an enum variant, because another variant may be written over it:
//! such a step carries the tag of its variant, and leads nowhere once the tag has changed. Code whose borrows nobody
//! proved can thus read a stale value, but never one of another type.

use std::{cell::RefCell, rc::Rc};

use super::{Path, Reference, Value};
use crate::error::{VmError, VmResult};

const INLINE: usize = 7;
/// Bits of a field index inside a variant.
const VARIANT_SHIFT: u32 = 16;

impl Path {
    fn indices(&self) -> &[u32] {
        match self {
            Path::Inline(length, indices) => indices.get(..usize::from(*length)).unwrap_or(&[]),
            Path::Long(indices) => indices,
        }
    }

    fn push(&self, index: u32) -> Path {
        if let Path::Inline(length, mut indices) = *self
            && let Some(place) = indices.get_mut(usize::from(length))
        {
            *place = index;
            return Path::Inline(length + 1, indices);
        }
        let old = self.indices();
        Path::Long(old.iter().copied().chain(std::iter::once(index)).collect())
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

/// Steps into the fields of one variant start here: variants have far fewer fields than that.
fn variant_start(tag: u16) -> usize {
    usize::from(tag) << VARIANT_SHIFT
}

fn variant_step(tag: u16, index: u16) -> u32 {
    u32::from(tag) << VARIANT_SHIFT | u32::from(index)
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

    /// A reference to field `index` of the target, which is an enum value with this tag.
    pub(crate) fn variant_child(&self, tag: u16, index: u16) -> Self {
        self.child(variant_step(tag, index))
    }

    /// Looks at the target.
    pub(crate) fn with<R>(&self, look: impl FnOnce(Target<'_>) -> VmResult<R>) -> VmResult<R> {
        let guard = self.root.try_borrow().map_err(|_| broken())?;
        let mut value: &Value = &guard;
        let mut indices = self.path.indices().iter();
        while let Some(index) = indices.next() {
            let index = *index as usize;
            value = match value {
                Value::Struct(items) | Value::Vector(items) => {
                    items.get(index).ok_or_else(broken)?
                }
                Value::Variant(tag, items) => items
                    .get(index.wrapping_sub(variant_start(*tag)))
                    .ok_or_else(broken)?,
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
                Value::Struct(items) | Value::Vector(items) => {
                    items.get_mut(index).ok_or_else(broken)?
                }
                Value::Variant(tag, items) => items
                    .get_mut(index.wrapping_sub(variant_start(*tag)))
                    .ok_or_else(broken)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_variant_is_gone_when_another_variant_is_there() {
        let field = |value| Value::Variant(1, vec![Value::Bool(true), value]);
        let root = Reference::root(Rc::new(RefCell::new(field(Value::U64(7)))));
        let inside = root.variant_child(1, 1);
        assert!(matches!(inside.read(), Ok(Value::U64(7))));
        inside.write(Value::U64(8)).unwrap();
        assert!(matches!(inside.read(), Ok(Value::U64(8))));
        for tag in [0, 2, 300] {
            let other = vec![
                Value::Bool(true),
                Value::Address(sui_sdk_types::Address::ZERO),
            ];
            root.write(Value::Variant(tag, other)).unwrap();
            assert!(inside.read().is_err());
            assert!(inside.write(Value::U64(9)).is_err());
        }
        root.write(field(Value::U64(1))).unwrap();
        assert!(matches!(inside.read(), Ok(Value::U64(1))));
    }
}
