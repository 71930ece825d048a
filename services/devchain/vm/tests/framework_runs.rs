//! Functions of the framework run in the machine.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use sui_devchain_vm::{
    Argument, Slot, Value, Vm, VmError,
    object_runtime::{InputOwner, NewOwner},
    package::Module,
};
use sui_sdk_types::{Address, TypeTag};
use support::{framework, framework_modules, id, linkage, run, session};

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
    let (vm, world) = (Vm::new(), framework());
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
    let (vm, world) = (Vm::new(), framework());
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
    let (vm, world) = (Vm::new(), framework());
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
    let (vm, world) = (Vm::new(), framework());
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
