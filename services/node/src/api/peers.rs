//! Peers: requests of other storage nodes, told by their introductions. Node spec 1.17.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use axum::http::HeaderMap;
use walrus_core::network_key::NetworkPublicKey;
use walrus_node_client::{INTRODUCTION, INTRODUCTION_LIFETIME, Introduction};
use walrus_service::server::{PeerKey, Peers};
use walrus_sui::contract::Committee;

use crate::{committee::CommitteeHolder, limits::MAX_KNOWN_INTRODUCTIONS};

/// Recognises the members of the committees: the last, the current and the next one.
#[derive(Debug)]
pub struct CommitteePeers {
    committees: Arc<CommitteeHolder>,
    /// Whom introductions have to be made for.
    own: NetworkPublicKey,
    /// Introductions that were verified, and until when that counts.
    known: Mutex<HashMap<Vec<u8>, (PeerKey, Instant)>>,
}

impl CommitteePeers {
    /// Recognises members of `committees` that speak to the node with the network key `own`.
    pub fn new(committees: Arc<CommitteeHolder>, own: NetworkPublicKey) -> Self {
        Self {
            committees,
            own,
            known: Mutex::default(),
        }
    }

    fn is_member(&self, key: &NetworkPublicKey) -> bool {
        let view = self.committees.get();
        let committees = &view.committees;
        let all = [
            Some(&committees.current),
            committees.previous.as_ref(),
            committees.next.as_ref(),
        ];
        let has = |committee: &Committee| {
            let mut members = committee.members.iter();
            members.any(|member| member.network_public_key.as_ref() == Some(key))
        };
        all.into_iter().flatten().any(has)
    }

    fn verified(&self, text: &[u8]) -> Option<PeerKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, until) = known.get(text)?;
        (*until > Instant::now()).then_some(*key)
    }

    fn verify(&self, text: &[u8]) -> Option<PeerKey> {
        let introduction = Introduction::parse(text).ok()?;
        if !self.is_member(&introduction.from) {
            return None;
        }
        if let Err(error) = introduction.verify(&self.own, SystemTime::now()) {
            tracing::debug!(%error, key = ?introduction.from, "an introduction does not count");
            return None;
        }
        let key = introduction.from.0;
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN_INTRODUCTIONS {
            known.retain(|_, (_, until)| *until > now);
        }
        if known.len() < MAX_KNOWN_INTRODUCTIONS {
            let until = now.checked_add(INTRODUCTION_LIFETIME).unwrap_or(now);
            known.insert(text.to_vec(), (key, until));
        }
        Some(key)
    }
}

impl Peers for CommitteePeers {
    fn recognise(&self, headers: &HeaderMap) -> Option<PeerKey> {
        let text = headers.get(INTRODUCTION)?.as_bytes();
        self.verified(text).or_else(|| self.verify(text))
    }
}
