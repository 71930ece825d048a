//! Upload by a relay: the tip, if it wants one, and the certificate, in place of slivers. Client spec 4.9.

use std::{sync::Arc, time::Instant};

use futures::StreamExt as _;

use super::{
    CertifiedUpload, Store,
    register::transaction_error,
    resume::age_of,
    stage::{Content, Placed as _, Registered},
};
use crate::{
    ClientError, Phase, limits,
    progress::Timer,
    relay::{Nonce, PaidTip, RelayError, ToRelay, UploadRelay, digest_of, package},
    store_request::nothing_done,
};

const TIPPING: &str = "paying the tip of the upload relay";

impl Store<'_> {
    /// Has a relay upload these. Tips are paid one after the other, as everything of one wallet is.
    pub(super) async fn relay(
        &mut self,
        relay: &UploadRelay,
        blobs: Vec<Registered>,
    ) -> Vec<(Registered, Result<CertifiedUpload, ClientError>)> {
        let timer = Timer::start(Phase::Upload, self.progress);
        let mut tipped = Vec::with_capacity(blobs.len());
        for blob in blobs {
            let tip = self.tip(relay, &blob).await;
            tipped.push((blob, tip));
        }
        let view = Arc::clone(&self.view);
        let results = futures::stream::iter(tipped)
            .map(|(blob, tip)| {
                let view = &view;
                async move {
                    let uploaded = async {
                        let Content::ToRelay(unencoded) = &blob.encoded.content else {
                            return Err(nothing_done());
                        };
                        let begun = Instant::now();
                        let wanted = ToRelay {
                            data: &unencoded.data,
                            length: unencoded.length,
                            blob_id: blob.encoded.blob.identity.blob_id,
                            persistence: blob.registration.persistence(),
                            tip: tip?,
                        };
                        let certificate = relay.upload(&view.current, &wanted).await?;
                        Ok(CertifiedUpload::by_relay(certificate, begun.elapsed()))
                    };
                    let uploaded = uploaded.await;
                    (blob, uploaded)
                }
            })
            .buffer_unordered(limits::MAX_CONCURRENT_BLOBS)
            .collect()
            .await;
        self.report.time(Phase::Upload, timer.finish());
        results
    }

    /// Pays the tip of a blob, if one is wanted; one that an earlier store has paid is good once more.
    async fn tip(
        &mut self,
        relay: &UploadRelay,
        blob: &Registered,
    ) -> Result<Option<PaidTip>, ClientError> {
        let Content::ToRelay(unencoded) = &blob.encoded.content else {
            return Err(nothing_done());
        };
        let Some((recipient, amount)) = relay.tip_for(unencoded.encoded_size)? else {
            return Ok(None);
        };
        let place = blob.place();
        if let Some(paid) = self.tip_before(place).await? {
            return Ok(Some(paid));
        }
        let nonce: Nonce = rand::random();
        let digest = digest_of(&unencoded.data).await;
        let digest = digest.map_err(RelayError::Unreadable)?;
        let package = package(&digest, &nonce, unencoded.length);
        let mut executor = self.writer()?.executor().clone();
        if let (Some(log), Some(key)) = (&self.log, self.key(place))
            && log.is_open(&key)
        {
            executor = executor.noting(log.tipping(key, nonce));
        }
        let paid = executor.send_sui_with_note(recipient, amount, &package);
        let paid = paid
            .await
            .map_err(|error| transaction_error(TIPPING, error))?;
        let digest = paid.digest;
        let paid = PaidTip { digest, nonce };
        self.note(place, |record| record.paid_tip = Some(paid));
        Ok(Some(paid))
    }

    /// The tip that was paid for an attempt before, or that an earlier store was about to pay, if it is paid.
    async fn tip_before(&mut self, place: usize) -> Result<Option<PaidTip>, ClientError> {
        let Some(record) = self.records.get_mut(place) else {
            return Ok(None);
        };
        let begun = record.begun;
        let Some((tip, begun)) = record.tip.take().zip(begun) else {
            return Ok(record.paid_tip);
        };
        let executor = self.writer()?.executor();
        match executor.send_again(&tip.transaction, age_of(begun)).await {
            Ok(paid) => {
                let (digest, nonce) = (paid.digest, tip.nonce);
                let paid = PaidTip { digest, nonce };
                self.note(place, |record| record.paid_tip = Some(paid));
                Ok(Some(paid))
            }
            Err(error) if error.is_final() => Ok(None),
            Err(error) => Err(transaction_error(TIPPING, error)),
        }
    }
}
