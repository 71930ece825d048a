//! Configuration files of clients: finding, reading, and those of the public networks. Client spec 5.1 to 5.3.

mod client_config;
mod communication;
mod load;
mod public_networks;
mod search;

pub use client_config::{ClientConfig, WalletConfig, WalletSelection};
pub use communication::{
    CommunicationConfig, ExtraTime, HttpConfig, RequestRateConfig, UploadMode,
};
pub use load::{ConfigError, LoadedConfig, Origin, find, load, parse, search_paths};
pub use public_networks::{PublicNetwork, UnknownNetwork};
pub use search::Search;
