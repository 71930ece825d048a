//! Linked modules and functions: resolved under one linkage.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, RwLock, Weak},
};

use sui_sdk_types::Address;

use super::{Loader, Op, code};
use crate::{
    declarations::Visibility,
    error::{Location, VmError, VmResult},
    format::{
        CompiledModule, FLAG_ENTRY, FLAG_NATIVE, VISIBILITY_FRIEND, VISIBILITY_PUBLIC, entry_index,
    },
    host::NativeFunction,
    linkage::Linkage,
    types::{AbilitySet, Type},
};

/// One linkage and the modules resolved under it.
#[derive(Debug)]
pub(crate) struct Context {
    linkage: Linkage,
    modules: RwLock<HashMap<(Address, String), Arc<LinkedModule>>>,
}

impl Context {
    pub(crate) fn new(linkage: Linkage) -> Self {
        Self {
            linkage,
            modules: RwLock::default(),
        }
    }

    pub(crate) fn storage_id(&self, original: Address) -> Option<Address> {
        self.linkage.0.get(&original).copied()
    }
}

type HandleCell = OnceLock<(Weak<LinkedModule>, Arc<Function>)>;

/// A module under a linkage.
#[derive(Debug)]
pub(crate) struct LinkedModule {
    pub(crate) storage_id: Address,
    pub(crate) original_id: Address,
    pub(crate) name: String,
    pub(crate) compiled: Arc<CompiledModule>,
    by_name: HashMap<String, u16>,
    functions: Vec<OnceLock<Arc<Function>>>,
    handles: Vec<HandleCell>,
}

/// A function ready to run.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) index: u16,
    pub(crate) visibility: Visibility,
    pub(crate) is_entry: bool,
    pub(crate) type_parameters: Vec<AbilitySet>,
    pub(crate) parameters: Vec<Type>,
    pub(crate) returns: Vec<Type>,
    /// Number of locals, parameters included.
    pub(crate) locals: usize,
    pub(crate) body: Body,
    /// Per instruction, whether it ran.
    #[cfg(feature = "coverage")]
    pub(crate) executed: Vec<std::sync::atomic::AtomicBool>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Code(Vec<Op>),
    Native(NativeFunction),
    /// A native that this machine does not have; calling it is an error.
    Missing,
}

impl LinkedModule {
    /// A location for aborts (storage id) or primitive errors (original id).
    pub(crate) fn location(
        &self,
        function: &Function,
        instruction: usize,
        abort: bool,
    ) -> Location {
        Location {
            package: if abort {
                self.storage_id
            } else {
                self.original_id
            },
            module: self.name.clone(),
            function: function.index,
            instruction: u16::try_from(instruction).unwrap_or(u16::MAX),
            function_name: function.name.clone(),
        }
    }
}

