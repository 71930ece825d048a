//! Places: who may have how many connections and open requests, and who loses a connection when there are too many.
//!
//! A connection is a newcomer until its first request says whether it is a peer's. Strangers have a number of connections together
//! and a share of it for each address; peers have places of their own, so that no crowd of strangers shuts them out. When a share
//! is used up, the connection of it goes that has been without an open request for longest.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Caller, Limits};

/// The places of one server. Clones are of the same server.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    state: Mutex<State>,
    /// A connection ended, or has no open request any more.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    connections: HashMap<u64, Connection>,
    /// Connections of each caller; newcomers count for their address.
    counts: HashMap<Caller, usize>,
    /// Connections of strangers that have asked something.
    strangers: usize,
    /// Open requests of each caller.
    requests: HashMap<Caller, usize>,
    /// Open requests of all strangers.
    strangers_requests: usize,
    next: u64,
}

#[derive(Debug)]
struct Connection {
    caller: Caller,
    /// It has asked something, so it is known what it is.
    known: bool,
    open: usize,
    idle_since: Instant,
    close: CancellationToken,
}

/// There is no place, and none can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// The caller has as many connections as it may.
    #[error("this caller has as many busy connections as one may have")]
    Connections,
    /// All strangers together do.
    #[error("the server has as many busy connections as it can serve")]
    Full,
    /// The caller has as many open requests as it may.
    #[error("this caller has as many open requests as one may have")]
    Requests,
    /// All strangers together do.
    #[error("the server has as many open requests as it can serve")]
    Busy,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    id: u64,
    /// The connection has to go.
    pub(super) close: CancellationToken,
}

/// The place of an open request, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest {
    place: Arc<Place>,
    /// Whose request it is.
    pub(super) caller: Caller,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Inner {
            limits,
            state: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that are open.
    pub(super) fn open_requests(&self) -> usize {
        self.state().requests.values().sum()
    }

    /// A place for a new connection. Waits while all are busy.
    ///
    /// # Errors
    /// [`NoPlace::Connections`]: then the connection should be closed at once.
    pub(super) async fn admit(&self, caller: Caller) -> Result<Place, NoPlace> {
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            freed.as_mut().enable();
            match self.try_admit(caller) {
                Err(NoPlace::Full) => freed.await,
                result => return result,
            }
        }
    }

    fn try_admit(&self, caller: Caller) -> Result<Place, NoPlace> {
        let limits = &self.0.limits;
        let mut state = self.state();
        state.make_room_for(caller, limits.connections_per_address)?;
        let all = limits.connections.saturating_add(limits.peer_connections);
        if state.connections.len() >= all.max(1) && !state.evict(|_| true) {
            return Err(NoPlace::Full);
        }
        let close = CancellationToken::new();
        let id = state.next;
        state.next = state.next.wrapping_add(1);
        let connection = Connection {
            caller,
            known: false,
            open: 0,
            idle_since: Instant::now(),
            close: close.clone(),
        };
        state.connections.insert(id, connection);
        state.count(caller);
        Ok(Place {
            places: self.clone(),
            id,
            close,
        })
    }
}

impl Place {
    /// A place for a request, which comes from `peer` or from a stranger.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub(super) fn open(self: &Arc<Self>, caller: Caller) -> Result<OpenRequest, NoPlace> {
        let limits = &self.places.0.limits;
        let mut state = self.places.state();
        state.know(self.id, caller, limits)?;
        let (share, all) = if caller.is_peer() {
            (limits.requests_per_peer, usize::MAX)
        } else {
            (limits.requests_per_address, limits.requests)
        };
        if state
            .requests
            .get(&caller)
            .is_some_and(|open| *open >= share)
        {
            return Err(NoPlace::Requests);
        }
        if !caller.is_peer() {
            if state.strangers_requests >= all {
                return Err(NoPlace::Busy);
            }
            state.strangers_requests = state.strangers_requests.saturating_add(1);
        }
        increment(&mut state.requests, caller);
        if let Some(connection) = state.connections.get_mut(&self.id) {
            connection.open = connection.open.saturating_add(1);
        }
        Ok(OpenRequest {
            place: Arc::clone(self),
            caller,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().remove(self.id);
        self.places.0.freed.notify_one();
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut state = self.place.places.state();
        decrement(&mut state.requests, self.caller);
        if !self.caller.is_peer() {
            state.strangers_requests = state.strangers_requests.saturating_sub(1);
        }
        if let Some(connection) = state.connections.get_mut(&self.place.id) {
            connection.open = connection.open.saturating_sub(1);
            if connection.open == 0 {
                connection.idle_since = Instant::now();
                self.place.places.0.freed.notify_one();
            }
        }
    }
}

impl State {
    fn count(&mut self, caller: Caller) {
        increment(&mut self.counts, caller);
    }

