//! Native functions: the framework alone declares them, and nobody publishes code that would call one that is not here.

use std::{collections::HashSet, sync::Arc};

use sui_sdk_types::Address;

use super::refused;
use crate::{
    error::VmResult,
    format::{CompiledModule, FunctionDef, Operand},
    loader::{Context, LinkedModule, Loader},
    types::standard_id,
};

/// Opcodes of calls, plain and of an instantiation.
const CALL: u8 = 0x11;
const CALL_GENERIC: u8 = 0x38;

/// Whether the modules of a package may declare native functions.
pub(super) fn may_declare(package: &Address) -> bool {
    *package == standard_id(1) || *package == standard_id(2)
}

/// A function by package (original id), module and name.
type Target = (Address, String, String);

/// Refuses a module that refers to a function of the framework from which a missing native can be reached. Other packages
/// need no look: they passed here themselves.
pub(super) fn check(loader: &Loader<'_>, context: &Context, linked: &LinkedModule) -> VmResult<()> {
    if may_declare(&linked.original_id) {
        return Ok(());
    }
    let compiled = &linked.compiled;
    let mut seen = HashSet::new();
    for index in 0..compiled.function_handles.len() {
        let Some(called) = target(compiled, index) else {
            continue;
        };
        if let Some((package, module, function)) = missing(loader, context, &called, &mut seen)? {
            let (_, called_module, called_function) = called;
            return Err(refused(format!(
                "module {} calls {called_module}::{called_function}, which needs the native function \
                 {package}::{module}::{function}; it is not available here",
                linked.name
            )));
        }
    }
    Ok(())
}

/// The missing native that a function reaches through functions of the framework which were not `seen` yet.
fn missing(
    loader: &Loader<'_>,
    context: &Context,
    from: &Target,
    seen: &mut HashSet<Target>,
) -> VmResult<Option<Target>> {
    let mut open = vec![from.clone()];
    while let Some(next) = open.pop() {
        if !may_declare(&next.0) || !seen.insert(next.clone()) {
            continue;
        }
        let (package, module, function) = &next;
        let Some(compiled) = compiled(loader, context, *package, module)? else {
            continue;
        };
        let mut definitions = compiled.function_defs.iter();
        let Some(definition) = definitions.find(|it| compiled.function_name(it) == function) else {
            continue;
        };
        if definition.code.is_some() {
            open.extend(calls(&compiled, definition));
        } else if loader.natives().find(package, module, function).is_none() {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

fn compiled(
    loader: &Loader<'_>,
    context: &Context,
    package: Address,
    module: &str,
) -> VmResult<Option<Arc<CompiledModule>>> {
    let storage_id = context.storage_id(package);
    match storage_id
        .map(|id| loader.package(id))
        .transpose()?
        .flatten()
    {
        Some(package) => package.module(module),
        None => Ok(None),
    }
}

/// What the code of a function calls.
fn calls(compiled: &CompiledModule, definition: &FunctionDef) -> Vec<Target> {
    let code = definition.code.iter().flat_map(|code| &code.instructions);
    code.filter_map(|instruction| {
        let Operand::Index(index) = instruction.operand else {
            return None;
        };
        let handle = match instruction.code {
            CALL => index,
            CALL_GENERIC => {
                let instantiation = compiled.function_instantiations.get(usize::from(index));
                instantiation?.base
            }
            _ => return None,
        };
        target(compiled, usize::from(handle))
    })
    .collect()
}

/// The function that a handle names.
fn target(compiled: &CompiledModule, handle: usize) -> Option<Target> {
    let handle = compiled.function_handles.get(handle)?;
    let (package, module) = compiled.module_of(handle.module);
    Some((
        package,
        module.to_owned(),
        compiled.identifier(handle.name).to_owned(),
    ))
}
