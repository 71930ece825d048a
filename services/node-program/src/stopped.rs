//! Stopped: what every verb asks that touches the storage of a node itself. The one door to it.

use std::{net::TcpListener, path::Path};

use walrus_node::{NodeConfig, operator::relocation};

use crate::{doctor::runs, exit::Refused};

/// Whether nobody uses the storage of the configured node, and all of it is there.
///
/// # Errors
/// [`Refused`] if the node runs, or the storage was moved away, or a move to it was cut off.
pub(crate) async fn storage(config: &NodeConfig) -> anyhow::Result<()> {
    no_node(config).await?;
    whole(&config.storage_path)
}

/// Whether no node runs with this configuration.
///
/// # Errors
/// [`Refused`] if one does.
pub(crate) async fn no_node(config: &NodeConfig) -> anyhow::Result<()> {
    let refused = |reason: &str| Err(Refused(reason.to_owned()).into());
    if runs(config).await {
        return refused("the node runs, and the storage is its; stop it first");
    }
    // One without a socket is heard of only where it listens.
    if config.admin_socket_path.is_none() && TcpListener::bind(config.rest_api_address).is_err() {
        return refused(
            "something listens at rest_api_address, and without admin_socket_path it cannot be told whether that is the node; stop it first",
        );
    }
    Ok(())
}

/// Whether a storage is where it belongs: none that was moved away, and none of which a move that was cut off has left a part.
///
/// # Errors
/// [`Refused`] if not.
pub(crate) fn whole(storage: &Path) -> anyhow::Result<()> {
    match relocation::check(storage) {
        Err(error) if error.is_refusal() => Err(Refused(error.to_string()).into()),
        checked => Ok(checked?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listens: &str) -> NodeConfig {
        let text = format!(
            "name: n\nstorage_path: /s\nprotocol_key_pair: {{path: /p}}\nnetwork_key_pair: {{path: /n}}\n\
             rest_api_address: {listens}\npublic_host: h.example\npublic_port: 1\n\
             sui: {{rpc: 'http://r', system_object: '0x2', staking_object: '0x3', wallet_config: /w}}\n"
        );
        NodeConfig::parse(&text, "text").unwrap()
    }

    #[tokio::test]
    async fn a_node_without_a_socket_is_heard_of_where_it_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = config(&listener.local_addr().unwrap().to_string());
        let refused = no_node(&config).await.unwrap_err();
        assert!(refused.is::<Refused>(), "{refused}");
        drop(listener);
        no_node(&config).await.unwrap();
    }

    #[test]
    fn a_storage_that_was_moved_or_is_not_whole_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        whole(dir.path()).unwrap();
        for name in ["moved.json", ".moving.json"] {
            let mark = dir.path().join(name);
            let text = r#"{"to": "/new", "nodeId": "0x2", "atMs": 1}"#;
            std::fs::write(&mark, text).unwrap();
            let refused = whole(dir.path()).unwrap_err();
            assert!(refused.is::<Refused>(), "{refused}");
            std::fs::remove_file(&mark).unwrap();
        }
    }
}
