//! Tuning: what a configuration file may change about how a client talks to nodes. Client spec 1.6, 5.3.

use std::time::Duration;

use walrus_node_client::NodeClientOptions;

use crate::{
    ClientOptions,
    config::{
        ClientConfig, CommunicationConfig, ExtraTime, HttpConfig, RequestRateConfig, UploadMode,
    },
    limits,
};

/// Most of anything at the same time, whatever a file says.
const MOST_AT_ONCE: usize = 1 << 16;
/// Longest wait of a node for a registration, whatever a file says.
const LONGEST_POLL: Duration = Duration::from_secs(60);
/// Longest time after a quorum, whatever a file says.
const LONGEST_TAIL: Duration = Duration::from_secs(600);

/// Bounds of requests to storage nodes. The defaults are those of [`limits`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Slivers on their way to nodes at the same time.
    pub max_concurrent_writes: usize,
    /// Bytes of slivers on their way to nodes at the same time.
    pub max_data_in_flight: usize,
    /// Slivers on their way to one node at the same time.
    pub max_node_connections: usize,
    /// Slivers that a read asks for at the same time, before slow nodes are taken into account.
    pub max_concurrent_sliver_reads: usize,
    /// Nodes that a read asks for metadata at the same time, before slow ones are taken into account.
    pub max_concurrent_metadata_reads: usize,
    /// Below this many bytes, a sliver is sent without asking whether the node has it.
    pub sliver_status_check_threshold: usize,
    /// Uploads that are not needed any more may go on for so long ...
    pub tail_base: Duration,
    /// ... plus so many times the time until then.
    pub tail_factor: f64,
    /// How long a node waits for a registration before it refuses to confirm; not at all if zero.
    pub confirmation_long_poll: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            max_concurrent_writes: limits::MAX_CONCURRENT_WRITES,
            max_data_in_flight: limits::MAX_DATA_IN_FLIGHT,
            max_node_connections: limits::MAX_NODE_CONNECTIONS,
            max_concurrent_sliver_reads: limits::MAX_CONCURRENT_READS,
            max_concurrent_metadata_reads: limits::METADATA_READS,
            sliver_status_check_threshold: limits::STATUS_CHECK_BYTES,
            tail_base: limits::TAIL_BASE,
            tail_factor: limits::TAIL_FACTOR,
            confirmation_long_poll: limits::CONFIRMATION_LONG_POLL,
        }
    }
}

impl Tuning {
    /// How long uploads go on that are not needed any more, when so much time has passed until then.
    pub(crate) fn tail(&self, elapsed: Duration) -> Duration {
        // Files may hold any number, which a multiplication of durations would not survive.
        let extra = Duration::try_from_secs_f64(elapsed.as_secs_f64() * self.tail_factor);
        let extra = extra.unwrap_or_default().min(LONGEST_TAIL);
        self.tail_base.saturating_add(extra).min(LONGEST_TAIL)
    }

    fn with_mode(self, mode: UploadMode) -> Self {
        let (max_concurrent_writes, max_data_in_flight) = match mode {
            UploadMode::Conservative => (500, 12_500_000),
            UploadMode::Balanced => (1000, 512_000_000),
            UploadMode::Aggressive => (2000, 1_250_000_000),
        };
        Self {
            max_concurrent_writes,
            max_data_in_flight,
            ..self
        }
    }
}

impl ClientOptions {
    /// What a configuration says, and the defaults for the rest.
    pub fn from_config(config: &ClientConfig) -> Self {
        // Named one by one, so that a key that is read from the file and used by nobody does not compile without a warning.
        let CommunicationConfig {
            max_concurrent_writes,
            max_concurrent_sliver_reads,
            max_concurrent_metadata_reads,
            max_data_in_flight,
            upload_mode,
            reqwest_config,
            request_rate_config:
                RequestRateConfig {
                    max_node_connections,
                },
            sliver_write_extra_time:
                ExtraTime {
                    factor,
                    base_millis,
                },
            sliver_status_check_threshold,
            confirmation_long_poll_millis,
            allow_private_addresses,
        } = &config.communication_config;
        let mut tuning = Tuning::default();
        if let Some(mode) = upload_mode {
            tuning = tuning.with_mode(*mode);
        }
        let at_once = |place: &mut usize, given: &Option<usize>| {
            *place = given.map_or(*place, |given| given.clamp(1, MOST_AT_ONCE));
        };
        at_once(&mut tuning.max_concurrent_writes, max_concurrent_writes);
        at_once(&mut tuning.max_node_connections, max_node_connections);
        at_once(
            &mut tuning.max_concurrent_sliver_reads,
            max_concurrent_sliver_reads,
        );
        at_once(
            &mut tuning.max_concurrent_metadata_reads,
            max_concurrent_metadata_reads,
        );
        tuning.max_data_in_flight = max_data_in_flight.unwrap_or(tuning.max_data_in_flight);
        tuning.sliver_status_check_threshold =
            sliver_status_check_threshold.unwrap_or(tuning.sliver_status_check_threshold);
        tuning.tail_base = base_millis.map_or(tuning.tail_base, Duration::from_millis);
        tuning.tail_factor = factor.unwrap_or(tuning.tail_factor);
        tuning.confirmation_long_poll = confirmation_long_poll_millis
            .map_or(tuning.confirmation_long_poll, Duration::from_millis)
            .min(LONGEST_POLL);
        Self {
            node: node_options(reqwest_config),
            allow_private_addresses: *allow_private_addresses,
            tuning,
            committee_ttl: Duration::from_secs(config.cache_ttl_secs),
            max_epochs_ahead: config.max_epochs_ahead,
            ..Self::default()
        }
    }
}

