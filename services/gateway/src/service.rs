//! Gateway: its services behind one address, and the metrics behind another.

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use axum::{Json, Router, extract::State, http::StatusCode, middleware, routing::get};
use prometheus::IntGaugeVec;
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_service::{
    envelope::{unknown_route, wrong_method},
    metrics::Registry,
    server::{Limits, NoPeers, Server, Transport},
    worker::Runner,
};

use crate::{
    aggregator::{self, AggregatorOptions},
    api::{self, AnyRefusals, Document, HealthAnswer, UnshedRefusals},
    blocklist::BlocklistFile,
    http::{
        finish::{cors, finish},
        measured::{HttpMetrics, measure},
    },
    limits,
    limits_page::{self, LimitsPage},
    publisher::{self, Publisher, PublisherError, PublisherOptions, Uploader, Wallets, uploads},
    relay::{self, RelayBackend, RelayOptions},
    store::Store,
};

/// The services of a gateway.
#[derive(Clone, Default)]
pub struct Services {
    /// Reads, and where they read from.
    pub aggregator: Option<(Arc<dyn Store>, AggregatorOptions)>,
    /// Stores, and what they are paid with.
    pub publisher: Option<(Arc<dyn Uploader>, PublisherOptions)>,
    /// Uploads for others, and what they are done with.
    pub relay: Option<(Arc<dyn RelayBackend>, RelayOptions)>,
    /// Blobs that are not served, whatever the nodes do.
    pub blocklist: Option<BlocklistFile>,
    /// Who else reads in this process, and so hears first of what is stored.
    pub readers: Option<Arc<dyn Store>>,
    /// Sub-wallets to top up meanwhile.
    pub wallets: Option<Wallets>,
}

impl Services {
    /// All routes: what a server on `address` serves. Stores that another process left go on in a [`Gateway`] only.
    ///
    /// # Errors
    /// [`PublisherError`], for example if anybody could spend the wallet.
    pub fn router(
        &self,
        address: SocketAddr,
        registry: &Registry,
    ) -> Result<Router, PublisherError> {
        let publisher = self.open_publisher()?;
        self.router_with(publisher.as_ref(), address, registry)
    }

    fn open_publisher(&self) -> Result<Option<Publisher>, PublisherError> {
        let Some((uploader, options)) = &self.publisher else {
            return Ok(None);
        };
        let own = self.aggregator.iter().map(|(store, _)| store);
        let readers = own.chain(&self.readers).map(Arc::clone).collect();
        Publisher::open(Arc::clone(uploader), options, readers).map(Some)
    }

    /// The same with the publisher that is to be served, if there is one.
    fn router_with(
        &self,
        publisher: Option<&Publisher>,
        address: SocketAddr,
        registry: &Registry,
    ) -> Result<Router, PublisherError> {
        let mut router = OpenApiRouter::default().routes(routes!(status));
        let mut page = LimitsPage::default();
        if let Some((store, options)) = &self.aggregator {
            page.add_aggregator(options);
            let store = match &self.blocklist {
                Some(list) => list.without_blocked(Arc::clone(store)),
                None => Arc::clone(store),
            };
            router = router.merge(aggregator::routes(store, options));
        }
        if let Some(publisher) = publisher {
            page.add_publisher(publisher.options());
            router = router.merge(publisher.routes(address)?);
        }
        if let Some((backend, options)) = &self.relay {
            page.add_relay(options);
            let list = self.blocklist.clone();
            router = router.merge(relay::routes(Arc::clone(backend), options, list));
        }
        router = router.merge(limits_page::described().with_state(page));
        if let Some(wallets) = self.wallets.clone() {
            router = router.merge(wallets_described().with_state(wallets));
        }
        let (documented, api) = api::described().split_for_parts();
        let (router, mut described) = router.split_for_parts();
        described.merge(api);
        let router = router.merge(documented.with_state(Document::new(described)));
        let metrics = HttpMetrics::new(registry);
        Ok(router
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(cors())
            .layer(middleware::from_fn(uploads::describe))
            .layer(middleware::from_fn(finish))
            .layer(middleware::from_fn_with_state(metrics, measure)))
    }
}

/// Whether the server is there.
#[utoipa::path(
    get,
    path = "/status",
    tag = "gateway",
    responses((status = 200, description = "`OK`.", body = String, content_type = "text/plain; charset=utf-8"), AnyRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/status\""}]))),
)]
async fn status() -> &'static str {
    "OK"
}

/// What the publisher pays with, as it was last looked at.
#[utoipa::path(
    get,
    path = "/v1/health",
    operation_id = "health",
    tag = "publisher",
    responses(HealthAnswer, UnshedRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$PUBLISHER/v1/health\""}]))),
)]
async fn health(State(wallets): State<Wallets>) -> Json<Value> {
    Json(json!({"wallets": wallets.funds()}))
}

