//! Functions of the framework that compute, run in the machine; and its modules as the machine reads them.

use crate::support::{framework_modules, id, run, tag, u64_of};
use sui_devchain_vm::{NativeTable, Value, VmError, package::Module};

#[test]
fn every_framework_module_is_written_as_it_was_read() {
    for (_, name, bytes) in framework_modules() {
        let module = Module::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(module.name(), name);
        assert!(module.to_bytes() == bytes, "{name}");
    }
}

#[test]
fn integer_functions() {
    assert_eq!(
        u64_of(&run((1, "u64", "sqrt"), &[], vec![Value::U64(1_000_001)]).unwrap()),
        1000
    );
    assert_eq!(
        u64_of(&run((1, "u64", "pow"), &[], vec![Value::U64(3), Value::U8(20)]).unwrap()),
        3_486_784_401
    );
    let error = run((1, "u64", "pow"), &[], vec![Value::U64(10), Value::U8(40)]).unwrap_err();
    let VmError::Primitive {
        location: Some(location),
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (location.module.as_str(), location.function_name.as_str()),
        ("u64", "pow")
    );
}

#[test]
fn hex_and_strings() {
    let encoded = run(
        (2, "hex", "encode"),
        &[],
        vec![Value::Bytes(vec![0xde, 0xad])],
    )
    .unwrap();
    assert!(matches!(&encoded[..], [Value::Bytes(bytes)] if bytes == b"dead"));
    let error = run(
        (2, "hex", "decode"),
        &[],
        vec![Value::Bytes(b"abc".to_vec())],
    )
    .unwrap_err();
    assert!(
        matches!(error, VmError::Abort { code: 0, location } if location.module == "hex" && location.package == id(2))
    );
    let text = run(
        (1, "string", "utf8"),
        &[],
        vec![Value::Bytes("grüße".into())],
    )
    .unwrap();
    assert!(
        matches!(&text[..], [Value::Struct(fields)] if matches!(&fields[..], [Value::Bytes(_)]))
    );
    assert!(matches!(
        run((1, "string", "utf8"), &[], vec![Value::Bytes(vec![0xff])]),
        Err(VmError::Abort { code: 1, .. })
    ));
}

#[test]
fn type_names_are_full_and_without_prefix() {
    let name = run(
        (1, "type_name", "with_defining_ids"),
        &[tag("0x2::coin::Coin<0x2::sui::SUI>")],
        vec![],
    )
    .unwrap();
    let Value::Struct(fields) = &name[0] else {
        panic!()
    };
    let Value::Struct(fields) = &fields[0] else {
        panic!()
    };
    let zeros = "0".repeat(63);
    let expected = format!("{zeros}2::coin::Coin<{zeros}2::sui::SUI>");
    assert!(matches!(&fields[0], Value::Bytes(bytes) if *bytes == expected.as_bytes()));
}

#[test]
fn only_the_optional_natives_are_missing() {
    let mut missing: Vec<String> = framework_modules()
        .into_iter()
        .flat_map(|(address, name, bytes)| {
            let module = Module::parse(&bytes).unwrap();
            let natives = NativeTable::sui().missing_in(&module);
            natives
                .into_iter()
                .map(move |native| format!("{}::{name}::{native}", u8::from(address == id(2)) + 1))
        })
        .collect();
    let proofs = [
        "2::ecvrf::ecvrf_verify",
        "2::groth16::prepare_verifying_key_internal",
        "2::groth16::verify_groth16_proof_internal",
        "2::poseidon::poseidon_bn254_internal",
        "2::zklogin_verified_id::check_zklogin_id_internal",
        "2::zklogin_verified_issuer::check_zklogin_issuer_internal",
    ];
    let never = [
        "2::nitro_attestation::load_nitro_attestation_internal",
        "2::vdf::hash_to_input_internal",
        "2::vdf::vdf_verify_internal",
    ];
    let without_proofs = proofs.iter().filter(|_| !cfg!(feature = "proof-natives"));
    let mut expected: Vec<&str> = without_proofs.chain(&never).copied().collect();
    expected.sort_unstable();
    missing.sort_unstable();
    assert_eq!(missing, expected);
}
