//! Address guard: what comes from the chain or from users is checked when it is connected to.
//!
//! An address that somebody else names may lead into the private network of whoever connects: to its cloud's metadata service, to
//! a database on loopback. So a name is resolved here, the addresses that it stands for are checked, and it is those that are
//! connected to; a second look-up could give others. Redirects are not followed, for the same reason.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::{
    ClientBuilder, Url,
    dns::{Name, Resolve, Resolving},
};

/// Addresses that one name may stand for; of more, these are tried.
const MAX_RESOLVED: usize = 16;

/// Which addresses of others are connected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Those that are reachable from everywhere.
    #[default]
    Public,
    /// Any: the network is a local one.
    Any,
}

/// An address that is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is at {address}, which is not reachable from everywhere, and addresses that others name may not lead into a private \
     network; where the network is a local one, its configuration has to say so (allow_private_addresses)"
)]
pub struct ForbiddenAddress {
    /// The host as it was named.
    pub host: String,
    /// What it stands for.
    pub address: IpAddr,
}

impl Addresses {
    /// What is right for a network: what is `configured`, if anything is; only public addresses in a public network; and in
    /// any other what is right for its chain: one that is reached at an address that is not public, or as `localhost`, is that of
    /// a local network.
    pub fn of_network(configured: Option<bool>, is_public_network: bool, chain_url: &str) -> Self {
        let any = configured.unwrap_or_else(|| !is_public_network && is_local(chain_url));
        if any { Self::Any } else { Self::Public }
    }

    /// Whether this address is connected to.
    pub fn permits(self, address: IpAddr) -> bool {
        self == Self::Any || is_public(address)
    }

    /// Looks at the host of a URL if that is an address; names are looked at when they are resolved.
    ///
    /// # Errors
    /// [`ForbiddenAddress`].
    pub fn check(self, url: &Url) -> Result<(), ForbiddenAddress> {
        match literal(url) {
            Some(address) if !self.permits(address) => Err(ForbiddenAddress {
                host: url.host_str().unwrap_or_default().to_owned(),
                address,
            }),
            _ => Ok(()),
        }
    }

    /// Makes an HTTP client resolve names under this guard, and follow neither redirects nor proxies. What it is asked to fetch
    /// must have passed [`Addresses::check`] before: addresses are not resolved.
    pub fn guard(self, client: ClientBuilder) -> ClientBuilder {
        client
            .dns_resolver(Guarded(self))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
    }
}

/// Resolves names, and leaves out what is not permitted.
#[derive(Debug, Clone, Copy)]
struct Guarded(Addresses);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(addresses) = *self;
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?;
            let permitted = permitted(addresses, host, found.take(MAX_RESOLVED))?;
            Ok(Box::new(permitted.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Those of `found` that are permitted.
fn permitted(
    addresses: Addresses,
    host: &str,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, ForbiddenAddress> {
    let (permitted, forbidden): (Vec<_>, Vec<_>) =
        found.partition(|found| addresses.permits(found.ip()));
    match forbidden.first() {
        Some(first) if permitted.is_empty() => Err(ForbiddenAddress {
            host: host.to_owned(),
            address: first.ip(),
        }),
        _ => Ok(permitted),
    }
}

/// Whether a chain at this URL is on this machine or in a private network, as far as its URL tells.
fn is_local(chain_url: &str) -> bool {
    let Ok(url) = Url::parse(chain_url) else {
        return false;
    };
    match literal(&url) {
        Some(address) => !is_public(address),
        None => url.host_str() == Some("localhost"),
    }
}

/// The address that is the host of a URL. Unusual forms (`0x7f.1`, `2130706433`) are addresses by now: parsing has made them so.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// Whether an address is reachable from everywhere, and from everywhere the same. IPv6 forms of IPv4 addresses count as these.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Everything that the registry of special-purpose addresses does not call globally reachable (RFC 6890), and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = match first {
        0 => true,
        // Shared between a provider and its customers.
        100 => (64..128).contains(&second),
        192 => second == 0 && third == 0,
        // Measurements between networks.
        198 => second == 18 || second == 19,
        _ => first >= 224,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([first, second], [third, fourth]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    match (a, b) {
        // Translated (RFC 6052) and tunnelled (RFC 3056) IPv4.
        (0x64, 0xff9b) => (c, d, e, f) == (0, 0, 0, 0) && embedded(g, h),
        (0x2002, _) => embedded(b, c),
        // Protocol assignments, Teredo among them; documentation.
        (0x2001, 0..0x200 | 0xdb8) | (0x3fff, 0..0x1000) => false,
        // Global unicast is a single block.
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_everybody_reaches_is_public() {
        for public in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip(public)), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(private)), "{private}");
            assert!(Addresses::Any.permits(ip(private)));
        }
    }

    #[test]
    fn unusual_forms_of_an_address_are_that_address() {
        for url in [
            "https://127.0.0.1:1",
            "https://2130706433:1",
            "https://0x7f.1:1",
            "https://017700000001:1",
            "https://[::ffff:127.0.0.1]:1",
            "https://[::1]:1",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(Addresses::Public.check(&url).is_err(), "{url}");
            assert!(Addresses::Any.check(&url).is_ok());
        }
        let name = Url::parse("https://node.example:1").unwrap();
        assert!(Addresses::Public.check(&name).is_ok());
    }

    #[test]
    fn of_the_addresses_of_a_name_the_permitted_ones_are_left() {
        let at = |text: &str| SocketAddr::new(ip(text), 0);
        let permitted = |found: &[SocketAddr]| {
            permitted(Addresses::Public, "node.example", found.iter().copied())
        };
        let mixed = [at("10.0.0.1"), at("1.1.1.1")];
        assert_eq!(permitted(&mixed).unwrap(), [at("1.1.1.1")]);
        let error = permitted(&[at("10.0.0.1")]).unwrap_err();
        assert_eq!(error.address, ip("10.0.0.1"));
        assert!(error.to_string().contains("node.example is at 10.0.0.1"));
    }

    #[test]
    fn a_network_is_local_if_its_chain_is_unless_it_is_a_public_one() {
        let of = |configured, public, url| Addresses::of_network(configured, public, url);
        for local in [
            "http://127.0.0.1:9000",
            "http://localhost:9000",
            "http://[::1]:1",
        ] {
            assert_eq!(of(None, false, local), Addresses::Any, "{local}");
            assert_eq!(of(None, true, local), Addresses::Public, "{local}");
        }
        let far = "https://fullnode.example:443";
        assert_eq!(of(None, false, far), Addresses::Public);
        assert_eq!(of(Some(true), true, far), Addresses::Any);
        assert_eq!(
            of(Some(false), false, "http://127.0.0.1:1"),
            Addresses::Public
        );
    }

    #[tokio::test]
    async fn a_name_is_looked_at_when_it_is_resolved() {
        use walrus_core::network_key::NetworkKeyPair;

        use crate::{NodeClient, NodeClientOptions};
        let key = NetworkKeyPair::from_secret_bytes(&[7; 32]).unwrap();
        let options = NodeClientOptions::default();
        let client = NodeClient::new("localhost:1", &key.public_key(), &options).unwrap();
        let error = client.health(false).await.unwrap_err().to_string();
        assert!(error.contains("localhost is at"), "{error}");
        let any = NodeClientOptions {
            addresses: Addresses::Any,
            ..options
        };
        let client = NodeClient::new("localhost:1", &key.public_key(), &any).unwrap();
        let error = client.health(false).await.unwrap_err().to_string();
        assert!(!error.contains("localhost is at"), "{error}");
    }
}
