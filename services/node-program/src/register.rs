//! Registration: `walrus-node register` makes the node a candidate.

use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use walrus_node::{NodeConfig, operator::Offer};
use walrus_sui::{
    Address, chain::ChainClient, contract::ContractReader, transactions::ContractWriter,
};

use crate::{
    args::RegisterArgs,
    config_file::set_capability,
    output::{Output, field},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    node_id: Address,
    storage_node_cap: Address,
}

pub(crate) async fn run(args: &RegisterArgs, output: &Output) -> anyhow::Result<()> {
    let config = NodeConfig::load(&args.config_path)?;
    let (protocol_key, network_key) = (config.protocol_key()?, config.network_key()?);
    let wallet = config.sui.wallet_key()?;
    let offer = Offer::of(&config)?;
    let chain = ChainClient::new(&config.sui.rpc)?;
    let reader = ContractReader::new(chain, config.sui.objects())
        .await
        .context("cannot read the contract")?;
    let sender = wallet.address();
    if !args.force {
        refuse_second(&reader, &config, sender).await?;
    }
    let epoch = reader.epoch().await?;
    let registration = offer.registration(&protocol_key, &network_key, epoch, sender);
    let cap = ContractWriter::new(reader, Arc::clone(&wallet))
        .register_node(&registration)
        .await
        .with_context(|| format!("cannot register {} from {sender}", config.name))?;
    set_capability(&args.config_path, cap.id).with_context(|| {
        format!(
            "the node is registered, but its capability {} is not in the configuration",
            cap.id
        )
    })?;
    let outcome = Outcome {
        node_id: cap.node_id,
        storage_node_cap: cap.id,
    };
    output.result(&outcome, |outcome| {
        vec![
            "The node is registered as a candidate; it joins a committee when it has enough stake."
                .to_owned(),
            field("node ID", outcome.node_id),
            field("capability", outcome.storage_node_cap),
            format!(
                "Next: {} run --config-path {}",
                crate::NAME,
                args.config_path.display()
            ),
        ]
    })
}

/// A node registers once; a second registration is a second node.
async fn refuse_second(
    reader: &ContractReader,
    config: &NodeConfig,
    sender: Address,
) -> anyhow::Result<()> {
    let owned = reader.owned_node_caps(sender).await?;
    let found = config
        .storage_node_cap
        .or_else(|| owned.first().map(|cap| cap.id));
    if let Some(cap) = found {
        bail!(
            "the node has the capability {cap}; to register it once more, as another node, say --force"
        );
    }
    Ok(())
}
