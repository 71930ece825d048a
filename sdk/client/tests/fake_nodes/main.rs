//! Reads and uploads against storage nodes that may be down, slow or lying. The nodes are in this process and speak HTTPS with
//! pinned keys; the slivers, keys and signatures are real.

#![allow(clippy::unwrap_used)]

mod manifests;
mod network;
mod on_demand;
mod quilts;
mod ranges;
mod reads;
mod statuses;
mod uploads;
mod whole;
