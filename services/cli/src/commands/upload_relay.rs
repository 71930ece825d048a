//! `walrus upload-relay`. Client spec 4.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use serde::Deserialize;
use walrus_gateway::{
    Services,
    relay::{RelayOfNetwork, RelayOptions, TipConfig},
};
use walrus_sui::config::{read_document, warn_of_unread_keys};

use super::gateway::{self, Addresses};
use crate::{
    args::{GlobalOptions, UploadRelayArgs},
    context::Network,
};

/// The file. Client spec 4.2.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct RelayConfig {
    tip_config: TipConfig,
    tx_freshness_threshold_secs: u64,
    tx_max_future_threshold: Duration,
}

/// Serves uploads for others.
pub(crate) async fn run(global: &GlobalOptions, args: UploadRelayArgs) -> anyhow::Result<()> {
    let mut options = match &args.relay_config {
        Some(path) => relay_options(path)?,
        None => RelayOptions::new(TipConfig::NoTip),
    };
    options.spool = args.spool.spool();
    let mut global = global.clone();
    global.config = args.walrus_config.or(global.config);
    let addresses = Addresses {
        requests: args.server_address,
        metrics: args.metrics_address,
    };
    let services = async {
        let network = Network::load(&global, args.rpc_url.as_deref()).await?;
        let client = network.client_with(options.spool_of_uploads());
        let backend = Arc::new(RelayOfNetwork::new(client));
        Ok(Services {
            relay: Some((backend, options)),
            blocklist: gateway::blocklist(args.blocklist.as_deref())?,
            ..Services::default()
        })
    };
    Box::pin(gateway::serve(&global, addresses, services)).await
}

fn relay_options(path: &Path) -> anyhow::Result<RelayOptions> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let (config, unread): (RelayConfig, _) = read_document(&text)
        .with_context(|| format!("{} is not the configuration of a relay", path.display()))?;
    warn_of_unread_keys(&path.display().to_string(), &unread);
    Ok(RelayOptions {
        freshness: Duration::from_secs(config.tx_freshness_threshold_secs),
        max_future: config.tx_max_future_threshold,
        ..RelayOptions::new(config.tip_config)
    })
}

#[cfg(test)]
mod tests {
    use walrus_gateway::relay::{Tip, TipKind};
    use walrus_sui::Address;

    use super::*;

    #[test]
    fn the_file_is_read_as_the_specification_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.yaml");
        let read = |tip: &str| {
            let text = format!(
                "tip_config: {tip}\ntx_freshness_threshold_secs: 36000\ntx_max_future_threshold:\n  secs: 30\n  nanos: 0\n"
            );
            fs::write(&path, text).unwrap();
            relay_options(&path)
        };
        assert_eq!(read("no_tip").unwrap(), RelayOptions::new(TipConfig::NoTip));
        let address = format!("0x{}", "2a".repeat(32));
        let tip = |kind| {
            RelayOptions::new(TipConfig::SendTip(Tip {
                address: Address::new([42; 32]),
                kind,
            }))
        };
        let found = read(&format!(
            "!send_tip\n  address: {address}\n  kind: !const 42"
        ));
        assert_eq!(found.unwrap(), tip(TipKind::Const(42)));
        let found = read(&format!(
            "!send_tip\n  address: {address}\n  kind: !linear\n    base: 101\n    encoded_size_mul_per_kib: 42"
        ));
        let linear = TipKind::Linear {
            base: 101,
            encoded_size_mul_per_kib: 42,
        };
        assert_eq!(found.unwrap(), tip(linear));
        let refused = format!("{:#}", read("what").unwrap_err());
        assert!(
            refused.contains("is not the configuration of a relay"),
            "{refused}"
        );
    }
}
