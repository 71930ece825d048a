//! Cryptographic natives against known vectors, called through the framework's Move functions.

use crate::support::{self, framework, id, linkage, session};
use sui_devchain_vm::{Argument, Slot, Value, Vm, VmError};
use sui_sdk_types::TypeTag;

/// Calls a function; byte vectors are given by reference where `borrow` says so.
fn call(module: &str, function: &str, arguments: Vec<Argument>) -> Result<Vec<Value>, VmError> {
    call_typed(module, function, &[], arguments)
}

fn call_typed(
    module: &str,
    function: &str,
    types: &[TypeTag],
    arguments: Vec<Argument>,
) -> Result<Vec<Value>, VmError> {
    let (vm, world) = (Vm::default(), framework());
    let mut session = session(&vm, &world, Some(5_000_000_000));
    session.call(&linkage(&world), id(2), module, function, types, arguments)
}

fn borrowed(bytes: &[u8]) -> Argument {
    Argument::Borrow(Slot::new(Value::Bytes(bytes.to_vec())))
}

fn lend(value: Value) -> Argument {
    Argument::Borrow(Slot::new(value))
}

fn bytes_of(mut values: Vec<Value>) -> String {
    match values.remove(0) {
        Value::Bytes(bytes) => hex::encode(bytes),
        Value::Struct(mut fields) => bytes_of(vec![fields.remove(0)]),
        other => panic!("bytes expected, got {other:?}"),
    }
}

fn is_true(values: &[Value]) -> bool {
    matches!(values, [Value::Bool(true)])
}

fn element(function: &str) -> Value {
    call("bls12381", function, vec![]).unwrap().remove(0)
}

fn scalar(number: u64) -> Value {
    call(
        "bls12381",
        "scalar_from_u64",
        vec![Argument::Value(Value::U64(number))],
    )
    .unwrap()
    .remove(0)
}

#[test]
fn hashes() {
    let keccak = call("hash", "keccak256", vec![borrowed(b"hi")]).unwrap();
    assert_eq!(
        bytes_of(keccak),
        "7624778dedc75f8b322b9fa1632a610d40b85e106c7d9bf0e743a9ce291b9c6f"
    );
    let blake = call("hash", "blake2b256", vec![borrowed(b"abc")]).unwrap();
    assert_eq!(
        bytes_of(blake),
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    );
    let (sha2, sha3) = (
        support::run(
            (1, "hash", "sha2_256"),
            &[],
            vec![Value::Bytes(b"hi".to_vec())],
        )
        .unwrap(),
        support::run(
            (1, "hash", "sha3_256"),
            &[],
            vec![Value::Bytes(b"hi".to_vec())],
        )
        .unwrap(),
    );
    assert_eq!(
        bytes_of(sha2),
        "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    );
    assert_eq!(
        bytes_of(sha3),
        "b39c14c8da3b23811f6415b7e0b33526d7e07a46f2cf0484179435767e4a8804"
    );
    let mac = call(
        "hmac",
        "hmac_sha3_256",
        vec![
            borrowed(b"key"),
            borrowed(b"The quick brown fox jumps over the lazy dog"),
        ],
    );
    assert_eq!(
        bytes_of(mac.unwrap()),
        "8c6e0683409427f8931711b10ca92a506eb1fafa48fadd66d76126f47ac2c333"
    );
}

#[test]
fn min_pk_signatures_of_the_storage_nodes() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/bls.json")).unwrap();
    let text = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut checked = 0;
    for message in vectors["messages"].as_array().unwrap() {
        let Some(signer) = message["signer"].as_u64() else {
            continue;
        };
        let key = text(&vectors["keys"][signer as usize]["public_key_hex"]);
        let (signature, body) = (
            text(&message["signature_hex"]),
            text(&message["message_hex"]),
        );
        let verify = |signature: &[u8], body: &[u8]| {
            let arguments = vec![borrowed(signature), borrowed(&key), borrowed(body)];
            is_true(&call("bls12381", "bls12381_min_pk_verify", arguments).unwrap())
        };
        assert!(verify(&signature, &body));
        assert!(!verify(&signature, &body[1..]));
        assert!(!verify(&signature[1..], &body));
        checked += 1;
    }
    assert!(checked >= 5);
    // An infinite signature and key verify nothing.
    let infinite = |length: usize| [vec![0xc0], vec![0; length - 1]].concat();
    let arguments = vec![
        borrowed(&infinite(96)),
        borrowed(&infinite(48)),
        borrowed(b"m"),
    ];
    assert!(!is_true(
        &call("bls12381", "bls12381_min_pk_verify", arguments).unwrap()
    ));
}

