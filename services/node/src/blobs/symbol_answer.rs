//! Answers of recovery symbols, made piece by piece: no more than a piece is in memory, however much is asked for. Node spec 1.11.
//!
//! What cannot be made for the first piece is left out of the answer, whose length is known then. If that happens later, as when a sliver
//! turns out to be damaged, the answer breaks off; asked again, it is made without what was lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec,
};

use walrus_core::{
    Axis, BlobId, Primary, Secondary, ShardIndex, SliverIndex, SliverType, SymbolId,
    recovery::GeneralRecoverySymbol,
};

use super::{SymbolError, SymbolSelection, Symbols, symbols::ServedBlob};
use crate::{
    limits::{MAX_SYMBOL_ANSWER, MAX_SYMBOL_BYTES, SYMBOL_PIECE},
    storage::StorageError,
};

/// A symbol, and the own sliver that it is taken from.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    id: SymbolId,
    source_type: SliverType,
    shard: ShardIndex,
}

/// Recovery symbols with proofs, in the order of their IDs.
#[derive(Debug)]
pub struct SymbolAnswer {
    symbols: Arc<Symbols>,
    blob_id: BlobId,
    /// How many there are in all pieces.
    count: usize,
    first: Option<Vec<GeneralRecoverySymbol>>,
    /// What is not made yet.
    rest: vec::IntoIter<Wanted>,
    /// Symbols of a piece.
    at_once: usize,
}

/// What own slivers give of what is asked for.
#[derive(Debug, Default)]
struct Plan {
    wanted: BTreeMap<SymbolId, Wanted>,
    /// Why there is not more.
    error: Option<SymbolError>,
}

/// What came of a try to make symbols.
struct Made {
    symbols: Vec<GeneralRecoverySymbol>,
    /// Why some are not among them.
    error: Option<SymbolError>,
}

impl SymbolAnswer {
    /// How many symbols there are in all pieces.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether there is nothing behind the first piece.
    pub fn is_one_piece(&self) -> bool {
        self.rest.as_slice().is_empty()
    }

    /// The next piece; `None` behind the last.
    ///
    /// # Errors
    /// [`SymbolError`] if one of its symbols cannot be made.
    pub async fn next(&mut self) -> Result<Option<Vec<GeneralRecoverySymbol>>, SymbolError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let wanted: Vec<_> = self.rest.by_ref().take(self.at_once).collect();
        if wanted.is_empty() {
            return Ok(None);
        }
        let permit = self.symbols.requests.acquire().await;
        let _permit = permit.map_err(|_| SymbolError::Busy)?;
        let (symbols, blob_id) = (Arc::clone(&self.symbols), self.blob_id);
        let make = move || {
            symbols.check_served(&blob_id)?;
            let blob = ServedBlob::new(&symbols.holdings, blob_id)?;
            let made = symbols.make(&blob, &wanted);
            symbols.note_bytes();
            match made.error {
                Some(error) => Err(error),
                // The answer has said how many there are.
                None if made.symbols.len() != wanted.len() => Err(SymbolError::NotPresent),
                None => Ok(made.symbols),
            }
        };
        self.symbols.work.run(make).await.map(Some)
    }
}

impl Symbols {
    /// Begins an answer: its first piece is made, and its length is known.
    ///
    /// # Errors
    /// [`SymbolError`] if there is nothing to send.
    pub async fn answer(
        self: &Arc<Self>,
        blob_id: BlobId,
        selection: SymbolSelection,
        proof_type: Option<SliverType>,
    ) -> Result<SymbolAnswer, SymbolError> {
        let _permit = self.requests.try_acquire().map_err(|_| SymbolError::Busy)?;
        let this = Arc::clone(self);
        let begin = move || {
            this.check_served(&blob_id)?;
            let blob = ServedBlob::new(&this.holdings, blob_id)?;
            let mut plan = Plan::default();
            if proof_type != Some(SliverType::Secondary) {
                this.add_wanted::<Primary>(blob_id, &selection, &mut plan)?;
            }
            if proof_type != Some(SliverType::Primary) {
                this.add_wanted::<Secondary>(blob_id, &selection, &mut plan)?;
            }
            let answer = this.begin(&blob, plan);
            this.note_bytes();
            answer
        };
        self.work.run(begin).await
    }

