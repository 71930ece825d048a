//! End-to-end harness: real local networks, nodes in processes of their own, and nodes that lie.
//!
//! The tests are in `tests/network/`, one module for each behaviour. They wait for conditions, never for time.
// A harness says what went wrong by panicking, as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod blobs;
mod door;
mod impostor;
mod network;
mod node_process;
mod rest;
mod waiting;

pub use blobs::{Encoded, random_bytes};
pub use door::Door;
pub use impostor::{Impostor, Lie};
pub use network::{Member, TestNetwork, small};
pub use node_process::NodeProcess;
pub use rest::RawNode;
pub use waiting::eventually;
