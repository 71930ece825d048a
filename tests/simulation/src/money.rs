//! Money: all WAL that there is lies somewhere.

use anyhow::{Context as _, bail, ensure};
use sui_rpc::proto::sui::rpc::v2::GetCoinInfoRequest;
use walrus_sui::Address;

use crate::network::Network;

/// How often the money is counted anew when somebody pays meanwhile.
const ATTEMPTS: u32 = 50;

/// What is in wallets, stakes, pools and the system is what the treasury has not burned.
///
/// # Errors
/// By how much it is not.
pub(crate) async fn is_conserved(network: &Network) -> anyhow::Result<()> {
    let chain = network.reader.chain();
    for _ in 0..ATTEMPTS {
        let before = chain.latest_checkpoint().await?;
        let (supply, found) = (supply(network).await?, found(network).await?);
        if chain.latest_checkpoint().await? == before {
            ensure!(
                supply == found,
                "of {supply} FROST there are {found}: {} too many",
                i128::from(found) - i128::from(supply)
            );
            return Ok(());
        }
    }
    bail!("the chain is never quiet")
}

/// What was made and not burned, in FROST.
async fn supply(network: &Network) -> anyhow::Result<u64> {
    let coin = network.reader.packages().wal_type.to_string();
    let request = GetCoinInfoRequest::default().with_coin_type(coin);
    let mut rpc = network.reader.chain().rpc();
    let info = rpc.state_client().get_coin_info(request).await?;
    let treasury = info.into_inner().treasury;
    let supply = treasury.and_then(|treasury| treasury.total_supply);
    supply.context("the chain does not tell the supply of WAL")
}

/// What lies somewhere, in FROST.
async fn found(network: &Network) -> anyhow::Result<u64> {
    let (reader, snapshot) = (&network.reader, &network.site.snapshot);
    let mut found = 0_u64;
    let mut add = |amount: u64| {
        found = found
            .checked_add(amount)
            .context("more than there can be")?;
        anyhow::Ok(())
    };
    for wallet in network.wallets()? {
        add(reader.wal_balance(wallet).await?)?;
        for stake in reader.owned_stakes(wallet).await? {
            add(stake.principal)?;
        }
    }
    let pools: Vec<Address> = snapshot.nodes.iter().map(|node| node.node_id).collect();
    for pool in reader.pools(&pools).await?.into_values() {
        add(pool.rewards_pool)?;
        add(pool.commission)?;
    }
    let system = reader.system_state().await?;
    for slot in system.future_accounting.ring_buffer {
        add(slot.rewards_to_distribute)?;
    }
    Ok(found)
}
