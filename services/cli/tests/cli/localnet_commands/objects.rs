//! Blob objects on a network: listed, extended, shared, described, deleted and burnt.

use serde_json::{Value, json};

use super::{SHAPE, UP};
use crate::program::Home;

#[test]
fn blob_objects_are_listed_extended_shared_and_deleted() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    for name in ["a", "b", "c", "d"] {
        home.file(name, format!("content of {name}").as_bytes());
    }
    let epoch = home.json(&["info", "epoch", "--json"])["currentEpoch"]
        .as_u64()
        .unwrap();
    store_until(&home, epoch);
    let objects = list(&home, epoch);
    extend(&home, &objects, epoch);
    describe(&home, &objects[0]);
    refuse_control_characters(&home, object_id(&objects[0]));
    read_parts(&home);
    share(&home, epoch);
    delete(&home);
    burn(&home);
    ask_nodes(&home);
    backfill(&home);
    make_a_wallet(&home);
    assert!(network.stop_with("INT").success());
}

/// Runs a command that fails with a part of its work, and shows the rest; both outputs.
fn fail_in_part(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Blobs in files that nodes are sent, once.
fn backfill(home: &Home) {
    let committee = home.json(&["info", "committee", "--json"]);
    let nodes = committee["currentStorageNodes"].as_array().unwrap();
    let ids: Vec<_> = nodes
        .iter()
        .map(|node| node["nodeId"].as_str().unwrap())
        .collect();
    home.file("filled", b"to be filled");
    let stored = home.json(&["store", "filled", "--epochs", "2", "--json"]);
    let blob_id = created(&stored)["blobId"].as_str().unwrap().to_owned();
    std::fs::create_dir(home.path().join("blobs")).unwrap();
    home.file(&format!("blobs/{blob_id}"), b"to be filled");
    let push = |nodes: &[&str]| {
        let options = [
            "blob-backfill",
            "--backfill-dir",
            "blobs",
            "--pushed-state",
            "pushed",
        ];
        let output = home.run(&[&options[..], nodes].concat());
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = push(&ids[..2]);
    assert!(
        code == Some(0) && said.contains("all nodes have it"),
        "{said}"
    );
    let state = std::fs::read_to_string(home.path().join("pushed")).unwrap();
    assert_eq!(state, format!("{blob_id}\n"));
    let (code, said) = push(&ids);
    assert!(code == Some(0) && said.contains("0 blobs sent"), "{said}");
    let other = "A".repeat(43);
    home.file(&format!("blobs/{other}"), b"something else");
    let (code, said) = push(&ids);
    assert!(
        code == Some(1) && said.contains(&format!("not of {other}")),
        "{said}"
    );
    let (code, said) = push(&["0x5555"]);
    assert!(
        code == Some(1) && said.contains("is not in the current committee"),
        "{said}"
    );
}

/// Attributes that headers and terminals would take for something else.
fn refuse_control_characters(home: &Home, object: &str) {
    for arguments in [
        &["set-blob-attribute", object, "--attr", "k", "a\r\nb"][..],
        &["store", "a", "--epochs", "1", "--attr", "k\u{1}", "v"],
        &[
            "store-quilt",
            "--paths",
            "a",
            "--epochs",
            "1",
            "--content-type",
            "a\tb",
        ],
    ] {
        let refused = home.fail(arguments);
        assert!(
            refused.contains("has the control character U+00"),
            "{refused}"
        );
    }
}

/// The object of the only file that a store created.
fn created(stored: &Value) -> &Value {
    let object = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"];
    assert!(object.is_object(), "{stored}");
    object
}

fn object_id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

fn store_until(home: &Home, epoch: u64) {
    let end = (epoch + 4).to_string();
    let stored = home.json(&[
        "store",
        "a",
        "--end-epoch",
        &end,
        "--content-type",
        "text/plain",
        "--attr",
        "k",
        "-v",
        "--json",
    ]);
    assert_eq!(created(&stored)["storage"]["endEpoch"], epoch + 4);
    // Epochs of this network are longer than until then.
    let tomorrow = "2100-01-01T00:00:00Z";
    let far = home.fail(&["store", "b", "--earliest-expiry-time", tomorrow]);
    assert!(far.contains("blobs can only be stored for up to"), "{far}");
    let past = home.fail(&[
        "store",
        "b",
        "--earliest-expiry-time",
        "2020-01-01 00:00:00",
    ]);
    assert!(past.contains("is not after now"), "{past}");
    let over = home.fail(&["store", "b", "--end-epoch", &epoch.to_string()]);
    assert!(over.contains("not after the current epoch"), "{over}");
    let dear = home.fail(&["store", "b", "--epochs", "2", "--max-cost", "1"]);
    assert!(dear.contains("nothing was paid"), "{dear}");
    let stored = home.json(&[
        "store",
        "b",
        "--epochs",
        "2",
        "--max-cost",
        "1WAL",
        "--json",
    ]);
    assert_eq!(created(&stored)["storage"]["endEpoch"], epoch + 2);
    let both = home.run(&["store", "c", "--epochs", "2", "--end-epoch", "9"]);
    assert_eq!(both.status.code(), Some(2));
    let deletable = home.fail(&["store", "c", "--epochs", "2", "--share"]);
    assert!(
        deletable.contains("deletable blobs cannot be shared"),
        "{deletable}"
    );
}

fn list(home: &Home, epoch: u64) -> Vec<Value> {
    let listed = home.json(&["list-blobs", "--json"]);
    let mut objects = listed.as_array().unwrap().clone();
    assert_eq!(objects.len(), 2, "{listed}");
    objects.sort_by_key(|object| object["storage"]["endEpoch"].as_u64());
    assert!(
        objects
            .iter()
            .all(|object| object["certifiedEpoch"] == epoch)
    );
    let text = home.succeed(&["list-blobs", "--include-expired"]);
    assert!(text.contains("2 blob objects"), "{text}");
    objects
}

fn extend(home: &Home, objects: &[Value], epoch: u64) {
    let ids: Vec<&str> = objects.iter().map(object_id).collect();
    let one = home.json(&[
        "extend",
        "--blob-obj-id",
        ids[0],
        "--epochs-extended",
        "1",
        "--json",
    ]);
    assert_eq!(one["epochsExtended"], 1);
    let end = (epoch + 6).to_string();
    let dear = home.fail(&[
        "extend",
        "--blob-obj-id",
        ids[0],
        ids[1],
        "--end-epoch",
        &end,
        "--max-cost",
        "1",
    ]);
    assert!(dear.contains("nothing was paid"), "{dear}");
    // One that is not there does not keep the others from it.
    let arguments = [
        "extend",
        "--blob-obj-id",
        ids[0],
        "0x7",
        ids[1],
        "--end-epoch",
        &end,
        "--json",
    ];
    let output = home.run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let several: Value = serde_json::from_slice(&output.stdout).unwrap();
    let extended: Vec<_> = several["blobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|blob| &blob["epochsExtended"])
        .collect();
    assert_eq!(extended, [3, 0, 2], "{several}");
    assert!(several["blobs"][1]["error"].is_string());
    let listed = home.json(&["list-blobs", "--json"]);
    let ends = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["storage"]["endEpoch"].as_u64());
    assert!(
        ends.into_iter().all(|end| end == Some(epoch + 6)),
        "{listed}"
    );
    let text = home.succeed(&["extend", "--blob-obj-id", ids[0], "--end-epoch", &end]);
    assert!(text.contains("lasts long enough"), "{text}");
}

/// The object has no attributes; the other one was stored with two.
fn describe(home: &Home, object: &Value) {
    let id = object_id(object);
    let get = || home.json(&["get-blob-attribute", id, "--json"])["attribute"].clone();
    let succeed = |command: &str, rest: &[&str]| home.succeed(&[&[command, id], rest].concat());
    let fail = |command: &str, rest: &[&str]| home.fail(&[&[command, id], rest].concat());
    assert_eq!(get(), Value::Null);
    let two = ["--attr", "a", "1", "--attr", "b", "-2"];
    succeed("set-blob-attribute", &two);
    let contents = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}));
        json!({"metadata": {"contents": pairs.collect::<Vec<_>>()}})
    };
    assert_eq!(get(), contents(&[("a", "1"), ("b", "-2")]));
    let set = json!({"command": {"setBlobAttribute": {"blobObjId": id, "attributes": ["a", "3"]}}});
    assert_eq!(home.succeed(&["json", &set.to_string()]), "");
    // A key that is set anew comes last, as in the object.
    assert_eq!(get(), contents(&[("b", "-2"), ("a", "3")]));
    let absent = fail("remove-blob-attribute-fields", &["--keys", "a", "c"]);
    assert!(absent.contains("no attribute `c`"), "{absent}");
    succeed("remove-blob-attribute-fields", &["--keys", "a"]);
    assert_eq!(get(), contents(&[("b", "-2")]));
    succeed("remove-blob-attribute", &[]);
    assert_eq!(get(), Value::Null);
    let none = fail("remove-blob-attribute", &[]);
    assert!(none.contains("has no attributes"), "{none}");
    let listed = home.json(&["list-blobs", "--json"]);
    let other = listed
        .as_array()
        .unwrap()
        .iter()
        .map(object_id)
        .find(|other| *other != id)
        .unwrap();
    let stored = home.json(&["get-blob-attribute", other, "--json"])["attribute"].clone();
    assert_eq!(
        stored,
        contents(&[("k", "-v"), ("content-type", "text/plain")])
    );
}

