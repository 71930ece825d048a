//! `walrus burn-blobs`. Client spec 2.8.

use anyhow::ensure;
use walrus_sui::Address;

use crate::{
    args::{BurnBlobsArgs, GlobalOptions},
    consent,
    context::Network,
    report::{Reporter, count, say},
};

/// Objects of one transaction, whose size is bounded.
const PER_TRANSACTION: usize = 250;

/// Destroys blob objects; what they stored stays until its end. The result is text, always.
pub(crate) async fn run(global: &GlobalOptions, args: BurnBlobsArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(false);
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let objects = match args.object_ids.is_empty() {
        false => args.object_ids.clone(),
        true => owned(&network, &args, writer.address()).await?,
    };
    if objects.is_empty() {
        reporter.line("There is nothing to burn");
        return Ok(());
    }
    let number = count(objects.len() as u64, "blob object");
    let question = format!("Destroy {number}? They cannot be extended or deleted any more.");
    consent::ask(&question, args.yes || global.json)?;
    let mut failed = 0;
    for batch in objects.chunks(PER_TRANSACTION) {
        match writer.burn_blobs(batch).await {
            Ok(_) => batch
                .iter()
                .for_each(|object| reporter.line(format!("Burned {object}"))),
            Err(error) => {
                failed += batch.len();
                say(format_args!(
                    "Error: {}: {error}",
                    count(batch.len() as u64, "object")
                ));
            }
        }
    }
    ensure!(failed == 0, "{failed} of {number} not burned");
    Ok(())
}

async fn owned(
    network: &Network,
    args: &BurnBlobsArgs,
    owner: Address,
) -> anyhow::Result<Vec<Address>> {
    ensure!(
        args.all || args.all_expired,
        "exactly one of `objectIds`, `all`, or `allExpired` must be specified"
    );
    let current = network.reader().epoch().await?;
    let blobs = network.client().owned_blobs(owner, true).await?;
    let chosen = blobs
        .into_iter()
        .filter(|blob| args.all || blob.storage.end_epoch <= current);
    Ok(chosen.map(|blob| blob.id).collect())
}
