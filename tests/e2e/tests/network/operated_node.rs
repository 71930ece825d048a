//! A node that somebody sets up from nothing, registers, runs and stops with the program, on a network whose nodes are processes.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use walrus_e2e::{TestNetwork, eventually, random_bytes, small};
use walrus_localnet::{LocalnetOptions, STAKE_PER_NODE};
use walrus_node::{NodeConfig, config::KeySource, operator::relocation};
use walrus_node_client::{Addresses, NodeClient, NodeClientOptions};
use walrus_sui::Address;

const PROGRAM: &str = env!("CARGO_BIN_EXE_storage-node");
/// Several epochs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

async fn program(args: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}

/// The result of a command that must succeed.
async fn result(args: &[&str]) -> Value {
    let output = program(&[&["--json"], args].concat()).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that must fail says.
async fn refusal(args: &[&str]) -> String {
    let output = program(args).await;
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The exit status of a command, and what it said.
async fn ended(args: &[&str]) -> (Option<i32>, String) {
    let output = program(args).await;
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// The verbs of the node with a configuration.
struct Verbs<'a> {
    config: &'a str,
}

impl Verbs<'_> {
    fn with<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--config-path", self.config]].concat()
    }

    async fn result(&self, args: &[&str]) -> Value {
        result(&self.with(args)).await
    }

    async fn ended(&self, args: &[&str]) -> (Option<i32>, String) {
        ended(&self.with(args)).await
    }
}

/// What a node that runs is asked: its jobs, checks, repairs, a report.
async fn assert_verbs(config: &str, dir: &Path, blob_id: &str) {
    let verbs = Verbs { config };
    assert_storage_verbs(&verbs, dir).await;
    let jobs = verbs.result(&["worker", "list"]).await;
    let names: Vec<_> = jobs
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["name"])
        .collect();
    for job in ["events", "recovery", "account", "repair", "backup"] {
        assert!(names.iter().any(|name| *name == job), "{job} in {names:?}");
    }
    verbs
        .result(&["worker", "set", "recovery", "--throttle", "2"])
        .await;
    verbs.result(&["worker", "pause", "repair"]).await;
    let (code, said) = verbs.ended(&["status"]).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("walrus-node worker resume repair"), "{said}");
    verbs.result(&["worker", "resume", "repair"]).await;
    let job = verbs.result(&["worker", "info", "recovery"]).await;
    assert_eq!(job["throttle"], 2, "{job}");
    let (code, said) = verbs.ended(&["worker", "info", "tiger"]).await;
    assert_eq!(code, Some(1), "{said}");

    let checks = verbs.result(&["doctor"]).await;
    let problems = checks.as_array().unwrap().iter();
    let problems: Vec<_> = problems
        .filter(|check| check["finding"] == "problem")
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    let repaired = verbs.result(&["repair", "--all-missing"]).await;
    assert_eq!(repaired["failure"], Value::Null, "{repaired}");
    let explained = verbs
        .result(&["repair", "--blob", blob_id, "--explain"])
        .await;
    assert!(
        explained["peers"].as_array().unwrap().len() > 2,
        "{explained}"
    );
    let (code, said) = verbs.ended(&["repair", "--shard", "9999"]).await;
    assert_eq!(code, Some(4), "{said}");
    let (code, said) = verbs.ended(&["drain", "--node"]).await;
    assert_eq!(code, Some(4), "{said}");

    let bundle = dir.join("report.tar");
    let out = bundle.to_str().unwrap();
    verbs.result(&["report", "--out", out]).await;
    assert!(!bundle.exists(), "only listed");
    verbs.result(&["report", "--out", out, "--yes"]).await;
    assert!(bundle.metadata().unwrap().len() > 1000);
    let (code, _) = ended(&["repair", "--config-path", config]).await;
    assert_eq!(code, Some(2), "nothing to repair was named");
}

