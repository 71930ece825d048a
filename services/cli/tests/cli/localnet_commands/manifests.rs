//! A body that is larger than a blob can be: stored as several blobs, read as one, and kept together.

use std::fs;

use serde_json::Value;

use super::{SHAPE, UP, gateway::ask};
use crate::program::Home;

/// More than 13 shards take in one blob: three parts of up to 2 MiB.
const LENGTH: usize = 5_000_000;
const PART: usize = 2 << 20;

fn body() -> Vec<u8> {
    let mut state = 1_u32;
    let bytes = (0..LENGTH).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    bytes.collect()
}

#[test]
fn what_is_too_large_for_one_blob_is_several_and_reads_as_one() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    let body = body();
    home.file("large", &body);
    let planned = home.json(&["store", "large", "--epochs", "2", "--dry-run", "--json"]);
    let cost = planned[0]["cost"].as_u64().unwrap();
    let dear = (cost - 1).to_string();
    let refused = home.fail(&["store", "large", "--epochs", "2", "--max-cost", &dear]);
    assert!(refused.contains("nothing was paid"), "{refused}");
    refuse_early(&home, cost / 4);
    assert_eq!(list(&home).len(), 0);

    let paid = cost.to_string();
    let stored = home.json(&[
        "store",
        "large",
        "--epochs",
        "2",
        "--max-cost",
        &paid,
        "--json",
    ]);
    let parts = stored[0]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 3, "{stored}");
    assert_eq!(parts[2]["path"], "large (part 3 of 3)");
    let costs = parts.iter().chain([&stored[0]]).map(|one| {
        let created = &one["blobStoreResult"]["newlyCreated"];
        created["cost"].as_u64().unwrap()
    });
    assert_eq!(costs.sum::<u64>(), cost);
    let manifest = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"];
    assert_eq!(manifest["size"], 64 + 3 * 40);
    let blob_id = manifest["blobId"].as_str().unwrap();
    assert_eq!(planned[0]["blobId"], blob_id);
    assert_eq!(planned[0]["parts"].as_array().unwrap().len(), 3);
    let named = home.json(&["blob-id", "large", "--n-shards", "13", "--json"]);
    assert_eq!(named["blobId"], blob_id);
    assert_eq!(named["parts"][1]["length"], PART);

    let again = home.json(&["store", "large", "--epochs", "2", "--json"]);
    let of = |one: &Value| one["blobStoreResult"]["alreadyCertified"].is_object();
    assert!(of(&again[0]) && again[0]["parts"].as_array().unwrap().iter().all(of));

    read(&home, blob_id, &body);
    serve(&home, blob_id, &body);
    verify(&home, blob_id);
    let status = home.json(&["blob-status", blob_id, "--json"]);
    assert_eq!(status["parts"]["count"], 3, "{status}");
    assert_eq!(status["parts"]["available"], 3, "{status}");
    keep_together(&home, manifest, &body);
    assert!(network.stop_with("INT").success());
}

/// A body of 16 GiB, of which only the begin is on the disk. It is refused once its first parts are known, not once all are.
fn refuse_early(home: &Home, max: u64) {
    let path = home.file("huge", &body());
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(16 << 30).unwrap();
    let max = max.to_string();
    let refused = home.fail(&["store", "huge", "--epochs", "2", "--max-cost", &max]);
    assert!(
        refused.contains("the store costs") && refused.contains("nothing was paid"),
        "{refused}"
    );
    fs::remove_file(path).unwrap();
}

fn list(home: &Home) -> Vec<Value> {
    let listed = home.json(&["list-blobs", "--json"]);
    listed.as_array().unwrap().clone()
}

fn read(home: &Home, blob_id: &str, body: &[u8]) {
    let check = |arguments: &[&str], expected: &[u8]| {
        let arguments = [&["read", blob_id, "--out", "out"], arguments].concat();
        home.succeed(&arguments);
        let out = home.path().join("out");
        assert!(fs::read(&out).unwrap() == expected, "{arguments:?}");
        fs::remove_file(out).unwrap();
    };
    check(&[], body);
    check(&["--strict-consistency-check"], body);
    check(&["--resume"], body);
    let (from, to) = (PART - 10, PART + 9);
    let range = format!("{from}-{to}");
    check(&["--range", &range], &body[from..=to]);
    check(&["--range", "-7"], &body[LENGTH - 7..]);
    let partial = home.file(&format!(".out.{blob_id}.partial"), &body[..PART + 1]);
    check(&["--resume"], body);
    fs::write(&partial, [&body[..PART], b"!"].concat()).unwrap();
    let wrong = home.fail(&["read", blob_id, "--out", "out", "--resume"]);
    assert!(wrong.contains("read it again"), "{wrong}");
    home.succeed(&["read", blob_id, "--raw", "--out", "out"]);
    let raw = fs::read(home.path().join("out")).unwrap();
    assert_eq!(raw.len(), 184);
    assert!(raw.starts_with(b"\x93walrus-manifest"));
    let piped = home.run(&["read", blob_id]);
    assert!(piped.status.success() && piped.stdout == body);
}

