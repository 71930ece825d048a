//! Bounds checks of every index in a module (devchain spec 3.6, stage V1). After this the tables can be trusted to be in
//! range; the interpreter still uses checked access.

use std::collections::BTreeSet;

use crate::types::DatatypeParameter;

use super::{
    Code, CompiledModule, FieldDef, Instantiation, Operand, Token, VariantHandle,
    opcode::{Kind, Table, kind},
};

type Checked = Result<(), String>;

fn within(what: &str, index: u16, length: usize) -> Checked {
    if usize::from(index) < length {
        Ok(())
    } else {
        Err(format!("{what} index {index} of {length}"))
    }
}

fn distinct<T: Ord>(what: &str, items: impl IntoIterator<Item = T>) -> Checked {
    let mut seen = BTreeSet::new();
    if items.into_iter().all(|item| seen.insert(item)) {
        Ok(())
    } else {
        Err(format!("duplicate {what}"))
    }
}

/// Checks all indices, token shapes and duplicate definitions.
pub(super) fn check(module: &CompiledModule) -> Checked {
    check_handles(module)?;
    for tokens in &module.signatures {
        tokens.iter().try_for_each(|ty| token(module, ty, true))?;
    }
    module
        .constants
        .iter()
        .try_for_each(|constant| constant_token(&constant.token))?;
    check_definitions(module)?;
    check_instantiations(module)?;
    check_functions(module)?;
    check_duplicates(module)
}

fn check_handles(module: &CompiledModule) -> Checked {
    within(
        "self module handle",
        module.self_handle,
        module.module_handles.len(),
    )?;
    for handle in module.module_handles.iter().chain(&module.friends) {
        within("address", handle.address, module.addresses.len())?;
        within("identifier", handle.name, module.identifiers.len())?;
    }
    check_friends(module)?;
    for handle in &module.datatype_handles {
        within("module handle", handle.module, module.module_handles.len())?;
        within("identifier", handle.name, module.identifiers.len())?;
    }
    for handle in &module.function_handles {
        within("module handle", handle.module, module.module_handles.len())?;
        within("identifier", handle.name, module.identifiers.len())?;
        within("signature", handle.parameters, module.signatures.len())?;
        within("signature", handle.returns, module.signatures.len())?;
        if module.signature(handle.parameters).len() > crate::limits::FUNCTION_PARAMETERS {
            return Err(format!(
                "a function has more than {} parameters",
                crate::limits::FUNCTION_PARAMETERS
            ));
        }
    }
    Ok(())
}

/// Friends are other modules of the same package, each named once.
fn check_friends(module: &CompiledModule) -> Checked {
    let own = module.module_of(module.self_handle);
    for friend in &module.friends {
        let name = module.identifier(friend.name);
        if module.address(friend.address) != own.0 || name == own.1 {
            return Err(format!("friend {name} is no other module of the package"));
        }
    }
    distinct(
        "friend",
        module
            .friends
            .iter()
            .map(|friend| (friend.address, friend.name)),
    )
}

fn token(module: &CompiledModule, value: &Token, reference_allowed: bool) -> Checked {
    match value {
        Token::Reference(inner) | Token::MutableReference(inner) => {
            if !reference_allowed {
                return Err("reference inside a type".into());
            }
            token(module, inner, false)
        }
        Token::Vector(inner) => token(module, inner, false),
        Token::Datatype(handle, arguments) => {
            within("datatype handle", *handle, module.datatype_handles.len())?;
            let declared = module
                .datatype_handles
                .get(usize::from(*handle))
                .map_or(0, |entry| entry.parameters.len());
            if declared != arguments.len() {
                return Err(format!(
                    "{} type arguments for {declared} parameters",
                    arguments.len()
                ));
            }
            arguments.iter().try_for_each(|ty| token(module, ty, false))
        }
        _ => Ok(()),
    }
}

