//! Reward distribution: who earns what of an epoch's rewards (contracts spec 8.7).

use crate::Frost;

/// What decides a member's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its shards.
    pub weight: u16,
    /// Size of its deny list.
    pub deny_list_size: u64,
}

/// Splits `rewards` among the members by the bytes they stored; what is left over comes second.
///
/// Products beyond 128 bits are rounded as if the numbers were exact.
#[must_use]
pub fn split(members: &[Member], used_capacity: u64, rewards: Frost) -> (Vec<Frost>, Frost) {
    let stored = |member: &Member| {
        let served = used_capacity - member.deny_list_size.min(used_capacity);
        u128::from(member.weight) * u128::from(served)
    };
    let total = members.iter().map(stored).sum::<u128>().max(1);
    let shares: Vec<Frost> = members
        .iter()
        .map(|member| multiply_divide(rewards, stored(member), total))
        .collect();
    let left = rewards - shares.iter().sum::<Frost>();
    (shares, left)
}

/// `floor(amount * part / whole)` for `part <= whole`, by long division: one binary digit of the amount at a time.
fn multiply_divide(amount: u64, part: u128, whole: u128) -> u64 {
    let mut quotient = 0u64;
    let mut remainder = 0u128;
    for bit in (0..64).rev() {
        quotient <<= 1;
        remainder <<= 1;
        if amount >> bit & 1 == 1 {
            remainder += part;
        }
        while remainder >= whole {
            remainder -= whole;
            quotient += 1;
        }
    }
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(weights: &[u16]) -> Vec<Member> {
        let member = |weight: &u16| Member {
            weight: *weight,
            deny_list_size: 0,
        };
        weights.iter().map(member).collect()
    }

    #[test]
    fn payout_of_section_15() {
        let (shares, left) = split(&members(&[500, 300, 200]), 1, 970_003);
        assert_eq!(shares, [485_001, 291_000, 194_000]);
        assert_eq!(left, 2);
    }

    #[test]
    fn nothing_is_paid_when_nothing_is_stored() {
        assert_eq!(split(&members(&[5, 5]), 0, 77), (vec![0, 0], 77));
        assert_eq!(split(&[], 9, 77), (vec![], 77));
    }

    #[test]
    fn a_deny_list_reduces_the_part_to_nothing_at_most() {
        let mut members = members(&[1, 1, 1]);
        members[1].deny_list_size = 50;
        members[2].deny_list_size = 1000;
        assert_eq!(split(&members, 100, 300), (vec![200, 100, 0], 0));
    }

    #[test]
    fn huge_numbers_are_exact() {
        let (shares, left) = split(&members(&[40_000, 20_000]), u64::MAX, u64::MAX);
        assert_eq!(shares, [u64::MAX / 3 * 2, u64::MAX / 3]);
        assert_eq!(left, 0);
    }
}
