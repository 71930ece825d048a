//! Smoke test of the harness: a network of the default size boots, stores, pays and changes its epochs.

use walrus_contract_tests::{
    BlobSpec, DeploymentOptions, Network, NetworkOptions, NodeOptions, WAL,
};
use walrus_sui::{events::ContractEvent, objects::EpochState};

#[test]
fn a_new_network_is_in_epoch_zero_with_its_stake_in_the_active_set() {
    let network = Network::new(&NetworkOptions::default());
    assert_eq!(network.epoch(), 0);
    assert_eq!(network.system_state().committee.n_shards, 0);
    let set = network.active_set();
    assert_eq!(set.nodes.len(), 4);
    assert_eq!(set.total_stake, 4000 * WAL);
    assert_eq!(network.stakes_of(network.admin.address).len(), 4);
    assert_eq!(
        network.wal_balance(network.admin.address),
        (5_000_000_000 - 4000) * WAL
    );
}

#[test]
fn epochs_follow_each_other_and_stakers_are_paid() {
    let mut network = Network::started(&NetworkOptions::default());
    assert_eq!(network.epoch(), 1);
    let user = network.chain.account("user");
    network.give_wal(user.address, 1_000 * WAL);
    let blob = network.store_blob(&user, &BlobSpec::numbered(1, 1 << 20), 3);
    assert_eq!((blob.certified_epoch, blob.storage.end_epoch), (Some(1), 4));
    let paid = 1_000 * WAL - network.wal_balance(user.address);
    assert_eq!(paid, network.blob_price(&BlobSpec::numbered(1, 1 << 20), 3));

    let node = network.nodes[0].id;
    let before = network.pool_overview(node);
    network.next_epoch();
    network.next_epoch();
    assert_eq!(network.epoch(), 3);
    assert!(matches!(
        network.staking().epoch_state,
        EpochState::EpochChangeDone(_)
    ));
    let after = network.pool_overview(node);
    assert!(after.rewards_pool > before.rewards_pool);

    let admin = network.admin.clone();
    let stake = network.stakes_of(admin.address)[0].clone();
    let _ = network.request_withdraw(&admin, stake.id).expect_success();
    network.next_epoch();
    let held = network.wal_balance(admin.address);
    let _ = network.withdraw(&admin, stake.id).expect_success();
    assert!(network.wal_balance(admin.address) > held + stake.principal);
}

#[test]
fn steps_out_of_turn_abort_and_report_where() {
    let mut network = Network::started(&NetworkOptions::default());
    network.voting_end().assert_abort("staking_inner", 0);
    let voted = network.end_voting().expect_success();
    assert_eq!(
        voted.contract_events().len(),
        1,
        "{:?}",
        voted.contract_events()
    );
    assert!(matches!(
        voted.contract_events()[0],
        ContractEvent::EpochParametersSelected(_)
    ));
    network
        .initiate_epoch_change()
        .assert_abort("staking_inner", 0);
}

#[test]
fn the_same_network_twice_is_the_same() {
    let digest = || {
        let mut network = Network::started(&NetworkOptions::default());
        let admin = network.admin.clone();
        let stored = network.register_blob(&admin, &BlobSpec::numbered(7, 1000).deletable(), 2);
        (network.contracts.walrus, stored.outcome)
    };
    assert_eq!(digest(), digest());
}

/// No node holds more than a share of the shards, so in a small network many nodes of next to no stake get what is left.
#[test]
fn a_threshold_keeps_the_shards_with_those_who_have_a_stake() {
    let shards_of_large_nodes = |threshold_stake| {
        let mut network = Network::new(&NetworkOptions {
            deployment: DeploymentOptions {
                threshold_stake,
                ..DeploymentOptions::default()
            },
            stake: 1_000_000 * WAL,
            ..NetworkOptions::default()
        });
        let large = network.nodes.len();
        for index in 0..16 {
            network.register(&format!("small-{index}"), &NodeOptions::default());
        }
        let admin = network.admin.clone();
        let stakes: Vec<_> = network.nodes[large..]
            .iter()
            .map(|node| (node.id, WAL))
            .collect();
        let _ = network.stake_all(&admin, &stakes).expect_success();
        network.next_epoch();
        let committee = network.committee();
        let nodes = network.nodes[..large].iter();
        nodes
            .map(|node| committee.0.get(&node.id).map_or(0, Vec::len))
            .sum::<usize>()
    };
    assert_eq!(shards_of_large_nodes(0), 400);
    assert_eq!(shards_of_large_nodes(500 * WAL), 1000);
}
