//! Packages, functions and datatypes as messages (devchain spec 1.4).

use sui_devchain_executor::ObjectStore;
use sui_devchain_vm::declarations::{
    DatatypeDeclaration, DeclaredBody, FieldDeclaration, FunctionDeclaration, Signature,
};
use sui_devchain_vm::{AbilitySet, Visibility};
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::datatype_descriptor::DatatypeKind;
use sui_rpc::proto::sui::rpc::v2::function_descriptor::Visibility as ProtoVisibility;
use sui_rpc::proto::sui::rpc::v2::open_signature::Reference;
use sui_rpc::proto::sui::rpc::v2::open_signature_body::Type;
use sui_sdk_types::MovePackage;

use crate::abi::{self, defining_id};

/// The package part of an object: modules as bytes, origins and linkage.
pub(crate) fn package(package: &MovePackage, mask: &FieldMaskTree) -> proto::Package {
    type Message = proto::Package;
    let mut message = Message::default();
    if mask.contains(Message::STORAGE_ID_FIELD.name) {
        message.storage_id = Some(package.id.to_string());
    }
    if mask.contains(Message::ORIGINAL_ID_FIELD.name) {
        message.original_id = Some(abi::original_id(package).to_string());
    }
    if mask.contains(Message::VERSION_FIELD.name) {
        message.version = Some(package.version);
    }
    if mask.contains(Message::MODULES_FIELD.name) {
        message.modules = package
            .modules
            .iter()
            .map(|(name, contents)| {
                let mut module = proto::Module::default();
                module.name = Some(name.to_string());
                module.contents = Some(contents.clone().into());
                module
            })
            .collect();
    }
    if mask.contains(Message::TYPE_ORIGINS_FIELD.name) {
        message.type_origins = package
            .type_origin_table
            .iter()
            .map(|origin| origin.clone().into())
            .collect();
    }
    if mask.contains(Message::LINKAGE_FIELD.name) {
        message.linkage = package
            .linkage_table
            .iter()
            .map(|(original, link)| {
                let mut linkage = proto::Linkage::default();
                linkage.original_id = Some(original.to_string());
                linkage.upgraded_id = Some(link.upgraded_id.to_string());
                linkage.upgraded_version = Some(link.upgraded_version);
                linkage
            })
            .collect();
    }
    message
}

/// The whole package with the declarations of its modules.
pub(crate) fn described(store: &dyn ObjectStore, found: &MovePackage) -> proto::Package {
    let mut message = package(found, &FieldMaskTree::new_wildcard());
    for (module, (name, bytes)) in message.modules.iter_mut().zip(&found.modules) {
        let Some(abi) = abi::declarations(bytes) else {
            continue;
        };
        module.datatypes = abi
            .datatypes
            .iter()
            .map(|declared| datatype(store, found, name.as_str(), declared))
            .collect();
        module.functions = abi
            .functions
            .iter()
            .map(|declared| function(store, found, declared))
            .collect();
    }
    message
}

/// A function.
pub(crate) fn function(
    store: &dyn ObjectStore,
    package: &MovePackage,
    declared: &FunctionDeclaration,
) -> proto::FunctionDescriptor {
    let mut message = proto::FunctionDescriptor::default();
    message.name = Some(declared.name.clone());
    message.set_visibility(match declared.visibility {
        Visibility::Private => ProtoVisibility::Private,
        Visibility::Public => ProtoVisibility::Public,
        Visibility::Friend => ProtoVisibility::Friend,
    });
    message.is_entry = Some(declared.is_entry);
    message.type_parameters = declared
        .type_parameters
        .iter()
        .map(|constraints| {
            let mut parameter = proto::TypeParameter::default();
            parameter.constraints = abilities(*constraints);
            parameter
        })
        .collect();
    let signatures = |list: &[Signature]| {
        list.iter()
            .map(|type_| signature(store, package, type_))
            .collect()
    };
    message.parameters = signatures(&declared.parameters);
    message.returns = signatures(&declared.returns);
    message
}

