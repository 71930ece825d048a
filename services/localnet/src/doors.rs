//! The network's gateway: an aggregator, and at an address of their own a publisher and an upload relay, so that what is stored shares
//! no origin with what can store; and the console, a page at a third one.

use std::{net::TcpListener, sync::Arc};

use anyhow::Context as _;
use walrus_console::{Console, Settings};
use walrus_gateway::{
    Gateway, Listeners, Services,
    aggregator::AggregatorOptions,
    publisher::{PublisherOptions, WalletOptions, Wallets},
    relay::{RelayOfNetwork, RelayOptions, TipConfig},
    store::{CacheBounds, Network},
};
use walrus_sdk::{Client, ClientOptions};

use crate::{Localnet, operator::environment};

/// Stores at the same time.
const SUB_WALLETS: usize = 8;
/// MIST, and FROST, that a sub-wallet has at the least; it gets ten times as much.
const LEAST: u64 = 1_000_000_000;

/// What serves requests over HTTP.
pub(crate) struct Doors {
    aggregator: Gateway,
    publisher: Gateway,
    console: Console,
}

/// Where they listen.
pub(crate) struct DoorListeners {
    pub(crate) aggregator: TcpListener,
    pub(crate) publisher: TcpListener,
    pub(crate) console: TcpListener,
}

impl Doors {
    /// Opens all of them, for a network whose nodes are ready.
    pub(crate) async fn open(network: &Localnet, listeners: DoorListeners) -> anyhow::Result<Self> {
        let client = Client::new(network.reader().clone(), ClientOptions::default());
        let store = Arc::new(Network::new(client.clone(), CacheBounds::default()));
        let reads = Services {
            aggregator: Some((store.clone(), AggregatorOptions::default())),
            ..Services::default()
        };
        let relayed = RelayOptions::new(TipConfig::NoTip);
        let relay = RelayOfNetwork::new(client.clone().with_spool(relayed.spool_of_uploads()));
        let publisher = PublisherOptions {
            state: Some(network.directory().publisher()),
            ..PublisherOptions::default()
        };
        let client = client.with_spool(publisher.spool_of_stores());
        let client = client.with_signer(Arc::clone(network.admin()));
        let environment = environment(&network.chain().rpc_url());
        let options = WalletOptions {
            count: SUB_WALLETS,
            gas_refill: 10 * LEAST,
            wal_refill: 10 * LEAST,
            min_balance: LEAST,
            ..WalletOptions::in_directory(network.directory().sub_wallets())
        };
        let wallets = Wallets::open(&client, &environment, options).await;
        let wallets = wallets.context("the publisher has no wallets")?;
        let stores = Services {
            publisher: Some((Arc::new(wallets.clone()), publisher)),
            wallets: Some(wallets),
            readers: Some(store),
            relay: Some((Arc::new(relay), relayed)),
            ..Services::default()
        };
        let listener = |requests| Listeners {
            requests,
            metrics: None,
        };
        let aggregator = Gateway::start(&reads, listener(listeners.aggregator))?;
        let publisher = Gateway::start(&stores, listener(listeners.publisher))?;
        let system = network.reader().system_state().await?;
        let settings = Settings {
            aggregator_url: url(&aggregator),
            publisher_url: url(&publisher),
            n_shards: network.state().shards,
            max_epochs: system.future_accounting.length,
        };
        let console = Console::start(listeners.console, &settings)?;
        Ok(Self {
            aggregator,
            publisher,
            console,
        })
    }

    /// The URL of the aggregator.
    pub(crate) fn aggregator_url(&self) -> String {
        url(&self.aggregator)
    }

    /// The URL of the publisher.
    pub(crate) fn publisher_url(&self) -> String {
        url(&self.publisher)
    }

    /// The URL of the console.
    pub(crate) fn console_url(&self) -> String {
        self.console.url()
    }

    pub(crate) async fn shutdown(self) {
        tokio::join!(
            self.console.shutdown(),
            self.aggregator.shutdown(),
            self.publisher.shutdown()
        );
    }
}

fn url(gateway: &Gateway) -> String {
    format!("http://{}", gateway.address())
}
