#!/usr/bin/env bash
# Guessed: after `persist(PersistMode::SyncAll)` all that a table of fjall needs to be found again was handed to the disk, the name of its folder
#   included.
# Seen: fjall 3.1.13 makes `keyspaces/1` for the first keyspace and syncs that folder and what is in it, and never `keyspaces`, which holds its
#   name (it syncs `keyspaces` once, when the database is made, before any keyspace of a user). POSIX promises a name only when its folder was
#   synced. A database whose `keyspaces/1` is gone opens without an error, and what was persisted in it is not there.
# For users: sync the folder `keyspaces` after each `keyspace()` that makes one (many journaling file systems keep the name without it).
# Linux only: the program counts calls of fsync and fdatasync in its own process.
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
fjall = { version = "=3.1.13", default-features = false }
lsm-tree = { version = "=3.1.10", default-features = false }
libc = "=0.2.191"
TOML
cat >src/main.rs <<'RUST'
use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use std::{fs, path::PathBuf, sync::Mutex};

static SYNCED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn note(file: i32) {
    if let Ok(path) = fs::read_link(format!("/proc/self/fd/{file}")) {
        SYNCED.lock().unwrap().push(path);
    }
}

// The standard library calls these in the place of libc's.
#[no_mangle]
pub extern "C" fn fsync(file: i32) -> i32 {
    note(file);
    unsafe { libc::syscall(libc::SYS_fsync, file) as i32 }
}

#[no_mangle]
pub extern "C" fn fdatasync(file: i32) -> i32 {
    note(file);
    unsafe { libc::syscall(libc::SYS_fdatasync, file) as i32 }
}

fn open(path: &PathBuf) -> Database {
    Database::builder(path).open().expect("the database opens")
}

fn main() {
    let path = fs::canonicalize(".").unwrap().join("database");
    let keyspaces = path.join("keyspaces");
    let was_synced = |path: &PathBuf| SYNCED.lock().unwrap().contains(path);

    let database = open(&path);
    println!("the database is made: `keyspaces` synced: {}", was_synced(&keyspaces));
    assert!(was_synced(&keyspaces) && !keyspaces.join("1").exists());

    SYNCED.lock().unwrap().clear();
    let table = database.keyspace("a", KeyspaceCreateOptions::default).unwrap();
    table.insert("key", "value").unwrap();
    database.persist(PersistMode::SyncAll).unwrap();
    let (inner, outer) = (was_synced(&keyspaces.join("1")), was_synced(&keyspaces));
    println!("a keyspace is made and persisted: `keyspaces/1` synced: {inner}, `keyspaces` synced: {outer}");
    assert!(inner && !outer);
    drop((table, database));

    let read = || {
        let table = open(&path).keyspace("a", KeyspaceCreateOptions::default).unwrap();
        table.get("key").unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
    };
    let before = read();
    fs::remove_dir_all(keyspaces.join("1")).unwrap();
    let after = read();
    println!("opened again: {before:?}; without the folder that was not made durable: {after:?}");
    assert_eq!((before, after), (Some("value".to_owned()), None));
}
RUST
cargo run --quiet
