//! Finding and reading configuration files.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::{ClientConfig, merge};
use crate::wallet::{FileError, read_bounded};

const FILE_NAMES: [&str; 2] = ["client_config.yaml", "client_config.yml"];

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is malformed.
    #[error("{origin} is not a client configuration: {reason}")]
    Malformed {
        /// The file.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// A context was given for a file with a single configuration.
    #[error("{origin} holds a single configuration; there is no context {context} to choose")]
    SingleConfig {
        /// The file.
        origin: String,
        /// The context.
        context: String,
    },
    /// The context is not in the file.
    #[error("{origin} has no context {context}; it has: {known}")]
    UnknownContext {
        /// The file.
        origin: String,
        /// The context.
        context: String,
        /// The contexts there are.
        known: String,
    },
    /// No context was given and the file names no default.
    #[error("{origin} names no default_context; choose one of: {known}")]
    NoContext {
        /// The file.
        origin: String,
        /// The contexts there are.
        known: String,
    },
    /// There is no configuration file.
    #[error("no client configuration found; looked at {tried}")]
    NotFound {
        /// The paths.
        tried: String,
    },
}

/// A configuration with what its reader should be told.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedConfig {
    /// The configuration.
    pub config: ClientConfig,
    /// The file it is from.
    pub path: PathBuf,
    /// Keys that this version does not know; they have no effect.
    pub unknown_keys: Vec<String>,
}

/// Where a configuration is looked for, in this order (client spec 5.1).
pub fn search_paths() -> Vec<PathBuf> {
    let mut directories = vec![PathBuf::from(".")];
    if let Some(xdg) = std::env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()) {
        directories.push(PathBuf::from(&xdg));
        directories.push(PathBuf::from(xdg).join("walrus"));
    }
    if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
        directories.push(home.join(".config/walrus"));
        directories.push(home.join(".walrus"));
    }
    directories
        .iter()
        .flat_map(|directory| FILE_NAMES.map(|name| directory.join(name)))
        .collect()
}

/// The first configuration file that exists.
///
/// # Errors
/// [`ConfigError::NotFound`].
pub fn find() -> Result<PathBuf, ConfigError> {
    let paths = search_paths();
    paths
        .iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| {
            let tried: Vec<_> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            ConfigError::NotFound {
                tried: tried.join(", "),
            }
        })
}

/// Reads a configuration file; unknown keys are also logged.
///
/// # Errors
/// [`ConfigError`].
pub fn load(path: &Path, context: Option<&str>) -> Result<LoadedConfig, ConfigError> {
    let origin = path.display().to_string();
    let (config, unknown_keys) = parse(&read_bounded(path)?, &origin, context)?;
    for key in &unknown_keys {
        tracing::warn!(file = %origin, key, "unknown configuration key");
    }
    Ok(LoadedConfig {
        config,
        path: path.to_owned(),
        unknown_keys,
    })
}

/// Parses a configuration, choosing a context where the text holds several; also returns the unknown keys.
/// `origin` names the text in errors.
///
/// # Errors
/// [`ConfigError`].
pub fn parse(
    text: &str,
    origin: &str,
    context: Option<&str>,
) -> Result<(ClientConfig, Vec<String>), ConfigError> {
    let malformed = |reason: String| ConfigError::Malformed {
        origin: origin.to_owned(),
        reason,
    };
    let value: Value = serde_yaml::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let chosen = merge::over_built_in(choose(value, origin, context)?);
    let config: ClientConfig =
        serde_yaml::from_value(chosen.clone()).map_err(|error| malformed(error.to_string()))?;
    let known = serde_yaml::to_value(&config).map_err(|error| malformed(error.to_string()))?;
    let mut unknown = Vec::new();
    merge::unknown_keys(&chosen, &known, "", &mut unknown);
    Ok((config, unknown))
}

fn choose(value: Value, origin: &str, context: Option<&str>) -> Result<Value, ConfigError> {
    let origin = origin.to_owned();
    let Some(contexts) = value.get("contexts") else {
        return match context {
            Some(context) => Err(ConfigError::SingleConfig {
                origin,
                context: context.to_owned(),
            }),
            None => Ok(value),
        };
    };
    let Value::Mapping(contexts) = contexts else {
        return Err(ConfigError::Malformed {
            origin,
            reason: "contexts is no map".to_owned(),
        });
    };
    let known = || {
        contexts
            .keys()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let name = context
        .or_else(|| value.get("default_context").and_then(Value::as_str))
        .ok_or_else(|| ConfigError::NoContext {
            origin: origin.clone(),
            known: known(),
        })?;
    contexts
        .get(name)
        .cloned()
        .ok_or_else(|| ConfigError::UnknownContext {
            origin: origin.clone(),
            context: name.to_owned(),
            known: known(),
        })
}

impl ClientConfig {
    /// The built-in configuration of `mainnet` or `testnet`.
    pub fn built_in(network: &str) -> Option<Self> {
        serde_yaml::from_str(merge::built_in(network)?).ok()
    }
}
