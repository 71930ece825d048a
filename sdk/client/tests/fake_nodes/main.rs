//! Reads and uploads against storage nodes that may be down, slow or lying. The nodes are in this process and speak HTTPS with
//! pinned keys; the slivers, keys and signatures are real.

mod network;
mod reads;
mod statuses;
mod uploads;
