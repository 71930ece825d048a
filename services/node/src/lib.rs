//! The Walrus storage node.
#![warn(missing_docs)]

pub mod config;
mod node;
pub mod storage;

pub use config::NodeConfig;
pub use node::{RunningNode, StorageNode};
