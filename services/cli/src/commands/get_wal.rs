//! `walrus get-wal`: SUI for WAL, on test networks. Client spec 2.8.

use anyhow::{Context, bail, ensure};
use rand::seq::IndexedRandom as _;
use serde::Serialize;
use walrus_sui::{Address, Digest, money::Amount, transactions::ContractWriter};

use super::{Report, show};
use crate::{
    args::{GetWalArgs, GlobalOptions},
    context::Network,
    cost::Cost,
    report::{Reporter, sui, wal},
};

/// MIST below which no exchange can be paid for: about what the gas takes.
const LITTLE: u64 = 5_000_000;

/// The JSON result. Client spec 2.8.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GetWalOutput {
    /// MIST.
    amount_sui: u64,
    #[serde(skip)]
    exchange: Address,
    /// FROST that the account has now; unknown where nobody reads it.
    #[serde(skip)]
    balance: Option<u64>,
    #[serde(skip)]
    transaction: Digest,
}

impl Report for GetWalOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Exchanged {} for WAL", sui(self.amount_sui)));
        reporter.field("exchange", self.exchange);
        if let Some(balance) = self.balance {
            reporter.field("WAL owned now", wal(balance));
        }
        reporter.field("transaction", self.transaction);
    }
}

/// Exchanges.
pub(crate) async fn run(global: &GlobalOptions, args: GetWalArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let exchange = match args.exchange_id {
        Some(id) => id,
        None => *network.exchanges().choose(&mut rand::rng()).context(
            "the configuration lists no exchange_objects; name an exchange with --exchange-id",
        )?,
    };
    let writer = network.writer(global)?;
    let cost = Cost::sui("the exchange", args.amount, args.max_cost);
    cost.check_limit()?;
    check(&writer, exchange, args.amount).await?;
    cost.announce(global, &writer).await?;
    let executed = writer.exchange_sui_for_wal(exchange, args.amount).await?;
    // The JSON result does not tell it.
    let balance = match global.json {
        true => None,
        false => Some(network.reader().wal_balance(writer.address()).await?),
    };
    let output = GetWalOutput {
        amount_sui: args.amount,
        exchange,
        balance,
        transaction: executed.digest,
    };
    show(global, &output)
}

/// Says what the contract would refuse with a code.
async fn check(writer: &ContractWriter, exchange: Address, mist: u64) -> anyhow::Result<()> {
    let found = writer.exchange(exchange).await;
    let found = found.with_context(|| format!("{exchange} is no exchange of SUI for WAL"))?;
    let (rate, funds) = (found.rate, found.wal);
    let Some(frost) = rate.wal_for_sui(mist) else {
        bail!(
            "{} are more than any exchange can take; ask for less with --amount",
            Amount::sui(mist)
        );
    };
    ensure!(
        frost > 0,
        "{} buy no WAL: {} cost {} here; give more with --amount",
        Amount::sui(mist),
        Amount::wal(rate.wal),
        Amount::sui(rate.sui)
    );
    ensure!(
        frost <= funds,
        "the exchange {exchange} has {} left, and {} would buy {}; give less with --amount, or try another with \
         --exchange-id",
        Amount::wal(funds),
        Amount::sui(mist),
        Amount::wal(frost)
    );
    let owner = writer.address();
    let owned = writer.reader().chain().sui_balance(owner).await?;
    let gas = writer.reader().chain().gas_limits().await?;
    let least = gas.smallest_budget.unwrap_or(0).max(1);
    ensure!(
        owned >= mist.saturating_add(least),
        "{owner} has {}, which are not enough for {} and the gas; {}",
        Amount::sui(owned),
        Amount::sui(mist),
        match owned < LITTLE {
            true =>
                "get some first: test networks have a faucet, that of a local one is `faucetUrl` in its network.json",
            false => "give less with --amount",
        }
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_what_was_asked_for_alone() {
        let output = GetWalOutput {
            amount_sui: 7,
            exchange: Address::TWO,
            balance: Some(3),
            transaction: Digest::ZERO,
        };
        let json = serde_json::to_value(&output).unwrap();
        assert_eq!(json, serde_json::json!({"amountSui": 7}));
    }
}
