//! Functions of the framework run in the machine.

use crate::support::{framework, framework_modules, id, linkage, run, session};
use sui_devchain_vm::{
    Argument, NativeTable, Slot, Value, Vm, VmError,
    object_runtime::{InputOwner, NewOwner},
    package::Module,
};
use sui_sdk_types::{Address, TypeTag};

fn tag(text: &str) -> TypeTag {
    text.parse().unwrap()
}

fn u64_of(values: &[Value]) -> u64 {
    match values {
        [Value::U64(value)] => *value,
        other => panic!("u64 expected, got {other:?}"),
    }
}

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
fn coins_are_minted_from_balances_split_and_transferred() {
    let (vm, world) = (Vm::default(), framework());
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let link = linkage(&world);
    let sui = tag("0x2::sui::SUI");
    let coin_type = session
        .load_type(&tag("0x2::coin::Coin<0x2::sui::SUI>"))
        .unwrap();
    let mut bytes = id(0xc0).as_bytes().to_vec();
    bytes.extend_from_slice(&1000u64.to_le_bytes());
    let coin = session.deserialize(&coin_type, &bytes).unwrap();
    session.declare_input(id(0xc0), InputOwner::Address);
    let slot = Slot::new(coin);
    let arguments = vec![
        Argument::Borrow(slot.clone()),
        Argument::Value(Value::U64(300)),
        Argument::TxContext,
    ];
    let part = session
        .call(
            &link,
            id(2),
            "coin",
            "split",
            std::slice::from_ref(&sui),
            arguments,
        )
        .unwrap()
        .remove(0);
    let new_id = part.object_id().unwrap();
    assert_eq!(
        new_id.to_string(),
        "0x034401905bebdf8c04f3cd5f04f442a39372c8dc321c29edfb4f9cb30b23ab96"
    );
    session
        .call(
            &link,
            id(2),
            "transfer",
            "public_transfer",
            &[tag("0x2::coin::Coin<0x2::sui::SUI>")],
            vec![
                Argument::Value(part),
                Argument::Value(Value::Address(id(0x77))),
            ],
        )
        .unwrap();
    let rest = session.serialize(&coin_type, &slot.get()).unwrap();
    assert_eq!(&rest[32..], 700u64.to_le_bytes());
    let error = session
        .call(
            &link,
            id(2),
            "coin",
            "split",
            &[sui],
            vec![
                Argument::Borrow(slot),
                Argument::Value(Value::U64(701)),
                Argument::TxContext,
            ],
        )
        .unwrap_err();
    assert!(
        matches!(error, VmError::Abort { code: 2, location } if location.module == "balance"),
        "not enough"
    );
    let changes = session.finish().unwrap();
    assert_eq!(changes.written[&new_id].owner, NewOwner::Address(id(0x77)));
    assert!(changes.written[&new_id].has_public_transfer);
    assert!(changes.new_ids.contains(&new_id));
}

#[test]
fn tables_store_dynamic_fields_as_children() {
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let types = [tag("u64"), tag("u64")];
    let (table_id, contents);
    {
        let mut session = session(&vm, &world, Some(5_000_000_000));
        let table = session
            .call(
                &link,
                id(2),
                "table",
                "new",
                &types,
                vec![Argument::TxContext],
            )
            .unwrap()
            .remove(0);
        let slot = Slot::new(table);
        for key in 0..5 {
            let arguments = vec![
                Argument::Borrow(slot.clone()),
                Argument::Value(Value::U64(key)),
                Argument::Value(Value::U64(key * 10)),
            ];
            session
                .call(&link, id(2), "table", "add", &types, arguments)
                .unwrap();
        }
        let arguments = vec![
            Argument::Borrow(slot.clone()),
            Argument::Value(Value::U64(4)),
            Argument::Value(Value::U64(1)),
        ];
        let error = session
            .call(&link, id(2), "table", "add", &types, arguments)
            .unwrap_err();
        assert!(
            matches!(error, VmError::Abort { code: 0, location } if location.module == "dynamic_field")
        );
        let arguments = vec![
            Argument::Borrow(slot.clone()),
            Argument::Value(Value::U64(3)),
        ];
        assert_eq!(
            u64_of(
                &session
                    .call(&link, id(2), "table", "remove", &types, arguments)
                    .unwrap()
            ),
            30
        );
        table_id = slot.get().object_id().unwrap();
        let changes = session.finish().unwrap();
        assert_eq!(changes.children.len(), 4);
        contents = changes.children;
    }
    for (child, written) in contents {
        let expected = table_id.derive_dynamic_child_id(&TypeTag::U64, &written.contents[32..40]);
        assert_eq!((child, written.parent), (expected, table_id));
        let object = sui_devchain_vm::StoredObject {
            object_type: written.object_type,
            version: 3,
            contents: written.contents,
        };
        world
            .objects
            .lock()
            .unwrap()
            .insert(child, (table_id, object));
    }
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let table = Value::Struct(vec![
        Value::Struct(vec![Value::Struct(vec![Value::Address(table_id)])]),
        Value::U64(4),
    ]);
    let slot = Slot::new(table);
    let key = |key| {
        vec![
            Argument::Borrow(slot.clone()),
            Argument::Value(Value::U64(key)),
        ]
    };
    let read = session
        .call(&link, id(2), "table", "borrow", &types, key(2))
        .unwrap();
    let u64_type = session.load_type(&TypeTag::U64).unwrap();
    assert_eq!(
        session.serialize(&u64_type, &read[0]).unwrap(),
        20u64.to_le_bytes()
    );
    let error = session
        .call(&link, id(2), "table", "borrow", &types, key(3))
        .unwrap_err();
    assert!(
        matches!(error, VmError::Abort { code: 1, location } if location.module == "dynamic_field")
    );
    let wrong = [tag("u64"), tag("u8")];
    let error = session
        .call(&link, id(2), "table", "borrow", &wrong, key(2))
        .unwrap_err();
    assert!(matches!(error, VmError::Abort { code: 2, .. }));
    session
        .call(&link, id(2), "table", "remove", &types, key(0))
        .unwrap();
    let changes = session.finish().unwrap();
    assert!(
        changes.children.is_empty(),
        "a read child is not written: {:?}",
        changes.children
    );
    let removed: Vec<_> = changes
        .loaded_children
        .values()
        .filter(|child| child.removed)
        .collect();
    assert_eq!(
        (
            changes.loaded_children.len(),
            removed.len(),
            removed[0].version
        ),
        (2, 1, 3)
    );
}

