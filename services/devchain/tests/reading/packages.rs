//! Packages: modules, functions and datatypes as they are declared.

use sui_rpc::Client;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::open_signature::Reference;
use sui_rpc::proto::sui::rpc::v2::open_signature_body::Type;
use sui_sdk_types::{
    Address, Digest, Identifier, MovePackage, Object, ObjectData, Owner, StructTag, TypeOrigin,
    TypeTag, UpgradeInfo,
};

use super::fixture::{Chain, address, coin};
use super::serve;
use crate::abi;
use crate::render::json;

/// The committed framework as stored packages.
fn framework() -> Vec<Object> {
    walrus_artifacts::framework()
        .unwrap()
        .into_iter()
        .map(|package| {
            let type_origin_table = package
                .modules
                .iter()
                .flat_map(|(module, bytes)| {
                    let parsed = abi::declarations(bytes).expect("a readable module");
                    parsed
                        .datatypes
                        .into_iter()
                        .map(|datatype| TypeOrigin {
                            module_name: module.clone(),
                            struct_name: Identifier::new(datatype.name).unwrap(),
                            package: package.address,
                        })
                        .collect::<Vec<_>>()
                })
                .collect();
            let linkage_table = package
                .dependencies
                .iter()
                .map(|id| {
                    let link = UpgradeInfo {
                        upgraded_id: *id,
                        upgraded_version: 1,
                    };
                    (*id, link)
                })
                .collect();
            Object::new(
                ObjectData::Package(MovePackage {
                    id: package.address,
                    version: 1,
                    modules: package.modules.into_iter().collect(),
                    type_origin_table,
                    linkage_table,
                }),
                Owner::Immutable,
                Digest::ZERO,
                0,
            )
        })
        .collect()
}

fn chain() -> Chain {
    let mut chain = Chain::new();
    let mut objects = framework();
    objects.push(coin(100, address(1), 5));
    let transaction = chain.transaction(address(1), &[], objects);
    chain.checkpoint(vec![transaction]);
    chain
}

#[test]
fn every_framework_module_is_readable() {
    let mut functions = 0;
    for package in walrus_artifacts::framework().unwrap() {
        for (name, bytes) in &package.modules {
            let module = abi::declarations(bytes).unwrap_or_else(|| panic!("{name} is unreadable"));
            assert_eq!(module.address, package.address);
            functions += module.functions.len();
        }
    }
    assert!(functions > 500, "only {functions} functions");
}

#[tokio::test]
async fn a_function_is_described_as_declared() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let request = proto::GetFunctionRequest::new(&Address::TWO, "coin", "split");
    let response = client.package_client().get_function(request).await.unwrap();
    let function = response.into_inner().function.unwrap();
    assert_eq!(function.type_parameters.len(), 1);
    let [first, second, context] = function.parameters.as_slice() else {
        panic!("{function:?}");
    };
    assert_eq!(first.reference(), Reference::Mutable);
    let body = first.body.as_ref().unwrap();
    assert_eq!(body.type_name(), format!("{}::coin::Coin", Address::TWO));
    assert_eq!(
        body.type_parameter_instantiation[0].r#type(),
        Type::Parameter
    );
    assert_eq!(second.body.as_ref().unwrap().r#type(), Type::U64);
    assert_eq!(
        context.body.as_ref().unwrap().type_name(),
        format!("{}::tx_context::TxContext", Address::TWO)
    );
}

#[tokio::test]
async fn a_datatype_lists_fields_and_abilities() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let request = proto::GetDatatypeRequest::new(&Address::TWO, "coin", "Coin");
    let response = client.package_client().get_datatype(request).await.unwrap();
    let datatype = response.into_inner().datatype.unwrap();
    assert_eq!(datatype.abilities, [3, 4]);
    assert_eq!(datatype.type_parameters[0].is_phantom, Some(true));
    let names: Vec<_> = datatype.fields.iter().map(|field| field.name()).collect();
    assert_eq!(names, ["id", "balance"]);
}

#[tokio::test]
async fn a_missing_function_is_not_found() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let request = proto::GetFunctionRequest::new(&Address::TWO, "coin", "no_such");
    let status = client.package_client().get_function(request).await;
    assert_eq!(status.unwrap_err().code(), tonic::Code::NotFound);
}

#[test]
fn a_coin_renders_as_json() {
    let chain = chain();
    let object = coin(100, address(1), 5);
    let value = object.as_struct().unwrap();
    let rendered =
        json::render_struct(&chain.indexes, value.object_type(), value.contents()).unwrap();
    let Some(prost_types::value::Kind::StructValue(fields)) = rendered.kind else {
        panic!("not an object");
    };
    let text = |name: &str| match &fields.fields[name].kind {
        Some(prost_types::value::Kind::StructValue(inner)) => inner.fields["value"].kind.clone(),
        other => other.clone(),
    };
    let string = |text: String| Some(prost_types::value::Kind::StringValue(text));
    assert_eq!(text("id"), string(address(100).to_string()));
    assert_eq!(text("balance"), string("5".into()));
}

#[test]
fn options_and_large_numbers_render_as_json() {
    let chain = chain();
    let option = TypeTag::Struct(Box::new(StructTag::new(
        Address::from_static("0x1"),
        Identifier::from_static("option"),
        Identifier::from_static("Option"),
        vec![TypeTag::U256],
    )));
    let mut bytes = vec![1];
    bytes.extend_from_slice(&[0xff; 32]);
    let rendered = json::render(&chain.indexes, &option, &bytes).unwrap();
    let expected = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    assert_eq!(
        rendered.kind,
        Some(prost_types::value::Kind::StringValue(expected.into()))
    );
    let none = json::render(&chain.indexes, &option, &[0]).unwrap();
    assert_eq!(none.kind, Some(prost_types::value::Kind::NullValue(0)));
    assert!(json::render(&chain.indexes, &option, &[0, 0]).is_none());
}
