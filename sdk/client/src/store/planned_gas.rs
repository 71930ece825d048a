//! Gas plan: what a planned store takes of the wallet, and whether the wallet has it: the same checks as when it is paid.

use walrus_sui::{
    Address,
    transactions::{ContractWriter, GasCost, TransactionError},
};

use super::{
    Store,
    plan::{Extension, Source},
    purse::Purse,
    register::{Batch, is_registered},
};

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
    pub(super) cannot_pay: Option<TransactionError>,
}

/// What the blobs of a batch take, in its order.
#[derive(Default)]
pub(super) struct BatchGas {
    pub(super) found: Vec<BlobGas>,
    pub(super) new: Vec<BlobGas>,
}

impl Store<'_> {
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
        let (blobs, prices) = (batch.registrations(), self.prices());
        let cost = writer.estimate_registration(&blobs, &prices).await;
        let shares = match &cost {
            Ok(Some(cost)) => shares(net(*cost), gas.len()),
            _ => vec![0; gas.len()],
        };
        for (gas, share) in gas.iter_mut().zip(shares) {
            let cost = cost.as_ref().map(|cost| cost.map(|_| share));
            gas.settle_net(cost.map_err(Clone::clone), |gas, net| {
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
        gas.settle_net(cost.map_err(Clone::clone), |gas, net| {
            gas.certification = Some(net);
        });
    }
}

impl BatchGas {
    fn all(&self) -> impl Iterator<Item = &BlobGas> {
        self.found.iter().chain(&self.new)
    }

    /// What each transaction of the batch takes, in MIST.
    pub(super) fn transactions(&self) -> Vec<i64> {
        let one = |part: fn(&BlobGas) -> Option<i64>| {
            let mut parts = self.all().filter_map(part).peekable();
            parts.peek().is_some().then(|| parts.sum())
        };
        let shared = [one(|gas| gas.registration), one(|gas| gas.certification)];
        let own = self.all().filter_map(|gas| gas.extension);
        shared.into_iter().flatten().chain(own).collect()
    }

    /// Why one of its blobs cannot be paid, if that is so.
    pub(super) fn refusal(&self) -> Option<TransactionError> {
        self.all().find_map(|gas| gas.cannot_pay.clone())
    }

    /// Takes the transactions out of a purse; blobs are told if it does not hold as much.
    pub(super) fn pay_from(&mut self, purse: &mut Purse) {
        let lacking = self
            .transactions()
            .into_iter()
            .find_map(|net| purse.take_gas(net).err());
        for gas in self.found.iter_mut().chain(&mut self.new) {
            let takes = gas.registration.or(gas.certification).or(gas.extension);
            if takes.is_some() {
                gas.cannot_pay = gas.cannot_pay.take().or_else(|| lacking.clone());
            }
        }
    }
}

impl BlobGas {
    fn settle(
        &mut self,
        cost: Result<Option<GasCost>, TransactionError>,
        set: impl FnOnce(&mut Self, i64),
    ) {
        self.settle_net(cost.map(|cost| cost.map(net)), set);
    }

    /// Takes over a cost, that coins are merged before it is known, or why it cannot be paid; the first reason stands.
    fn settle_net(
        &mut self,
        cost: Result<Option<i64>, TransactionError>,
        set: impl FnOnce(&mut Self, i64),
    ) {
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
    fn shares_are_put_together_to_transactions_again() {
        let blob = |registration, extension| BlobGas {
            registration,
            extension,
            certification: registration.map(|gas| gas * 10),
            ..BlobGas::default()
        };
        let gas = BatchGas {
            found: vec![blob(None, Some(5)), blob(None, Some(6))],
            new: vec![blob(Some(1), None), blob(Some(2), None)],
        };
        assert_eq!(gas.transactions(), [3, 30, 5, 6]);
    }
}