    fn remove(&mut self, id: u64) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        decrement(&mut self.counts, connection.caller);
        if connection.known && !connection.caller.is_peer() {
            self.strangers = self.strangers.saturating_sub(1);
        }
        Some(connection)
    }

    /// Closes an idle connection of the caller if it has `share` of them.
    fn make_room_for(&mut self, caller: Caller, share: usize) -> Result<(), NoPlace> {
        let count = self.counts.get(&caller).copied().unwrap_or_default();
        if count < share.max(1) || self.evict(|connection| connection.caller == caller) {
            return Ok(());
        }
        Err(NoPlace::Connections)
    }

    /// Closes one of the idle connections that are wanted: of whoever has most, the one that has been idle for longest.
    fn evict(&mut self, wanted: impl Fn(&Connection) -> bool) -> bool {
        let counts = &self.counts;
        let idle = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.open == 0 && wanted(connection));
        let most = idle.max_by_key(|(_, connection)| {
            let count = counts.get(&connection.caller).copied();
            (
                !connection.caller.is_peer(),
                count.unwrap_or_default(),
                connection.idle_since.elapsed(),
            )
        });
        let Some(id) = most.map(|(id, _)| *id) else {
            return false;
        };
        if let Some(connection) = self.remove(id) {
            connection.close.cancel();
        }
        true
    }

    /// Notes whose connection it is, by its latest request.
    fn know(&mut self, id: u64, caller: Caller, limits: &Limits) -> Result<(), NoPlace> {
        let Some(before) = self.connections.get(&id) else {
            // It was closed a moment ago.
            return Err(NoPlace::Connections);
        };
        // A proxy mixes requests of several callers: while some are open, the first decides.
        if before.known && (before.caller == caller || before.open > 0) {
            return Ok(());
        }
        let was_stranger = before.known && !before.caller.is_peer();
        if caller.is_peer() {
            self.make_room_for(caller, limits.connections_per_peer)?;
        } else if !was_stranger && self.strangers >= limits.connections.max(1) {
            let is_other_stranger =
                |connection: &Connection| connection.known && !connection.caller.is_peer();
            if !self.evict(is_other_stranger) {
                return Err(NoPlace::Full);
            }
        }
        let Some(mut connection) = self.remove(id) else {
            return Err(NoPlace::Connections);
        };
        connection.caller = caller;
        connection.known = true;
        self.count(caller);
        if !caller.is_peer() {
            self.strangers = self.strangers.saturating_add(1);
        }
        self.connections.insert(id, connection);
        Ok(())
    }
}

fn increment(counts: &mut HashMap<Caller, usize>, caller: Caller) {
    let count = counts.entry(caller).or_default();
    *count = count.saturating_add(1);
}

