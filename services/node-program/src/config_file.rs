//! Configuration file: written from arguments, and the node's capability written back into it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use walrus_node::{
    NodeConfig,
    config::{KeySource, SuiConfig, TlsConfig, WalletSource},
    operator::{MetadataConfig, VotingParams},
};
use walrus_sui::{
    Address,
    wallet::{read_bounded, replace_private, write_private},
};

use crate::{
    args::{ConfigArgs, GenerateConfigArgs},
    network::Network,
    output::{Output, field},
};

/// The name of the admin socket in the storage directory.
const ADMIN_SOCKET: &str = "admin.sock";

/// Files that a configuration names.
pub(crate) struct Files {
    pub(crate) storage: PathBuf,
    pub(crate) protocol_key: PathBuf,
    pub(crate) network_key: PathBuf,
    pub(crate) wallet: PathBuf,
}

/// Writes the configuration and reads it back, so that what is there can be used.
pub(crate) fn write(
    path: &Path,
    files: Files,
    network: &Network,
    args: ConfigArgs,
    force: bool,
) -> anyhow::Result<NodeConfig> {
    ensure!(
        args.name.len() <= 100,
        "the name has {} bytes; the contract takes at most 100",
        args.name.len()
    );
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).with_context(|| format!("the path {}", path.display()))
    };
    let storage = absolute(files.storage)?;
    let listens = args.rest_api_address;
    let listens = listens.unwrap_or_else(|| ([0, 0, 0, 0], args.public_port).into());
    let chosen = NodeConfig {
        rest_api_address: listens,
        metrics_address: Some(args.metrics_address),
        tls: TlsConfig {
            certificate_path: args.certificate_path.map(absolute).transpose()?,
            ..TlsConfig::default()
        },
        commission_rate: args.commission_rate,
        voting_params: VotingParams {
            storage_price: args.storage_price,
            write_price: args.write_price,
            node_capacity: args.node_capacity.0,
            ..VotingParams::default()
        },
        metadata: MetadataConfig {
            image_url: args.image_url,
            project_url: args.project_url,
            description: args.description,
            ..MetadataConfig::default()
        },
        admin_socket_path: Some(storage.join(ADMIN_SOCKET)),
        ..NodeConfig::new(
            args.name,
            storage,
            KeySource::file(absolute(files.protocol_key)?),
            KeySource::file(absolute(files.network_key)?),
            args.public_host,
            args.public_port,
            SuiConfig {
                rpc: network.rpc.clone(),
                system_object: network.system_object,
                staking_object: network.staking_object,
                treasury_object: network.treasury_object,
                walrus_subsidies_object: network.subsidies_object,
                wallet_config: WalletSource::File(absolute(files.wallet)?),
                first_checkpoint: None,
            },
        )
    };
    let text = chosen.to_yaml()?;
    let config = NodeConfig::parse(&text, "the arguments")?;
    let put = if force {
        replace_private
    } else {
        write_private
    };
    put(path, text.as_bytes())?;
    Ok(config)
}

/// `walrus-node generate-config`.
pub(crate) fn run(args: GenerateConfigArgs, output: &Output) -> anyhow::Result<()> {
    let (path, node) = (args.config_path, args.node);
    let network = Network::of(&node.network)?;
    let files = Files {
        storage: node.storage_path,
        protocol_key: args.protocol_key_path,
        network_key: args.network_key_path,
        wallet: args.wallet_config,
    };
    let config = write(&path, files, &network, node.config, args.force)?;
    config.protocol_key()?;
    config.network_key()?;
    config.sui.wallet_key()?;
    output.result(&serde_json::json!({ "configPath": path }), |_| {
        vec![
            "Wrote the configuration.".to_owned(),
            field("configuration", path.display()),
        ]
    })
}

