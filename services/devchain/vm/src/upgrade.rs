//! Upgrade compatibility of a new version with the one before (devchain spec 2.5).
//!
//! Declarations are compared in a normal form without table indices.

use std::collections::BTreeMap;

use sui_sdk_types::Address;

use crate::{
    format::{CompiledModule, FieldDef, FunctionDef, Operand, Token, VISIBILITY_PUBLIC},
    package::Module,
    types::{AbilitySet, DatatypeParameter},
};

/// Policy of an upgrade (devchain spec 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradePolicy {
    /// 0
    Compatible,
    /// 128
    Additive,
    /// 192
    DependencyOnly,
}

impl UpgradePolicy {
    /// From the ticket's byte; `None` if unknown.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Compatible),
            128 => Some(Self::Additive),
            192 => Some(Self::DependencyOnly),
            _ => None,
        }
    }
}

/// A type in terms of names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Plain(Token),
    Wrapped(&'static str, Box<Named>),
    Datatype(Address, String, String, Vec<Named>),
}

#[derive(Debug, PartialEq, Eq)]
struct Datatype {
    abilities: AbilitySet,
    parameters: Vec<DatatypeParameter>,
    /// Variants (one, unnamed, for structs) with their fields.
    variants: Vec<(String, Vec<(String, Named)>)>,
    is_enum: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    visibility: u8,
    flags: u8,
    type_parameters: Vec<AbilitySet>,
    parameters: Vec<Named>,
    returns: Vec<Named>,
    code: Vec<String>,
}

struct View {
    datatypes: BTreeMap<String, Datatype>,
    functions: BTreeMap<String, Function>,
}

/// Names a token. The module's own address is written as zero, so that published and unpublished forms compare.
fn named(module: &CompiledModule, token: &Token) -> Named {
    match token {
        Token::Vector(inner) => Named::Wrapped("vector", Box::new(named(module, inner))),
        Token::Reference(inner) => Named::Wrapped("&", Box::new(named(module, inner))),
        Token::MutableReference(inner) => Named::Wrapped("&mut", Box::new(named(module, inner))),
        Token::Datatype(handle, arguments) => {
            let Some(entry) = module.datatype_handles.get(usize::from(*handle)) else {
                return Named::Plain(Token::Bool);
            };
            let (address, name) = module.module_of(entry.module);
            let address = if address == module.self_address() {
                Address::ZERO
            } else {
                address
            };
            let arguments = arguments.iter().map(|token| named(module, token)).collect();
            Named::Datatype(
                address,
                name.to_owned(),
                module.identifier(entry.name).to_owned(),
                arguments,
            )
        }
        plain => Named::Plain(plain.clone()),
    }
}

fn named_all(module: &CompiledModule, signature: u16) -> Vec<Named> {
    module
        .signature(signature)
        .iter()
        .map(|token| named(module, token))
        .collect()
}

fn fields(module: &CompiledModule, list: &[FieldDef]) -> Vec<(String, Named)> {
    list.iter()
        .map(|field| {
            (
                module.identifier(field.name).to_owned(),
                named(module, &field.token),
            )
        })
        .collect()
}

fn view(module: &CompiledModule) -> View {
    let mut datatypes = BTreeMap::new();
    let mut add = |handle: u16, variants, is_enum| {
        if let Some(entry) = module.datatype_handles.get(usize::from(handle)) {
            let datatype = Datatype {
                abilities: entry.abilities,
                parameters: entry.parameters.clone(),
                variants,
                is_enum,
            };
            datatypes.insert(module.identifier(entry.name).to_owned(), datatype);
        }
    };
    for def in &module.struct_defs {
        let list = fields(module, def.fields.as_deref().unwrap_or(&[]));
        add(def.handle, vec![(String::new(), list)], false);
    }
    for def in &module.enum_defs {
        let variants = def
            .variants
            .iter()
            .map(|variant| {
                (
                    module.identifier(variant.name).to_owned(),
                    fields(module, &variant.fields),
                )
            })
            .collect();
        add(def.handle, variants, true);
    }
    let mut functions = BTreeMap::new();
    for def in &module.function_defs {
        let Some(handle) = module.function_handles.get(usize::from(def.handle)) else {
            continue;
        };
        let function = Function {
            visibility: def.visibility,
            flags: def.flags,
            type_parameters: handle.type_parameters.clone(),
            parameters: named_all(module, handle.parameters),
            returns: named_all(module, handle.returns),
            code: code(module, def),
        };
        functions.insert(module.identifier(handle.name).to_owned(), function);
    }
    View {
        datatypes,
        functions,
    }
}

