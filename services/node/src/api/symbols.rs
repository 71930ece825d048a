//! Symbol routes, and that of inconsistency proofs. Node spec 1.11 to 1.13.

use std::{collections::BTreeSet, sync::Arc};

use axum::{body::Body, extract::State, http::HeaderMap};
use serde::Serialize;
use walrus_core::{SliverIndex, SliverType};
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
    blobs::{Inconsistencies, SymbolSelection, Symbols},
    limits::{MAX_SYMBOL_ANSWER, MAX_SYMBOLS_PER_REQUEST},
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
    let most = symbols.most_bytes(&selection);
    let most = most.min(memory.answers.share(caller));
    let taken = memory.answers.take(caller, most).await?;
    let found = symbols.recovery(blob_id, selection, proof_type).await?;
    bcs(&found, taken)
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
            let parse = |text: &str| {
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
    let parse = |text: &str| {
        text.parse()
            .map(SliverIndex)
            .map_err(|_| invalid_query(format!("`{text}` is not a sliver index")))
    };
    let targets = query
        .all("targetSlivers")
        .map(parse)
        .collect::<Result<BTreeSet<_>, _>>()?;
    let most = MAX_SYMBOL_ANSWER.min(memory.answers.share(caller));
    let taken = memory.answers.take(caller, most).await?;
    let found = symbols.decoding(blob_id, targets, target_type).await?;
    bcs(&found, taken)
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

/// The BCS of symbols, and the memory that they are in.
fn bcs<T: Serialize>(value: &T, taken: Taken) -> Result<Answer, Refusal> {
    let bytes = bcs::to_bytes(value).map_err(internal)?;
    Ok(Answer::binary_holding(bytes, taken))
}
