//! Registration: `walrus-node register` makes the node a candidate.

use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use walrus_node::{NodeConfig, operator::Offer, prices::price_to_vote_with};
use walrus_sui::{
    Address,
    chain::ChainClient,
    contract::ContractReader,
    objects::{StorageNodeCap, StorageNodeInfo},
    transactions::{ContractWriter, NodeRegistration},
};

use crate::{
    args::RegisterArgs,
    config_file::set_capability,
    output::{Output, field},
};

const REGISTERED: &str =
    "The node is registered as a candidate; it joins a committee when it has enough stake.";
const FINISHED: &str =
    "The node was registered already; its capability is in the configuration now.";

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
    let wal = price_to_vote_with(&config).await?;
    let offer = Offer::of(&config, wal)?;
    let chain = ChainClient::new(&config.sui.rpc)?;
    let reader = ContractReader::new(chain, config.sui.objects())
        .await
        .context("cannot read the contract")?;
    let sender = wallet.address();
    let epoch = reader.epoch().await?;
    let registration = offer.registration(&protocol_key, &network_key, epoch, sender);
    let found = if args.force {
        None
    } else {
        unfinished(&reader, config.storage_node_cap, &registration, sender).await?
    };
    let (cap, headline) = match found {
        Some(cap) => (cap, FINISHED),
        None => {
            let cap = ContractWriter::new(reader, Arc::clone(&wallet))
                .register_node(&registration)
                .await
                .with_context(|| format!("cannot register {} from {sender}", config.name))?;
            (cap, REGISTERED)
        }
    };
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
            headline.to_owned(),
            field("node ID", outcome.node_id),
            field("capability", outcome.storage_node_cap),
            format!(
                "Next: {} run --config-path {}",
                crate::NAME,
                args.config_path.display()
            ),
            format!(
                "Then give it stake, from any wallet with WAL: walrus stake --node-id {} --amount FROST",
                outcome.node_id
            ),
        ]
    })
}

/// The capability of a registration with our keys that was made and not written down: its program was killed, or could not write.
/// A node registers once; a second registration is a second node and refused.
async fn unfinished(
    reader: &ContractReader,
    configured: Option<Address>,
    ours: &NodeRegistration,
    sender: Address,
) -> anyhow::Result<Option<StorageNodeCap>> {
    let mut owned = reader.owned_node_caps(sender).await?;
    let Some(first) = configured.or_else(|| owned.first().map(|cap| cap.id)) else {
        return Ok(None);
    };
    // With several, the node cannot tell either which is its own.
    let only = owned.pop().filter(|_| owned.is_empty());
    if let Some(cap) = only.filter(|_| configured.is_none()) {
        let info = reader.pool(cap.node_id).await?.pool.node_info;
        if has_keys(&info, ours) {
            return Ok(Some(cap));
        }
    }
    bail!(
        "the node has the capability {first}; to register it once more, as another node, say --force"
    );
}

/// Whether a registered node has the keys of this registration.
fn has_keys(info: &StorageNodeInfo, ours: &NodeRegistration) -> bool {
    let protocol = info.bls_public_key();
    protocol.is_some_and(|key| key.0[..] == ours.public_key[..])
        && info.network_public_key == ours.network_public_key
}
