//! Encryption with age.

pub(crate) use age::x25519::Recipient;
use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use walrus_node::{NodeConfig, config::KeySource};
use walrus_sui::wallet::read_bounded;

/// The archive of a node's secrets, encrypted and in Base64.
pub(crate) fn seal(config: &NodeConfig, recipient: &Recipient) -> anyhow::Result<String> {
    let sealed = age::encrypt(recipient, &archive(config)?);
    Ok(STANDARD.encode(sealed.context("cannot encrypt the keys")?))
}

fn archive(config: &NodeConfig) -> anyhow::Result<Vec<u8>> {
    let path = config.origin.path();
    let path = path.context("the configuration is no file")?;
    let mut files = vec![
        ("walrus-node.yaml", read_bounded("the configuration", path)?),
        // Whatever form the configured wallet has, this is its key: `wallet_config: {key: …}` takes it.
        ("wallet.key", config.sui.wallet_key()?.to_base64() + "\n"),
    ];
    // A key in place is in the configuration.
    for (name, source) in [
        ("protocol.key", Some(&config.protocol_key_pair)),
        ("next-protocol.key", config.next_protocol_key_pair.as_ref()),
        ("network.key", Some(&config.network_key_pair)),
    ] {
        if let Some(KeySource::File { path }) = source {
            files.push((name, read_bounded("a key", path)?));
        }
    }
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len())?);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, text.as_bytes())?;
    }
    Ok(archive.into_inner()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use walrus_sui::wallet::Keypair;

    use super::*;

    #[test]
    fn only_the_recipient_opens_what_is_secret_and_all_of_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let wallet = Keypair::generate();
        let path = dir.path().join("node.yaml");
        let text = format!(
            "name: n\nstorage_path: /s\nprotocol_key_pair: {{path: {0}/p}}\nnetwork_key_pair: {{path: {0}/n}}\n\
             public_host: h.example\npublic_port: 1\nsui: {{rpc: 'http://r', system_object: '0x2', staking_object: '0x3', \
             wallet_config: {{key: {1}}}}}\n",
            dir.path().display(),
            wallet.to_base64()
        );
        for (name, text) in [("node.yaml", &*text), ("p", "protocol"), ("n", "network")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let identity = age::x25519::Identity::generate();
        let config = NodeConfig::load(&path).unwrap();
        let sealed = STANDARD
            .decode(seal(&config, &identity.to_public()).unwrap())
            .unwrap();
        age::decrypt(&age::x25519::Identity::generate(), &sealed).unwrap_err();
        let opened = age::decrypt(&identity, &sealed).unwrap();
        let mut files = Vec::new();
        for entry in tar::Archive::new(&*opened).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            files.push((name, text));
        }
        let expected = [
            ("walrus-node.yaml", text),
            ("wallet.key", wallet.to_base64() + "\n"),
            ("protocol.key", "protocol".to_owned()),
            ("network.key", "network".to_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text));
        assert_eq!(files, expected);
    }
}
