//! Stores through an upload relay that wants a tip.

use std::fs;

use super::{SHAPE, UP};
use crate::program::Home;

const RELAY: &str = "tip_config: !send_tip
  address: 0x2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a
  kind: !const 42000
tx_freshness_threshold_secs: 36000
tx_max_future_threshold: {secs: 30, nanos: 0}
";

#[test]
fn a_relay_sends_blobs_for_a_tip_that_was_agreed_to() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    home.file("relay.yaml", RELAY.as_bytes());
    let relay = home.start(&[
        "upload-relay",
        "--relay-config",
        "relay.yaml",
        "--server-address",
        "127.0.0.1:0",
        "--metrics-address",
        "127.0.0.1:0",
        "--json",
    ]);
    let told = relay.wait_for_json();
    let url = told["url"].as_str().unwrap();
    home.file("note", b"by relay");
    let store = ["store", "note", "--epochs", "2", "--json", "--upload-relay"];
    let nobody = home.fail(&[&store[..], &["http://127.0.0.1:1"]].concat());
    assert!(nobody.contains("does not answer"), "{nobody}");
    let store = [&store[..], &[url]].concat();
    let unasked = home.fail(&store);
    assert!(unasked.contains("a tip of 0.000042 SUI"), "{unasked}");
    assert!(unasked.contains("--skip-tip-confirmation"), "{unasked}");
    assert_eq!(home.json(&["list-blobs", "--json"]), serde_json::json!([]));

    let agreed = [&store[..], &["--skip-tip-confirmation"]].concat();
    let permanent = [&agreed[..], &["--permanent"]].concat();
    for (number, command) in [&agreed, &permanent].into_iter().enumerate() {
        let content = format!("by relay, for the {number}th time");
        home.file("note", content.as_bytes());
        let stored = home.json(command);
        let created = &stored[0]["blobStoreResult"]["newlyCreated"];
        assert_eq!(created["blobObject"]["deletable"], number == 0, "{stored}");
        let blob_id = created["blobObject"]["blobId"].as_str().unwrap();
        assert_eq!(home.succeed(&["read", blob_id]), content);
    }
    let folder = home.path().join("many");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), b"the first").unwrap();
    let quilt = [
        "store-quilt",
        "--paths",
        "many",
        "--epochs",
        "2",
        "--json",
        "--upload-relay",
        url,
    ];
    let stored = home.json(&[&quilt[..], &["--skip-tip-confirmation"]].concat());
    let patch = stored["storedQuiltBlobs"][0]["quiltPatchId"]
        .as_str()
        .unwrap();
    assert_eq!(
        home.succeed(&["read-quilt", "--quilt-patch-ids", patch]),
        "the first"
    );
    assert!(relay.stop_with("INT").success());
    assert!(network.stop_with("INT").success());
}
