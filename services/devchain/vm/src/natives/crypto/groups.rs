//! Encodings of the BLS12-381 groups as `0x2::group_ops` uses them (devchain spec 4.3).

use ark_bls12_381::{Fq, Fq2, Fq6, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, short_weierstrass::Affine};
use ark_ff::{BigInteger, PrimeField, Zero};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};

/// Bytes of a base field element.
const FIELD: usize = 48;
/// Flag bit of compressed points.
const COMPRESSED: u8 = 0x80;
/// Flag bit of the point at infinity.
const INFINITY: u8 = 0x40;

/// An element type of `group_ops` with its encoding.
pub(super) trait Element: Sized {
    /// Length of the encoding in bytes.
    const LENGTH: usize;
    /// Decodes on trust: exact length and something that denotes an element.
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// Encodes.
    fn encode(&self) -> Vec<u8>;
}

fn field_bytes(value: &Fq) -> Vec<u8> {
    value.into_bigint().to_bytes_be()
}

fn field(bytes: &[u8]) -> Option<Fq> {
    let value = Fq::from_be_bytes_mod_order(bytes);
    (field_bytes(&value) == bytes).then_some(value)
}

impl Element for Fr {
    const LENGTH: usize = 32;

    fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::LENGTH).then(|| Fr::from_be_bytes_mod_order(bytes))
    }

    fn encode(&self) -> Vec<u8> {
        self.into_bigint().to_bytes_be()
    }
}

macro_rules! compressed_point {
    ($point:ty, $length:expr) => {
        impl Element for $point {
            const LENGTH: usize = $length;

            fn decode(bytes: &[u8]) -> Option<Self> {
                if bytes.len() != Self::LENGTH || bytes.first()? & COMPRESSED == 0 {
                    return None;
                }
                Self::deserialize_with_mode(bytes, Compress::Yes, Validate::No).ok()
            }

            fn encode(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(Self::LENGTH);
                // Writing to a vector does not fail.
                let _ = self.serialize_with_mode(&mut out, Compress::Yes);
                out
            }
        }
    };
}

compressed_point!(Affine<ark_bls12_381::g1::Config>, 48);
compressed_point!(Affine<ark_bls12_381::g2::Config>, 96);

impl Element for Fq12 {
    const LENGTH: usize = 576;

    fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::LENGTH {
            return None;
        }
        let numbers = bytes
            .chunks_exact(FIELD)
            .map(field)
            .collect::<Option<Vec<Fq>>>()?;
        let at = |i: usize, j: usize| -> Option<Fq2> {
            let index = (i * 2 + j) * 2;
            Some(Fq2::new(*numbers.get(index)?, *numbers.get(index + 1)?))
        };
        let half = |j| -> Option<Fq6> { Some(Fq6::new(at(0, j)?, at(1, j)?, at(2, j)?)) };
        Some(Fq12::new(half(0)?, half(1)?))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LENGTH);
        for (left, right) in [
            (&self.c0.c0, &self.c1.c0),
            (&self.c0.c1, &self.c1.c1),
            (&self.c0.c2, &self.c1.c2),
        ] {
            for coefficient in [left, right] {
                out.extend(field_bytes(&coefficient.c0));
                out.extend(field_bytes(&coefficient.c1));
            }
        }
        out
    }
}

/// A G1 point in uncompressed form; taken as it is, not checked to lie on the curve.
pub(super) struct Uncompressed(pub(super) G1Affine);

impl Element for Uncompressed {
    const LENGTH: usize = 96;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let flags = *bytes.first()?;
        if bytes.len() != Self::LENGTH || flags & COMPRESSED != 0 {
            return None;
        }
        if flags & INFINITY != 0 {
            return Some(Self(G1Affine::zero()));
        }
        let (x, y) = bytes.split_at(FIELD);
        Some(Self(G1Affine::new_unchecked(field(x)?, field(y)?)))
    }

    fn encode(&self) -> Vec<u8> {
        if self.0.infinity {
            let mut out = vec![0; Self::LENGTH];
            if let Some(first) = out.first_mut() {
                *first = INFINITY;
            }
            return out;
        }
        let mut out = field_bytes(&self.0.x);
        out.extend(field_bytes(&self.0.y));
        out
    }
}

/// Canonical scalar.
pub(super) fn valid_scalar(bytes: &[u8]) -> bool {
    Fr::decode(bytes).is_some_and(|scalar| scalar.encode() == bytes)
}

/// Canonical compressed point of the subgroup.
pub(super) fn valid_g1(bytes: &[u8]) -> bool {
    G1Affine::decode(bytes).is_some_and(|point| {
        point.encode() == bytes
            && point.is_on_curve()
            && point.is_in_correct_subgroup_assuming_on_curve()
    })
}

/// Canonical compressed point of the subgroup.
pub(super) fn valid_g2(bytes: &[u8]) -> bool {
    G2Affine::decode(bytes).is_some_and(|point| {
        point.encode() == bytes
            && point.is_on_curve()
            && point.is_in_correct_subgroup_assuming_on_curve()
    })
}

/// Whether a target group element can be inverted.
pub(super) fn is_zero(element: &Fq12) -> bool {
    element.is_zero()
}
