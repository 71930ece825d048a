//! Verbs that are killed in the middle: whatever was cut off, the same command ends well, and nothing is half written.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use walrus_core::{BlobId, ShardIndex, SliverType};
use walrus_node::{
    NodeConfig,
    storage::{Storage, records::ShardState, segments::NewSliver},
};

const SHARD: ShardIndex = ShardIndex(3);
const SLIVERS: u8 = 100;
/// After so many milliseconds, one after the other, a verb is killed.
const AFTER_MS: std::ops::Range<u64> = 0..40;

struct Node {
    dir: tempfile::TempDir,
}

impl Node {
    /// A node that was set up, and does not run.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "# mine\nname: n\nstorage_path: {}\nprotocol_key_pair: {{path: /p}}\nnetwork_key_pair: {{path: /n}}\n\
             rest_api_address: 127.0.0.1:0\npublic_host: h.example\npublic_port: 1\n\
             sui: {{rpc: 'http://127.0.0.1:9', system_object: '0x2', staking_object: '0x3', wallet_config: /w}}\n",
            dir.path().join("storage").display()
        );
        fs::write(dir.path().join("node.yaml"), text).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_walrus-node"));
        command
            .args(args)
            .arg("--config-path")
            .arg(self.path("node.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn ended(&self, args: &[&str]) -> ExitStatus {
        self.command(args).status().unwrap()
    }

    /// Kills the verb at one time after the other; `check` looks at what is left.
    fn killed(&self, args: &[&str], check: impl Fn()) {
        for after in AFTER_MS.step_by(4) {
            let mut child = self.command(args).spawn().unwrap();
            thread::sleep(Duration::from_millis(after));
            // It may have ended.
            child.kill().unwrap();
            child.wait().unwrap();
            check();
        }
    }
}

fn has(storage: &Storage, number: u8) -> bool {
    let read = storage.sliver(SHARD, &BlobId([number; 32]), SliverType::Primary);
    read.unwrap() == Some(vec![number; 5000])
}

fn segments(storage: &Path) -> Vec<PathBuf> {
    let shard = storage.join("shards").join(SHARD.get().to_string());
    let files = fs::read_dir(shard).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_check_that_mends_goes_on_where_it_was_killed() {
    let node = Node::new();
    let path = node.path("storage");
    let storage = Storage::open(&path, 1 << 20).unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    for number in 0..SLIVERS {
        let sliver = NewSliver {
            blob_id: BlobId([number; 32]),
            sliver_type: SliverType::Primary,
            payload: &[number; 5000],
        };
        storage.put_slivers(SHARD, &[sliver]).unwrap();
    }
    storage.close().unwrap();
    drop(storage);
    // The head of the first record.
    let file = segments(&path).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, bytes).unwrap();

    let fix = ["fsck", "--offline", "--fix"];
    let look = ["fsck", "--offline"];
    assert_eq!(node.ended(&look).code(), Some(3));
    assert_eq!(
        node.ended(&[&fix[..], &["--dry-run"]].concat()).code(),
        Some(3)
    );
    node.killed(&fix, || {});
    assert_eq!(node.ended(&fix).code(), Some(0));
    assert_eq!(node.ended(&look).code(), Some(0));
    let storage = Storage::open(&path, 1 << 20).unwrap();
    let lost: Vec<_> = (0..SLIVERS)
        .filter(|number| !has(&storage, *number))
        .collect();
    assert_eq!(lost, [0]);
    assert!(storage.is_queued(&BlobId([0; 32])).unwrap());
}

#[test]
fn a_configuration_has_a_disk_or_does_not_have_it() {
    let node = Node::new();
    let disk = node.path("disk");
    fs::create_dir(&disk).unwrap();
    let before = fs::read_to_string(node.path("node.yaml")).unwrap();
    let is_whole = || {
        let text = fs::read_to_string(node.path("node.yaml")).unwrap();
        assert!(text.starts_with("# mine"), "{text}");
        let disks = NodeConfig::load(&node.path("node.yaml"))
            .unwrap()
            .storage_disks;
        assert!(disks.is_empty() || disks == [disk.clone()], "{disks:?}");
        disks
    };
    let path = disk.to_str().unwrap();
    node.killed(&["disk", "add", path, "--yes"], || drop(is_whole()));
    // It is one already, if one got through.
    let code = node.ended(&["disk", "add", path, "--yes"]).code();
    assert!([Some(0), Some(4)].contains(&code), "{code:?}");
    assert_eq!(is_whole(), std::slice::from_ref(&disk));
    node.killed(&["disk", "remove", path, "--yes"], || drop(is_whole()));
    node.ended(&["disk", "remove", path, "--yes"]);
    assert!(is_whole().is_empty());
    let after = fs::read_to_string(node.path("node.yaml")).unwrap();
    assert_eq!(after.trim_end(), (before + "storage_disks: []").trim_end());
}
