//! The daemons that serve HTTP, beside the ones that a network starts.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use super::{SHAPE, UP};
use crate::program::{Home, names};

/// Sends a request and reads the answer to its end: status and body.
pub(super) fn ask(
    url: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> (u16, Vec<u8>) {
    try_ask(url, method, path, headers, body).unwrap()
}

/// The same, or `None` if there is no whole answer.
pub(super) fn try_ask(
    url: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Option<(u16, Vec<u8>)> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).ok()?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    let body = answer[end + 4..].to_vec();
    length
        .is_none_or(|length| length == body.len())
        .then_some((status, body))
}

fn do_not_serve_what_is_blocked(home: &Home, path: &str, blob_id: &str, aggregator: &[&str]) {
    let blocking = [aggregator, &["--blocklist", "blocked.yaml"]].concat();
    let missing = home.fail(&blocking);
    assert!(missing.contains("cannot read the block list"), "{missing}");
    home.file("blocked.yaml", format!("- {blob_id}\n").as_bytes());
    let blocking = home.start(&blocking);
    let told = blocking.wait_for_json();
    let url = told["url"].as_str().unwrap();
    assert_eq!(ask(url, "GET", path, "", b"").0, 451);
    let metrics = told["metricsUrl"].as_str().unwrap();
    let (_, metrics) = ask(
        metrics.strip_suffix("/metrics").unwrap(),
        "GET",
        "/metrics",
        "",
        b"",
    );
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("walrus_blocklist_size 1"), "{metrics}");
    assert!(blocking.stop_with("INT").success());
}

