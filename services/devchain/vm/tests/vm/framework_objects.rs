//! Objects that functions of the framework make, give away and receive, and those of the system.

use crate::support::{framework, id, linkage, session, tag, u64_of};
use sui_devchain_vm::{
    Argument, Slot, Value, Vm, VmError,
    object_runtime::{InputOwner, NewOwner},
};
use sui_sdk_types::{Address, TypeTag};

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