impl Loader<'_> {
    /// The module `original::name` under a linkage.
    pub(crate) fn module(
        &self,
        context: &Context,
        original: Address,
        name: &str,
    ) -> VmResult<Option<Arc<LinkedModule>>> {
        let key = (original, name.to_owned());
        if let Some(module) = super::cached(&context.modules, &key) {
            return Ok(Some(module));
        }
        let Some(storage_id) = context.storage_id(original) else {
            return Ok(None);
        };
        let Some(package) = self.package(storage_id)? else {
            return Ok(None);
        };
        let Some(compiled) = package.module(name)? else {
            return Ok(None);
        };
        let mut by_name = HashMap::new();
        for (index, def) in compiled.function_defs.iter().enumerate() {
            by_name.insert(compiled.function_name(def).to_owned(), entry_index(index)?);
        }
        let module = LinkedModule {
            storage_id,
            original_id: package.package.original_id,
            name: name.to_owned(),
            by_name,
            functions: compiled
                .function_defs
                .iter()
                .map(|_| OnceLock::new())
                .collect(),
            handles: compiled
                .function_handles
                .iter()
                .map(|_| OnceLock::new())
                .collect(),
            compiled,
        };
        // A linkage has a few packages of at most 64 modules each, so this cache is bounded by them.
        Ok(Some(super::remember(
            &context.modules,
            usize::MAX,
            key,
            Arc::new(module),
        )))
    }

    /// A function by name.
    pub(crate) fn function(
        &self,
        context: &Context,
        module: &LinkedModule,
        name: &str,
    ) -> VmResult<Option<Arc<Function>>> {
        match module.by_name.get(name) {
            Some(index) => self.definition(context, module, *index).map(Some),
            None => Ok(None),
        }
    }

    /// A function by its index in the definitions.
    pub(crate) fn definition(
        &self,
        context: &Context,
        module: &LinkedModule,
        index: u16,
    ) -> VmResult<Arc<Function>> {
        let out_of_range = || VmError::invariant("function definition out of range");
        let cell = module
            .functions
            .get(usize::from(index))
            .ok_or_else(out_of_range)?;
        if let Some(function) = cell.get() {
            return Ok(function.clone());
        }
        let function = Arc::new(self.build(context, module, index)?);
        Ok(cell.get_or_init(|| function).clone())
    }

    /// The function a handle of `module` refers to.
    pub(crate) fn handle(
        &self,
        context: &Context,
        module: &Arc<LinkedModule>,
        index: u16,
    ) -> VmResult<(Arc<LinkedModule>, Arc<Function>)> {
        let out_of_range = || VmError::invariant("function handle out of range");
        let cell = module
            .handles
            .get(usize::from(index))
            .ok_or_else(out_of_range)?;
        if let Some((target, function)) = cell.get()
            && let Some(target) = target.upgrade()
        {
            return Ok((target, function.clone()));
        }
        let compiled = &module.compiled;
        let handle = compiled
            .function_handles
            .get(usize::from(index))
            .ok_or_else(out_of_range)?;
        let name = compiled.identifier(handle.name);
        let (target, own) = if handle.module == compiled.self_handle {
            (module.clone(), true)
        } else {
            let (original, target) = compiled.module_of(handle.module);
            let found = self.module(context, original, target)?;
            (
                found.ok_or_else(|| {
                    VmError::Linkage(format!("module {original}::{target} is missing"))
                })?,
                false,
            )
        };
        let function = self.function(context, &target, name)?.ok_or_else(|| {
            VmError::Linkage(format!("function {}::{name} is missing", target.name))
        })?;
        if !own {
            self.check_handle(context, module, &target, &function, index)?;
        }
        let _ = cell.set((Arc::downgrade(&target), function.clone()));
        Ok((target, function))
    }

    /// A foreign function has the declared shape and may be called from here.
    fn check_handle(
        &self,
        context: &Context,
        module: &LinkedModule,
        target: &LinkedModule,
        function: &Function,
        index: u16,
    ) -> VmResult<()> {
        let compiled = &module.compiled;
        let Some(handle) = compiled.function_handles.get(usize::from(index)) else {
            return Ok(());
        };
        let visible = match function.visibility {
            Visibility::Public => true,
            Visibility::Private => false,
            Visibility::Friend => {
                target.compiled.friends.iter().any(|friend| {
                    target.compiled.address(friend.address) == module.original_id
                        && target.compiled.identifier(friend.name) == module.name
                }) || target.original_id == module.original_id
            }
        };
        let same = self.tokens(context, compiled, compiled.signature(handle.parameters))?
            == function.parameters
            && self.tokens(context, compiled, compiled.signature(handle.returns))?
                == function.returns
            && handle.type_parameters.len() == function.type_parameters.len()
            && handle
                .type_parameters
                .iter()
                .zip(&function.type_parameters)
                .all(|(handle, def)| handle.has(*def));
        if visible && same {
            Ok(())
        } else {
            Err(VmError::Verification(format!(
                "{}::{} does not link with {}",
                target.name, function.name, module.name
            )))
        }
    }

    fn build(&self, context: &Context, module: &LinkedModule, index: u16) -> VmResult<Function> {
        let out_of_range = || VmError::invariant("function definition out of range");
        let compiled = &module.compiled;
        let def = compiled
            .function_defs
            .get(usize::from(index))
            .ok_or_else(out_of_range)?;
        let handle = compiled
            .function_handles
            .get(usize::from(def.handle))
            .ok_or_else(out_of_range)?;
        let name = compiled.identifier(handle.name).to_owned();
        let parameters = self.tokens(context, compiled, compiled.signature(handle.parameters))?;
        let returns = self.tokens(context, compiled, compiled.signature(handle.returns))?;
        let mut locals = parameters.len();
        let body = match &def.code {
            Some(code) => {
                locals += compiled.signature(code.locals).len();
                Body::Code(code::resolve(self, context, compiled, code)?)
            }
            None => self
                .natives()
                .find(&module.original_id, &module.name, &name)
                .map_or(Body::Missing, Body::Native),
        };
        #[cfg(feature = "coverage")]
        let executed = match &body {
            Body::Code(code) => code.iter().map(|_| false.into()).collect(),
            Body::Native(_) | Body::Missing => Vec::new(),
        };
        Ok(Function {
            #[cfg(feature = "coverage")]
            executed,
            name,
            index,
            visibility: match def.visibility {
                VISIBILITY_PUBLIC => Visibility::Public,
                VISIBILITY_FRIEND => Visibility::Friend,
                _ => Visibility::Private,
            },
            is_entry: def.flags & FLAG_ENTRY != 0 && def.flags & FLAG_NATIVE == 0,
            type_parameters: handle.type_parameters.clone(),
            parameters,
            returns,
            locals,
            body,
        })
    }
}
