//! Introductions: how a node tells another who it is. Node spec 1.17.
//!
//! The header [`INTRODUCTION`] of a request says "the holder of this network key speaks to the holder of that one, at this time", signed
//! by the former. TLS has told the caller who the other side is, so nobody else gets to see it; and it opens nothing but a
//! share of the server that strangers cannot use up.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use walrus_core::network_key::{NetworkKeyPair, NetworkPublicKey};

/// The name of the header.
pub const INTRODUCTION: &str = "walrus-node";
/// How far the clocks of two nodes may be apart, an introduction's age included.
pub const INTRODUCTION_LIFETIME: Duration = Duration::from_secs(300);
/// After so long, the next request has a new one.
const RENEWED_AFTER: Duration = Duration::from_secs(60);
/// What is signed begins with this.
const PREFIX: &[u8] = b"walrus-node-introduction";
const VERSION: u8 = 1;
/// Version, key, time, signature.
const LENGTH: usize = 1 + 33 + 8 + 64;

/// A node's word on who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// Who says that it speaks.
    pub from: NetworkPublicKey,
    /// When it said so, in milliseconds since 1970.
    at: u64,
    signature: [u8; 64],
}

/// Why an introduction does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntroductionError {
    /// The header is something else.
    #[error("it is not the base64 form of {LENGTH} bytes of version {VERSION}")]
    Malformed,
    /// It is too old, or from the future.
    #[error("it was made {0:?} before or after now, and at most {INTRODUCTION_LIFETIME:?} count")]
    Time(Duration),
    /// Somebody else signed it, or it is for somebody else.
    #[error("its signature is not that of the key in it, for this node")]
    Signature,
}

impl Introduction {
    /// The word of the holder of `key` to the holder of `to`, from now.
    pub fn new(key: &NetworkKeyPair, to: &NetworkPublicKey) -> Self {
        let (from, at) = (key.public_key(), millis(SystemTime::now()));
        let signature = key.sign(&message(&from, to, at));
        Self {
            from,
            at,
            signature,
        }
    }

    /// Reads the value of a header.
    ///
    /// # Errors
    /// [`IntroductionError::Malformed`].
    pub fn parse(text: &[u8]) -> Result<Self, IntroductionError> {
        let mut bytes = [0; LENGTH];
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
        let (Ok(LENGTH), [VERSION, rest @ ..]) = (written, &bytes) else {
            return Err(IntroductionError::Malformed);
        };
        let malformed = IntroductionError::Malformed;
        let (from, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let (at, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let signature = rest.try_into().map_err(|_| malformed)?;
        Ok(Self {
            from: NetworkPublicKey(*from),
            at: u64::from_be_bytes(*at),
            signature,
        })
    }

    /// The value of the header.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend(self.from.0);
        bytes.extend(self.at.to_be_bytes());
        bytes.extend(self.signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Checks that it was made for the holder of `to`, by the holder of the key in it, at about `now`.
    ///
    /// # Errors
    /// [`IntroductionError`].
    pub fn verify(&self, to: &NetworkPublicKey, now: SystemTime) -> Result<(), IntroductionError> {
        let apart = Duration::from_millis(millis(now).abs_diff(self.at));
        if apart > INTRODUCTION_LIFETIME {
            return Err(IntroductionError::Time(apart));
        }
        if !self
            .from
            .verifies(&message(&self.from, to, self.at), &self.signature)
        {
            return Err(IntroductionError::Signature);
        }
        Ok(())
    }
}

fn message(from: &NetworkPublicKey, to: &NetworkPublicKey, at: u64) -> Vec<u8> {
    let at = at.to_be_bytes();
    [PREFIX, &[VERSION], &from.0, &to.0, &at].concat()
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Introduces one node to another again and again, and signs once in a while.
#[derive(Debug)]
pub(crate) struct Introducer {
    key: std::sync::Arc<NetworkKeyPair>,
    to: NetworkPublicKey,
    latest: Mutex<Option<(std::time::Instant, String)>>,
}

impl Introducer {
    pub(crate) fn new(key: std::sync::Arc<NetworkKeyPair>, to: NetworkPublicKey) -> Self {
        Self {
            key,
            to,
            latest: Mutex::new(None),
        }
    }

    /// The value of the header for a request that is sent now.
    pub(crate) fn text(&self) -> String {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.as_ref() {
            Some((made, text)) if made.elapsed() < RENEWED_AFTER => text.clone(),
            _ => {
                let text = Introduction::new(&self.key, &self.to).to_text();
                *latest = Some((std::time::Instant::now(), text.clone()));
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> NetworkKeyPair {
        NetworkKeyPair::from_secret_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn an_introduction_counts_for_whom_and_when_it_was_made() {
        let (from, to, other) = (key(1), key(2).public_key(), key(3).public_key());
        let now = SystemTime::now();
        let made = Introduction::new(&from, &to);
        let read = Introduction::parse(made.to_text().as_bytes()).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.from, from.public_key());
        assert_eq!(read.verify(&to, now), Ok(()));
        assert_eq!(read.verify(&other, now), Err(IntroductionError::Signature));
        let late = now + INTRODUCTION_LIFETIME + Duration::from_secs(1);
        assert!(matches!(
            read.verify(&to, late),
            Err(IntroductionError::Time(_))
        ));
        let pretended = Introduction {
            from: other,
            ..read
        };
        assert_eq!(
            pretended.verify(&to, now),
            Err(IntroductionError::Signature)
        );
    }

    #[test]
    fn anything_else_is_refused() {
        let text = Introduction::new(&key(1), &key(2).public_key()).to_text();
        for malformed in [
            "",
            "AAAA",
            &text[1..],
            &format!("{text}A"),
            &format!("B{}", &text[1..]),
        ] {
            assert_eq!(
                Introduction::parse(malformed.as_bytes()),
                Err(IntroductionError::Malformed),
                "{malformed}"
            );
        }
    }

    #[test]
    fn one_signature_serves_many_requests() {
        let introducer = Introducer::new(key(1).into(), key(2).public_key());
        assert_eq!(introducer.text(), introducer.text());
    }
}
