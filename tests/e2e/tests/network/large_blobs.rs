//! Streaming of blobs that do not fit in memory: the same results and errors, files without names, nothing left behind.
//!
//! What counts as large is an option, so a few megabytes do here.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tempfile::TempDir;
use tokio::sync::Notify;
use walrus_core::BlobId;
use walrus_e2e::{Encoded, Impostor, Lie, TestNetwork, random_bytes, small};
use walrus_localnet::LocalnetOptions;
use walrus_sdk::{
    BlobContent, BlobData, BlobToStore, Client, ClientError, ClientOptions, ConsistencyCheck,
    EpochsAhead, NoProgress, Phase, Progress, ProgressEvent, ReadOptions, Spool, SpoolError,
    StoreOptions, Stored,
};

/// Less than the slivers of any blob here.
const IN_MEMORY: u64 = 1 << 16;
const LENGTH: usize = 2_000_000;

fn store_options() -> StoreOptions {
    let mut options = StoreOptions::new(EpochsAhead::Count(2));
    options.deletable = false;
    options
}

/// Where a client has its files, and a client that has them there.
struct Place {
    directory: TempDir,
    spool: PathBuf,
    client: Client,
}

impl Place {
    async fn new(network: &TestNetwork) -> Self {
        Self::with_memory(network, IN_MEMORY).await
    }