fn serve(home: &Home, blob_id: &str, body: &[u8]) {
    let network = home.path().join(".walrus/localnet/network.json");
    let network: Value = serde_json::from_slice(&fs::read(network).unwrap()).unwrap();
    let url = network["aggregatorUrl"].as_str().unwrap();
    let path = format!("/v1/blobs/{blob_id}");
    let (status, whole) = ask(url, "GET", &path, "", b"");
    assert!(status == 200 && whole == body, "{status}");
    let (from, to) = (2 * PART - 3, 2 * PART + 3);
    let range = format!("Range: bytes={from}-{to}\r\n");
    let (status, part) = ask(url, "GET", &path, &range, b"");
    assert_eq!((status, &part[..]), (206, &body[from..=to]));
    let strict = format!("{path}?strict_consistency_check=true");
    assert!(ask(url, "GET", &strict, "", b"").1 == body);
    let (status, raw) = ask(url, "GET", &format!("{path}?raw=1"), "", b"");
    assert_eq!((status, raw.len()), (200, 184));
    let (status, proof) = ask(url, "GET", &format!("{path}?proof=1"), &range, b"");
    assert_eq!(status, 200);
    home.file("part", &part);
    home.file("part.proof", &proof);
    let in_query = format!("{path}/byte-range?start={from}&length=7&proof=1");
    assert_eq!(ask(url, "GET", &in_query, "", b""), (200, proof));
    for refused in ["?proof=2", "?proof=1&raw=maybe"] {
        assert_eq!(ask(url, "GET", &format!("{path}{refused}"), "", b"").0, 400);
    }
}

/// Files from the aggregator, and from the command line.
fn verify(home: &Home, blob_id: &str) {
    let by_proof = |file: &'static str, range| {
        let of = ["verify", file, "--blob-id", blob_id, "--n-shards", "13"];
        [
            &of[..],
            &["--proof", "part.proof", "--range", range, "--json"],
        ]
        .concat()
    };
    let range = format!("{}-{}", 2 * PART - 3, 2 * PART + 3);
    let verified = home.json(&by_proof("part", &range));
    assert_eq!(verified["range"]["start"], 2 * PART - 3, "{verified}");
    assert_eq!(verified["length"], LENGTH);
    // Of a part, the proof tells its own blob ID; what was asked for is the whole.
    let named =
        |error: &str| error.contains(&format!("it is not that range of blob {blob_id}, part 3"));
    let other = home.fail(&by_proof("part", "0-6"));
    assert!(other.contains("not of those asked for"), "{other}");
    let mut part = fs::read(home.path().join("part")).unwrap();
    part[3] ^= 1;
    home.file("flipped", &part);
    let flipped = home.fail(&by_proof("flipped", &range));
    assert!(flipped.contains("flipped is not verified"), "{flipped}");
    assert!(named(&flipped), "{flipped}");
    for (name, length) in [("short", part.len() - 1), ("long", part.len() + 1)] {
        part.resize(length, 0);
        home.file(name, &part);
        let wrong = home.fail(&by_proof(name, &range));
        assert!(wrong.contains("the range has 7 bytes"), "{wrong}");
    }
    home.succeed(&[
        "read",
        blob_id,
        "--range",
        &range,
        "--out",
        "again",
        "--proof-out",
        "again.proof",
    ]);
    let file = |name| fs::read(home.path().join(name)).unwrap();
    assert_eq!(file("again.proof"), file("part.proof"));
    let whole = [
        "verify",
        "large",
        "--blob-id",
        blob_id,
        "--n-shards",
        "13",
        "--json",
    ];
    assert_eq!(home.json(&whole)["verified"], true);
    let wrong = home.fail(&["verify", "part", "--blob-id", blob_id, "--n-shards", "13"]);
    assert!(wrong.contains(&format!("not {blob_id}")), "{wrong}");
}

