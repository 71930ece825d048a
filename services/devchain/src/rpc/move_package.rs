//! MovePackageService (devchain spec 1.4).

use std::sync::Arc;

use sui_devchain_executor::ObjectStore;
use sui_devchain_vm::declarations::Declarations;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::move_package_service_server::MovePackageService;
use sui_sdk_types::{MovePackage, Object, ObjectData};
use tonic::{Request, Response, Status};

use super::error::{invalid, not_found};
use super::{Context, parse};
use crate::abi;
use crate::indexes::Indexes;
use crate::render;

pub(crate) struct MovePackageRpc {
    context: Context,
}

impl MovePackageRpc {
    pub(crate) fn new(context: Context) -> Self {
        Self { context }
    }

    /// Looks at what the module of a request declares.
    fn in_module<T>(
        &self,
        (package_id, module_name): (Option<String>, Option<String>),
        look: impl FnOnce(&Indexes, &MovePackage, &str, &Declarations) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let indexes = self.context.ledger.state().read();
        let object = load(&indexes, package_id.as_deref())?;
        let package = package(&object)?;
        let (module, declared) = module(package, module_name.as_deref())?;
        look(&indexes, package, &module, &declared)
    }
}

fn load(indexes: &Indexes, id: Option<&str>) -> Result<Arc<Object>, Status> {
    let id = parse::address("package_id", id)?;
    indexes
        .latest(&id)
        .ok_or_else(|| not_found(format!("package {id} not found")))
}

fn package(object: &Object) -> Result<&MovePackage, Status> {
    match object.data() {
        ObjectData::Package(package) => Ok(package),
        _ => Err(invalid(
            "package_id",
            format!("object {} is not a package", object.object_id()),
        )),
    }
}

fn module(package: &MovePackage, name: Option<&str>) -> Result<(String, Declarations), Status> {
    let name = parse::identifier("module_name", name)?;
    let bytes = package
        .modules
        .get(&name)
        .ok_or_else(|| not_found(format!("module {}::{name} not found", package.id)))?;
    let parsed = abi::declarations(bytes)
        .ok_or_else(|| Status::internal(format!("module {name} is unreadable")))?;
    Ok((name.to_string(), parsed))
}

#[tonic::async_trait]
impl MovePackageService for MovePackageRpc {
    async fn get_package(
        &self,
        request: Request<proto::GetPackageRequest>,
    ) -> Result<Response<proto::GetPackageResponse>, Status> {
        let request = request.into_inner();
        let indexes = self.context.ledger.state().read();
        let object = load(&indexes, request.package_id.as_deref())?;
        let message = render::package::described(&indexes, package(&object)?);
        Ok(Response::new(proto::GetPackageResponse::new(message)))
    }

    async fn get_datatype(
        &self,
        request: Request<proto::GetDatatypeRequest>,
    ) -> Result<Response<proto::GetDatatypeResponse>, Status> {
        let request = request.into_inner();
        let name = parse::identifier("name", request.name.as_deref())?;
        let place = (request.package_id, request.module_name);
        let message = self.in_module(place, |indexes, package, module, declared| {
            let datatype = declared
                .datatype(name.as_str())
                .ok_or_else(|| not_found(format!("datatype {module}::{name} not found")))?;
            Ok(render::package::datatype(
                indexes, package, module, datatype,
            ))
        })?;
        Ok(Response::new(proto::GetDatatypeResponse::new(message)))
    }

    async fn get_function(
        &self,
        request: Request<proto::GetFunctionRequest>,
    ) -> Result<Response<proto::GetFunctionResponse>, Status> {
        let request = request.into_inner();
        let name = parse::identifier("name", request.name.as_deref())?;
        let place = (request.package_id, request.module_name);
        let message = self.in_module(place, |indexes, package, module, declared| {
            let function = declared
                .function(name.as_str())
                .ok_or_else(|| not_found(format!("function {module}::{name} not found")))?;
            Ok(render::package::function(indexes, package, function))
        })?;
        Ok(Response::new(proto::GetFunctionResponse::new(message)))
    }

    async fn list_package_versions(
        &self,
        request: Request<proto::ListPackageVersionsRequest>,
    ) -> Result<Response<proto::ListPackageVersionsResponse>, Status> {
        let request = request.into_inner();
        let size = parse::page_size(request.page_size);
        let start = parse::page_token::<u64>(request.page_token.as_deref())?.unwrap_or(0);
        let indexes = self.context.ledger.state().read();
        let object = load(&indexes, request.package_id.as_deref())?;
        let original = abi::original_id(package(&object)?);
        let mut rest = indexes
            .package_versions(original)
            .filter(|(version, _)| *version >= start)
            .peekable();
        let versions: Vec<_> = rest
            .by_ref()
            .take(size)
            .map(|(version, id)| proto::PackageVersion::new(&id, version))
            .collect();
        let next = rest
            .peek()
            .and_then(|(version, _)| bcs::to_bytes(version).ok())
            .map(Into::into);
        Ok(Response::new(proto::ListPackageVersionsResponse::new(
            versions, next,
        )))
    }
}
