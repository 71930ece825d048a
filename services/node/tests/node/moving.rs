//! A storage goes to another machine: in pieces, over cut connections, and never to two places.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use walrus_core::{BlobId, ShardIndex, SliverType, network_key::NetworkKeyPair};
use walrus_node::{
    operator::relocation::{Receiver, RelocationError, Sending, check},
    storage::{Storage, StorageOptions, records::ShardState, segments::NewSliver},
};
use walrus_sui::Address;

use crate::support::NODE_ID;

const SHARD: ShardIndex = ShardIndex(3);
/// Small, so that there are several.
const SEGMENT_BYTES: u64 = 100_000;

/// The two machines.
struct Machines {
    dir: tempfile::TempDir,
    key: Arc<NetworkKeyPair>,
}

impl Machines {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            key: Arc::new(NetworkKeyPair::generate(&mut rand::rng())),
        }
    }

    fn disks(&self, machine: &str) -> Vec<PathBuf> {
        let disk = |number| self.dir.path().join(format!("{machine}-{number}"));
        (0..2).map(disk).collect()
    }

    fn options(&self, machine: &str) -> StorageOptions {
        let disks = self.disks(machine);
        StorageOptions {
            disks: vec![disks[1].clone()],
            segment_bytes: SEGMENT_BYTES,
            ..StorageOptions::new(&disks[0], 1 << 20)
        }
    }

    fn open(&self, machine: &str) -> Storage {
        self.disks(machine)
            .iter()
            .for_each(|disk| fs::create_dir_all(disk).unwrap());
        Storage::open_with(self.options(machine)).unwrap()
    }

    fn receiver(&self) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Receiver::listen(listener, copy(&self.key), NODE_ID, self.disks("new")).unwrap()
    }

    fn sending(&self, receiver: &Receiver) -> Sending {
        Sending {
            disks: self.disks("old"),
            node_id: NODE_ID,
            to: format!("https://{}", receiver.address()),
            key: Arc::clone(&self.key),
        }
    }
}

fn copy(key: &NetworkKeyPair) -> NetworkKeyPair {
    NetworkKeyPair::from_secret_bytes(&key.secret_bytes()).unwrap()
}

fn put(storage: &Storage, number: u8) {
    let sliver = NewSliver {
        blob_id: BlobId([number; 32]),
        sliver_type: SliverType::Primary,
        payload: &[number; 20_000],
    };
    storage.put_slivers(SHARD, &[sliver]).unwrap();
}

fn has(storage: &Storage, number: u8) -> bool {
    let found = storage.sliver(SHARD, &BlobId([number; 32]), SliverType::Primary);
    found.unwrap() == Some(vec![number; 20_000])
}

/// The files of segments below a directory.
fn segments(disk: &Path) -> Vec<PathBuf> {
    let shard = disk.join("shards").join(SHARD.get().to_string());
    let files = fs::read_dir(shard).into_iter().flatten();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_ahead_and_cut_off_again_and_again_is_whole_in_the_end() {
    let machines = Machines::new();
    let old = machines.open("old");
    old.set_shard_state(SHARD, ShardState::Active).unwrap();
    (0..30).for_each(|number| put(&old, number));
    let receiver = machines.receiver();
    let sending = machines.sending(&receiver);
    let ahead = sending.ahead().await.unwrap();
    assert!(ahead.files >= 6 && ahead.kept == 0, "{ahead:?}");
    let again = sending.ahead().await.unwrap();
    assert_eq!(again.kept, again.files, "nothing is sent twice");
    let new = &machines.disks("new")[0];
    assert!(check(new).unwrap_err().is_refusal(), "no node starts there");

    // The node goes on meanwhile: slivers come, and go with their file.
    (30..40).for_each(|number| put(&old, number));
    let gone: Vec<_> = (0..8).map(|number| BlobId([number; 32])).collect();
    old.delete_data_of(&gone).unwrap();
    old.close().unwrap();
    drop(old);
    // As kills leave files behind: one too long, one too short, one of other bytes.
    receiver.close().await;
    let there: Vec<_> = machines
        .disks("new")
        .iter()
        .flat_map(|disk| segments(disk))
        .collect();
    let whole = fs::read(&there[0]).unwrap();
    fs::write(&there[0], [&whole[..], b"half a piece"].concat()).unwrap();
    fs::write(&there[1], &whole[..whole.len() / 2]).unwrap();
    fs::write(&there[2], vec![1; whole.len()]).unwrap();

    let mut patience = Duration::from_millis(1);
    let (sending, mut receiver) = loop {
        let receiver = machines.receiver();
        let sending = machines.sending(&receiver);
        match tokio::time::timeout(patience, sending.all()).await {
            Ok(moved) => {
                assert!(moved.unwrap().kept > 0);
                break (sending, receiver);
            }
            // The address changes with each receiver: only a tombstone for the last one may be up.
            Err(_) if sending.is_handed_over().unwrap() => {
                sending.all().await.unwrap();
                break (sending, receiver);
            }
            Err(_) => {
                receiver.close().await;
                patience *= 2;
            }
        }
    };
    receiver.received().await;
    let gone = check(&machines.disks("old")[0]).unwrap_err();
    assert!(matches!(gone, RelocationError::Gone { .. }), "{gone}");
    check(new).unwrap();
    // The last step once more, as after a kill in between.
    assert_eq!(sending.all().await.unwrap(), Default::default());
    let storage = machines.open("new");
    for number in 8..40 {
        assert!(has(&storage, number), "{number}");
    }
    assert!((0..8).all(|number| !has(&storage, number)));
    receiver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_goes_to_nobody_else_and_over_nothing_else() {
    let machines = Machines::new();
    machines.open("old").close().unwrap();
    let receiver = machines.receiver();
    let refused = async |sending: &Sending| sending.all().await.unwrap_err();

    let other = Sending {
        node_id: Address::new([9; 32]),
        ..machines.sending(&receiver)
    };
    let error = refused(&other).await;
    assert!(error.is_refusal(), "{error}");
    let stranger = Sending {
        key: Arc::new(NetworkKeyPair::generate(&mut rand::rng())),
        ..machines.sending(&receiver)
    };
    let error = refused(&stranger).await;
    assert!(matches!(error, RelocationError::Remote { .. }), "{error}");
    let one_disk = Sending {
        disks: machines.disks("old")[..1].to_vec(),
        ..machines.sending(&receiver)
    };
    let error = refused(&one_disk).await;
    assert!(error.to_string().contains("1 disks, and 2"), "{error}");

    let new = &machines.disks("new")[0];
    fs::create_dir_all(new).unwrap();
    for (name, text, says) in [
        ("mine", "", "holds mine"),
        (
            "moved.json",
            r#"{"to": "/x", "nodeId": "0x1", "atMs": 5}"#,
            "the one that is sent is older",
        ),
    ] {
        fs::write(new.join(name), text).unwrap();
        let error = refused(&machines.sending(&receiver)).await;
        assert!(
            error.is_refusal() && error.to_string().contains(says),
            "{error}"
        );
        fs::remove_file(new.join(name)).unwrap();
    }
    // Nothing was begun, and nothing in the old place has changed.
    assert_eq!(fs::read_dir(new).unwrap().count(), 0);
    check(&machines.disks("old")[0]).unwrap();
    machines.sending(&receiver).all().await.unwrap();
    receiver.close().await;
}