fn constant_token(value: &Token) -> Checked {
    match value {
        Token::Vector(inner) => constant_token(inner),
        Token::Bool
        | Token::U8
        | Token::U16
        | Token::U32
        | Token::U64
        | Token::U128
        | Token::U256
        | Token::Address => Ok(()),
        _ => Err("constant of a non-primitive type".into()),
    }
}

/// Type parameters inside `value` are below `count`.
pub(super) fn parameters_below(value: &Token, count: usize) -> Checked {
    match value {
        Token::Param(index) => within("type parameter", *index, count),
        Token::Vector(inner) | Token::Reference(inner) | Token::MutableReference(inner) => {
            parameters_below(inner, count)
        }
        Token::Datatype(_, arguments) => arguments
            .iter()
            .try_for_each(|ty| parameters_below(ty, count)),
        _ => Ok(()),
    }
}

/// A type argument is a value type: references live only in signatures of functions and locals.
fn no_references(module: &CompiledModule, signature: u16) -> Checked {
    let mut tokens = module.signature(signature).iter();
    if tokens.any(|token| matches!(token, Token::Reference(_) | Token::MutableReference(_))) {
        return Err("reference as a type argument".into());
    }
    Ok(())
}

/// A phantom parameter occurs only where the datatype around it declares a phantom parameter, so that abilities do not
/// depend on it.
fn phantoms_are_phantom(
    module: &CompiledModule,
    declared: &[DatatypeParameter],
    value: &Token,
) -> Checked {
    match value {
        Token::Param(index) => match declared.get(usize::from(*index)) {
            Some(parameter) if parameter.phantom => Err("phantom parameter used as a type".into()),
            _ => Ok(()),
        },
        Token::Vector(inner) => phantoms_are_phantom(module, declared, inner),
        Token::Datatype(handle, arguments) => {
            let handle = module.datatype_handles.get(usize::from(*handle));
            let parameters = handle.map_or(&[][..], |handle| &handle.parameters);
            let plain = arguments.iter().enumerate().filter(|(index, argument)| {
                let phantom = parameters.get(*index).is_some_and(|entry| entry.phantom);
                !phantom || !matches!(argument, Token::Param(_))
            });
            plain
                .map(|(_, argument)| argument)
                .try_for_each(|argument| phantoms_are_phantom(module, declared, argument))
        }
        _ => Ok(()),
    }
}

fn check_fields(module: &CompiledModule, handle: u16, fields: &[FieldDef]) -> Checked {
    let parameters = module
        .datatype_handles
        .get(usize::from(handle))
        .map_or(&[][..], |entry| &entry.parameters);
    let count = parameters.len();
    for field in fields {
        phantoms_are_phantom(module, parameters, &field.token)?;
        within("identifier", field.name, module.identifiers.len())?;
        token(module, &field.token, false)?;
        parameters_below(&field.token, count)?;
    }
    distinct(
        "field",
        fields.iter().map(|field| module.identifier(field.name)),
    )
}

fn check_definitions(module: &CompiledModule) -> Checked {
    let definitions = module.struct_defs.len() + module.enum_defs.len();
    if definitions > crate::limits::DATATYPE_DEFINITIONS {
        return Err(format!(
            "{definitions} structs and enums, the limit is {}",
            crate::limits::DATATYPE_DEFINITIONS
        ));
    }
    for handle in module
        .struct_defs
        .iter()
        .map(|def| def.handle)
        .chain(module.enum_defs.iter().map(|def| def.handle))
    {
        within("datatype handle", handle, module.datatype_handles.len())?;
        if module
            .datatype_handles
            .get(usize::from(handle))
            .is_none_or(|entry| entry.module != module.self_handle)
        {
            return Err("definition of a foreign datatype".into());
        }
    }
    for def in &module.struct_defs {
        let fields = def.fields.as_ref().ok_or("native struct")?;
        if fields.is_empty() {
            return Err("struct without fields".into());
        }
        check_fields(module, def.handle, fields)?;
    }
    for def in &module.enum_defs {
        if def.variants.is_empty() {
            return Err("enum without variants".into());
        }
        for variant in &def.variants {
            within("identifier", variant.name, module.identifiers.len())?;
            check_fields(module, def.handle, &variant.fields)?;
        }
        distinct(
            "variant",
            def.variants
                .iter()
                .map(|variant| module.identifier(variant.name)),
        )?;
    }
    for handle in &module.field_handles {
        within("struct definition", handle.owner, module.struct_defs.len())?;
        let count = module
            .struct_defs
            .get(usize::from(handle.owner))
            .and_then(|def| def.fields.as_ref())
            .map_or(0, Vec::len);
        within("field", handle.field, count)?;
    }
    Ok(())
}

