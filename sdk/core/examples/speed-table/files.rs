//! Blobs that stay in files.

use std::{
    fs::{self, File},
    hint::black_box,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use walrus_core::{
    EncodingConfig, SliverType, Threads, VerifiedBlobMetadataWithId,
    decoder::{DirectorySource, StreamDecoder},
    encoder::{DirectorySink, FileSource, SliverSink, StreamEncoder},
    sliver::SliverId,
};

use crate::{
    MIB,
    ingredients::Ingredients,
    measure::{Row, forget_peak_memory, peak_memory, random, seconds, size, subset},
};

/// A blob in a file, and a directory to work in.
struct Workplace<'a> {
    ingredients: &'a Ingredients,
    length: u64,
    blob: PathBuf,
    directory: &'a Path,
    threads: &'a Threads,
}

pub(crate) fn measure(ingredients: &Ingredients, length: u64, directory: &Path, threads: &Threads) {
    let largest = ingredients.config.max_blob_size();
    let place = Workplace {
        ingredients,
        length: length.min(largest),
        blob: directory.join("speed-table-blob"),
        directory,
        threads,
    };
    place.write_blob();
    place.blob_id();
    place.encode_to_sinks();
    let plain = place.write_plainly();
    place.encode_to_directory(plain);
    place.decode();
    fs::remove_file(&place.blob).unwrap();
}

impl Workplace<'_> {
    /// Runs an operation and prints its row, with the memory that it took.
    fn row(&self, what: &str, bound: Option<f64>, asked: &str, run: impl FnOnce()) -> f64 {
        forget_peak_memory();
        let seconds = seconds(run);
        let what = what.replacen('_', &size(self.length as usize), 1);
        Row {
            shards: self.ingredients.config.n_shards(),
            what: format!("{what}, {} MiB resident", peak_memory()),
            bytes: self.length as usize,
            seconds,
            bound,
            asked,
        }
        .print();
        seconds
    }

    fn write_blob(&self) {
        let mut file = File::create(&self.blob).unwrap();
        let part = random(16 * MIB + 2);
        let mut left = self.length;
        while left > 0 {
            let now = (part.len() as u64).min(left);
            file.write_all(&part[..now as usize]).unwrap();
            left -= now;
        }
        file.sync_all().unwrap();
    }

    fn with_encoder<T>(&self, work: impl FnOnce(StreamEncoder<'_>) -> T) -> T {
        let source = FileSource::open(&self.blob).unwrap();
        let encoder = StreamEncoder::new(self.ingredients.config, &source).unwrap();
        let encoder = encoder.with_threads(self.threads.clone());
        work(encoder)
    }

    fn bound(&self) -> f64 {
        self.ingredients.blob_id(self.length as usize)
    }

    fn blob_id(&self) {
        self.row(
            "blob ID of a file of _",
            Some(self.bound()),
            "≤ 1.5, 512 MiB",
            || {
                black_box(self.with_encoder(|encoder| encoder.compute_metadata().unwrap()));
            },
        );
    }

    fn encode_to_sinks(&self) {
        let taken = Taken::default();
        self.row(
            "encode a file of _ to sinks that take the bytes",
            Some(self.bound()),
            "≤ 2, 1 GiB",
            || {
                self.with_encoder(|encoder| encoder.encode_to(&taken).unwrap());
            },
        );
        let slivers = self.ingredients.slivers(self.length as usize);
        assert_eq!(taken.bytes.into_inner(), slivers as u64);
    }

    fn encode_to_directory(&self, plain: f64) {
        let target = self.directory.join("speed-table-slivers");
        let config = &self.ingredients.config;
        let encode = || {
            let sink = DirectorySink::create(&target, config, self.length).unwrap();
            let metadata = self.with_encoder(|encoder| encoder.encode_to(&sink).unwrap());
            sink.commit(&metadata).unwrap();
        };
        self.row(
            "encode a file of _ to a directory; bound with the plain writing",
            Some(self.bound() + plain),
            "≤ 2, 1 GiB",
            encode,
        );
        fs::remove_dir_all(&target).unwrap();
    }

    /// Writes as many bytes as the slivers have to as many files, from one end to the other; gives the seconds.
    fn write_plainly(&self) -> f64 {
        let target = self.directory.join("speed-table-plain");
        fs::create_dir(&target).unwrap();
        let config = &self.ingredients.config;
        let n = usize::from(config.n_shards());
        let piece = random(MIB);
        let next = AtomicUsize::new(0);
        let write = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let axis = match number / n {
                    0 => SliverType::Primary,
                    1 => SliverType::Secondary,
                    _ => return,
                };
                let mut left = config.sliver_length(axis, self.length).unwrap();
                let mut file = File::create(target.join(number.to_string())).unwrap();
                while left > 0 {
                    let now = left.min(MIB);
                    file.write_all(&piece[..now]).unwrap();
                    left -= now;
                }
            }
        };
        let seconds = self.row(
            "plainly writing the slivers of _ to files",
            None,
            "",
            || {
                std::thread::scope(|scope| {
                    for _ in 0..self.threads.count() {
                        scope.spawn(write);
                    }
                });
            },
        );
        fs::remove_dir_all(&target).unwrap();
        seconds
    }

    /// From a random legal subset of primary slivers.
    fn decode(&self) {
        let config = &self.ingredients.config;
        let slivers = self.directory.join("speed-table-slivers");
        self.keep_rows(&slivers, config);
        let source = DirectorySource::open(&slivers).unwrap();
        let target = self.directory.join("speed-table-decoded");
        self.row(
            "decode _ from files to a file, verified and checked",
            None,
            "1 GiB",
            || {
                StreamDecoder::new(source.metadata(), &source)
                    .with_threads(self.threads.clone())
                    .decode_to_file(&target)
                    .unwrap();
            },
        );
        fs::remove_file(&target).unwrap();
        fs::remove_dir_all(&slivers).unwrap();
    }

    fn keep_rows(&self, target: &Path, config: &EncodingConfig) -> VerifiedBlobMetadataWithId {
        let sink = DirectorySink::create(target, config, self.length).unwrap();
        let needed = usize::from(config.primary_source_symbols());
        let rows = Rows {
            sink: &sink,
            kept: subset(usize::from(config.n_shards()), needed),
        };
        let metadata = self.with_encoder(|encoder| encoder.encode_to(&rows).unwrap());
        sink.commit(&metadata).unwrap();
        metadata
    }
}

/// Takes slivers and forgets them.
#[derive(Default)]
struct Taken {
    bytes: AtomicU64,
}

impl SliverSink for Taken {
    fn write(&self, _: SliverId, _: usize, data: &[u8]) -> io::Result<()> {
        let length = black_box(data).len();
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Keeps some primary slivers alone: all of them would need room for four blobs more.
struct Rows<'a> {
    sink: &'a DirectorySink,
    kept: Vec<usize>,
}

impl Rows<'_> {
    fn keeps(&self, sliver: SliverId) -> bool {
        sliver.axis() == SliverType::Primary && self.kept.contains(&sliver.index().as_usize())
    }
}

impl SliverSink for Rows<'_> {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        match self.keeps(sliver) {
            true => self.sink.write(sliver, offset, data),
            false => Ok(()),
        }
    }

    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        match self.keeps(sliver) {
            true => self.sink.complete(sliver),
            false => Ok(()),
        }
    }
}
