//! What instructions and natives cost in internal units, row by row as in devchain spec 2.10 and appendix D. The bodies of
//! the functions that are called are in `tests/move/meter`.

use std::{collections::BTreeMap, sync::Arc};

use crate::support::{World, artifact_modules, framework, id, linkage, package, session};
use sui_devchain_vm::{Argument, LinkageEntry, Slot, Value, Vm, VmError, package::Module};
use sui_sdk_types::{Address, TypeTag};

/// One executed instruction: values pushed, bytes pushed.
type Instruction = (u64, u64);

/// `MOVE_LOC` of anything.
const MOVE: Instruction = (1, 8);
/// RET, CALL, POP, ABORT and the vector instructions that push nothing.
const PLAIN: Instruction = (0, 0);
const ARITHMETIC: Instruction = (1, 32);
const COMPARISON: Instruction = (1, 1);
/// Borrows, FREEZE_REF, VEC_LEN, VEC_PACK.
const REFERENCE: Instruction = (1, 8);
const PACK: Instruction = (1, 2);

/// `I + B + P` with all factors one.
fn cost(instructions: &[Instruction]) -> u64 {
    let each = instructions
        .iter()
        .map(|(pushed, bytes)| 1 + pushed + bytes);
    each.sum()
}

/// A native, its arguments, and what it costs by itself.
type Row = (Target, Vec<Argument>, u64);
/// Package, module, function.
type Target = (u64, &'static str, &'static str);

const METER: u64 = 0x9999;

fn world() -> World {
    let mut world = framework();
    let modules: Vec<Vec<u8>> = artifact_modules(include_str!("../move/artifacts/meter.json"))
        .into_iter()
        .map(|(_, _, bytes)| {
            let mut module = Module::parse(&bytes).unwrap();
            module.set_self_address(id(METER));
            module.to_bytes()
        })
        .collect();
    let linked: BTreeMap<_, _> = [1, 2]
        .map(|number| {
            let entry = LinkageEntry {
                storage_id: id(number),
                version: 1,
            };
            (id(number), entry)
        })
        .into();
    world
        .packages
        .insert(id(METER), Arc::new(package(id(METER), &modules, linked)));
    world
}

/// Internal units of one call, and whether it returned.
fn measured(
    world: &World,
    (package, module, function): (u64, &str, &str),
    types: &[TypeTag],
    arguments: Vec<Argument>,
) -> (u64, Result<Vec<Value>, VmError>) {
    let vm = Vm::default();
    let mut session = session(&vm, world, Some(5_000_000_000));
    let linked = linkage(world);
    let returned = session.call(&linked, id(package), module, function, types, arguments);
    (session.gas_used(), returned)
}

fn given(value: Value) -> Argument {
    Argument::Value(value)
}

fn lent(value: Value) -> Argument {
    Argument::Borrow(Slot::new(value))
}

fn number(value: u64) -> Argument {
    given(Value::U64(value))
}

fn numbers(values: &[u64]) -> Value {
    Value::Vector(values.iter().copied().map(Value::U64).collect())
}

fn bytes(length: usize) -> Value {
    Value::Bytes(vec![b'a'; length])
}