fn read_parts(home: &Home) {
    let content: Vec<u8> = (0..100_000_u32)
        .map(|i| (i.wrapping_mul(i) >> 5) as u8)
        .collect();
    home.file("large", &content);
    let stored = home.json(&["store", "large", "--epochs", "1", "--json"]);
    let id = created(&stored)["blobId"].as_str().unwrap();
    for (range, expected) in [
        ("0-9", &content[..10]),
        ("70000-", &content[70_000..]),
        ("-1", &content[99_999..]),
        ("99990-999999", &content[99_990..]),
    ] {
        let read = home.run(&["read", id, "--range", range]);
        assert!(
            read.status.success(),
            "{range}: {}",
            String::from_utf8_lossy(&read.stderr)
        );
        assert_eq!(read.stdout, expected, "{range}");
    }
    let json = home.json(&["read", id, "--range", "1-3", "--json"]);
    assert_eq!(
        (&json["blobId"], json["blob"].as_str().map(str::len)),
        (&json!(id), Some(4))
    );
    home.succeed(&["read", id, "--range", "5-99", "--out", "part"]);
    assert_eq!(
        std::fs::read(home.path().join("part")).unwrap(),
        &content[5..100]
    );
    let beyond = home.fail(&["read", id, "--range", "100000-"]);
    assert!(beyond.contains("no such bytes"), "{beyond}");

    // What an earlier read left, and then something else under its name.
    let (whole, partial) = (
        home.path().join("whole"),
        home.path().join(format!(".whole.{id}.partial")),
    );
    std::fs::write(&partial, &content[..60_000]).unwrap();
    let said = home.run(&["read", id, "--out", "whole", "--resume"]);
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("Going on after 58.6 KiB"),
        "{said:?}"
    );
    assert_eq!(std::fs::read(&whole).unwrap(), content);
    assert!(!partial.exists());
    std::fs::write(&partial, vec![7; 60_000]).unwrap();
    let wrong = home.fail(&["read", id, "--out", "whole", "--resume"]);
    assert!(wrong.contains("is not of it"), "{wrong}");
    assert!(!partial.exists());
    assert_eq!(
        std::fs::read(&whole).unwrap(),
        content,
        "the older one stays"
    );
    home.succeed(&["read", id, "--out", "whole", "--resume"]);
    home.succeed(&["delete", "--blob-ids", id, "--yes", "--no-status-check"]);
}