/// What it is asked about what it stores: damage, disks, backups, moves.
async fn assert_storage_verbs(verbs: &Verbs<'_>, dir: &Path) {
    verbs.result(&["scrub", "set", "--rate", "100M"]).await;
    let would = verbs
        .result(&["scrub", "start", "--deep", "--dry-run"])
        .await;
    assert_eq!(would["now"]["running"], false, "{would}");
    let scrub = verbs.result(&["scrub", "start", "--deep"]).await;
    assert_eq!(scrub["bytesPerSec"], 100_000_000, "{scrub}");
    eventually("every sliver is compared", PATIENCE, async || {
        let scrub = verbs.result(&["scrub", "status"]).await;
        (scrub["running"] == false).then_some(scrub)
    })
    .await;
    let scrub = verbs.result(&["scrub", "status"]).await;
    assert!(scrub["compared"].as_u64() > Some(0), "{scrub}");
    assert_eq!(scrub["damaged"], 0, "{scrub}");
    let checked = verbs.result(&["fsck"]).await;
    assert_eq!(
        (&checked["found"], &checked["running"]),
        (&0.into(), &false.into()),
        "{checked}"
    );
    let (code, said) = verbs.ended(&["fsck", "--offline", "--fix"]).await;
    assert_eq!(code, Some(4), "it runs: {said}");
    let disks = verbs.result(&["disk", "list"]).await;
    let path = disks[0]["path"].as_str().unwrap().to_owned();
    assert_eq!(disks[0]["state"], "ready", "{disks}");
    for look in [
        &["drain", "--disk", &path][..],
        &["drain", "--disk", &path, "--dry-run"],
    ] {
        let (code, said) = verbs.ended(look).await;
        assert_eq!(code, Some(4), "it is the only one: {said}");
    }
    verbs
        .result(&["worker", "pause", "recovery", "--dry-run"])
        .await;
    let job = verbs.result(&["worker", "info", "recovery"]).await;
    assert_eq!(job["paused"], false, "{job}");
    let ahead = dir.join("ahead");
    let move_to = ["move", "--to", ahead.to_str().unwrap()];
    let (code, said) = verbs.ended(&move_to).await;
    assert_eq!(code, Some(0), "only looked at: {said}");
    assert!(!ahead.exists());
    let (code, said) = verbs.ended(&[&move_to[..], &["--yes"]].concat()).await;
    assert_eq!(code, Some(5), "it runs, and the rest comes later: {said}");
    assert!(relocation::check(&ahead).unwrap_err().is_refusal());

    let would = verbs.result(&["backup", "create", "--dry-run"]).await;
    assert_eq!(would["dryRun"], true, "{would}");
    let made = verbs.result(&["backup", "create"]).await;
    assert_eq!(made["id"], 1, "{made}");
    assert!(made["linkedFiles"].as_u64() > Some(0), "{made}");
    let verified = verbs.result(&["backup", "verify"]).await;
    assert_eq!(verified["withoutDigest"], 0, "{verified}");
    assert_eq!(verified["sameAsNode"], verified["slivers"], "{verified}");
    assert!(verified["slivers"].as_u64() > Some(0), "{verified}");
    let (code, said) = verbs.ended(&["backup", "restore", "--yes"]).await;
    assert_eq!(code, Some(4), "it runs: {said}");
}