#[test]
fn aggregate_of_uncompressed_keys_verifies_the_aggregate_signature() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/bls.json")).unwrap();
    let text = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let aggregate = &vectors["aggregate"];
    let mut points = Vec::new();
    for signer in aggregate["signers"].as_array().unwrap() {
        let key = text(&vectors["keys"][signer.as_u64().unwrap() as usize]["public_key_hex"]);
        let point = call("bls12381", "g1_from_bytes", vec![borrowed(&key)])
            .unwrap()
            .remove(0);
        points.push(
            call("bls12381", "g1_to_uncompressed_g1", vec![lend(point)])
                .unwrap()
                .remove(0),
        );
    }
    let sum = call(
        "bls12381",
        "uncompressed_g1_sum",
        vec![lend(Value::Vector(points))],
    )
    .unwrap()
    .remove(0);
    let key = call("bls12381", "uncompressed_g1_to_g1", vec![lend(sum)]).unwrap();
    let key = hex::decode(bytes_of(key)).unwrap();
    let signature = text(&aggregate["aggregate_signature_hex"]);
    let message = text(&aggregate["message_hex"]);
    let arguments = vec![borrowed(&signature), borrowed(&key), borrowed(&message)];
    assert!(is_true(
        &call("bls12381", "bls12381_min_pk_verify", arguments).unwrap()
    ));
    let empty = call(
        "bls12381",
        "uncompressed_g1_sum",
        vec![lend(Value::Vector(vec![]))],
    )
    .unwrap()
    .remove(0);
    let identity = call("bls12381", "uncompressed_g1_to_g1", vec![lend(empty)]).unwrap();
    assert_eq!(bytes_of(identity), format!("c0{}", "00".repeat(47)));
}

#[test]
fn group_operations() {
    let g1 = || element("g1_generator");
    let double = call("bls12381", "g1_add", vec![lend(g1()), lend(g1())]).unwrap();
    assert_eq!(
        bytes_of(double.clone()),
        "a572cbea904d67468808c8eb50a9450c9721db309128012543902d0ac358a62ae28f75bb8f1c7c42c39a8c5529bf0f4e"
    );
    let by_scalar = call("bls12381", "g1_mul", vec![lend(scalar(2)), lend(g1())]).unwrap();
    assert_eq!(bytes_of(by_scalar), bytes_of(double));
    let back = call(
        "bls12381",
        "g1_div",
        vec![lend(scalar(7)), {
            lend(
                call("bls12381", "g1_mul", vec![lend(scalar(7)), lend(g1())])
                    .unwrap()
                    .remove(0),
            )
        }],
    );
    assert_eq!(bytes_of(back.unwrap()), bytes_of(vec![g1()]));
    let error = call("bls12381", "g1_div", vec![lend(scalar(0)), lend(g1())]).unwrap_err();
    assert!(
        matches!(error, VmError::Abort { code: 1, location } if location.module == "group_ops")
    );
    let sum = call(
        "bls12381",
        "g1_multi_scalar_multiplication",
        vec![
            lend(Value::Vector(vec![scalar(3), scalar(4)])),
            lend(Value::Vector(vec![g1(), g1()])),
        ],
    );
    let seven = call("bls12381", "g1_mul", vec![lend(scalar(7)), lend(g1())]).unwrap();
    assert_eq!(bytes_of(sum.unwrap()), bytes_of(seven));
    let off_curve = call("bls12381", "g1_from_bytes", vec![borrowed(&[0xff; 48])]).unwrap_err();
    assert!(matches!(off_curve, VmError::Abort { code: 1, .. }));
}

