//! Loader of packages, linkage contexts and types (devchain spec 3.5).

mod code;
#[cfg(test)]
mod limit_tests;
mod link;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, RwLock},
};

use sui_sdk_types::{Address, TypeTag};

pub(crate) use code::{Binary, Op, Width};
pub(crate) use link::{Body, Context, Function, LinkedModule};

use crate::{
    error::{VmError, VmResult},
    format::{CompiledModule, FieldDef, Token},
    host::NativeTable,
    limits,
    linkage::Linkage,
    store::{Package, PackageStore},
    types::{AbilitySet, Datatype, DatatypeBody, Field, Type, Variant},
};

/// A package with lazily parsed modules.
#[derive(Debug)]
pub(crate) struct LoadedPackage {
    pub(crate) package: Arc<Package>,
    modules: HashMap<String, OnceLock<Result<Arc<CompiledModule>, String>>>,
    origins: HashMap<String, HashMap<String, Address>>,
}

impl LoadedPackage {
    fn new(package: Arc<Package>) -> Self {
        let modules = package
            .modules
            .keys()
            .map(|name| (name.clone(), OnceLock::new()))
            .collect();
        let mut origins: HashMap<String, HashMap<String, Address>> = HashMap::new();
        for origin in &package.type_origins {
            origins
                .entry(origin.module.clone())
                .or_default()
                .insert(origin.datatype.clone(), origin.package);
        }
        Self {
            package,
            modules,
            origins,
        }
    }

    pub(crate) fn module(&self, name: &str) -> VmResult<Option<Arc<CompiledModule>>> {
        let (Some(cell), Some(bytes)) = (self.modules.get(name), self.package.modules.get(name))
        else {
            return Ok(None);
        };
        match cell.get_or_init(|| CompiledModule::parse(bytes).map(Arc::new)) {
            Ok(module) => Ok(Some(module.clone())),
            Err(message) => Err(VmError::Verification(message.clone())),
        }
    }

    /// Defining id of a datatype declared in this package.
    pub(crate) fn origin(&self, module: &str, datatype: &str) -> Option<Address> {
        self.origins.get(module)?.get(datatype).copied()
    }

    /// Storage id under the package's own linkage table.
    fn linked(&self, original: Address) -> Option<Address> {
        if original == self.package.original_id {
            return Some(self.package.storage_id);
        }
        self.package
            .linkage
            .get(&original)
            .map(|entry| entry.storage_id)
    }
}

type DatatypeKey = (Address, String, String);

/// Caches shared by all sessions.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    packages: RwLock<HashMap<Address, Arc<LoadedPackage>>>,
    contexts: RwLock<HashMap<Linkage, Arc<Context>>>,
    datatypes: RwLock<HashMap<DatatypeKey, Arc<Datatype>>>,
}

fn cached<K: std::hash::Hash + Eq, V: Clone>(cache: &RwLock<HashMap<K, V>>, key: &K) -> Option<V> {
    cache.read().ok()?.get(key).cloned()
}

fn remember<K: std::hash::Hash + Eq, V: Clone>(
    cache: &RwLock<HashMap<K, V>>,
    limit: usize,
    key: K,
    value: V,
) -> V {
    if let Ok(mut cache) = cache.write() {
        if cache.len() >= limit {
            cache.clear();
        }
        return cache.entry(key).or_insert(value).clone();
    }
    value
}

