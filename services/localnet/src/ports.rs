//! Addresses for the nodes of a network, free now and when they are started again.

use std::{
    net::{IpAddr, TcpListener},
    ops::Range,
};

use anyhow::Context;

/// Ports that no operating system gives to outgoing connections by itself (Linux does so from 32768, others from 49152): one of those
/// could be taken while its node is down, and the chain knows the node by it.
const PORTS: Range<u16> = 20_000..32_000;

/// How many of them are tried before any port will do.
const ATTEMPTS: usize = 200;

/// Listens on a port that nobody has.
pub(crate) fn listen(host: IpAddr) -> anyhow::Result<TcpListener> {
    (0..ATTEMPTS)
        .find_map(|_| TcpListener::bind((host, rand::random_range(PORTS))).ok())
        .map_or_else(|| TcpListener::bind((host, 0)), Ok)
        .with_context(|| format!("cannot listen on {host}"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::*;

    #[test]
    fn ports_differ_and_are_none_of_outgoing_connections() {
        let held: Vec<_> = (0..50)
            .map(|_| listen(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap())
            .collect();
        let ports: BTreeSet<_> = held
            .iter()
            .map(|listener| listener.local_addr().unwrap().port())
            .collect();
        assert_eq!(ports.len(), held.len());
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
    }
}