/// New keys are named in the configuration, and nobody does anything more: the chain gets to know them, and the node serves with them, in
/// the same process.
async fn assert_new_keys_are_taken_up(
    network: &TestNetwork,
    config: &Path,
    dir: &Path,
    node_id: Address,
    node: &mut Child,
) {
    let files = ["protocol", "network"].map(|kind| dir.join(format!("next-{kind}.key")));
    for (kind, file) in ["protocol", "network"].iter().zip(&files) {
        result(&[
            "key-gen",
            "--key-type",
            kind,
            "--out",
            file.to_str().unwrap(),
        ])
        .await;
    }
    let old = NodeConfig::load(config).unwrap();
    let health = async |config: &NodeConfig| {
        let key = config.network_key().unwrap().public_key();
        let options = NodeClientOptions {
            addresses: Addresses::Any,
            ..NodeClientOptions::default()
        };
        let client = NodeClient::new(&config.public_address(), &key, &options).unwrap();
        client.health(false).await.ok()
    };
    let before = health(&old).await.unwrap();
    let KeySource::File { path: network_key } = &old.network_key_pair else {
        panic!("{old:?}");
    };
    let text = std::fs::read_to_string(config).unwrap();
    let text = text.replace(network_key.to_str().unwrap(), files[1].to_str().unwrap());
    let next = format!("next_protocol_key_pair:\n  path: {}\n", files[0].display());
    std::fs::write(config, text + &next).unwrap();
    eventually("the node serves with its new keys", PATIENCE, async || {
        let now = NodeConfig::load(config).unwrap();
        if now.next_protocol_key_pair.is_some() {
            return None;
        }
        let health = health(&now).await?;
        (health.public_key != before.public_key).then_some(())
    })
    .await;
    let pool = network.writer().reader().pool(node_id).await.unwrap().pool;
    let now = NodeConfig::load(config).unwrap();
    let network_key = now.network_key().unwrap().public_key();
    assert_eq!(pool.node_info.network_public_key, network_key.0);
    assert!(node.try_wait().unwrap().is_none(), "it is the same process");
    let config = config.to_str().unwrap();
    eventually(
        "the node is whole with its new keys",
        PATIENCE,
        async || {
            let (code, _) = ended(&["status", "--config-path", config]).await;
            (code == Some(0)).then_some(())
        },
    )
    .await;
}

/// Keys, wallet, configuration and gas.
async fn set_up(network: &TestNetwork, dir: &Path) -> PathBuf {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port.local_addr().unwrap().port();
    let descriptor = walrus_localnet::network_json_path(network.path());
    let (config, storage) = (dir.join("config"), dir.join("storage"));
    let rest = format!("127.0.0.1:{port}");
    let port = port.to_string();
    let args = [
        "setup",
        "--config-directory",
        config.to_str().unwrap(),
        "--storage-path",
        storage.to_str().unwrap(),
        "--network-json",
        descriptor.to_str().unwrap(),
        "--name",
        "mine",
        "--public-host",
        "127.0.0.1",
        "--public-port",
        &port,
        "--rest-api-address",
        &rest,
        "--metrics-address",
        "127.0.0.1:0",
        "--node-capacity",
        "1TB",
        "--use-faucet",
    ];
    let outcome = result(&args).await;
    assert!(outcome["faucetMist"].as_u64() > Some(0), "{outcome}");
    let again = refusal(&args).await;
    assert!(again.contains("is not empty"), "{again}");
    PathBuf::from(outcome["configPath"].as_str().unwrap())
}

