//! Alerts: what an operator is woken up for, or told in the morning.

/// How soon somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Now.
    Page,
    /// Today.
    Warning,
}

/// A rule, and the example by which it is tested.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) expr: &'static str,
    /// How long it must hold before somebody is told.
    pub(super) lasts: &'static str,
    pub(super) severity: Severity,
    pub(super) summary: &'static str,
    /// The heading in `docs/operator.md`, as in its address.
    pub(super) runbook: &'static str,
    /// Series with values a minute apart, at whose end it fires.
    pub(super) fires: &'static [(&'static str, &'static str)],
    /// The same, at whose end it does not.
    pub(super) quiet: &'static [(&'static str, &'static str)],
    /// When both are looked at.
    pub(super) at: &'static str,
    /// Labels of the alert that fires, beside its severity.
    pub(super) labels: &'static [(&'static str, &'static str)],
}

const NODE: (&str, &str) = ("instance", "a");

/// The rules, the most urgent first.
pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "WalrusNodeDown",
        expr: "up{job=\"walrus-node\"} == 0",
        lasts: "5m",
        severity: Severity::Page,
        summary: "The node does not answer",
        runbook: "the-node-stops",
        fires: &[("up{job=\"walrus-node\",instance=\"a\"}", "1 0x20")],
        quiet: &[("up{job=\"walrus-node\",instance=\"a\"}", "1x20")],
        at: "15m",
        labels: &[NODE, ("job", "walrus-node")],
    },
    Alert {
        name: "WalrusNodeRestarts",
        expr: "resets(uptime[1h]) > 3",
        lasts: "0m",
        severity: Severity::Page,
        summary: "The node has restarted more than three times within an hour",
        runbook: "the-node-stops",
        fires: &[(
            "uptime{instance=\"a\",version=\"1\"}",
            "60 0 60 0 60 0 60 0 60",
        )],
        quiet: &[("uptime{instance=\"a\",version=\"1\"}", "0+60x8")],
        at: "8m",
        labels: &[NODE, ("version", "1")],
    },
    Alert {
        name: "WalrusNodeHearsNoChain",
        expr: "changes(walrus_event_processor_latest_downloaded_checkpoint[30m]) == 0",
        lasts: "5m",
        severity: Severity::Page,
        summary: "No checkpoint of the chain was processed for half an hour",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_event_processor_latest_downloaded_checkpoint{instance=\"a\"}",
            "7x60",
        )],
        quiet: &[(
            "walrus_event_processor_latest_downloaded_checkpoint{instance=\"a\"}",
            "7+200x60",
        )],
        at: "60m",
        labels: &[NODE],
    },
    Alert {
        name: "WalrusNodeEventsStandStill",
        expr: "changes(walrus_event_cursor_progress{state=\"highest_finished\"}[30m]) == 0",
        lasts: "5m",
        severity: Severity::Page,
        summary: "No event element was finished for half an hour",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_event_cursor_progress{instance=\"a\",state=\"highest_finished\"}",
            "7x60",
        )],
        quiet: &[(
            "walrus_event_cursor_progress{instance=\"a\",state=\"highest_finished\"}",
            "7+9x60",
        )],
        at: "60m",
        labels: &[NODE, ("state", "highest_finished")],
    },
    Alert {
        name: "WalrusNodeServerErrors",
        expr: "sum by (instance) (rate(http_server_request_duration_seconds_count{status=~\"5..\"}[5m])) / sum by (instance) (rate(http_server_request_duration_seconds_count[5m])) > 0.05",
        lasts: "10m",
        severity: Severity::Page,
        summary: "More than one in twenty requests is answered with an error of the server",
        runbook: "clients-complain",
        fires: &[
            (
                "http_server_request_duration_seconds_count{instance=\"a\",status=\"200\"}",
                "0+10x30",
            ),
            (
                "http_server_request_duration_seconds_count{instance=\"a\",status=\"500\"}",
                "0+10x30",
            ),
        ],
        quiet: &[
            (
                "http_server_request_duration_seconds_count{instance=\"a\",status=\"200\"}",
                "0+1000x30",
            ),
            (
                "http_server_request_duration_seconds_count{instance=\"a\",status=\"500\"}",
                "0+10x30",
            ),
        ],
        at: "25m",
        labels: &[NODE],
    },
    Alert {
        name: "WalrusNodeWalletEmpty",
        expr: "walrus_sui_balance_mist < 1e9",
        lasts: "5m",
        severity: Severity::Page,
        summary: "The wallet of the node has less than 1 SUI: soon it cannot say that it holds its shards",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_sui_balance_mist{instance=\"a\",sui_address=\"0x1\"}",
            "500000000x20",
        )],
        quiet: &[(
            "walrus_sui_balance_mist{instance=\"a\",sui_address=\"0x1\"}",
            "3000000000x20",
        )],
        at: "15m",
        labels: &[NODE, ("sui_address", "0x1")],
    },
    Alert {
        name: "WalrusNodeWalletLow",
        expr: "walrus_sui_balance_mist < 2e9",
        lasts: "1h",
        severity: Severity::Warning,
        summary: "The wallet of the node has less than 2 SUI",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_sui_balance_mist{instance=\"a\",sui_address=\"0x1\"}",
            "1500000000x90",
        )],
        quiet: &[(
            "walrus_sui_balance_mist{instance=\"a\",sui_address=\"0x1\"}",
            "3000000000x90",
        )],
        at: "80m",
        labels: &[NODE, ("sui_address", "0x1")],
    },
    Alert {
        name: "WalrusNodeBehindChain",
        expr: "walrus_runtime_lag_current > 1000",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "The node is more than 1000 checkpoints behind the chain",
        runbook: "the-node-runs-but",
        fires: &[("walrus_runtime_lag_current{instance=\"a\"}", "5000x30")],
        quiet: &[("walrus_runtime_lag_current{instance=\"a\"}", "5000 3x30")],
        at: "25m",
        labels: &[NODE],
    },
    Alert {
        name: "WalrusNodeShardsIncomplete",
        expr: "walrus_shards_owned - on (instance) walrus_node_shards{status=\"ready\"} > 0",
        lasts: "6h",
        severity: Severity::Warning,
        summary: "Shards of the node have not been complete for six hours",
        runbook: "the-epoch-does-not-change",
        fires: &[
            ("walrus_shards_owned{instance=\"a\"}", "10x420"),
            (
                "walrus_node_shards{instance=\"a\",status=\"ready\"}",
                "9x420",
            ),
        ],
        quiet: &[
            ("walrus_shards_owned{instance=\"a\"}", "10x420"),
            (
                "walrus_node_shards{instance=\"a\",status=\"ready\"}",
                "9x60 10x360",
            ),
        ],
        at: "400m",
        labels: &[NODE],
    },
    Alert {
        name: "WalrusNodeRecoveryFails",
        expr: "increase(walrus_recovery_future_backoff_total[1h]) > 0 and on (instance) min_over_time(walrus_recovery_future_backoffs[1h]) > 0",
        lasts: "1h",
        severity: Severity::Warning,
        summary: "The same blobs cannot be completed for two hours",
        runbook: "the-node-runs-but",
        fires: &[
            (
                "walrus_recovery_future_backoff_total{instance=\"a\"}",
                "0+1x180",
            ),
            ("walrus_recovery_future_backoffs{instance=\"a\"}", "2x180"),
        ],
        quiet: &[
            (
                "walrus_recovery_future_backoff_total{instance=\"a\"}",
                "0+1x180",
            ),
            ("walrus_recovery_future_backoffs{instance=\"a\"}", "0x180"),
        ],
        at: "170m",
        labels: &[NODE],
    },
    Alert {
        name: "WalrusNodeRecoveryWaits",
        expr: "walrus_node_repair_queue_oldest_seconds{reason=~\"certified|lost|ordered\"} > 21600",
        lasts: "30m",
        severity: Severity::Warning,
        summary: "Something has been waiting for recovery for six hours",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_node_repair_queue_oldest_seconds{instance=\"a\",reason=\"lost\"}",
            "0+60x480",
        )],
        quiet: &[
            (
                "walrus_node_repair_queue_oldest_seconds{instance=\"a\",reason=\"lost\"}",
                "0+60x300",
            ),
            (
                "walrus_node_repair_queue_oldest_seconds{instance=\"a\",reason=\"unrecoverable\"}",
                "0+60x480",
            ),
        ],
        at: "470m",
        labels: &[NODE, ("reason", "lost")],
    },
    Alert {
        name: "WalrusNodeJobFails",
        expr: "increase(walrus_worker_errors_total[15m]) > 5",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "A background job of the node fails again and again",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_worker_errors_total{instance=\"a\",worker=\"epoch-calls\"}",
            "0+1x60",
        )],
        quiet: &[(
            "walrus_worker_errors_total{instance=\"a\",worker=\"epoch-calls\"}",
            "0x30 1x30",
        )],
        at: "50m",
        labels: &[NODE, ("worker", "epoch-calls")],
    },
    Alert {
        name: "WalrusNodeDeletionFails",
        expr: "increase(walrus_garbage_collection_blob_data_deletion_attempts_total{status=\"failure\"}[1h]) > 0",
        lasts: "0m",
        severity: Severity::Warning,
        summary: "What has ended could not be deleted: disks fill up",
        runbook: "the-node-runs-but",
        fires: &[(
            "walrus_garbage_collection_blob_data_deletion_attempts_total{instance=\"a\",status=\"failure\"}",
            "0x10 1x10",
        )],
        quiet: &[(
            "walrus_garbage_collection_blob_data_deletion_attempts_total{instance=\"a\",status=\"failure\"}",
            "1x20",
        )],
        at: "15m",
        labels: &[NODE, ("status", "failure")],
    },
    Alert {
        name: "WalrusNodeCertificateEnds",
        expr: "http_server_tls_certificate_not_after_seconds - time() < 14 * 86400",
        lasts: "1h",
        severity: Severity::Warning,
        summary: "The certificate of the node ends within 14 days",
        runbook: "clients-complain",
        fires: &[(
            "http_server_tls_certificate_not_after_seconds{instance=\"a\"}",
            "86400x90",
        )],
        quiet: &[(
            "http_server_tls_certificate_not_after_seconds{instance=\"a\"}",
            "8640000x90",
        )],
        at: "80m",
        labels: &[NODE],
    },
    Alert {
        name: "WalrusNodesDisagree",
        expr: "count by (epoch) (count_values by (epoch) (\"digest\", walrus_blob_info_consistency_check)) > 1",
        lasts: "1h",
        severity: Severity::Warning,
        summary: "Nodes do not agree which blobs are certified",
        runbook: "the-node-runs-but",
        fires: &[
            (
                "walrus_blob_info_consistency_check{instance=\"a\",epoch=\"3\"}",
                "77x90",
            ),
            (
                "walrus_blob_info_consistency_check{instance=\"b\",epoch=\"3\"}",
                "78x90",
            ),
        ],
        quiet: &[
            (
                "walrus_blob_info_consistency_check{instance=\"a\",epoch=\"3\"}",
                "77x90",
            ),
            (
                "walrus_blob_info_consistency_check{instance=\"b\",epoch=\"3\"}",
                "77x90",
            ),
        ],
        at: "80m",
        labels: &[("epoch", "3")],
    },
];
