//! Abort codes: refusals of the chain.

use thiserror::Error;

/// Why a call aborts (contracts spec 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Abort {
    /// `assert!` of a module.
    #[error("module {module} aborts with code {code}")]
    Code {
        /// The module that owns the code.
        module: &'static str,
        /// The code.
        code: u64,
    },
    /// Overflow, underflow, division by zero or a cast that loses bits.
    #[error("arithmetic error")]
    Arithmetic,
}

impl Abort {
    /// Code `code` of `module`.
    #[must_use]
    pub const fn code(module: &'static str, code: u64) -> Self {
        Self::Code { module, code }
    }
}

/// Fails with `code` of `module` unless `condition` holds.
pub(crate) fn ensure(condition: bool, module: &'static str, code: u64) -> Result<(), Abort> {
    if condition {
        Ok(())
    } else {
        Err(Abort::code(module, code))
    }
}

/// The value as a `u64`, as Move casts it.
pub(crate) fn narrow(value: u128) -> Result<u64, Abort> {
    u64::try_from(value).map_err(|_| Abort::Arithmetic)
}

/// `left + right` in 64 bits.
pub(crate) fn add(left: u64, right: u64) -> Result<u64, Abort> {
    left.checked_add(right).ok_or(Abort::Arithmetic)
}

/// `left - right` in 64 bits.
pub(crate) fn subtract(left: u64, right: u64) -> Result<u64, Abort> {
    left.checked_sub(right).ok_or(Abort::Arithmetic)
}

/// `left * right` in 64 bits.
pub(crate) fn multiply(left: u64, right: u64) -> Result<u64, Abort> {
    left.checked_mul(right).ok_or(Abort::Arithmetic)
}
