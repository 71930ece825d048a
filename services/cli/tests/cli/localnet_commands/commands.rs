//! What the other commands do on a network.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use walrus_core::{EncodingConfig, encoder::StreamEncoder};

use super::{SHAPE, UP, staking};
use crate::program::{Home, names};

#[test]
fn files_are_stored_and_read_through_a_network_that_ctrl_c_stops() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    let dir = home.path().join(".walrus/localnet");
    check_descriptor(&dir);

    let contents: Vec<u8> = (0..50_000_u32).map(|i| (i * i) as u8).collect();
    let file = home.file("photo.jpg", &contents);
    let path = file.to_str().unwrap();
    let estimate = home.json(&["store", path, "--epochs", "3", "--dry-run", "--json"]);
    let stored = home.json(&["store", path, "--epochs", "3", "--permanent", "--json"]);
    let created = &stored[0]["blobStoreResult"]["newlyCreated"];
    assert_eq!(stored[0]["path"], path);
    assert_eq!(estimate[0]["storageCost"], created["cost"], "{stored}");
    assert_eq!(estimate[0]["blobId"], created["blobObject"]["blobId"]);
    assert_eq!(estimate[0]["unencodedSize"], 50_000);
    let blob_id = created["blobObject"]["blobId"].as_str().unwrap();

    read_in_every_way(&home, blob_id, &contents);
    show_status(&home, blob_id, path);
    show_info(&home);
    get_wal(&home);
    stake(&home);
    staking::manage(&home);
    plan_again(&home, path, &created["cost"]);
    tell_what_was_paid_for(&home);
    take_blob_ids_like_options(&home);
    log_without_colours(&home);
    trust_an_authority(&home, &dir);
    let done = home.fail(&["close-epoch-change"]);
    assert!(done.contains("the change to epoch 1 is done"), "{done}");
    refuse(&home, path);

    // A second store of the same file, and a store of several.
    let again = home.json(&["store", path, "--epochs", "3", "--permanent", "--json"]);
    let again = &again[0]["blobStoreResult"]["alreadyCertified"];
    assert_eq!(again["blobId"].as_str(), Some(blob_id));
    assert!(again["event"]["txDigest"].is_string() && again["event"]["eventSeq"].is_string());
    let empty = home.file("empty", b"");
    let note = home.file("note", b"a short note");
    let text = home.succeed(&[
        "store",
        empty.to_str().unwrap(),
        note.to_str().unwrap(),
        "--epochs",
        "max",
    ]);
    assert_eq!(text.matches(": stored").count(), 2, "{text}");

    assert!(network.stop_with("INT").success());
    let down = home.fail(&["info"]);
    assert!(down.contains("walrus localnet"), "{down}");

    // It comes back with what was stored, without being told how large it is; a termination stops it as well.
    let network = home.start(&["localnet", "--rpc-port", "0", "--faucet-port", "0"]);
    network.wait_for_line(UP);
    let out = home.path().join("again");
    home.succeed(&["read", blob_id, "--out", out.to_str().unwrap()]);
    assert_eq!(fs::read(out).unwrap(), contents);
    assert!(network.stop_with("TERM").success());
    assert_eq!(
        names(home.path()),
        [".walrus", "again", "empty", "note", "out", "photo.jpg"],
        "nothing is written elsewhere"
    );
}

