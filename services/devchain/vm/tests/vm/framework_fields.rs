//! Dynamic fields: tables, bags and fields that are objects.

use crate::support::{World, framework, id, linkage, session, tag, u64_of};
use sui_devchain_vm::{Argument, Linkage, Session, Slot, StoredObject, Value, Vm, VmError};
use sui_sdk_types::{Address, TypeTag};

/// A table from numbers to numbers, which the test holds.
struct Table(Slot);

impl Table {
    fn new(session: &mut Session<'_>, link: &Linkage) -> Self {
        let (types, arguments) = ([TypeTag::U64, TypeTag::U64], vec![Argument::TxContext]);
        let made = session.call(link, id(2), "table", "new", &types, arguments);
        Self(Slot::new(made.unwrap().remove(0)))
    }

    /// One that was made before, as it is in storage.
    fn stored(table: Address, size: u64) -> Self {
        let uid = Value::Struct(vec![Value::Struct(vec![Value::Address(table)])]);
        Self(Slot::new(Value::Struct(vec![uid, Value::U64(size)])))
    }

    fn id(&self) -> Address {
        self.0.get().object_id().unwrap()
    }

    /// Calls a function of the table, with values of a type.
    fn call(
        &self,
        session: &mut Session<'_>,
        link: &Linkage,
        (function, value): (&str, TypeTag),
        numbers: &[u64],
    ) -> Result<Vec<Value>, VmError> {
        let numbers = numbers.iter().map(|number| Value::U64(*number));
        let table = [Argument::Borrow(self.0.clone())];
        let arguments = table.into_iter().chain(numbers.map(Argument::Value));
        let types = [TypeTag::U64, value];
        session.call(link, id(2), "table", function, &types, arguments.collect())
    }
}

/// The abort code of the module `dynamic_field`.
fn abort_code(result: Result<Vec<Value>, VmError>) -> u64 {
    match result {
        Err(VmError::Abort { code, location }) if location.module == "dynamic_field" => code,
        other => panic!("{other:?}"),
    }
}

/// A world with a table in storage, at version 3, of 0, 10, 20 and 40 under 0, 1, 2 and 4.
fn world_with_a_table() -> (World, Address) {
    let (vm, world) = (Vm::default(), framework());
    let link = linkage(&world);
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let table = Table::new(&mut session, &link);
    for key in 0..5 {
        let add = ("add", TypeTag::U64);
        let added = table.call(&mut session, &link, add, &[key, key * 10]);
        added.unwrap();
    }
    let twice = table.call(&mut session, &link, ("add", TypeTag::U64), &[4, 1]);
    assert_eq!(abort_code(twice), 0);
    let removed = table.call(&mut session, &link, ("remove", TypeTag::U64), &[3]);
    assert_eq!(u64_of(&removed.unwrap()), 30);
    let children = session.finish().unwrap().children;
    for (child, written) in children {
        let object = StoredObject {
            object_type: written.object_type,
            version: 3,
            contents: written.contents,
        };
        let mut objects = world.objects.lock().unwrap();
        objects.insert(child, (written.parent, object));
    }
    (world, table.id())
}

#[test]
fn tables_store_dynamic_fields_as_children() {
    let (world, table) = world_with_a_table();
    let objects = world.objects.lock().unwrap();
    assert_eq!(objects.len(), 4);
    for (child, (parent, object)) in objects.iter() {
        let key = &object.contents[32..40];
        let expected = table.derive_dynamic_child_id(&TypeTag::U64, key);
        assert_eq!((*child, *parent), (expected, table));
    }
}

#[test]
fn dynamic_fields_are_read_from_storage_and_removed() {
    let (world, table) = world_with_a_table();
    let (vm, link) = (Vm::default(), linkage(&world));
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let table = Table::stored(table, 4);
    let borrow = || ("borrow", TypeTag::U64);
    let read = table.call(&mut session, &link, borrow(), &[2]).unwrap();
    let u64_type = session.load_type(&TypeTag::U64).unwrap();
    assert_eq!(
        session.serialize(&u64_type, &read[0]).unwrap(),
        20u64.to_le_bytes()
    );
    let absent = table.call(&mut session, &link, borrow(), &[3]);
    assert_eq!(abort_code(absent), 1);
    let of_another_type = table.call(&mut session, &link, ("borrow", TypeTag::U8), &[2]);
    assert_eq!(abort_code(of_another_type), 2);
    let removed = table.call(&mut session, &link, ("remove", TypeTag::U64), &[0]);
    removed.unwrap();
    let changes = session.finish().unwrap();
    let written = &changes.children;
    assert!(written.is_empty(), "a read child is not: {written:?}");
    let loaded = changes.loaded_children;
    let removed: Vec<_> = loaded.values().filter(|child| child.removed).collect();
    assert_eq!((loaded.len(), removed.len(), removed[0].version), (2, 1, 3));
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