#[test]
fn pairing_gives_the_generator_of_the_target_group_and_is_bilinear() {
    let (g1, g2) = (|| element("g1_generator"), || element("g2_generator"));
    let one = call("bls12381", "pairing", vec![lend(g1()), lend(g2())]).unwrap();
    assert_eq!(bytes_of(one), bytes_of(vec![element("gt_generator")]));
    let left = call("bls12381", "g1_mul", vec![lend(scalar(5)), lend(g1())])
        .unwrap()
        .remove(0);
    let right = call("bls12381", "g2_mul", vec![lend(scalar(6)), lend(g2())])
        .unwrap()
        .remove(0);
    let paired = call("bls12381", "pairing", vec![lend(left), lend(right)]).unwrap();
    let thirty = call(
        "bls12381",
        "gt_mul",
        vec![lend(scalar(30)), lend(element("gt_generator"))],
    )
    .unwrap();
    assert_eq!(bytes_of(paired), bytes_of(thirty));
    let zero = call(
        "bls12381",
        "gt_sub",
        vec![lend(element("gt_generator")), lend(element("gt_generator"))],
    )
    .unwrap();
    assert_eq!(bytes_of(zero), bytes_of(vec![element("gt_identity")]));
}

#[test]
fn hashing_to_a_group_agrees_with_the_signature_scheme() {
    // sk · H(m) is the signature of m: e(g1, sig) = e(pk, H(m)).
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/bls.json")).unwrap();
    let message = &vectors["messages"][0];
    let text = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let key =
        text(&vectors["keys"][message["signer"].as_u64().unwrap() as usize]["public_key_hex"]);
    let hashed = call(
        "bls12381",
        "hash_to_g2",
        vec![borrowed(&text(&message["message_hex"]))],
    )
    .unwrap()
    .remove(0);
    let key = call("bls12381", "g1_from_bytes", vec![borrowed(&key)])
        .unwrap()
        .remove(0);
    let signature = call(
        "bls12381",
        "g2_from_bytes",
        vec![borrowed(&text(&message["signature_hex"]))],
    )
    .unwrap()
    .remove(0);
    let left = call(
        "bls12381",
        "pairing",
        vec![lend(element("g1_generator")), lend(signature)],
    )
    .unwrap();
    let right = call("bls12381", "pairing", vec![lend(key), lend(hashed)]).unwrap();
    assert_eq!(bytes_of(left), bytes_of(right));
}

#[test]
fn ed25519_and_ecdsa_signatures() {
    use ed25519_dalek::Signer;
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let (public, signature) = (
        key.verifying_key().to_bytes(),
        key.sign(b"message").to_bytes(),
    );
    let verify = |message: &[u8]| {
        let arguments = vec![borrowed(&signature), borrowed(&public), borrowed(message)];
        is_true(&call("ed25519", "ed25519_verify", arguments).unwrap())
    };
    assert!(verify(b"message") && !verify(b"other"));

    use k256::ecdsa::signature::hazmat::PrehashSigner;
    use sha2::Digest;
    let key = k256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let digest = sha2::Sha256::digest(b"message");
    let (signature, recovery): (k256::ecdsa::Signature, k256::ecdsa::RecoveryId) =
        key.sign_prehash(&digest).unwrap();
    let public = key
        .verifying_key()
        .to_encoded_point(true)
        .as_bytes()
        .to_vec();
    let mut recoverable = signature.to_bytes().to_vec();
    let arguments = vec![
        borrowed(&recoverable),
        borrowed(&public),
        borrowed(b"message"),
        Argument::Value(Value::U8(1)),
    ];
    assert!(is_true(
        &call("ecdsa_k1", "secp256k1_verify", arguments).unwrap()
    ));
    recoverable.push(recovery.to_byte());
    let arguments = vec![
        borrowed(&recoverable),
        borrowed(b"message"),
        Argument::Value(Value::U8(1)),
    ];
    assert_eq!(
        bytes_of(call("ecdsa_k1", "secp256k1_ecrecover", arguments).unwrap()),
        hex::encode(&public)
    );
    let arguments = vec![
        borrowed(&recoverable[1..]),
        borrowed(b"message"),
        Argument::Value(Value::U8(1)),
    ];
    assert!(matches!(
        call("ecdsa_k1", "secp256k1_ecrecover", arguments),
        Err(VmError::Abort { code: 1, .. })
    ));
}
