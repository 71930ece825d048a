//! Sui wallets: key pairs, `sui.keystore` and `client.yaml` (client spec 5.4).

mod file;
mod keypair;
mod keystore;
mod sui_config;

pub(crate) use file::read_bounded;
pub use file::{FileError, write_private};
pub use keypair::{KeyError, Keypair};
pub use keystore::Keystore;
pub use sui_config::{Environment, Wallet, WalletError, default_wallet_path};