fn check_instantiations(module: &CompiledModule) -> Checked {
    let all = |list: &[Instantiation], what: &str, length: usize| -> Checked {
        list.iter().try_for_each(|entry| {
            within(what, entry.base, length)?;
            within("signature", entry.arguments, module.signatures.len())?;
            no_references(module, entry.arguments)
        })
    };
    all(
        &module.function_instantiations,
        "function handle",
        module.function_handles.len(),
    )?;
    all(
        &module.struct_instantiations,
        "struct definition",
        module.struct_defs.len(),
    )?;
    all(
        &module.field_instantiations,
        "field handle",
        module.field_handles.len(),
    )?;
    all(
        &module.enum_instantiations,
        "enum definition",
        module.enum_defs.len(),
    )?;
    check_variants(module)?;
    for entry in &module.function_instantiations {
        let declared = module
            .function_handles
            .get(usize::from(entry.base))
            .map_or(0, |handle| handle.type_parameters.len());
        if module.signature(entry.arguments).len() != declared {
            return Err("number of type arguments of a function instantiation".into());
        }
    }
    Ok(())
}

/// Of instantiated enums as well, which have to be in range by now.
fn check_variants(module: &CompiledModule) -> Checked {
    let variant = |handle: &VariantHandle, def: u16| -> Checked {
        within("enum definition", def, module.enum_defs.len())?;
        let count = module
            .enum_defs
            .get(usize::from(def))
            .map_or(0, |def| def.variants.len());
        within("variant", handle.tag, count)
    };
    module
        .variant_handles
        .iter()
        .try_for_each(|handle| variant(handle, handle.owner))?;
    for handle in &module.variant_instantiations {
        within(
            "enum instantiation",
            handle.owner,
            module.enum_instantiations.len(),
        )?;
        let def = module
            .enum_instantiations
            .get(usize::from(handle.owner))
            .map_or(0, |entry| entry.base);
        variant(handle, def)?;
    }
    Ok(())
}

fn check_functions(module: &CompiledModule) -> Checked {
    for def in &module.function_defs {
        within("function handle", def.handle, module.function_handles.len())?;
        let Some(handle) = module.function_handles.get(usize::from(def.handle)) else {
            continue;
        };
        if handle.module != module.self_handle || !def.acquires.is_empty() {
            return Err("definition of a foreign function, or acquires".into());
        }
        let count = handle.type_parameters.len();
        for index in [handle.parameters, handle.returns] {
            module
                .signature(index)
                .iter()
                .try_for_each(|ty| parameters_below(ty, count))?;
        }
        if let Some(code) = &def.code {
            check_code(
                module,
                code,
                module.signature(handle.parameters).len(),
                count,
            )?;
        }
    }
    Ok(())
}

