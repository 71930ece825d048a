//! Payment: what a wallet owns is used before anything is bought, no more of it than is needed, and nothing is paid twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use walrus_e2e::{TestNetwork, eventually, random_bytes, small};
use walrus_sdk::{
    BlobObject, BlobToStore, Client, ClientOptions, DryRun, EpochsAhead, EventOrObject,
    PlannedAction, ResourceOperation, StoreOptions, StoreReport, Stored,
};
use walrus_sui::{Address, StructTag, objects::Storage, transactions::CoinNeed, wallet::Keypair};

const PATIENCE: Duration = Duration::from_secs(20);
const LARGE: u64 = 800_000_000;
const MIB: u64 = 1 << 20;

fn for_epochs(epochs: u32) -> StoreOptions {
    StoreOptions::new(EpochsAhead::Count(epochs))
}

fn blobs(contents: &[&[u8]]) -> Vec<BlobToStore> {
    let blob = |(index, data): (usize, &&[u8])| BlobToStore::new(index.to_string(), data.to_vec());
    contents.iter().enumerate().map(blob).collect()
}

async fn store(client: &Client, contents: &[&[u8]], epochs: u32) -> StoreReport {
    let report = client
        .store_many(blobs(contents))
        .options(for_epochs(epochs))
        .await;
    report.unwrap_or_else(|error| panic!("cannot store: {error}"))
}

async fn plan(client: &Client, contents: &[&[u8]], epochs: u32) -> Vec<DryRun> {
    client
        .store_many(blobs(contents))
        .options(for_epochs(epochs))
        .dry_run()
        .await
        .unwrap()
}

/// Object, operation and cost of an outcome that must be a new blob.
fn created(report: &StoreReport, position: usize) -> (BlobObject, ResourceOperation, u64) {
    match &report.outcomes[position].result {
        Ok(Stored::NewlyCreated {
            blob_object,
            resource_operation,
            cost,
            ..
        }) => (blob_object.clone(), resource_operation.clone(), *cost),
        other => panic!("{other:?}"),
    }
}

async fn storage(network: &TestNetwork) -> Vec<Storage> {
    let owned = network.reader().owned_storage(network.admin().address());
    let owned = owned.await.unwrap();
    owned.into_iter().map(|owned| owned.storage).collect()
}

async fn write_price(network: &TestNetwork) -> u64 {
    let prices = network.reader().prices().await.unwrap();
    prices.write_price_per_unit
}

