//! The Walrus storage node.

pub mod storage;
