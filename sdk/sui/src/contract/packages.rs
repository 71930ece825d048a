//! Package discovery: the packages of a deployment, from its objects (contracts spec 12.3).

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, StructTag};

use super::{
    ContractObjects, ContractPackages,
    state::{Shared, Versions},
};
use crate::{
    chain::{ChainClient, ChainError},
    objects::{Staking, System},
};

/// Reads the system object and the signature of `staking::stake_with_pool`, whose second parameter is
/// `Coin<WAL>`.
pub(super) async fn discover(
    chain: &ChainClient,
    objects: ContractObjects,
) -> Result<(ContractPackages, Versions), ChainError> {
    let outer = chain.objects(&[objects.system, objects.staking]).await?;
    let mut outer = outer.into_iter();
    let mut next = |id| {
        outer
            .next()
            .flatten()
            .ok_or(ChainError::ObjectNotFound { id })
    };
    let (system, staking) = (next(objects.system)?, next(objects.staking)?);
    let origin = *system.expect_type("system", "System")?.address();
    staking.expect_type("staking", "Staking")?;
    let versions = Versions::default();
    versions.note(Shared::Staking, staking.decode::<Staking>()?.version);
    let system = system.decode::<System>()?;
    versions.note(Shared::System, system.version);
    let wal_type = wal_type(chain, origin).await?;
    let packages = ContractPackages {
        origin,
        current: system.package_id,
        wal_type,
    };
    Ok((packages, versions))
}

async fn wal_type(chain: &ChainClient, origin: Address) -> Result<StructTag, ChainError> {
    const CALL: &str = "GetFunction";
    let reading = chain.read(CALL, |mut rpc| {
        let request = proto::GetFunctionRequest::default()
            .with_package_id(origin.to_string())
            .with_module_name("staking")
            .with_name("stake_with_pool");
        async move {
            Ok(rpc
                .package_client()
                .get_function(request)
                .await?
                .into_inner())
        }
    });
    let response = reading.await?;
    let argument = response
        .function()
        .parameters()
        .get(1)
        .and_then(|coin| coin.body().type_parameter_instantiation().first())
        .ok_or_else(|| ChainError::malformed(CALL, "parameter 1 is not a Coin<WAL>"))?;
    let tag: StructTag = argument.type_name().parse().map_err(|error| {
        ChainError::malformed(CALL, format!("{}: {error}", argument.type_name()))
    })?;
    if tag.module().as_str() != "wal" || tag.name().as_str() != "WAL" {
        return Err(ChainError::malformed(
            CALL,
            format!("{tag} is not a WAL coin"),
        ));
    }
    Ok(tag)
}
