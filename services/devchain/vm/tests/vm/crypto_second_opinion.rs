//! Cryptographic natives against published vectors and against a second library of each kind, with random, damaged and
//! degenerate inputs (devchain spec 4.3).

use std::sync::LazyLock;

use crate::support::{World, framework, id, linkage, session};
use bls12_381::{
    G1Affine, G1Projective, G2Affine, G2Projective, Scalar,
    hash_to_curve::{ExpandMsgXmd, HashToCurve},
    pairing,
};
use rand::{Rng, RngCore, SeedableRng, rngs::SmallRng};
use sui_devchain_vm::{Argument, Slot, Value, Vm, VmError};

type Expander = ExpandMsgXmd<sha2_09::Sha256>;
const G1_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const G2_SUITE: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

static WORLD: LazyLock<(Vm, World)> = LazyLock::new(|| (Vm::default(), framework()));

fn call(module: &str, function: &str, arguments: Vec<Argument>) -> Result<Vec<Value>, VmError> {
    let (vm, world) = &*WORLD;
    let package = id(if module == "hash" && function.starts_with("sha") {
        1
    } else {
        2
    });
    let mut session = session(vm, world, Some(5_000_000_000));
    session.call(&linkage(world), package, module, function, &[], arguments)
}

fn lend(bytes: &[u8]) -> Argument {
    Argument::Borrow(Slot::new(Value::Bytes(bytes.to_vec())))
}

/// `group_ops::Element<T>{bytes}`.
fn element(bytes: &[u8]) -> Argument {
    Argument::Borrow(Slot::new(Value::Struct(vec![Value::Bytes(bytes.to_vec())])))
}

fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Struct(fields) => bytes_of(&fields[0]),
        other => panic!("{other:?}"),
    }
}

fn bytes(module: &str, function: &str, arguments: Vec<Argument>) -> Vec<u8> {
    bytes_of(&call(module, function, arguments).unwrap()[0])
}

fn verdict(module: &str, function: &str, arguments: Vec<Argument>) -> bool {
    match call(module, function, arguments).unwrap().as_slice() {
        [Value::Bool(verdict)] => *verdict,
        other => panic!("{other:?}"),
    }
}

fn group(function: &str, arguments: Vec<Argument>) -> Vec<u8> {
    bytes("bls12381", function, arguments)
}

fn random_bytes(random: &mut SmallRng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill_bytes(&mut bytes);
    bytes
}

fn flip(random: &mut SmallRng, bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    let at = random.random_range(..flipped.len());
    flipped[at] ^= 1 << random.random_range(0..8);
    flipped
}

fn hex_bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[test]
fn hashes_of_all_lengths_agree() {
    use tiny_keccak::Hasher;
    let mut random = SmallRng::seed_from_u64(0xaa51);
    for length in (0..300).chain([1000, 4096, 70_001]) {
        let data = random_bytes(&mut random, length);
        let mut keccak = [0; 32];
        let mut hasher = tiny_keccak::Keccak::v256();
        hasher.update(&data);
        hasher.finalize(&mut keccak);
        assert_eq!(bytes("hash", "keccak256", vec![lend(&data)]), keccak);
        let value = || vec![Argument::Value(Value::Bytes(data.clone()))];
        assert_eq!(bytes("hash", "sha3_256", value()), sha3(&[&data]));
        let sha2 = ring::digest::digest(&ring::digest::SHA256, &data);
        assert_eq!(bytes("hash", "sha2_256", value()), sha2.as_ref());
        let blake = sui_sdk_types::hash::Hasher::digest(&data);
        assert_eq!(
            bytes("hash", "blake2b256", vec![lend(&data)]),
            blake.as_bytes()
        );
        let key = random_bytes(&mut random, length % 290);
        let mac = bytes("hmac", "hmac_sha3_256", vec![lend(&key), lend(&data)]);
        assert_eq!(mac, hmac_sha3(&key, &data));
    }
}

fn sha3(parts: &[&[u8]]) -> [u8; 32] {
    use tiny_keccak::Hasher;
    let mut hasher = tiny_keccak::Sha3::v256();
    parts.iter().for_each(|part| hasher.update(part));
    let mut digest = [0; 32];
    hasher.finalize(&mut digest);
    digest
}

