//! The natives of groth16, poseidon, ecvrf and zkLogin against published vectors, called through the framework's Move
//! functions.

use crate::support::{framework, id, linkage, session};
use ethnum::U256;
use serde_json::json;
use sui_devchain_vm::{Argument, Slot, Value, Vm, VmError};
use sui_sdk_types::Address;

fn measured(
    module: &str,
    function: &str,
    arguments: Vec<Argument>,
) -> (Result<Vec<Value>, VmError>, u64) {
    let (vm, world) = (Vm::default(), framework());
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let result = session.call(&linkage(&world), id(2), module, function, &[], arguments);
    (result, session.gas_used())
}

fn call(module: &str, function: &str, arguments: Vec<Argument>) -> Result<Vec<Value>, VmError> {
    measured(module, function, arguments).0
}

fn lend(value: Value) -> Argument {
    Argument::Borrow(Slot::new(value))
}

fn lend_bytes(bytes: &[u8]) -> Argument {
    lend(Value::Bytes(bytes.to_vec()))
}

fn bytes(value: &serde_json::Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn truth(result: Result<Vec<Value>, VmError>) -> bool {
    match result.unwrap().as_slice() {
        [Value::Bool(truth)] => *truth,
        other => panic!("a bool expected, got {other:?}"),
    }
}

#[track_caller]
fn aborts(result: Result<Vec<Value>, VmError>, expected: u64) {
    match result {
        Err(VmError::Abort { code, .. }) => assert_eq!(code, expected),
        other => panic!("abort {expected} expected, got {other:?}"),
    }
}

/// A struct that wraps one value: `Curve`, `PublicProofInputs`, `ProofPoints`.
fn wrapped(value: Value) -> Argument {
    lend(Value::Struct(vec![value]))
}

fn curve(vector: &serde_json::Value) -> u8 {
    u8::try_from(vector["curve"].as_u64().unwrap()).unwrap()
}

fn prepare(curve: u8, key: &[u8]) -> Result<Vec<Value>, VmError> {
    let arguments = vec![wrapped(Value::U8(curve)), lend_bytes(key)];
    call("groth16", "prepare_verifying_key", arguments)
}

fn prepared(vector: &serde_json::Value) -> Vec<Vec<u8>> {
    let parts = vector["prepared"].as_array().unwrap();
    parts.iter().map(bytes).collect()
}

fn verify(curve: u8, key: &[Vec<u8>], inputs: &[u8], proof: &[u8]) -> Result<Vec<Value>, VmError> {
    let key = key.iter().cloned().map(Value::Bytes).collect();
    let arguments = vec![
        wrapped(Value::U8(curve)),
        lend(Value::Struct(key)),
        wrapped(Value::Bytes(inputs.to_vec())),
        wrapped(Value::Bytes(proof.to_vec())),
    ];
    call("groth16", "verify_groth16_proof", arguments)
}

fn groth16() -> serde_json::Value {
    serde_json::from_str(include_str!("../vectors/groth16.json")).unwrap()
}

#[test]
fn verifying_keys_are_prepared() {
    for vector in groth16()["prepare"].as_array().unwrap() {
        let (curve, key) = (curve(vector), bytes(&vector["key"]));
        let parts = prepared(vector).into_iter().map(Value::Bytes).collect();
        let expected = [Value::Struct(parts)];
        assert_eq!(
            format!("{:?}", prepare(curve, &key).unwrap()),
            format!("{expected:?}")
        );
        aborts(prepare(curve, &[]), 0);
        aborts(prepare(curve, &key[..key.len() - 1]), 0);
        aborts(prepare(2, &key), 1);
        // A number of points that nobody has memory for.
        let points = 2 * if curve == 0 { 48 } else { 32 };
        let count = key.len() - points - 8;
        let mut hostile = key.clone();
        hostile[count..count + 8].fill(0xff);
        aborts(prepare(curve, &hostile), 0);
        // One library of the public network reads to the end, the other one stops behind the last point.
        let longer = [key.as_slice(), &[0]].concat();
        match curve {
            0 => aborts(prepare(curve, &longer), 0),
            _ => assert!(prepare(curve, &longer).is_ok()),
        }
    }
}

#[test]
fn proofs_are_verified() {
    for vector in groth16()["verify"].as_array().unwrap() {
        let (curve, key) = (curve(vector), prepared(vector));
        let (inputs, proof) = (bytes(&vector["inputs"]), bytes(&vector["proof"]));
        assert!(truth(verify(curve, &key, &inputs, &proof)));
        let mut other = inputs.clone();
        other[0] ^= 1;
        assert!(!truth(verify(curve, &key, &other, &proof)), "other inputs");
        assert!(!truth(verify(curve, &key, &[], &proof)), "no inputs");
        assert!(!truth(verify(curve, &key, &inputs, &[0x4a])), "no proof");
        let mut swapped = key.clone();
        swapped.swap(2, 3);
        assert!(
            !truth(verify(curve, &swapped, &inputs, &proof)),
            "gamma and delta"
        );
        for part in 0..4 {
            let mut short = key.clone();
            short[part].pop();
            assert!(
                !truth(verify(curve, &short, &inputs, &proof)),
                "short part {part}"
            );
        }
        assert!(
            !truth(verify(1 - curve, &key, &inputs, &proof)),
            "other curve"
        );
        aborts(verify(7, &key, &inputs, &proof), 1);
        aborts(verify(curve, &key, &[0; 9 * 32], &proof), 2);
        let mut unreduced = inputs.clone();
        unreduced[..32].fill(0xff);
        assert!(
            !truth(verify(curve, &key, &unreduced, &proof)),
            "not canonical"
        );
    }
}

fn poseidon(inputs: &[U256]) -> Result<Vec<Value>, VmError> {
    let inputs = inputs.iter().copied().map(Value::U256).collect();
    call(
        "poseidon",
        "poseidon_bn254",
        vec![lend(Value::Vector(inputs))],
    )
}

#[test]
fn poseidon_hashes_one_to_sixteen_numbers() {
    let vectors = json!({
        "1": "18586133768512220936620570745912940619677854269274689475585506675881198879027",
        "2": "7853200120776062878684798364095072458815029376092732009249414926327459813530",
        "15": "4203130618016961831408770638653325366880478848856764494148034853759773445968",
        "16": "9989051620750914585850546081941653841776809718687451684622678807385399211877",
    });
    for (count, expected) in vectors.as_object().unwrap() {
        let inputs: Vec<U256> = (1..=count.parse().unwrap()).map(U256::new).collect();
        match poseidon(&inputs).unwrap().as_slice() {
            [Value::U256(hash)] => assert_eq!(hash.to_string(), expected.as_str().unwrap()),
            other => panic!("a number expected, got {other:?}"),
        }
    }
    aborts(poseidon(&[]), 1);
    aborts(poseidon(&[U256::ONE; 17]), 2);
    aborts(poseidon(&[U256::MAX]), 0);
}

#[test]
fn random_outputs_are_verified() {
    let vectors = [(
        "4fad431c7402fa1d4a7652e975aeb9a2b746540eca0b1b1e59c8d19c14a7701918a8249136e355455b8bc73851f7fc62c84f2e39f685b281e681043970026ed8",
        "Hello, world!".as_bytes(),
        "1ea6f0f467574295a2cd5d21a3fd3a712ade354d520d3bd0fe6088d7b7c2e00e",
        "d8ad2eafb4f2eaf317447726e541359f26dfce248431fe09984fdc73144abb6ceb006c57a29a742eae5a81dd04239870769e310a81046cbbaff8b0bd27a6d6affee167ebba50549b58ffdf9aa192f506",
    )];
    for (output, input, key, proof) in vectors {
        let [output, key, proof] = [output, key, proof].map(|text| hex::decode(text).unwrap());
        let verify = |output: &[u8], input: &[u8], key: &[u8], proof: &[u8]| {
            let arguments = [output, input, key, proof].map(lend_bytes);
            call("ecvrf", "ecvrf_verify", arguments.into())
        };
        assert!(truth(verify(&output, input, &key, &proof)));
        assert!(!truth(verify(&[7; 64], input, &key, &proof)));
        assert!(!truth(verify(&output, b"Hello", &key, &proof)));
        // The identity is no key.
        assert!(!truth(verify(&output, input, &[0; 32], &proof)));
        // The challenge is an argument of its own, and the scalar comes after it.
        let mut other = proof.clone();
        other[40] ^= 1;
        assert!(!truth(verify(&output, input, &key, &other)));
        aborts(verify(&output[1..], input, &key, &proof), 1);
        aborts(verify(&output, input, &[0xff; 32], &proof), 2);
        aborts(verify(&output, input, &key[1..], &proof), 2);
        aborts(verify(&output, input, &key, &proof[1..]), 3);
        let mut unreduced = proof.clone();
        unreduced[48..].fill(0xff);
        aborts(verify(&output, input, &key, &unreduced), 3);
    }
}

#[test]
fn zklogin_issuers_are_checked() {
    let address = "0x1c6b623a2f2c91333df730c98d220f11484953b391a3818680f922c264cc0c6b";
    let address: Address = address.parse().unwrap();
    let seed = "3006596378422062745101035755700472756930796952630484939867684134047976874601";
    let seed: U256 = seed.parse().unwrap();
    let check = |address: Address, seed: U256, issuer: &str| {
        let arguments = vec![
            Argument::Value(Value::Address(address)),
            Argument::Value(Value::U256(seed)),
            wrapped(Value::Bytes(issuer.into())),
        ];
        truth(call(
            "zklogin_verified_issuer",
            "check_zklogin_issuer",
            arguments,
        ))
    };
    let issuer = "https://accounts.google.com";
    assert!(check(address, seed, issuer));
    assert!(!check(id(7), seed, issuer));
    assert!(!check(address, U256::new(1234), issuer));
    assert!(!check(address, seed, "https://other.issuer.com"));
}

/// What a wrapper in Move costs beside the native: the same call with a native that costs something else.
#[test]
fn costs_are_those_of_the_protocol_configuration() {
    let cost = |module, function, arguments| measured(module, function, arguments).1;
    let key = |length| vec![wrapped(Value::U8(0)), lend_bytes(&vec![0; length])];
    let other = |length| vec![wrapped(Value::U8(1)), lend_bytes(&vec![0; length])];
    let unknown = |length| vec![wrapped(Value::U8(2)), lend_bytes(&vec![0; length])];
    let prepare = |arguments| cost("groth16", "prepare_verifying_key", arguments);
    assert_eq!(prepare(key(9)) - prepare(unknown(9)), 53_838 - 100);
    assert_eq!(prepare(other(9)) - prepare(unknown(9)), 82_010 - 100);
    let verify = |curve, inputs: usize| {
        let arguments = vec![
            wrapped(Value::U8(curve)),
            lend(Value::Struct(vec![Value::Bytes(Vec::new()); 4])),
            wrapped(Value::Bytes(vec![0; inputs * 32])),
            wrapped(Value::Bytes(Vec::new())),
        ];
        cost("groth16", "verify_groth16_proof", arguments)
    };
    assert_eq!(verify(0, 3) - verify(0, 1), 2 * (8_213 + 64));
    assert_eq!(verify(1, 3) - verify(1, 1), 2 * (9_484 + 64));
    assert_eq!(verify(1, 0) - verify(0, 0), 115_502 - 72_090);
    let ecvrf = |input: usize| {
        let arguments = vec![
            lend_bytes(&[0; 64]),
            lend_bytes(&vec![0; input]),
            lend_bytes(&[0; 32]),
            lend_bytes(&[0; 80]),
        ];
        cost("ecvrf", "ecvrf_verify", arguments)
    };
    assert_eq!(ecvrf(128) - ecvrf(0), 2 * 128 + 2);
    assert_eq!(ecvrf(129) - ecvrf(128), 4);
}
