//! Door: asks a running node through its admin socket.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use walrus_node::{
    NodeConfig,
    operator::admin::{AdminAnswer, AdminRequest, ask},
};

use crate::{args::DoorArgs, exit::Refused};

/// The socket of the node that the arguments name.
pub(crate) fn socket(door: &DoorArgs) -> anyhow::Result<PathBuf> {
    if let Some(path) = &door.socket_path {
        return Ok(path.clone());
    }
    let path = door.config_path.as_deref();
    let path = path.context("say which node with --config-path or --socket-path")?;
    NodeConfig::load(path)?.admin_socket_path.with_context(|| {
        format!(
            "{} has no admin_socket_path; add one and start the node again",
            path.display()
        )
    })
}

/// What the node answers; an error if it did not do what was asked.
pub(crate) async fn done(socket: &Path, request: &AdminRequest) -> anyhow::Result<AdminAnswer> {
    let answer = ask(socket, request).await?;
    if answer.refused {
        return Err(Refused(answer.message).into());
    }
    if !answer.success {
        bail!("{}", answer.message);
    }
    Ok(answer)
}
