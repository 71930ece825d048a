//! Stores that are cut off: the same store again goes on where the first was, and nothing is paid twice. Reuse of what the wallet owns
//! is off, so that only the journal can know.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use walrus_e2e::{Door, TestNetwork, eventually, random_bytes, small};
use walrus_localnet::LocalnetOptions;
use walrus_sdk::{
    BlobToStore, Client, ClientError, EpochsAhead, Phase, PostStoreAction, ProgressEvent,
    StoreOptions, Stored, StoredBlob,
    journal::{Journal, JournalError, UploadKey, UploadStage},
};
use walrus_sui::{
    Address, Transaction, UserSignature,
    local_network::client_config_path,
    objects::Blob,
    wallet::{Keypair, SignatureError, SuiSigner, TransactionSigner},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// What is done with the door at a signature.
#[derive(Clone, Copy)]
enum Then {
    /// What is sent arrives; no answer does.
    Mute,
    /// Nothing is sent.
    Close,
}

/// Signs, and cuts its client off at one of its signatures.
struct CuttingOff {
    key: Arc<Keypair>,
    door: Arc<Door>,
    then: Then,
    /// Signatures before that.
    left: AtomicUsize,
}

impl SuiSigner for CuttingOff {
    fn sign_transaction(&self, transaction: &Transaction) -> Result<UserSignature, SignatureError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            match self.then {
                Then::Mute => self.door.mute(),
                Then::Close => self.door.close(),
            }
        }
        self.key.sign_transaction(transaction)
    }

    fn sign_personal_message(
        &self,
        message: &walrus_sui::PersonalMessage<'_>,
    ) -> Result<UserSignature, SignatureError> {
        self.key.sign_personal_message(message)
    }
}

/// A network, a journal, and what must not be reused.
struct Scene {
    network: TestNetwork,
    folder: tempfile::TempDir,
    options: StoreOptions,
}

impl Scene {
    async fn new(options: LocalnetOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = StoreOptions::new(EpochsAhead::Count(3));
        store.reuse_resources = false;
        store.journal = Some(Journal::in_folder(folder.path()));
        Self {
            network: TestNetwork::start(options).await,
            folder,
            options: store,
        }
    }

    fn journal(&self) -> Journal {
        Journal::in_folder(self.folder.path())
    }

    /// A client that loses its chain after so many signatures.
    async fn cut_off(&self, then: Then, after: usize) -> Client {
        let door = Arc::new(Door::to(&self.network.chain().rpc_url()).await);
        let key = Arc::clone(self.network.admin());
        let (url, owner) = (door.url(), key.address());
        let signer = CuttingOff {
            key,
            door,
            then,
            left: AtomicUsize::new(after),
        };
        let client = Client::builder()
            .config_file(client_config_path(self.network.path()))
            .rpc_urls([url])
            .signer(TransactionSigner::new(owner, signer))
            .connect();
        client.await.unwrap()
    }

    async fn owned(&self) -> Vec<Blob> {
        let owner = self.network.admin().address();
        self.network.reader().owned_blobs(owner).await.unwrap()
    }

    /// Stores what was cut off, with the wallet of the network.
    async fn again(&self, data: &[u8], options: &StoreOptions) -> StoredBlob {
        let client = self.network.client().await;
        let stored = client.store(data.to_vec()).options(options).await.unwrap();
        assert_eq!(self.journal().open_uploads().await.unwrap(), []);
        stored
    }

    async fn cost_of(&self, data: &[u8]) -> u64 {
        let client = self.network.client().await;
        let planned = client.store(data.to_vec()).options(&self.options).dry_run();
        planned.await.unwrap().cost
    }

    /// Waits until something is written down.
    async fn written(&self, what: &str) {
        eventually("it is written down", PATIENCE, async || {
            let files = std::fs::read_dir(self.folder.path()).unwrap();
            let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
            let mut texts = texts.into_iter();
            texts.any(|text| text.contains(what)).then_some(())
        })
        .await;
    }