    async fn with_memory(network: &TestNetwork, in_memory: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let options = ClientOptions {
            spool: Spool {
                directory: spool.clone(),
                in_memory,
            },
            ..ClientOptions::default()
        };
        Self {
            client: network.client_with(options).await,
            directory,
            spool,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    async fn store(&self, data: impl Into<BlobData>) -> Result<BlobId, ClientError> {
        self.store_watched(data, &NoProgress).await
    }

    async fn store_watched(
        &self,
        data: impl Into<BlobData>,
        progress: &dyn Progress,
    ) -> Result<BlobId, ClientError> {
        let blobs = vec![BlobToStore::new("file", data)];
        let report = self
            .client
            .store_many(blobs)
            .options(store_options())
            .progress(progress)
            .await?;
        let outcome = report.outcomes.first().unwrap();
        match &outcome.result {
            Ok(Stored::NewlyCreated { blob_object, .. }) => Ok(blob_object.blob_id),
            other => panic!("{other:?}"),
        }
    }

    /// Reads in all ways.
    async fn assert_reads(&self, blob: &BlobId, expected: &[u8]) {
        let options = ReadOptions::default();
        let read = self.client.read(blob).options(options).await;
        assert!(read.unwrap() == expected);
        let out = self.file("out", b"older");
        self.client
            .read(blob)
            .options(options)
            .to_file(&out)
            .await
            .unwrap();
        assert!(fs::read(&out).unwrap() == expected);
        let content = self.client.read(blob).options(options).content().await;
        let content = content.unwrap();
        assert!(matches!(content, BlobContent::File(_)), "{content:?}");
        let mut read = Vec::new();
        content.into_reader().read_to_end(&mut read).unwrap();
        assert!(read == expected);
        fs::remove_file(out).unwrap();
        self.assert_nothing_is_left();
    }

    /// Nothing but what the test itself made.
    fn assert_nothing_is_left(&self) {
        assert!(names(&self.spool).is_empty());
        let left = names(self.directory.path());
        assert!(
            left.iter().all(|name| !name.contains("partial")),
            "{left:?}"
        );
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Notes events, and that there never is a file with a name.
struct Witness {
    spool: PathBuf,
    events: Mutex<Vec<ProgressEvent>>,
}

impl Progress for Witness {
    fn on_event(&self, event: ProgressEvent) {
        assert!(names(&self.spool).is_empty());
        self.events.lock().unwrap().push(event);
    }
}

impl Witness {
    fn new(place: &Place) -> Self {
        Self {
            spool: place.spool.clone(),
            events: Mutex::default(),
        }
    }

    /// The pairs of done and total bytes of one kind of event.
    fn bytes(&self, of: impl Fn(&ProgressEvent) -> Option<(u64, u64)>) -> Vec<(u64, u64)> {
        self.events.lock().unwrap().iter().filter_map(of).collect()
    }
}

/// Progress that never falls and has one total.
fn assert_grows(steps: &[(u64, u64)]) {
    assert!(!steps.is_empty());
    assert!(steps.is_sorted(), "{steps:?}");
    let total = steps[0].1;
    let sound = |(done, of): &(u64, u64)| *of == total && *done <= total;
    assert!(steps.iter().all(sound), "{steps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_blob_is_stored_and_read_like_any_other() {
    let network = TestNetwork::start(small()).await;
    let place = Place::new(&network).await;
    let data = random_bytes(LENGTH);
    let path = place.file("input", &data);
    let estimate = place
        .client
        .store(path.as_path())
        .options(store_options())
        .dry_run()
        .await
        .unwrap();
    let before = network.balance().await;
    let witness = Witness::new(&place);
    let blob = place.store_watched(path.as_path(), &witness).await.unwrap();
    let expected = Encoded::new(&data, 13);
    assert_eq!(blob, expected.id());
    assert_eq!(estimate.blob_id, blob);
    assert_eq!(estimate.unencoded_size, LENGTH as u64);
    assert_eq!(before - network.balance().await, estimate.storage_cost);
    assert_grows(&witness.bytes(|event| match event {
        ProgressEvent::Encoding { done, total } => Some((*done, *total)),
        _ => None,
    }));
    assert_grows(&witness.bytes(|event| match event {
        ProgressEvent::Sent { done, total, .. } => Some((*done, *total)),
        _ => None,
    }));
    // What nodes have is what is computed in memory, bit for bit.
    for member in network.members().await {
        for pair in member.pairs(&blob) {
            for sliver_type in [
                walrus_core::SliverType::Primary,
                walrus_core::SliverType::Secondary,
            ] {
                let metadata = &expected.blob.metadata;
                let held = member
                    .client
                    .sliver(metadata, pair, sliver_type)
                    .await
                    .unwrap();
                assert_eq!(held, expected.sliver(pair, sliver_type));
            }
        }
    }

    let witness = Witness::new(&place);
    for consistency_check in [
        ConsistencyCheck::Default,
        ConsistencyCheck::Strict,
        ConsistencyCheck::Skip,
    ] {
        let options = ReadOptions {
            consistency_check,
            ..ReadOptions::default()
        };
        let read = place
            .client
            .read(blob)
            .options(options)
            .progress(&witness)
            .await;
        assert!(read.unwrap() == data);
    }
    let last = |steps: Vec<(u64, u64)>| *steps.last().unwrap();
    let (done, total) = last(witness.bytes(|event| match event {
        ProgressEvent::Decoding { done, total } => Some((*done, *total)),
        _ => None,
    }));
    assert!(done <= total);
    let (done, total) = last(witness.bytes(|event| match event {
        ProgressEvent::Received { done, total } => Some((*done, *total)),
        _ => None,
    }));
    assert_eq!(done, total);
    place.assert_reads(&blob, &data).await;
    network.assert_reads(&blob, &data).await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_one_store_share_the_memory() {
    let network = TestNetwork::start(small()).await;
    // Room for the slivers of one.
    let place = Place::with_memory(&network, 4 * LENGTH as u64 + (1 << 20)).await;
    let contents = [LENGTH, LENGTH - 1, LENGTH - 2].map(random_bytes);
    let open = fs::File::open(place.file("open", &contents[2])).unwrap();
    let data = [
        BlobData::from(contents[0].clone()),
        BlobData::from(place.file("path", &contents[1])),
        BlobData::from(Arc::new(open)),
    ];
    let blobs = data.map(|data| BlobToStore::new("file", data)).to_vec();
    let report = place
        .client
        .store_many(blobs)
        .options(store_options())
        .await
        .unwrap();
    for (outcome, content) in report.outcomes.iter().zip(&contents) {
        let Ok(Stored::NewlyCreated { blob_object, .. }) = &outcome.result else {
            panic!("{:?}", outcome.result);
        };
        assert_eq!(outcome.unencoded_size, content.len() as u64);
        network.assert_reads(&blob_object.blob_id, content).await;
    }
    place.assert_nothing_is_left();
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_down_or_lie_change_nothing() {
    let mut network = TestNetwork::start(LocalnetOptions {
        nodes: 10,
        shards: 31,
        side_packages: false,
        ..LocalnetOptions::default()
    })
    .await;
    // Nodes of f shards together: one that is down, others that lie.
    let mut faulty = network.at_most(10, network.indices()).await;
    let down = faulty.pop().unwrap();
    network.stop_nodes(&[down]).await;
    let place = Place::new(&network).await;
    let data = random_bytes(3 * LENGTH);
    let blob = place.store(place.file("input", &data)).await.unwrap();
    let lies = [Lie::FlippedSlivers, Lie::EndlessSlivers];
    assert_eq!(faulty.len(), lies.len());
    let mut liars = Vec::new();
    for (index, lie) in faulty.into_iter().zip(lies) {
        liars.push(Impostor::replace(&mut network, index, lie).await);
    }
    // Nodes are asked in random order: until each liar was.
    while liars.iter().any(|liar| liar.lies_told() == 0) {
        place.assert_reads(&blob, &data).await;
    }
    for liar in liars {
        liar.stop().await;
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secondary_slivers_do_where_primary_ones_are_missing() {
    let mut network = TestNetwork::start(small()).await;
    let place = Place::new(&network).await;
    let data = random_bytes(LENGTH);
    let blob = place.store(data.clone()).await.unwrap();
    let mut liars = Vec::new();
    // One node of four has primary slivers: four at most, where five are needed.
    for index in 0..3 {
        liars.push(Impostor::replace(&mut network, index, Lie::NoPrimarySlivers).await);
    }
    place.assert_reads(&blob, &data).await;
    assert!(liars.iter().all(|liar| liar.lies_told() > 0));

    // With two nodes less there are too few of both; what was there before stays.
    network.stop_nodes(&[3]).await;
    liars.pop().unwrap().stop().await;
    let out = place.file("out", b"older");
    let error = place.client.read(blob).to_file(&out).await.unwrap_err();
    assert!(
        matches!(error, ClientError::NotEnoughSlivers { needed: 5, .. }),
        "{error}"
    );
    assert_eq!(fs::read(&out).unwrap(), b"older");
    place.assert_nothing_is_left();
    for liar in liars {
        liar.stop().await;
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_stored_is_refused_before_anything_is_paid() {
    let network = TestNetwork::start(small()).await;
    let place = Place::new(&network).await;
    let path = place.file("input", &random_bytes(LENGTH));
    let before = network.balance().await;
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    // It grows all the time.
    let writer = std::thread::spawn(move || {
        while !end.load(Ordering::Relaxed) {
            file.write_all(b"x").unwrap();
            if file.metadata().unwrap().len() > LENGTH as u64 + 500_000 {
                file.set_len(LENGTH as u64).unwrap();
            }
        }
    });
    let error = place.store(path.as_path()).await.unwrap_err();
    ended.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(
        matches!(&error, ClientError::Unreadable { label, .. } if label == "file"),
        "{error}"
    );
    assert!(
        error.to_string().starts_with("cannot read file: "),
        "{error}"
    );

    for path in [place.path("absent"), place.directory.path().to_owned()] {
        let error = place.store(path).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
    }
    let large = place.path("large");
    let file = fs::File::create(&large).unwrap();
    // A blob has at most 5 · 9 · 65 534 bytes, a part 2 MiB, a manifest 16 384 of them.
    let max: u64 = 16_384 << 21;
    file.set_len(max + 1).unwrap();
    let error = place.store(large).await.unwrap_err();
    assert!(
        matches!(error, ClientError::BlobTooLarge { max: most, size } if most == max && size == max + 1),
        "{error}"
    );
    assert_eq!(network.balance().await, before);
    place.assert_nothing_is_left();
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_needs_no_room_for_files_and_without_it_nothing_is_fetched() {
    let network = TestNetwork::start(small()).await;
    let mut options = ClientOptions::default();
    options.spool.in_memory = IN_MEMORY;
    options.spool.directory = PathBuf::from("/nonexistent");
    let client = network.client_with(options).await;
    let data = random_bytes(LENGTH);
    let blobs = vec![BlobToStore::new("file", data.clone())];
    let report = client
        .store_many(blobs)
        .options(store_options())
        .await
        .unwrap();
    let [outcome] = report.outcomes.as_slice() else {
        panic!("{report:?}");
    };
    let Ok(Stored::NewlyCreated { blob_object, .. }) = &outcome.result else {
        panic!("{outcome:?}");
    };
    let blob = blob_object.blob_id;
    network.assert_reads(&blob, &data).await;
    let no_room = |error: &ClientError| {
        matches!(error, ClientError::Spool(SpoolError::Failed { directory, .. })
            if directory == Path::new("/nonexistent"))
    };

    let place = Place::new(&network).await;
    let out = place.file("out", b"older");
    let options = ReadOptions::default();
    let error = client
        .read(blob)
        .options(options)
        .to_file(&out)
        .await
        .unwrap_err();
    assert!(no_room(&error), "{error}");
    assert_eq!(fs::read(&out).unwrap(), b"older");

    // Neither is anything fetched that cannot be written.
    for path in [Path::new("/proc/out"), &place.path("absent/out")] {
        let witness = Witness::new(&place);
        let error = place
            .client
            .read(blob)
            .options(options)
            .progress(&witness)
            .to_file(path)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ClientError::Output { path: named, .. } if named == path),
            "{error}"
        );
        assert!(witness.events.into_inner().unwrap().is_empty());
    }
    place.assert_nothing_is_left();
    network.stop().await;
}

/// Tells when an event comes that it waits for.
struct Alarm<F>(F, Notify);

impl<F: Fn(&ProgressEvent) -> bool + Send + Sync> Progress for Alarm<F> {
    fn on_event(&self, event: ProgressEvent) {
        if (self.0)(&event) {
            self.1.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_or_read_that_is_given_up_leaves_nothing() {
    let network = TestNetwork::start(small()).await;
    let place = Place::new(&network).await;
    let data = random_bytes(LENGTH);
    let path = place.file("input", &data);
    let before = network.balance().await;
    let encoding = Alarm(
        |event: &ProgressEvent| matches!(event, ProgressEvent::Started(Phase::Encode)),
        Notify::new(),
    );
    tokio::select! {
        biased;
        () = encoding.1.notified() => {}
        result = place.store_watched(path.as_path(), &encoding) => panic!("{result:?}"),
    }
    assert_eq!(network.balance().await, before, "nothing is paid");

    let sending = Alarm(
        |event: &ProgressEvent| matches!(event, ProgressEvent::Sent { .. }),
        Notify::new(),
    );
    tokio::select! {
        biased;
        () = sending.1.notified() => {}
        result = place.store_watched(path.as_path(), &sending) => panic!("{result:?}"),
    }
    let paid = network.balance().await;
    assert!(paid < before);

    // What was paid for is used.
    let blobs = vec![BlobToStore::new("file", path)];
    let report = place
        .client
        .store_many(blobs)
        .options(store_options())
        .await
        .unwrap();
    let Ok(Stored::NewlyCreated {
        cost, blob_object, ..
    }) = &report.outcomes[0].result
    else {
        panic!("{:?}", report.outcomes);
    };
    assert_eq!(*cost, 0);
    assert_eq!(network.balance().await, paid);

    let out = place.file("out", b"older");
    let reading = Alarm(
        |event: &ProgressEvent| matches!(event, ProgressEvent::SliversRead { .. }),
        Notify::new(),
    );
    let options = ReadOptions::default();
    tokio::select! {
        biased;
        () = reading.1.notified() => {}
        result = place.client.read(blob_object.blob_id).options(options).progress(&reading).to_file(&out) => panic!("{result:?}"),
    }
    assert_eq!(fs::read(&out).unwrap(), b"older");
    place.assert_nothing_is_left();
    place.assert_reads(&blob_object.blob_id, &data).await;
    network.stop().await;
}
