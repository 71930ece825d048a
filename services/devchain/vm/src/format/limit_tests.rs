//! Limit tests of the format, each limit at its edge: what is as large is read, what is one larger is not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use sui_sdk_types::Address;

use super::{
    CompiledModule, Constant, DatatypeHandle, EnumDef, FieldDef, FieldHandle, Instantiation,
    JumpTable, ModuleHandle, StructDef, Token, VariantDef, VariantHandle,
};
use crate::handmade::{bytes, function, function_handle, last, name, op, ret, signature, skeleton};
use crate::limits;
use crate::types::{AbilitySet, DatatypeParameter};

fn parse(module: &CompiledModule) -> Result<CompiledModule, String> {
    CompiledModule::parse(&bytes(module))
}

fn datatype_handle(module: &mut CompiledModule, of: u16, text: String) -> u16 {
    let name = name(module, text);
    module.datatype_handles.push(DatatypeHandle {
        module: of,
        name,
        abilities: AbilitySet::EMPTY,
        parameters: vec![],
    });
    last(&module.datatype_handles)
}

fn fields(module: &mut CompiledModule, count: usize, tag: &str) -> Vec<FieldDef> {
    (0..count)
        .map(|index| FieldDef {
            name: name(module, format!("{tag}_{index}")),
            token: Token::U8,
        })
        .collect()
}

fn structure(module: &mut CompiledModule, number: usize) {
    let handle = datatype_handle(module, 0, format!("S{number}"));
    let fields = Some(fields(module, 1, &format!("s{number}")));
    module.struct_defs.push(StructDef { handle, fields });
}

fn enumeration(module: &mut CompiledModule, number: usize, variants: &[usize]) {
    let handle = datatype_handle(module, 0, format!("E{number}"));
    let variants = variants
        .iter()
        .enumerate()
        .map(|(index, count)| VariantDef {
            name: name(module, format!("V{number}_{index}")),
            fields: fields(module, *count, &format!("v{number}_{index}")),
        })
        .collect();
    module.enum_defs.push(EnumDef { handle, variants });
}

struct Table {
    name: &'static str,
    limit: usize,
    length: fn(&CompiledModule) -> usize,
    /// Adds entry number so and so.
    grow: fn(&mut CompiledModule, usize),
}

macro_rules! table {
    ($name:literal, $limit:ident, $field:ident, $grow:expr) => {
        Table {
            name: $name,
            limit: limits::$limit,
            length: |module| module.$field.len(),
            grow: $grow,
        }
    };
}

fn tables() -> Vec<Table> {
    let mut all = handles_and_pools();
    all.extend(definitions());
    all.extend(enums_and_friends());
    all
}

fn handles_and_pools() -> Vec<Table> {
    vec![
        table!(
            "module handles",
            MODULE_HANDLES,
            module_handles,
            |module, number| {
                let name = name(module, format!("m{number}"));
                module
                    .module_handles
                    .push(ModuleHandle { address: 0, name });
            }
        ),
        table!(
            "datatype handles",
            DATATYPE_HANDLES,
            datatype_handles,
            |module, number| {
                datatype_handle(module, 1, format!("T{number}"));
            }
        ),
        table!(
            "function handles",
            FUNCTION_HANDLES,
            function_handles,
            |module, number| {
                function_handle(module, 1, format!("f{number}"));
            }
        ),
        table!(
            "function instantiations",
            FUNCTION_INSTANTIATIONS,
            function_instantiations,
            |module, number| {
                if number == 0 {
                    let handle = function_handle(module, 1, "f".into());
                    module.function_handles[usize::from(handle)].type_parameters =
                        vec![AbilitySet::EMPTY];
                }
                let (base, arguments) = (0, 1);
                module
                    .function_instantiations
                    .push(Instantiation { base, arguments });
            }
        ),
        table!("signatures", SIGNATURES, signatures, |module, _| {
            signature(module, vec![Token::U64]);
        }),
        table!("constants", CONSTANTS, constants, |module, _| {
            module.constants.push(Constant {
                token: Token::U8,
                bytes: vec![7],
            });
        }),
        table!("identifiers", IDENTIFIERS, identifiers, |module, number| {
            name(module, format!("i{number}"));
        }),
        table!("addresses", ADDRESSES, addresses, |module, number| {
            let mut address = [0; 32];
            address[0] = u8::try_from(number).unwrap();
            address[1] = 1;
            module.addresses.push(Address::new(address));
        }),
    ]
}

