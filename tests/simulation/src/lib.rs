#![doc = include_str!("../README.md")]

mod audit;
mod chain;
mod contents;
mod directories;
mod fault;
mod faults;
mod history;
mod journal;
mod lines;
mod load;
mod machine;
mod mishaps;
mod model;
mod money;
mod network;
mod node;
mod oracle;
mod plan;
mod platter;
mod promises;
mod randomness;
mod reports;
mod seeds;
mod simulation;
mod snapshot;
mod sparse;
mod syncs;
mod trouble;
mod victims;
mod wire;

pub use plan::Plan;
pub use seeds::{Remembered, remembered};
pub use simulation::{Report, prepare, simulate};
