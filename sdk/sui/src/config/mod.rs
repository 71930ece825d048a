//! Configuration of clients (client spec 5.1 to 5.3) and the descriptor of a local network.

mod client_config;
mod load;
mod merge;
mod network;
mod tuning;

pub use client_config::{ClientConfig, WalletConfig, WalletSelection};
pub use load::{ConfigError, LoadedConfig, find, load, parse, search_paths};
pub use network::{NetworkAccount, NetworkDescriptor, NetworkNode};
pub use tuning::{
    AutoTuneConfig, BackoffConfig, CommunicationConfig, ExtraTime, HttpConfig, RefreshConfig,
    RequestRateConfig, SliverReadConfig, StreamingConfig, TailHandling, UploadMode,
};