fn share(home: &Home, epoch: u64) {
    let stored = home.json(&[
        "store",
        "c",
        "--epochs",
        "2",
        "--permanent",
        "--share",
        "--json",
    ]);
    let shared = stored[0]["blobStoreResult"]["newlyCreated"]["sharedBlobObject"]
        .as_str()
        .unwrap();
    let empty = fail_in_part(
        home,
        &[
            "extend",
            "--blob-obj-id",
            shared,
            "--shared",
            "--epochs-extended",
            "1",
        ],
    );
    assert!(empty.contains("1 of 1 object not extended"), "{empty}");
    let funded = home.json(&[
        "fund-shared-blob",
        "--shared-blob-obj-id",
        shared,
        "--amount",
        "0.5WAL",
        "--json",
    ]);
    assert_eq!(funded, json!({"amount": 500_000_000}));
    let extended = home.json(&[
        "extend",
        "--blob-obj-id",
        shared,
        "--shared",
        "--epochs-extended",
        "1",
        "--json",
    ]);
    assert_eq!(extended["blobs"][0]["endEpoch"], epoch + 3);
    let stored = home.json(&["store", "d", "--epochs", "2", "--permanent", "--json"]);
    let own = object_id(created(&stored));
    let shared = home.json(&["share", "--blob-obj-id", own, "--amount", "7", "--json"]);
    assert_eq!(shared["amount"], 7);
    assert!(shared["sharedBlobObjectId"].is_string());
}