/// Forgets a caller of whom nothing is left.
fn decrement(counts: &mut HashMap<Caller, usize>, caller: Caller) {
    if let Some(count) = counts.get_mut(&caller) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(last: u8) -> Caller {
        Caller::at([10, 0, 0, last].into())
    }

    fn peer(number: u8) -> Caller {
        Caller::Peer([number; 33])
    }

    fn places() -> Places {
        Places::new(Limits {
            connections: 4,
            connections_per_address: 2,
            peer_connections: 2,
            connections_per_peer: 1,
            requests: 5,
            requests_per_address: 3,
            requests_per_peer: 2,
            ..Limits::default()
        })
    }

    fn admit(places: &Places, caller: Caller) -> Result<Arc<Place>, NoPlace> {
        places.try_admit(caller).map(Arc::new)
    }

    #[test]
    fn of_an_address_with_too_many_connections_the_one_idle_for_longest_goes() {
        let places = places();
        let first = admit(&places, stranger(1)).unwrap();
        let second = admit(&places, stranger(1)).unwrap();
        let busy = first.open(stranger(1)).unwrap();
        let third = admit(&places, stranger(1)).unwrap();
        assert!(second.close.is_cancelled() && !first.close.is_cancelled());
        let _also = third.open(stranger(1)).unwrap();
        assert_eq!(
            admit(&places, stranger(1)).unwrap_err(),
            NoPlace::Connections
        );
        admit(&places, stranger(2)).unwrap();
        drop(busy);
        admit(&places, stranger(1)).unwrap();
        assert!(first.close.is_cancelled());
    }

    #[test]
    fn a_crowd_of_strangers_leaves_places_to_peers() {
        let places = places();
        let mut held = Vec::new();
        for last in 0..4 {
            let place = admit(&places, stranger(last)).unwrap();
            let request = place.open(stranger(last)).unwrap();
            held.push((place, request));
        }
        let fifth = admit(&places, stranger(9)).unwrap();
        assert_eq!(fifth.open(stranger(9)).unwrap_err(), NoPlace::Full);
        let known = admit(&places, stranger(9)).unwrap();
        let request = known.open(peer(1)).unwrap();
        assert_eq!(request.caller, peer(1));
        // One that has said nothing goes first.
        admit(&places, stranger(8)).unwrap();
        assert!(fifth.close.is_cancelled() && !known.close.is_cancelled());
        // Of its own, a peer has a share, too.
        let second = admit(&places, stranger(9)).unwrap();
        assert_eq!(second.open(peer(1)).unwrap_err(), NoPlace::Connections);
        drop(request);
        second.open(peer(1)).unwrap();
        assert!(known.close.is_cancelled());
    }

    #[test]
    fn open_requests_are_shared_and_given_back() {
        let places = places();
        let (one, two) = (
            admit(&places, stranger(1)).unwrap(),
            admit(&places, stranger(2)).unwrap(),
        );
        let open = |place: &Arc<Place>, last| place.open(stranger(last));
        let mut first: Vec<_> = (0..3).map(|_| open(&one, 1).unwrap()).collect();
        assert_eq!(open(&one, 1).unwrap_err(), NoPlace::Requests);
        let second: Vec<_> = (0..2).map(|_| open(&two, 2).unwrap()).collect();
        assert_eq!(open(&two, 2).unwrap_err(), NoPlace::Busy);
        let friend = admit(&places, stranger(3)).unwrap();
        let _peers: Vec<_> = (0..2).map(|_| friend.open(peer(1)).unwrap()).collect();
        assert_eq!(friend.open(peer(1)).unwrap_err(), NoPlace::Requests);
        first.pop();
        open(&two, 2).unwrap();
        drop((first, second, one, two));
        drop((_peers, friend));
        let state = places.state();
        assert!(state.connections.is_empty() && state.counts.is_empty());
        assert!(state.requests.is_empty());
        assert_eq!((state.strangers, state.strangers_requests), (0, 0));
    }

    #[tokio::test]
    async fn who_finds_all_places_busy_waits_for_one() {
        let places = places();
        let mut held = Vec::new();
        for last in 0..6 {
            let place = admit(&places, stranger(last)).unwrap();
            let caller = if last < 4 { stranger(last) } else { peer(last) };
            let request = place.open(caller).unwrap();
            held.push((place, request));
        }
        let mut waiting = std::pin::pin!(places.admit(stranger(9)));
        assert!(futures::poll!(&mut waiting).is_pending());
        held.pop();
        waiting.await.unwrap();
    }
}
