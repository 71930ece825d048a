/// Deadline of an epoch change: a way out of one in which a quorum of shards never reports to be synced.
///
/// The start of every epoch change is remembered. Two whole epoch durations later anybody may close it with
/// `staking::voting_end`, as if the quorum had been reached at that moment: `EpochChangeDone` is emitted, and the vote ends half
/// an epoch after. The wait is long on purpose: until then only the nodes' own reports count, and a network that is alive never
/// comes near it. The nodes that have not reported keep their shards and may still report.
///
/// The start lies in the dynamic field `b"epoch_change_start"` of `Staking`, because the layout of the state is fixed. An epoch
/// change that began before this existed has no start and cannot be closed in this way.
///
/// Invariant: before the deadline only a quorum of reports ends an epoch change.
///
/// Specification: contracts, section 13, number 6.
module walrus::sync_deadline;

use sui::clock::Clock;
use sui::dynamic_field;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"epoch_change_start";
/// Epoch durations after which an epoch change is overdue.
const OVERDUE_AFTER: u64 = 2;

// === Package Functions ===

/// Remembers that an epoch change starts now.
#[allow(deprecated_usage)]
public(package) fun start(staking: &mut UID, clock: &Clock) {
    let now = clock.timestamp_ms();
    if (dynamic_field::exists_(staking, KEY)) {
        *dynamic_field::borrow_mut<_, u64>(staking, KEY) = now;
    } else {
        dynamic_field::add(staking, KEY, now);
    }
}

/// Whether an epoch change that is not done by now is overdue. `epoch_duration` is in ms.
#[allow(deprecated_usage)]
public(package) fun is_over(staking: &UID, epoch_duration: u64, clock: &Clock): bool {
    if (!dynamic_field::exists_(staking, KEY)) return false;
    let start: u64 = *dynamic_field::borrow(staking, KEY);
    (clock.timestamp_ms() as u128) >= (start as u128) + (epoch_duration as u128) * (OVERDUE_AFTER as u128)
}