#[test]
fn system_objects_are_created_and_the_clock_moves() {
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let mut session = session(&vm, &world, None);
    let error = session
        .call(
            &link,
            id(2),
            "clock",
            "create",
            &[],
            vec![Argument::TxContext],
        )
        .unwrap_err();
    assert!(
        matches!(error, VmError::Abort { code: 0, .. }),
        "only the system may: {error}"
    );
    let clock = Slot::new(Value::Struct(vec![
        Value::Struct(vec![Value::Struct(vec![Value::Address(id(6))])]),
        Value::U64(5),
    ]));
    let now = session
        .call(
            &link,
            id(2),
            "clock",
            "timestamp_ms",
            &[],
            vec![Argument::Borrow(clock)],
        )
        .unwrap();
    assert_eq!(u64_of(&now), 5);
}

#[test]
fn bags_and_object_fields_work() {
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let bag = Slot::new(
        session
            .call(&link, id(2), "bag", "new", &[], vec![Argument::TxContext])
            .unwrap()
            .remove(0),
    );
    let types = [tag("vector<u8>"), tag("bool")];
    let arguments = vec![
        Argument::Borrow(bag.clone()),
        Argument::Value(Value::Bytes(b"metadata".to_vec())),
        Argument::Value(Value::Bool(true)),
    ];
    session
        .call(&link, id(2), "bag", "add", &types, arguments)
        .unwrap();
    let coin_tag = tag("0x2::coin::Coin<0x2::sui::SUI>");
    let coin = session
        .call(
            &link,
            id(2),
            "coin",
            "zero",
            &[tag("0x2::sui::SUI")],
            vec![Argument::TxContext],
        )
        .unwrap();
    let coin_id = coin[0].object_id().unwrap();
    let object_bag = Slot::new(
        session
            .call(
                &link,
                id(2),
                "object_bag",
                "new",
                &[],
                vec![Argument::TxContext],
            )
            .unwrap()
            .remove(0),
    );
    let bag_id: Address = object_bag.get().object_id().unwrap();
    let arguments = vec![
        Argument::Borrow(object_bag),
        Argument::Value(Value::U64(2)),
        Argument::Value(coin.into_iter().next().unwrap()),
    ];
    session
        .call(
            &link,
            id(2),
            "object_bag",
            "add",
            &[TypeTag::U64, coin_tag],
            arguments,
        )
        .unwrap();
    let changes = session.finish().unwrap();
    let key = tag("0x2::dynamic_object_field::Wrapper<u64>");
    let field = bag_id.derive_dynamic_child_id(&key, &2u64.to_le_bytes());
    assert_eq!(changes.children[&field].parent, bag_id);
    assert_eq!(changes.children[&coin_id].parent, field);
    assert_eq!(changes.children.len(), 3);
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

#[test]
fn derived_ids_agree_with_the_check_vectors() {
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let mut session = session(&vm, &world, None);
    assert_eq!(
        session.fresh_id().unwrap().to_string(),
        "0x034401905bebdf8c04f3cd5f04f442a39372c8dc321c29edfb4f9cb30b23ab96"
    );
    let second = "0xa4137e2ed945e7f4e8c307001c32e97472fb3eebb8f7b4ab7534b447d22da89b";
    assert_eq!(session.fresh_package_id().to_string(), second);
    let mut hash = |ty: &str, key: Value| {
        let arguments = vec![
            Argument::Value(Value::Address(id(0x1234))),
            Argument::Value(key),
        ];
        match session
            .call(
                &link,
                id(2),
                "dynamic_field",
                "hash_type_and_key",
                &[tag(ty)],
                arguments,
            )
            .unwrap()[..]
        {
            [Value::Address(id)] => id.to_string(),
            _ => panic!(),
        }
    };
    let two = || Value::Struct(vec![Value::U64(2)]);
    assert_eq!(
        hash("u64", Value::U64(2)),
        "0x9688b9e86525429addc364a4304477c19f0498e4bd862a341affdf7383dd51e9"
    );
    assert_eq!(
        hash("vector<u8>", Value::Bytes(b"metadata".to_vec())),
        "0x9a958714b16416addebd06fab1cfce651cdf9a4111b88e25bd204d9e7927daf6"
    );
    assert_eq!(
        hash("0x2::dynamic_object_field::Wrapper<u64>", two()),
        "0x4f36b42483ef035df73eaa20e5ac9cf57b102b84f5e44f76665fead384e0770e"
    );
    assert_eq!(
        hash("0x2::derived_object::DerivedObjectKey<u64>", two()),
        "0x994fe69ac4fc5e41134832433d8691604ff708658788af1b2a70886f05483c72"
    );
}

#[test]
fn received_objects_need_owner_version_and_type() {
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let coin_tag = tag("0x2::coin::Coin<0x2::sui::SUI>");
    let mut contents = id(0xc0).as_bytes().to_vec();
    contents.extend_from_slice(&5u64.to_le_bytes());
    let TypeTag::Struct(object_type) = coin_tag.clone() else {
        panic!()
    };
    let object = sui_devchain_vm::StoredObject {
        object_type: *object_type,
        version: 9,
        contents,
    };
    world
        .objects
        .lock()
        .unwrap()
        .insert(id(0xc0), (id(0xf00), object));
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let struct_of = |value: Value| Value::Struct(vec![value]);
    let uid = Slot::new(struct_of(struct_of(Value::Address(id(0xf00)))));
    let mut receive = |ty: &TypeTag, version: u64| {
        let ticket = Value::Struct(vec![
            struct_of(Value::Address(id(0xc0))),
            Value::U64(version),
        ]);
        let arguments = vec![Argument::Borrow(uid.clone()), Argument::Value(ticket)];
        session.call(
            &link,
            id(2),
            "transfer",
            "public_receive",
            std::slice::from_ref(ty),
            arguments,
        )
    };
    let code = |result: Result<Vec<Value>, VmError>| match result {
        Err(VmError::Abort { code, location }) if location.module == "transfer" => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(receive(&coin_tag, 8)), 3);
    assert_eq!(
        code(receive(&tag("0x2::coin::TreasuryCap<0x2::sui::SUI>"), 9)),
        2
    );
    assert_eq!(
        receive(&coin_tag, 9).unwrap()[0].object_id(),
        Some(id(0xc0))
    );
    assert_eq!(code(receive(&coin_tag, 9)), 3, "only once");
    assert_eq!(session.finish().unwrap().received[&id(0xc0)], 9);
}

#[test]
fn the_system_creates_its_objects() {
    use sui_devchain_vm::{Session, SessionConfig, TxContext};
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let context = TxContext {
        sender: Address::ZERO,
        digest: sui_sdk_types::Digest::new([3; 32]),
        epoch: 0,
        epoch_timestamp_ms: 0,
        reference_gas_price: 1000,
        gas_price: 1000,
        gas_budget: 0,
        sponsor: None,
    };
    let config = SessionConfig {
        gas_limit: None,
        system: true,
        features: Default::default(),
    };
    let mut session = Session::new(&vm, &world, &world, context, config);
    for module in [
        "clock",
        "random",
        "deny_list",
        "coin_registry",
        "accumulator",
    ] {
        session
            .call(
                &link,
                id(2),
                module,
                "create",
                &[],
                vec![Argument::TxContext],
            )
            .unwrap_or_else(|error| panic!("{module}: {error}"));
    }
    let supply = session
        .call(&link, id(2), "sui", "new", &[], vec![Argument::TxContext])
        .unwrap();
    assert!(
        matches!(&supply[0], Value::Struct(fields) if matches!(fields[0], Value::U64(10_000_000_000_000_000_000)))
    );
    let changes = session.finish().unwrap();
    for system in [6, 8, 0x403, 0xc, 0xacc] {
        assert_eq!(
            changes.written[&id(system)].owner,
            NewOwner::Shared,
            "{system:x}"
        );
        assert!(changes.new_ids.contains(&id(system)));
    }
}