/// What is done to a manifest is done to its parts, but for those that another one has.
fn keep_together(home: &Home, manifest: &Value, body: &[u8]) {
    let object = manifest["id"].as_str().unwrap();
    let end = manifest["storage"]["endEpoch"].as_u64().unwrap();
    let longer = (end + 1).to_string();
    let extended = home.json(&[
        "extend",
        "--blob-obj-id",
        object,
        "--end-epoch",
        &longer,
        "--json",
    ]);
    assert_eq!(extended["blobs"].as_array().unwrap().len(), 4, "{extended}");
    for blob in list(home) {
        assert_eq!(blob["storage"]["endEpoch"], end + 1, "{blob}");
    }

    // Longer at its end: the first two parts are the same blobs.
    let grown = [body, b"and more"].concat();
    home.file("grown", &grown);
    let stored = home.json(&["store", "grown", "--epochs", "2", "--json"]);
    let parts = stored[0]["parts"].as_array().unwrap();
    let reused = |part: &Value| part["blobStoreResult"]["alreadyCertified"].is_object();
    assert!(
        reused(&parts[0]) && reused(&parts[1]) && !reused(&parts[2]),
        "{stored}"
    );
    assert_eq!(list(home).len(), 6);
    let other = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    let other = other.as_str().unwrap();

    let first = manifest["blobId"].as_str().unwrap();
    let deleted = home.json(&["delete", "--blob-ids", first, "--no-status-check", "--json"]);
    assert_eq!(
        deleted[0]["deletedBlobs"].as_array().unwrap().len(),
        2,
        "{deleted}"
    );
    assert_eq!(
        deleted[0]["partsKept"].as_array().unwrap().len(),
        2,
        "{deleted}"
    );
    home.succeed(&["read", other, "--out", "grown-again"]);
    assert!(fs::read(home.path().join("grown-again")).unwrap() == grown);
    let deleted = home.json(&["delete", "--files", "grown", "--no-status-check", "--json"]);
    assert_eq!(
        deleted[0]["deletedBlobs"].as_array().unwrap().len(),
        4,
        "{deleted}"
    );
    assert_eq!(list(home).len(), 0);

    let shared = home.json(&["store", "large", "--epochs", "1", "--permanent", "--json"]);
    let manifest = &shared[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["id"];
    let shared = home.json(&[
        "share",
        "--blob-obj-id",
        manifest.as_str().unwrap(),
        "--json",
    ]);
    assert_eq!(
        shared["sharedParts"].as_array().unwrap().len(),
        3,
        "{shared}"
    );
    assert_eq!(list(home).len(), 0);
    extend_shared(
        home,
        shared["sharedBlobObjectId"].as_str().unwrap(),
        &shared,
    );
    let stored = [
        "store",
        "grown",
        "--epochs",
        "1",
        "--permanent",
        "--share",
        "--json",
    ];
    let stored = home.json(&stored);
    let manifest = &stored[0]["blobStoreResult"]["newlyCreated"]["sharedBlobObject"];
    // The first two parts were shared before, for as long.
    let extend = [
        "extend",
        "--shared",
        "--epochs-extended",
        "1",
        "--blob-obj-id",
    ];
    let output = home.run(&[&extend[..], &[manifest.as_str().unwrap()]].concat());
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        said.contains("is not noted at it: part 1 (") && !said.contains("3 ("),
        "{said}"
    );
}

/// The parts of a shared manifest are found by what is noted at it.
fn extend_shared(home: &Home, manifest: &str, shared: &Value) {
    let parts = shared["sharedParts"].as_array().unwrap();
    let extend = [
        "extend",
        "--shared",
        "--epochs-extended",
        "1",
        "--blob-obj-id",
        manifest,
    ];
    let poor = home.run(&[&extend[..], &["--json"]].concat());
    assert_eq!(poor.status.code(), Some(1));
    let poor: Value = serde_json::from_slice(&poor.stdout).unwrap();
    let blobs = poor["blobs"].as_array().unwrap();
    assert_eq!(blobs.len(), 1 + parts.len(), "{poor}");
    let costs = blobs[0]["error"].as_str().unwrap();
    assert!(costs.starts_with("the extension costs"), "{costs}");
    for object in parts.iter().chain([&Value::from(manifest)]) {
        home.succeed(&[
            "fund-shared-blob",
            "--shared-blob-obj-id",
            object.as_str().unwrap(),
            "--amount",
            "1WAL",
        ]);
    }
    let extended = home.json(&[&extend[..], &["--json"]].concat());
    let blobs = extended["blobs"].as_array().unwrap();
    assert_eq!(blobs.len(), 1 + parts.len(), "{extended}");
    assert!(
        blobs.iter().all(|blob| blob["epochsExtended"] == 1),
        "{extended}"
    );
    for part in parts {
        assert!(
            blobs.iter().any(|blob| blob["blobObjId"] == *part),
            "{extended}"
        );
    }
}
