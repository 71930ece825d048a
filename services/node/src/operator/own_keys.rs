//! Own keys: whether the chain knows the node by the keys of its configuration.

use walrus_core::BlsPublicKey;
use walrus_sui::objects::StorageNodeInfo;

/// Keys by which a node is known, in the form in which they are compared.
#[derive(Debug)]
pub(super) struct Known {
    /// In compressed form.
    protocol: Option<BlsPublicKey>,
    /// From the next epoch on.
    next_protocol: Option<BlsPublicKey>,
    network: Vec<u8>,
}

impl From<&StorageNodeInfo> for Known {
    fn from(info: &StorageNodeInfo) -> Self {
        Self {
            protocol: info.bls_public_key(),
            next_protocol: info.next_bls_public_key(),
            network: info.network_public_key.clone(),
        }
    }
}

/// What is wrong with the keys, in sentences.
pub(super) fn differences(known: &Known, protocol: &BlsPublicKey, network: &[u8]) -> Vec<String> {
    let mut differences = Vec::new();
    let protocols = [&known.protocol, &known.next_protocol];
    if !protocols.into_iter().flatten().any(|key| key == protocol) {
        differences.push(
            "the protocol key (protocol_key_pair) is not the one that the chain has for this node: what it signs counts for \
             nothing. Configure the key that it was registered with"
                .to_owned(),
        );
    }
    if known.network != network {
        differences.push(
            "the network key (network_key_pair) is not the one that the chain has for this node: clients and other nodes refuse \
             to talk to it. Configure the key that it was registered with"
                .to_owned(),
        );
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_chain_of_now_or_of_the_next_epoch() {
        let [one, two, three] = [1, 2, 3].map(|byte| BlsPublicKey([byte; 48]));
        let known = Known {
            protocol: Some(one),
            next_protocol: Some(two),
            network: vec![7; 33],
        };
        assert!(differences(&known, &one, &[7; 33]).is_empty());
        assert!(differences(&known, &two, &[7; 33]).is_empty());
        let wrong = differences(&known, &three, &[8; 33]);
        assert!(wrong[0].contains("protocol_key_pair"), "{wrong:?}");
        assert!(wrong[1].contains("network_key_pair"), "{wrong:?}");
    }
}
