//! Sui wallets: key pairs and other signers, `sui.keystore` and `client.yaml` (client spec 5.4).

mod file;
mod keypair;
mod keystore;
mod signer;
mod sui_config;

pub use file::{FileError, read_bounded, replace_private, write_private};
pub use keypair::{KeyError, Keypair};
pub use keystore::Keystore;
pub use signer::TransactionSigner;
pub use sui_config::{Environment, Wallet, WalletError, default_wallet_path};
pub use sui_crypto::{SignatureError, SuiSigner};
