//! Server of the gRPC services (devchain spec section 1): one file per service, one server for all of them.

mod connections;
mod cursor;
mod error;
mod execution;
mod filter;
mod forking;
mod headers;
mod items;
mod ledger;
mod list;
mod move_package;
mod parse;
mod signature;
mod state;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, header};
use sui_rpc::proto::sui::rpc::v2 as proto;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::ledger::Ledger;
use crate::limits::{MAX_CONCURRENT_STREAMS, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};

pub(crate) use connections::offer_http;
pub(crate) use error::{invalid, missing, not_found, resolution};
pub(crate) use parse::address as parse_address;

/// What every service works with.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) ledger: Ledger,
    /// Cancelled when the chain shuts down, so that streams end.
    pub(crate) shutdown: CancellationToken,
    pub(crate) subscribers: subscription::Subscribers,
    pub(crate) simulations: std::sync::Arc<tokio::sync::Semaphore>,
    /// Places for lists that are being put together.
    pub(crate) scans: std::sync::Arc<tokio::sync::Semaphore>,
}

pub(crate) use subscription::Subscribers;

/// HTTP/2 windows, in bytes.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves HTTP/2 gRPC, gRPC-web and its text form on one listener until shutdown, in cleartext and, with `tls`, in TLS beside
/// it.
pub(crate) async fn serve(
    context: Context,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
) -> Result<(), tonic::transport::Error> {
    let shutdown = context.shutdown.clone();
    // Whoever reaches it controls the clock.
    let local = listener
        .local_addr()
        .is_ok_and(|address| address.ip().is_loopback());
    let controls = local.then(|| forking::ForkingServer::new(context.clone()));
    Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .layer(cors())
        .layer(headers::ChainHeadersLayer::new(context.ledger.clone()))
        .layer(tonic_web::GrpcWebLayer::new())
        .add_routes(routes(&context))
        .add_optional_service(controls)
        .serve_with_incoming_shutdown(connections::incoming(listener, tls), async move {
            shutdown.cancelled().await;
        })
        .await
}

/// The services, without a server around them.
pub(crate) fn routes(context: &Context) -> Routes {
    macro_rules! service {
        ($module:ident :: $server:ident, $service:expr) => {
            proto::$module::$server::new($service)
                .max_decoding_message_size(MAX_REQUEST_BYTES)
                .max_encoding_message_size(MAX_RESPONSE_BYTES)
        };
    }
    let mut routes = Routes::builder();
    routes
        .add_service(service!(
            ledger_service_server::LedgerServiceServer,
            ledger::LedgerRpc::new(context.clone())
        ))
        .add_service(service!(
            state_service_server::StateServiceServer,
            state::StateRpc::new(context.clone())
        ))
        .add_service(service!(
            move_package_service_server::MovePackageServiceServer,
            move_package::MovePackageRpc::new(context.clone())
        ))
        .add_service(service!(
            transaction_execution_service_server::TransactionExecutionServiceServer,
            execution::ExecutionRpc::new(context.clone())
        ))
        .add_service(service!(
            subscription_service_server::SubscriptionServiceServer,
            subscription::SubscriptionRpc::new(context.clone())
        ))
        .add_service(service!(
            signature_verification_service_server::SignatureVerificationServiceServer,
            signature::SignatureRpc
        ))
        .add_service(service!(name_service_server::NameServiceServer, NameRpc));
    routes.routes()
}

/// Browsers may call from anywhere and read every header (devchain spec 1.1).
pub(crate) fn cors() -> CorsLayer {
    let exposed = [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "grpc-encoding",
    ]
    .into_iter()
    .chain(headers::NAMES)
    .map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(true)
        .expose_headers(exposed.chain([header::CONTENT_TYPE]).collect::<Vec<_>>())
        .max_age(Duration::from_secs(3600))
}

/// No names are registered on this chain.
struct NameRpc;

#[tonic::async_trait]
impl proto::name_service_server::NameService for NameRpc {
    async fn lookup_name(
        &self,
        request: tonic::Request<proto::LookupNameRequest>,
    ) -> Result<tonic::Response<proto::LookupNameResponse>, tonic::Status> {
        let name = request.into_inner().name.unwrap_or_default();
        Err(not_found(format!("name {name} is not registered")))
    }

    async fn reverse_lookup_name(
        &self,
        request: tonic::Request<proto::ReverseLookupNameRequest>,
    ) -> Result<tonic::Response<proto::ReverseLookupNameResponse>, tonic::Status> {
        let address = request.into_inner().address.unwrap_or_default();
        Err(not_found(format!("address {address} has no name")))
    }
}