/// Code with every operand spelled out.
fn code(module: &CompiledModule, def: &FunctionDef) -> Vec<String> {
    let Some(code) = &def.code else {
        return Vec::new();
    };
    let mut lines: Vec<String> = vec![format!("{:?}", named_all(module, code.locals))];
    for instruction in &code.instructions {
        let operand = match &instruction.operand {
            Operand::Index(index) => operand(module, instruction.code, *index),
            Operand::Vector(signature, count) => {
                format!("{:?} {count}", named_all(module, *signature))
            }
            other => format!("{other:?}"),
        };
        lines.push(format!("{:#x} {operand}", instruction.code));
    }
    lines.extend(
        code.jump_tables
            .iter()
            .map(|table| format!("{} {:?}", enum_name(module, table.enum_def), table.targets)),
    );
    lines
}

fn enum_name(module: &CompiledModule, def: u16) -> &str {
    module
        .enum_defs
        .get(usize::from(def))
        .map_or("", |def| module.datatype_name(def.handle))
}

fn struct_name(module: &CompiledModule, def: u16) -> &str {
    module
        .struct_defs
        .get(usize::from(def))
        .map_or("", |def| module.datatype_name(def.handle))
}

fn function_name(module: &CompiledModule, handle: u16) -> String {
    module
        .function_handles
        .get(usize::from(handle))
        .map_or_else(String::new, |handle| {
            let (address, name) = module.module_of(handle.module);
            let address = if address == module.self_address() {
                Address::ZERO
            } else {
                address
            };
            format!("{address}::{name}::{}", module.identifier(handle.name))
        })
}

fn operand(module: &CompiledModule, opcode: u8, index: u16) -> String {
    let at = usize::from(index);
    let field = |handle: u16| {
        module
            .field_handles
            .get(usize::from(handle))
            .map_or_else(String::new, |handle| {
                format!("{}.{}", struct_name(module, handle.owner), handle.field)
            })
    };
    match opcode {
        0x07 => module
            .constants
            .get(at)
            .map_or_else(String::new, |constant| format!("{constant:?}")),
        0x0F | 0x10 => field(index),
        0x36 | 0x37 => module
            .field_instantiations
            .get(at)
            .map_or_else(String::new, |entry| {
                format!(
                    "{} {:?}",
                    field(entry.base),
                    named_all(module, entry.arguments)
                )
            }),
        0x11 => function_name(module, index),
        0x38 => module
            .function_instantiations
            .get(at)
            .map_or_else(String::new, |entry| {
                format!(
                    "{} {:?}",
                    function_name(module, entry.base),
                    named_all(module, entry.arguments)
                )
            }),
        0x12 | 0x13 => struct_name(module, index).to_owned(),
        0x39 | 0x3A => module
            .struct_instantiations
            .get(at)
            .map_or_else(String::new, |entry| {
                format!(
                    "{} {:?}",
                    struct_name(module, entry.base),
                    named_all(module, entry.arguments)
                )
            }),
        0x41..=0x45 | 0x47 => format!("{:?}", named_all(module, index)),
        0x4E | 0x50..=0x52 => module
            .variant_handles
            .get(at)
            .map_or_else(String::new, |handle| {
                format!("{}#{}", enum_name(module, handle.owner), handle.tag)
            }),
        0x4F | 0x53..=0x55 => {
            module
                .variant_instantiations
                .get(at)
                .map_or_else(String::new, |handle| {
                    let entry = module.enum_instantiations.get(usize::from(handle.owner));
                    entry.map_or_else(String::new, |entry| {
                        format!(
                            "{}#{} {:?}",
                            enum_name(module, entry.base),
                            handle.tag,
                            named_all(module, entry.arguments)
                        )
                    })
                })
        }
        _ => index.to_string(),
    }
}

