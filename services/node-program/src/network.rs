//! Network: what a node has to know of the one it is for.

use anyhow::{Context, ensure};
use walrus_sdk::config::PublicNetwork;
use walrus_sui::{Address, network_json::NetworkDescriptor, wallet::read_bounded};

use crate::args::NetworkArgs;

/// What a node has to know of its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    /// What wallets call it.
    pub(crate) name: String,
    /// URL of the RPC server.
    pub(crate) rpc: String,
    /// URL of the faucet, without `/v2/gas`.
    pub(crate) faucet: Option<String>,
    pub(crate) system_object: Address,
    pub(crate) staking_object: Address,
    pub(crate) treasury_object: Option<Address>,
    pub(crate) subsidies_object: Option<Address>,
}

const TESTNET_FAUCET: &str = "https://faucet.testnet.sui.io";

impl Network {
    /// The network that the arguments name.
    pub(crate) fn of(args: &NetworkArgs) -> anyhow::Result<Self> {
        let mut network = match &args.network_json {
            Some(path) => {
                let purpose = "the description of the network (--network-json)";
                Self::described(&read_bounded(purpose, path)?)
                    .with_context(|| format!("{} describes no network", path.display()))?
            }
            None => Self::named(args)?,
        };
        if let Some(rpc) = &args.sui_rpc {
            network.rpc.clone_from(rpc);
        }
        if let Some(system) = args.system_object {
            network.system_object = system;
        }
        if let Some(staking) = args.staking_object {
            network.staking_object = staking;
        }
        Ok(network)
    }

    fn described(text: &str) -> anyhow::Result<Self> {
        let descriptor: NetworkDescriptor = serde_json::from_str(text)?;
        Ok(Self {
            name: "localnet".to_owned(),
            rpc: descriptor.rpc_url,
            faucet: descriptor.faucet_url,
            system_object: descriptor.system_object,
            staking_object: descriptor.staking_object,
            treasury_object: descriptor.treasury_object,
            subsidies_object: descriptor.subsidies_object,
        })
    }

    fn named(args: &NetworkArgs) -> anyhow::Result<Self> {
        if args.sui_network.contains("://") {
            let (rpc, faucet) = match args.sui_network.split_once(';') {
                Some((rpc, faucet)) => (rpc, Some(faucet.to_owned())),
                None => (args.sui_network.as_str(), None),
            };
            ensure!(
                !rpc.is_empty(),
                "--sui-network names a faucet but no RPC server"
            );
            let object = |id: Option<Address>, option| {
                id.with_context(|| format!("a network of your own needs {option}"))
            };
            return Ok(Self {
                name: "custom".to_owned(),
                rpc: rpc.to_owned(),
                faucet,
                system_object: object(args.system_object, "--system-object")?,
                staking_object: object(args.staking_object, "--staking-object")?,
                treasury_object: None,
                subsidies_object: None,
            });
        }
        let public: PublicNetwork = args.sui_network.parse()?;
        let config = public.config();
        Ok(Self {
            name: public.name().to_owned(),
            rpc: config.rpc_urls.into_iter().next().unwrap_or_default(),
            faucet: (public == PublicNetwork::Testnet).then(|| TESTNET_FAUCET.to_owned()),
            system_object: config.system_object,
            staking_object: config.staking_object,
            treasury_object: config.treasury_object,
            subsidies_object: config.walrus_subsidies_object,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(sui_network: &str) -> NetworkArgs {
        NetworkArgs {
            sui_network: sui_network.to_owned(),
            network_json: None,
            sui_rpc: None,
            system_object: None,
            staking_object: None,
        }
    }

    #[test]
    fn public_networks_are_known_and_can_be_reached_elsewhere() {
        let network = Network::of(&args("testnet")).unwrap();
        assert_eq!(
            (network.name.as_str(), network.faucet.is_some()),
            ("testnet", true)
        );
        let elsewhere = NetworkArgs {
            sui_rpc: Some("https://rpc.example.com".to_owned()),
            ..args("mainnet")
        };
        let network = Network::of(&elsewhere).unwrap();
        assert_eq!(network.rpc, "https://rpc.example.com");
        assert_eq!(network.faucet, None);
        assert!(Network::of(&args("moonnet")).is_err());
    }

    #[test]
    fn a_description_that_is_not_there_is_called_what_it_is_for() {
        let described = NetworkArgs {
            network_json: Some("/nowhere/network.json".into()),
            ..args("testnet")
        };
        let error = format!("{:#}", Network::of(&described).unwrap_err());
        for word in ["--network-json", "/nowhere/network.json"] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_network_of_your_own_has_urls_and_objects() {
        let text = "http://127.0.0.1:9000;http://127.0.0.1:9123";
        let error = Network::of(&args(text)).unwrap_err();
        assert!(error.to_string().contains("--system-object"), "{error}");
        let objects = NetworkArgs {
            system_object: Some(Address::TWO),
            staking_object: Some(Address::THREE),
            ..args(text)
        };
        let network = Network::of(&objects).unwrap();
        assert_eq!(network.rpc, "http://127.0.0.1:9000");
        assert_eq!(network.faucet.as_deref(), Some("http://127.0.0.1:9123"));
        assert_eq!(network.staking_object, Address::THREE);
    }
}
