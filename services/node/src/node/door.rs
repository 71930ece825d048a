//! Admin socket, and what can be asked for there.

use std::sync::Arc;

use super::verbs::Verbs;
use crate::{
    config::NodeConfig,
    healing::Peers,
    operator::{SetLogLevel, WorkerSettings, admin::AdminDoor, desk::Desk, explain::Explainer},
    parts::Parts,
    view::NodeView,
};

/// Opens the admin socket, if there is to be one.
pub(super) async fn open_door(
    config: &NodeConfig,
    parts: &Parts,
    view: NodeView,
    verbs: Verbs,
    settings: WorkerSettings,
    set_log_level: Option<SetLogLevel>,
) -> anyhow::Result<Option<AdminDoor>> {
    let Some(path) = &config.admin_socket_path else {
        return Ok(None);
    };
    let desk = Desk {
        repairs: Arc::clone(&parts.repairs),
        backups: verbs.backups,
        scrubs: verbs.scrubs,
        fscks: verbs.fscks,
        storage: Arc::clone(&parts.storage),
        explainer: Explainer {
            holdings: parts.holdings.clone(),
            peers: Peers::new(&config.blob_recovery, &parts.peers),
            node_id: parts.node_id,
            work: parts.work.clone(),
        },
        name: config.name.clone(),
        public_address: config.public_address(),
        view,
        settings,
        set_log_level,
        work: parts.work.clone(),
    };
    Ok(Some(AdminDoor::open(path, Arc::new(desk)).await?))
}
