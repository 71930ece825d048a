//! Package files as `scripts/build-move` writes them: `{"packages": [{name, address, dependencies, modules: [{name, bytecode}]}]}`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::Error as _};
use sui_sdk_types::{Address, Identifier};

use crate::bytecode::{BytecodeError, replace_address};

/// A compiled package. It is read from JSON; a larger document may hold some among other things.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The address its modules are compiled at: 0x0 for a package that is to be published.
    pub address: Address,
    /// The packages it is linked against.
    pub dependencies: Vec<Address>,
    /// Module names and bytecode, dependencies first.
    #[serde(deserialize_with = "modules")]
    pub modules: Vec<(Identifier, Vec<u8>)>,
}

/// A file of compiled packages is malformed, or a package cannot be linked.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not the expected JSON; also a name that is no identifier, or bytecode that is not base64.
    #[error("not a file of compiled packages: {0}")]
    Json(#[from] serde_json::Error),
    /// A module cannot be rewritten.
    #[error("module {module}: {source}")]
    Bytecode {
        /// The module.
        module: Identifier,
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
struct File {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Module {
    name: String,
    bytecode: String,
}

/// Parses a file of compiled packages.
///
/// # Errors
/// [`ArtifactError::Json`] when the file has another shape.
pub fn parse(json: &str) -> Result<Vec<Package>, ArtifactError> {
    let file: File = serde_json::from_str(json)?;
    Ok(file.packages)
}

fn modules<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(Identifier, Vec<u8>)>, D::Error> {
    let modules = Vec::<Module>::deserialize(deserializer)?;
    let module = |Module { name, bytecode }| {
        let identifier = Identifier::new(&name)
            .map_err(|_| D::Error::custom(format!("module name {name:?} is no identifier")))?;
        let bytecode = STANDARD
            .decode(bytecode)
            .map_err(|error| D::Error::custom(format!("module {name} is not base64: {error}")))?;
        Ok((identifier, bytecode))
    };
    modules.into_iter().map(module).collect()
}

impl Package {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(module: &str, bytecode: &str) -> String {
        format!(
            r#"{{"packages": [{{"name": "p", "address": "0x0", "dependencies": ["0x1"],
                "modules": [{{"name": "{module}", "bytecode": "{bytecode}"}}]}}]}}"#
        )
    }

    #[test]
    fn a_file_is_read_whole_or_refused_with_the_name_of_the_module() {
        let found = parse(&file("m", "oRw=")).unwrap();
        assert_eq!(found[0].dependencies, [Address::from_static("0x1")]);
        assert_eq!(
            found[0].modules,
            [(Identifier::from_static("m"), vec![0xa1, 0x1c])]
        );
        let refused = |json: &str| parse(json).unwrap_err().to_string();
        assert!(refused(&file("m", "*")).contains("module m is not base64"));
        assert!(refused(&file("1m", "oRw=")).contains(r#"module name "1m" is no identifier"#));
        assert!(refused("{}").contains("missing field `packages`"));
    }

    #[test]
    fn the_embedded_packages_are_whole() {
        let framework: Vec<_> = crate::framework()
            .unwrap()
            .iter()
            .map(|package| package.address)
            .collect();
        assert_eq!(framework, ["0x1", "0x2", "0x3"].map(Address::from_static));
        for (package, name) in [
            (Package::wal(), "wal"),
            (Package::walrus(), "walrus"),
            (Package::wal_exchange(), "wal_exchange"),
            (Package::walrus_subsidies(), "walrus_subsidies"),
            (Package::blob_bucket(), "blob_bucket"),
        ] {
            assert_eq!(package.unwrap().name, name);
        }
    }
}
