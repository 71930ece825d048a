//! Upload relay of a store: what it wants is asked first, and its tips are paid only with consent. Client spec 2.5 and 4.9.

use anyhow::Context as _;
use walrus_sdk::{ClientError, relay::UploadRelay};

use crate::{
    args::RelayArgs,
    consent,
    report::{count, say, sui},
};

/// The relay that was named, if one was.
///
/// # Errors
/// If it does not say what it wants.
pub(crate) async fn connect(args: &RelayArgs) -> anyhow::Result<Option<UploadRelay>> {
    let Some(url) = &args.upload_relay else {
        return Ok(None);
    };
    let relay = UploadRelay::connect(url).await;
    let relay = relay.map_err(ClientError::from);
    Ok(Some(relay.context("nothing was paid")?))
}

/// Asks whether the tips of blobs that take so many bytes in storage may be paid. Each may turn out not to be needed, where a blob is
/// stored already.
///
/// # Errors
/// If they may not.
pub(crate) fn ask(
    relay: &UploadRelay,
    encoded_sizes: &[u64],
    args: &RelayArgs,
) -> anyhow::Result<()> {
    let mut total: u64 = 0;
    for size in encoded_sizes {
        let tip = relay.tip_for(*size).map_err(ClientError::from)?;
        total = total.saturating_add(tip.map_or(0, |(_, mist)| mist));
    }
    if total == 0 {
        return Ok(());
    }
    let blobs = count(encoded_sizes.len() as u64, "blob");
    if args.skip_tip_confirmation {
        say(format_args!(
            "Tip of the upload relay for {blobs}: {}",
            sui(total)
        ));
        return Ok(());
    }
    let question = format!("Pay the upload relay a tip of {} for {blobs}?", sui(total));
    consent::ask_unless(&question, false, "--skip-tip-confirmation")
}
