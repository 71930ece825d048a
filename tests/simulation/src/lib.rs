#![doc = include_str!("../README.md")]

mod chain;
mod faults;
mod journal;
mod load;
mod machine;
mod model;
mod network;
mod node;
mod oracle;
mod plan;
mod randomness;
mod seeds;
mod simulation;
mod snapshot;
mod wire;

pub use plan::Plan;
pub use seeds::{Remembered, remembered};
pub use simulation::{Report, simulate};
