//! Tips: what an upload relay wants for its work, and what a transaction names that pays it. Client spec 4.4 and 4.6.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use walrus_sui::{Address, Digest};

/// What a relay wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TipConfig {
    /// Nothing.
    #[default]
    NoTip,
    /// A tip.
    SendTip(Tip),
}

/// How much, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Who gets it.
    pub address: Address,
    /// How much.
    pub kind: TipKind,
}

/// How much a tip is, in MIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TipKind {
    /// As much for every blob.
    Const(u64),
    /// By the encoded length.
    Linear {
        /// For every blob.
        base: u64,
        /// For each KiB of it that has begun.
        encoded_size_mul_per_kib: u64,
    },
}

impl TipKind {
    /// The tip for a blob that takes so many bytes in storage; `None` if that is beyond 64 bits.
    pub fn amount(&self, encoded_length: u64) -> Option<u64> {
        match *self {
            Self::Const(amount) => Some(amount),
            Self::Linear {
                base,
                encoded_size_mul_per_kib,
            } => encoded_length
                .div_ceil(1024)
                .checked_mul(encoded_size_mul_per_kib)?
                .checked_add(base),
        }
    }
}

/// What makes a tip one for a certain blob: only who knows it can have paid. The transaction names its digest.
pub(crate) type Nonce = [u8; 32];

/// A tip that was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PaidTip {
    pub(crate) digest: Digest,
    pub(crate) nonce: Nonce,
}

/// The first input of a transaction that pays a tip: the digest of the blob, that of the nonce, and the length (little endian).
pub(crate) fn package(blob: &[u8; 32], nonce: &Nonce, length: u64) -> Vec<u8> {
    let mut package = blob.to_vec();
    package.extend(Sha256::digest(nonce));
    package.extend(length.to_le_bytes());
    package
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tips_are_read_as_relays_tell_them() {
        let address = Address::new([42; 32]);
        let linear = TipKind::Linear {
            base: 101,
            encoded_size_mul_per_kib: 42,
        };
        for (told, expected) in [
            (json!("no_tip"), TipConfig::NoTip),
            (
                json!({"send_tip": {"address": address, "kind": {"const": 105}}}),
                TipConfig::SendTip(Tip {
                    address,
                    kind: TipKind::Const(105),
                }),
            ),
            (
                json!({"send_tip": {"address": address, "kind": {"linear": {"base": 101, "encoded_size_mul_per_kib": 42}}}}),
                TipConfig::SendTip(Tip {
                    address,
                    kind: linear,
                }),
            ),
        ] {
            assert_eq!(serde_json::to_value(expected).unwrap(), told);
            assert_eq!(serde_json::from_value::<TipConfig>(told).unwrap(), expected);
        }
        assert_eq!(linear.amount(0), Some(101));
        assert_eq!(linear.amount(1), Some(143));
        assert_eq!(linear.amount(1024), Some(143));
        assert_eq!(linear.amount(1025), Some(185));
        let huge = TipKind::Linear {
            base: 1,
            encoded_size_mul_per_kib: u64::MAX,
        };
        assert_eq!(huge.amount(2048), None);
        assert_eq!(TipKind::Const(5).amount(1 << 40), Some(5));
    }

    #[test]
    fn a_package_has_72_bytes_in_the_order_of_the_specification() {
        let package = package(&[1; 32], &[2; 32], 0x0102);
        assert_eq!(package.len(), 72);
        assert_eq!(package[..32], [1; 32]);
        assert_eq!(package[32..64], *Sha256::digest([2; 32]));
        assert_eq!(package[64..], [2, 1, 0, 0, 0, 0, 0, 0]);
    }
}