fn definitions() -> Vec<Table> {
    vec![
        table!(
            "struct definitions",
            DATATYPE_DEFINITIONS,
            struct_defs,
            structure
        ),
        table!(
            "enum definitions",
            DATATYPE_DEFINITIONS,
            enum_defs,
            |module, number| {
                enumeration(module, number, &[0]);
            }
        ),
        table!(
            "struct instantiations",
            STRUCT_INSTANTIATIONS,
            struct_instantiations,
            |module, number| {
                if number == 0 {
                    structure(module, 0);
                }
                let (base, arguments) = (0, 1);
                module
                    .struct_instantiations
                    .push(Instantiation { base, arguments });
            }
        ),
        table!(
            "function definitions",
            FUNCTION_DEFINITIONS,
            function_defs,
            |module, number| {
                function(module, &format!("f{number}"), vec![ret()]);
            }
        ),
        table!(
            "field handles",
            FIELD_HANDLES,
            field_handles,
            |module, number| {
                if number == 0 {
                    structure(module, 0);
                }
                module
                    .field_handles
                    .push(FieldHandle { owner: 0, field: 0 });
            }
        ),
        table!(
            "field instantiations",
            FIELD_INSTANTIATIONS,
            field_instantiations,
            |module, number| {
                if number == 0 {
                    structure(module, 0);
                    module
                        .field_handles
                        .push(FieldHandle { owner: 0, field: 0 });
                }
                let (base, arguments) = (0, 1);
                module
                    .field_instantiations
                    .push(Instantiation { base, arguments });
            }
        ),
    ]
}

fn enums_and_friends() -> Vec<Table> {
    vec![
        table!("friends", FRIENDS, friends, |module, number| {
            let name = name(module, format!("friend{number}"));
            module.friends.push(ModuleHandle { address: 0, name });
        }),
        table!(
            "enum instantiations",
            ENUM_INSTANTIATIONS,
            enum_instantiations,
            |module, number| {
                if number == 0 {
                    enumeration(module, 0, &[0]);
                }
                let (base, arguments) = (0, 1);
                module
                    .enum_instantiations
                    .push(Instantiation { base, arguments });
            }
        ),
        table!(
            "variant handles",
            VARIANT_HANDLES,
            variant_handles,
            |module, number| {
                if number == 0 {
                    enumeration(module, 0, &[0]);
                }
                module
                    .variant_handles
                    .push(VariantHandle { owner: 0, tag: 0 });
            }
        ),
        table!(
            "variant instantiations",
            VARIANT_HANDLES,
            variant_instantiations,
            |module, number| {
                if number == 0 {
                    enumeration(module, 0, &[0]);
                    let (base, arguments) = (0, 1);
                    module
                        .enum_instantiations
                        .push(Instantiation { base, arguments });
                }
                module
                    .variant_instantiations
                    .push(VariantHandle { owner: 0, tag: 0 });
            }
        ),
    ]
}

#[test]
fn every_table_has_its_limit() {
    for table in tables() {
        let mut module = skeleton();
        let mut number = 0;
        while (table.length)(&module) < table.limit {
            (table.grow)(&mut module, number);
            number += 1;
        }
        assert_eq!(parse(&module).err(), None, "{}", table.name);
        (table.grow)(&mut module, number);
        let expected = format!("more than {} {}", table.limit, table.name);
        assert_eq!(parse(&module).unwrap_err(), expected);
    }
}

