//! Epochs of the chain itself (devchain spec 6.3).

use std::time::Duration;

use sui_crypto::bls12381::ValidatorCommitteeSignatureVerifier;
use sui_devchain::{ClockMode, Devchain};
use sui_rpc::Client;
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{CheckpointSummary, ValidatorAggregatedSignature, ValidatorCommittee};
use tonic::Code;

use crate::support::{balance, client, payment, run, stranger};

async fn epoch(client: &mut Client, number: Option<u64>) -> Result<proto::Epoch, tonic::Status> {
    let mut request = proto::GetEpochRequest::latest();
    request.epoch = number;
    request.read_mask = Some(FieldMask::from_paths(["*"]));
    let response = client.ledger_client().get_epoch(request).await?;
    Ok(response.into_inner().epoch.unwrap())
}

async fn checkpoint(client: &mut Client, number: u64) -> proto::Checkpoint {
    let request = proto::GetCheckpointRequest::by_sequence_number(number)
        .with_read_mask(FieldMask::from_paths(["*"]));
    let response = client.ledger_client().get_checkpoint(request).await;
    response.unwrap().into_inner().checkpoint.unwrap()
}

#[tokio::test]
async fn an_epoch_ends_with_a_checkpoint_that_says_so_and_the_chain_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let boot = || {
        Devchain::builder()
            .seed("epochs")
            .data_dir(Some(directory.path().to_owned()))
            .accounts(1)
            .start()
    };
    let chain = boot().await.unwrap();
    let mut reader = client(&chain);
    let account = chain.accounts()[0].clone();
    run(&mut reader, &account, payment(stranger(1), 1)).await;
    assert_eq!(chain.end_epoch().await.unwrap(), 1);

    let old = epoch(&mut reader, Some(0)).await.unwrap();
    let last = old.last_checkpoint();
    assert_eq!(old.first_checkpoint(), 0);
    assert_eq!(last, chain.height());
    assert!(old.end.is_some());
    let new = epoch(&mut reader, None).await.unwrap();
    assert_eq!(new.epoch(), 1);
    assert_eq!(new.first_checkpoint(), last + 1);
    assert_eq!(new.start, old.end);
    assert_eq!(new.system_state.as_ref().unwrap().epoch(), 1);
    assert_eq!(
        epoch(&mut reader, Some(2)).await.unwrap_err().code(),
        Code::NotFound
    );

    let ending = checkpoint(&mut reader, last).await;
    let summary = CheckpointSummary::try_from(ending.summary.as_ref().unwrap()).unwrap();
    let data = summary.end_of_epoch_data.as_ref().unwrap();
    assert_eq!(data.next_epoch_committee.len(), 1);
    assert!(summary.epoch_rolling_gas_cost_summary.computation_cost > 0);
    let committee = ValidatorCommittee::try_from(old.committee.as_ref().unwrap()).unwrap();
    let signature =
        ValidatorAggregatedSignature::try_from(ending.signature.as_ref().unwrap()).unwrap();
    ValidatorCommitteeSignatureVerifier::new(committee)
        .unwrap()
        .verify_checkpoint_summary(&summary, &signature)
        .unwrap();
    let kind = ending.transactions.last().unwrap();
    assert!(format!("{:?}", kind.transaction().kind()).contains("ChangeEpoch"));

    // Life goes on, also after a restart; gas of the new epoch is counted from zero.
    let paid = run(&mut reader, &account, payment(stranger(1), 1)).await;
    assert_eq!(paid.effects().epoch(), 1);
    let next = checkpoint(&mut reader, paid.checkpoint()).await;
    let gas = next.summary().epoch_rolling_gas_cost_summary();
    assert_eq!(
        gas.computation_cost(),
        paid.effects().gas_used().computation_cost()
    );
    chain.shutdown().await;
    let chain = boot().await.unwrap();
    let mut reader = client(&chain);
    assert_eq!(epoch(&mut reader, None).await.unwrap().epoch(), 1);
    assert_eq!(
        epoch(&mut reader, Some(0)).await.unwrap().last_checkpoint(),
        last
    );
    let paid = run(&mut reader, &account, payment(stranger(1), 1)).await;
    assert_eq!(paid.effects().epoch(), 1);
    assert_eq!(balance(&mut reader, stranger(1)).await, 3);
}

#[tokio::test]
async fn epochs_with_a_duration_end_when_their_time_is_over() {
    let chain = Devchain::builder()
        .clock(ClockMode::Manual)
        .epoch_duration(Some(Duration::from_secs(60)))
        .accounts(1)
        .start()
        .await
        .unwrap();
    let mut reader = client(&chain);
    chain.advance_clock(Duration::from_secs(59)).await.unwrap();
    assert_eq!(epoch(&mut reader, None).await.unwrap().epoch(), 0);
    chain.advance_clock(Duration::from_secs(2)).await.unwrap();
    let now = epoch(&mut reader, None).await.unwrap();
    assert_eq!(now.epoch(), 1);
    let parameters = now.system_state().parameters();
    assert_eq!(parameters.epoch_duration_ms(), 60_000);
}

/// `configs` is what the two older maps are given up for.
#[tokio::test]
async fn an_epoch_shows_the_limits_of_the_protocol() {
    use prost_types::value::Kind;
    let chain = crate::support::boot().await;
    let mut reader = client(&chain);
    let config = epoch(&mut reader, None)
        .await
        .unwrap()
        .protocol_config
        .unwrap();
    let kind = |name: &str| config.configs[name].kind.clone().unwrap();
    assert_eq!(
        kind("max_tx_gas"),
        Kind::StringValue("50000000000000".into())
    );
    assert_eq!(kind("max_arguments"), Kind::NumberValue(512.0));
    assert_eq!(kind("max_type_nodes"), Kind::StringValue("256".into()));
    assert_eq!(kind("enable_accumulators"), Kind::BoolValue(true));
    assert_eq!(config.attributes["max_tx_size_bytes"], "131072");
    assert!(config.feature_flags["enable_party_transfer"]);
    let shown = config.attributes.len() + config.feature_flags.len();
    assert_eq!(config.configs.len(), shown);
}