/// Writes the node's capability into the configuration; everything else stays as it is, comments as well.
pub(crate) fn set_capability(path: &Path, capability: Address) -> anyhow::Result<()> {
    const KEY: &str = "storage_node_cap:";
    let text = read_bounded("the configuration", path)?;
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(KEY)).collect();
    let line = format!("{KEY} \"{capability}\"");
    // Before the end of the document, if it says where that is.
    let end = lines.iter().position(|line| line.trim_end() == "...");
    lines.insert(end.unwrap_or(lines.len()), &line);
    let text = lines.join("\n") + "\n";
    let config = NodeConfig::parse(&text, &path.display().to_string())?;
    if config.storage_node_cap != Some(capability) {
        bail!(
            "add `{line}` to {} by hand: its form is not understood",
            path.display()
        );
    }
    Ok(replace_private(path, text.as_bytes())?)
}

/// Names another storage directory in the configuration, and moves an admin socket that is in the old one along with it; everything
/// else stays as it is, comments as well.
pub(crate) fn set_storage_path(path: &Path, from: &Path, to: &Path) -> anyhow::Result<()> {
    let text = read_bounded("the configuration", path)?;
    let before = NodeConfig::parse(&text, &path.display().to_string())?;
    let socket = before.admin_socket_path.as_deref();
    let socket = socket.and_then(|socket| Some(to.join(socket.strip_prefix(from).ok()?)));
    let lines: Vec<_> = text
        .lines()
        .map(|line| {
            if line.starts_with("storage_path:") {
                format!("storage_path: {}", quoted(to))
            } else if let Some(socket) = socket
                .as_ref()
                .filter(|_| line.starts_with("admin_socket_path:"))
            {
                format!("admin_socket_path: {}", quoted(socket))
            } else {
                line.to_owned()
            }
        })
        .collect();
    let text = lines.join("\n") + "\n";
    let config = NodeConfig::parse(&text, &path.display().to_string())?;
    if config.storage_path != to {
        bail!(
            "write `storage_path: {}` into {} by hand: its form is not understood",
            to.display(),
            path.display()
        );
    }
    Ok(replace_private(path, text.as_bytes())?)
}

/// Names other disks in the configuration; everything else stays as it is, comments as well.
pub(crate) fn set_disks(path: &Path, disks: &[PathBuf]) -> anyhow::Result<()> {
    const KEY: &str = "storage_disks:";
    let text = read_bounded("the configuration", path)?;
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with(KEY)).collect();
    let named: Vec<_> = disks.iter().map(|disk| quoted(disk)).collect();
    let line = format!("{KEY} [{}]", named.join(", "));
    let end = lines.iter().position(|line| line.trim_end() == "...");
    lines.insert(end.unwrap_or(lines.len()), &line);
    let text = lines.join("\n") + "\n";
    let origin = path.display().to_string();
    let config = NodeConfig::parse(&text, &origin);
    if config.is_ok_and(|config| config.storage_disks == disks) {
        return Ok(replace_private(path, text.as_bytes())?);
    }
    bail!("write `{line}` into {origin} by hand: its form is not understood")
}

/// A path as a YAML string; JSON is such a form.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# mine\nname: n\nstorage_path: /s\nprotocol_key_pair: {path: /p}\nnetwork_key_pair: {path: /n}\n\
        public_host: h.example\npublic_port: 1\nsui:\n  rpc: http://r\n  system_object: '0x2'\n  staking_object: '0x3'\n  \
        wallet_config: /w # gas\n";

    #[test]
    fn a_storage_that_was_moved_takes_its_socket_along() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.yaml");
        let text = format!("{CONFIG}admin_socket_path: /s/admin.sock\n");
        std::fs::write(&path, text).unwrap();
        set_storage_path(&path, Path::new("/s"), Path::new("/new disk/s")).unwrap();
        let config = NodeConfig::load(&path).unwrap();
        assert_eq!(config.storage_path, Path::new("/new disk/s"));
        let socket = config.admin_socket_path.unwrap();
        assert_eq!(socket, Path::new("/new disk/s/admin.sock"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# mine") && text.contains("# gas"), "{text}");
    }

    #[test]
    fn the_capability_is_added_once_and_comments_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.yaml");
        std::fs::write(&path, CONFIG).unwrap();
        for id in [Address::TWO, Address::THREE] {
            set_capability(&path, id).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains("# mine") && text.contains("# gas"), "{text}");
            assert_eq!(text.matches("storage_node_cap").count(), 1);
            assert_eq!(NodeConfig::load(&path).unwrap().storage_node_cap, Some(id));
        }
    }
}
