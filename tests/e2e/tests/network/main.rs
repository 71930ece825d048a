//! End-to-end tests: the network as its users see it, one module for each behaviour.
//!
//! All modules are one program: linking the whole system takes long, and once is enough.
#![allow(clippy::unwrap_used)]

mod confirmation_conditions;
mod epochs;
mod event_blobs;
mod failover;
mod gateway;
mod interrupted_stores;
mod killed_node;
mod large_blobs;
mod lying_node;
mod membership;
mod money;
mod network_restart;
mod nodes_down;
mod operated_node;
mod refused_uploads;
mod sdk_examples;
mod shared_wallet;
mod store_and_read;