fn node_options(http: &HttpConfig) -> NodeClientOptions {
    let HttpConfig {
        total_timeout_millis,
        pool_idle_timeout_millis,
        http2_keep_alive_timeout_millis,
        http2_keep_alive_interval_millis,
        http2_keep_alive_while_idle,
    } = *http;
    let defaults = NodeClientOptions::default();
    let millis = |given: Option<u64>| given.map(Duration::from_millis);
    NodeClientOptions {
        total_timeout: millis(total_timeout_millis).unwrap_or(defaults.total_timeout),
        pool_idle_timeout: millis(pool_idle_timeout_millis),
        keep_alive_interval: millis(http2_keep_alive_interval_millis),
        keep_alive_timeout: millis(http2_keep_alive_timeout_millis)
            .unwrap_or(defaults.keep_alive_timeout),
        keep_alive_while_idle: http2_keep_alive_while_idle
            .unwrap_or(defaults.keep_alive_while_idle),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const OBJECTS: &str = "system_object: \"0x1\"\nstaking_object: \"0x2\"\n";

    fn options(keys: &str) -> ClientOptions {
        let (config, unread) = parse(&format!("{OBJECTS}{keys}"), "test", None).unwrap();
        assert!(unread.is_empty(), "{unread:?}");
        ClientOptions::from_config(&config)
    }

    fn tuned(communication: &str) -> Tuning {
        options(&format!("communication_config: {{{communication}}}\n")).tuning
    }

    #[test]
    fn a_file_without_tuning_changes_nothing() {
        let (given, default) = (options(""), ClientOptions::default());
        assert_eq!(format!("{given:?}"), format!("{default:?}"));
    }

    #[test]
    fn every_key_has_its_effect() {
        let text = "max_concurrent_writes: 1, max_concurrent_sliver_reads: 2, max_concurrent_metadata_reads: 3, \
            max_data_in_flight: 4, request_rate_config: {max_node_connections: 5}, sliver_status_check_threshold: 6, \
            sliver_write_extra_time: {factor: 0.25, base_millis: 7}, confirmation_long_poll_millis: 8";
        let expected = Tuning {
            max_concurrent_writes: 1,
            max_concurrent_sliver_reads: 2,
            max_concurrent_metadata_reads: 3,
            max_data_in_flight: 4,
            max_node_connections: 5,
            sliver_status_check_threshold: 6,
            tail_base: Duration::from_millis(7),
            tail_factor: 0.25,
            confirmation_long_poll: Duration::from_millis(8),
        };
        assert_eq!(tuned(text), expected);
        assert_eq!(
            expected.tail(Duration::from_secs(4)),
            Duration::from_millis(1007)
        );
        let options = options(
            "cache_ttl_secs: 3\nmax_epochs_ahead: 9\ncommunication_config:\n  allow_private_addresses: true\n  reqwest_config:\n    \
             {total_timeout_millis: 1, pool_idle_timeout_millis: 2, http2_keep_alive_timeout_millis: 3, \
             http2_keep_alive_interval_millis: 4, http2_keep_alive_while_idle: false}\n",
        );
        assert_eq!(options.committee_ttl, Duration::from_secs(3));
        assert_eq!(options.max_epochs_ahead, Some(9));
        assert_eq!(options.allow_private_addresses, Some(true));
        let node = options.node;
        assert_eq!(node.total_timeout, Duration::from_millis(1));
        assert_eq!(node.pool_idle_timeout, Some(Duration::from_millis(2)));
        assert_eq!(node.keep_alive_timeout, Duration::from_millis(3));
        assert_eq!(node.keep_alive_interval, Some(Duration::from_millis(4)));
        assert!(!node.keep_alive_while_idle);
    }

    #[test]
    fn a_preset_gives_way_to_what_is_said_exactly() {
        let mode = tuned("upload_mode: aggressive");
        assert_eq!(mode.max_concurrent_writes, 2000);
        assert_eq!(mode.max_data_in_flight, 1_250_000_000);
        let both = tuned("upload_mode: conservative, max_concurrent_writes: 3");
        assert_eq!(both.max_concurrent_writes, 3);
        assert_eq!(both.max_data_in_flight, 12_500_000);
    }

    #[test]
    fn absurd_values_are_bounded() {
        let least =
            tuned("max_concurrent_writes: 0, request_rate_config: {max_node_connections: 0}");
        assert_eq!(
            (least.max_concurrent_writes, least.max_node_connections),
            (1, 1)
        );
        let most = tuned("max_concurrent_writes: 18446744073709551615");
        assert_eq!(most.max_concurrent_writes, MOST_AT_ONCE);
        for factor in ["-1", ".nan", ".inf", "1e300"] {
            let text = format!(
                "sliver_write_extra_time: {{factor: {factor}, base_millis: 18446744073709551615}}"
            );
            assert_eq!(tuned(&text).tail(Duration::from_secs(5)), LONGEST_TAIL);
        }
    }
}
