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
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
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
            "sui_0.keystore",
            "sui_1.keystore",
            "sui_client_0.yaml",
            "sui_client_1.yaml"
        ]
    );
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
    let unchecked = [&open[..], &metrics, &["--jwt-expiring-sec", "60"]].concat();
    let refused = home.fail(&unchecked);
    assert!(refused.contains("how signatures of tokens"), "{refused}");
    assert!(network.stop_with("INT").success());
}
