//! Blobs that stay in files.

use std::{
    fs::{self, File},
    hint::black_box,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use walrus_core::{
    EncodingConfig, SliverType, Threads, Work,
    decoder::{DirectorySource, StreamDecoder},
    encoder::{DirectorySink, FileSource, SliverSink, StreamEncoder},
    sliver::SliverId,
};

use crate::{
    multiples::{
        bound::Bound,
        inputs::{MIB, random, subset},
        operation::Label,
        paired::{Round, mean, rates},
        table::{Figures, Ingredients, Row, size},
    },
    process::{forget_peak_memory, peak_memory},
};

/// For how long each ingredient is measured before and after a run.
const SIDE: Duration = Duration::from_millis(500);

/// A blob in a file, and a directory to work in.
pub(crate) struct Workplace<'a> {
    config: EncodingConfig,
    length: u64,
    blob: PathBuf,
    directory: &'a Path,
    threads: &'a Threads,
    rounds: u32,
}

/// A line of the table.
struct Line {
    what: &'static str,
    goal: &'static str,
    bound: Bound,
}

impl<'a> Workplace<'a> {
    /// Blobs of `length` bytes, or of as many as these shards take, in `directory`.
    pub(crate) fn new(
        config: EncodingConfig,
        length: u64,
        directory: &'a Path,
        threads: &'a Threads,
        rounds: u32,
    ) -> Self {
        Self {
            config,
            length: length.min(config.max_blob_size()),
            blob: directory.join("speed-table-blob"),
            directory,
            threads,
            rounds,
        }
    }

    /// Measures all operations and leaves no files behind.
    pub(crate) fn measure(&self, ingredients: &mut Ingredients) {
        self.write_blob();
        self.blob_id(ingredients);
        self.encode_to_sinks(ingredients);
        self.encode_to_directory(ingredients);
        self.decode(ingredients);
        fs::remove_file(&self.blob).unwrap();
    }

    /// Runs an operation, which gives its seconds, with its ingredients measured before and after each time, and prints
    /// its line. `beside` is measured there as well, and its seconds are added to the bound.
    fn line(
        &self,
        line: Line,
        ingredients: &mut Ingredients,
        mut beside: impl FnMut() -> f64,
        mut run: impl FnMut() -> f64,
    ) {
        let bound = &line.bound;
        let mut sides = Vec::new();
        let mut side = || {
            let rates = bound.measure(|_| SIDE);
            let seconds = bound.seconds(&rates, 0.0);
            sides.push(rates);
            seconds.map(|seconds| seconds + beside())
        };
        let (mut rounds, mut peak) = (Vec::new(), 0);
        let mut before = side();
        for _ in 0..self.rounds {
            forget_peak_memory();
            let seconds = run();
            peak = peak.max(peak_memory());
            let after = side();
            let bound = mean(before, after);
            rounds.push(Round { seconds, bound });
            before = after;
        }
        ingredients.add(bound.threads, rates(bound, &sides));
        let figures = Figures::new(self.threads.count(), &rounds);
        let what = format!("{}, {peak} MiB resident", line.what);
        self.print(&what, line.goal, figures);
    }

    /// In `what` the length of the blob replaces `_`.
    fn print(&self, what: &str, goal: &'static str, figures: Figures) {
        let label = Label {
            shards: self.config.n_shards(),
            name: what.replacen('_', &size(self.length as usize), 1),
            bytes: self.length as usize,
            goal,
        };
        println!("{}", Row { label, figures });
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
        let encoder = StreamEncoder::new(self.config, &source).unwrap();
        let encoder = encoder.with_work(Work::on(self.threads.clone()));
        work(encoder)
    }

    fn bound(&self) -> Bound {
        Bound::of_blob(&self.config, self.length, self.threads.count())
    }

    fn blob_id(&self, ingredients: &mut Ingredients) {
        let line = Line {
            what: "blob ID of a file of _",
            goal: "≤ 1.5, 512 MiB",
            bound: self.bound(),
        };
        let run = || self.with_encoder(|encoder| encoder.compute_metadata().unwrap());
        self.line(line, ingredients, || 0.0, || seconds(run));
    }