fn check_code(
    module: &CompiledModule,
    code: &Code,
    parameters: usize,
    type_parameters: usize,
) -> Checked {
    within("locals signature", code.locals, module.signatures.len())?;
    let locals = parameters + module.signature(code.locals).len();
    if locals > crate::limits::LOCALS || code.instructions.is_empty() {
        return Err(format!(
            "{locals} locals, {} instructions",
            code.instructions.len()
        ));
    }
    module
        .signature(code.locals)
        .iter()
        .try_for_each(|ty| parameters_below(ty, type_parameters))?;
    for table in &code.jump_tables {
        within("enum definition", table.enum_def, module.enum_defs.len())?;
        let variants = module
            .enum_defs
            .get(usize::from(table.enum_def))
            .map_or(0, |def| def.variants.len());
        if table.targets.len() != variants {
            return Err("jump table does not cover the enum".into());
        }
        table
            .targets
            .iter()
            .try_for_each(|target| within("jump target", *target, code.instructions.len()))?;
    }
    for instruction in &code.instructions {
        check_operand(
            module,
            code,
            locals,
            type_parameters,
            instruction.code,
            &instruction.operand,
        )?;
    }
    match code.instructions.last().map(|last| last.code) {
        Some(0x02 | 0x05 | 0x27 | 0x56) => Ok(()),
        _ => Err("code falls off its end".into()),
    }
}

fn check_operand(
    module: &CompiledModule,
    code: &Code,
    locals: usize,
    type_parameters: usize,
    opcode: u8,
    operand: &Operand,
) -> Checked {
    let index = match operand {
        Operand::Index(index) | Operand::Vector(index, _) => *index,
        _ => return Ok(()),
    };
    let arguments = |signature: u16| -> Checked {
        module
            .signature(signature)
            .iter()
            .try_for_each(|ty| parameters_below(ty, type_parameters))
    };
    let generic = |list: &[Instantiation]| -> Checked {
        within("instantiation", index, list.len())?;
        list.get(usize::from(index))
            .map_or(Ok(()), |entry| arguments(entry.arguments))
    };
    match kind(opcode) {
        Some(Kind::Local) => within("local", index, locals),
        Some(Kind::Target) => within("branch target", index, code.instructions.len()),
        Some(Kind::Vector | Kind::Table(Table::Signature)) => {
            within("signature", index, module.signatures.len())?;
            if module.signature(index).len() != 1 {
                return Err("vector instruction needs one type".into());
            }
            no_references(module, index)?;
            arguments(index)
        }
        Some(Kind::Table(table)) => match table {
            Table::Constant => within("constant", index, module.constants.len()),
            Table::FieldHandle => within("field handle", index, module.field_handles.len()),
            Table::FieldInstantiation => generic(&module.field_instantiations),
            Table::FunctionHandle => {
                within("function handle", index, module.function_handles.len())
            }
            Table::FunctionInstantiation => generic(&module.function_instantiations),
            Table::StructDef => within("struct definition", index, module.struct_defs.len()),
            Table::StructInstantiation => generic(&module.struct_instantiations),
            Table::VariantHandle => within("variant handle", index, module.variant_handles.len()),
            Table::VariantInstantiation => {
                within("variant", index, module.variant_instantiations.len())
            }
            Table::Jump => within("jump table", index, code.jump_tables.len()),
            Table::Signature => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_duplicates(module: &CompiledModule) -> Checked {
    distinct("identifier", &module.identifiers)?;
    distinct(
        "address",
        module
            .addresses
            .iter()
            .map(sui_sdk_types::Address::as_bytes),
    )?;
    distinct(
        "module handle",
        module
            .module_handles
            .iter()
            .map(|handle| (handle.address, handle.name)),
    )?;
    distinct(
        "datatype handle",
        module
            .datatype_handles
            .iter()
            .map(|handle| (handle.module, handle.name)),
    )?;
    distinct(
        "function handle",
        module
            .function_handles
            .iter()
            .map(|handle| (handle.module, handle.name)),
    )?;
    let datatypes = module
        .struct_defs
        .iter()
        .map(|def| def.handle)
        .chain(module.enum_defs.iter().map(|def| def.handle));
    distinct("datatype definition", datatypes)?;
    distinct(
        "function definition",
        module.function_defs.iter().map(|def| def.handle),
    )
}
