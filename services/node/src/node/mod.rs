//! Assembly of a storage node: start and shutdown.

mod catch_up;
#[cfg(unix)]
mod door;
mod prepare;
mod running;
mod servers;
mod start;
mod surroundings;
mod verbs;
mod workers;

use std::net::TcpListener;

pub use self::{
    catch_up::CaughtUp, prepare::PreparedNode, running::RunningNode, surroundings::Surroundings,
};

/// Where a storage node listens, opened by the caller.
#[derive(Debug)]
pub struct Listeners {
    /// Of the REST API.
    pub rest: TcpListener,
    /// Of the metrics; one at the configured address is opened when absent.
    pub metrics: Option<TcpListener>,
}