/// A struct or enum.
pub(crate) fn datatype(
    store: &dyn ObjectStore,
    package: &MovePackage,
    module: &str,
    declared: &DatatypeDeclaration,
) -> proto::DatatypeDescriptor {
    let original = abi::original_id(package);
    let defining =
        defining_id(store, package, original, module, &declared.name).unwrap_or(package.id);
    let mut message = proto::DatatypeDescriptor::default();
    message.type_name = Some(format!("{defining}::{module}::{}", declared.name));
    message.defining_id = Some(defining.to_string());
    message.module = Some(module.to_owned());
    message.name = Some(declared.name.clone());
    message.abilities = abilities(declared.abilities);
    message.type_parameters = declared
        .type_parameters
        .iter()
        .map(|declared| {
            let mut parameter = proto::TypeParameter::default();
            parameter.constraints = abilities(declared.constraints);
            parameter.is_phantom = Some(declared.phantom);
            parameter
        })
        .collect();
    match &declared.body {
        DeclaredBody::Struct(list) => {
            message.set_kind(DatatypeKind::Struct);
            message.fields = fields(store, package, list);
        }
        DeclaredBody::Enum(variants) => {
            message.set_kind(DatatypeKind::Enum);
            message.variants = variants
                .iter()
                .enumerate()
                .map(|(position, declared)| {
                    let mut variant = proto::VariantDescriptor::default();
                    variant.name = Some(declared.name.clone());
                    variant.position = u32::try_from(position).ok();
                    variant.fields = fields(store, package, &declared.fields);
                    variant
                })
                .collect();
        }
    }
    message
}

fn fields(
    store: &dyn ObjectStore,
    package: &MovePackage,
    list: &[FieldDeclaration],
) -> Vec<proto::FieldDescriptor> {
    list.iter()
        .enumerate()
        .map(|(position, field)| {
            let mut message = proto::FieldDescriptor::default();
            message.name = Some(field.name.clone());
            message.position = u32::try_from(position).ok();
            message.r#type = Some(body(store, package, &field.signature));
            message
        })
        .collect()
}

/// Abilities in the order copy, drop, store, key.
fn abilities(set: AbilitySet) -> Vec<i32> {
    [
        (AbilitySet::COPY, proto::Ability::Copy),
        (AbilitySet::DROP, proto::Ability::Drop),
        (AbilitySet::STORE, proto::Ability::Store),
        (AbilitySet::KEY, proto::Ability::Key),
    ]
    .into_iter()
    .filter(|(ability, _)| set.has(*ability))
    .map(|(_, ability)| ability.into())
    .collect()
}

fn signature(
    store: &dyn ObjectStore,
    package: &MovePackage,
    type_: &Signature,
) -> proto::OpenSignature {
    let mut message = proto::OpenSignature::default();
    let inner = match type_ {
        Signature::Reference(inner) => {
            message.set_reference(Reference::Immutable);
            inner
        }
        Signature::MutableReference(inner) => {
            message.set_reference(Reference::Mutable);
            inner
        }
        other => other,
    };
    message.body = Some(body(store, package, inner));
    message
}

fn body(
    store: &dyn ObjectStore,
    package: &MovePackage,
    type_: &Signature,
) -> proto::OpenSignatureBody {
    let mut message = proto::OpenSignatureBody::default();
    let kind = match type_ {
        Signature::Bool => Type::Bool,
        Signature::U8 => Type::U8,
        Signature::U16 => Type::U16,
        Signature::U32 => Type::U32,
        Signature::U64 => Type::U64,
        Signature::U128 => Type::U128,
        Signature::U256 => Type::U256,
        Signature::Address => Type::Address,
        Signature::Vector(element) => {
            message.type_parameter_instantiation = vec![body(store, package, element)];
            Type::Vector
        }
        Signature::Datatype {
            package: original,
            module,
            name,
            arguments,
        } => {
            let defining =
                defining_id(store, package, *original, module, name).unwrap_or(*original);
            message.type_name = Some(format!("{defining}::{module}::{name}"));
            message.type_parameter_instantiation = arguments
                .iter()
                .map(|argument| body(store, package, argument))
                .collect();
            Type::Datatype
        }
        Signature::Parameter(index) => {
            message.type_parameter = Some((*index).into());
            Type::Parameter
        }
        // Neither occurs inside a published signature.
        Signature::Signer | Signature::Reference(_) | Signature::MutableReference(_) => {
            Type::Unknown
        }
    };
    message.set_type(kind);
    message
}
