//! `walrus aggregator`, `publisher` and `daemon`: the gateway. Client spec 3.1.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use walrus_gateway::{
    BlocklistFile, Gateway, Listeners, Services,
    aggregator::AggregatorOptions,
    publisher::{Access, PublisherOptions, SpoolBounds, WalletOptions, Wallets},
    store::{self, CacheBounds},
};
use walrus_sui::wallet::Environment;

use super::{Report, show};
use crate::{
    args::{
        AggregatorArgs, BothArgs, DaemonArgs, GlobalOptions, PublisherArgs, ReadingArgs,
        StoringArgs,
    },
    context::Network,
    report::Reporter,
    stop::Stop,
};

/// The directory of used tokens, beside the sub-wallets.
const USED_TOKENS: &str = "used-tokens";
/// The directory of jobs, uploads and keys, there too.
const STATE: &str = "state";

/// Where a daemon listens, told once it does.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listening {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_url: Option<String>,
}

impl Report for Listening {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Serving at {}. Ctrl-C stops it.", self.url));
        if let Some(metrics) = &self.metrics_url {
            reporter.field("metrics", metrics);
        }
    }
}

/// Where a daemon is to listen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) requests: SocketAddr,
    pub(super) metrics: SocketAddr,
}

/// Serves reads.
pub(crate) async fn aggregator(global: &GlobalOptions, args: AggregatorArgs) -> anyhow::Result<()> {
    Box::pin(start(global, args.daemon, Some(args.reading), None)).await
}

/// Serves stores.
pub(crate) async fn publisher(global: &GlobalOptions, args: PublisherArgs) -> anyhow::Result<()> {
    Box::pin(start(global, args.daemon, None, Some(args.storing))).await
}

/// Serves both.
pub(crate) async fn daemon(global: &GlobalOptions, args: BothArgs) -> anyhow::Result<()> {
    let (reading, storing) = (Some(args.reading), Some(args.storing));
    Box::pin(start(global, args.daemon, reading, storing)).await
}

async fn start(
    global: &GlobalOptions,
    daemon: DaemonArgs,
    reading: Option<ReadingArgs>,
    storing: Option<StoringArgs>,
) -> anyhow::Result<()> {
    let addresses = Addresses {
        requests: daemon.bind_address,
        metrics: daemon.metrics_address,
    };
    let services = async {
        let network = Network::load(global, daemon.rpc_url.as_deref()).await?;
        let mut services = Services {
            blocklist: blocklist(daemon.blocklist.as_deref())?,
            ..Services::default()
        };
        if let Some(reading) = reading {
            let client = network.client_with(daemon.spool.spool());
            let network = store::Network::new(client, CacheBounds::default());
            services.aggregator = Some((Arc::new(network), reading_options(reading)));
        }
        if let Some(storing) = storing {
            add_publisher(global, &daemon, &network, storing, &mut services).await?;
        }
        Ok(services)
    };
    serve(global, addresses, services).await
}

/// The block list that a daemon was given.
pub(super) fn blocklist(path: Option<&Path>) -> anyhow::Result<Option<BlocklistFile>> {
    Ok(path.map(BlocklistFile::open).transpose()?)
}

/// Serves until it is told to stop.
pub(super) async fn serve(
    global: &GlobalOptions,
    addresses: Addresses,
    services: impl Future<Output = anyhow::Result<Services>>,
) -> anyhow::Result<()> {
    let stop = Stop::on_signals()?;
    // Before anything is paid: an address may be taken.
    let listeners = Listeners::bind(addresses.requests, Some(addresses.metrics))?;
    let gateway = tokio::select! {
        services = services => Gateway::start(&services?, listeners)?,
        () = stop.clone().wait() => return Ok(()),
    };
    let listening = Listening {
        url: format!("http://{}", gateway.address()),
        metrics_url: gateway
            .metrics_address()
            .map(|address| format!("http://{address}/metrics")),
    };
    show(global, &listening)?;
    stop.wait().await;
    gateway.shutdown().await;
    Ok(())
}

fn reading_options(args: ReadingArgs) -> AggregatorOptions {
    AggregatorOptions {
        allowed_headers: args.allowed_headers,
        all_tags: args.allow_quilt_patch_tags_in_response,
        max_blob_size: args.max_blob_size,
        max_concurrent_requests: args.aggregator_max_concurrent_requests,
        max_buffer_size: args.aggregator_max_buffer_size,
    }
}

/// Where a publisher keeps its state.
fn state_directory(named: Option<PathBuf>, sub_wallets: &Path) -> PathBuf {
    named.unwrap_or_else(|| sub_wallets.join(STATE))
}

async fn add_publisher(
    global: &GlobalOptions,
    daemon: &DaemonArgs,
    network: &Network,
    args: StoringArgs,
    services: &mut Services,
) -> anyhow::Result<()> {
    let tokens = args
        .tokens
        .options(args.sub_wallets_dir.join(USED_TOKENS))?;
    let access = match &tokens {
        Some(_) => Access::Tokens,
        None if args.require_key => Access::Keys,
        None if args.allow_anonymous => Access::Anonymous,
        None => Access::Loopback,
    };
    access.check(daemon.bind_address, args.budget)?;
    let spool = daemon.spool.spool();
    let environment = Environment {
        alias: global
            .context
            .clone()
            .unwrap_or_else(|| "walrus".to_owned()),
        rpc: network.reader().chain().url().to_owned(),
        ws: None,
        basic_auth: None,
    };
    let kib = |kib: u64| kib.saturating_mul(1 << 10);
    let publisher = PublisherOptions {
        max_body_size: kib(args.max_body_size),
        max_quilt_body_size: kib(args.max_quilt_body_size),
        max_concurrent_requests: args.publisher_max_concurrent_requests,
        max_buffer_size: args.publisher_max_buffer_size,
        access,
        tokens,
        budget: args.budget,
        state: Some(state_directory(args.state_dir, &args.sub_wallets_dir)),
        max_upload_size: kib(args.max_upload_size),
        spool_bounds: SpoolBounds {
            total: kib(args.max_spool_size),
            per_account: kib(args.max_spool_size_per_key),
        },
        upload_lifetime: args.upload_lifetime,
        spool,
    };
    let options = WalletOptions {
        count: args.n_clients,
        directory: args.sub_wallets_dir,
        refill_interval: args.refill_interval,
        gas_refill: args.gas_refill_amount,
        wal_refill: args.wal_refill_amount,
        min_balance: args.sub_wallets_min_balance,
        burn_after_store: args.burn_after_store,
    };
    let client = network.client_with_wallet(global, publisher.spool_of_stores())?;
    let wallets = Wallets::open(&client, &environment, options).await?;
    services.publisher = Some((Arc::new(wallets.clone()), publisher));
    services.wallets = Some(wallets);
    Ok(())
}
