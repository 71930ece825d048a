//! `walrus generate-sui-wallet`. Client spec 2.8.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use serde::Serialize;
use walrus_sui::{
    Address,
    chain::ChainClient,
    wallet::{Environment, Keypair, Wallet},
};

use super::{Report, show};
use crate::{
    args::{GenerateSuiWalletArgs, GlobalOptions},
    report::{Reporter, say},
};

/// Pause between two looks at the balance.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WalletOutput {
    wallet_address: Address,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    network: String,
}

impl Report for WalletOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("A new wallet for {}", self.network));
        reporter.field("file", self.path.display());
        reporter.line(format!("  address {}", self.wallet_address));
    }
}

/// A network of Sui.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SuiNetwork {
    alias: String,
    rpc: String,
    faucet: Option<String>,
}

impl SuiNetwork {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let known = |rpc: &str, faucet: Option<&str>| Self {
            alias: text.to_owned(),
            rpc: rpc.to_owned(),
            faucet: faucet.map(str::to_owned),
        };
        Ok(match text {
            "mainnet" => known("https://fullnode.mainnet.sui.io:443", None),
            "testnet" => known(
                "https://fullnode.testnet.sui.io:443",
                Some("https://faucet.testnet.sui.io"),
            ),
            "devnet" => known(
                "https://fullnode.devnet.sui.io:443",
                Some("https://faucet.devnet.sui.io"),
            ),
            "localnet" => known("http://127.0.0.1:9000", Some("http://127.0.0.1:9123")),
            url => {
                let (rpc, faucet) = match url.split_once(';') {
                    Some((rpc, faucet)) => (rpc, Some(faucet)),
                    None => (url, None),
                };
                let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
                if !is_url(rpc) || faucet.is_some_and(|faucet| !is_url(faucet)) {
                    bail!(
                        "`{text}` is neither testnet, mainnet, devnet or localnet nor the URL of an RPC server"
                    );
                }
                Self {
                    alias: "custom".to_owned(),
                    ..known(rpc, faucet)
                }
            }
        })
    }
}

/// Makes a wallet.
pub(crate) async fn run(global: &GlobalOptions, args: GenerateSuiWalletArgs) -> anyhow::Result<()> {
    let network = SuiNetwork::parse(&args.sui_network)?;
    let faucet = match (&network.faucet, args.use_faucet) {
        (_, false) => None,
        (Some(faucet), true) => Some(faucet.clone()),
        (None, true) => bail!(
            "there is no faucet for {}; leave out --use-faucet",
            network.alias
        ),
    };
    let path = match args.path {
        Some(path) => path,
        None => {
            let home = std::env::home_dir()
                .context("there is no home directory; name a file with --path")?;
            home.join(".sui/sui_config/client.yaml")
        }
    };
    let environment = Environment {
        alias: network.alias.clone(),
        rpc: network.rpc.clone(),
        ws: None,
        basic_auth: None,
    };
    let wallet = Wallet::create(&path, environment, Keypair::generate())?;
    let output = WalletOutput {
        wallet_address: wallet.active_address(),
        path,
        network: network.alias.clone(),
    };
    if let Some(faucet) = faucet {
        // The wallet is there, whatever the faucet says.
        let funded = fund(&network, &faucet, output.wallet_address);
        match tokio::time::timeout(args.faucet_timeout, funded).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                show(global, &output)?;
                return Err(error.context("the wallet is there, without SUI"));
            }
            Err(_) => {
                show(global, &output)?;
                bail!(
                    "the wallet is there; the SUI of the faucet has not come within {:?}",
                    args.faucet_timeout
                );
            }
        }
    }
    show(global, &output)
}

/// Asks the faucet, and waits until the SUI is there.
async fn fund(network: &SuiNetwork, faucet: &str, owner: Address) -> anyhow::Result<()> {
    say("Asking the faucet for SUI");
    walrus_deploy::faucet::request(faucet, owner).await?;
    let chain = ChainClient::new(&network.rpc)?;
    while chain.sui_balance(owner).await? == 0 {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_names_or_urls() {
        let testnet = SuiNetwork::parse("testnet").unwrap();
        assert!(testnet.faucet.is_some());
        assert_eq!(SuiNetwork::parse("mainnet").unwrap().faucet, None);
        let own = SuiNetwork::parse("http://127.0.0.1:5;http://127.0.0.1:6").unwrap();
        let expected = SuiNetwork {
            alias: "custom".to_owned(),
            rpc: "http://127.0.0.1:5".to_owned(),
            faucet: Some("http://127.0.0.1:6".to_owned()),
        };
        assert_eq!(own, expected);
        assert_eq!(
            SuiNetwork::parse("https://rpc.example").unwrap().faucet,
            None
        );
        for bad in ["", "tesnet", "http://a;b", ";"] {
            assert!(SuiNetwork::parse(bad).is_err(), "{bad}");
        }
    }
}
