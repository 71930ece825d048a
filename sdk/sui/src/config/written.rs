//! Configuration files that programs write: no more in them than what somebody chose.

/// Whether a value is what its key has by default, so that a file need not say it: for `skip_serializing_if`.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
