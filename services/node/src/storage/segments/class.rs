//! Expiry classes: slivers that end at about the same time lie in the same files, so that expiry empties files as a whole.
//!
//! Ends within the next eight epochs have a class each. Those further away share one by two, four, … epochs, the coarser the
//! further, so that a shard has some four classes more for each doubling of the longest lifetime. What ends before the
//! others of its class, or lives on because it was extended, is a matter of compaction.

use walrus_core::Epoch;

/// Epochs ahead of which each has a class of its own.
const EXACT: Epoch = 8;

/// The class of slivers whose end is not known: blobs of pools, and what nobody has registered yet.
pub const NO_KNOWN_END: Epoch = 0;

/// The class of what ends with `end`, the first epoch in which it is not stored, seen from the epoch `now`.
pub fn class_of(end: Option<Epoch>, now: Epoch) -> Epoch {
    let Some(end) = end else {
        return NO_KNOWN_END;
    };
    let ahead = end.saturating_sub(now);
    let octave = (ahead.saturating_sub(1) / EXACT).saturating_add(1);
    let width = octave.next_power_of_two();
    end.checked_next_multiple_of(width).unwrap_or(Epoch::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn near_ends_have_their_own_class_and_far_ones_share() {
        let now = 100;
        for end in 101..=108 {
            assert_eq!(class_of(Some(end), now), end);
        }
        assert_eq!(class_of(Some(109), now), 110);
        assert_eq!(class_of(Some(116), now), 116);
        assert_eq!(class_of(Some(117), now), 120);
        assert_eq!(class_of(None, now), NO_KNOWN_END);
        assert_eq!(class_of(Some(Epoch::MAX), 0), Epoch::MAX);
    }

    #[test]
    fn classes_are_few_and_none_ends_too_early_or_much_too_late() {
        let now = 1000;
        let mut classes = BTreeSet::new();
        for end in now + 1..=now + 104 {
            let class = class_of(Some(end), now);
            assert!(class >= end);
            assert!(class - end <= (end - now) / 4, "{end} in {class}");
            classes.insert(class);
        }
        assert!(classes.len() <= 32, "{}", classes.len());
    }
}
