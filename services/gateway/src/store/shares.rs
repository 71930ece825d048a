//! Shares of the read budget: what each of those who read may hold of it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use walrus_sdk::ReadBudget;
use walrus_service::server::Caller;

/// Callers whose shares are kept though they hold nothing.
const KEPT: usize = 1 << 10;

/// Shares by caller.
#[derive(Debug)]
pub(super) struct Shares {
    /// Bytes of each.
    bytes: usize,
    by_caller: Mutex<HashMap<Caller, ReadBudget>>,
}

impl Shares {
    /// Shares of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            by_caller: Mutex::default(),
        }
    }

    /// What `caller` has of `whole`, whatever it reads.
    pub(super) fn of(&self, caller: Caller, whole: &ReadBudget) -> ReadBudget {
        let mut by_caller = self
            .by_caller
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if by_caller.len() >= KEPT && !by_caller.contains_key(&caller) {
            by_caller.retain(|_, share| share.in_use() > 0);
        }
        let share = by_caller.entry(caller);
        share.or_insert_with(|| whole.part(self.bytes)).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_caller_has_one_share_and_those_of_others_are_forgotten() {
        let whole = ReadBudget::new(1 << 20);
        let shares = Shares::new(1 << 10);
        for address in 0..3 * KEPT {
            let address = Ipv4Addr::from(u32::try_from(address).unwrap());
            shares.of(Caller::at(address.into()), &whole);
        }
        let kept = shares.by_caller.lock().unwrap().len();
        assert!(kept <= KEPT, "{kept}");
    }
}