/// Checks an upgrade of all modules (devchain spec 2.5, per-module rules).
///
/// # Errors
/// What is incompatible, in words.
pub fn check(policy: UpgradePolicy, old: &[Module], new: &[Module]) -> Result<(), String> {
    let modules: BTreeMap<&str, &Module> =
        new.iter().map(|module| (module.name(), module)).collect();
    for module in old {
        let Some(next) = modules.get(module.name()) else {
            return Err(format!("module {} is missing", module.name()));
        };
        let result = match policy {
            UpgradePolicy::Compatible => compatible(&view(&module.0), &view(&next.0)),
            UpgradePolicy::Additive => additive(module, next, false),
            UpgradePolicy::DependencyOnly => additive(module, next, true),
        };
        result.map_err(|what| format!("module {}: {what}", module.name()))?;
    }
    if policy == UpgradePolicy::DependencyOnly && old.len() != new.len() {
        return Err("new modules in a dependency-only upgrade".into());
    }
    Ok(())
}

/// The first datatype of the old modules that the new ones declare otherwise or not at all, in words. No policy allows that.
/// Modules that are missing are not looked at.
pub fn changed_datatype(old: &[Module], new: &[Module]) -> Option<String> {
    old.iter().find_map(|module| {
        let next = new.iter().find(|next| next.name() == module.name())?;
        same_datatypes(&view(&module.0), &view(&next.0))
            .err()
            .map(|what| format!("module {}: {what}", module.name()))
    })
}

fn same_datatypes(old: &View, new: &View) -> Result<(), String> {
    let changed =
        |(name, datatype): &(&String, &Datatype)| new.datatypes.get(*name) != Some(datatype);
    match old.datatypes.iter().find(changed) {
        Some((name, _)) => Err(format!("datatype {name} changed or is missing")),
        None => Ok(()),
    }
}

fn compatible(old: &View, new: &View) -> Result<(), String> {
    same_datatypes(old, new)?;
    for (name, function) in &old.functions {
        if function.visibility != VISIBILITY_PUBLIC {
            continue;
        }
        let Some(next) = new.functions.get(name) else {
            return Err(format!("public function {name} is missing"));
        };
        let same = next.visibility == VISIBILITY_PUBLIC
            && next.parameters == function.parameters
            && next.returns == function.returns
            && next.type_parameters.len() == function.type_parameters.len()
            && function
                .type_parameters
                .iter()
                .zip(&next.type_parameters)
                .all(|(old, new)| old.has(*new));
        if !same {
            return Err(format!("public function {name} changed"));
        }
    }
    Ok(())
}

fn additive(old: &Module, new: &Module, nothing_new: bool) -> Result<(), String> {
    if new.0.version < old.0.version {
        return Err("format version went down".into());
    }
    if nothing_new && new.0.friends.len() != old.0.friends.len() {
        return Err("number of friends changed".into());
    }
    let (old, new) = (view(&old.0), view(&new.0));
    same_datatypes(&old, &new)?;
    for (name, function) in &old.functions {
        if new.functions.get(name) != Some(function) {
            return Err(format!("function {name} changed or is missing"));
        }
    }
    if nothing_new
        && (old.datatypes.len() != new.datatypes.len()
            || old.functions.len() != new.functions.len())
    {
        return Err("new declarations in a dependency-only upgrade".into());
    }
    Ok(())
}