/// RFC 2104 with the block size of SHA3-256.
fn hmac_sha3(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = if key.len() > 136 {
        sha3(&[key]).to_vec()
    } else {
        key.to_vec()
    };
    let pad = |byte: u8| -> Vec<u8> {
        (0..136)
            .map(|at| key.get(at).unwrap_or(&0) ^ byte)
            .collect()
    };
    sha3(&[&pad(0x5c), &sha3(&[&pad(0x36), message])])
}

#[test]
fn ed25519_follows_rfc_8032() {
    let vectors = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (key, message, signature) in vectors {
        let (key, message, signature) = (hex_bytes(key), hex_bytes(message), hex_bytes(signature));
        let check = |signature: &[u8]| {
            verdict(
                "ed25519",
                "ed25519_verify",
                vec![lend(signature), lend(&key), lend(&message)],
            )
        };
        assert!(check(&signature));
        assert!(
            !check(&signature[..63])
                && !check(&[signature.clone(), vec![0]].concat())
                && !check(&[])
        );
        // The scalar plus the group order is the same scalar in another coding.
        assert!(!check(
            &[&signature[..32], &plus_order(&signature[32..])].concat()
        ));
    }
    for key in [vec![], vec![0xff; 32], vec![1; 31], vec![1; 33]] {
        assert!(!verdict(
            "ed25519",
            "ed25519_verify",
            vec![lend(&[0; 64]), lend(&key), lend(b"m")]
        ));
    }
}