    /// Adds what own slivers of type `T` give of the selection.
    fn add_wanted<T: Axis>(
        &self,
        blob_id: BlobId,
        selection: &SymbolSelection,
        plan: &mut Plan,
    ) -> Result<(), StorageError> {
        let (storage, encoding) = (self.holdings.storage(), self.holdings.encoding());
        for (shard, source) in self.own_slivers(&blob_id, T::TYPE) {
            let mut targets = targets_through::<T>(selection, source);
            targets.retain(|target| target.get() < encoding.n_shards());
            if targets.is_empty() {
                continue;
            }
            if !storage.has_sliver(shard, &blob_id, T::TYPE)? {
                plan.error = Some(SymbolError::SliverAbsent(shard));
                continue;
            }
            for target in targets {
                let id = symbol_id(T::TYPE, source, target);
                plan.wanted.entry(id).or_insert(Wanted {
                    id,
                    source_type: T::TYPE,
                    shard,
                });
            }
        }
        Ok(())
    }

    fn begin(
        self: &Arc<Self>,
        blob: &ServedBlob<'_>,
        plan: Plan,
    ) -> Result<SymbolAnswer, SymbolError> {
        let mut rest = plan.wanted.into_values();
        let (mut first, mut last_error) = (Vec::new(), plan.error);
        // The most that a symbol can have, until one was made: all have the same.
        let mut one = MAX_SYMBOL_BYTES;
        loop {
            let full = SYMBOL_PIECE.checked_div(one).unwrap_or(1).max(1);
            let run: Vec<_> = rest
                .by_ref()
                .take(full.saturating_sub(first.len()))
                .collect();
            if run.is_empty() {
                break;
            }
            let made = self.make(blob, &run);
            last_error = made.error.or(last_error);
            first.extend(made.symbols);
            if let Some(symbol) = first.first() {
                one = bcs::serialized_size(symbol)
                    .map_err(SymbolError::Size)?
                    .max(1);
            }
        }
        if first.is_empty() {
            return Err(last_error.unwrap_or(SymbolError::NotPresent));
        }
        // What is left out may be asked for again.
        let most = MAX_SYMBOL_ANSWER.div_ceil(one).saturating_sub(first.len());
        let rest: Vec<_> = rest.take(most).collect();
        Ok(SymbolAnswer {
            symbols: Arc::clone(self),
            blob_id: blob.blob_id,
            count: first.len().saturating_add(rest.len()),
            first: Some(first),
            rest: rest.into_iter(),
            at_once: SYMBOL_PIECE.checked_div(one).unwrap_or(1).max(1),
        })
    }

    /// Makes symbols, in the order in which they are wanted: from one sliver after the other, each of which is expanded once.
    fn make(&self, blob: &ServedBlob<'_>, wanted: &[Wanted]) -> Made {
        let mut made = BTreeMap::new();
        let mut error = None;
        let sources: BTreeSet<_> = wanted
            .iter()
            .map(|wanted| (wanted.source_type, wanted.shard))
            .collect();
        for (source_type, shard) in sources {
            let tree = match source_type {
                SliverType::Primary => self.symbol_tree::<Primary>(blob, shard),
                SliverType::Secondary => self.symbol_tree::<Secondary>(blob, shard),
            };
            let tree = match tree {
                Ok(tree) => tree,
                Err(failure) => {
                    error = Some(failure);
                    continue;
                }
            };
            let of_source =
                |wanted: &&Wanted| (wanted.source_type, wanted.shard) == (source_type, shard);
            for wanted in wanted.iter().filter(of_source) {
                let target = wanted.id.sliver_index(source_type.orthogonal());
                if let Some(symbol) = tree.symbol(target) {
                    made.insert(wanted.id, symbol);
                }
            }
        }
        Made {
            symbols: made.into_values().collect(),
            error,
        }
    }
}

fn symbol_id(source_type: SliverType, source: SliverIndex, target: SliverIndex) -> SymbolId {
    match source_type {
        SliverType::Primary => SymbolId::new(source, target),
        SliverType::Secondary => SymbolId::new(target, source),
    }
}

/// The positions in source sliver `source` of sliver type `T` that the selection asks for.
fn targets_through<T: Axis>(selection: &SymbolSelection, source: SliverIndex) -> Vec<SliverIndex> {
    match selection {
        SymbolSelection::Ids(ids) => ids
            .iter()
            .filter(|id| id.sliver_index(T::TYPE) == source)
            .map(|id| id.sliver_index(T::TYPE.orthogonal()))
            .collect(),
        // A target of the other sliver type crosses every source; one of the same sliver type is the source itself, every symbol of it.
        SymbolSelection::Target(target, target_type) if *target_type != T::TYPE => vec![*target],
        SymbolSelection::Target(..) => vec![],
    }
}
