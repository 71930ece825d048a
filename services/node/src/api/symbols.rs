//! Symbol routes, and that of inconsistency proofs. Node spec 1.11 to 1.13.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::HeaderMap,
};
use futures::Stream;
use walrus_core::{
    SliverIndex, SliverType,
    bounded_bcs::uleb,
    recovery::{DecodingSymbolsByTarget, GeneralRecoverySymbol},
};
use walrus_node_client::Reason;
use walrus_service::{
    envelope::{Answer, Refusal},
    memory::Taken,
    request::{PathParts, QueryPairs, invalid_query},
};

use super::{
    Memory,
    extract::{NodePath as _, Sender, read_body},
    refusal::internal,
};
use crate::{
    blobs::{Inconsistencies, SymbolAnswer, SymbolError, SymbolSelection, Symbols},
    limits::{MAX_SYMBOL_ANSWER, MAX_SYMBOLS_PER_REQUEST, SYMBOL_PIECE},
};

pub(super) async fn recovery_symbols(
    State(symbols): State<Arc<Symbols>>,
    State(memory): State<Memory>,
    Sender(caller): Sender,
    path: PathParts,
    query: QueryPairs,
) -> Result<Answer, Refusal> {
    let blob_id = path.blob_id()?;
    let proof_type = query.one("proofAxis")?;
    let selection = selection(&query)?;
    // Many may wait for memory, and none needs its query for that.
    drop(query);
    // The symbols of a piece, and their bytes.
    let most = symbols.most_bytes(&selection).min(2 * SYMBOL_PIECE);
    let most = most.min(memory.answers.share(caller));
    let taken = memory.answers.take(caller, most).await?;
    let mut answer = symbols.answer(blob_id, selection, proof_type).await?;
    let mut head = uleb(answer.count());
    let first = answer.next().await?.unwrap_or_default();
    append(&mut head, &first).map_err(internal)?;
    drop(first);
    if answer.is_one_piece() {
        return Ok(Answer::binary_holding(head, taken));
    }
    let sending = Sending {
        head: Some(head),
        answer,
        _taken: taken,
    };
    Ok(Answer::stream(sending.into_stream()))
}

/// Symbols on their way out, piece by piece.
struct Sending {
    /// How many there are, and the first of them.
    head: Option<Vec<u8>>,
    answer: SymbolAnswer,
    _taken: Taken,
}

/// Why an answer ends before its end.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Symbols(#[from] SymbolError),
    #[error("a symbol has no bytes: {0}")]
    Encode(#[from] bcs::Error),
}

impl Sending {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, SendError>> + Send {
        futures::stream::try_unfold(self, |mut this| async move {
            let piece = this.next().await?;
            Ok(piece.map(|piece| (Bytes::from(piece), this)))
        })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let Some(symbols) = self.answer.next().await? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        append(&mut bytes, &symbols)?;
        Ok(Some(bytes))
    }
}

/// The symbols as they stand in the BCS of all of them.
fn append(bytes: &mut Vec<u8>, symbols: &[GeneralRecoverySymbol]) -> Result<(), bcs::Error> {
    for symbol in symbols {
        bcs::serialize_into(bytes, symbol)?;
    }
    Ok(())
}

fn selection(query: &QueryPairs) -> Result<SymbolSelection, Refusal> {
    let target: Option<u16> = query.one("targetSliver")?;
    let target_type: Option<SliverType> = query.one("targetType")?;
    let ids = query.all("id").count();
    match (target, target_type, ids) {
        (Some(target), Some(target_type), 0) => {
            Ok(SymbolSelection::Target(SliverIndex(target), target_type))
        }
        (None, None, 0) => Err(Refusal::new(
            Reason::NoSymbolsSpecified,
            "no symbol was asked for",
        )),
        (None, None, count) if count <= MAX_SYMBOLS_PER_REQUEST => {
            let parse = |text: Cow<'_, str>| {
                text.parse()
                    .map_err(|_| invalid_query(format!("`{text}` is not a symbol ID")))
            };
            query
                .all("id")
                .map(parse)
                .collect::<Result<BTreeSet<_>, _>>()
                .map(SymbolSelection::Ids)
        }
        _ => Err(invalid_query(
            "either `id` or both `targetSliver` and `targetType` must be given",
        )),
    }
}

pub(super) async fn decoding_symbols(
    State(symbols): State<Arc<Symbols>>,
    State(memory): State<Memory>,
    Sender(caller): Sender,
    path: PathParts,
    query: QueryPairs,
) -> Result<Answer, Refusal> {
    let blob_id = path.blob_id()?;
    let target_type: SliverType = query
        .one("targetType")?
        .ok_or_else(|| invalid_query("`targetType` is missing"))?;
    if query.all("targetSlivers").count() > MAX_SYMBOLS_PER_REQUEST {
        return Err(invalid_query("too many target slivers"));
    }
    let parse = |text: Cow<'_, str>| {
        text.parse()
            .map(SliverIndex)
            .map_err(|_| invalid_query(format!("`{text}` is not a sliver index")))
    };
    let targets = query
        .all("targetSlivers")
        .map(parse)
        .collect::<Result<BTreeSet<_>, _>>()?;
    drop(query);
    let most = MAX_SYMBOL_ANSWER.min(memory.answers.share(caller));
    let taken = memory.answers.take(caller, most).await?;
    let found = symbols.decoding(blob_id, targets, target_type).await?;
    Ok(Answer::stream(by_target(found, taken)))
}

/// The BCS of the symbols, target by target: what is encoded is not kept besides.
fn by_target(
    found: DecodingSymbolsByTarget,
    taken: Taken,
) -> impl Stream<Item = Result<Bytes, bcs::Error>> + Send {
    let head = Ok(Bytes::from(uleb(found.len())));
    let mut targets: Vec<_> = found.into_iter().collect();
    // The order of BCS is that of the keys' bytes.
    targets.sort_by_key(|(target, _)| target.get().to_le_bytes());
    let targets = targets.into_iter().map(move |target| {
        let _taken = &taken;
        bcs::to_bytes(&target).map(Bytes::from)
    });
    futures::stream::iter(std::iter::once(head).chain(targets))
}

pub(super) async fn inconsistency_proof(
    State(inconsistencies): State<Arc<Inconsistencies>>,
    State(memory): State<Memory>,
    sender: Sender,
    path: PathParts,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Refusal> {
    let (blob_id, sliver_type) = (path.blob_id()?, path.sliver_type()?);
    let config = inconsistencies.encoding();
    let one = usize::from(walrus_core::parameters::MAX_SYMBOL_SIZE)
        .saturating_add(config.merkle_path_length().saturating_mul(33))
        .saturating_add(64);
    let limit = usize::from(config.secondary_source_symbols())
        .saturating_mul(one)
        .saturating_add(4096);
    // A proof takes as much memory again when it is decoded.
    let limit = limit.min(memory.uploads.share(sender.0));
    let (body, _memory) = read_body(body, &headers, limit, &memory.uploads, sender).await?;
    let attested = inconsistencies.attest(blob_id, sliver_type, body).await?;
    Ok(Answer::json(200, attested))
}