/// The route of the wallets, described.
fn wallets_described() -> OpenApiRouter<Wallets> {
    OpenApiRouter::default().routes(routes!(health))
}

/// The OpenAPI document of a gateway with all services, in JSON.
pub fn openapi() -> String {
    let status: OpenApiRouter = OpenApiRouter::default().routes(routes!(status));
    let mut all = status.into_openapi();
    all.merge(aggregator::described().into_openapi());
    all.merge(publisher::described().into_openapi());
    all.merge(wallets_described().into_openapi());
    all.merge(relay::described().into_openapi());
    all.merge(limits_page::described().into_openapi());
    all.merge(api::described().into_openapi());
    String::from_utf8_lossy(Document::new(all).json()).into_owned()
}

/// Where a gateway listens.
#[derive(Debug)]
pub struct Listeners {
    /// For its services.
    pub requests: TcpListener,
    /// For `/metrics`, if anywhere.
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// Listens on addresses; port 0 takes any that is free.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub fn bind(requests: SocketAddr, metrics: Option<SocketAddr>) -> Result<Self, StartError> {
        let listen = |address, what| {
            TcpListener::bind(address).map_err(|source| StartError::Listen {
                address,
                what,
                source,
            })
        };
        Ok(Self {
            requests: listen(requests, "requests")?,
            metrics: metrics
                .map(|address| listen(address, "metrics"))
                .transpose()?,
        })
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What it is for.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A listener cannot be used.
    #[error("cannot serve: {0}")]
    Serve(#[from] std::io::Error),
    /// The publisher does not.
    #[error(transparent)]
    Publisher(#[from] PublisherError),
}

/// A gateway that serves until [`Gateway::shutdown`], or until it is dropped.
pub struct Gateway {
    server: Server,
    publisher: Option<Publisher>,
    metrics: Option<Server>,
    workers: Runner,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("server", &self.server)
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts a gateway. It speaks plain HTTP, as its clients expect; TLS is the work of whatever stands before it. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(services: &Services, listeners: Listeners) -> Result<Self, StartError> {
        let registry = Registry::new();
        let Listeners { requests, metrics } = listeners;
        let publisher = services.open_publisher()?;
        let router = services.router_with(publisher.as_ref(), requests.local_addr()?, &registry)?;
        let serve = |listener, router| {
            let peers = Arc::new(NoPeers);
            Server::start_on(listener, router, Transport::Plain, Limits::default(), peers)
        };
        let server = serve(requests, router)?;
        let workers = Runner::new(&registry);
        if let Some(wallets) = &services.wallets {
            workers.spawn(wallets.refiller(&registry));
        }
        if let Some(publisher) = &publisher {
            workers.spawn(publisher.upkeep());
        }
        if let Some(list) = &services.blocklist {
            workers.spawn(list.refresh(&registry));
        }
        let metrics = metrics.map(|listener| {
            let scrape = Scrape::new(registry, services);
            serve(listener, metrics_router(scrape))
        });
        Ok(Self {
            server,
            publisher,
            metrics: metrics.transpose()?,
            workers,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where it serves its metrics.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Server::address)
    }

    /// Stops accepting requests, and lets those that are open end.
    pub async fn shutdown(self) {
        if let Some(publisher) = &self.publisher {
            publisher.close();
        }
        self.server.shutdown(Some(limits::SHUTDOWN_GRACE)).await;
        if let Err(error) = self.workers.shutdown().await {
            tracing::error!(%error, "a worker had failed");
        }
        if let Some(metrics) = self.metrics {
            metrics.shutdown(Some(limits::SHUTDOWN_GRACE)).await;
        }
    }
}

/// What `/metrics` is made of.
#[derive(Clone)]
struct Scrape {
    registry: Registry,
    memory: IntGaugeVec,
    store: Option<Arc<dyn Store>>,
}

impl Scrape {
    fn new(registry: Registry, services: &Services) -> Self {
        let memory = registry.gauges(
            "walrus_gateway_memory_bytes",
            "Bytes that the aggregator holds, by what they are",
            &["kind"],
        );
        let store = services.aggregator.as_ref();
        Self {
            registry,
            memory,
            store: store.map(|(store, _)| Arc::clone(store)),
        }
    }

    fn text(&self) -> String {
        let held = self.store.as_ref().map(|store| store.bytes_in_memory());
        for (kind, bytes) in held.into_iter().flatten() {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.memory.with_label_values(&[kind]).set(bytes);
        }
        self.registry.text()
    }
}

fn metrics_router(scrape: Scrape) -> Router {
    let text = |State(scrape): State<Scrape>| async move {
        let text = tokio::task::spawn_blocking(move || scrape.text());
        text.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    };
    Router::new()
        .route("/metrics", get(text))
        .with_state(scrape)
}
