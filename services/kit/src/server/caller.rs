//! Caller of a request: an address, or a peer that has introduced itself. Shares are counted by it.

use std::{
    fmt::Debug,
    net::{IpAddr, Ipv6Addr},
};

use axum::http::HeaderMap;

/// The public key by which a peer is known: a compressed point of P-256.
pub type PeerKey = [u8; 33];

/// Who a share belongs to. Each request carries the one that it counts for as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Anybody at this address.
    Address(IpAddr),
    /// A peer, wherever it is.
    Peer(PeerKey),
}

impl Caller {
    /// Anybody at an address. Of IPv6 the network counts: whoever has one address of it has all.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }

    /// Whether it is a peer.
    pub fn is_peer(&self) -> bool {
        matches!(self, Self::Peer(_))
    }
}

/// Tells peers from strangers.
pub trait Peers: Debug + Send + Sync {
    /// The peer that sent these headers, if it proves to be one.
    fn recognise(&self, headers: &HeaderMap) -> Option<PeerKey>;
}

/// Everybody is a stranger.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

impl Peers for NoPeers {
    fn recognise(&self, _: &HeaderMap) -> Option<PeerKey> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_version_six_is_one_caller_and_a_mapped_address_is_its_own() {
        let at = |text: &str| Caller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::3"), at("2001:db8:1:2:ffff::4"));
        assert_ne!(at("2001:db8:1:2::3"), at("2001:db8:1:3::3"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.2"), at("10.0.0.1"));
    }
}
