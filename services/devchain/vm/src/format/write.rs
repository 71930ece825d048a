//! Writer of compiled modules; writes what was read byte for byte.

use super::{
    Code, CompiledModule, FieldDef, FunctionDef, Instantiation, Instruction, ModuleHandle, Operand,
    Token, VariantHandle,
};
use crate::uleb::write as uleb;

fn index(out: &mut Vec<u8>, value: u16) {
    uleb(out, usize::from(value));
}

/// Serialises a module in its own table order.
pub(super) fn write(module: &CompiledModule) -> Vec<u8> {
    let mut out = vec![0xa1, 0x1c, 0xeb, 0x0b];
    out.extend_from_slice(&module.version.to_le_bytes());
    uleb(&mut out, module.table_order.len());
    let mut contents = Vec::new();
    for kind in &module.table_order {
        let start = contents.len();
        table(module, *kind, &mut contents);
        out.push(*kind);
        uleb(&mut out, start);
        uleb(&mut out, contents.len() - start);
    }
    out.extend_from_slice(&contents);
    index(&mut out, module.self_handle);
    out
}

fn table(module: &CompiledModule, kind: u8, out: &mut Vec<u8>) {
    match kind {
        0x1 => handles(out, &module.module_handles),
        0x2 => {
            for handle in &module.datatype_handles {
                index(out, handle.module);
                index(out, handle.name);
                out.push(handle.abilities.0);
                uleb(out, handle.parameters.len());
                for parameter in &handle.parameters {
                    out.extend_from_slice(&[parameter.constraints.0, u8::from(parameter.phantom)]);
                }
            }
        }
        0x3 => {
            for handle in &module.function_handles {
                for value in [
                    handle.module,
                    handle.name,
                    handle.parameters,
                    handle.returns,
                ] {
                    index(out, value);
                }
                abilities(out, &handle.type_parameters);
            }
        }
        0x4 => instantiations(out, &module.function_instantiations),
        0x5 => {
            for tokens in &module.signatures {
                uleb(out, tokens.len());
                tokens.iter().for_each(|ty| token(out, ty));
            }
        }
        0x6 => {
            for constant in &module.constants {
                token(out, &constant.token);
                uleb(out, constant.bytes.len());
                out.extend_from_slice(&constant.bytes);
            }
        }
        0x7 => {
            for identifier in &module.identifiers {
                uleb(out, identifier.len());
                out.extend_from_slice(identifier.as_bytes());
            }
        }
        0x8 => module
            .addresses
            .iter()
            .for_each(|address| out.extend_from_slice(address.as_bytes())),
        0xA => {
            for def in &module.struct_defs {
                index(out, def.handle);
                match &def.fields {
                    None => out.push(1),
                    Some(list) => {
                        out.push(2);
                        fields(out, list);
                    }
                }
            }
        }
        0xB => instantiations(out, &module.struct_instantiations),
        0xC => module
            .function_defs
            .iter()
            .for_each(|def| function(out, def, module.version)),
        0xD => {
            for handle in &module.field_handles {
                index(out, handle.owner);
                index(out, handle.field);
            }
        }
        0xE => instantiations(out, &module.field_instantiations),
        0xF => handles(out, &module.friends),
        0x11 => {
            for def in &module.enum_defs {
                index(out, def.handle);
                out.push(2);
                uleb(out, def.variants.len());
                for variant in &def.variants {
                    index(out, variant.name);
                    fields(out, &variant.fields);
                }
            }
        }
        0x12 => instantiations(out, &module.enum_instantiations),
        0x13 => variants(out, &module.variant_handles),
        0x14 => variants(out, &module.variant_instantiations),
        _ => {}
    }
}

fn handles(out: &mut Vec<u8>, list: &[ModuleHandle]) {
    for handle in list {
        index(out, handle.address);
        index(out, handle.name);
    }
}

fn abilities(out: &mut Vec<u8>, list: &[crate::types::AbilitySet]) {
    uleb(out, list.len());
    out.extend(list.iter().map(|set| set.0));
}

fn instantiations(out: &mut Vec<u8>, list: &[Instantiation]) {
    for entry in list {
        index(out, entry.base);
        index(out, entry.arguments);
    }
}

fn variants(out: &mut Vec<u8>, list: &[VariantHandle]) {
    for handle in list {
        index(out, handle.owner);
        index(out, handle.tag);
    }
}

fn fields(out: &mut Vec<u8>, list: &[FieldDef]) {
    uleb(out, list.len());
    for field in list {
        index(out, field.name);
        token(out, &field.token);
    }
}

fn token(out: &mut Vec<u8>, value: &Token) {
    let (byte, inner) = match value {
        Token::Bool => (0x1, None),
        Token::U8 => (0x2, None),
        Token::U64 => (0x3, None),
        Token::U128 => (0x4, None),
        Token::Address => (0x5, None),
        Token::Reference(inner) => (0x6, Some(inner)),
        Token::MutableReference(inner) => (0x7, Some(inner)),
        Token::Vector(inner) => (0xA, Some(inner)),
        Token::Signer => (0xC, None),
        Token::U16 => (0xD, None),
        Token::U32 => (0xE, None),
        Token::U256 => (0xF, None),
        Token::Param(parameter) => {
            out.push(0x9);
            return index(out, *parameter);
        }
        Token::Datatype(handle, arguments) => {
            out.push(if arguments.is_empty() { 0x8 } else { 0xB });
            index(out, *handle);
            if !arguments.is_empty() {
                uleb(out, arguments.len());
                arguments.iter().for_each(|ty| token(out, ty));
            }
            return;
        }
    };
    out.push(byte);
    if let Some(inner) = inner {
        token(out, inner);
    }
}

fn function(out: &mut Vec<u8>, def: &FunctionDef, version: u32) {
    index(out, def.handle);
    out.extend_from_slice(&[def.visibility, def.flags]);
    uleb(out, def.acquires.len());
    def.acquires.iter().for_each(|value| index(out, *value));
    if let Some(body) = &def.code {
        code(out, body, version);
    }
}

fn code(out: &mut Vec<u8>, body: &Code, version: u32) {
    index(out, body.locals);
    uleb(out, body.instructions.len());
    body.instructions
        .iter()
        .for_each(|entry| instruction(out, entry));
    if version >= 0x0500_0007 {
        uleb(out, body.jump_tables.len());
        for table in &body.jump_tables {
            index(out, table.enum_def);
            uleb(out, table.targets.len());
            out.push(1);
            table.targets.iter().for_each(|target| index(out, *target));
        }
    }
}

fn instruction(out: &mut Vec<u8>, entry: &Instruction) {
    out.push(entry.code);
    match &entry.operand {
        Operand::None => {}
        Operand::Index(value) => index(out, *value),
        Operand::U8(value) => out.push(*value),
        Operand::U16(value) => out.extend_from_slice(&value.to_le_bytes()),
        Operand::U32(value) => out.extend_from_slice(&value.to_le_bytes()),
        Operand::U64(value) => out.extend_from_slice(&value.to_le_bytes()),
        Operand::U128(value) => out.extend_from_slice(&value.to_le_bytes()),
        Operand::U256(value) => out.extend_from_slice(value.as_slice()),
        Operand::Vector(signature, count) => {
            index(out, *signature);
            out.extend_from_slice(&count.to_le_bytes());
        }
    }
}