/// A dry run says what the store then does.
fn assert_as_planned(planned: &[DryRun], report: &StoreReport) {
    assert_eq!(planned.len(), report.outcomes.len());
    for (index, (planned, outcome)) in planned.iter().zip(&report.outcomes).enumerate() {
        assert_eq!(planned.reused_storage, outcome.reused_storage);
        match &planned.action {
            PlannedAction::ResourceOperation(operation) => {
                let (object, done, cost) = created(report, index);
                assert_eq!((operation, planned.cost), (&done, cost));
                assert_eq!(planned.end_epoch, object.storage.end_epoch);
            }
            _ => assert_eq!(planned.cost, 0),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_take_no_more_of_owned_storage_than_they_need() {
    let network = TestNetwork::start(small()).await;
    let client = network.client().await;
    let large = network.writer().reserve_space(LARGE, 20).await.unwrap();
    let (one, two) = (random_bytes(100), random_bytes(5_000));
    let planned = plan(&client, &[&one, &two], 1).await;
    assert!(
        planned
            .iter()
            .all(|planned| planned.storage_cost > planned.cost)
    );
    assert!(
        planned
            .iter()
            .all(|planned| planned.registration_gas.is_some())
    );
    let before = network.balance().await;
    let report = store(&client, &[&one, &two], 1).await;
    let spent = before - network.balance().await;
    assert_as_planned(&planned, &report);
    assert_eq!(
        spent,
        2 * write_price(&network).await,
        "storage costs nothing"
    );
    let mut taken = 0;
    for (index, outcome) in report.outcomes.iter().enumerate() {
        let (object, operation, _) = created(&report, index);
        assert!(matches!(operation, ResourceOperation::ReuseStorage { .. }));
        let on_chain = network.reader().blob(object.id).await.unwrap();
        assert_eq!(on_chain.storage.storage_size, outcome.encoded_size);
        assert_eq!(on_chain.storage.end_epoch, large.start_epoch + 1);
        taken += outcome.encoded_size;
    }
    // The resource is what it was, less the bytes, and so is the time that the blobs do not need.
    let left = storage(&network).await;
    let same = left.iter().find(|storage| storage.id == large.id).unwrap();
    assert_eq!(same.storage_size, LARGE - taken);
    assert_eq!(
        (same.start_epoch, same.end_epoch),
        (large.start_epoch, large.end_epoch)
    );
    let later = left.iter().filter(|storage| storage.id != large.id);
    let later: Vec<_> = later.map(|s| (s.start_epoch, s.end_epoch)).collect();
    assert_eq!(later, [(large.start_epoch + 1, large.end_epoch); 2]);

    // What a deletion gives back and what was left for later make one piece again.
    let (object, ..) = created(&report, 0);
    network.writer().delete_blobs(&[object.id]).await.unwrap();
    network
        .writer()
        .executor()
        .transfer_objects(&[large.id], Address::TWO)
        .await
        .unwrap();
    let again = store(&client, &[&one], 20).await;
    let (object, operation, cost) = created(&again, 0);
    assert!(
        matches!(operation, ResourceOperation::ReuseStorage { .. }),
        "{operation:?}"
    );
    assert_eq!(cost, write_price(&network).await);
    assert_eq!(object.storage.end_epoch, large.end_epoch);

    // A blob that is there is extended with what is left.
    network.writer().reserve_space(LARGE, 10).await.unwrap();
    let planned = plan(&client, &[&two], 8).await;
    let before = network.balance().await;
    let report = store(&client, &[&two], 8).await;
    assert_as_planned(&planned, &report);
    assert_eq!(network.balance().await, before, "nothing is bought");
    let (object, operation, _) = created(&report, 0);
    assert!(
        matches!(
            operation,
            ResourceOperation::ReuseAndExtend {
                epochs_extended: 7,
                ..
            }
        ),
        "{operation:?}"
    );
    assert!(report.outcomes[0].extend_digest.is_some());
    let on_chain = network.reader().blob(object.id).await.unwrap();
    assert_eq!(on_chain.storage.end_epoch, large.start_epoch + 8);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pieces_of_storage_are_joined() {
    let network = TestNetwork::start(small()).await;
    let client = network.client().await;
    let data = random_bytes(50_000);
    let size = plan(&client, &[&data], 2).await[0].encoded_size;
    for part in [size / 2, size / 3, size / 4] {
        network.writer().reserve_space(part, 5).await.unwrap();
    }
    let report = store(&client, &[&data], 2).await;
    let (object, operation, _) = created(&report, 0);
    assert!(matches!(operation, ResourceOperation::ReuseStorage { .. }));
    let on_chain = network.reader().blob(object.id).await.unwrap();
    assert_eq!(on_chain.storage.storage_size, size);
    assert_eq!(report.outcomes[0].reused_storage.len(), 3);
    let now = storage(&network).await;
    let epochs = |s: &Storage| u64::from(s.end_epoch - s.start_epoch) * s.storage_size;
    let bought = 5 * (size / 2 + size / 3 + size / 4);
    assert_eq!(now.iter().map(epochs).sum::<u64>(), bought - 2 * size);
    network.stop().await;
}

/// Plans and stores one blob, and compares; its object and what the wallet paid.
async fn store_as_planned(
    network: &TestNetwork,
    client: &Client,
    data: &[u8],
    epochs: u32,
) -> (BlobObject, u64) {
    let planned = plan(client, &[data], epochs).await;
    let before = network.balance().await;
    let report = store(client, &[data], epochs).await;
    assert_as_planned(&planned, &report);
    assert_eq!(planned[0].bought_storage, report.outcomes[0].bought_storage);
    let (object, _, cost) = created(&report, 0);
    assert_eq!(before - network.balance().await, cost);
    let on_chain = network.reader().blob(object.id).await.unwrap();
    assert_eq!(on_chain.storage.storage_size, object.storage.storage_size);
    assert_eq!(on_chain.storage.end_epoch, object.storage.end_epoch);
    (object, cost)
}

/// Transfers storage of the wallet to somebody else.
async fn give_away(network: &TestNetwork, which: impl Fn(&Storage) -> bool) {
    let owned = storage(network).await.into_iter();
    let given: Vec<_> = owned.filter(|s| which(s)).map(|s| s.id).collect();
    let writer = network.writer();
    let given = writer.executor().transfer_objects(&given, Address::TWO);
    given.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_owned_storage_lacks_is_bought() {
    let network = TestNetwork::start(small()).await;
    let client = network.client().await;
    let writer = network.writer();
    let prices = network.reader().prices().await.unwrap();
    let price = |size: u64, epochs| prices.storage_cost(size, epochs).unwrap();
    let data = random_bytes(900_000);
    let size = plan(&client, &[&data], 2).await[0].encoded_size;
    let write = prices.write_cost(size).unwrap();
    assert!(size > 3 * MIB, "{size}");

    // One unit is missing for all of the time.
    let owned = (size / MIB) * MIB;
    let resource = writer.reserve_space(owned, 2).await.unwrap();
    let now = resource.start_epoch;
    let (_, cost) = store_as_planned(&network, &client, &data, 2).await;
    assert_eq!(cost, write + price(1, 2));
    let left: u64 = storage(&network).await.iter().map(|s| s.storage_size).sum();
    assert_eq!(left, owned + MIB - size, "the unit is bought in full");

    // The last epochs of an extension are missing, and those of a new blob.
    writer.reserve_space(size, 3).await.unwrap();
    let (object, cost) = store_as_planned(&network, &client, &data, 5).await;
    assert_eq!((object.storage.end_epoch, cost), (now + 5, price(size, 2)));
    writer.reserve_space(size, 3).await.unwrap();
    let other = random_bytes(900_000);
    let (_, cost) = store_as_planned(&network, &client, &other, 4).await;
    assert_eq!(cost, write + price(size, 1));

    // The first epoch is missing: what was cut off is for later.
    give_away(&network, |_| true).await;
    writer.reserve_space(4 * size, 6).await.unwrap();
    store_as_planned(&network, &client, &random_bytes(900_000), 1).await;
    give_away(&network, |storage| storage.start_epoch <= now).await;
    let last = random_bytes(900_000);
    let (object, cost) = store_as_planned(&network, &client, &last, 3).await;
    assert_eq!(object.storage.end_epoch, now + 3);
    assert_eq!(cost, write + price(size, 1));
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_paid_once_and_batches_are_one_store() {
    let network = TestNetwork::start(small()).await;
    let options = ClientOptions {
        blobs_at_once: 3,
        ..ClientOptions::default()
    };
    let client = network.client_with(options).await;
    let (one, two) = (random_bytes(700), random_bytes(800));
    // The last one is in a batch of its own.
    let contents: [&[u8]; 4] = [&one, &one, &two, &one];
    let planned = plan(&client, &contents, 2).await;
    let before = network.balance().await;
    let report = store(&client, &contents, 2).await;
    let spent = before - network.balance().await;
    assert_as_planned(&planned, &report);
    assert_eq!(
        spent,
        planned.iter().map(|planned| planned.cost).sum::<u64>()
    );
    let (object, ..) = created(&report, 0);
    for position in [1, 3] {
        let Ok(Stored::AlreadyCertified {
            event_or_object, ..
        }) = &report.outcomes[position].result
        else {
            panic!("{:?}", report.outcomes[position]);
        };
        assert_eq!(*event_or_object, EventOrObject::Object(object.id));
        let original = PlannedAction::DuplicateOf("0".to_owned());
        assert_eq!(planned[position].action, original);
    }
    assert_eq!(
        network
            .reader()
            .owned_blobs(network.admin().address())
            .await
            .unwrap()
            .len(),
        2
    );
    // What is stored is known to a dry run.
    let again = plan(&client, &[&two], 2).await;
    assert!(
        matches!(again[0].action, PlannedAction::AlreadyCertified(_)),
        "{again:?}"
    );
    assert_eq!(again[0].cost, 0);
    network.stop().await;
}

/// A wallet of its own: WAL and some SUI in address balances, and one SUI in a coin.
async fn address_balances(network: &TestNetwork, frost: u64, mist: u64) -> Arc<Keypair> {
    let key = Arc::new(Keypair::generate());
    let owner = key.address();
    let writer = network.writer();
    let executor = writer.executor();
    executor.send_sui(&[(owner, 1_000_000_000)]).await.unwrap();
    let wal = network.reader().packages().wal_type;
    let need = CoinNeed {
        coin_type: wal.clone(),
        amount: frost,
    };
    let sent = executor.execute(Some(&need), |ptb, payment| {
        let coin = ptb.split(payment.unwrap(), &[frost])?[0];
        ptb.send_funds(&wal, coin, owner)?;
        let coin = ptb.split_gas(&[mist])?[0];
        ptb.send_funds(&StructTag::sui(), coin, owner)
    });
    sent.await.unwrap();
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn address_balances_pay_for_a_store() {
    let network = TestNetwork::start(small()).await;
    let key = address_balances(&network, 10_000_000, 5_000_000).await;
    let owner = key.address();
    let client = network.client().await.with_signer(key);
    let data = random_bytes(3_000);
    let planned = plan(&client, &[&data], 1).await;
    let report = store(&client, &[&data], 1).await;
    assert_as_planned(&planned, &report);
    let wal = network.reader().packages().wal_type;
    let funds = network.reader().chain().funds(owner, &wal).await.unwrap();
    let left = 10_000_000 - planned[0].cost;
    assert_eq!((funds.total, funds.address_balance), (left, left));
    // Who cannot pay is told by a dry run as well.
    let poor = network
        .client()
        .await
        .with_signer(Arc::new(Keypair::generate()));
    let planned = plan(&poor, &[&random_bytes(10)], 1).await;
    let reason = planned[0].cannot_pay.as_ref().unwrap();
    assert!(reason.contains("has 0 WAL of the"), "{reason}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sees_what_the_wallet_can_pay_as_the_store_does() {
    let network = TestNetwork::start(small()).await;
    let admin = network.writer();
    let wal = network.reader().packages().wal_type;
    let (one, two) = (random_bytes(3_000), random_bytes(3_001));
    let cost = plan(&network.client().await, &[&one], 1).await[0].cost;

    // More tiny WAL coins than a transaction takes.
    let key = Arc::new(Keypair::generate());
    let owner = key.address();
    let pieces = vec![(owner, cost / 300); 600];
    for pieces in pieces.chunks(300) {
        let sent = admin.executor().send_coins(&wal, pieces).await;
        sent.unwrap();
    }
    let sui = [(owner, 1_000_000_000)];
    admin.executor().send_sui(&sui).await.unwrap();
    let client = network.client().await.with_signer(key);
    let planned = plan(&client, &[&one], 1).await;
    assert_eq!(
        (planned[0].cannot_pay.as_ref(), planned[0].merges_coins),
        (None, true)
    );
    let report = store(&client, &[&one], 1).await;
    assert_as_planned(&planned, &report);
    assert!(report.gas != 0);

    // An extension takes gas and WAL as well: its end is later, and so it costs more than is left.
    let planned = plan(&client, &[&one], 2).await;
    assert!(planned[0].extension_gas.is_some(), "{planned:?}");
    let reason = planned.iter().find_map(|p| p.cannot_pay.as_ref());
    assert_eq!(reason, None);
    let planned = plan(&client, &[&one], 30).await;
    let reason = planned[0].cannot_pay.as_ref().unwrap();
    assert!(reason.contains("WAL needed"), "{reason}");

    // SUI for the registration and not for the certificate: neither goes on, and nothing is paid.
    let key = Arc::new(Keypair::generate());
    let owner = key.address();
    let prices = network.reader().prices().await.unwrap();
    let enough = 10 * cost.max(prices.write_price_per_unit);
    admin.send_wal(&[(owner, enough)]).await.unwrap();
    let probe = network.client().await;
    let gas = plan(&probe, &[&two], 1).await[0].registration_gas.unwrap();
    let sui = [(owner, u64::try_from(gas).unwrap() + 1_500_000)];
    admin.executor().send_sui(&sui).await.unwrap();
    let client = network.client().await.with_signer(key);
    let planned = plan(&client, &[&two], 1).await;
    let reason = planned[0].cannot_pay.as_ref().unwrap();
    assert!(reason.contains("must be left to certify"), "{reason}");
    let options = for_epochs(1);
    let refused = client.store_many(blobs(&[&two])).options(options);
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("must be left to certify"), "{refused}");
    let left = network.reader().chain().balance(owner, &wal).await.unwrap();
    assert_eq!(left, enough);

    // The same for a registration that waits for its certificate.
    let encoded = walrus_e2e::Encoded::new(&two, 13);
    let registered = admin.register_blobs(&[encoded.registration(true)]).await;
    let object = registered.unwrap().blobs[0].id;
    let planned = plan(&probe, &[&two], 1).await;
    assert!(planned[0].certification_gas.is_some() && planned[0].cannot_pay.is_none());
    let given = admin.executor().transfer_objects(&[object], owner).await;
    given.unwrap();
    let spare = network.reader().chain().sui_balance(owner).await.unwrap() - 2_000_000;
    let away = client.writer().unwrap();
    let away = away.executor().send_sui(&[(Address::TWO, spare)]).await;
    away.unwrap();
    let planned = plan(&client, &[&two], 1).await;
    let reason = planned[0].cannot_pay.as_ref().unwrap();
    assert!(reason.contains("must be left to certify"), "{reason}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_who_store_the_same_at_once_pay_for_one_object() {
    let network = TestNetwork::start(small()).await;
    // Each finds a coin of its own for gas, so that none is in another's way.
    let admin = network.admin().address();
    let coins = vec![(admin, 1_000_000_000); 12];
    let writer = network.writer();
    writer.executor().send_sui(&coins).await.unwrap();
    let rivals = rivals(&network, 12).await;
    let data = random_bytes(20_000);
    let before = network.balance().await;
    let mut told = 0;
    for report in store_at_once(&rivals, &data, 2).await {
        let outcome = &report.outcomes[0];
        told += outcome.surplus.as_ref().map_or(0, |surplus| surplus.cost);
        assert!(
            outcome
                .surplus
                .as_ref()
                .is_none_or(|surplus| surplus.deleted)
        );
        match &outcome.result {
            Ok(Stored::NewlyCreated { cost, .. }) => told += cost,
            Ok(Stored::AlreadyCertified { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    let owned = network.reader().owned_blobs(admin).await.unwrap();
    assert_eq!(owned.len(), 1, "{owned:?}");
    assert!(owned[0].certified_epoch.is_some());
    // All that was paid is told, and of storage nothing is lost.
    assert_eq!(before - network.balance().await, told);
    let prices = network.reader().prices().await.unwrap();
    let size = owned[0].storage.storage_size;
    let each = prices.storage_cost(size, 2).unwrap() + prices.write_cost(size).unwrap();
    let surplus = usize::try_from(told / each).unwrap() - 1;
    assert_eq!(storage(&network).await.len(), surplus);
    network.stop().await;
}

/// Clients that know nothing of each other and use one wallet, as processes of their own do.
async fn rivals(network: &TestNetwork, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(network.client().await);
    }
    clients
}

async fn store_at_once(rivals: &[Client], data: &[u8], epochs: u32) -> Vec<StoreReport> {
    let stores = rivals
        .iter()
        .map(|client| async move { store(client, &[data], epochs).await });
    join_all(stores).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_storage_resource_serves_sixteen_stores_at_once() {
    let network = TestNetwork::start(small()).await;
    let large = network.writer().reserve_space(LARGE, 3).await.unwrap();
    let rivals = rivals(&network, 16).await;
    let stores = rivals
        .iter()
        .map(|client| async move { store(client, &[&random_bytes(500)], 2).await });
    let mut taken = 0;
    for report in join_all(stores).await {
        let (_, operation, _) = created(&report, 0);
        assert!(
            matches!(operation, ResourceOperation::ReuseStorage { .. }),
            "{operation:?}"
        );
        taken += report.outcomes[0].encoded_size;
    }
    let left = storage(&network).await;
    let same = left.iter().find(|storage| storage.id == large.id).unwrap();
    assert_eq!(same.storage_size, LARGE - taken);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_somebody_else_stores_meanwhile_is_stored() {
    let network = TestNetwork::start(small()).await;
    let data = random_bytes(40_000);
    let rivals = rivals(&network, 3).await;
    let before = network.balance().await;
    // Two who sign the same transaction at the same moment pay together, and each names what was paid.
    let mut paid: BTreeMap<Address, u64> = BTreeMap::new();
    for report in store_at_once(&rivals, &data, 1).await {
        match &report.outcomes[0].result {
            Ok(Stored::NewlyCreated {
                blob_object, cost, ..
            }) => {
                let most = paid.entry(blob_object.id).or_default();
                *most = (*most).max(*cost);
            }
            Ok(Stored::AlreadyCertified {
                event_or_object: EventOrObject::Object(object),
                ..
            }) => {
                paid.entry(*object).or_default();
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(before - network.balance().await, paid.values().sum::<u64>());
    for object in paid.keys() {
        let blob = network.reader().blob(*object).await.unwrap();
        assert!(blob.certified_epoch.is_some());
    }

    // A registration that was left behind is finished by both who find it, and by one on chain.
    let other = random_bytes(41_000);
    let encoded = walrus_e2e::Encoded::new(&other, 13);
    let registered = network
        .writer()
        .register_blobs(&[encoded.registration(true)])
        .await
        .unwrap();
    let object = registered.blobs[0].id;
    let reports = store_at_once(&rivals, &other, 1).await;
    for report in &reports {
        match &report.outcomes[0].result {
            Ok(Stored::NewlyCreated {
                blob_object, cost, ..
            }) => assert_eq!((blob_object.id, *cost), (object, 0)),
            Ok(Stored::AlreadyCertified {
                event_or_object, ..
            }) => assert_eq!(*event_or_object, EventOrObject::Object(object)),
            other => panic!("{other:?}"),
        }
    }
    // Whoever was late says so, and one was not.
    let digests = reports
        .iter()
        .filter_map(|report| report.outcomes[0].certify_digest);
    let digests: BTreeSet<_> = digests.map(|digest| digest.to_string()).collect();
    assert_eq!(digests.len(), 1);

    // To be extended, it is paid for once.
    let before = network.balance().await;
    let reports = store_at_once(&rivals, &other, 4).await;
    let prices = network.reader().prices().await.unwrap();
    let size = encoded.registration(true).encoded_size;
    let price = prices.storage_cost(size, 3).unwrap();
    assert_eq!(before - network.balance().await, price);
    let told = |report: &StoreReport| match &report.outcomes[0].result {
        Ok(Stored::NewlyCreated { cost, .. }) => *cost,
        _ => 0,
    };
    assert_eq!(reports.iter().map(told).max(), Some(price));
    let ends = eventually("the object is extended", PATIENCE, async || {
        let blob = network.reader().blob(object).await.ok()?;
        (blob.storage.end_epoch == blob.storage.start_epoch + 4).then_some(())
    });
    ends.await;
    network.stop().await;
}