/// s + L for the order L of ed25519, little-endian.
fn plus_order(scalar: &[u8]) -> Vec<u8> {
    let mut order = hex_bytes("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    let mut carry = 0u16;
    let add = |(left, right): (&u8, &u8)| {
        let sum = u16::from(*left) + u16::from(*right) + carry;
        carry = sum >> 8;
        sum as u8
    };
    scalar.iter().zip(&order).map(add).collect()
}

#[test]
fn ed25519_agrees_with_a_second_library() {
    use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
    let mut random = SmallRng::seed_from_u64(0xed25);
    for turn in 0..120 {
        let pair = Ed25519KeyPair::from_seed_unchecked(&random.random::<[u8; 32]>()).unwrap();
        let message = random_bytes(&mut random, turn);
        let (mut key, mut signature) = (
            pair.public_key().as_ref().to_vec(),
            pair.sign(&message).as_ref().to_vec(),
        );
        match turn % 4 {
            1 => signature = flip(&mut random, &signature),
            2 => key = flip(&mut random, &key),
            _ => {}
        }
        let expected = UnparsedPublicKey::new(&ED25519, &key)
            .verify(&message, &signature)
            .is_ok();
        assert!(expected || turn % 4 != 0);
        let found = verdict(
            "ed25519",
            "ed25519_verify",
            vec![lend(&signature), lend(&key), lend(&message)],
        );
        assert_eq!(found, expected, "turn {turn}");
    }
}

#[test]
fn secp256k1_agrees_with_a_second_library() {
    use libsecp256k1::{Message, PublicKey, SecretKey, Signature, recover, sign, verify};
    let mut random = SmallRng::seed_from_u64(0x5ec9);
    for turn in 0..60 {
        let Ok(secret) = SecretKey::parse(&random.random::<[u8; 32]>()) else {
            continue;
        };
        let data = random_bytes(&mut random, turn);
        let digest: [u8; 32] = ring::digest::digest(&ring::digest::SHA256, &data)
            .as_ref()
            .try_into()
            .unwrap();
        let message = Message::parse(&digest);
        let (signature, recovery) = sign(&message, &secret);
        let public = PublicKey::from_secret_key(&secret);
        let mut body = signature.serialize().to_vec();
        if turn % 3 == 1 {
            body = flip(&mut random, &body);
        }
        let parsed = Signature::parse_standard_slice(&body).ok();
        let low = parsed.is_some_and(|signature| !signature.s.is_high());
        let expected = low && parsed.is_some_and(|signature| verify(&message, &signature, &public));
        let hash = || Argument::Value(Value::U8(1));
        let key = public.serialize_compressed();
        let arguments = vec![lend(&body), lend(&key), lend(&data), hash()];
        assert_eq!(
            verdict("ecdsa_k1", "secp256k1_verify", arguments),
            expected,
            "turn {turn}"
        );
        assert!(expected || turn % 3 == 1);

        let recoverable = [body.clone(), vec![recovery.serialize()]].concat();
        let found = call(
            "ecdsa_k1",
            "secp256k1_ecrecover",
            vec![lend(&recoverable), lend(&data), hash()],
        );
        let expected = parsed.and_then(|signature| recover(&message, &signature, &recovery).ok());
        match (found, expected) {
            (Ok(found), Some(key)) => assert_eq!(bytes_of(&found[0]), key.serialize_compressed()),
            (Err(VmError::Abort { code: 0 | 1, .. }), None) => {}
            (found, expected) => panic!("turn {turn}: {found:?} {expected:?}"),
        }
        let plain = bytes("ecdsa_k1", "decompress_pubkey", vec![lend(&key)]);
        assert_eq!(plain, public.serialize());

        // The same signature with the other s is valid mathematics, and refused.
        let mut high = signature;
        high.s = -high.s;
        let arguments = vec![lend(&high.serialize()), lend(&key), lend(&data), hash()];
        assert!(!verdict("ecdsa_k1", "secp256k1_verify", arguments));
    }
    for key in [
        vec![],
        vec![2; 32],
        [vec![2], vec![0xff; 32]].concat(),
        [vec![4], vec![1; 32]].concat(),
        vec![0; 33],
    ] {
        let found = call("ecdsa_k1", "decompress_pubkey", vec![lend(&key)]);
        assert!(
            matches!(found, Err(VmError::Abort { code: 2, .. })),
            "{key:?}"
        );
    }
}

#[test]
fn secp256r1_agrees_with_a_second_library() {
    use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner};
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    let mut random = SmallRng::seed_from_u64(0x4256);
    for turn in 0..40 {
        let Ok(secret) = SigningKey::from_slice(&random_bytes(&mut random, 32)) else {
            continue;
        };
        let data = random_bytes(&mut random, turn);
        let digest = ring::digest::digest(&ring::digest::SHA256, &data);
        let signature: Signature = secret.sign_prehash(digest.as_ref()).unwrap();
        let signature = signature.normalize_s().unwrap_or(signature);
        let mut body = signature.to_bytes().to_vec();
        if turn % 3 == 1 {
            body = flip(&mut random, &body);
        }
        let point = secret.verifying_key().to_encoded_point(false);
        let low =
            Signature::from_slice(&body).is_ok_and(|signature| signature.normalize_s().is_none());
        let expected = low
            && UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_bytes())
                .verify(&data, &body)
                .is_ok();
        assert!(expected || turn % 3 == 1);
        let key = secret.verifying_key().to_encoded_point(true);
        let arguments = vec![
            lend(&body),
            lend(key.as_bytes()),
            lend(&data),
            Argument::Value(Value::U8(1)),
        ];
        assert_eq!(
            verdict("ecdsa_r1", "secp256r1_verify", arguments),
            expected,
            "turn {turn}"
        );
        for hash in [2, 255] {
            let arguments = vec![
                lend(&body),
                lend(key.as_bytes()),
                lend(&data),
                Argument::Value(Value::U8(hash)),
            ];
            assert!(!verdict("ecdsa_r1", "secp256r1_verify", arguments));
        }
    }
}

fn random_scalar(random: &mut SmallRng) -> Scalar {
    match random.random_range(0..8) {
        0 => Scalar::zero(),
        1 => Scalar::one(),
        2 => -Scalar::one(),
        _ => Scalar::from_bytes_wide(&random.random::<[u8; 64]>()),
    }
}

/// 32 bytes, big-endian.
fn scalar_bytes(scalar: &Scalar) -> Vec<u8> {
    scalar.to_bytes().into_iter().rev().collect()
}

fn g1(scalar: &Scalar) -> G1Affine {
    (G1Projective::generator() * scalar).into()
}

fn g2(scalar: &Scalar) -> G2Affine {
    (G2Projective::generator() * scalar).into()
}

