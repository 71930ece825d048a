//! RPC servers that die while a client works: the next one takes over, and nothing is paid twice.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use walrus_e2e::{Door, TestNetwork, eventually, random_bytes, small};
use walrus_sdk::{Client, ProgressEvent};
use walrus_sui::{
    Transaction, UserSignature,
    local_network::client_config_path,
    wallet::{Keypair, SignatureError, SuiSigner, TransactionSigner},
};

const PATIENCE: Duration = Duration::from_secs(20);

async fn door(network: &TestNetwork) -> Arc<Door> {
    Arc::new(Door::to(&network.chain().rpc_url()).await)
}

async fn client<const N: usize>(
    network: &TestNetwork,
    doors: [&Door; N],
    signer: TransactionSigner,
) -> Client {
    let client = Client::builder()
        .config_file(client_config_path(network.path()))
        .rpc_urls(doors.map(Door::url))
        .signer(signer)
        .connect();
    client.await.unwrap()
}

/// Signs, and lets nothing of what the server answers through a door from then on.
struct Muting {
    key: Arc<Keypair>,
    door: Arc<Door>,
}

impl SuiSigner for Muting {
    fn sign_transaction(&self, transaction: &Transaction) -> Result<UserSignature, SignatureError> {
        self.door.mute();
        self.key.sign_transaction(transaction)
    }

    fn sign_personal_message(
        &self,
        message: &walrus_sui::PersonalMessage<'_>,
    ) -> Result<UserSignature, SignatureError> {
        self.key.sign_personal_message(message)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_on_when_the_address_of_its_chain_dies_between_two_steps() {
    let network = TestNetwork::start(small()).await;
    let steps: [fn(&ProgressEvent) -> bool; 4] = [
        |event| matches!(event, ProgressEvent::Started(walrus_sdk::Phase::Encode)),
        |event| matches!(event, ProgressEvent::Started(walrus_sdk::Phase::Register)),
        |event| matches!(event, ProgressEvent::Registered { .. }),
        |event| matches!(event, ProgressEvent::Started(walrus_sdk::Phase::Certify)),
    ];
    for (number, is_step) in steps.into_iter().enumerate() {
        let (first, second) = (door(&network).await, door(&network).await);
        let signer = Arc::clone(network.admin()).into();
        let client = client(&network, [&first, &second], signer).await;
        let data = random_bytes(3_000);
        let mut storing = client.store(data.clone()).epochs(2).start();
        let mut is_closed = false;
        while let Some(event) = storing.next().await {
            if is_step(&event) {
                first.close();
                is_closed = true;
            }
        }
        assert!(is_closed, "step {number} does not happen");
        let stored = storing.await;
        let stored = stored.unwrap_or_else(|error| panic!("step {number}: {error}"));
        assert!(second.requests() > 0);
        network.assert_reads(&stored.blob_id(), &data).await;
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_answer_is_lost_is_looked_up_and_not_signed_again() {
    let network = TestNetwork::start(small()).await;
    let (first, second) = (door(&network).await, door(&network).await);
    let key = Arc::clone(network.admin());
    let owner = key.address();
    let muting = Muting {
        key,
        door: Arc::clone(&first),
    };
    let signer = TransactionSigner::new(owner, muting);
    let client = client(&network, [&first, &second], signer).await;
    let data = random_bytes(3_000);
    let planned = client.store(data.clone()).dry_run().await.unwrap();
    let before = network.balance().await;
    // The registration is executed, the answer never comes, and then the address is gone.
    let dies = async {
        eventually("the blob is registered", PATIENCE, async || {
            let owned = network.reader().owned_blobs(owner).await.unwrap();
            (!owned.is_empty()).then_some(())
        })
        .await;
        first.close();
    };
    let (stored, ()) = tokio::join!(async { client.store(data.clone()).await }, dies);
    let stored = stored.unwrap();
    assert_eq!(before - network.balance().await, planned.cost);
    let owned = network.reader().owned_blobs(owner).await.unwrap();
    assert_eq!(owned.len(), 1, "{owned:?}");
    network.assert_reads(&stored.blob_id(), &data).await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_takes_ten_calls_to_the_chain_at_most() {
    let network = TestNetwork::start(small()).await;
    let door = door(&network).await;
    let signer = Arc::clone(network.admin()).into();
    let client = client(&network, [&door], signer).await;
    // The first knows nothing, the second knows the committee.
    for number in 0..2 {
        let before = door.requests();
        client.store(random_bytes(2_000)).await.unwrap();
        let calls = door.requests() - before;
        assert!(calls <= 10, "store {number} made {calls} calls");
    }
    network.stop().await;
}
