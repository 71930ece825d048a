/// Which part of the coming epochs' rewards did not come from buyers of storage.
///
/// Subsidies, donations and the leftover of past epochs lie in the same accounting slots as the payments for storage and
/// writes. Whoever subsidizes in proportion to the payments (package `walrus_subsidies`) must not pay subsidies on subsidies,
/// so the other part is recorded here.
///
/// Invariants
/// 1. `amounts[i]` belongs to the epoch `epoch + i`; epochs beyond the end have received no donation.
/// 2. An entry never exceeds the rewards of its accounting slot, because rewards only leave a slot when its epoch ends.
///
/// The ledger is the dynamic field `b"donations"` of `System`, because the layout of the system's state is fixed. A system that
/// was created before the ledger gets it with the first donation; all that its slots held until then counts as paid by buyers.
///
/// Life cycle: an epoch change drops the entry of the epoch that ended and adds what it left over.
///
/// Specification: contracts, section 13, number 29.
module walrus::donation_ledger;

use sui::dynamic_field;
use walrus::storage_accounting::FutureAccountingRingBuffer;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"donations";

// === Structs ===

/// FROST donated, from the current epoch on.
public struct DonationLedger has store {
    epoch: u32,
    amounts: vector<u64>,
}

// === Package Functions ===

/// Records donations in the ledger of `system`: `amounts[i]` FROST for the `i`-th epoch from the current one, `epoch`, on.
public(package) fun record(system: &mut UID, epoch: u32, amounts: vector<u64>) {
    let ledger = ledger_mut(system, epoch);
    amounts.length().do!(|offset| {
        if (offset == ledger.amounts.length()) ledger.amounts.push_back(0);
        let sum = &mut ledger.amounts[offset];
        *sum = *sum + amounts[offset];
    })
}

/// Forgets the epochs before `epoch`.
public(package) fun advance(system: &mut UID, epoch: u32) {
    let ledger = ledger_mut(system, epoch);
    let passed = ((epoch - ledger.epoch) as u64).min(ledger.amounts.length());
    passed.do!(|_| { ledger.amounts.remove(0); });
    ledger.epoch = epoch;
}

/// FROST that was no donation, one number per slot of `accounting`, from the current epoch on.
#[allow(deprecated_usage)]
public(package) fun user_payments(
    system: &UID,
    accounting: &FutureAccountingRingBuffer,
): vector<u64> {
    let donations = if (dynamic_field::exists_(system, KEY)) {
        dynamic_field::borrow<_, DonationLedger>(system, KEY).amounts
    } else {
        vector[]
    };
    vector::tabulate!(accounting.max_epochs_ahead() as u64, |offset| {
        let donated = if (offset < donations.length()) donations[offset] else 0;
        accounting[offset as u32].rewards() - donated
    })
}

// === Private Functions ===

/// The ledger, created empty for `epoch` if there is none.
#[allow(deprecated_usage)]
fun ledger_mut(system: &mut UID, epoch: u32): &mut DonationLedger {
    if (!dynamic_field::exists_(system, KEY)) {
        dynamic_field::add(system, KEY, DonationLedger { epoch, amounts: vector[] });
    };
    dynamic_field::borrow_mut(system, KEY)
}
