//! The examples of the SDK, on one network, with a client that is made from its configuration file.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use walrus_e2e::{TestNetwork, random_bytes, small};
use walrus_sdk::{Client, ClientError, ConnectError, Keypair, PatchToStore, Stored};
use walrus_sui::local_network::client_config_path;

#[path = "../../../../sdk/client/examples/custom_signer.rs"]
#[allow(dead_code, unreachable_pub)]
mod custom_signer;
#[path = "../../../../sdk/client/examples/many_blobs.rs"]
#[allow(dead_code, unreachable_pub)]
mod many_blobs;
#[path = "../../../../sdk/client/examples/quilt.rs"]
#[allow(dead_code, unreachable_pub)]
mod quilt;
#[path = "../../../../sdk/client/examples/read_part.rs"]
#[allow(dead_code, unreachable_pub)]
mod read_part;
#[path = "../../../../sdk/client/examples/store_file.rs"]
#[allow(dead_code, unreachable_pub)]
mod store_file;
#[path = "../../../../sdk/client/examples/watch_progress.rs"]
#[allow(dead_code, unreachable_pub)]
mod watch_progress;

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_do_what_they_say() {
    let network = TestNetwork::start(small()).await;
    let directory = tempfile::tempdir().unwrap();
    let client = connect(&network, directory.path()).await;

    let data = random_bytes(5_000);
    let file = directory.path().join("file");
    fs::write(&file, &data).unwrap();
    let stored = store_file::store_file(&client, &file).await.unwrap();
    assert!(matches!(stored.stored, Stored::NewlyCreated { .. }));
    assert!(stored.cost() > 0);
    assert_eq!(client.read(stored.blob_id()).await.unwrap(), data);
    let again = store_file::store_file(&client, &file).await.unwrap();
    assert_eq!(again.object_id(), stored.object_id());
    assert_eq!(again.cost(), 0);

    for (start, length) in [(0, 10), (4_990, 100), (6_000, 1)] {
        let part = read_part::read_part(&client, stored.blob_id(), start, length).await;
        let start = usize::min(start.try_into().unwrap(), data.len());
        let end = usize::min(start + usize::try_from(length).unwrap(), data.len());
        assert_eq!(part.unwrap(), data[start..end]);
    }

    let files: Vec<_> = (0..3)
        .map(|number| {
            let file = directory.path().join(format!("{number}"));
            fs::write(&file, random_bytes(100)).unwrap();
            file
        })
        .collect();
    let report = many_blobs::store_together(&client, files).await.unwrap();
    let registered: Vec<_> = report.outcomes.iter().map(|o| o.register_digest).collect();
    assert!(registered[0].is_some() && registered.iter().all(|digest| *digest == registered[0]));
    for outcome in &report.outcomes {
        let Ok(Stored::NewlyCreated { blob_object, .. }) = &outcome.result else {
            panic!("{outcome:?}");
        };
        assert!(!blob_object.deletable);
        let attributes = network.reader().blob_attributes(blob_object.id).await;
        assert_eq!(attributes.unwrap().unwrap().metadata.contents.len(), 1);
    }

    assert_quilt_is_read_file_by_file(&client).await;

    let mut lines = Vec::new();
    let watched = watch_progress::store_watched(&client, data, |line| lines.push(line)).await;
    assert_eq!(watched.unwrap().blob_id(), stored.blob_id());
    assert_eq!(lines.first().map(String::as_str), Some("encode …"));
    assert_signer_decides(&network, &client).await;
    network.stop().await;
}

/// Through the second of two RPC servers: nobody listens at the first.
async fn connect(network: &TestNetwork, directory: &std::path::Path) -> Client {
    let config = client_config_path(network.path());
    let text = std::fs::read_to_string(&config).unwrap();
    let (written, unread) = walrus_sdk::config::parse(&text, "localnet", None).unwrap();
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(written.objects(), network.reader().objects());
    let nowhere = || Client::builder().config_file(&config);
    let dead = nowhere().rpc_urls(["http://127.0.0.1:1"]).connect().await;
    let Err(ConnectError::Unreachable { failures }) = dead else {
        panic!("nobody listens there");
    };
    assert_eq!(failures.len(), 1);
    let url = network.chain().rpc_url();
    nowhere()
        .rpc_urls(["http://127.0.0.1:1", &url])
        .spool_directory(directory)
        .connect()
        .await
        .unwrap()
}

async fn assert_quilt_is_read_file_by_file(client: &Client) {
    let contents = [random_bytes(10), random_bytes(3_000)];
    let names = ["b", "a"].into_iter();
    let patches = names
        .zip(&contents)
        .map(|(name, content)| PatchToStore::new(name, content.as_slice()));
    let stored = quilt::store_together(client, patches).await.unwrap();
    for ((name, id), expected) in stored
        .iter()
        .zip([("a", &contents[1]), ("b", &contents[0])])
    {
        let read = quilt::read_one(client, id).await.unwrap();
        assert_eq!((name.as_str(), &read), expected);
    }
}

async fn assert_signer_decides(network: &TestNetwork, client: &Client) {
    let key = || Keypair::parse(&network.admin().to_base64()).unwrap();
    let refused = custom_signer::store_if(client, key(), |_| false).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, ClientError::Transaction { .. })
            && refused.to_string().contains("it was not approved"),
        "{refused}"
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let stored = custom_signer::store_if(client, key(), move |transaction| {
        noted.lock().unwrap().push(transaction.digest());
        true
    });
    let stored = stored.await.unwrap();
    let sent = [stored.register_digest, stored.certify_digest];
    assert_eq!(
        *seen.lock().unwrap(),
        sent.into_iter().flatten().collect::<Vec<_>>()
    );
}