/// The node once it serves.
async fn start(config: &str) -> Child {
    let mut child = Command::new(PROGRAM)
        .args(["--json", "run", "--config-path", config])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).await.unwrap();
    assert!(line.contains("nodeId"), "the node did not start: {line}");
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_set_up_registered_run_and_stopped_with_the_program() {
    let network = TestNetwork::start(LocalnetOptions {
        epoch_duration: Duration::from_secs(8),
        processes: Some(PROGRAM.into()),
        ..small()
    })
    .await;
    // The nodes of the network itself can be asked as well.
    let first = network.node_config_path(0);
    let status = result(&["status", "--config-path", first.to_str().unwrap()]).await;
    assert!(status["ownedShards"].as_u64() > Some(0), "{status}");

    let dir = tempfile::tempdir().unwrap();
    let path = set_up(&network, dir.path()).await;
    let config = path.to_str().unwrap();

    let absent = refusal(&["status", "--config-path", config]).await;
    assert!(absent.contains("no node answers"), "{absent}");
    let registered = result(&["register", "--config-path", config]).await;
    let loaded = NodeConfig::load(&path).unwrap();
    let cap = loaded.storage_node_cap.unwrap().to_string();
    assert_eq!(registered["storageNodeCap"], cap);
    let twice = refusal(&["register", "--config-path", config]).await;
    assert!(twice.contains(&cap), "{twice}");
    // A registration that was cut off before the configuration says so is completed, not made twice.
    let text = std::fs::read_to_string(&path).unwrap();
    let cut: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("storage_node_cap"))
        .collect();
    std::fs::write(&path, cut.join("\n")).unwrap();
    let completed = result(&["register", "--config-path", config]).await;
    assert_eq!(completed, registered);

    let mut node = start(config).await;
    let status = result(&["status", "--config-path", config, "--until", "ready"]).await;
    assert_eq!(status["ownedShards"], 0, "{status}");
    assert_eq!(status["nodeId"], registered["nodeId"]);
    let verdict = status["verdict"].as_str().unwrap();
    assert!(verdict.contains("waits for stake"), "{verdict}");

    // With stake it becomes a member, and serves its shards.
    let node_id = registered["nodeId"].as_str().unwrap().parse().unwrap();
    let stakes = [(node_id, STAKE_PER_NODE)];
    network.writer().stake(&stakes).await.unwrap();
    eventually("the node joins the committee", PATIENCE, async || {
        let args = ["status", "--config-path", config, "--until", "ready"];
        let status = result(&args).await;
        (status["ownedShards"].as_u64() > Some(0)).then_some(())
    })
    .await;
    // What is changed in its configuration is told to the chain, at the latest with the next epoch.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("name: mine", "name: renamed")).unwrap();
    eventually("the chain knows the new name", PATIENCE, async || {
        let writer = network.writer();
        let pool = writer.reader().pool(node_id).await.unwrap().pool;
        (pool.node_info.name == "renamed").then_some(())
    })
    .await;
    assert_new_keys_are_taken_up(&network, &path, dir.path(), node_id, &mut node).await;
    let bytes = random_bytes(10_000);
    let blob = network.store(&bytes, 3).await;
    network.assert_reads(&blob.blob_id, &bytes).await;

    assert_verbs(config, dir.path(), &blob.blob_id.to_string()).await;
    let socket = loaded.admin_socket_path.clone().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let admin = ["local-admin", "--socket-path", socket.to_str().unwrap()];
    let answer = result(&[&admin[..], &["log-level", "--level", "warn"]].concat()).await;
    assert_eq!(answer["success"], true);
    let refused = refusal(&[&admin[..], &["worker", "tiger", "pause"]].concat()).await;
    assert!(refused.contains("no worker `tiger`"), "{refused}");

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.id().unwrap())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<&str> = files.unwrap().split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers[0], numbers[1], "as many files as may be");

    let stop = async |mut node: Child| {
        let pid = node.id().unwrap().try_into().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = node.wait().await.unwrap();
        assert!(ended.success(), "{ended}");
    };
    let node = assert_moves(&path, dir.path(), node, &stop).await;
    eventually("the node is whole in its new place", PATIENCE, async || {
        let there = dir.path().join("there.yaml");
        let (code, _) = ended(&["status", "--config-path", there.to_str().unwrap()]).await;
        (code == Some(0)).then_some(())
    })
    .await;
    network.assert_reads(&blob.blob_id, &bytes).await;
    stop(node).await;
    assert!(!socket.exists());
    let there = dir.path().join("there.yaml");
    let node = assert_restores(&there, &loaded.storage_path.join("checkpoints")).await;
    eventually("the node is whole after a restore", PATIENCE, async || {
        let (code, _) = ended(&["status", "--config-path", there.to_str().unwrap()]).await;
        (code == Some(0)).then_some(())
    })
    .await;
    network.assert_reads(&blob.blob_id, &bytes).await;
    stop(node).await;
    network.stop().await;
}