#[test]
fn every_kind_of_instruction_costs_what_the_table_says() {
    let world = world();
    let truth = || given(Value::Bool(true));
    let pair = || lent(Value::Struct(vec![Value::U64(1), Value::Bool(true)]));
    let rows: Vec<(&str, Vec<Argument>, Vec<Instruction>)> = vec![
        ("nothing", vec![], vec![PLAIN]),
        ("load_u8", vec![], vec![(1, 1), PLAIN]),
        ("load_u64", vec![], vec![(1, 8), PLAIN]),
        ("load_u256", vec![], vec![(1, 32), PLAIN]),
        ("load_bool", vec![], vec![(1, 1), PLAIN]),
        // The serialised length: five bytes behind one for their number.
        ("load_constant", vec![], vec![(1, 6), PLAIN]),
        (
            "add",
            vec![number(1), number(2)],
            vec![MOVE, MOVE, ARITHMETIC, PLAIN],
        ),
        (
            "xor",
            vec![given(Value::U8(1)), given(Value::U8(2))],
            vec![MOVE, MOVE, ARITHMETIC, PLAIN],
        ),
        (
            "shift",
            vec![number(1), given(Value::U8(2))],
            vec![MOVE, MOVE, ARITHMETIC, PLAIN],
        ),
        (
            "less",
            vec![number(1), number(2)],
            vec![MOVE, MOVE, COMPARISON, PLAIN],
        ),
        ("not", vec![truth()], vec![MOVE, COMPARISON, PLAIN]),
        ("cast", vec![number(1)], vec![MOVE, (1, 16), PLAIN]),
        (
            "copy_local",
            vec![given(Value::U256(3u8.into()))],
            vec![(1, 32), MOVE, ARITHMETIC, PLAIN],
        ),
        // Both operands, through the references: a vector is eight bytes and its elements.
        (
            "equal",
            vec![lent(bytes(20)), lent(bytes(30))],
            vec![MOVE, MOVE, (1, 1 + 28 + 38), PLAIN],
        ),
        (
            "unequal",
            vec![number(1), number(2)],
            vec![MOVE, MOVE, (1, 1 + 16), PLAIN],
        ),
        (
            "read",
            vec![lent(numbers(&[1, 2, 3]))],
            vec![MOVE, (1, 8 + 24), PLAIN],
        ),
        (
            "write",
            vec![lent(Value::U64(1))],
            vec![(1, 8), MOVE, (0, 8), PLAIN],
        ),
        (
            "freeze_reference",
            vec![lent(Value::U64(1))],
            vec![MOVE, REFERENCE, PLAIN],
        ),
        (
            "pack",
            vec![number(1), truth()],
            vec![MOVE, MOVE, PACK, PLAIN],
        ),
        (
            "pack_variant",
            vec![number(1), truth()],
            vec![MOVE, MOVE, PACK, PLAIN],
        ),
        ("field", vec![pair()], vec![MOVE, REFERENCE, PLAIN]),
        (
            "length",
            vec![lent(numbers(&[1]))],
            vec![MOVE, REFERENCE, PLAIN],
        ),
        (
            "element",
            vec![lent(numbers(&[1])), number(0)],
            vec![MOVE, MOVE, REFERENCE, PLAIN],
        ),
        (
            "push",
            vec![lent(numbers(&[1])), number(0)],
            vec![MOVE, MOVE, PLAIN, PLAIN],
        ),
        ("pop", vec![lent(numbers(&[1]))], vec![MOVE, (1, 0), PLAIN]),
        (
            "swap",
            vec![lent(numbers(&[1, 2])), number(0), number(1)],
            vec![MOVE, MOVE, MOVE, PLAIN, PLAIN],
        ),
        (
            "list",
            vec![number(1), number(2)],
            vec![MOVE, MOVE, REFERENCE, PLAIN],
        ),
        ("call", vec![], vec![PLAIN, PLAIN, PLAIN]),
        ("stop", vec![], vec![(1, 8), PLAIN]),
    ];
    let mut wrong = Vec::new();
    for (function, arguments, instructions) in rows {
        let (units, returned) = measured(&world, (METER, "meter", function), &[], arguments);
        assert_eq!(returned.is_ok(), function != "stop", "{function}");
        if units != cost(&instructions) {
            wrong.push((function, units, cost(&instructions)));
        }
    }
    assert_eq!(wrong, []);
}

/// On top of CALL: one more instruction that pushes the results, and the native's own cost.
#[test]
fn a_native_costs_an_instruction_for_its_results_and_its_own() {
    let world = world();
    let (units, returned) = measured(
        &world,
        (METER, "meter", "hash"),
        &[],
        vec![lent(bytes(100))],
    );
    returned.unwrap();
    let instructions = [MOVE, PLAIN, (1, 8 + 32), PLAIN];
    assert_eq!(units, cost(&instructions) + 10 + 2 * 100);
}

fn element(world: &World, function: &str) -> Value {
    let target = (2, "bls12381", function);
    match measured(world, target, &[], vec![]).1.unwrap().remove(0) {
        Value::Struct(mut fields) => fields.remove(0),
        other => panic!("{other:?}"),
    }
}

/// A native that is called directly: no CALL.
fn own_cost(
    world: &World,
    target: (u64, &str, &str),
    types: &[TypeTag],
    arguments: Vec<Argument>,
) -> u64 {
    let (units, returned) = measured(world, target, types, arguments);
    let results = returned.unwrap_or_else(|error| panic!("{target:?}: {error}"));
    let size: u64 = results.iter().map(size_of).sum();
    units - cost(&[(results.len() as u64, size)])
}

