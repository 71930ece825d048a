//! Sui wallets: key pairs, `sui.keystore` and `client.yaml` (client spec 5.4).

mod file;
mod keypair;
mod keystore;
mod sui_config;

pub use file::{FileError, read_bounded, write_private};
pub use keypair::{KeyError, Keypair};
pub use keystore::Keystore;
pub use sui_config::{Environment, Wallet, WalletError, default_wallet_path};
