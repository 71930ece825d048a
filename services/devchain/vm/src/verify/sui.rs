//! Sui rules of devchain spec 3.6 and 2.5 (stage V2).

use crate::{
    error::{VmError, VmResult},
    format::{
        CompiledModule, FLAG_ENTRY, FunctionDef, Operand, Token, VISIBILITY_PUBLIC, entry_index,
    },
    types::{AbilitySet, standard_id},
};

/// Functions whose first type argument must be declared in the calling module.
const INTERNAL: [(u8, &str, &[&str]); 4] = [
    (
        2,
        "transfer",
        &[
            "transfer",
            "freeze_object",
            "share_object",
            "receive",
            "party_transfer",
        ],
    ),
    (2, "event", &["emit", "emit_authenticated"]),
    (2, "coin_registry", &["new_currency"]),
    (1, "internal", &["permit"]),
];

fn refused(module: &CompiledModule, text: impl std::fmt::Display) -> VmError {
    VmError::SuiVerification(format!("{}: {text}", module.name()))
}

/// Checks one module.
pub(super) fn check(module: &CompiledModule) -> VmResult<()> {
    key_structs(module)?;
    internal_generics(module)?;
    let witness = one_time_witness(module)?;
    init(module, witness)
}

fn is_datatype(
    module: &CompiledModule,
    token: &Token,
    package: u8,
    name: &str,
    datatype: &str,
) -> bool {
    let Token::Datatype(handle, _) = token else {
        return false;
    };
    let Some(handle) = module.datatype_handles.get(usize::from(*handle)) else {
        return false;
    };
    module.module_of(handle.module) == (standard_id(package), name)
        && module.identifier(handle.name) == datatype
}

fn key_structs(module: &CompiledModule) -> VmResult<()> {
    let has_key = |handle: u16| {
        module
            .datatype_handles
            .get(usize::from(handle))
            .is_some_and(|entry| entry.abilities.has(AbilitySet::KEY))
    };
    for def in &module.struct_defs {
        let first = def.fields.as_ref().and_then(|fields| fields.first());
        let valid = first.is_some_and(|field| {
            module.identifier(field.name) == "id"
                && is_datatype(module, &field.token, 2, "object", "UID")
        });
        if has_key(def.handle) && !valid {
            return Err(refused(
                module,
                format!(
                    "{} has key but no id: UID",
                    module.datatype_name(def.handle)
                ),
            ));
        }
    }
    match module.enum_defs.iter().find(|def| has_key(def.handle)) {
        Some(def) => Err(refused(
            module,
            format!("enum {} has key", module.datatype_name(def.handle)),
        )),
        None => Ok(()),
    }
}

fn internal_generics(module: &CompiledModule) -> VmResult<()> {
    let instructions = module
        .function_defs
        .iter()
        .filter_map(|def| def.code.as_ref());
    for instruction in instructions.flat_map(|code| &code.instructions) {
        let (0x38, Operand::Index(index)) = (instruction.code, &instruction.operand) else {
            continue;
        };
        let Some(entry) = module.function_instantiations.get(usize::from(*index)) else {
            continue;
        };
        let Some(handle) = module.function_handles.get(usize::from(entry.base)) else {
            continue;
        };
        let (address, name) = module.module_of(handle.module);
        let function = module.identifier(handle.name);
        let listed = INTERNAL.iter().any(|(package, target, functions)| {
            address == standard_id(*package) && name == *target && functions.contains(&function)
        });
        if !listed || handle.module == module.self_handle {
            continue;
        }
        let own = match module.signature(entry.arguments).first() {
            Some(Token::Datatype(handle, _)) => module
                .datatype_handles
                .get(usize::from(*handle))
                .is_some_and(|handle| handle.module == module.self_handle),
            _ => false,
        };
        if !own {
            return Err(refused(
                module,
                format!("{name}::{function} with a type of another module"),
            ));
        }
    }
    Ok(())
}

/// Definition index and handle of the one-time witness candidate, checked.
fn one_time_witness(module: &CompiledModule) -> VmResult<Option<u16>> {
    let wanted = module.name().to_ascii_uppercase();
    let candidate = module.struct_defs.iter().enumerate().find(|(_, def)| {
        let one_bool = matches!(def.fields.as_deref(), Some([field]) if field.token == Token::Bool);
        one_bool && module.datatype_name(def.handle) == wanted
    });
    let Some((index, def)) = candidate else {
        return Ok(None);
    };
    // The SUI token of package 0x2 is made by the genesis and is exempt.
    let genesis = module.self_address() == standard_id(2);
    let Some(handle) = module.datatype_handles.get(usize::from(def.handle)) else {
        return Ok(None);
    };
    if handle.abilities != AbilitySet::DROP || !handle.parameters.is_empty() {
        return if genesis {
            Ok(None)
        } else {
            Err(refused(module, "one-time witness must have only drop"))
        };
    }
    let codes = module
        .function_defs
        .iter()
        .filter_map(|def| def.code.as_ref());
    let witness = Operand::Index(entry_index(index)?);
    let packed = codes
        .flat_map(|code| &code.instructions)
        .any(|instruction| instruction.code == 0x12 && instruction.operand == witness);
    if packed && !genesis {
        return Err(refused(module, "one-time witness is packed"));
    }
    Ok(Some(def.handle))
}

fn is_context(module: &CompiledModule, token: &Token) -> bool {
    match token {
        Token::Reference(inner) | Token::MutableReference(inner) => {
            is_datatype(module, inner, 2, "tx_context", "TxContext")
        }
        _ => false,
    }
}

fn init(module: &CompiledModule, witness: Option<u16>) -> VmResult<()> {
    for instruction in module
        .function_defs
        .iter()
        .filter_map(|def| def.code.as_ref())
        .flat_map(|code| &code.instructions)
    {
        let Operand::Index(index) = &instruction.operand else {
            continue;
        };
        let handle = match instruction.code {
            0x11 => Some(*index),
            0x38 => module
                .function_instantiations
                .get(usize::from(*index))
                .map(|entry| entry.base),
            _ => None,
        };
        let handle = handle.and_then(|handle| module.function_handles.get(usize::from(handle)));
        if handle.is_some_and(|handle| module.identifier(handle.name) == "init") {
            return Err(refused(module, "init may not be called"));
        }
    }
    match module
        .function_defs
        .iter()
        .find(|def| module.function_name(def) == "init")
    {
        Some(def) => init_shape(module, def, witness),
        None => Ok(()),
    }
}

fn init_shape(module: &CompiledModule, def: &FunctionDef, witness: Option<u16>) -> VmResult<()> {
    let Some(handle) = module.function_handles.get(usize::from(def.handle)) else {
        return Ok(());
    };
    let parameters = module.signature(handle.parameters);
    let plain = def.visibility != VISIBILITY_PUBLIC
        && def.flags & FLAG_ENTRY == 0
        && handle.type_parameters.is_empty()
        && module.signature(handle.returns).is_empty();
    let shape = match (witness, parameters) {
        (None, [context]) => is_context(module, context),
        (Some(witness), [first, context]) => {
            *first == Token::Datatype(witness, Vec::new()) && is_context(module, context)
        }
        _ => false,
    };
    if plain && shape {
        Ok(())
    } else {
        Err(refused(module, "init has a wrong signature"))
    }
}
