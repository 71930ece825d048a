//! A publisher that is killed in the middle of stores, again and again, at moments that a seed decides: nothing is paid twice, nothing stays
//! half-written, and whatever was answered can be read.
//!
//! `WALRUS_KILLS` and `WALRUS_KILLS_SEED` say how often, and which moments; `scripts/soak kills` has more of them than the usual run.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{SHAPE, UP, gateway::try_ask};
use crate::program::{Home, Running};

const KILLS: u64 = 20;
/// Stores that are under way when it is killed.
const AT_ONCE: u64 = 3;
/// Within so many milliseconds from the requests on.
const WITHIN_MS: u64 = 1200;

/// Numbers that a seed decides (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap())
}

/// A request that is sent until it is answered.
#[derive(Clone)]
struct Store {
    key: String,
    body: Vec<u8>,
}

impl Store {
    fn new(number: u64, random: &mut Random) -> Self {
        // Small ones are in the tables, large ones in files.
        let length = match random.below(3) {
            0 => random.below(1000),
            1 => random.below(100_000),
            _ => 300_000 + random.below(300_000),
        };
        let mut body = number.to_be_bytes().to_vec();
        body.extend((0..length).map(|_| random.next().to_be_bytes()[0]));
        Self {
            key: format!("store-{number}"),
            body,
        }
    }

    /// The answer; `None` if the connection broke.
    fn send(&self, url: &str) -> Option<Value> {
        let header = format!("Idempotency-Key: {}\r\n", self.key);
        let (status, answer) = try_ask(url, "PUT", "/v1/blobs?epochs=2", &header, &self.body)?;
        let answer: Value = serde_json::from_slice(&answer).ok()?;
        assert_eq!(status, 200, "{}: {answer}", self.key);
        Some(answer)
    }
}

/// The publisher under test, always at the same address.
struct Publisher<'a> {
    home: &'a Home,
    address: String,
    url: String,
}

impl Publisher<'_> {
    fn start(&self) -> Running {
        let running = self.home.start(&[
            "publisher",
            "--sub-wallets-dir",
            "wallets",
            "--n-clients",
            "2",
            "--refill-interval",
            "1h",
            "--bind-address",
            &self.address,
            "--metrics-address",
            "127.0.0.1:0",
            "--json",
        ]);
        running.wait_for_json();
        running
    }

    /// FROST of the main wallet and the sub-wallets, as they were when the publisher started.
    fn frost(&self) -> u64 {
        let (status, health) = try_ask(&self.url, "GET", "/v1/health", "", b"").unwrap();
        assert_eq!(status, 200);
        let health: Value = serde_json::from_slice(&health).unwrap();
        let wallets = health["wallets"].as_array().unwrap().iter();
        wallets
            .map(|wallet| wallet["wal"]["total"].as_u64().unwrap())
            .sum()
    }
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn a_publisher_that_is_killed_pays_nothing_twice_and_loses_nothing() {
    let (kills, seed) = (
        from_environment("WALRUS_KILLS", KILLS),
        from_environment("WALRUS_KILLS_SEED", 1),
    );
    let mut random = Random(seed);
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    let aggregator = network.wait_for_line("aggregator");
    let reads = aggregator.split_whitespace().last().unwrap().to_owned();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let publisher = Publisher {
        home: &home,
        url: format!("http://{address}"),
        address,
    };
    let first = publisher.start();
    let before = publisher.frost();
    drop(first);
    let mut answers: BTreeMap<String, Value> = BTreeMap::new();
    let mut answered_before_the_kill = 0;
    let mut running = publisher.start();
    for kill in 0..kills {
        let numbers = kill * AT_ONCE..(kill + 1) * AT_ONCE;
        let stores: Vec<_> = numbers
            .map(|number| Store::new(number, &mut random))
            .collect();
        let threads: Vec<_> = stores
            .iter()
            .map(|store| {
                let (store, url) = (store.clone(), publisher.url.clone());
                std::thread::spawn(move || store.send(&url))
            })
            .collect();
        // The moment is what is tested, not waited for.
        let moment = Instant::now() + Duration::from_millis(random.below(WITHIN_MS));
        while Instant::now() < moment {
            std::thread::yield_now();
        }
        drop(running);
        let heard: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        answered_before_the_kill += heard.iter().flatten().count();
        // The next process has what this one accepted; whoever has no answer asks again.
        running = publisher.start();
        for (store, heard) in stores.iter().zip(heard) {
            let answer = store.send(&publisher.url).unwrap();
            if let Some(heard) = heard {
                assert_eq!(answer, heard, "{} was answered otherwise before", store.key);
            }
            let blob_id = answer["newlyCreated"]["blobObject"]["blobId"].as_str();
            let path = format!("/v1/blobs/{}?wait=10", blob_id.unwrap());
            let (status, read) = try_ask(&reads, "GET", &path, "", b"").unwrap();
            assert!(
                status == 200 && read == store.body,
                "{}: {status}",
                store.key
            );
            answers.insert(store.key.clone(), answer);
        }
    }
    drop(running);
    let last = publisher.start();
    let paid = before - publisher.frost();
    let cost = |answer: &Value| answer["newlyCreated"]["cost"].as_u64().unwrap();
    let costs: u64 = answers.values().map(cost).sum();
    assert_eq!(
        paid, costs,
        "seed {seed}: what was paid is not what was stored"
    );
    let state = home.path().join("wallets/state");
    assert_eq!(entries(&state.join("bodies")), 0);
    println!(
        "{kills} kills, seed {seed}: {} stores, {answered_before_the_kill} answered before, {paid} FROST",
        answers.len()
    );
    drop(last);
    assert!(network.stop_with("INT").success());
}