fn delete(home: &Home) {
    let asked = fail_in_part(home, &["delete", "--files", "a"]);
    assert!(asked.contains("not deleted"), "{asked}");
    let output = home.run(&[
        "delete",
        "--files",
        "a",
        "d",
        "--blob-ids",
        &"A".repeat(43),
        "--yes",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    let deleted: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(deleted[0]["deletedBlobs"].as_array().unwrap().len(), 1);
    assert_eq!(deleted[0]["blobIdentity"]["file"], "a");
    assert_eq!(deleted[0]["postDeletionStatus"], "nonexistent");
    for (place, named) in [(1, "file"), (2, "blobId")] {
        assert_eq!(deleted[place]["noBlobFound"], true, "{named}");
        assert!(deleted[place]["blobIdentity"][named].is_string());
    }
    let listed = home.json(&["list-blobs", "--json"]);
    let [last] = listed.as_array().unwrap().as_slice() else {
        panic!("{listed}");
    };
    let text = home.succeed(&[
        "delete",
        "--object-ids",
        object_id(last),
        "--no-status-check",
    ]);
    assert!(text.contains("deleted"), "{text}");
    assert_eq!(home.json(&["list-blobs", "--json"]), json!([]));
}

fn burn(home: &Home) {
    let stored = home.json(&["store", "a", "b", "--epochs", "1", "--json"]);
    let first = object_id(created(&stored)).to_owned();
    assert!(
        home.succeed(&["burn-blobs", "--all-expired", "--yes"])
            .contains("nothing to burn")
    );
    home.fail(&["burn-blobs", "--object-ids", &first]);
    let burnt = home.succeed(&["burn-blobs", "--object-ids", &first, "--yes"]);
    assert!(burnt.contains(&first), "{burnt}");
    home.succeed(&["burn-blobs", "--all", "--yes"]);
    assert_eq!(
        home.json(&["list-blobs", "--include-expired", "--json"]),
        json!([])
    );
}

fn ask_nodes(home: &Home) {
    let committee = home.json(&["health", "--committee", "--sort-by", "name", "--json"]);
    let nodes = committee["healthInfo"].as_array().unwrap();
    let names: Vec<_> = nodes
        .iter()
        .map(|node| node["nodeName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["node-0", "node-1", "node-2", "node-3"]);
    assert!(
        nodes
            .iter()
            .all(|node| node["healthInfo"]["Ok"]["nodeStatus"].is_string()),
        "{committee}"
    );
    let (id, url) = (
        nodes[2]["nodeId"].as_str().unwrap(),
        nodes[2]["nodeUrl"].as_str().unwrap(),
    );
    for named in [["--node-ids", id], ["--node-urls", url]] {
        let one = home.json(&["health", named[0], named[1], "--detail", "--json"]);
        assert_eq!(one["healthInfo"][0]["nodeName"], "node-2");
        assert!(
            one["healthInfo"][0]["healthInfo"]["Ok"]["shardDetail"].is_object(),
            "{one}"
        );
    }
    let text = home.succeed(&["health", "--active-set", "--desc"]);
    assert!(text.contains("4 of 4 nodes answered"), "{text}");
    let unknown = home.fail(&["health", "--node-ids", "0x7"]);
    assert!(unknown.contains("no storage node"), "{unknown}");
}

fn make_a_wallet(home: &Home) {
    let network = home.path().join(".walrus/localnet/network.json");
    let network: Value = serde_json::from_slice(&std::fs::read(network).unwrap()).unwrap();
    let url = |key: &str| network[key].as_str().unwrap().to_owned();
    let servers = format!("{};{}", url("rpcUrl"), url("faucetUrl"));
    let arguments = [
        "generate-sui-wallet",
        "--path",
        "new/wallet.yaml",
        "--sui-network",
        &servers,
        "--use-faucet",
        "--json",
    ];
    let made = home.json(&arguments);
    assert!(made["walletAddress"].as_str().unwrap().starts_with("0x"));
    assert!(home.path().join("new/sui.keystore").is_file());
    // It has SUI, and so it can pay; it owns nothing yet.
    assert_eq!(
        home.json(&["list-blobs", "--wallet", "new/wallet.yaml", "--json"]),
        json!([])
    );
    home.json(&["get-wal", "--wallet", "new/wallet.yaml", "--json"]);
    let again = home.fail(&arguments[..5]);
    assert!(again.contains("exists and is not overwritten"), "{again}");
}
