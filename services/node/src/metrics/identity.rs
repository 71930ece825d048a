//! Identity metrics: who the node is, and how it stands against the chain.

use prometheus::{GaugeVec, IntGauge, IntGaugeVec};
use walrus_service::metrics::Registry;
use walrus_sui::{Address, contract::ContractObjects};

/// Who the node is, and since when it runs.
#[derive(Debug)]
pub struct Identity {
    uptime: GaugeVec,
    build: IntGaugeVec,
    contract: IntGaugeVec,
    node: IntGaugeVec,
    /// 1 for the status that the node has.
    pub status: IntGauge,
    /// The committee epoch.
    pub epoch: IntGauge,
    /// 1 for where in the epoch the network is.
    pub epoch_state: IntGaugeVec,
    /// Shards assigned to the node.
    pub shards_owned: IntGauge,
    /// Shards by status.
    pub shards: IntGaugeVec,
}

impl Identity {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            uptime: registry.fractions("uptime", "Seconds since the node started", &["version"]),
            build: registry.gauges("walrus_build_info", "1, with the version", &["version"]),
            contract: registry.gauges(
                "walrus_contract_info",
                "1, with the shared objects and the address of the wallet",
                &["system_object", "staking_object", "active_address"],
            ),
            node: registry.gauges(
                "walrus_node_id",
                "1, with the node's ID on chain",
                &["walrus_node_id"],
            ),
            status: registry.gauge(
                "walrus_current_node_status",
                "0 Standby, 1 Active, 2 RecoverMetadata, 3 RecoveryCatchUp, 4 RecoveryInProgress",
            ),
            epoch: registry.gauge("walrus_current_epoch", "The committee epoch"),
            epoch_state: registry.gauges(
                "walrus_current_epoch_state",
                "1 for the state in which the epoch is, 0 for the others",
                &["state"],
            ),
            shards_owned: registry.gauge("walrus_shards_owned", "Shards assigned to the node"),
            shards: registry.gauges(
                "walrus_node_shards",
                "Shards of the node by status",
                &["status"],
            ),
        }
    }

    /// Says who the node is.
    pub fn set(&self, node_id: Address, objects: &ContractObjects, wallet: Address) {
        let one = 1;
        self.build
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(one);
        let [system, staking] = [objects.system, objects.staking].map(|id| id.to_string());
        let contract: [&str; 3] = [&system, &staking, &wallet.to_string()];
        self.contract.with_label_values(&contract).set(one);
        self.node
            .with_label_values(&[&node_id.to_string()])
            .set(one);
    }

    pub(super) fn set_uptime(&self, seconds: f64) {
        let version = env!("CARGO_PKG_VERSION");
        self.uptime.with_label_values(&[version]).set(seconds);
    }
}

/// How the node stands against the chain.
#[derive(Debug)]
pub struct ConfigMetrics {
    /// SUI of the wallet, in MIST, by its address.
    pub sui_balance: IntGaugeVec,
    /// The capacity that the node votes for, in bytes, as the chain has it.
    pub node_capacity: IntGauge,
    /// Blobs on the block list.
    pub blocklist_size: IntGauge,
    /// When the certificate ends, in seconds since 1970.
    pub certificate_not_after: IntGauge,
}

impl ConfigMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            sui_balance: registry.gauges(
                "walrus_sui_balance_mist",
                "SUI of the node's wallet, in MIST",
                &["sui_address"],
            ),
            node_capacity: registry.gauge(
                "walrus_last_synced_node_capacity",
                "The capacity that the node votes for, in bytes, as the chain had it last",
            ),
            blocklist_size: registry.gauge("walrus_blocklist_size", "Blobs on the block list"),
            certificate_not_after: registry.gauge(
                "http_server_tls_certificate_not_after_seconds",
                "When the certificate of the REST API ends, in seconds since 1970",
            ),
        }
    }
}
