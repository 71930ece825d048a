#!/usr/bin/env bash
# Guessed: the crate tar reads what Python's tarfile writes: an extended (pax) record says its own length, so a name in it may hold line ends.
# Seen: tar 0.4.46 splits extended records at line ends first, and passes over the pieces that are no records then. `unpack` says Ok, and a
#   file whose name has more than 100 bytes and a line end is there under the first 100: of two that differ after that, the second replaces the
#   first. tarfile reads both; names without a line end are as they should be. Only whoever asks `pax_extensions` for the records gets errors.
# For users: check the records of each entry for errors before `unpack`; whoever writes archives for others encodes line ends.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "shown"
version = "0.0.0"
edition = "2021"

[dependencies]
tar = { version = "=0.4.46", default-features = false }
TOML
cat >write.py <<'PY'
import io
import tarfile

for archive, separator in {"space.tar": " ", "line-end.tar": "\n"}.items():
    names = [f"{'a' * 110}{separator}{version}" for version in ("first", "second")]
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as written:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 5
            written.addfile(member, io.BytesIO(b"hello"))
    with tarfile.open(archive) as read:
        assert read.getnames() == names
PY
python3 write.py
cat >src/main.rs <<'RUST'
use std::fs::{self, File};
use tar::Archive;

fn main() {
    let open = |name: &str| Archive::new(File::open(format!("{name}.tar")).unwrap());
    let mut seen = Vec::new();
    for name in ["space", "line-end"] {
        let unpacked = open(name).unpack(name).is_ok();
        let files = fs::read_dir(name).unwrap().map(|file| file.unwrap().file_name().len());
        let mut lengths: Vec<usize> = files.collect();
        lengths.sort();
        let mut archive = open(name);
        let mut bad = 0;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut records = entry.pax_extensions().unwrap().expect("extended records");
            bad += usize::from(records.any(|record| record.is_err()));
        }
        println!("{name}: Ok: {unpacked}, lengths of the names there: {lengths:?}, entries with records in error: {bad}");
        seen.push((unpacked, lengths, bad));
    }
    assert_eq!(seen, [(true, vec![116, 117], 0), (true, vec![100], 2)]);
}
RUST
cargo run --quiet
