//! Encoding from sources into sinks: the same slivers, clear errors, nothing left behind.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Cursor, Write},
    sync::Mutex,
};

use walrus_core::{
    EncodingConfig, Sliver, SliverType, Threads, VerifiedBlobMetadataWithId, Work,
    blob_source::{BlobSource, SeekSource},
    encoder::{
        BlobEncoder, DirectorySink, EncodeError, EncodedBlob, FileSource, SliverSink, StreamEncoder,
    },
    parameters::ParameterError,
    sliver::SliverId,
    work::Cancellation,
};

fn config(n: u16) -> EncodingConfig {
    EncodingConfig::new(n).unwrap()
}

fn blob(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * i % 251) as u8).collect()
}

/// Keeps slivers, and knows which were completed.
#[derive(Default)]
struct Kept {
    slivers: Mutex<BTreeMap<SliverId, Vec<u8>>>,
    completed: Mutex<Vec<SliverId>>,
}

impl SliverSink for Kept {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let mut slivers = self.slivers.lock().unwrap();
        let kept = slivers.entry(sliver).or_default();
        let end = offset + data.len();
        kept.resize(kept.len().max(end), 0);
        kept[offset..end].copy_from_slice(data);
        Ok(())
    }

    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        self.completed.lock().unwrap().push(sliver);
        Ok(())
    }
}

/// Memory in which any blob of these tests fits.
const AT_ONCE: usize = StreamEncoder::DEFAULT_MEMORY;
/// Memory in which none does whose symbols are longer than the shortest strip.
const IN_STRIPS: usize = 0;

fn stream(n: u16, source: &dyn BlobSource, memory: usize) -> (Kept, VerifiedBlobMetadataWithId) {
    let kept = Kept::default();
    let metadata = StreamEncoder::new(config(n), source)
        .unwrap()
        .with_work(Work::on(Threads::available()).with_memory(memory))
        .encode_to(&kept)
        .unwrap();
    (kept, metadata)
}

fn file_with(data: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(data).unwrap();
    file.flush().unwrap();
    file
}

#[test]
fn every_source_gives_the_slivers_of_the_blob_in_memory() {
    for (n, length) in [(7, 0), (7, 1), (10, 5000), (31, 70_000), (100, 3)] {
        let blob = blob(length);
        let expected = BlobEncoder::new(config(n), &blob)
            .unwrap()
            .encode()
            .unwrap();
        let file = file_with(&blob);
        let sources: [Box<dyn BlobSource>; 2] = [
            Box::new(FileSource::open(file.path()).unwrap()),
            Box::new(SeekSource::new(Cursor::new(blob.clone())).unwrap()),
        ];
        for source in &sources {
            for memory in [AT_ONCE, IN_STRIPS] {
                let (kept, metadata) = stream(n, source.as_ref(), memory);
                assert_eq!(metadata, expected.metadata);
                check_slivers(kept, &expected);
            }
        }
    }
}

fn check_slivers(kept: Kept, expected: &EncodedBlob) {
    let slivers = kept.slivers.into_inner().unwrap();
    assert_eq!(slivers.len(), 2 * expected.pairs.len());
    for pair in &expected.pairs {
        let primary = SliverId::Primary(pair.primary.index);
        let secondary = SliverId::Secondary(pair.secondary.index);
        assert_eq!(slivers[&primary], pair.primary.symbols.data());
        assert_eq!(slivers[&secondary], pair.secondary.symbols.data());
    }
    let mut completed = kept.completed.into_inner().unwrap();
    completed.sort();
    assert_eq!(completed, slivers.keys().copied().collect::<Vec<_>>());
}

#[test]
fn a_directory_holds_the_slivers_as_nodes_take_them() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("encoded");
    let blob = blob(3000);
    let sink = DirectorySink::create(&target, &config(10), blob.len() as u64).unwrap();
    let source = SeekSource::new(Cursor::new(blob)).unwrap();
    let encoder = StreamEncoder::new(config(10), &source).unwrap();
    let metadata = encoder.encode_to(&sink).unwrap();
    assert!(!target.exists());
    sink.commit(&metadata).unwrap();
    for index in 0..10u16 {
        for (id, sliver_type) in [
            (SliverId::Primary(index.into()), SliverType::Primary),
            (SliverId::Secondary(index.into()), SliverType::Secondary),
        ] {
            let bytes = fs::read(target.join(DirectorySink::sliver_file(id))).unwrap();
            let sliver = Sliver::from_untagged_bcs(&bytes, sliver_type, &metadata).unwrap();
            assert_eq!(sliver.index().get(), index);
            sliver.verify(&metadata).unwrap();
        }
    }
    let bytes = fs::read(target.join(DirectorySink::METADATA_FILE)).unwrap();
    assert_eq!(bytes, metadata.to_bcs());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    let again = DirectorySink::create(&target, &config(10), 3000);
    assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
}

/// A source that fails on the way, or claims bytes that are not there.
struct Failing(u64, io::ErrorKind);

impl BlobSource for Failing {
    fn length(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if offset + buffer.len() as u64 > self.0 / 2 {
            return Err(self.1.into());
        }
        buffer.fill(1);
        Ok(())
    }
}