fn check_descriptor(dir: &Path) {
    let text = fs::read_to_string(dir.join("network.json")).unwrap();
    let network: Value = serde_json::from_str(&text).unwrap();
    assert!(
        network["rpcUrl"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    assert!(
        network["faucetUrl"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    for id in [
        &network["packages"]["wal"],
        &network["packages"]["walrus"],
        &network["systemObject"],
        &network["stakingObject"],
    ] {
        assert_eq!(id.as_str().map(str::len), Some(66), "{network}");
    }
    assert!(network["chainId"].is_string());
    let nodes = network["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 4);
    for (index, node) in nodes.iter().enumerate() {
        assert_eq!(node["name"], format!("node-{index}"));
        assert!(
            node["url"]
                .as_str()
                .unwrap()
                .starts_with("https://127.0.0.1:")
        );
        assert_eq!(node["networkPublicKey"].as_str().map(str::len), Some(44));
        let metrics = get(node["metricsUrl"].as_str().unwrap());
        assert!(metrics.starts_with("HTTP/1.1 200 OK"), "{metrics}");
    }
    assert_eq!(network["exchangeObjects"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        network["caBundle"].as_str().map(Path::new),
        Some(&*dir.join("tls/authority.pem"))
    );
    let account = &network["accounts"][0];
    assert!(
        account["privateKey"]
            .as_str()
            .unwrap()
            .starts_with("suiprivkey1")
    );
    assert_eq!(account["address"].as_str().map(str::len), Some(66));
}

/// The answer to a plain HTTP request.
fn get(url: &str) -> String {
    let (host, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The exchange that the network was made with sells one WAL for one SUI.
fn get_wal(home: &Home) {
    let owned = |text: &str| -> u64 {
        let line = text.lines().find(|line| line.contains("WAL owned now"));
        let (_, frost) = line.unwrap().split_once('(').unwrap();
        frost.trim_end_matches(" FROST)").parse().unwrap()
    };
    let before = owned(&home.succeed(&["get-wal", "--amount", "7"]));
    let output = home.json(&["get-wal", "--json"]);
    assert_eq!(output, json!({"amountSui": 500_000_000}));
    let after = home.succeed(&["get-wal", "--amount", "2000000000"]);
    assert!(after.starts_with("Exchanged 2 SUI (2000000000 MIST) for WAL"));
    assert_eq!(owned(&after) - before, 2_500_000_000);

    let none = home.fail(&["get-wal", "--exchange-id", "0x5"]);
    assert!(none.contains("is no exchange of SUI for WAL"), "{none}");
    let much = home.fail(&["get-wal", "--amount", "18000000000000000000"]);
    assert!(much.contains("left") && much.contains("--amount"), "{much}");
}

/// With nodes that are members, before the next committee is chosen.
fn stake(home: &Home) {
    let stakes = || -> Vec<u64> {
        let committee = home.json(&["info", "committee", "--json"]);
        let nodes = committee["currentStorageNodes"].as_array().unwrap();
        nodes
            .iter()
            .map(|node| node["stake"].as_u64().unwrap())
            .collect()
    };
    let committee = home.json(&["info", "committee", "--json"]);
    let node_id = |index: usize| {
        let id = committee["currentStorageNodes"][index]["nodeId"].as_str();
        id.unwrap().to_owned()
    };
    let (one, other) = (node_id(0), node_id(1));
    let before = stakes();
    let staked = home.json(&[
        "stake",
        "--node-ids",
        &one,
        &other,
        "--amounts",
        "2000000000",
        "3000000000",
        "--json",
    ]);
    let staked = staked["stakedWal"].as_array().unwrap();
    assert_eq!(staked.len(), 2);
    for (stake, (node_id, principal)) in staked
        .iter()
        .zip([(&one, 2_000_000_000_u64), (&other, 3_000_000_000)])
    {
        assert_eq!(stake["node_id"].as_str(), Some(node_id.as_str()));
        assert_eq!(stake["principal"], principal);
        assert_eq!(
            (&stake["state"], &stake["activation_epoch"]),
            (&json!("Staked"), &json!(2))
        );
        assert_eq!(stake["id"].as_str().map(str::len), Some(66));
    }
    // It does not count yet.
    assert_eq!(stakes(), before);
    let object = json!({"command": {"stake": {"nodeIds": [&one]}}}).to_string();
    let staked = home.json(&["json", &object]);
    assert_eq!(staked["stakedWal"][0]["principal"], 1_000_000_000);
    let text = home.succeed(&["stake", "--node-id", &one]);
    assert!(text.starts_with("Staked 1 WAL with node-"), "{text}");
    assert!(text.contains("epoch 2, about 20"), "{text}");
    // With what was staked before; and a member is a candidate.
    let total = format!("({} FROST)", before[0] + 4_000_000_000);
    assert!(
        text.contains(&total) && !text.contains("it needs"),
        "{text}"
    );

    let absent = home.fail(&["stake", "--node-id", "0x5555"]);
    assert!(absent.contains("no storage node 0x"), "{absent}");
    let clock = home.fail(&["stake", "--node-id", "0x6"]);
    assert!(clock.contains("else than a storage node"), "{clock}");
}

fn read_in_every_way(home: &Home, blob_id: &str, contents: &[u8]) {
    let plain = home.run(&["read", blob_id]);
    assert!(plain.status.success());
    assert!(
        plain.stdout == contents,
        "standard output holds the bytes and nothing else"
    );
    let out = home.path().join("out");
    let out = out.to_str().unwrap();
    home.succeed(&["read", blob_id, "--out", out, "--strict-consistency-check"]);
    assert!(fs::read(out).unwrap() == contents);
    let output = home.json(&["read", blob_id, "--out", out, "--json"]);
    assert_eq!(output, json!({"out": out, "blobId": blob_id}));
    for name in ["/dev/stdout", "-"] {
        let output = home.run(&["read", blob_id, "--out", name]);
        assert!(output.status.success());
        assert!(output.stdout == contents);
    }
    // What a link names is written, and the link stays one.
    let (link, named) = (home.path().join("link"), home.file("named", b"older"));
    std::os::unix::fs::symlink("named", &link).unwrap();
    home.succeed(&["read", blob_id, "--out", "link"]);
    assert!(link.is_symlink());
    assert!(fs::read(&named).unwrap() == contents);
    for file in [link, named] {
        fs::remove_file(file).unwrap();
    }
    let output = home.json(&["read", blob_id, "--json", "--skip-consistency-check"]);
    assert_eq!(output["blobId"], blob_id);
    let expected_length = contents.len().div_ceil(3) * 4;
    assert_eq!(output["blob"].as_str().map(str::len), Some(expected_length));
    let both = [
        "read",
        blob_id,
        "--strict-consistency-check",
        "--skip-consistency-check",
    ];
    assert_eq!(home.run(&both).status.code(), Some(2));
}

fn show_status(home: &Home, blob_id: &str, path: &str) {
    let status = home.json(&[
        "blob-status",
        "--blob-id",
        blob_id,
        "--timeout",
        "10s",
        "--json",
    ]);
    assert_eq!(status["blobId"], blob_id);
    let permanent = &status["status"]["permanent"];
    assert_eq!(permanent["endEpoch"], 4, "{status}");
    assert!(permanent["isCertified"].is_boolean());
    assert!(permanent["statusEvent"]["txDigest"].is_string());
    assert!(
        status["estimatedExpiryTimestamp"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    let by_file = home.json(&["blob-status", "--file", path, "--timeout", "10s", "--json"]);
    assert_eq!(by_file["blobId"], blob_id);
    assert_eq!(by_file["file"], path);
    let text = home.succeed(&["blob-status", "--blob-id", blob_id, "--timeout", "10s"]);
    assert!(
        text.contains("permanent") && text.contains("with epoch 4"),
        "{text}"
    );
    let unknown = "A".repeat(43);
    let unknown = home.json(&[
        "blob-status",
        "--blob-id",
        &unknown,
        "--timeout",
        "10s",
        "--json",
    ]);
    assert_eq!(unknown["status"], "nonexistent");
    assert_eq!(unknown["lifetime"], "neverStored");
}

fn show_info(home: &Home) {
    let info = home.json(&["info", "--json"]);
    assert_eq!(info["epochInfo"]["currentEpoch"], 1);
    assert_eq!(
        info["epochInfo"]["epochDuration"],
        json!({"secs": 86_400, "nanos": 0})
    );
    assert_eq!(info["storageInfo"], json!({"nShards": 13, "nNodes": 4}));
    assert_eq!(info["sizeInfo"]["storageUnitSize"], 1_048_576);
    assert_eq!(info["sizeInfo"]["maxBlobSize"], 5 * 9 * 65_534);
    assert_eq!(info["priceInfo"]["storagePricePerUnitSize"], 100_000);
    assert_eq!(info["priceInfo"]["writePricePerUnitSize"], 20_000);
    assert!(info["committeeInfo"].is_null() && info["bftInfo"].is_null());
    let all = home.json(&["info", "all", "--json"]);
    assert_eq!(all["committeeInfo"]["nShards"], 13);
    // 48 bytes in base64: the compressed key, as nodes publish it in their health document.
    let key = all["committeeInfo"]["currentStorageNodes"][0]["publicKey"].as_str();
    assert_eq!(key.map(str::len), Some(64));
    assert_eq!(
        all["committeeInfo"]["currentStorageNodes"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    show_nodes(home, &all["committeeInfo"]);
    let bft = home.json(&["info", "bft", "--json"]);
    assert_eq!(bft["maxFaultyShards"], 4);
    let text = home.succeed(&["info"]);
    assert!(text.contains("13") && text.contains("epoch"), "{text}");
    // One unit of storage, and the write of one.
    let smallest = text.lines().find(|line| line.contains(" 1 byte "));
    assert!(smallest.unwrap().ends_with(" 0.00012 WAL"), "{text}");
    for text in [text, home.succeed(&["info", "all"])] {
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

fn show_nodes(home: &Home, committee: &Value) {
    let ids = |committee: &Value| -> Vec<String> {
        let nodes = committee["currentStorageNodes"].as_array().unwrap().iter();
        nodes
            .map(|node| node["nodeId"].as_str().unwrap().to_owned())
            .collect()
    };
    let by_id = home.json(&["info", "committee", "--sort-by", "id", "--desc", "--json"]);
    let mut expected = ids(committee);
    expected.sort();
    expected.reverse();
    assert_eq!(ids(&by_id), expected);
    let text = home.succeed(&["info", "committee"]);
    assert!(expected.iter().all(|id| text.contains(id)), "{text}");
    let short = home.succeed(&["info", "committee", "--hide-details"]);
    assert_eq!(short.lines().count(), 2 + expected.len(), "{short}");
    assert!(!short.contains("0x") && short.contains("node-3"), "{short}");
    for arguments in [&["--json"][..], &[]] {
        let receivers = ["info", "committee", "--commission-receivers"];
        let table = home.succeed(&[&receivers[..], arguments].concat());
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("Current committee, epoch 1"), "{table}");
        let columns = "node ID,name,receiver type,receiver,receiver owner";
        assert_eq!(lines.next(), Some(columns));
        let rows: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        assert_eq!(rows.len(), expected.len(), "{table}");
        for row in rows {
            let fields: Vec<_> = row.split(',').collect();
            assert_eq!((fields.len(), fields[2]), (5, "object"), "{row}");
            assert!(
                expected.iter().any(|id| id == fields[0]) && fields[3].len() == 66,
                "{row}"
            );
        }
    }
    let elsewhere = home.fail(&["info", "price", "--desc"]);
    assert!(elsewhere.contains("--desc is about nodes"), "{elsewhere}");
}

/// A result that cannot be written is an error, and what was paid for is on standard error.
fn tell_what_was_paid_for(home: &Home) {
    let id_of = |name: &str| {
        let output = home.json(&["blob-id", name, "--json"]);
        output["blobId"].as_str().unwrap().to_owned()
    };
    home.file("lost", b"nobody hears of it");
    let blob_id = id_of("lost");
    let run = |arguments: &[&str], out: Stdio| {
        let output = home
            .command(arguments)
            .stdout(out)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let full = || {
        fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
            .into()
    };
    let closed = || std::io::pipe().unwrap().1.into();
    let store = ["store", "lost", "--epochs", "1", "--force"];
    for json in [&[][..], &["--json"]] {
        for out in [full(), closed()] {
            let (code, said) = run(&[&store[..], json].concat(), out);
            assert_eq!(code, Some(1), "{said}");
            assert!(
                said.contains("Error: cannot write to standard output"),
                "{said}"
            );
            assert!(said.contains(&blob_id), "{said}");
        }
    }
    let (code, said) = run(&["get-wal", "--amount", "7"], full());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("transaction "), "{said}");
    // Nothing is lost for good where nothing was paid.
    for arguments in [&["info"][..], &["info", "all"], &["blob-status", &blob_id]] {
        let (code, said) = run(arguments, full());
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(run(arguments, closed()).0, Some(0));
    }
    fs::remove_file(home.path().join("lost")).unwrap();
}

/// One blob ID in 64 begins with a hyphen.
fn take_blob_ids_like_options(home: &Home) {
    let config = EncodingConfig::new(13).unwrap();
    let starts_like_an_option = |content: &Vec<u8>| {
        let content = content.as_slice();
        let metadata = StreamEncoder::new(config, &content)
            .unwrap()
            .compute_metadata();
        metadata.unwrap().blob_id().to_string().starts_with('-')
    };
    let mut contents = (0..10_000).map(|number: u32| number.to_string().into_bytes());
    let content = contents.find(starts_like_an_option).unwrap();
    home.file("hyphen", &content);
    let stored = home.json(&["store", "hyphen", "--epochs", "1", "--json"]);
    let created = &stored[0]["blobStoreResult"]["newlyCreated"];
    let blob_id = created["blobObject"]["blobId"].as_str().unwrap();
    assert!(blob_id.starts_with('-'));
    assert!(home.run(&["read", blob_id]).stdout == content);
    for arguments in [
        &["blob-status", blob_id, "--timeout", "10s"][..],
        &["blob-status", "--timeout", "10s", "--blob-id", blob_id],
    ] {
        let text = home.succeed(arguments);
        assert!(
            text.contains("available") && text.contains("with epoch 2"),
            "{text}"
        );
    }
    fs::remove_file(home.path().join("hyphen")).unwrap();
}

fn log_without_colours(home: &Home) {
    let output = home
        .command(&["info"])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("TRACE") && !log.contains('\u{1b}'), "{log:?}");
}

/// A dry run of what is stored already, twice, costs nothing, and says what it would cost otherwise.
/// The chain's certificate is good for who names the network's authority.
fn trust_an_authority(home: &Home, dir: &Path) {
    let network: Value =
        serde_json::from_slice(&fs::read(dir.join("network.json")).unwrap()).unwrap();
    let ask = ["info", "--rpc-url", network["rpcTlsUrl"].as_str().unwrap()];
    let mut stranger = home.command(&ask);
    let stranger = stranger.env_remove("SSL_CERT_FILE").output().unwrap();
    let said = String::from_utf8_lossy(&stranger.stderr);
    assert_eq!(stranger.status.code(), Some(1), "{said}");
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
    let authority = network["caBundle"].as_str().unwrap();
    let mut trusting = home.command(&ask);
    let trusting = trusting.env("SSL_CERT_FILE", authority).output().unwrap();
    let said = String::from_utf8_lossy(&trusting.stderr);
    assert!(trusting.status.success(), "{said}");
}

fn plan_again(home: &Home, path: &str, cost: &Value) {
    let arguments = ["store", path, path, "--epochs", "3", "--dry-run"];
    let permanent = [&arguments[..], &["--permanent", "--json"]].concat();
    let planned = home.json(&permanent);
    assert_eq!(planned[0]["storageCost"], *cost, "{planned}");
    assert_eq!(planned[0]["cost"], 0, "{planned}");
    assert_eq!(planned[0]["endEpoch"], 4, "{planned}");
    assert!(planned[0]["alreadyCertified"]["event"].is_object());
    assert_eq!(planned[1]["duplicateOf"], path);
    let text = home.succeed(&arguments);
    assert!(text.contains(&format!("the same as {path}")), "{text}");
    assert!(text.contains("Gas to "), "{text}");
    assert!(text.contains(&format!("({cost} FROST)")), "{text}");
}

/// What does not work says why.
fn refuse(home: &Home, path: &str) {
    let far = home.fail(&["store", path, "--epochs", "54"]);
    assert!(
        far.contains("up to 53 epochs ahead; 54 epochs were requested"),
        "{far}"
    );
    let twice = home.fail(&["store", "-", "/dev/stdin", "--epochs", "1"]);
    assert!(
        twice.contains("standard input can be read only once"),
        "{twice}"
    );
    let absent = home.fail(&["store", "absent", "--epochs", "1"]);
    assert!(absent.contains("cannot read absent"), "{absent}");
    let unknown = home.fail(&["read", &"A".repeat(43)]);
    assert!(unknown.contains("does not exist"), "{unknown}");
    let malformed = home.fail(&["read", "no-blob-id"]);
    assert!(
        malformed.contains("`no-blob-id` is not a blob ID"),
        "{malformed}"
    );
    let nowhere = home.path().join("absent/out");
    let nowhere = home.fail(&["read", &"A".repeat(43), "--out", nowhere.to_str().unwrap()]);
    assert!(nowhere.contains("Error"), "{nowhere}");
}

#[test]
fn the_status_of_a_blob_says_until_when_and_why_no_more() {
    let home = Home::new();
    let network = home.start(&[&SHAPE[..], &["--epoch-duration", "10s"]].concat());
    network.wait_for_line(UP);
    let store = |name: &str, options: &[&str]| {
        home.file(name, name.as_bytes());
        let stored = home.json(&[&["store", name, "--json"], options].concat());
        let object = &stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"];
        let end = object["storage"]["endEpoch"].as_u64().unwrap();
        (object["blobId"].as_str().unwrap().to_owned(), end)
    };
    let status = |blob_id: &str| home.json(&["blob-status", blob_id, "--timeout", "10s", "--json"]);
    let (short, short_end) = store("short", &["--epochs", "1"]);
    // Deletable objects that end later than the permanent one count.
    let (long, _) = store("long", &["--epochs", "2", "--permanent"]);
    let (again, end) = store("long", &["--epochs", "40", "--force"]);
    store("long", &["--epochs", "30", "--force"]);
    assert_eq!(long, again);
    let lifetime = status(&long)["lifetime"]["until"].clone();
    assert_eq!(lifetime["endEpoch"], end, "{lifetime}");
    assert_eq!(lifetime["isLatest"], true);
    assert!(
        lifetime["estimatedTimestamp"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    let text = home.succeed(&["blob-status", "--blob-id", &long, "--timeout", "10s"]);
    assert!(text.contains(&format!("with epoch {end}\n")), "{text}");
    assert!(text.contains("expires about"), "{text}");

    let started = Instant::now();
    while status(&short)["status"] != "nonexistent" {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it does not expire"
        );
    }
    let expired = status(&short);
    assert_eq!(
        expired["lifetime"]["expired"]["endEpoch"], short_end,
        "{expired}"
    );
    let text = home.succeed(&["blob-status", &short, "--timeout", "10s"]);
    assert!(
        text.contains(&format!("expired with epoch {short_end}")),
        "{text}"
    );
    let read = home.fail(&["read", &short]);
    let said = format!("expired with epoch {short_end}, which began about 20");
    assert!(
        read.contains(&said) && !read.contains("does not exist"),
        "{read}"
    );
    let never = home.succeed(&["blob-status", &"A".repeat(43), "--timeout", "10s"]);
    assert!(never.contains("never stored"), "{never}");
    assert!(network.stop_with("INT").success());
}
