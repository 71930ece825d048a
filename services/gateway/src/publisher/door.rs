//! Who may spend the wallet of a publisher.
//!
//! A publisher pays for whatever it is sent. Without authentication it listens on the loopback interface only, unless that anybody may
//! store is said in so many words. On the loopback interface, too, a web page in a browser of the same machine could send it blobs:
//! under a name of its own that leads there, or across origins, which CORS allows everybody. Both are refused.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use walrus_service::envelope::Refusal;

use crate::reason::GatewayReason;

/// Who may store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Programs on this machine.
    #[default]
    Loopback,
    /// Whoever has a token.
    Tokens,
    /// Whoever has a key.
    Keys,
    /// Anybody who can reach the address.
    Anonymous,
}

/// Access and address that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Others could store at the expense of the wallet.
    #[error(
        "{0} can be reached from other machines, whose programs could spend the publisher's wallet: listen on 127.0.0.1, or take only \
         those who have a key with --require-key, or a token with --jwt-decode-secret, or anybody with --allow-anonymous and --budget"
    )]
    Reachable(SocketAddr),
    /// The same, and nothing bounds how much.
    #[error(
        "{0} can be reached from other machines, and anybody may store: say with --budget how much WAL they may spend in all"
    )]
    NoBudget(SocketAddr),
}

impl Access {
    /// Whether a publisher with this access may listen on `address`, if those who need not say who they are may spend `budget` FROST.
    ///
    /// # Errors
    /// [`AccessError`] if others could spend its wallet.
    pub fn check(self, address: SocketAddr, budget: Option<u64>) -> Result<(), AccessError> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        match self {
            Self::Loopback => Err(AccessError::Reachable(address)),
            Self::Anonymous if budget.is_none() => Err(AccessError::NoBudget(address)),
            _ => Ok(()),
        }
    }
}

/// Lets in who may store. Cheap to clone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    access: Access,
}

impl Door {
    /// The door of a publisher that listens on `address`.
    pub(crate) fn new(
        access: Access,
        address: SocketAddr,
        budget: Option<u64>,
    ) -> Result<Self, AccessError> {
        access.check(address, budget)?;
        Ok(Self { access })
    }

    fn admits(self, uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
        if self.access != Access::Loopback {
            return Ok(());
        }
        // HTTP/2 has it in the URI.
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| text(headers.get(header::HOST)));
        if !host.is_some_and(is_loopback) {
            return Err("the Host header names another machine than this one");
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let origin = text(Some(origin)).and_then(|origin| origin.split_once("://"));
        match origin {
            Some((_, host)) if is_loopback(host) => Ok(()),
            _ => Err("the request comes from a web page of another machine"),
        }
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

/// Whether `host`, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().to_canonical().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Refuses who may not store.
pub(super) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    match door.admits(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(message) => Refusal::new(GatewayReason::NotAllowed, message).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(access: Access, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs.iter().map(|(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let door = Door { access };
        door.admits(&Uri::from_static("/v1/blobs"), &headers.collect())
            .is_ok()
    }

    #[test]
    fn on_the_loopback_interface_only_programs_and_pages_of_this_machine_are_let_in() {
        for (pairs, expected) in [
            (&[("host", "127.0.0.1:31415")][..], true),
            (&[("host", "localhost")], true),
            (&[("host", "LOCALHOST:80")], true),
            (&[("host", "[::1]:31415")], true),
            (&[("host", "127.0.0.2")], true),
            (&[("host", "localhost.example.org")], false),
            (&[("host", "rebound.example.org:31415")], false),
            (&[("host", "10.0.0.1")], false),
            (&[], false),
            (
                &[("host", "localhost"), ("origin", "http://localhost:3000")],
                true,
            ),
            (
                &[("host", "localhost"), ("origin", "http://127.0.0.1")],
                true,
            ),
            (
                &[("host", "localhost"), ("origin", "https://example.org")],
                false,
            ),
            (&[("host", "localhost"), ("origin", "null")], false),
        ] {
            assert_eq!(admits(Access::Loopback, pairs), expected, "{pairs:?}");
            assert!(admits(Access::Anonymous, pairs));
        }
    }

    #[test]
    fn nobody_listens_for_other_machines_without_saying_so() {
        let open = "0.0.0.0:31415".parse().unwrap();
        let refused = Door::new(Access::Loopback, open, None).unwrap_err();
        assert_eq!(refused, AccessError::Reachable(open));
        let refused = Door::new(Access::Anonymous, open, None).unwrap_err();
        assert_eq!(refused, AccessError::NoBudget(open));
        assert!(Door::new(Access::Anonymous, open, Some(1)).is_ok());
        assert!(Door::new(Access::Keys, open, None).is_ok());
        for loopback in ["127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
            assert!(Door::new(Access::Loopback, loopback.parse().unwrap(), None).is_ok());
        }
    }
}
