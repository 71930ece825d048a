//! Rotation of the protocol key: what follows from the keys of the configuration and those on chain, and the change of the file.
//! Node spec 5.10.

use walrus_core::BlsPublicKey;

use crate::NodeConfig;

/// The keys of the configuration and of the chain.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// `protocol_key_pair`.
    pub local: &'a BlsPublicKey,
    /// `next_protocol_key_pair`.
    pub local_next: Option<&'a BlsPublicKey>,
    /// The key that the chain knows the node by.
    pub chain: &'a BlsPublicKey,
    /// The one from the next epoch on.
    pub chain_next: Option<&'a BlsPublicKey>,
}

/// What is to be done about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing: they agree.
    None,
    /// Tell the chain the next key.
    Announce,
    /// Tell the chain that the key stays what it is.
    Cancel,
    /// The chain has changed keys: the next one becomes the one.
    Rotate,
    /// The chain knows the node by a key that is not configured, and is told the next one.
    AnnounceOverUnknown,
    /// The chain knows the node by a key that is not configured, and nothing can be done about it.
    Inconsistent,
}

impl Keys<'_> {
    /// What is to be done.
    pub fn rotation(&self) -> Rotation {
        let is_announced = self.local_next.is_some() && self.local_next == self.chain_next;
        match self.local_next {
            None if self.local != self.chain => Rotation::Inconsistent,
            None if self.chain_next.is_none_or(|next| next == self.local) => Rotation::None,
            None => Rotation::Cancel,
            Some(next) if next == self.chain && self.local != self.chain => Rotation::Rotate,
            Some(_) if self.local == self.chain && is_announced => Rotation::None,
            Some(_) if self.local == self.chain => Rotation::Announce,
            Some(_) if is_announced => Rotation::Inconsistent,
            Some(_) => Rotation::AnnounceOverUnknown,
        }
    }
}

/// The configuration does not have a form in which its keys can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the protocol key has changed on chain, but the configuration is written in a form that is not understood: move \
     next_protocol_key_pair to protocol_key_pair by hand"
)]
pub struct NotUnderstood;

/// The configuration with the next key as the key; everything else stays as it is, comments as well.
///
/// # Errors
/// [`NotUnderstood`].
pub fn rotated(text: &str) -> Result<String, NotUnderstood> {
    const OLD: &str = "protocol_key_pair:";
    const NEXT: &str = "next_protocol_key_pair:";
    let mut lines = Vec::new();
    let mut drops = false;
    for line in text.lines() {
        let goes_on = line.starts_with([' ', '\t']);
        if drops && goes_on {
            continue;
        }
        drops = line.starts_with(OLD);
        match line.strip_prefix(NEXT) {
            Some(value) => lines.push(format!("{OLD}{value}")),
            None if drops => {}
            None => lines.push(line.to_owned()),
        }
    }
    let text_after = lines.join("\n") + "\n";
    let parse =
        |text: &str| NodeConfig::parse(text, "the configuration").map_err(|_| NotUnderstood);
    let (before, after) = (parse(text)?, parse(&text_after)?);
    let expected = NodeConfig {
        protocol_key_pair: before.next_protocol_key_pair.clone().ok_or(NotUnderstood)?,
        next_protocol_key_pair: None,
        ..before
    };
    if after != expected {
        return Err(NotUnderstood);
    }
    Ok(text_after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeySource;

    #[test]
    fn every_row_of_the_table_has_its_outcome() {
        let [a, b, c, d] = [1, 2, 3, 4].map(|byte| BlsPublicKey([byte; 48]));
        for (local_next, chain, chain_next, outcome) in [
            (None, a, None, Rotation::None),
            (None, a, Some(a), Rotation::None),
            (None, a, Some(b), Rotation::Cancel),
            (Some(b), a, None, Rotation::Announce),
            (Some(b), a, Some(c), Rotation::Announce),
            (Some(b), a, Some(b), Rotation::None),
            (Some(b), b, None, Rotation::Rotate),
            (Some(b), b, Some(d), Rotation::Rotate),
            (Some(b), c, None, Rotation::AnnounceOverUnknown),
            (Some(b), c, Some(d), Rotation::AnnounceOverUnknown),
            (Some(b), c, Some(b), Rotation::Inconsistent),
            (None, c, None, Rotation::Inconsistent),
            (None, c, Some(d), Rotation::Inconsistent),
        ] {
            let keys = Keys {
                local: &a,
                local_next: local_next.as_ref(),
                chain: &chain,
                chain_next: chain_next.as_ref(),
            };
            assert_eq!(keys.rotation(), outcome, "{keys:?}");
        }
    }

    const CONFIG: &str = "# mine\nname: n\nstorage_path: /s\nprotocol_key_pair:\n  # the old one\n  path: /old\n\
        next_protocol_key_pair:\n  path: /new\nnetwork_key_pair: {path: /n}\npublic_host: h.example\npublic_port: 1\nsui:\n  \
        rpc: http://r\n  system_object: '0x2'\n  staking_object: '0x3'\n  wallet_config: /w # gas\n";

    #[test]
    fn the_next_key_becomes_the_key_and_the_rest_stays() {
        let text = rotated(CONFIG).unwrap();
        assert!(text.contains("# mine") && text.contains("# gas"), "{text}");
        let config = NodeConfig::parse(&text, "text").unwrap();
        assert_eq!(config.protocol_key_pair, KeySource::file("/new"));
        assert_eq!(config.next_protocol_key_pair, None);
        let in_line = CONFIG.replace("\n  path: /new", " {path: /new}");
        let config = NodeConfig::parse(&rotated(&in_line).unwrap(), "text").unwrap();
        assert_eq!(config.protocol_key_pair, KeySource::file("/new"));
    }

    #[test]
    fn what_is_not_understood_is_not_changed() {
        assert_eq!(rotated(&text_without_next()), Err(NotUnderstood));
        let json = serde_json::to_string(&NodeConfig::parse(CONFIG, "text").unwrap()).unwrap();
        assert_eq!(rotated(&json), Err(NotUnderstood));
    }

    fn text_without_next() -> String {
        CONFIG.replace("next_protocol_key_pair:\n  path: /new\n", "")
    }
}
