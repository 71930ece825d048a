//! Verification of packages at publish (devchain spec 3.6).

pub(crate) mod compatibility;

use crate::{
    error::{VmError, VmResult},
    loader::Loader,
    store::Package,
};

/// Verifies every module of a package that the loader can already see.
pub(crate) fn package(loader: &Loader<'_>, package: &Package) -> VmResult<()> {
    let loaded = loader
        .package(package.storage_id)?
        .ok_or_else(|| VmError::invariant("package to verify is not loaded"))?;
    for name in package.modules.keys() {
        let _ = loaded.module(name)?;
    }
    Ok(())
}