#[test]
fn group_operations_agree_with_a_second_library() {
    let mut random = SmallRng::seed_from_u64(0x6109);
    for _ in 0..60 {
        let (a, b) = (random_scalar(&mut random), random_scalar(&mut random));
        let (p, q) = (g1(&a), g1(&b));
        let (r, s) = (g2(&a), g2(&b));
        let (e, f) = (scalar_bytes(&a), scalar_bytes(&b));
        let two = |left: &[u8], right: &[u8]| vec![element(left), element(right)];
        assert_eq!(group("scalar_add", two(&e, &f)), scalar_bytes(&(a + b)));
        assert_eq!(group("scalar_sub", two(&e, &f)), scalar_bytes(&(a - b)));
        assert_eq!(group("scalar_mul", two(&e, &f)), scalar_bytes(&(a * b)));
        let (p, q, r, s) = (
            p.to_compressed(),
            q.to_compressed(),
            r.to_compressed(),
            s.to_compressed(),
        );
        assert_eq!(group("g1_add", two(&p, &q)), g1(&(a + b)).to_compressed());
        assert_eq!(group("g1_sub", two(&p, &q)), g1(&(a - b)).to_compressed());
        assert_eq!(group("g1_mul", two(&e, &q)), g1(&(a * b)).to_compressed());
        assert_eq!(group("g2_add", two(&r, &s)), g2(&(a + b)).to_compressed());
        assert_eq!(group("g2_sub", two(&r, &s)), g2(&(a - b)).to_compressed());
        assert_eq!(group("g2_mul", two(&e, &s)), g2(&(a * b)).to_compressed());
        let inverse: Option<Scalar> = a.invert().into();
        let quotient = call("bls12381", "g1_div", two(&e, &q));
        match inverse {
            Some(inverse) => assert_eq!(
                bytes_of(&quotient.unwrap()[0]),
                g1(&(b * inverse)).to_compressed()
            ),
            None => assert!(matches!(quotient, Err(VmError::Abort { code: 1, .. }))),
        }
        // e(aP, bQ) = e(abP, Q), the target group by way of the second library's points.
        let left = group("pairing", two(&p, &s));
        assert_eq!(
            left,
            group(
                "pairing",
                two(
                    &g1(&(a * b)).to_compressed(),
                    &g2(&Scalar::one()).to_compressed()
                )
            )
        );
    }
}

#[test]
fn hashing_to_groups_agrees_with_a_second_library() {
    let mut random = SmallRng::seed_from_u64(0x4a54);
    for length in 1..40 {
        let message = random_bytes(&mut random, length * 7 % 97 + 1);
        let first = <G1Projective as HashToCurve<Expander>>::hash_to_curve(&message, G1_SUITE);
        assert_eq!(
            group("hash_to_g1", vec![lend(&message)]),
            G1Affine::from(first).to_compressed()
        );
        let second = <G2Projective as HashToCurve<Expander>>::hash_to_curve(&message, G2_SUITE);
        assert_eq!(
            group("hash_to_g2", vec![lend(&message)]),
            G2Affine::from(second).to_compressed()
        );
    }
    for name in ["hash_to_g1", "hash_to_g2"] {
        let empty = call("bls12381", name, vec![lend(&[])]);
        assert!(matches!(empty, Err(VmError::Abort { code: 1, .. })));
    }
}

/// The second library, to which the natives are held above, follows RFC 9380 (J.9.1).
#[test]
fn the_second_library_hashes_as_rfc_9380_says() {
    let suite = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    let vectors = [
        (
            "",
            "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
        ),
        (
            "abc",
            "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
        ),
    ];
    for (message, x) in vectors {
        let point = <G1Projective as HashToCurve<Expander>>::hash_to_curve(message, suite);
        let found = G1Affine::from(point).to_uncompressed();
        assert_eq!(hex::encode(&found[..48]), x);
    }
}

