//! Ctrl-C and SIGTERM while `encode`, `decode` and `blob-id` compute, or wait for somebody else: an error, and nothing is left.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::program::{Home, names};
use walrus_core::{
    BlobMetadata, EncodingConfig, Primary, Secondary, SliverData, SliverIndex, SliverType,
    VerifiedBlobMetadataWithId, encoder::DirectorySink, merkle::Node, metadata::SliverPairMetadata,
    sliver::SliverId, sliver_type::Axis,
};

const SIGNALS: [&str; 2] = ["INT", "TERM"];

/// A file of zeros that takes no room on disk and long to encode.
fn zeros(path: &Path, length: u64) {
    File::create(path).unwrap().set_len(length).unwrap();
}

/// What a process has open. Files without names are called `#NUMBER (deleted)`.
fn open_files(id: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{id}/fd")) else {
        return Vec::new();
    };
    let links = entries.map_while(Result::ok);
    links
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .collect()
}

fn pipe(home: &Home, name: &str) -> PathBuf {
    let path = home.path().join(name);
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

fn assert_interrupted(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors, "Error: interrupted; nothing was written\n");
    assert!(output.stdout.is_empty());
}

/// The metadata and the primary slivers of a file of zeros. They are sparse.
fn slivers_of_zeros(directory: &Path, config: &EncodingConfig, length: u64) {
    let symbol = NonZeroU16::new(config.symbol_size(length).unwrap()).unwrap();
    let hashes = SliverPairMetadata {
        primary_hash: hash_of_zeros::<Primary>(config, symbol),
        secondary_hash: hash_of_zeros::<Secondary>(config, symbol),
    };
    let metadata = BlobMetadata::new(length, vec![hashes; config.n_shards().into()]);
    let metadata = VerifiedBlobMetadataWithId::from_metadata(metadata, config).unwrap();
    fs::create_dir(directory).unwrap();
    fs::write(
        directory.join(DirectorySink::METADATA_FILE),
        metadata.to_bcs(),
    )
    .unwrap();
    for index in 0..config.primary_source_symbols() {
        let sliver = SliverId::new(SliverType::Primary, SliverIndex(index));
        let path = directory.join(DirectorySink::sliver_file(sliver));
        zeros(
            &path,
            metadata.sliver_bcs_length(SliverType::Primary) as u64,
        );
    }
}

fn hash_of_zeros<T: Axis>(config: &EncodingConfig, symbol: NonZeroU16) -> Node {
    let length = usize::from(config.symbols_per_sliver(T::TYPE)) * usize::from(symbol.get());
    let sliver = SliverData::<T>::new(vec![0; length], symbol, SliverIndex(0)).unwrap();
    sliver.hash(config).unwrap()
}

#[test]
fn an_interrupted_encoding_leaves_nothing_behind() {
    let home = Home::new();
    zeros(&home.path().join("input"), 8 << 30);
    for signal in SIGNALS {
        // Directories above the new one are made, too.
        for out in ["slivers", "new/deeper/slivers"] {
            let arguments = ["encode", "input", "--n-shards", "1000", "--out", out];
            let staging = home.path().join(out);
            let staging = staging.parent().unwrap();
            let begun = |_| {
                let has_staging =
                    |names: Vec<_>| names.iter().any(|n: &String| n.contains(".partial-"));
                staging.exists() && has_staging(names(staging))
            };
            assert_interrupted(&home.signal_once(&arguments, signal, begun));
            assert_eq!(names(home.path()), ["input"]);
            assert!(home.leftovers().is_empty());
        }
    }
}

#[test]
fn an_interrupted_blob_id_is_none() {
    let home = Home::new();
    let input = home.path().join("input");
    zeros(&input, 8 << 30);
    let input = input.canonicalize().unwrap();
    for signal in SIGNALS {
        let arguments = ["blob-id", "input", "--n-shards", "1000"];
        let begun = |id| open_files(id).contains(&input);
        assert_interrupted(&home.signal_once(&arguments, signal, begun));
        assert_eq!(names(home.path()), ["input"]);
        assert!(home.leftovers().is_empty());
    }
}

#[test]
fn an_interrupted_decoding_leaves_the_older_file() {
    let home = Home::new();
    let config = EncodingConfig::new(1000).unwrap();
    slivers_of_zeros(&home.path().join("slivers"), &config, 1 << 30);
    home.file("output", b"older");
    let top = home.path().canonicalize().unwrap();
    for signal in SIGNALS {
        let arguments = ["decode", "slivers", "--out", "output"];
        // The file to be is open, with or without a name.
        let begun = |id| {
            let mut files = open_files(id).into_iter();
            files.any(|file| file.parent() == Some(&*top))
        };
        assert_interrupted(&home.signal_once(&arguments, signal, begun));
        assert_eq!(names(home.path()), ["output", "slivers"]);
        assert_eq!(fs::read(home.path().join("output")).unwrap(), b"older");
        assert!(home.leftovers().is_empty());
    }
}

#[test]
fn a_killed_decoding_leaves_nothing_behind() {
    let home = Home::new();
    let config = EncodingConfig::new(1000).unwrap();
    slivers_of_zeros(&home.path().join("slivers"), &config, 1 << 30);
    let top = home.path().canonicalize().unwrap();
    let arguments = ["decode", "slivers", "--out", "output"];
    let begun = |id| {
        let mut files = open_files(id).into_iter();
        files.any(|file| file.parent() == Some(&*top))
    };
    let output = home.signal_once(&arguments, "KILL", begun);
    assert_eq!(output.status.code(), None);
    assert_eq!(names(home.path()), ["slivers"]);
}

#[test]
fn nobody_waits_for_a_pipe_that_is_silent() {
    let home = Home::new();
    let input = pipe(&home, "input");
    for signal in SIGNALS {
        for arguments in [
            &["encode", "input", "--n-shards", "10", "--out", "slivers"][..],
            &["blob-id", "input", "--n-shards", "10"],
        ] {
            let (sender, receiver) = std::sync::mpsc::channel();
            let path = input.clone();
            // Opening a pipe lasts until somebody has it open at the other end.
            std::thread::spawn(move || sender.send(File::options().write(true).open(path)));
            let writer = std::cell::OnceCell::new();
            let begun = |_| match receiver.try_recv() {
                Ok(pipe) => writer.set(pipe.unwrap()).is_ok(),
                Err(_) => false,
            };
            assert_interrupted(&home.signal_once(arguments, signal, begun));
            assert_eq!(names(home.path()), ["input"]);
            assert!(home.leftovers().is_empty());
        }
    }
}

#[test]
fn nobody_waits_for_a_pipe_that_is_not_read() {
    let home = Home::new();
    home.file("input", &[7; 20_000]);
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
    pipe(&home, "output");
    for signal in SIGNALS {
        let arguments = ["decode", "slivers", "--out", "output"];
        // A handler is there when the first of the slivers is read, and nobody ever reads the pipe.
        let begun = |id| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let caught = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:\t"));
            let caught = caught.and_then(|mask| u64::from_str_radix(mask, 16).ok());
            // SIGINT is 2, SIGTERM is 15; bit 0 stands for signal 1.
            caught.is_some_and(|mask| mask & (1 << 1) != 0 && mask & (1 << 14) != 0)
        };
        let output = home.signal_once(&arguments, signal, begun);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("Error: interrupted"), "{errors}");
        assert!(output.stdout.is_empty());
        assert_eq!(names(home.path()), ["input", "output", "slivers"]);
        assert!(home.leftovers().is_empty());
    }
}
