//! The life of a stake over epochs that end as fast as transactions, and what whoever is authorized for a node does.

use walrus_core::{BlobId, EncodingType, bls::BlsKeyPair};
use walrus_deploy::{DeployParameters, deploy};
use walrus_sui::{
    contract::ContractReader,
    objects::{Authorized, StakeExit, StakedWal, StakedWalState, StorageNodeCap, UpgradeManager},
    transactions::{
        Authentication, BlobRegistration, ContractWriter, NodeRegistration, StorageSource,
        TransactionError,
    },
};

use super::{network, registration};

const STAKE: u64 = 1_000_000_000_000;

/// A node without competition, and whoever is everything: operator, staker, user.
struct Scene {
    writer: ContractWriter,
    caps: Vec<StorageNodeCap>,
}

impl Scene {
    fn reader(&self) -> &ContractReader {
        self.writer.reader()
    }

    /// Ends the epoch. Its end is a millisecond after its begin, which may not be over yet.
    async fn next_epoch(&self) -> u32 {
        self.writer.voting_end().await.unwrap();
        loop {
            match self.writer.initiate_epoch_change().await {
                Ok(_) => break,
                Err(error) if error.move_abort().is_some() => {}
                Err(error) => panic!("{error}"),
            }
        }
        let epoch = self.reader().epoch().await.unwrap();
        let committee = self.reader().staking_state().await.unwrap().committee;
        for cap in &self.caps {
            if committee.has(cap.node_id) {
                self.writer.epoch_sync_done(cap.id, epoch).await.unwrap();
            }
        }
        epoch
    }

    /// Somebody buys storage, so that there is something to earn.
    async fn buy(&self) {
        let root = walrus_core::merkle::Node::Digest([5; 32]);
        let wanted = BlobRegistration {
            blob_id: BlobId::from_root(&root, EncodingType::RS2, 1),
            root_hash: [5; 32],
            unencoded_size: 1,
            encoded_size: 6_940,
            encoding_type: EncodingType::RS2,
            deletable: true,
            storage: StorageSource::Buy { epochs_ahead: 20 },
            attributes: Vec::new(),
        };
        for _ in 0..3 {
            let wanted = [wanted.clone()];
            self.writer.register_blobs(&wanted).await.unwrap();
        }
    }

    async fn stakes(&self) -> Vec<StakedWal> {
        let owner = self.writer.address();
        self.reader().owned_stakes(owner).await.unwrap()
    }

    async fn worth(&self, stake: &StakedWal) -> u64 {
        let pools = self.reader().pools(&[stake.node_id]).await.unwrap();
        let epoch = self.reader().epoch().await.unwrap();
        let worth = self
            .reader()
            .worth_of_stakes(std::slice::from_ref(stake), &pools, epoch);
        worth.await.unwrap()[0].unwrap()
    }

    async fn exit(&self, stake: &StakedWal) -> StakeExit {
        self.reader().staking_state().await.unwrap().exit_of(stake)
    }

