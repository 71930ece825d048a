//! Receive: `walrus-node receive`, the end of a move to which the storage goes.

use std::net::TcpListener;

use anyhow::Context as _;
use walrus_node::{NodeConfig, operator::relocation::Receiver};

use crate::{
    args::ReceiveArgs,
    drain::node_id,
    exit::unless_interrupted,
    output::{Output, field, say},
    stopped,
};

pub(crate) async fn run(args: &ReceiveArgs, output: &Output) -> anyhow::Result<()> {
    let config = NodeConfig::load(&args.config.config_path)?;
    stopped::no_node(&config).await?;
    let listener = TcpListener::bind(args.listen);
    let listener = listener.with_context(|| format!("cannot listen on {}", args.listen))?;
    let node_id = node_id(&config).await?;
    let key = config.network_key()?;
    let mut receiver = Receiver::listen(listener, key, node_id, config.disk_paths())?;
    let address = receiver.address();
    output.result(&serde_json::json!({ "address": address }), |_| {
        vec![
            "Waits for the storage; `walrus-node move --to https://HOST:PORT` where it is now sends it.".to_owned(),
            field("listens on", address),
            field("node ID", node_id),
        ]
    })?;
    let received = async {
        receiver.received().await;
        Ok(())
    };
    let then = "what has come is kept; the same command goes on to receive";
    let received = unless_interrupted(received, then).await;
    receiver.close().await;
    received?;
    say(format_args!(
        "The storage is here; `walrus-node run` starts the node with it."
    ));
    Ok(())
}
