//! Dependency policy: what crates of others may be linked, by licence, name and source.
//!
//! `scripts/deny.toml` says it, in the form of cargo-deny, a program that takes minutes to build.
//! [`Policy`] is the part of that form which is used here, and refuses every other key; [`Graph`] is what `cargo metadata` knows.

mod graph;
mod policy;

pub use graph::{Graph, GraphError, Package, linked_without_defaults};
pub use policy::{Complaint, Policy, PolicyError};
