//! Economy tests: the compiled contracts agree with the model, and the model with itself.
#![allow(clippy::unwrap_used)]

mod formulas_agree;
mod machine;
mod pool_is_never_short;
mod pool_vectors;
mod random;
mod ring_agrees;
mod scenario;
mod thirty_epochs;
