//! Addresses for the nodes of a network, free now and when they are started again; and what to do about one that is not free.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpListener},
    ops::Range,
};

use anyhow::Context;
use sui_devchain::StartError;

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
        .with_context(|| {
            format!("cannot listen on {host}; choose an address of this machine with --host")
        })
}

/// Listens where a node's metrics, or requests, were served last time, or elsewhere if that is somebody else's now: nobody has to find them there.
pub(crate) fn listen_again(host: IpAddr, last: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    match last.map(TcpListener::bind) {
        Some(Ok(listener)) => Ok(listener),
        _ => listen(host),
    }
}

/// The ports that a chain is asked to have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainPorts {
    pub(crate) host: IpAddr,
    pub(crate) rpc: u16,
    pub(crate) faucet: u16,
}

impl ChainPorts {
    /// Refuses what cannot be, before anything is started.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.rpc != self.faucet || self.rpc == 0,
            "the chain and the faucet cannot have the same port {}; choose others with --rpc-port and --faucet-port (0 for any free one)",
            self.rpc
        );
        Ok(())
    }

    pub(crate) fn rpc_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.rpc)
    }

    pub(crate) fn faucet_address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.faucet)
    }

    /// Why the chain does not start, with the option that helps.
    pub(crate) fn explain(&self, error: StartError) -> anyhow::Error {
        match error {
            StartError::Listen {
                address, source, ..
            } => {
                let (service, option) = if address == self.rpc_address() {
                    ("the chain", "--rpc-port")
                } else {
                    ("the faucet", "--faucet-port")
                };
                let advice = advice(&source, option);
                anyhow::anyhow!("{service} cannot listen on {address}: {source}; {advice}")
            }
            other => anyhow::Error::new(other).context("cannot start the chain"),
        }
    }
}

fn advice(error: &io::Error, option: &str) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "stop the program that does, or choose another port with {option} (0 for any free one)"
        ),
        ErrorKind::PermissionDenied => {
            format!("choose another port with {option}, 1024 or above (0 for any free one)")
        }
        _ => "choose an address of this machine with --host".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::*;

    #[test]
    fn metrics_stay_where_they_were_unless_somebody_else_is_there() {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = listen_again(host, None).unwrap();
        let address = first.local_addr().unwrap();
        let other = listen_again(host, Some(address)).unwrap();
        assert_ne!(other.local_addr().unwrap(), address);
        drop(first);
        let again = listen_again(host, Some(address)).unwrap();
        assert_eq!(again.local_addr().unwrap(), address);
    }

    #[test]
    fn an_address_that_cannot_be_had_names_the_option() {
        let ports = ChainPorts {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rpc: 9000,
            faucet: 9123,
        };
        let explain = |address, kind: ErrorKind| {
            let error = StartError::Listen {
                address,
                purpose: "it",
                source: kind.into(),
            };
            ports.explain(error).to_string()
        };
        let (rpc, faucet) = (ports.rpc_address(), ports.faucet_address());
        let text = explain(rpc, ErrorKind::AddrInUse);
        assert!(
            text.contains("127.0.0.1:9000") && text.contains("--rpc-port"),
            "{text}"
        );
        let text = explain(faucet, ErrorKind::PermissionDenied);
        assert!(text.contains("--faucet-port, 1024 or above"), "{text}");
        let text = explain(rpc, ErrorKind::AddrNotAvailable);
        assert!(text.contains("--host"), "{text}");
        ports.validate().unwrap();
        let same = ChainPorts {
            faucet: 9000,
            ..ports
        };
        assert!(
            same.validate()
                .unwrap_err()
                .to_string()
                .contains("--faucet-port")
        );
        ChainPorts {
            rpc: 0,
            faucet: 0,
            ..ports
        }
        .validate()
        .unwrap();
    }

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