/// Sizes of devchain spec 2.10.
fn size_of(value: &Value) -> u64 {
    match value {
        Value::Bool(_) | Value::U8(_) => 1,
        Value::U16(_) => 2,
        Value::U32(_) => 4,
        Value::U64(_) | Value::Reference(_) => 8,
        Value::U128(_) => 16,
        Value::U256(_) | Value::Address(_) => 32,
        Value::Bytes(bytes) => 8 + bytes.len() as u64,
        Value::Vector(items) => 8 + items.iter().map(size_of).sum::<u64>(),
        Value::Struct(items) | Value::Variant(_, items) => {
            2 + items.iter().map(size_of).sum::<u64>()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn getters_ids_and_strings_cost_what_the_appendix_says() {
    let world = world();
    let one = Value::Address(Address::TWO);
    let digest = || given(Value::Bytes(vec![7; 32]));
    let rows: Vec<Row> = vec![
        ((2, "tx_context", "native_sender"), vec![], 30),
        ((2, "tx_context", "native_epoch"), vec![], 30),
        ((2, "tx_context", "native_epoch_timestamp_ms"), vec![], 30),
        ((2, "tx_context", "native_rgp"), vec![], 30),
        ((2, "tx_context", "native_gas_price"), vec![], 30),
        ((2, "tx_context", "native_gas_budget"), vec![], 30),
        ((2, "tx_context", "native_ids_created"), vec![], 30),
        ((2, "tx_context", "native_sponsor"), vec![], 30),
        ((2, "tx_context", "fresh_id"), vec![], 52),
        (
            (2, "tx_context", "derive_id"),
            vec![digest(), number(1)],
            52,
        ),
        ((2, "address", "to_u256"), vec![given(one.clone())], 52),
        ((2, "object", "delete_impl"), vec![given(one.clone())], 52),
        ((2, "object", "record_new_uid"), vec![given(one)], 52),
        ((1, "hash", "sha2_256"), vec![given(bytes(50))], 52 + 100),
        ((1, "hash", "sha3_256"), vec![given(bytes(50))], 52 + 100),
        ((2, "hash", "blake2b256"), vec![lent(bytes(50))], 10 + 100),
        ((2, "hash", "keccak256"), vec![lent(bytes(50))], 10 + 100),
        (
            (2, "hmac", "hmac_sha3_256"),
            vec![lent(bytes(20)), lent(bytes(30))],
            52 + 100,
        ),
        // Eight bytes for the vector itself.
        (
            (1, "string", "internal_check_utf8"),
            vec![lent(bytes(50))],
            52 + 116,
        ),
    ];
    for (target, arguments, expected) in rows {
        assert_eq!(
            own_cost(&world, target, &[], arguments),
            expected,
            "{target:?}"
        );
    }
    let named = (1, "type_name", "with_defining_ids");
    let text = "u64".len() as u64;
    assert_eq!(
        own_cost(&world, named, &[TypeTag::U64], vec![]),
        52 + 2 * text
    );
    let encode = (1, "bcs", "to_bytes");
    let cost = own_cost(&world, encode, &[TypeTag::U64], vec![lent(Value::U64(1))]);
    assert_eq!(cost, 52 + 2 * 8);
}

#[test]
fn signatures_and_curves_cost_what_the_appendix_says() {
    let world = world();
    let kind = |kind: u8| given(Value::U8(kind));
    let (scalar, g1, g2, gt) = (
        element(&world, "scalar_one"),
        element(&world, "g1_generator"),
        element(&world, "g2_generator"),
        element(&world, "gt_generator"),
    );
    let text = || lent(bytes(5));
    let group = |function: &'static str| (2, "group_ops", function);
    let uncompressed = {
        let convert = vec![kind(1), kind(4), lent(g1.clone())];
        let (_, converted) = measured(&world, group("internal_convert"), &[], convert);
        converted.unwrap().remove(0)
    };
    let two = |kind_of: u8, left: &Value, right: &Value| {
        vec![kind(kind_of), lent(left.clone()), lent(right.clone())]
    };
    let rows: Vec<Row> = vec![
        (
            (2, "bls12381", "bls12381_min_pk_verify"),
            vec![lent(bytes(96)), lent(bytes(48)), text()],
            49_282 + 10,
        ),
        (
            (2, "bls12381", "bls12381_min_sig_verify"),
            vec![lent(bytes(48)), lent(bytes(96)), text()],
            44_064 + 10,
        ),
        (
            (2, "ed25519", "ed25519_verify"),
            vec![lent(bytes(64)), lent(bytes(32)), text()],
            1_802 + 10,
        ),
        (
            (2, "ecdsa_k1", "secp256k1_verify"),
            vec![lent(bytes(64)), lent(bytes(33)), text(), kind(1)],
            1_470 + 10,
        ),
        (
            (2, "ecdsa_r1", "secp256r1_verify"),
            vec![lent(bytes(64)), lent(bytes(33)), text(), kind(1)],
            4_225 + 10,
        ),
        (group("internal_add"), two(1, &g1, &g1), 1_556),
        (group("internal_add"), two(2, &g2, &g2), 3_048),
        (group("internal_sub"), two(3, &gt, &gt), 1_556),
        (group("internal_mul"), two(1, &scalar, &g1), 4_842),
        (group("internal_mul"), two(2, &scalar, &g2), 9_108),
        (group("internal_div"), two(1, &scalar, &g1), 4_842),
        (group("internal_pairing"), two(1, &g1, &g2), 26_897),
        (group("internal_hash_to"), vec![kind(1), text()], 2_962 + 10),
        (group("internal_hash_to"), vec![kind(2), text()], 8_688 + 10),
        (
            group("internal_multi_scalar_mul"),
            two(1, &scalar, &g1),
            62_648,
        ),
        (
            group("internal_multi_scalar_mul"),
            two(2, &scalar, &g2),
            131_192,
        ),
        (
            group("internal_convert"),
            vec![kind(1), kind(4), lent(g1.clone())],
            2_099,
        ),
        (
            group("internal_convert"),
            vec![kind(4), kind(1), lent(uncompressed.clone())],
            677,
        ),
        (
            group("internal_sum"),
            vec![kind(4), lent(Value::Vector(vec![uncompressed; 3]))],
            77 + 3 * 26,
        ),
    ];
    for (target, arguments, expected) in rows {
        assert_eq!(
            own_cost(&world, target, &[], arguments),
            expected,
            "{target:?}"
        );
    }
}