/// The storage goes to another machine, as far as its processes can tell: sent ahead while the node runs, with kills of both ends in the middle.
/// Returns the node that runs there.
async fn assert_moves(config: &Path, dir: &Path, node: Child, stop: impl AsyncFn(Child)) -> Child {
    let old = NodeConfig::load(config).unwrap();
    // The operator has made the configuration of the new machine: the same keys, another storage.
    let (there, storage) = (dir.join("there.yaml"), dir.join("there"));
    let text = std::fs::read_to_string(config).unwrap();
    let text = text.replace(
        old.storage_path.to_str().unwrap(),
        storage.to_str().unwrap(),
    );
    std::fs::write(&there, text).unwrap();
    let (config, there) = (config.to_str().unwrap(), there.to_str().unwrap());

    let (mut receiver, to) = receive(there).await;
    let send = ["move", "--to", &to, "--yes", "--config-path", config];
    let (code, said) = ended(&send).await;
    assert_eq!(code, Some(5), "sent ahead, and not moved: {said}");
    assert!(relocation::check(&storage).unwrap_err().is_refusal());
    let (code, said) = ended(&["fsck", "--offline", "--config-path", there]).await;
    assert_eq!(code, Some(4), "not all of it is there: {said}");
    stop(node).await;

    // Both ends are killed in the middle, at one place after the other, until one attempt gets through.
    let mut patience = Duration::from_millis(20);
    let to = loop {
        receiver.kill().await.unwrap();
        let next = receive(there).await;
        receiver = next.0;
        let mut sender = Command::new(PROGRAM)
            .args(["move", "--to", &next.1, "--yes", "--config-path", config])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let ended = tokio::time::timeout(patience, sender.wait()).await;
        sender.kill().await.unwrap();
        let gone = relocation::tombstone(&old.storage_path).unwrap();
        match gone {
            // From here on the way is clear: the last step is taken again.
            Some(_) => break next.1,
            None => assert!(ended.is_err(), "{ended:?}"),
        }
        patience = patience.saturating_mul(2);
    };
    // It fails if the receiver has ended already, since it had all.
    ended(&["move", "--to", &to, "--yes", "--config-path", config]).await;
    assert!(receiver.wait().await.unwrap().success());
    let (code, said) = ended(&["run", "--config-path", config]).await;
    assert_eq!(code, Some(1), "no node starts in the old place: {said}");
    assert!(said.contains("was moved to"), "{said}");
    start(there).await
}

/// A backup is restored where nothing is left, with kills in the middle: nothing is a storage before it is whole. Returns the node that runs
/// with it.
async fn assert_restores(config: &Path, backups: &Path) -> Child {
    let storage = NodeConfig::load(config).unwrap().storage_path;
    let config = config.to_str().unwrap();
    let restore = [
        "backup",
        "restore",
        "--yes",
        "--path",
        backups.to_str().unwrap(),
    ];
    let restore = [&restore[..], &["--config-path", config]].concat();
    for patience in (0..60).step_by(6).map(Duration::from_millis) {
        std::fs::remove_dir_all(&storage).unwrap();
        std::fs::create_dir(&storage).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(&restore)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let _ = tokio::time::timeout(patience, child.wait()).await;
        child.kill().await.unwrap();
        let (code, said) = ended(&["fsck", "--offline", "--config-path", config]).await;
        let is_storage = code != Some(1);
        assert_eq!(is_storage, storage.join("db").exists(), "{said}");
    }
    std::fs::remove_dir_all(&storage).unwrap();
    result(&restore).await;
    let again = ended(&restore).await;
    assert_eq!(again.0, Some(4), "it is not empty: {}", again.1);
    start(config).await
}

/// A process that takes a storage in, and where it listens.
async fn receive(config: &str) -> (Child, String) {
    let mut child = Command::new(PROGRAM)
        .args([
            "--json",
            "receive",
            "--listen",
            "127.0.0.1:0",
            "--config-path",
            config,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).await.unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let to = format!("https://{}", told["address"].as_str().unwrap());
    (child, to)
}
