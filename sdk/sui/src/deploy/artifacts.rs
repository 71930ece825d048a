//! Compiled packages as `scripts/build-move` writes them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sui_sdk_types::Address;

use super::bytecode::{BytecodeError, replace_address};

/// Stands for the published package `wal` in the compiled packages that use it.
pub const WAL_PLACEHOLDER: Address = Address::from_static("0x57414c");
/// Stands for the published package `walrus` in the compiled packages that use it.
pub const WALRUS_PLACEHOLDER: Address = Address::from_static("0x57414c525553");

const WAL: &str = include_str!("../../../../move/artifacts/wal.json");
const WALRUS: &str = include_str!("../../../../move/artifacts/walrus.json");
const WAL_EXCHANGE: &str = include_str!("../../../../move/artifacts/wal_exchange.json");
const WALRUS_SUBSIDIES: &str = include_str!("../../../../move/artifacts/walrus_subsidies.json");
const BLOB_BUCKET: &str = include_str!("../../../../move/artifacts/blob_bucket.json");

/// A compiled package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The packages it is linked against.
    pub dependencies: Vec<Address>,
    /// Module names and bytecode, dependencies first.
    pub modules: Vec<(String, Vec<u8>)>,
}

/// A file of compiled packages is malformed.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not the expected JSON.
    #[error("not a file of compiled packages: {0}")]
    Json(#[from] serde_json::Error),
    /// A module is not base64.
    #[error("module {module} is not base64: {reason}")]
    Base64 {
        /// The module.
        module: String,
        /// What is wrong.
        reason: String,
    },
    /// A module cannot be rewritten.
    #[error("module {module}: {source}")]
    Bytecode {
        /// The module.
        module: String,
        /// What is wrong.
        source: BytecodeError,
    },
    /// The file holds another number of packages.
    #[error("{count} packages instead of one")]
    Count {
        /// How many.
        count: usize,
    },
    /// The package does not name the placeholder.
    #[error("package {package} does not refer to {placeholder}")]
    NoPlaceholder {
        /// The package.
        package: String,
        /// The placeholder.
        placeholder: Address,
    },
}

#[derive(Deserialize)]
struct ArtifactFile {
    packages: Vec<ArtifactPackage>,
}

#[derive(Deserialize)]
struct ArtifactPackage {
    name: String,
    dependencies: Vec<Address>,
    modules: Vec<ArtifactModule>,
}

#[derive(Deserialize)]
struct ArtifactModule {
    name: String,
    bytecode: String,
}

/// Parses a file of compiled packages.
///
/// # Errors
/// [`ArtifactError`].
pub fn packages(json: &str) -> Result<Vec<Package>, ArtifactError> {
    let file: ArtifactFile = serde_json::from_str(json)?;
    file.packages.into_iter().map(package).collect()
}

fn package(artifact: ArtifactPackage) -> Result<Package, ArtifactError> {
    let modules = artifact.modules.into_iter().map(|module| {
        let bytecode =
            STANDARD
                .decode(&module.bytecode)
                .map_err(|error| ArtifactError::Base64 {
                    module: module.name.clone(),
                    reason: error.to_string(),
                })?;
        Ok((module.name, bytecode))
    });
    Ok(Package {
        name: artifact.name,
        dependencies: artifact.dependencies,
        modules: modules.collect::<Result<_, ArtifactError>>()?,
    })
}

fn single(json: &str) -> Result<Package, ArtifactError> {
    let mut all = packages(json)?;
    match (all.pop(), all.len()) {
        (Some(package), 0) => Ok(package),
        (_, rest) => Err(ArtifactError::Count { count: rest + 1 }),
    }
}

impl Package {
    /// The package `wal` of this build.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn wal() -> Result<Self, ArtifactError> {
        single(WAL)
    }

    /// The package `walrus` of this build, not yet linked against a published `wal`.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn walrus() -> Result<Self, ArtifactError> {
        single(WALRUS)
    }

    /// The package `wal_exchange` of this build, not yet linked against a published `wal`.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn wal_exchange() -> Result<Self, ArtifactError> {
        single(WAL_EXCHANGE)
    }

    /// The package `walrus_subsidies` of this build, not yet linked against published `wal` and `walrus`.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn walrus_subsidies() -> Result<Self, ArtifactError> {
        single(WALRUS_SUBSIDIES)
    }

    /// The package `blob_bucket` of this build, not yet linked against published `wal` and `walrus`.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn blob_bucket() -> Result<Self, ArtifactError> {
        single(BLOB_BUCKET)
    }

    /// Replaces a placeholder by the ID of a published package, in the modules and the dependencies.
    ///
    /// # Errors
    /// [`ArtifactError::NoPlaceholder`] when nothing refers to it, so that a mistake does not surface as an
    /// obscure linker error of the chain.
    pub fn link(&mut self, placeholder: Address, published: Address) -> Result<(), ArtifactError> {
        let mut replaced = 0;
        for (name, bytecode) in &mut self.modules {
            replaced += replace_address(bytecode, placeholder, published).map_err(|source| {
                ArtifactError::Bytecode {
                    module: name.clone(),
                    source,
                }
            })?;
        }
        let mut depends = false;
        for dependency in &mut self.dependencies {
            if *dependency == placeholder {
                *dependency = published;
                depends = true;
            }
        }
        if replaced == 0 || !depends {
            return Err(ArtifactError::NoPlaceholder {
                package: self.name.clone(),
                placeholder,
            });
        }
        Ok(())
    }

    /// The bytecode of all modules, as a publish command takes it.
    pub fn bytecode(&self) -> Vec<Vec<u8>> {
        self.modules
            .iter()
            .map(|(_, bytecode)| bytecode.clone())
            .collect()
    }
}
