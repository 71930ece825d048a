//! Embedded packages: the framework and the contracts of this build.

use sui_sdk_types::Address;

use crate::{ArtifactError, Package, parse};

/// Stands for the published package `wal` in the compiled packages that use it.
pub const WAL_PLACEHOLDER: Address = Address::from_static("0x57414c");
/// Stands for the published package `walrus` in the compiled packages that use it.
pub const WALRUS_PLACEHOLDER: Address = Address::from_static("0x57414c525553");

const FRAMEWORK: &str = include_str!("../framework.json");
const WAL: &str = include_str!("../wal.json");
const WALRUS: &str = include_str!("../walrus.json");
const WAL_EXCHANGE: &str = include_str!("../wal_exchange.json");
const WALRUS_SUBSIDIES: &str = include_str!("../walrus_subsidies.json");
const BLOB_BUCKET: &str = include_str!("../blob_bucket.json");

/// The framework packages that every embedded chain starts with: 0x1 and 0x2 from the public framework sources, 0x3 from
/// `move/framework`.
///
/// # Errors
/// Only if the embedded file is damaged.
pub fn framework() -> Result<Vec<Package>, ArtifactError> {
    parse(FRAMEWORK)
}

fn single(json: &str) -> Result<Package, ArtifactError> {
    let mut all = parse(json)?;
    match (all.pop(), all.len()) {
        (Some(package), 0) => Ok(package),
        (Some(_), rest) => Err(ArtifactError::Count { count: rest + 1 }),
        (None, _) => Err(ArtifactError::Count { count: 0 }),
    }
}

impl Package {
    /// The package `wal` of this build.
    ///
    /// # Errors
    /// Only if the embedded file is damaged.
    pub fn wal() -> Result<Self, ArtifactError> {
        single(WAL)
    }

    /// The package `walrus` of this build, not yet linked against a published `wal`.
    ///
    /// # Errors
    /// Only if the embedded file is damaged.
    pub fn walrus() -> Result<Self, ArtifactError> {
        single(WALRUS)
    }

    /// The package `wal_exchange` of this build, not yet linked against a published `wal`.
    ///
    /// # Errors
    /// Only if the embedded file is damaged.
    pub fn wal_exchange() -> Result<Self, ArtifactError> {
        single(WAL_EXCHANGE)
    }

    /// The package `walrus_subsidies` of this build, not yet linked against published `wal` and `walrus`.
    ///
    /// # Errors
    /// Only if the embedded file is damaged.
    pub fn walrus_subsidies() -> Result<Self, ArtifactError> {
        single(WALRUS_SUBSIDIES)
    }

    /// The package `blob_bucket` of this build, not yet linked against published `wal` and `walrus`.
    ///
    /// # Errors
    /// Only if the embedded file is damaged.
    pub fn blob_bucket() -> Result<Self, ArtifactError> {
        single(BLOB_BUCKET)
    }
}