    fn encode_to_sinks(&self, ingredients: &mut Ingredients) {
        let line = Line {
            what: "encode a file of _ to sinks that take the bytes",
            goal: "≤ 2, 1 GiB",
            bound: self.bound(),
        };
        let run = || {
            let taken = Taken::default();
            let seconds =
                seconds(|| self.with_encoder(|encoder| encoder.encode_to(&taken).unwrap()));
            assert_eq!(taken.bytes.into_inner(), self.slivers_length());
            seconds
        };
        self.line(line, ingredients, || 0.0, run);
    }

    /// Bytes of all slivers.
    fn slivers_length(&self) -> u64 {
        let of_pair = [SliverType::Primary, SliverType::Secondary]
            .map(|sliver_type| self.config.sliver_length(sliver_type, self.length).unwrap() as u64);
        u64::from(self.config.n_shards()) * of_pair.iter().sum::<u64>()
    }

    /// The bound has the plain writing of as much, which gets a line of its own.
    fn encode_to_directory(&self, ingredients: &mut Ingredients) {
        let target = self.directory.join("speed-table-slivers");
        let run = || {
            let encode = || {
                let sink = DirectorySink::create(&target, &self.config, self.length).unwrap();
                let metadata = self.with_encoder(|encoder| encoder.encode_to(&sink).unwrap());
                sink.commit(&metadata).unwrap();
            };
            let seconds = seconds(encode);
            fs::remove_dir_all(&target).unwrap();
            seconds
        };
        let mut writing = Vec::new();
        let plain = || {
            let (seconds, bound) = (self.write_plainly(), None);
            writing.push(Round { seconds, bound });
            seconds
        };
        let line = Line {
            what: "encode a file of _ to a directory; bound with the plain writing",
            goal: "≤ 2, 1 GiB",
            bound: self.bound(),
        };
        self.line(line, ingredients, plain, run);
        let figures = Figures::new(self.threads.count(), &writing);
        self.print("plainly writing the slivers of _ to files", "", figures);
    }

    /// Writes as many bytes as the slivers have to as many files, from one end to the other; gives the seconds.
    fn write_plainly(&self) -> f64 {
        let target = self.directory.join("speed-table-plain");
        fs::create_dir(&target).unwrap();
        let n = usize::from(self.config.n_shards());
        let piece = random(MIB);
        let next = AtomicUsize::new(0);
        let write = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let sliver_type = match number / n {
                    0 => SliverType::Primary,
                    1 => SliverType::Secondary,
                    _ => return,
                };
                let mut left = self.config.sliver_length(sliver_type, self.length).unwrap();
                let mut file = File::create(target.join(number.to_string())).unwrap();
                while left > 0 {
                    let now = left.min(MIB);
                    file.write_all(&piece[..now]).unwrap();
                    left -= now;
                }
            }
        };
        let seconds = seconds(|| {
            std::thread::scope(|scope| {
                for _ in 0..self.threads.count() {
                    scope.spawn(write);
                }
            });
        });
        fs::remove_dir_all(&target).unwrap();
        seconds
    }

    /// From a random legal subset of primary slivers.
    fn decode(&self, ingredients: &mut Ingredients) {
        let slivers = self.directory.join("speed-table-slivers");
        self.keep_rows(&slivers);
        let source = DirectorySource::open(&slivers).unwrap();
        let target = self.directory.join("speed-table-decoded");
        let decoder = StreamDecoder::new(source.metadata(), &source)
            .with_work(Work::on(self.threads.clone()));
        let run = || {
            let seconds = seconds(|| decoder.decode_to_file(&target).unwrap());
            fs::remove_file(&target).unwrap();
            seconds
        };
        let line = Line {
            what: "decode _ from files to a file, verified and checked",
            goal: "1 GiB",
            bound: Bound::NONE,
        };
        self.line(line, ingredients, || 0.0, run);
        fs::remove_dir_all(&slivers).unwrap();
    }

    fn keep_rows(&self, target: &Path) {
        let sink = DirectorySink::create(target, &self.config, self.length).unwrap();
        let needed = usize::from(self.config.primary_source_symbols());
        let rows = Rows {
            sink: &sink,
            kept: subset(usize::from(self.config.n_shards()), needed),
        };
        let metadata = self.with_encoder(|encoder| encoder.encode_to(&rows).unwrap());
        sink.commit(&metadata).unwrap();
    }
}

/// Seconds that `run` takes.
fn seconds<T>(run: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(run());
    start.elapsed().as_secs_f64()
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
        sliver.sliver_type() == SliverType::Primary
            && self.kept.contains(&sliver.index().as_usize())
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
