//! Whatever a wallet owns can be spent: coins, the address balance, any number of pieces.

use std::sync::Arc;

use sui_sdk_types::{Address, StructTag};
use walrus_sui::{
    chain::ChainClient,
    money::Amount,
    transactions::{CoinNeed, GasCost, TransactionError, TransactionExecutor},
    wallet::Keypair,
};

use super::{deployed, network};

const RECIPIENT: Address = Address::new([9; 32]);

/// A wallet that owns nothing yet.
fn wallet(chain: &ChainClient) -> TransactionExecutor {
    TransactionExecutor::new(chain.clone(), Arc::new(Keypair::generate()))
}

/// Puts FROST or MIST into an address balance.
async fn send_funds(
    from: &TransactionExecutor,
    coin_type: &StructTag,
    amount: u64,
    recipient: Address,
) {
    let is_sui = *coin_type == StructTag::sui();
    let need = CoinNeed {
        coin_type: coin_type.clone(),
        amount,
    };
    from.execute((!is_sui).then_some(&need), |ptb, payment| {
        let coins = match payment {
            Some(payment) => ptb.split(payment, &[amount])?,
            None => ptb.split_gas(&[amount])?,
        };
        ptb.send_funds(coin_type, coins[0], recipient)
    })
    .await
    .unwrap();
}

