//! Programs of one wallet that take objects away from each other: each store ends with an object that is there.

use std::sync::Arc;

use tokio::{runtime::Handle, task::block_in_place};
use walrus_e2e::{Encoded, TestNetwork, random_bytes, small};
use walrus_sdk::{
    BlobToStore, Client, ClientError, Phase, Progress, ProgressEvent, Stored, StoredBlob,
};
use walrus_sui::{Address, Owner, objects::Blob, wallet::Keypair};

/// Does something at a moment of a store, before the store goes on.
struct At<M, F> {
    is_moment: M,
    what: F,
}

impl<M, F, W> Progress for At<M, F>
where
    M: Fn(&ProgressEvent) -> bool + Send + Sync,
    F: Fn() -> W + Send + Sync,
    W: Future<Output = ()>,
{
    fn on_event(&self, event: ProgressEvent) {
        if (self.is_moment)(&event) {
            block_in_place(|| Handle::current().block_on((self.what)()));
        }
    }
}

fn upload_begins(event: &ProgressEvent) -> bool {
    matches!(event, ProgressEvent::Started(Phase::Upload))
}

fn is_certified(event: &ProgressEvent) -> bool {
    matches!(event, ProgressEvent::Certified { .. })
}

/// A registered blob object in the wallet of the network, as a program that was interrupted leaves it.
async fn left_behind(network: &TestNetwork, data: &[u8]) -> Address {
    let encoded = Encoded::new(data, 13);
    let registration = [encoded.registration(true)];
    let registered = network.writer().register_blobs(&registration).await;
    registered.unwrap().blobs[0].id
}

async fn owner_of(network: &TestNetwork, object: Address) -> Owner {
    let chain = network.reader().chain();
    chain.object(object).await.unwrap().owner
}

