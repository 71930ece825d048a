//! HTTP of its own accord: ranges, conditions, shed load, and what every answer carries. Knows no blob.

pub(crate) mod conditions;
pub(crate) mod finish;
pub(crate) mod measured;
pub(crate) mod ranges;
pub(crate) mod shedding;