#[test]
fn failing_sources_end_the_encoding_and_leave_nothing() {
    for (kind, memory) in [
        (io::ErrorKind::UnexpectedEof, AT_ONCE),
        (io::ErrorKind::UnexpectedEof, IN_STRIPS),
        (io::ErrorKind::PermissionDenied, AT_ONCE),
        (io::ErrorKind::PermissionDenied, IN_STRIPS),
    ] {
        let place = tempfile::tempdir().unwrap();
        let source = Failing(5000, kind);
        let sink = DirectorySink::create(place.path().join("out"), &config(10), 5000).unwrap();
        let error = StreamEncoder::new(config(10), &source)
            .unwrap()
            .with_work(Work::new().with_memory(memory))
            .encode_to(&sink)
            .unwrap_err();
        drop(sink);
        match kind {
            io::ErrorKind::UnexpectedEof => {
                assert!(
                    matches!(error, EncodeError::Truncated { length: 5000, .. }),
                    "{error}"
                );
            }
            _ => assert!(matches!(error, EncodeError::Read { .. }), "{error}"),
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_file_that_changed_is_refused() {
    let file = file_with(&blob(5000));
    let truncated = FileSource::open(file.path()).unwrap();
    file.as_file().set_len(1000).unwrap();
    let error = StreamEncoder::new(config(10), &truncated)
        .unwrap()
        .compute_metadata()
        .unwrap_err();
    assert!(
        matches!(error, EncodeError::Truncated { length: 5000, .. }),
        "{error}"
    );

    let grown = FileSource::open(file.path()).unwrap();
    let mut append = OpenOptions::new().append(true).open(file.path()).unwrap();
    append.write_all(b"more").unwrap();
    let error = StreamEncoder::new(config(10), &grown)
        .unwrap()
        .compute_metadata()
        .unwrap_err();
    assert!(matches!(error, EncodeError::Changed { .. }), "{error}");
    assert!(
        error.to_string().contains("1000 bytes and has 1004"),
        "{error}"
    );
}

#[test]
fn directories_and_oversized_blobs_are_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    assert!(FileSource::open(place.path()).is_err());
    let source = Failing(2_000_000, io::ErrorKind::Other);
    let error = StreamEncoder::new(config(10), &source).err().unwrap();
    assert!(
        matches!(error, ParameterError::DataTooLarge { .. }),
        "{error}"
    );
    assert!(DirectorySink::create(place.path().join("out"), &config(10), 2_000_000).is_err());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// A sink whose disk is full.
struct Full;

impl SliverSink for Full {
    fn write(&self, _: SliverId, _: usize, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_full_disk_ends_the_encoding() {
    let source = SeekSource::new(Cursor::new(blob(5000))).unwrap();
    let encoder = StreamEncoder::new(config(10), &source).unwrap();
    let error = encoder.encode_to(&Full).unwrap_err();
    assert!(
        matches!(&error, EncodeError::Sink { error, .. } if error.kind == io::ErrorKind::StorageFull),
        "{error}"
    );
}
#[test]
fn cancelling_ends_the_encoding() {
    let source = SeekSource::new(Cursor::new(blob(50_000))).unwrap();
    let cancellation = Cancellation::new();
    let cancel_when_started = |_| cancellation.cancel();
    let work = Work::new()
        .with_progress(&cancel_when_started)
        .with_cancellation(&cancellation);
    let encoder = StreamEncoder::new(config(10), &source)
        .unwrap()
        .with_work(work);
    assert_eq!(encoder.compute_metadata(), Err(EncodeError::Cancelled));
}

#[test]
fn progress_grows_to_the_end() {
    for memory in [AT_ONCE, IN_STRIPS] {
        let seen = Mutex::new(Vec::new());
        let note = |progress| seen.lock().unwrap().push(progress);
        let source = SeekSource::new(Cursor::new(blob(500_000))).unwrap();
        let encoder = StreamEncoder::new(config(10), &source)
            .unwrap()
            .with_work(Work::new().with_memory(memory).with_progress(&note));
        encoder.compute_metadata().unwrap();
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() > 2);
        assert!(seen.is_sorted_by_key(|progress| progress.done));
        let last = seen.last().unwrap();
        assert_eq!(last.done, last.total);
    }
}

/// Takes slivers until it is told to stop.
struct Stopping<'a>(&'a Cancellation);

impl SliverSink for Stopping<'_> {
    fn write(&self, sliver: SliverId, _: usize, _: &[u8]) -> io::Result<()> {
        // The last column: all that is left are strips of rows and columns.
        if sliver == SliverId::Secondary(9.into()) {
            self.0.cancel();
        }
        Ok(())
    }
}

#[test]
fn cancelling_between_strips_ends_the_encoding() {
    let source = SeekSource::new(Cursor::new(blob(50_000))).unwrap();
    let cancellation = Cancellation::new();
    let work = Work::new()
        .with_memory(IN_STRIPS)
        .with_cancellation(&cancellation);
    let encoder = StreamEncoder::new(config(10), &source)
        .unwrap()
        .with_work(work);
    let stopped = encoder.encode_to(&Stopping(&cancellation));
    assert_eq!(stopped, Err(EncodeError::Cancelled));
}