/// The certified object of a blob that the wallet of the network must own.
async fn kept(network: &TestNetwork, stored: &StoredBlob) -> Blob {
    let owned = network.reader().owned_blobs(network.admin().address());
    let owned = owned.await.unwrap();
    let blob_id = stored.blob_id();
    let is_ours = |blob: &&Blob| blob.blob_id == blob_id && blob.certified_epoch.is_some();
    owned.into_iter().find(|blob| is_ours(&blob)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_object_is_taken_away_ends_with_one_of_its_own() {
    let network = TestNetwork::start(small()).await;
    let client = network.client().await;
    let admin = network.writer();
    // Given away or deleted, before there is a certificate and after.
    for (number, moment) in [upload_begins, is_certified, upload_begins, is_certified]
        .into_iter()
        .enumerate()
    {
        let data = random_bytes(2_000 + number);
        let found = left_behind(&network, &data).await;
        let take_away = || async {
            if owner_of(&network, found).await != Owner::Address(network.admin().address()) {
                return;
            }
            if number < 2 {
                let (executor, objects) = (admin.executor(), [found]);
                let given = executor.transfer_objects(&objects, Address::TWO).await;
                given.unwrap();
            } else {
                admin.delete_blobs(&[found]).await.unwrap();
            }
        };
        let is_first = std::sync::atomic::AtomicBool::new(true);
        let observer = At {
            is_moment: |event: &ProgressEvent| {
                moment(event) && is_first.swap(false, std::sync::atomic::Ordering::SeqCst)
            },
            what: take_away,
        };
        let stored = client.store(data.clone()).progress(&observer).await;
        let stored = stored.unwrap_or_else(|error| panic!("case {number}: {error}"));
        let kept = kept(&network, &stored).await;
        assert_ne!(kept.id, found, "case {number}");
        let Stored::NewlyCreated {
            blob_object, cost, ..
        } = &stored.stored
        else {
            panic!("case {number}: {stored:?}");
        };
        assert_eq!(blob_object.id, kept.id);
        assert!(*cost > 0, "what was paid is told");
        network.assert_reads(&stored.blob_id(), &data).await;
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_its_object_away_and_who_keeps_it_share_none() {
    let network = TestNetwork::start(small()).await;
    let (giving, keeping) = (network.client().await, network.client().await);
    let friend = Keypair::generate().address();
    let data = random_bytes(9_000);
    // Another program finds what the first has just registered, certifies it, and keeps it.
    let keep = || async {
        keeping.store(data.clone()).await.unwrap();
    };
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let observer = At {
        is_moment: |event: &ProgressEvent| {
            upload_begins(event) && is_first.swap(false, std::sync::atomic::Ordering::SeqCst)
        },
        what: keep,
    };
    let given = giving.store(data.clone()).transfer_to(friend);
    let given = given.progress(&observer).await.unwrap();
    let kept = kept(&network, &given).await;
    let theirs = network.reader().owned_blobs(friend).await.unwrap();
    let theirs: Vec<_> = theirs
        .iter()
        .map(|blob| (blob.id, blob.certified_epoch))
        .collect();
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert!(theirs[0].0 != kept.id && theirs[0].1.is_some());

    // What was left behind is finished, and given away by the same transaction.
    let other = random_bytes(9_500);
    let found = left_behind(&network, &other).await;
    let before = network.balance().await;
    giving.store(other).transfer_to(friend).await.unwrap();
    assert_eq!(owner_of(&network, found).await, Owner::Address(friend));
    assert_eq!(network.balance().await, before);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_transactions_take_is_there_before_the_first_is_paid() {
    let network = TestNetwork::start(small()).await;
    let wal = network.reader().packages().wal_type;
    let key = Arc::new(Keypair::generate());
    let owner = key.address();
    let client = network.client().await.with_signer(key);
    let blobs: Vec<_> = (0..60_u8)
        .map(|number| BlobToStore::new(number.to_string(), vec![number; 40]))
        .collect();
    let admin = network.writer();
    let probe = network.client().await;
    let planned = probe.store_many(blobs.clone()).dry_run().await.unwrap();
    let cost: u64 = planned.iter().map(|planned| planned.cost).sum();
    let gas = |planned: &walrus_sdk::DryRun| {
        planned.registration_gas.unwrap() + planned.certification_gas.unwrap()
    };
    let gas = planned.iter().map(gas).sum::<i64>().unsigned_abs();
    admin.send_wal(&[(owner, cost)]).await.unwrap();
    // Enough for each of the transactions, and not for all.
    let sui = [(owner, gas / 12 * 11)];
    admin.executor().send_sui(&sui).await.unwrap();
    assert_refused(&client, &blobs, "SUI needed").await;
    assert_eq!(network.reader().wal_balance(owner).await.unwrap(), cost);
    // The same with WAL.
    let more = [(owner, 2 * gas)];
    admin.executor().send_sui(&more).await.unwrap();
    let away = client.writer().unwrap();
    let one = cost / 60;
    away.send_wal(&[(Address::TWO, one)]).await.unwrap();
    assert_refused(&client, &blobs, "WAL needed").await;
    let chain = network.reader().chain();
    assert_eq!(chain.balance(owner, &wal).await.unwrap(), cost - one);
    // The same where each is a batch of its own.
    let batches = client.clone().with_blobs_at_once(1);
    let few = blobs[..3].to_vec();
    let dear = batches
        .store_many(few.clone())
        .max_cost(cost / 60 * 2)
        .await;
    assert!(
        matches!(dear, Err(ClientError::TooExpensive { .. })),
        "{dear:?}"
    );
    let poor = batches.store_many(blobs.clone()).await.unwrap_err();
    assert!(poor.to_string().contains("WAL needed"), "{poor}");
    assert_eq!(chain.balance(owner, &wal).await.unwrap(), cost - one);
    admin.send_wal(&[(owner, one)]).await.unwrap();
    let report = client.store_many(blobs).await.unwrap();
    assert!(report.outcomes.iter().all(|outcome| outcome.result.is_ok()));
    network.stop().await;
}

/// That a dry run says why the wallet cannot pay, and that a store pays nothing then.
async fn assert_refused(client: &Client, blobs: &[BlobToStore], why: &str) {
    let planned = client.store_many(blobs.to_vec()).dry_run().await.unwrap();
    let reason = planned.iter().find_map(|one| one.cannot_pay.as_ref());
    assert!(
        reason.is_some_and(|reason| reason.contains(why)),
        "{reason:?}"
    );
    let report = client.store_many(blobs.to_vec()).await.unwrap();
    for outcome in report.outcomes {
        let failure = outcome.result.unwrap_err();
        assert!(failure.error.to_string().contains(why), "{failure:?}");
    }
}
