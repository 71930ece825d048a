//! Proof of a range, from the slivers that cover it. Proof spec 6.

use std::{ops::Range, sync::Arc};

use walrus_core::proof::{RangeProof, RangeProver};

use super::RemoteBlob;
use crate::{ClientError, computation::compute};

impl RemoteBlob {
    /// Makes a proof that the bytes of a range, at least one, are those of the blob. One sliver after the other is fetched, and no other is in
    /// memory meanwhile.
    ///
    /// # Errors
    /// [`ClientError::RangeNotSatisfiable`]; otherwise as for [`Self::source_sliver`].
    pub async fn prove(&self, Range { start, end }: Range<u64>) -> Result<RangeProof, ClientError> {
        let metadata = Arc::clone(&self.source.metadata);
        let prover = RangeProver::new(metadata, start..end);
        let mut prover = prover.map_err(|_| ClientError::RangeNotSatisfiable {
            start,
            end,
            length: self.length(),
        })?;
        let size = usize::try_from(self.sliver_length()).unwrap_or(usize::MAX);
        for index in prover.slivers() {
            let _share = self.budget.take(size).await;
            let sliver = self.source_sliver(index).await?;
            let add = move |_: &crate::computation::Watched| {
                let added = prover.add(&sliver);
                added.map_err(|error| ClientError::Interrupted(error.to_string()))?;
                Ok(prover)
            };
            prover = compute(add, |_| {}).await?;
        }
        let proof = prover.finish();
        proof.map_err(|error| ClientError::Interrupted(error.to_string()))
    }
}