/// Kills of `store` in a usual run; the soak has half as many as of the publisher.
const COMMAND_KILLS: u64 = 3;
/// Within so many milliseconds from its start.
const COMMAND_WITHIN_MS: u64 = 700;

#[test]
fn a_store_command_that_is_killed_pays_nothing_twice() {
    let kills = from_environment("WALRUS_KILLS", 2 * COMMAND_KILLS) / 2;
    let seed = from_environment("WALRUS_KILLS_SEED", 1);
    let mut random = Random(seed);
    let home = Home::new();
    let network = home.start(&SHAPE);
    let up = network.wait_for_line("publisher");
    assert!(up.contains(UP), "{up}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let wallets = Publisher {
        home: &home,
        url: format!("http://{address}"),
        address,
    };
    // The wallet of the command is its main wallet.
    let running = wallets.start();
    let before = wallets.frost();
    drop(running);
    let mut costs = 0;
    for kill in 0..kills {
        let store = Store::new(kill, &mut random);
        let file = home.file(&store.key, &store.body);
        let command = ["store", file.to_str().unwrap(), "--epochs", "2", "--json"];
        let planned = home.json(&[&command[..], &["--dry-run"]].concat());
        costs += planned[0]["storageCost"].as_u64().unwrap();
        let running = home.start(&command);
        let moment = Instant::now() + Duration::from_millis(random.below(COMMAND_WITHIN_MS));
        while Instant::now() < moment {
            std::thread::yield_now();
        }
        drop(running);
        let stored = home.json(&command);
        let result = &stored[0]["blobStoreResult"];
        let new = &result["newlyCreated"]["blobObject"]["blobId"];
        let blob_id = new
            .as_str()
            .or_else(|| result["alreadyCertified"]["blobId"].as_str());
        let read = home.run(&["read", blob_id.unwrap()]);
        assert!(read.stdout == store.body, "{stored}");
    }
    let running = wallets.start();
    let paid = before - wallets.frost();
    assert_eq!(
        paid, costs,
        "seed {seed}: what was paid is not what was stored"
    );
    println!("{kills} kills, seed {seed}: of the command `store`, {paid} FROST");
    drop(running);
    assert!(network.stop_with("INT").success());
}