#[test]
fn daemons_serve_and_store_blobs_until_ctrl_c() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    let up = network.wait_for_line(UP);
    assert!(!up.contains("aggregator"), "{up}");
    network.wait_for_line("publisher");
    let free = [
        "--bind-address",
        "127.0.0.1:0",
        "--metrics-address",
        "127.0.0.1:0",
        "--json",
    ];
    let with = |command: &[&'static str]| [command, &free].concat();
    let daemon = home.start(&with(&[
        "daemon",
        "--sub-wallets-dir",
        "wallets",
        "--n-clients",
        "2",
        "--max-body-size",
        "1",
    ]));
    let told = daemon.wait_for_json();
    let url = told["url"].as_str().unwrap();
    let (status, body) = ask(url, "PUT", "/v1/blobs?epochs=2", "", b"over HTTP");
    let stored: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{stored}");
    let blob_id = stored["newlyCreated"]["blobObject"]["blobId"]
        .as_str()
        .unwrap();
    let (status, health) = ask(url, "GET", "/v1/health", "", b"");
    let health: Value = serde_json::from_slice(&health).unwrap();
    assert_eq!(
        (status, &health["wallets"][0]["wallet"]),
        (200, &"main".into())
    );
    // What sub-wallets get to pay with lies in no coin.
    let wal = &health["wallets"][1]["wal"];
    assert_eq!(wal["total"], wal["addressBalance"], "{health}");
    assert!(wal["total"].as_u64() > Some(0), "{health}");
    let path = format!("/v1/blobs/{blob_id}");
    let range = "Range: bytes=5-\r\n";
    assert_eq!(ask(url, "GET", &path, range, b""), (206, b"HTTP".to_vec()));
    assert_eq!(ask(url, "PUT", "/v1/blobs", "", &[0; 1025]).0, 413);
    let (_, limits) = ask(url, "GET", "/v1/limits", "", b"");
    let limits: Value = serde_json::from_slice(&limits).unwrap();
    assert_eq!(limits["maxBodySize"], 1024, "{limits}");
    let metrics = told["metricsUrl"]
        .as_str()
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap();
    let (_, metrics) = ask(metrics, "GET", "/metrics", "", b"");
    let metrics = String::from_utf8(metrics).unwrap();
    for series in [
        "http_server_request_duration_seconds",
        "walrus_worker_running",
    ] {
        assert!(metrics.contains(series), "{series} in {metrics}");
    }
    assert_eq!(
        names(&home.path().join("wallets")),
        [
            "state",
            "sui_0.keystore",
            "sui_1.keystore",
            "sui_client_0.yaml",
            "sui_client_1.yaml",
            "uploads"
        ]
    );
    let key = home.json(&[
        "gateway",
        "key",
        "create",
        "--name",
        "phone",
        "--budget",
        "1WAL",
        "--state-dir",
        "wallets/state",
        "--json",
    ]);
    let shown = format!("Authorization: Bearer {}\r\n", key["key"].as_str().unwrap());
    // The publisher that is up takes note at once.
    let (status, quota) = ask(url, "GET", "/v1/quota", &shown, b"");
    let quota: Value = serde_json::from_slice(&quota).unwrap();
    assert_eq!((status, &quota["budget"]), (200, &1_000_000_000.into()));
    let (status, body) = ask(url, "PUT", "/v1/blobs", &shown, b"of the key");
    let stored: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{stored}");
    let object = stored["newlyCreated"]["blobObject"]["id"].as_str().unwrap();
    let (_, quota) = ask(url, "GET", "/v1/quota", &shown, b"");
    let quota: Value = serde_json::from_slice(&quota).unwrap();
    assert_eq!(quota["spent"], stored["newlyCreated"]["cost"], "{quota}");
    let (_, objects) = ask(url, "GET", "/v1/objects", &shown, b"");
    let objects: Value = serde_json::from_slice(&objects).unwrap();
    assert_eq!(objects["objects"][0]["objectId"], object, "{objects}");
    let held = format!("/v1/objects/{object}");
    let (status, extended) = ask(url, "POST", &format!("{held}/extend?epochs=2"), &shown, b"");
    let extended: Value = serde_json::from_slice(&extended).unwrap();
    assert_eq!(status, 200, "{extended}");
    let begun = stored["newlyCreated"]["blobObject"]["storage"]["endEpoch"].as_u64();
    assert_eq!(extended["endEpoch"].as_u64(), begun.map(|end| end + 2));
    let set = br#"{"content-type": "text/plain"}"#;
    assert_eq!(
        ask(url, "PUT", &format!("{held}/attributes"), &shown, set).0,
        200
    );
    let by_object = format!("/v1/blobs/by-object-id/{object}");
    assert_eq!(
        ask(url, "GET", &by_object, "", b""),
        (200, b"of the key".to_vec())
    );
    let (status, deleted) = ask(url, "DELETE", &held, &shown, b"");
    let deleted: Value = serde_json::from_slice(&deleted).unwrap();
    assert_eq!(status, 200, "{deleted}");
    assert_eq!(deleted["stored"]["deletableObjects"], 0, "{deleted}");
    assert_eq!(ask(url, "DELETE", &held, &shown, b"").0, 404);
    home.json(&[
        "gateway",
        "key",
        "revoke",
        "phone",
        "--state-dir",
        "wallets/state",
        "--json",
    ]);
    assert_eq!(ask(url, "GET", "/v1/quota", &shown, b"").0, 401);
    let keys = home.json(&[
        "gateway",
        "key",
        "list",
        "--state-dir",
        "wallets/state",
        "--json",
    ]);
    assert_eq!(keys[0]["name"], "phone", "{keys}");
    assert!(keys[0].get("key").is_none(), "{keys}");
    assert!(daemon.stop_with("INT").success());

    // One that reads needs no wallet.
    let aggregator = home.start(&with(&["aggregator"]));
    let told = aggregator.wait_for_json();
    let url = told["url"].as_str().unwrap();
    assert_eq!(
        ask(url, "GET", &path, "", b""),
        (200, b"over HTTP".to_vec())
    );
    assert_eq!(ask(url, "PUT", "/v1/blobs", "", b"x").0, 404);
    assert!(aggregator.stop_with("TERM").success());
    do_not_serve_what_is_blocked(&home, &path, blob_id, &with(&["aggregator"]));

    let poor = with(&[
        "publisher",
        "--sub-wallets-dir",
        "poor",
        "--gas-refill-amount",
        "1000000",
        "--sub-wallets-min-balance",
        "1",
    ]);
    let refused = home.fail(&poor);
    assert!(refused.contains("not enough for the gas"), "{refused}");

    let open = [
        "publisher",
        "--sub-wallets-dir",
        "wallets",
        "--bind-address",
        "0.0.0.0:0",
    ];
    let metrics = ["--metrics-address", "127.0.0.1:0"];
    let refused = home.fail(&[&open[..], &metrics].concat());
    assert!(refused.contains("--allow-anonymous"), "{refused}");
    let unbounded = [&open[..], &metrics, &["--allow-anonymous"]].concat();
    let refused = home.fail(&unbounded);
    assert!(refused.contains("--budget"), "{refused}");
    let unchecked = [&open[..], &metrics, &["--jwt-expiring-sec", "60"]].concat();
    let refused = home.fail(&unchecked);
    assert!(refused.contains("how signatures of tokens"), "{refused}");
    assert!(network.stop_with("INT").success());
}
