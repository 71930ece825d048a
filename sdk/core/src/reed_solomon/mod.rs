//! Reed-Solomon code on rows of bytes: systematic, over GF(2^16), by additive Fourier transforms (encoding spec 2.4).
//!
//! The code is that of the crate `reed-solomon-simd`, bit for bit. `Encoder` and `Decoder` are the two directions; an
//! `Engine` transforms and multiplies rows for them: with the instructions that multiply bit matrices (GFNI) where the
//! processor has them, else with the crate's fastest engine.

mod area;
mod cosets;
mod decoder;
mod encoder;
mod engine;
mod field;
#[cfg(target_arch = "x86_64")]
mod gfni;
mod library;
mod locator;
mod rate;

pub(crate) use cosets::{CosetEncoder, Cosets};
pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub use engine::CodeEngine;
pub(crate) use engine::{Engine, FastestEngine};
#[cfg(test)]
pub(crate) use library::Library;
pub(crate) use rate::Layout;

/// Elements of the field.
const FIELD: usize = 1 << 16;
/// Order of the multiplicative group: logarithms are counted modulo this, and this itself stands for the logarithm of zero.
const MODULUS: u16 = u16::MAX;
/// Bytes that the code handles together: 32 low bytes of elements, then the 32 high ones.
const BLOCK: usize = 64;

/// A block of 32 elements.
type Block = [u8; BLOCK];
