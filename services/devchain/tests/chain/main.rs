//! A served chain, seen through the clients that everybody uses: `sui-rpc`, `sui-transaction-builder`, plain HTTP.

#![allow(clippy::unwrap_used)]

mod controls;
mod epochs;
mod filters;
mod gas_selection;
mod publishing;
mod reads;
mod restarts;
mod simulation;
mod streams;
mod support;
mod transfers;