    /// Runs a store until something has come about, and drops it.
    async fn drop_when(
        &self,
        client: &Client,
        data: &[u8],
        options: &StoreOptions,
        come: impl Future<Output = ()>,
    ) {
        tokio::select! {
            stored = async { client.store(data.to_vec()).options(options).await } => panic!("{stored:?}"),
            () = come => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_dropped_at_any_step_goes_on_and_pays_once() {
    let scene = Scene::new(small()).await;
    let steps: [fn(&ProgressEvent) -> bool; 5] = [
        |event| matches!(event, ProgressEvent::Started(Phase::Register)),
        |event| matches!(event, ProgressEvent::Registered { .. }),
        |event| matches!(event, ProgressEvent::Uploaded { .. }),
        |event| matches!(event, ProgressEvent::Started(Phase::Certify)),
        |event| matches!(event, ProgressEvent::Certified { .. }),
    ];
    for (number, is_step) in steps.into_iter().enumerate() {
        let data = random_bytes(30_000 + number);
        let cost = scene.cost_of(&data).await;
        let before = scene.network.balance().await;
        let client = scene.network.client().await;
        let mut storing = client.store(data.clone()).options(&scene.options).start();
        while let Some(event) = storing.next().await {
            if is_step(&event) {
                break;
            }
        }
        drop(storing);
        let open = scene.journal().open_uploads().await.unwrap();
        if number + 1 == steps.len() && open.is_empty() {
            // What was left of it was done before it was dropped.
            assert_eq!(before - scene.network.balance().await, cost);
            continue;
        }
        let stored = scene.again(&data, &scene.options).await;
        assert_eq!(
            before - scene.network.balance().await,
            cost,
            "step {number}"
        );
        assert_eq!(scene.owned().await.len(), number + 1, "step {number}");
        if number > 0 {
            assert!(stored.begun.is_some(), "step {number}");
            assert_eq!(stored.cost(), cost);
        }
        scene.network.assert_reads(&stored.blob_id(), &data).await;
    }
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_and_never_answered_is_looked_up_or_sent_again() {
    let scene = Scene::new(small()).await;
    for (number, then) in [Then::Mute, Then::Close].into_iter().enumerate() {
        let data = random_bytes(10_000 + number);
        let cost = scene.cost_of(&data).await;
        let before = scene.network.balance().await;
        let client = scene.cut_off(then, 0).await;
        let come = async {
            match then {
                Then::Mute => {
                    eventually("it is registered", PATIENCE, async || {
                        (scene.owned().await.len() > number).then_some(())
                    })
                    .await;
                }
                Then::Close => scene.written("\"paying\"").await,
            }
        };
        scene.drop_when(&client, &data, &scene.options, come).await;
        let open = scene.journal().open_uploads().await.unwrap();
        assert_eq!((open.len(), open[0].stage), (1, UploadStage::Paying));
        let stored = scene.again(&data, &scene.options).await;
        assert_eq!(stored.begun, Some(open[0].begun));
        assert_eq!(before - scene.network.balance().await, cost, "{number}");
        assert_eq!(scene.owned().await.len(), number + 1);
        scene.network.assert_reads(&stored.blob_id(), &data).await;
    }
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_executed_any_more_is_signed_anew() {
    let scene = Scene::new(small()).await;
    let data = random_bytes(12_000);
    let cost = scene.cost_of(&data).await;
    let before = scene.network.balance().await;
    let client = scene.cut_off(Then::Close, 0).await;
    let come = scene.written("\"paying\"");
    scene.drop_when(&client, &data, &scene.options, come).await;
    // Its coins are used by something else.
    let writer = scene.network.writer();
    writer.send_wal(&[(Address::TWO, 1)]).await.unwrap();
    let stored = scene.again(&data, &scene.options).await;
    assert_eq!(stored.begun, None, "it is a store of its own");
    assert_eq!(before - scene.network.balance().await, cost + 1);
    assert_eq!(scene.owned().await.len(), 1);
    scene.network.assert_reads(&stored.blob_id(), &data).await;
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_about_to_be_shared_is_shared_once() {
    let scene = Scene::new(small()).await;
    let mut options = scene.options.clone();
    options.deletable = false;
    options.post_store = PostStoreAction::Share;
    for (number, then) in [Then::Mute, Then::Close].into_iter().enumerate() {
        let data = random_bytes(14_000 + number);
        let cost = scene.cost_of(&data).await;
        let before = scene.network.balance().await;
        // One signature registers, one certifies, one shares.
        let client = scene.cut_off(then, 2).await;
        let come = async {
            scene.written("\"sharing\"").await;
            if matches!(then, Then::Mute) {
                eventually("it is shared", PATIENCE, async || {
                    scene.owned().await.is_empty().then_some(())
                })
                .await;
            }
        };
        scene.drop_when(&client, &data, &options, come).await;
        let stored = scene.again(&data, &options).await;
        let Stored::NewlyCreated {
            shared_blob_object: Some(shared),
            ..
        } = stored.stored
        else {
            panic!("{stored:?}");
        };
        let shared = scene.network.reader().shared_blob(shared).await.unwrap();
        assert_eq!(shared.blob.blob_id, stored.blob_id());
        assert!(scene.owned().await.is_empty());
        assert_eq!(before - scene.network.balance().await, cost);
    }
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_ends_meanwhile_costs_nothing_unless_the_storage_ends_with_it() {
    let scene = Scene::new(LocalnetOptions {
        epoch_duration: Duration::from_secs(6),
        ..small()
    })
    .await;
    let (lasting, short) = (random_bytes(16_000), random_bytes(17_000));
    let cost = scene.cost_of(&lasting).await;
    let mut for_one = scene.options.clone();
    for_one.epochs = EpochsAhead::Count(1);
    let before = scene.network.balance().await;
    let client = scene.network.client().await;
    for (data, options) in [(&lasting, &scene.options), (&short, &for_one)] {
        let mut storing = client.store(data.clone()).options(options).start();
        while let Some(event) = storing.next().await {
            if matches!(event, ProgressEvent::Registered { .. }) {
                break;
            }
        }
    }
    let epoch = scene.network.reader().epoch().await.unwrap();
    let ends: Vec<_> = scene
        .owned()
        .await
        .iter()
        .map(|blob| blob.storage.end_epoch)
        .collect();
    let (last, first) = (*ends.iter().max().unwrap(), *ends.iter().min().unwrap());
    eventually("the epoch ends", PATIENCE, async || {
        let now = scene.network.reader().epoch().await.unwrap();
        (now > epoch && now >= first).then_some(())
    })
    .await;
    scene.network.ready().await;
    let paid = before - scene.network.balance().await;
    let client = scene.network.client().await;
    let stored = client
        .store(lasting.clone())
        .options(&scene.options)
        .await
        .unwrap();
    assert!(stored.begun.is_some());
    assert_eq!(
        (stored.cost(), stored.end_epoch()),
        (cost, last),
        "as it was begun"
    );
    assert_eq!(before - scene.network.balance().await, paid);
    scene
        .network
        .assert_reads(&stored.blob_id(), &lasting)
        .await;
    // Nothing is left of the other one but to pay for it again.
    let stored = scene.again(&short, &for_one).await;
    assert_eq!(stored.begun, None);
    assert!(before - scene.network.balance().await > paid);
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_finds_its_upload_and_its_result_whatever_is_stored() {
    let scene = Scene::new(small()).await;
    let journal = scene.journal().keeping_results();
    let client = scene.network.client().await;
    let (key, data) = (UploadKey::of(["job", "1"]), random_bytes(20_000));
    let store = |data: Vec<u8>| {
        let options = scene.options.clone();
        let request = client.store(data).options(options).journal(&journal);
        request.upload_key(key)
    };
    let mut storing = store(data.clone()).start();
    while let Some(event) = storing.next().await {
        if matches!(event, ProgressEvent::Registered { .. }) {
            break;
        }
    }
    let refused = |result: Result<StoredBlob, ClientError>| match result {
        Err(ClientError::Journal(error)) => error,
        other => panic!("{other:?}"),
    };
    let busy = refused(store(data.clone()).await);
    assert!(matches!(busy, JournalError::Busy { .. }), "{busy}");
    drop(storing);
    let before = scene.network.balance().await;
    let other = refused(store(random_bytes(20_001)).await);
    assert!(
        matches!(other, JournalError::OtherContent { .. }),
        "{other}"
    );
    let stranger = scene
        .network
        .client()
        .await
        .with_signer(Arc::new(Keypair::generate()));
    let request = stranger.store(data.clone()).options(&scene.options);
    let other = refused(request.journal(&journal).upload_key(key).await);
    assert!(matches!(other, JournalError::OtherSigner { .. }), "{other}");

    let stored = store(data.clone()).await.unwrap();
    assert!(stored.begun.is_some());
    let kept = store(data.clone()).await.unwrap();
    assert_eq!(
        (&kept.stored, kept.certify_digest),
        (&stored.stored, stored.certify_digest)
    );
    assert_eq!(scene.network.balance().await, before);
    let open = journal.open_upload(&key).await.unwrap().unwrap();
    assert_eq!(open.stage, UploadStage::Stored);
    journal.forget(&key).await.unwrap();
    assert_eq!(journal.open_uploads().await.unwrap(), []);
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_blobs_in_one_transaction_each_goes_on() {
    let scene = Scene::new(small()).await;
    let client = scene.network.client().await;
    let blobs: Vec<_> = (0..20_u8)
        .map(|number| BlobToStore::new(number.to_string(), vec![number; 500]))
        .collect();
    let before = scene.network.balance().await;
    let mut storing = client
        .store_many(blobs.clone())
        .options(&scene.options)
        .start();
    while let Some(event) = storing.next().await {
        if matches!(event, ProgressEvent::Registered { .. }) {
            break;
        }
    }
    drop(storing);
    let paid = before - scene.network.balance().await;
    // Some of them alone, and then all: the rest goes on as well.
    for some in [blobs[3..5].to_vec(), blobs] {
        let report = client
            .store_many(some)
            .options(&scene.options)
            .await
            .unwrap();
        assert!(
            report.outcomes.iter().all(|outcome| outcome.result.is_ok()),
            "{report:?}"
        );
    }
    assert_eq!(
        scene.owned().await.len(),
        22,
        "two were stored again after they were done"
    );
    assert!(before - scene.network.balance().await < 2 * paid);
    assert_eq!(scene.journal().open_uploads().await.unwrap(), []);
    scene.network.stop().await;
}
