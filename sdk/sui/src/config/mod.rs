//! Configuration of clients (client spec 5.1 to 5.3) and the descriptor of a local network.

mod client_config;
mod load;
mod network;
mod public_networks;
mod text_or_map;
mod tuning;
mod unread;

pub use client_config::{ClientConfig, WalletConfig, WalletSelection};
pub use load::{ConfigError, LoadedConfig, Origin, find, load, parse, search_paths};
pub use network::{NetworkAccount, NetworkDescriptor, NetworkNode};
pub use public_networks::PublicNetwork;
pub use text_or_map::TextOrMap;
pub use tuning::{CommunicationConfig, ExtraTime, HttpConfig, RequestRateConfig, UploadMode};
pub use unread::{warn_of_unread_keys, with_unread_keys};
