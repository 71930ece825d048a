//! Loading of configuration files: which is meant, and what is in it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde_yaml::Value;
use walrus_sui::{
    config::{DocumentError, parse_document, read_part, warn_of_unread_keys},
    wallet::{FileError, WalletError, read_bounded},
};

use super::{ClientConfig, PublicNetwork, UnknownNetwork, public_networks::over_built_in};

/// The key of several configurations in one file.
const CONTEXTS: &str = "contexts";
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
    #[error(
        "{origin} holds a single configuration, so that there is no context {context} to choose; leave --context out, or name another file with --config"
    )]
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
    /// There is no context in the file.
    #[error("{origin} has no context under contexts; add one, or name another file with --config")]
    EmptyContexts {
        /// The file.
        origin: String,
    },
    /// No context was given and the file names no default.
    #[error("{origin} names no default_context; choose one of: {known}")]
    NoContext {
        /// The file.
        origin: String,
        /// The contexts there are.
        known: String,
    },
    /// There is no such public network.
    #[error(transparent)]
    UnknownNetwork(#[from] UnknownNetwork),
    /// Without a configuration file, a name can only be that of a public network.
    #[error("{unknown}, and the contexts of a configuration file; {not_found}")]
    UnknownName {
        /// The name.
        unknown: UnknownNetwork,
        /// Where a file was looked for.
        not_found: Box<ConfigError>,
    },
    /// There is a local network, but it is not up.
    #[error("the local network in {} is not running", directory.display())]
    LocalNetworkDown {
        /// Its directory.
        directory: PathBuf,
    },
    /// The wallet that was named, and whose network is looked for, cannot be used.
    #[error(transparent)]
    Wallet(#[from] WalletError),
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
    /// Where it is from.
    pub origin: Origin,
    /// Keys of the file that nothing reads; they have no effect.
    pub unread_keys: Vec<String>,
}

/// Where a configuration is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// This program.
    BuiltIn(PublicNetwork),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::BuiltIn(network) => write!(f, "of {network} that is built in"),
        }
    }
}

impl LoadedConfig {
    /// The built-in configuration of a public network.
    pub fn built_in(network: PublicNetwork) -> Self {
        Self {
            config: network.config(),
            origin: Origin::BuiltIn(network),
            unread_keys: Vec::new(),
        }
    }
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

/// Reads a configuration file; warns of keys that have no effect.
///
/// # Errors
/// [`ConfigError`].
pub fn load(path: &Path, context: Option<&str>) -> Result<LoadedConfig, ConfigError> {
    let origin = path.display().to_string();
    let (config, unread_keys) = parse(
        &read_bounded("the client configuration", path)?,
        &origin,
        context,
    )?;
    warn_of_unread_keys(&origin, &unread_keys);
    Ok(LoadedConfig {
        config,
        origin: Origin::File(path.to_owned()),
        unread_keys,
    })
}

/// Parses a configuration, choosing a context where the text holds several; also returns the keys that nothing reads.
/// `origin` names the text in errors.
///
/// # Errors
/// [`ConfigError`].
pub fn parse(
    text: &str,
    origin: &str,
    context: Option<&str>,
) -> Result<(ClientConfig, Vec<String>), ConfigError> {
    let malformed = |error: DocumentError| ConfigError::Malformed {
        origin: origin.to_owned(),
        reason: error.to_string(),
    };
    let value = parse_document(text).map_err(malformed)?;
    let mut unread = beside_contexts(&value);
    let (chosen, name) = choose(value, origin, context)?;
    let above: Vec<_> = name.iter().flat_map(|name| [CONTEXTS, name]).collect();
    let whole = over_built_in(chosen);
    let (config, inside) = read_part(whole, text, &above).map_err(malformed)?;
    unread.extend(inside);
    Ok((config, unread))
}

/// Keys of a file with several configurations that belong to none of them.
fn beside_contexts(value: &Value) -> Vec<String> {
    match value {
        Value::Mapping(keys) if keys.contains_key(CONTEXTS) => keys
            .keys()
            .filter_map(Value::as_str)
            .filter(|key| ![CONTEXTS, "default_context"].contains(key))
            .map(ToOwned::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// The configuration, and its name among several.
fn choose(
    value: Value,
    origin: &str,
    context: Option<&str>,
) -> Result<(Value, Option<String>), ConfigError> {
    let origin = origin.to_owned();
    let Some(contexts) = value.get(CONTEXTS) else {
        return match context {
            Some(context) => Err(ConfigError::SingleConfig {
                origin,
                context: context.to_owned(),
            }),
            None => Ok((value, None)),
        };
    };
    let Value::Mapping(contexts) = contexts else {
        return Err(ConfigError::Malformed {
            origin,
            reason: "contexts is no map".to_owned(),
        });
    };
    if contexts.is_empty() {
        return Err(ConfigError::EmptyContexts { origin });
    }
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
        .map(|config| (config.clone(), Some(name.to_owned())))
        .ok_or_else(|| ConfigError::UnknownContext {
            origin: origin.clone(),
            context: name.to_owned(),
            known: known(),
        })
}