#[test]
fn structs_and_enums_are_counted_together() {
    let mut module = skeleton();
    for number in 0..100 {
        structure(&mut module, number);
        enumeration(&mut module, number, &[0]);
    }
    assert_eq!(parse(&module).err(), None);
    structure(&mut module, 100);
    assert_eq!(
        parse(&module).unwrap_err(),
        "201 structs and enums, the limit is 200"
    );
}

fn vectors(count: usize, inner: Token) -> Token {
    (0..count).fold(inner, |inner, _| Token::Vector(Box::new(inner)))
}

fn with_signature(tokens: Vec<Token>) -> CompiledModule {
    let mut module = skeleton();
    let handle = datatype_handle(&mut module, 1, "T".into());
    assert_eq!(handle, 0);
    let parameter = DatatypeParameter {
        constraints: AbilitySet::EMPTY,
        phantom: false,
    };
    datatype_handle(&mut module, 1, "Pair".into());
    module.datatype_handles[1].parameters = vec![parameter; 2];
    signature(&mut module, tokens);
    module
}

/// The limit is for each type: what a function's locals have together is something else.
#[test]
fn a_type_has_a_limited_weight_whatever_is_beside_it() {
    let pair = |left, right| Token::Datatype(1, vec![left, right]);
    let edges = [
        vectors(255, Token::U8),
        vectors(252, Token::Param(0)),
        vectors(252, Token::Datatype(0, vec![])),
        pair(vectors(125, Token::U8), vectors(125, Token::U8)),
        Token::Reference(Box::new(vectors(254, Token::U8))),
    ];
    for edge in &edges {
        let module = with_signature(vec![edge.clone(); 100]);
        assert_eq!(parse(&module).err(), None, "{edge:?}");
        let heavier = match edge {
            Token::Reference(inner) => Token::Reference(Box::new(vectors(1, (**inner).clone()))),
            plain => vectors(1, plain.clone()),
        };
        let refused = parse(&with_signature(vec![heavier])).unwrap_err();
        assert!(
            refused.starts_with("a type weighs more than 256"),
            "{refused}"
        );
    }
    // Constants and fields have types too.
    for (count, fits) in [(255, true), (256, false)] {
        let mut module = skeleton();
        module.constants.push(Constant {
            token: vectors(count, Token::U8),
            bytes: vec![0],
        });
        assert_eq!(parse(&module).is_ok(), fits);
        let mut module = skeleton();
        structure(&mut module, 0);
        module.struct_defs[0].fields.as_mut().unwrap()[0].token = vectors(count, Token::U8);
        assert_eq!(parse(&module).is_ok(), fits);
        let mut module = skeleton();
        enumeration(&mut module, 0, &[1]);
        module.enum_defs[0].variants[0].fields[0].token = vectors(count, Token::U8);
        assert_eq!(parse(&module).is_ok(), fits);
    }
}

/// At `limit` a module made by `make` is read, with one more it is not, for that reason.
fn edge(limit: usize, reason: &str, make: impl Fn(usize) -> CompiledModule) {
    assert_eq!(parse(&make(limit)).err(), None, "{reason}");
    let refused = parse(&make(limit + 1)).unwrap_err();
    assert!(refused.contains(reason), "{refused}");
}

