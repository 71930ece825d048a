//! The chain of a simulation: the embedded one, in this thread and on this clock, asked without a connection.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use sui_devchain::{ClockMode, Devchain, RunningChain, SyncPolicy};
use tower::{ServiceExt as _, layer::layer_fn, service_fn};
use walrus_sui::chain::ChainClient;

use crate::{lines::Party, wire::Wires};

/// Funded accounts of the chain.
const ACCOUNTS: u32 = 1;

/// Boots the chain in `directory`, or continues it.
pub(crate) async fn boot(directory: &Path) -> anyhow::Result<RunningChain> {
    Devchain::builder()
        .seed("simulation")
        .accounts(ACCOUNTS)
        .data_dir(Some(directory.to_owned()))
        .sync(SyncPolicy::Never)
        .clock(ClockMode::Runtime)
        .in_callers_thread()
        .start()
        .await
        .context("the chain does not start")
}

/// The chain as one party reaches it: not at all while the party is cut off.
pub(crate) fn client(
    chain: &RunningChain,
    party: Party,
    wires: &Wires,
) -> anyhow::Result<ChainClient> {
    let (services, wires) = (chain.services(), wires.clone());
    let door = layer_fn(move |_| {
        let (services, wires) = (services.clone(), wires.clone());
        service_fn(move |request: http::Request<tonic::body::Body>| {
            let (services, wires) = (services.clone(), wires.clone());
            async move {
                wires
                    .to_chain(party)
                    .await
                    .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
                let Ok(answer) = services.oneshot(request).await;
                Ok::<_, tonic::Status>(answer.map(|body| wires.answer_of_chain(party, body)))
            }
        })
    });
    let rpc = sui_rpc::Client::new("http://chain.invalid").context("no client of the chain")?;
    Ok(ChainClient::over(rpc.request_layer(door)))
}

/// The account that deploys the contracts and holds all WAL.
pub(crate) fn admin(chain: &RunningChain) -> anyhow::Result<Arc<walrus_sui::wallet::Keypair>> {
    let account = chain.accounts().first().context("no account")?;
    let key = walrus_sui::wallet::Keypair::parse(&account.private_key)?;
    Ok(Arc::new(key))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{SeedableRng as _, rngs::StdRng};
    use tokio::time::Instant;
    use walrus_sui::{Address, transactions::TransactionExecutor};

    use super::*;
    use crate::lines::Cut;

    const STRANGER: Address = Address::new([9; 32]);

    async fn timestamp_ms(chain: &ChainClient) -> i64 {
        let request = sui_rpc::proto::sui::rpc::v2::GetServiceInfoRequest::default();
        let info = chain.rpc().ledger_client().get_service_info(request).await;
        let timestamp = info.unwrap().into_inner().timestamp.unwrap();
        timestamp.seconds * 1000 + i64::from(timestamp.nanos) / 1_000_000
    }

    #[tokio::test(start_paused = true)]
    async fn time_passes_on_it_as_elsewhere_and_it_goes_on_from_where_it_stood() {
        let directory = tempfile::tempdir().unwrap();
        let wires = Wires::new(StdRng::seed_from_u64(1));
        let (mut paid, mut last) = (0, 0);
        for _ in 0..2 {
            let running = boot(directory.path()).await.unwrap();
            let chain = client(&running, Party::Client(0), &wires).unwrap();
            let executor = TransactionExecutor::new(chain.clone(), admin(&running).unwrap());
            for pause in [0, 3600] {
                let (start, before) = (Instant::now(), timestamp_ms(&chain).await);
                assert!(before >= last);
                tokio::time::sleep(Duration::from_secs(pause)).await;
                executor.send_sui(&[(STRANGER, 1)]).await.unwrap();
                paid += 1;
                assert_eq!(chain.sui_balance(STRANGER).await.unwrap(), paid);
                last = timestamp_ms(&chain).await;
                let passed = i64::try_from(start.elapsed().as_millis()).unwrap();
                assert!(
                    last > before && last - before <= passed,
                    "{last} {before} {passed}"
                );
            }
            running.shutdown().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cut_off_does_not_reach_it() {
        let directory = tempfile::tempdir().unwrap();
        let wires = Wires::new(StdRng::seed_from_u64(1));
        let running = boot(directory.path()).await.unwrap();
        let chain = client(&running, Party::Client(0), &wires).unwrap();
        let cut = wires.cut(Cut::off([Party::Client(0)]));
        let unreachable = chain.latest_checkpoint().await.unwrap_err();
        assert!(unreachable.is_transient(), "{unreachable}");
        wires.mend(cut);
        chain.latest_checkpoint().await.unwrap();
    }
}