#[test]
fn bls_signatures_agree_with_a_second_library() {
    let mut random = SmallRng::seed_from_u64(0xb155);
    let infinity = |length: usize| [vec![0xc0], vec![0; length - 1]].concat();
    for turn in 0..40 {
        let secret = Scalar::from_bytes_wide(&random.random::<[u8; 64]>());
        let message = random_bytes(&mut random, turn);
        let hashed = <G2Projective as HashToCurve<Expander>>::hash_to_curve(&message, G2_SUITE);
        let mut signature = G2Affine::from(hashed * secret).to_compressed().to_vec();
        let mut key = g1(&secret).to_compressed().to_vec();
        let small = <G1Projective as HashToCurve<Expander>>::hash_to_curve(&message, G1_SUITE);
        let small_signature = G1Affine::from(small * secret).to_compressed();
        match turn % 5 {
            1 => signature = flip(&mut random, &signature),
            2 => key = flip(&mut random, &key),
            3 => signature = infinity(96),
            4 => key = infinity(48),
            _ => {}
        }
        let expected = second_verdict(&signature, &key, &message);
        assert_eq!(expected, turn % 5 == 0);
        let arguments =
            |signature: &[u8], key: &[u8]| vec![lend(signature), lend(key), lend(&message)];
        assert_eq!(
            verdict(
                "bls12381",
                "bls12381_min_pk_verify",
                arguments(&signature, &key)
            ),
            expected,
            "turn {turn}"
        );
        let large_key = g2(&secret).to_compressed();
        assert!(verdict(
            "bls12381",
            "bls12381_min_sig_verify",
            arguments(&small_signature, &large_key)
        ));
        let damaged = flip(&mut random, &small_signature);
        assert!(!verdict(
            "bls12381",
            "bls12381_min_sig_verify",
            arguments(&damaged, &large_key)
        ));
    }
}

fn second_verdict(signature: &[u8], key: &[u8], message: &[u8]) -> bool {
    let signature: Option<G2Affine> =
        G2Affine::from_compressed(signature.try_into().unwrap()).into();
    let key: Option<G1Affine> = G1Affine::from_compressed(key.try_into().unwrap()).into();
    let (Some(signature), Some(key)) = (signature, key) else {
        return false;
    };
    let hashed = <G2Projective as HashToCurve<Expander>>::hash_to_curve(message, G2_SUITE);
    !bool::from(signature.is_identity())
        && !bool::from(key.is_identity())
        && pairing(&G1Affine::generator(), &signature) == pairing(&key, &hashed.into())
}

#[test]
fn encodings_are_accepted_exactly_when_the_second_library_accepts_them() {
    let mut random = SmallRng::seed_from_u64(0xe9c0);
    let (mut outside, mut accepted) = (0, 0);
    for turn in 0..400 {
        let mut small = match turn % 4 {
            0 => g1(&random_scalar(&mut random)).to_compressed(),
            1 => {
                let whole = g1(&random_scalar(&mut random)).to_compressed();
                flip(&mut random, &whole).try_into().unwrap()
            }
            _ => random.random::<[u8; 48]>(),
        };
        if turn % 4 == 2 {
            small[0] = small[0] & 0x3f | 0x80;
        }
        let point: Option<G1Affine> = G1Affine::from_compressed(&small).into();
        let lax: Option<G1Affine> = G1Affine::from_compressed_unchecked(&small).into();
        outside += usize::from(
            lax.is_some_and(|point| bool::from(point.is_on_curve())) && point.is_none(),
        );
        let found = call("bls12381", "g1_from_bytes", vec![lend(&small)]);
        assert_eq!(found.is_ok(), point.is_some(), "{}", hex::encode(small));
        accepted += usize::from(point.is_some());
        // On trust, whatever decompresses takes part in operations: it may abort, not panic.
        for function in ["g1_add", "g1_sub"] {
            let _ = call("bls12381", function, vec![element(&small), element(&small)]);
        }
        let scalar = random.random::<[u8; 32]>();
        let _ = call(
            "bls12381",
            "g1_mul",
            vec![element(&scalar), element(&small)],
        );
        let valid: Option<Scalar> = {
            let mut little = scalar;
            little.reverse();
            Scalar::from_bytes(&little).into()
        };
        let found = call("bls12381", "scalar_from_bytes", vec![lend(&scalar)]);
        assert_eq!(found.is_ok(), valid.is_some());
    }
    for turn in 0..100 {
        let mut large = match turn % 3 {
            0 => g2(&random_scalar(&mut random)).to_compressed(),
            _ => random.random::<[u8; 96]>(),
        };
        if turn % 3 == 1 {
            large[0] = large[0] & 0x1f | 0x80;
        }
        let point: Option<G2Affine> = G2Affine::from_compressed(&large).into();
        let found = call("bls12381", "g2_from_bytes", vec![lend(&large)]);
        assert_eq!(found.is_ok(), point.is_some(), "{}", hex::encode(large));
    }
    assert!(outside > 20 && accepted > 90, "{outside} {accepted}");
}