/// Loads packages, contexts and types for one session. Packages of the session shadow the store.
pub(crate) struct Loader<'a> {
    natives: NativeTable,
    caches: &'a Caches,
    store: &'a dyn PackageStore,
    own: HashMap<Address, Arc<LoadedPackage>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        natives: NativeTable,
        caches: &'a Caches,
        store: &'a dyn PackageStore,
    ) -> Self {
        Self {
            natives,
            caches,
            store,
            own: HashMap::new(),
        }
    }

    /// The same packages, with other caches.
    pub(crate) fn apart<'b>(&self, caches: &'b Caches) -> Loader<'b>
    where
        'a: 'b,
    {
        Loader {
            natives: self.natives,
            caches,
            store: self.store,
            own: self.own.clone(),
        }
    }

    /// The natives that functions are linked to.
    pub(crate) fn natives(&self) -> NativeTable {
        self.natives
    }

    pub(crate) fn add(&mut self, package: Arc<Package>) {
        self.own
            .insert(package.storage_id, Arc::new(LoadedPackage::new(package)));
    }

    pub(crate) fn remove(&mut self, storage_id: Address) {
        self.own.remove(&storage_id);
    }

    pub(crate) fn package(&self, storage_id: Address) -> VmResult<Option<Arc<LoadedPackage>>> {
        if let Some(package) = self.own.get(&storage_id) {
            return Ok(Some(package.clone()));
        }
        if let Some(package) = cached(&self.caches.packages, &storage_id) {
            return Ok(Some(package));
        }
        let Some(package) = self.store.package(storage_id)? else {
            return Ok(None);
        };
        let loaded = Arc::new(LoadedPackage::new(package));
        Ok(Some(remember(
            &self.caches.packages,
            limits::CACHED_PACKAGES,
            storage_id,
            loaded,
        )))
    }

    fn expect_package(&self, storage_id: Address) -> VmResult<Arc<LoadedPackage>> {
        self.package(storage_id)?
            .ok_or_else(|| VmError::Linkage(format!("package {storage_id} is missing")))
    }

    pub(crate) fn context(&self, linkage: &Linkage) -> Arc<Context> {
        if let Some(context) = cached(&self.caches.contexts, linkage) {
            return context;
        }
        let context = Arc::new(Context::new(linkage.clone()));
        remember(
            &self.caches.contexts,
            limits::CACHED_LINKAGES,
            linkage.clone(),
            context,
        )
    }

    /// The type of a tag whose addresses may name any version of a package.
    pub(crate) fn load_tag(&self, tag: &TypeTag) -> VmResult<Type> {
        let ty = self.tag_at(tag, 0)?;
        ty.check_size()?;
        Ok(ty)
    }

    fn tag_at(&self, tag: &TypeTag, depth: usize) -> VmResult<Type> {
        if depth > limits::TYPE_DEPTH {
            return Err(VmError::primitive("type is nested too deeply"));
        }
        Ok(match tag {
            TypeTag::Bool => Type::Bool,
            TypeTag::U8 => Type::U8,
            TypeTag::U16 => Type::U16,
            TypeTag::U32 => Type::U32,
            TypeTag::U64 => Type::U64,
            TypeTag::U128 => Type::U128,
            TypeTag::U256 => Type::U256,
            TypeTag::Address => Type::Address,
            TypeTag::Signer => Type::Signer,
            TypeTag::Vector(inner) => Type::Vector(Arc::new(self.tag_at(inner, depth + 1)?)),
            TypeTag::Struct(wanted) => {
                let missing = || VmError::TypeNotFound { tag: tag.clone() };
                let package = self.package(*wanted.address())?.ok_or_else(missing)?;
                let (module, name) = (wanted.module().as_str(), wanted.name().as_str());
                let defining = package.origin(module, name).ok_or_else(missing)?;
                let datatype = self.datatype(defining, module, name, 0)?;
                let mut arguments = Vec::with_capacity(wanted.type_params().len());
                for argument in wanted.type_params() {
                    arguments.push(self.tag_at(argument, depth + 1)?);
                }
                let constraints: Vec<_> = datatype
                    .parameters
                    .iter()
                    .map(|entry| entry.constraints)
                    .collect();
                check_arguments(&constraints, &arguments)?;
                Type::Datatype(datatype, arguments.into())
            }
        })
    }

    /// The type of a token of `module`, seen through a linkage context.
    pub(crate) fn token(
        &self,
        context: &Context,
        module: &CompiledModule,
        token: &Token,
    ) -> VmResult<Type> {
        self.token_with(&|original| context.storage_id(original), module, token, 0)
    }

    pub(crate) fn tokens(
        &self,
        context: &Context,
        module: &CompiledModule,
        tokens: &[Token],
    ) -> VmResult<Vec<Type>> {
        tokens
            .iter()
            .map(|token| self.token(context, module, token))
            .collect()
    }

    fn token_with(
        &self,
        link: &dyn Fn(Address) -> Option<Address>,
        module: &CompiledModule,
        token: &Token,
        depth: usize,
    ) -> VmResult<Type> {
        let inner = |token: &Token| -> VmResult<Arc<Type>> {
            Ok(Arc::new(self.token_with(link, module, token, depth)?))
        };
        Ok(match token {
            Token::Bool => Type::Bool,
            Token::U8 => Type::U8,
            Token::U16 => Type::U16,
            Token::U32 => Type::U32,
            Token::U64 => Type::U64,
            Token::U128 => Type::U128,
            Token::U256 => Type::U256,
            Token::Address => Type::Address,
            Token::Signer => Type::Signer,
            Token::Vector(token) => Type::Vector(inner(token)?),
            Token::Reference(token) => Type::Reference(inner(token)?),
            Token::MutableReference(token) => Type::MutableReference(inner(token)?),
            Token::Param(index) => Type::Param(*index),
            Token::Datatype(handle, arguments) => {
                let datatype = self.datatype_of_handle(link, module, *handle, depth)?;
                let arguments = arguments
                    .iter()
                    .map(|token| self.token_with(link, module, token, depth))
                    .collect::<VmResult<Vec<_>>>()?;
                Type::Datatype(datatype, arguments.into())
            }
        })
    }

    /// The datatype that a handle of a module means, which it has to describe rightly.
    fn datatype_of_handle(
        &self,
        link: &dyn Fn(Address) -> Option<Address>,
        module: &CompiledModule,
        handle: u16,
        depth: usize,
    ) -> VmResult<Arc<Datatype>> {
        let handle = module
            .datatype_handles
            .get(usize::from(handle))
            .ok_or_else(|| VmError::invariant("datatype handle out of range"))?;
        let (original, name) = module.module_of(handle.module);
        let datatype_name = module.identifier(handle.name);
        let storage = link(original)
            .ok_or_else(|| VmError::Linkage(format!("package {original} is not in the linkage")))?;
        let package = self.expect_package(storage)?;
        let defining = package.origin(name, datatype_name).ok_or_else(|| {
            VmError::Linkage(format!(
                "type {original}::{name}::{datatype_name} is not in {storage}"
            ))
        })?;
        let datatype = self.datatype(defining, name, datatype_name, depth)?;
        let mut parameters = datatype.parameters.iter().zip(&handle.parameters);
        let matches = datatype.parameters.len() == handle.parameters.len()
            && datatype.abilities.has(handle.abilities)
            && parameters.all(|(def, handle)| {
                handle.constraints.has(def.constraints) && (!handle.phantom || def.phantom)
            });
        match matches {
            true => Ok(datatype),
            false => Err(VmError::Verification(format!(
                "handle of {name}::{datatype_name} does not match"
            ))),
        }
    }

    /// The datatype `defining::module::name`, from the package version that introduced it.
    fn datatype(
        &self,
        defining: Address,
        module: &str,
        name: &str,
        depth: usize,
    ) -> VmResult<Arc<Datatype>> {
        let key = (defining, module.to_owned(), name.to_owned());
        if let Some(datatype) = cached(&self.caches.datatypes, &key) {
            return Ok(datatype);
        }
        if depth > limits::DATATYPE_DEPTH {
            return Err(VmError::Verification(format!(
                "{module}::{name} is recursive or nested too deeply"
            )));
        }
        let missing = || VmError::Linkage(format!("type {defining}::{module}::{name} is missing"));
        let package = self.expect_package(defining)?;
        let compiled = package.module(module)?.ok_or_else(missing)?;
        let datatype = self
            .build_datatype(&package, &compiled, module, name, depth)?
            .ok_or_else(missing)?;
        Ok(remember(
            &self.caches.datatypes,
            limits::CACHED_DATATYPES,
            key,
            Arc::new(datatype),
        ))
    }

    fn build_datatype(
        &self,
        package: &LoadedPackage,
        compiled: &CompiledModule,
        module: &str,
        name: &str,
        depth: usize,
    ) -> VmResult<Option<Datatype>> {
        let Some((handle, body)) = self.datatype_body(package, compiled, name, depth)? else {
            return Ok(None);
        };
        let Some(handle) = compiled.datatype_handles.get(usize::from(handle)) else {
            return Ok(None);
        };
        let nesting = match &body {
            DatatypeBody::Struct(fields) => deepest(fields),
            DatatypeBody::Enum(variants) => variants
                .iter()
                .map(|variant| deepest(&variant.fields))
                .max()
                .unwrap_or(0),
        };
        if nesting >= limits::DATATYPE_DEPTH {
            return Err(VmError::Verification(format!(
                "{module}::{name} is nested too deeply"
            )));
        }
        Ok(Some(Datatype {
            defining_id: package.package.storage_id,
            original_id: package.package.original_id,
            module: module.to_owned(),
            name: name.to_owned(),
            abilities: handle.abilities,
            parameters: handle.parameters.clone(),
            depth: nesting + 1,
            body,
        }))
    }

    /// What a datatype is made of, and its handle; `None` if the module defines none of this name.
    fn datatype_body(
        &self,
        package: &LoadedPackage,
        compiled: &CompiledModule,
        name: &str,
        depth: usize,
    ) -> VmResult<Option<(u16, DatatypeBody)>> {
        let link = |original| package.linked(original);
        let fields = |defs: &[FieldDef]| -> VmResult<Vec<Field>> {
            defs.iter()
                .map(|def| {
                    let ty = self.token_with(&link, compiled, &def.token, depth + 1)?;
                    let name = compiled.identifier(def.name).to_owned();
                    Ok(Field { name, ty })
                })
                .collect()
        };
        let is_named = |handle: u16| compiled.datatype_name(handle) == name;
        if let Some(def) = compiled.struct_defs.iter().find(|def| is_named(def.handle)) {
            let fields = fields(def.fields.as_deref().unwrap_or(&[]))?;
            return Ok(Some((def.handle, DatatypeBody::Struct(fields))));
        }
        let Some(def) = compiled.enum_defs.iter().find(|def| is_named(def.handle)) else {
            return Ok(None);
        };
        let variants = def.variants.iter().map(|variant| {
            Ok(Variant {
                name: compiled.identifier(variant.name).to_owned(),
                fields: fields(&variant.fields)?,
            })
        });
        let variants = variants.collect::<VmResult<_>>()?;
        Ok(Some((def.handle, DatatypeBody::Enum(variants))))
    }
}

fn deepest(fields: &[Field]) -> usize {
    fields
        .iter()
        .map(|field| field.ty.measure().1)
        .max()
        .unwrap_or(0)
}

/// Checks number and abilities of type arguments.
pub(crate) fn check_arguments(constraints: &[AbilitySet], arguments: &[Type]) -> VmResult<()> {
    if constraints.len() != arguments.len() {
        return Err(VmError::TypeArity {
            expected: constraints.len(),
            actual: arguments.len(),
        });
    }
    for (index, (constraint, argument)) in constraints.iter().zip(arguments).enumerate() {
        if !argument.abilities(&[]).has(*constraint) {
            return Err(VmError::TypeConstraint { index });
        }
    }
    Ok(())
}