    async fn wal(&self) -> u64 {
        let owner = self.writer.address();
        self.reader().wal_balance(owner).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stakes_earn_come_back_and_move_and_nodes_are_looked_after() {
    let (chain, executor) = network().await;
    let parameters = DeployParameters {
        epoch_zero_duration_ms: 0,
        epoch_duration_ms: 1,
        n_shards: 10,
        max_epochs_ahead: 53,
        threshold_stake: 0,
    };
    let deployment = deploy(&executor, parameters).await.unwrap();
    let reader = ContractReader::new(executor.chain().clone(), deployment.objects());
    let writer = ContractWriter::with_executor(reader.await.unwrap(), executor.clone());
    let mut caps = Vec::new();
    for _ in 0..2 {
        let key = BlsKeyPair::generate(&mut rand::rng());
        let node = NodeRegistration {
            commission_rate: 1_000,
            ..registration(writer.address(), &key)
        };
        caps.push(writer.register_node(&node).await.unwrap());
    }
    let (one, other) = (caps[0].node_id, caps[1].node_id);
    let scene = Scene { writer, caps };
    let staked = [(one, STAKE), (one, STAKE)];
    let staked = scene.writer.stake(&staked).await.unwrap();
    let [stake, second] = &staked[..] else {
        panic!("two stakes");
    };
    assert_eq!(scene.exit(stake).await, StakeExit::NotCounting);
    assert_eq!(scene.next_epoch().await, 1);
    scene.buy().await;
    for epoch in 2..5 {
        assert_eq!(scene.next_epoch().await, epoch);
    }
    let worth = scene.worth(stake).await;
    assert!(worth > STAKE, "{worth}");
    assert_eq!(
        scene.exit(stake).await,
        StakeExit::OnRequest { withdraw_epoch: 5 }
    );

    // It comes back with exactly what it is said to be worth.
    scene
        .writer
        .request_withdraw_stakes(&[stake.id])
        .await
        .unwrap();
    let requested = scene
        .stakes()
        .await
        .into_iter()
        .find(|one| one.id == stake.id)
        .unwrap();
    assert_eq!(
        requested.state,
        StakedWalState::Withdrawing { withdraw_epoch: 5 }
    );
    let early = scene.writer.withdraw_stakes(&[stake.id]).await.unwrap_err();
    assert!(early.move_abort().is_some(), "{early}");
    scene.next_epoch().await;
    assert!(scene.exit(&requested).await.is_open(5));
    let worth = scene.worth(&requested).await;
    let before = scene.wal().await;
    scene.writer.withdraw_stakes(&[stake.id]).await.unwrap();
    assert_eq!(scene.wal().await - before, worth);
    collect_and_hand_over(&scene, one, second).await;
    vote(&scene, one, deployment.upgrade_manager).await;

    // The other one goes to the other node, with what it has earned.
    scene
        .writer
        .request_withdraw_stakes(&[second.id])
        .await
        .unwrap();
    scene.writer.stake(&[(one, STAKE)]).await.unwrap();
    scene.next_epoch().await;
    let worth = {
        let stakes = scene.stakes().await;
        let second = stakes.iter().find(|one| one.id == second.id).unwrap();
        scene.worth(second).await
    };
    let (_, moved) = scene.writer.restake(&[second.id], other).await.unwrap();
    assert_eq!(
        (moved.len(), moved[0].node_id, moved[0].principal),
        (1, other, worth)
    );
    assert!(worth > STAKE);
    chain.shutdown().await;
}

/// The commission, and who receives it: at first whoever has the capability of the node.
async fn collect_and_hand_over(scene: &Scene, node: walrus_sui::Address, stake: &StakedWal) {
    let (writer, reader) = (&scene.writer, scene.reader());
    let receiver = async || reader.pool(node).await.unwrap().pool.commission_receiver;
    let cap = Authorized::ObjectID(scene.caps[0].id);
    assert_eq!(receiver().await, cap);
    let by_cap = writer.authentication(cap).await.unwrap();
    let commission = reader.pool(node).await.unwrap().pool.commission;
    assert!(commission > 0);
    let before = scene.wal().await;
    writer.collect_commission(node, &by_cap).await.unwrap();
    let left = reader.pool(node).await.unwrap().pool.commission;
    assert_eq!(scene.wal().await - before, commission - left);

    let sender = Authorized::Address(writer.address());
    let set = writer.set_commission_receiver(node, &by_cap, sender);
    set.await.unwrap();
    assert_eq!(receiver().await, sender);
    let refused = writer.collect_commission(node, &by_cap).await.unwrap_err();
    let abort = refused.move_abort();
    assert!(
        abort.is_some_and(|a| a.is("staking_pool", "EAuthorizationFailure")),
        "{refused}"
    );
    let by_sender = writer.authentication(sender).await.unwrap();
    assert_eq!(by_sender, Authentication::Sender);
    writer.collect_commission(node, &by_sender).await.unwrap();
    // Any object of the wallet will do.
    let object = Authorized::ObjectID(stake.id);
    let set = writer.set_commission_receiver(node, &by_sender, object);
    set.await.unwrap();
    let by_object = writer.authentication(object).await.unwrap();
    writer.collect_commission(node, &by_object).await.unwrap();
    let stranger = Authorized::Address(walrus_sui::Address::TWO);
    let error = writer.authentication(stranger).await.unwrap_err();
    assert!(
        matches!(&error, TransactionError::Build { reason } if reason.contains("only 0x")),
        "{error}"
    );
}

async fn vote(scene: &Scene, node: walrus_sui::Address, manager: walrus_sui::Address) {
    let (writer, reader) = (&scene.writer, scene.reader());
    let present = reader.pool(node).await.unwrap().pool.governance_authorized;
    let by_present = writer.authentication(present).await.unwrap();
    let proposals = async || {
        let object = reader.chain().object(manager).await.unwrap();
        let manager: UpgradeManager = object.decode().unwrap();
        manager.upgrade_proposals.size
    };
    assert_eq!(proposals().await, 0);
    let vote = async |by, digest| writer.vote_for_upgrade(manager, node, by, digest).await;
    vote(&by_present, [7; 32]).await.unwrap();
    assert_eq!(proposals().await, 1);
    let twice = vote(&by_present, [7; 32]).await.unwrap_err();
    let abort = twice.move_abort();
    assert!(
        abort.is_some_and(|a| a.is("upgrade", "EDuplicateVote")),
        "{twice}"
    );
    // The capability of the other node is as good as anything.
    let other = Authorized::ObjectID(scene.caps[1].id);
    let set = writer.set_governance_authorized(node, &by_present, other);
    set.await.unwrap();
    assert!(vote(&by_present, [8; 32]).await.is_err());
    let by_other = writer.authentication(other).await.unwrap();
    vote(&by_other, [8; 32]).await.unwrap();
    assert_eq!(proposals().await, 2);
}
