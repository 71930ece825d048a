//! The framework packages (0x1, 0x2 and 0x3) that every chain starts with, as embedded bytecode.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sui_sdk_types::{Address, Identifier};
use thiserror::Error;

/// Made by `scripts/build-move`: 0x1 and 0x2 from the public framework sources, 0x3 from `move/framework`.
const FRAMEWORK_JSON: &str = include_str!("../../../../move/artifacts/framework.json");

/// Compiled modules of one package, in dependency order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkPackage {
    /// Address of the package, which is also its id.
    pub address: Address,
    /// Ids of the packages it uses.
    pub dependencies: Vec<Address>,
    /// Module names and bytecode, dependencies first.
    pub modules: Vec<(Identifier, Vec<u8>)>,
}

/// An artifact file that cannot be read.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// Not JSON of the expected shape.
    #[error("artifact: {0}")]
    Json(#[from] serde_json::Error),
    /// A module is not base64.
    #[error("module {module}: {source}")]
    Base64 {
        /// The module.
        module: String,
        /// What is wrong.
        source: base64::DecodeError,
    },
    /// An address or a name does not parse.
    #[error("{0:?} is no valid address or name")]
    Name(String),
}

#[derive(Deserialize)]
struct Artifacts {
    packages: Vec<Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    address: String,
    dependencies: Vec<String>,
    modules: Vec<ArtifactModule>,
}

#[derive(Deserialize)]
struct ArtifactModule {
    name: String,
    bytecode: String,
}

/// The embedded framework: 0x1, 0x2, 0x3.
///
/// # Errors
/// Only if the embedded file is damaged.
pub fn packages() -> Result<Vec<FrameworkPackage>, ArtifactError> {
    parse(FRAMEWORK_JSON)
}

/// Reads compiled packages from an artifact file (`{"packages": [{name, address, dependencies,
/// modules: [{name, bytecode}]}]}`).
///
/// # Errors
/// When the file has another shape.
pub fn parse(json: &str) -> Result<Vec<FrameworkPackage>, ArtifactError> {
    let artifacts: Artifacts = serde_json::from_str(json)?;
    artifacts.packages.into_iter().map(package).collect()
}

fn package(artifact: Artifact) -> Result<FrameworkPackage, ArtifactError> {
    Ok(FrameworkPackage {
        address: address(&artifact.address)?,
        dependencies: artifact
            .dependencies
            .iter()
            .map(|id| address(id))
            .collect::<Result<_, _>>()?,
        modules: artifact
            .modules
            .into_iter()
            .map(module)
            .collect::<Result<_, _>>()?,
    })
}

fn module(module: ArtifactModule) -> Result<(Identifier, Vec<u8>), ArtifactError> {
    let name =
        Identifier::new(&module.name).map_err(|_| ArtifactError::Name(module.name.clone()))?;
    let bytes = STANDARD
        .decode(&module.bytecode)
        .map_err(|source| ArtifactError::Base64 {
            module: module.name,
            source,
        })?;
    Ok((name, bytes))
}

fn address(text: &str) -> Result<Address, ArtifactError> {
    Address::from_hex(text).map_err(|_| ArtifactError::Name(text.to_owned()))
}
