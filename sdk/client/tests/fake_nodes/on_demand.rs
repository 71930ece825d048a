//! Stores of blobs whose slivers are made when nodes take them: every node gets the slivers of the whole encoding, in as little memory as
//! there may be.

use std::{fs, sync::Arc};

use walrus_core::{SliverPairIndex, SliverType, encoder::EncodedBlob, messages::BlobPersistence};
use walrus_sdk::{
    ClientError, NoProgress, Spool,
    store::{BlobUpload, CertifiedUpload, EncodedSlivers, upload_and_confirm},
};

use crate::network::{Behaviour, FAULTY, Network, config, content, encode};

/// Too little for anything: four slivers are held at a time.
const BUDGET: usize = 0;

struct Scene {
    directory: tempfile::TempDir,
    blob: Arc<EncodedBlob>,
    slivers: EncodedSlivers,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("blob");
        fs::write(&file, content(1)).unwrap();
        let spool = Spool::in_directory(directory.path());
        let slivers = EncodedSlivers::made_when_taken(file, config(), spool, BUDGET).await;
        Self {
            directory,
            blob: encode(&content(1)),
            slivers: slivers.unwrap(),
        }
    }

    async fn upload(&self, network: &Network) -> Result<CertifiedUpload, ClientError> {
        let upload = BlobUpload::new(self.slivers.clone(), BlobPersistence::Permanent);
        upload_and_confirm(&network.committee, &upload, &NoProgress).await
    }

    /// Looks whether a node has exactly its slivers.
    fn check(&self, network: &Network, index: usize) {
        let slivers = network.nodes[index].slivers.lock().unwrap();
        assert_eq!(slivers.len(), 4, "node {index}");
        for ((pair, sliver_type), bytes) in slivers.iter() {
            let pair = &self.blob.pairs[SliverPairIndex(*pair).as_usize()];
            let expected = match sliver_type {
                SliverType::Primary => pair.primary.to_bcs(),
                SliverType::Secondary => pair.secondary.to_bcs(),
            };
            assert!(*bytes == expected, "node {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_gets_its_slivers_the_way_it_takes_them() {
    let scene = Scene::new().await;
    assert_eq!(scene.slivers.metadata(), &scene.blob.metadata);
    let (whole, honest) = (Behaviour::Whole, Behaviour::Honest);
    let interrupted = Behaviour::WholeInterrupted;
    for behaviours in [
        vec![whole.clone(); 10],
        vec![interrupted; 10],
        [vec![whole; 7], vec![honest; 3]].concat(),
    ] {
        let network = Network::start(None, behaviours).await;
        scene.upload(&network).await.unwrap().tail.finish().await;
        for index in 0..10 {
            scene.check(&network, index);
        }
        // The file for those that take one at a time has no name.
        assert_eq!(fs::read_dir(scene.directory.path()).unwrap().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_do_not_take_theirs_hold_up_nobody() {
    let scene = Scene::new().await;
    let faulty = [Behaviour::Down, Behaviour::Silent, Behaviour::Full];
    assert_eq!(faulty.len(), FAULTY);
    let network = [&faulty[..], &vec![Behaviour::Whole; 7]].concat();
    let network = Network::start(None, network).await;
    let certified = scene.upload(&network).await.unwrap();
    for index in FAULTY..10 {
        scene.check(&network, index);
    }
    // What is given up in the middle leaves nothing behind that would hold up the next one.
    drop(certified);
    let network = Network::start(None, vec![Behaviour::Whole; 10]).await;
    scene.upload(&network).await.unwrap().tail.finish().await;
    for index in 0..10 {
        scene.check(&network, index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_meanwhile_is_told() {
    for behaviour in [Behaviour::Whole, Behaviour::Honest] {
        let scene = Scene::new().await;
        let file = scene.directory.path().join("blob");
        fs::write(&file, &content(1)[1..]).unwrap();
        let network = Network::start(None, vec![behaviour; 10]).await;
        let error = scene.upload(&network).await.unwrap_err();
        let ClientError::NotEnoughConfirmations { failures, .. } = error else {
            panic!("{error}");
        };
        for failure in failures {
            let problem = failure.problem.to_string();
            assert!(
                problem.starts_with("the sliver cannot be made again: "),
                "{problem}"
            );
        }
    }
}
