//! What a planned store takes of the wallet, and whether the wallet has it: the same checks as when it is paid.

use walrus_sui::{
    Address,
    transactions::{ContractWriter, GasCost, TransactionError},
};

use super::{
    Store,
    plan::{Extension, Source},
    register::{Batch, is_registered},
};
use crate::ClientError;

/// What a blob takes of the wallet's SUI, in MIST.
#[derive(Debug, Clone, Default)]
pub(super) struct BlobGas {
    /// Its part of the registering transaction.
    pub(super) registration: Option<i64>,
    /// Of the transaction that extends it.
    pub(super) extension: Option<i64>,
    /// Its part of the certifying transaction, at most.
    pub(super) certification: Option<i64>,
    /// Coins would be merged first.
    pub(super) merges_coins: bool,
    /// Why the wallet cannot pay, in SUI or in WAL.
    pub(super) cannot_pay: Option<String>,
}

/// What the blobs of a batch take, in its order.
#[derive(Default)]
pub(super) struct BatchGas {
    pub(super) found: Vec<BlobGas>,
    pub(super) new: Vec<BlobGas>,
}

/// The WAL of a wallet. A store pays for one batch after the other, so that each alone may be within its means.
pub(super) struct Purse {
    owner: Option<Address>,
    frost: u64,
    planned: u64,
}

impl Purse {
    /// Takes what one more blob costs.
    pub(super) fn take(&mut self, cost: u64) -> Result<(), TransactionError> {
        self.planned = self.planned.saturating_add(cost);
        match self.owner.filter(|_| cost > 0 && self.planned > self.frost) {
            None => Ok(()),
            Some(owner) => Err(TransactionError::InsufficientFunds {
                owner,
                coin: "WAL",
                needed: self.planned,
                available: self.frost,
            }),
        }
    }
}

impl Store<'_> {
    /// The wallet's WAL. Without a wallet nobody knows what it lacks.
    pub(super) async fn purse(&self) -> Result<Purse, ClientError> {
        let planned = 0;
        let Some(writer) = &self.writer else {
            let (owner, frost) = (None, 0);
            return Ok(Purse {
                owner,
                frost,
                planned,
            });
        };
        let reader = self.client.reader();
        let wal = reader.packages().wal_type;
        let frost = reader.chain().balance(writer.address(), &wal).await?;
        let owner = Some(writer.address());
        Ok(Purse {
            owner,
            frost,
            planned,
        })
    }

    /// What a batch takes.
    pub(super) async fn batch_gas(&self, batch: &Batch) -> BatchGas {
        let mut gas = BatchGas {
            found: vec![BlobGas::default(); batch.found.len()],
            new: vec![BlobGas::default(); batch.new.len()],
        };
        let Some(writer) = &self.writer else {
            return gas;
        };
        self.registration(writer, batch, &mut gas.new).await;
        for ((_, source, cost), gas) in batch.found.iter().zip(&mut gas.found) {
            if let Source::Extend(blob, extension) = source {
                let cost = self.extension(writer, blob.id, extension, *cost).await;
                gas.settle(cost, |gas, net| gas.extension = Some(net));
            }
        }
        certification(writer, batch, &mut gas).await;
        gas
    }

    async fn registration(&self, writer: &ContractWriter, batch: &Batch, gas: &mut [BlobGas]) {
        if gas.is_empty() {
            return;
        }
        let writer = writer.clone().leaving_certification_gas(batch.to_certify());
        let cost = writer.estimate_registration(&batch.registrations()).await;
        let shares = match &cost {
            Ok(Some(cost)) => shares(net(*cost), gas.len()),
            _ => vec![0; gas.len()],
        };
        for (gas, share) in gas.iter_mut().zip(shares) {
            let cost = cost.as_ref().map(|cost| cost.map(|_| share));
            gas.settle_net(cost.map_err(ToString::to_string), |gas, net| {
                gas.registration = Some(net);
            });
        }
    }

    async fn extension(
        &self,
        writer: &ContractWriter,
        blob: Address,
        extension: &Extension,
        cost: u64,
    ) -> Result<Option<GasCost>, TransactionError> {
        let object = self.client.reader().chain().object(blob).await?;
        let (epochs, pieces) = (extension.epochs, &extension.pieces);
        writer
            .estimate_extension(&object.reference(), epochs, pieces, cost)
            .await
    }
}

/// Adds what the certificates of a batch take.
async fn certification(writer: &ContractWriter, batch: &Batch, gas: &mut BatchGas) {
    let count = batch.to_certify();
    if count == 0 {
        return;
    }
    let cost = writer.certification_gas(count).await;
    let cost = cost.map(|mist| i64::try_from(mist).unwrap_or(i64::MAX));
    let mut shares = shares(cost.as_ref().copied().unwrap_or_default(), count).into_iter();
    let registered = batch.found.iter().zip(&mut gas.found);
    let registered = registered.filter(|((_, source, _), _)| is_registered(source));
    let registered = registered.map(|(_, gas)| gas);
    for gas in registered.chain(&mut gas.new) {
        let share = shares.next();
        let cost = cost.as_ref().map(|_| share);
        gas.settle_net(cost.map_err(ToString::to_string), |gas, net| {
            gas.certification = Some(net);
        });
    }
}

impl BlobGas {
    fn settle(
        &mut self,
        cost: Result<Option<GasCost>, TransactionError>,
        set: impl FnOnce(&mut Self, i64),
    ) {
        let cost = cost.map(|cost| cost.map(net));
        self.settle_net(cost.map_err(|error| error.to_string()), set);
    }

    /// Takes over a cost, that coins are merged before it is known, or why it cannot be paid; the first reason stands.
    fn settle_net(&mut self, cost: Result<Option<i64>, String>, set: impl FnOnce(&mut Self, i64)) {
        match cost {
            Ok(Some(net)) => set(self, net),
            Ok(None) => self.merges_coins = true,
            Err(reason) => self.cannot_pay = self.cannot_pay.take().or(Some(reason)),
        }
    }
}

fn net(cost: GasCost) -> i64 {
    i64::try_from(cost.net()).unwrap_or_default()
}

/// Equal shares, the first with what division leaves, so that the sum is exact.
fn shares(sum: i64, count: usize) -> Vec<i64> {
    let Ok(number) = i64::try_from(count) else {
        return Vec::new();
    };
    let share = sum.checked_div(number).unwrap_or_default();
    let rest = sum.checked_rem(number).unwrap_or_default();
    let mut shares = vec![share; count];
    if let Some(first) = shares.first_mut() {
        *first = first.saturating_add(rest);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(shares(10, 3), [4, 3, 3]);
        assert_eq!(shares(-10, 3), [-4, -3, -3]);
        assert!(shares(5, 0).is_empty());
    }

    #[test]
    fn a_purse_is_emptied_by_all_batches_together() {
        let mut purse = Purse {
            owner: Some(Address::TWO),
            frost: 10,
            planned: 0,
        };
        assert!(purse.take(6).is_ok() && purse.take(4).is_ok());
        let error = purse.take(1).unwrap_err().to_string();
        assert!(error.contains("has 10 of the 11 FROST"), "{error}");
        assert!(purse.take(0).is_ok(), "what costs nothing can be paid");
        let mut unknown = Purse {
            owner: None,
            frost: 0,
            planned: 0,
        };
        assert!(unknown.take(100).is_ok());
    }
}
