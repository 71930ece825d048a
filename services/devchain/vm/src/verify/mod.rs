//! Verifier of packages at publish (devchain spec 3.6): linking, constants and abilities of fields (V1), the Sui
//! rules (V2), types on the stack, abilities and use of locals (V3). Reference safety (V4) is not proved; the
//! interpreter checks every access through a reference instead (see `value::reference`).

#[cfg(test)]
mod limit_tests;
mod locals;
mod loops;
mod natives;
mod sui;
mod typing;

use std::cell::Cell;

use crate::{
    error::{VmError, VmResult},
    format::entry_index,
    limits,
    linkage::Linkage,
    loader::{Body, Context, LinkedModule, Loader},
    store::Package,
    types::{AbilitySet, DatatypeBody, Type},
    value::bcs,
};

/// Verifies every module of a package that the loader can already see.
pub(crate) fn package(loader: &Loader<'_>, package: &Package) -> VmResult<()> {
    let context = own_context(package);
    let work = Work::default();
    let mut names = package.modules.keys();
    names.try_for_each(|name| named(loader, &context, package, name, &work))
}

/// Verifies one module of such a package.
pub(crate) fn one(loader: &Loader<'_>, package: &Package, name: &str) -> VmResult<()> {
    let work = Work::default();
    named(loader, &own_context(package), package, name, &work)
}

/// The linkage of the package itself. Not a cached one: the package may never come to be.
fn own_context(package: &Package) -> Context {
    let mut linkage = Linkage::default();
    linkage.0.extend(
        package
            .linkage
            .iter()
            .map(|(original, entry)| (*original, entry.storage_id)),
    );
    linkage.0.insert(package.original_id, package.storage_id);
    Context::new(linkage)
}

/// Nodes of types that were made so far, bounded for a whole package: replacing type parameters may blow types up.
#[derive(Debug, Default)]
struct Work(Cell<usize>);

impl Work {
    fn made(&self, ty: Type) -> VmResult<Type> {
        let nodes = self.0.get().saturating_add(ty.measure().0);
        self.0.set(nodes);
        if nodes > limits::VERIFIED_NODES {
            return Err(refused(format!(
                "the types of generic calls and fields have more than {} nodes together",
                limits::VERIFIED_NODES
            )));
        }
        Ok(ty)
    }
}

fn named(
    loader: &Loader<'_>,
    context: &Context,
    package: &Package,
    name: &str,
    work: &Work,
) -> VmResult<()> {
    let compiled = loader
        .package(package.storage_id)?
        .ok_or_else(|| VmError::invariant("package to verify is not loaded"))?
        .module(name)?
        .ok_or_else(|| refused("module is missing"))?;
    if compiled.name() != name || compiled.self_address() != package.original_id {
        return Err(refused(format!(
            "module {name} has another name or address inside"
        )));
    }
    let linked = loader
        .module(context, package.original_id, name)?
        .ok_or_else(|| VmError::invariant("module to verify is not loaded"))?;
    module(loader, context, &linked, work).map_err(as_verification)?;
    natives::check(loader, context, &linked)?;
    sui::check(&compiled)
}

fn refused(text: impl Into<String>) -> VmError {
    VmError::Verification(text.into())
}

/// Whatever goes wrong while verifying is the fault of the module.
fn as_verification(error: VmError) -> VmError {
    match error {
        VmError::Linkage(message)
        | VmError::Invariant(message)
        | VmError::Primitive { message, .. } => VmError::Verification(message),
        VmError::InvalidBcs(message) => VmError::Verification(format!("constant: {message}")),
        error => error,
    }
}

fn module(
    loader: &Loader<'_>,
    context: &Context,
    linked: &std::sync::Arc<LinkedModule>,
    work: &Work,
) -> VmResult<()> {
    let compiled = &linked.compiled;
    for constant in &compiled.constants {
        bcs::decode(
            &loader.token(context, compiled, &constant.token)?,
            &constant.bytes,
        )?;
    }
    let structs = compiled.struct_defs.iter().map(|def| def.handle);
    for handle in structs.chain(compiled.enum_defs.iter().map(|def| def.handle)) {
        datatype(&typing::own_datatype(loader, context, compiled, handle)?)?;
    }
    for index in 0..compiled.function_handles.len() {
        loader.handle(context, linked, entry_index(index)?)?;
    }
    for (index, def) in compiled.function_defs.iter().enumerate() {
        let function = loader.definition(context, linked, entry_index(index)?)?;
        for ty in function.parameters.iter().chain(&function.returns) {
            well_formed(ty, &function.type_parameters)?;
        }
        match (&def.code, &function.body) {
            (Some(code), Body::Code(_)) => {
                let locals = locals::types(loader, context, compiled, &function, code)?;
                let leaders = locals::leaders(code)?;
                let subject = typing::Subject {
                    function: &function,
                    code,
                    locals: &locals,
                    leaders: &leaders,
                };
                loops::check(code, &leaders)
                    .and_then(|()| typing::check(loader, context, linked, &subject, work))
                    .and_then(|()| locals::check(&function, code, &locals, &leaders))
                    .map_err(|error| match as_verification(error) {
                        VmError::Verification(message) => {
                            refused(format!("{}::{}: {message}", linked.name, function.name))
                        }
                        error => error,
                    })?;
            }
            _ if natives::may_declare(&linked.original_id) => {}
            _ => return Err(refused(format!("native function {}", function.name))),
        }
    }
    Ok(())
}

/// A datatype has only abilities that its fields allow.
fn datatype(ty: &Type) -> VmResult<()> {
    let Type::Datatype(datatype, _) = ty else {
        return Err(refused("datatype expected"));
    };
    let constraints: Vec<AbilitySet> = datatype
        .parameters
        .iter()
        .map(|parameter| parameter.constraints)
        .collect();
    let all = vec![AbilitySet(15); datatype.parameters.len()];
    let mut required = datatype.abilities.intersect(AbilitySet::PRIMITIVE);
    if datatype.abilities.has(AbilitySet::KEY) {
        required = required.union(AbilitySet::STORE);
    }
    let fields = match &datatype.body {
        DatatypeBody::Struct(fields) => fields.iter().collect::<Vec<_>>(),
        DatatypeBody::Enum(variants) => variants
            .iter()
            .flat_map(|variant| &variant.fields)
            .collect(),
    };
    for field in fields {
        well_formed(&field.ty, &constraints)?;
        if !field.ty.abilities(&all).has(required) {
            return Err(refused(format!(
                "field {} of {} lacks an ability",
                field.name, datatype.name
            )));
        }
    }
    Ok(())
}

/// Type arguments inside `ty` satisfy the constraints of the datatypes.
fn well_formed(ty: &Type, parameters: &[AbilitySet]) -> VmResult<()> {
    match ty {
        Type::Vector(inner) | Type::Reference(inner) | Type::MutableReference(inner) => {
            well_formed(inner, parameters)
        }
        Type::Datatype(datatype, arguments) => {
            for (argument, parameter) in arguments.iter().zip(&datatype.parameters) {
                well_formed(argument, parameters)?;
                if !argument.abilities(parameters).has(parameter.constraints) {
                    return Err(refused(format!(
                        "type argument of {} lacks an ability",
                        datatype.name
                    )));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
