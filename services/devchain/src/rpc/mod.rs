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
mod methods;
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

use self::methods::Methods;
use crate::ledger::Ledger;
use crate::limits::MAX_CONCURRENT_STREAMS;

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
    Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .layer(cors())
        .layer(headers::ChainHeadersLayer::new(context.ledger.clone()))
        .layer(tonic_web::GrpcWebLayer::new())
        .add_routes(routes(&context, local))
        .serve_with_incoming_shutdown(connections::incoming(listener, tls), async move {
            shutdown.cancelled().await;
        })
        .await
}

/// The services, without a server around them; with those that only this machine may use, if `controls`.
pub(crate) fn routes(context: &Context, controls: bool) -> Routes {
    use proto::ledger_service_server::{LedgerService, SERVICE_NAME as LEDGER};
    use proto::move_package_service_server::{MovePackageService, SERVICE_NAME as PACKAGES};
    use proto::name_service_server::{NameService, SERVICE_NAME as NAMES};
    use proto::signature_verification_service_server::{
        SERVICE_NAME as SIGNATURES, SignatureVerificationService,
    };
    use proto::state_service_server::{SERVICE_NAME as STATE, StateService};
    use proto::subscription_service_server::{SERVICE_NAME as SUBSCRIPTIONS, SubscriptionService};
    use proto::transaction_execution_service_server::{
        SERVICE_NAME as EXECUTION, TransactionExecutionService,
    };

    let mut methods = Methods::default();
    macro_rules! serve {
        ($service:expr, $path:expr, $($kind:ident { $($name:literal: $call:ident),* }),*) => {
            let service = Arc::new($service);
            $($({
                let service = Arc::clone(&service);
                methods.$kind(($path, $name), move |request| {
                    let service = Arc::clone(&service);
                    async move { service.$call(request).await }
                });
            })*)*
        };
    }
    serve!(ledger::LedgerRpc::new(context.clone()), LEDGER,
    unary {
        "GetServiceInfo": get_service_info,
        "GetObject": get_object,
        "BatchGetObjects": batch_get_objects,
        "GetTransaction": get_transaction,
        "BatchGetTransactions": batch_get_transactions,
        "GetCheckpoint": get_checkpoint,
        "GetEpoch": get_epoch
    },
    streaming {
        "ListCheckpoints": list_checkpoints,
        "ListTransactions": list_transactions,
        "ListEvents": list_events
    });
    serve!(state::StateRpc::new(context.clone()), STATE,
    unary {
        "ListDynamicFields": list_dynamic_fields,
        "ListOwnedObjects": list_owned_objects,
        "GetCoinInfo": get_coin_info,
        "GetBalance": get_balance,
        "ListBalances": list_balances
    });
    serve!(move_package::MovePackageRpc::new(context.clone()), PACKAGES,
    unary {
        "GetPackage": get_package,
        "GetDatatype": get_datatype,
        "GetFunction": get_function,
        "ListPackageVersions": list_package_versions
    });
    serve!(execution::ExecutionRpc::new(context.clone()), EXECUTION,
    unary {
        "ExecuteTransaction": execute_transaction,
        "SimulateTransaction": simulate_transaction
    });
    serve!(subscription::SubscriptionRpc::new(context.clone()), SUBSCRIPTIONS,
    streaming {
        "SubscribeCheckpoints": subscribe_checkpoints,
        "SubscribeTransactions": subscribe_transactions,
        "SubscribeEvents": subscribe_events
    });
    serve!(signature::SignatureRpc, SIGNATURES,
        unary { "VerifySignature": verify_signature });
    serve!(NameRpc, NAMES,
        unary { "LookupName": lookup_name, "ReverseLookupName": reverse_lookup_name });
    if controls {
        forking::serve(&mut methods, context);
    }
    Routes::from(axum::Router::new().fallback_service(methods.served()))
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
