//! The framework that every chain starts with: the committed compilation of 0x1 and 0x2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sui_devchain_executor::framework::FrameworkPackage;
use sui_devchain_executor::genesis::GenesisError;
use sui_sdk_types::{Address, Identifier};

const ARTIFACT: &str = include_str!("../../../move/artifacts/framework.json");

#[derive(Deserialize)]
struct Artifact {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    address: String,
    dependencies: Vec<String>,
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    name: String,
    bytecode: String,
}

fn broken(error: impl ToString) -> GenesisError {
    GenesisError::Framework {
        step: "reading the framework artifact".into(),
        reason: error.to_string(),
    }
}

fn address(text: &str) -> Result<Address, GenesisError> {
    text.parse().map_err(broken)
}

/// The packages in dependency order.
pub(crate) fn packages() -> Result<Vec<FrameworkPackage>, GenesisError> {
    let artifact: Artifact = serde_json::from_str(ARTIFACT).map_err(broken)?;
    artifact
        .packages
        .into_iter()
        .map(|package| {
            Ok(FrameworkPackage {
                address: address(&package.address)?,
                dependencies: package
                    .dependencies
                    .iter()
                    .map(|dependency| address(dependency))
                    .collect::<Result<_, _>>()?,
                modules: package
                    .modules
                    .into_iter()
                    .map(|module| {
                        Ok((
                            Identifier::new(module.name).map_err(broken)?,
                            STANDARD.decode(module.bytecode).map_err(broken)?,
                        ))
                    })
                    .collect::<Result<_, GenesisError>>()?,
            })
        })
        .collect()
}