#[test]
fn lists_inside_of_entries_have_their_limits() {
    edge(limits::SIGNATURE_TOKENS, "256 exceeds 255", |count| {
        with_signature(vec![Token::U8; count])
    });
    edge(limits::TYPE_PARAMETERS, "33 exceeds 32", |count| {
        let mut module = with_signature(vec![Token::Datatype(0, vec![Token::U8; count])]);
        let parameter = module.datatype_handles[1].parameters[0];
        module.datatype_handles[0].parameters = vec![parameter; count];
        module
    });
    edge(limits::TYPE_PARAMETERS, "33 exceeds 32", |count| {
        let mut module = skeleton();
        function_handle(&mut module, 1, "f".into());
        module.function_handles[0].type_parameters = vec![AbilitySet::EMPTY; count];
        module
    });
    edge(limits::CONSTANT_BYTES, "65536 exceeds 65535", |count| {
        let mut module = skeleton();
        module.constants.push(Constant {
            token: vectors(1, Token::U8),
            bytes: vec![7; count],
        });
        module
    });
    edge(limits::IDENTIFIER_BYTES, "129 exceeds 128", |count| {
        let mut module = skeleton();
        name(&mut module, "x".repeat(count));
        module
    });
    edge(limits::FIELDS, "33 exceeds 32", |count| {
        let mut module = skeleton();
        structure(&mut module, 0);
        let fields = fields(&mut module, count, "g");
        module.struct_defs[0].fields = Some(fields);
        module
    });
    edge(limits::FIELDS, "33 fields in all its variants", |count| {
        let mut module = skeleton();
        enumeration(&mut module, 0, &[20, count - 20]);
        module
    });
    edge(limits::VARIANTS, "128 exceeds 127", |count| {
        let mut module = skeleton();
        enumeration(&mut module, 0, &vec![0; count]);
        module
    });
}

#[test]
fn functions_have_their_limits() {
    let nop = || op(0x28);
    edge(
        limits::FUNCTION_PARAMETERS,
        "more than 128 parameters",
        |count| {
            let mut module = skeleton();
            function(&mut module, "f", vec![ret()]);
            module.function_handles[0].parameters = signature(&mut module, vec![Token::U8; count]);
            module
        },
    );
    edge(limits::LOCALS, "256 locals", |count| {
        let mut module = skeleton();
        function(&mut module, "f", vec![ret()]);
        let parameters = signature(&mut module, vec![Token::U8; 100]);
        let locals = signature(&mut module, vec![Token::U8; count - 100]);
        module.function_handles[0].parameters = parameters;
        module.function_defs[0].code.as_mut().unwrap().locals = locals;
        module
    });
    edge(limits::INSTRUCTIONS, "65536 exceeds 65535", |count| {
        let mut module = skeleton();
        let mut code: Vec<_> = (1..count).map(|_| nop()).collect();
        code.push(ret());
        function(&mut module, "f", code);
        module
    });
    edge(limits::JUMP_TABLES, "128 exceeds 127", |count| {
        let mut module = skeleton();
        enumeration(&mut module, 0, &[0]);
        function(&mut module, "f", vec![ret()]);
        let table = JumpTable {
            enum_def: 0,
            targets: vec![0],
        };
        module.function_defs[0].code.as_mut().unwrap().jump_tables = vec![table; count];
        module
    });
}

#[test]
fn a_module_has_its_limits() {
    let refused = |bytes: &[u8]| CompiledModule::parse(bytes).unwrap_err();
    assert_eq!(refused(&vec![0; limits::MODULE_BYTES]), "bad magic");
    assert_eq!(
        refused(&vec![0; limits::MODULE_BYTES + 1]),
        "module of 131073 bytes"
    );
    // There are no 255 kinds of tables: with as many the second one of the same kind is refused, with more their number.
    let with_tables = |count: [u8; 2]| {
        let mut bytes = vec![0xa1, 0x1c, 0xeb, 0x0b, 7, 0, 0, 5];
        bytes.extend_from_slice(&count);
        bytes.extend_from_slice(&[0x7, 0, 1, 0x7, 1, 1]);
        bytes
    };
    assert_eq!(limits::TABLES, 255);
    assert_eq!(refused(&with_tables([0xff, 0x01])), "duplicate table 0x7");
    assert!(refused(&with_tables([0x80, 0x02])).contains("256 exceeds 255"));
}

#[test]
fn a_module_is_not_named_self() {
    let mut module = skeleton();
    name(&mut module, "<SELF>".into());
    assert!(parse(&module).unwrap_err().contains("bad identifier"));
}
