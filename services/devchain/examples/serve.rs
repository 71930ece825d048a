//! Serves a chain until Ctrl-C: `cargo run -p sui-devchain --example serve -- [DATA_DIR]`.
//!
//! Prints one line of JSON with the addresses of gRPC and faucet and the keys of the accounts.

use std::path::PathBuf;

use sui_devchain::Devchain;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let chain = Devchain::builder()
        .data_dir(std::env::args_os().nth(1).map(PathBuf::from))
        .start()
        .await?;
    let accounts: Vec<_> = chain
        .accounts()
        .iter()
        .map(|account| {
            serde_json::json!({
                "address": account.address.to_string(),
                "privateKey": account.private_key,
            })
        })
        .collect();
    println!(
        "{}",
        serde_json::json!({
            "rpc": chain.rpc_url(),
            "faucet": chain.faucet_url(),
            "chainId": chain.chain_id().to_string(),
            "accounts": accounts,
        })
    );
    tokio::signal::ctrl_c().await?;
    chain.shutdown().await;
    Ok(())
}
