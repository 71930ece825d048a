//! Drain: `walrus-node drain --node`, whether a node may be shut down for good.

use anyhow::{Context, bail};
use walrus_node::{
    NodeConfig,
    operator::{Leaving, leaving},
};
use walrus_sui::{Address, chain::ChainClient, contract::ContractReader, money::Amount};

use crate::{
    args::DrainArgs,
    exit::Refused,
    output::{Output, field},
    words,
};

pub(crate) async fn run(args: &DrainArgs, output: &Output) -> anyhow::Result<()> {
    let config = NodeConfig::load(&args.config.config_path)?;
    let reader = reader(&config).await?;
    let node_id = owned_node(&config, &reader).await?;
    let (staking, pool) = tokio::try_join!(reader.staking_state(), reader.pool(node_id))?;
    let found = leaving(&staking, node_id, pool.pool.wal_balance);
    output.result(&found, lines)?;
    if found.safe {
        return Ok(());
    }
    let from = match found.safe_from_ms {
        Some(at) => format!("; at the earliest {}", words::when(at)),
        None => String::new(),
    };
    Err(Refused(format!("{}{from}", found.says)).into())
}

async fn reader(config: &NodeConfig) -> anyhow::Result<ContractReader> {
    let chain = ChainClient::new(&config.sui.rpc)?;
    ContractReader::new(chain, config.sui.objects())
        .await
        .context("cannot read the contract")
}

/// The ID of the configured node on chain.
pub(crate) async fn node_id(config: &NodeConfig) -> anyhow::Result<Address> {
    owned_node(config, &reader(config).await?).await
}

async fn owned_node(config: &NodeConfig, reader: &ContractReader) -> anyhow::Result<Address> {
    if let Some(cap) = config.storage_node_cap {
        return Ok(reader.node_cap(cap).await?.node_id);
    }
    let wallet = config.sui.wallet_key()?.address();
    match reader.owned_node_caps(wallet).await?.as_slice() {
        [cap] => Ok(cap.node_id),
        caps => bail!(
            "the wallet {wallet} owns {} node capabilities; name one in storage_node_cap",
            caps.len()
        ),
    }
}

fn lines(leaving: &Leaving) -> Vec<String> {
    let headline = if leaving.safe {
        "The node may be shut down for good."
    } else {
        "The node must go on running."
    };
    let next = leaving.next_shards;
    vec![
        headline.to_owned(),
        field(
            "shards",
            format!(
                "{} now, {} in the epoch before",
                leaving.owned_shards, leaving.readable_shards
            ),
        ),
        field(
            "next epoch",
            next.map_or("not chosen yet".to_owned(), |shards| {
                format!("{shards} shards")
            }),
        ),
        field("stake", Amount::wal(leaving.stake_frost)),
    ]
}
