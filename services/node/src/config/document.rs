//! Configuration document: read, checked and written.

use std::path::{Path, PathBuf};

use anyhow::Context;
use walrus_sui::{
    config::{read_document, warn_of_unread_keys},
    wallet::read_bounded,
};

use super::NodeConfig;
use crate::tls::ip_literal;

/// The file that a configuration was read from, if it was. What a configuration says does not depend on it: any two are equal.
#[derive(Debug, Clone, Default)]
pub struct Origin(Option<PathBuf>);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl Origin {
    /// The file.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl NodeConfig {
    /// Reads a configuration file; warns about keys that nothing reads.
    ///
    /// # Errors
    /// If the file cannot be read, is not YAML, lacks a key or has one of the wrong type.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = read_bounded("the configuration", path)?;
        let origin = path.display().to_string();
        let config = Self::parse(&text, &origin).with_context(|| format!("in {origin}"))?;
        let origin = Origin(Some(path.to_owned()));
        Ok(Self { origin, ..config })
    }

    /// Like [`NodeConfig::load`], from the text; `origin` says in warnings where that is from.
    ///
    /// # Errors
    /// If the text is not YAML, lacks a key or has one of the wrong type.
    pub fn parse(text: &str, origin: &str) -> anyhow::Result<Self> {
        let (config, unread): (Self, _) =
            read_document(text).context("not a node configuration")?;
        warn_of_unread_keys(origin, &unread);
        anyhow::ensure!(
            !config.public_host.contains(':') || ip_literal(&config.public_host).is_some(),
            "public_host `{}` must not contain a port",
            config.public_host
        );
        let percentage = config
            .consistency_check
            .sliver_data_existence_check_sample_rate_percentage;
        anyhow::ensure!(
            percentage <= 100,
            "consistency_check.sliver_data_existence_check_sample_rate_percentage is {percentage}; 100 is every blob"
        );
        Ok(config)
    }

    /// The configuration as YAML; sections that are as by default are left out.
    ///
    /// # Errors
    /// If a value cannot be written as YAML.
    pub fn to_yaml(&self) -> anyhow::Result<String> {
        serde_yaml::to_string(self).context("cannot write the configuration")
    }
}
