//! What a node keeps on disk.

pub mod segments;
