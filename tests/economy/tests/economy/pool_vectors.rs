//! Test vectors of contracts spec 15 about staking.

use walrus_economy::{
    Abort, NodeId,
    exchange_rate::ExchangeRate,
    pool::{Context, NodeVotes, Pool},
    stake::Stake,
};

const WAL: u64 = 1_000_000_000;
const NODE: NodeId = NodeId([1; 32]);
const VOTES: NodeVotes = NodeVotes {
    storage_price: 0,
    write_price: 0,
    capacity: 0,
};

fn at(epoch: u32, in_current: bool) -> Context {
    Context {
        epoch,
        selected: false,
        in_current,
        in_next: false,
    }
}

/// A pool of epoch 0 with the given stakes, in epoch 1.
fn pool(commission: u16, amounts: &[u64]) -> Result<(Pool, Vec<Stake>), Abort> {
    let mut pool = Pool::new(NODE, at(0, false), commission, VOTES)?;
    let stakes = amounts
        .iter()
        .map(|amount| pool.stake(at(0, false), *amount));
    let stakes = stakes.collect::<Result<_, Abort>>()?;
    pool.advance_epoch(at(1, true), 0)?;
    Ok((pool, stakes))
}

#[test]
fn two_stakers_share_and_leave_the_dust() {
    let (mut pool, mut stakes) = pool(0, &[100 * WAL, 100 * WAL]).unwrap();
    for stake in &mut stakes {
        pool.request_withdraw(at(1, true), stake).unwrap();
    }
    pool.advance_epoch(at(2, false), 201).unwrap();
    let rate = ExchangeRate::Variable {
        wal: 200 * WAL + 201,
        shares: 200 * WAL,
    };
    assert_eq!(pool.rate_at(2), Ok(rate));
    for stake in &stakes {
        assert_eq!(pool.withdraw(at(2, true), stake), Ok(100 * WAL + 100));
    }
    assert_eq!(pool.rewards_pool, 1);
    assert_eq!((pool.wal_balance, pool.num_shares), (0, 0));
}

#[test]
fn the_operator_keeps_the_commission() {
    let (mut pool, mut stakes) = pool(1000, &[100 * WAL]).unwrap();
    pool.request_withdraw(at(1, true), &mut stakes[0]).unwrap();
    pool.advance_epoch(at(2, false), 202).unwrap();
    assert_eq!(pool.commission, 20);
    assert_eq!(pool.withdraw(at(2, true), &stakes[0]), Ok(100 * WAL + 182));
}

#[test]
fn commission_of_the_payout_vector() {
    let (mut pool, _) = pool(1000, &[100 * WAL]).unwrap();
    pool.advance_epoch(at(2, true), 485_001).unwrap();
    assert_eq!((pool.commission, pool.rewards_pool), (48_500, 436_501));
}

#[test]
fn commission_can_be_collected_after_the_block_is_cleared() {
    let (mut pool, _) = pool(10_000, &[100 * WAL]).unwrap();
    pool.add_commission(200, false).unwrap();
    pool.advance_epoch(at(5, true), 50).unwrap();
    let mut later = pool.clone();
    assert_eq!(pool.collect_commission(), 200);
    later.blocked_commission = 0;
    assert_eq!(later.collect_commission(), 250);
}