/// Gives `recipient` so many coins of `amount` each.
async fn send_pieces(
    from: &TransactionExecutor,
    coin_type: &StructTag,
    amount: u64,
    count: usize,
    recipient: Address,
) {
    let pieces = vec![(recipient, amount); count];
    for pieces in pieces.chunks(300) {
        let sent = match *coin_type == StructTag::sui() {
            true => from.send_sui(pieces).await,
            false => from.send_coins(coin_type, pieces).await,
        };
        sent.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coins_and_address_balance_pay_together() {
    let (chain, rich) = network().await;
    let (_, writer) = deployed(&rich).await;
    let wal = writer.reader().packages().wal_type;
    let client = rich.chain();
    let poor = wallet(client);
    let owner = poor.sender();
    rich.send_sui(&[(owner, 1_000_000_000)]).await.unwrap();

    // All of it in the address balance, more than needed.
    send_funds(&rich, &wal, 100_000, owner).await;
    poor.send_coins(&wal, &[(RECIPIENT, 30_000)]).await.unwrap();
    let funds = client.funds(owner, &wal).await.unwrap();
    assert_eq!((funds.total, funds.address_balance), (70_000, 70_000));
    // Coins first, and the rest from the address balance.
    rich.send_coins(&wal, &[(owner, 20_000)]).await.unwrap();
    poor.send_coins(&wal, &[(RECIPIENT, 50_000)]).await.unwrap();
    let funds = client.funds(owner, &wal).await.unwrap();
    assert_eq!((funds.total, funds.address_balance), (40_000, 40_000));
    // To the last one.
    poor.send_coins(&wal, &[(RECIPIENT, 40_000)]).await.unwrap();
    assert_eq!(client.balance(owner, &wal).await.unwrap(), 0);
    assert_eq!(client.balance(RECIPIENT, &wal).await.unwrap(), 120_000);

    // For programs that know coins only, everything becomes one coin.
    send_funds(&rich, &wal, 5, owner).await;
    rich.send_coins(&wal, &[(owner, 6)]).await.unwrap();
    poor.merge_all_coins(&wal).await.unwrap();
    let coins = client.coins(owner, &wal).await.unwrap();
    assert_eq!(coins.iter().map(|coin| coin.balance).max(), Some(11));
    let error = poor.send_coins(&wal, &[(RECIPIENT, 12)]).await.unwrap_err();
    assert!(
        error.to_string().contains("has 11 FROST of the 12 FROST"),
        "{error}"
    );
    chain.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_margin_of_the_budget_is_no_more_than_the_payment_holds() {
    let (chain, rich) = network().await;
    let client = rich.chain();
    // With the margin a budget would be a fifth more than the chain's estimate.
    let tight = |cost: GasCost| {
        let budget = cost.least_budget() + 1_000_000;
        budget + budget / 20
    };
    let typical = wallet(client);
    rich.send_sui(&[(typical.sender(), 2_000_000_000)])
        .await
        .unwrap();
    let cost = typical.estimate(None, |ptb, _| {
        let coins = ptb.split_gas(&[1_000_000_000])?;
        ptb.transfer(coins, RECIPIENT)
    });
    let needed = tight(cost.await.unwrap().unwrap());

    let moving = wallet(client);
    rich.send_sui(&[(moving.sender(), 1_000_000_000 + needed)])
        .await
        .unwrap();
    moving
        .send_sui(&[(RECIPIENT, 1_000_000_000)])
        .await
        .unwrap();
    assert_eq!(client.sui_balance(RECIPIENT).await.unwrap(), 1_000_000_000);

    // The address balance pays where the gas coin is not used.
    let cost = typical.estimate(None, |ptb, _| zero_coin(ptb)).await;
    let needed = tight(cost.unwrap().unwrap());
    let sui = StructTag::sui();
    send_funds(&rich, &sui, needed, typical.sender()).await;
    typical
        .execute(None, |ptb, _| zero_coin(ptb))
        .await
        .unwrap();
    let funds = client.funds(typical.sender(), &sui).await.unwrap();
    assert!(funds.address_balance < needed, "{funds:?}");

    let broke = wallet(client);
    for (owned, told) in [
        (0, "has 0 SUI of the 0.001 SUI needed"),
        (10_000, "has 0.00001 SUI of the 0.001 SUI needed"),
    ] {
        if owned > 0 {
            rich.send_sui(&[(broke.sender(), owned)]).await.unwrap();
        }
        let error = broke.execute(None, |ptb, _| zero_coin(ptb)).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    chain.shutdown().await;
}

fn zero_coin(ptb: &mut walrus_sui::transactions::Ptb) -> Result<(), TransactionError> {
    let coin = ptb.zero_coin(&StructTag::sui())?;
    ptb.transfer(vec![coin], RECIPIENT)
}

/// More gas than 255 coins of 5000 MIST hold.
fn much_computation(ptb: &mut walrus_sui::transactions::Ptb) -> Result<(), TransactionError> {
    let coin = ptb.zero_coin(&StructTag::sui())?;
    for _ in 0..400 {
        let parts = ptb.split(coin, &[0])?;
        ptb.merge(coin, parts);
    }
    ptb.transfer(vec![coin], RECIPIENT)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_in_hundreds_of_pieces_can_be_spent() {
    let (chain, rich) = network().await;
    let (_, writer) = deployed(&rich).await;
    let wal = writer.reader().packages().wal_type;
    let client = rich.chain();
    let poor = wallet(client);
    let owner = poor.sender();
    rich.send_sui(&[(owner, 1_000_000_000)]).await.unwrap();
    send_pieces(&rich, &wal, 12_000, 300, owner).await;
    let need = CoinNeed {
        coin_type: wal.clone(),
        amount: 3_200_000,
    };
    // An estimate knows that it can be paid, and not at what price: coins are merged first.
    let estimate = poor.estimate(Some(&need), |ptb, _| zero_coin(ptb)).await;
    assert_eq!(estimate.unwrap(), None);
    poor.send_coins(&wal, &[(RECIPIENT, 3_200_000)])
        .await
        .unwrap();
    assert_eq!(client.balance(RECIPIENT, &wal).await.unwrap(), 3_200_000);

    // No coin alone pays for the gas.
    let sui = StructTag::sui();
    let dusty = wallet(client);
    send_pieces(&rich, &sui, 40_000, 300, dusty.sender()).await;
    dusty.execute(None, |ptb, _| zero_coin(ptb)).await.unwrap();
    // Not even all that one transaction can use pay for what is sent.
    let dusty = wallet(client);
    send_pieces(&rich, &sui, 40_000, 600, dusty.sender()).await;
    dusty.send_sui(&[(RECIPIENT, 12_000_000)]).await.unwrap();
    assert_eq!(client.sui_balance(RECIPIENT).await.unwrap(), 12_000_000);
    // The storage of coins returns more than they hold.
    let dusty = wallet(client);
    send_pieces(&rich, &sui, 5_000, 1_000, dusty.sender()).await;
    let estimate = dusty.estimate(None, |ptb, _| much_computation(ptb)).await;
    assert!(estimate.is_ok(), "{estimate:?}");
    let executed = dusty.execute(None, |ptb, _| much_computation(ptb)).await;
    executed.unwrap();
    // Where even merging cannot be paid, an estimate and an execution say the same.
    let dusty = wallet(client);
    send_pieces(&rich, &sui, 1_000, 300, dusty.sender()).await;
    let estimate = dusty.estimate(None, |ptb, _| zero_coin(ptb)).await;
    let executed = dusty.execute(None, |ptb, _| zero_coin(ptb)).await;
    let (estimate, executed) = (estimate.unwrap_err(), executed.unwrap_err());
    assert_eq!(estimate.to_string(), executed.to_string());
    let told = "has 0.0003 SUI of the 0.001 SUI needed";
    assert!(estimate.to_string().contains(told), "{estimate}");
    chain.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_does_not_fit_is_told_from_a_wallet_that_has_too_little() {
    let (chain, rich) = network().await;
    let client = rich.chain();
    let payer = wallet(client);
    let sui = 1_000_000_000;
    rich.send_sui(&[(payer.sender(), 2 * sui)]).await.unwrap();
    let with = |budget| payer.clone().with_gas_budget(Some(budget));

    // Below what the chain allows at all, and below what the transaction needs.
    let mut least = 0;
    for small in [1, 1_000_001] {
        let error = with(small).send_sui(&[(RECIPIENT, sui)]).await.unwrap_err();
        let TransactionError::GasBudgetTooSmall { budget, needed } = error else {
            panic!("{error}");
        };
        assert!(budget == small && needed > small, "{error}");
        least = needed;
    }
    let estimate = with(1_000_001)
        .estimate(None, |ptb, _| zero_coin(ptb))
        .await;
    assert!(
        matches!(estimate, Err(TransactionError::GasBudgetTooSmall { .. })),
        "{estimate:?}"
    );
    // The number that it names is enough.
    with(least).send_sui(&[(RECIPIENT, sui)]).await.unwrap();

    let error = with(sui).send_sui(&[(RECIPIENT, sui / 2)]).await;
    let error = error.unwrap_err();
    let balance = client.sui_balance(payer.sender()).await.unwrap();
    let told = format!(
        "a gas budget of 1 SUI is more than {} has: {}, of which 0.5 SUI are to be moved",
        payer.sender(),
        Amount::sui(balance)
    );
    assert!(error.to_string().starts_with(&told), "{error}");

    let limit = client.gas_limits().await.unwrap().largest_budget.unwrap();
    let error = with(limit + 1).send_sui(&[(RECIPIENT, 1)]).await;
    let error = error.unwrap_err().to_string();
    let told = format!("the {} that the chain permits", Amount::sui(limit));
    assert!(error.contains(&told), "{error}");

    // With a budget that fits, a wallet that has too little is to blame.
    let poor = wallet(client);
    rich.send_sui(&[(poor.sender(), 1_500_000)]).await.unwrap();
    let poor = poor.with_gas_budget(Some(5_000_000));
    let error = poor.execute(None, |ptb, _| zero_coin(ptb)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, TransactionError::NoGas { .. }), "{error}");
    assert!(error.to_string().contains("in 1 coin "), "{error}");
    chain.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_programs_can_use_one_wallet_at_once() {
    let (chain, rich) = network().await;
    let client = rich.chain();
    let key = Arc::new(Keypair::generate());
    rich.send_sui(&[(key.address(), 10_000_000_000)])
        .await
        .unwrap();
    let sends = (0..16).map(|_| {
        // Executors that know nothing of each other, as in processes of their own.
        let executor = TransactionExecutor::new(client.clone(), Arc::clone(&key));
        async move { executor.send_sui(&[(RECIPIENT, 1_000)]).await }
    });
    for sent in futures::future::join_all(sends).await {
        sent.unwrap();
    }
    assert_eq!(client.sui_balance(RECIPIENT).await.unwrap(), 16_000);
    chain.shutdown().await;
}
