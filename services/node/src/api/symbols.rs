//! Symbol routes, and that of inconsistency proofs. Node spec 1.11 to 1.13.

use std::{collections::BTreeSet, sync::Arc};

use axum::{body::Body, extract::State};
use serde::Serialize;
use walrus_core::{SliverIndex, SliverType};
use walrus_node_client::Reason;
use walrus_service::{
    envelope::{Answer, Refusal},
    request::{PathParts, QueryPairs, invalid_query},
};

use super::{
    extract::{NodePath as _, read_body},
    refusal::internal,
};
use crate::{
    blobs::{Inconsistencies, SymbolSelection, Symbols},
    limits::MAX_SYMBOLS_PER_REQUEST,
};

pub(super) async fn recovery_symbols(
    State(symbols): State<Arc<Symbols>>,
    path: PathParts,
    query: QueryPairs,
) -> Result<Answer, Refusal> {
    let blob_id = path.blob_id()?;
    let proof_type = query.one("proofAxis")?;
    let selection = selection(&query)?;
    let found = symbols.recovery(blob_id, selection, proof_type).await?;
    bcs(&found)
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
    let found = symbols.decoding(blob_id, targets, target_type).await?;
    bcs(&found)
}

pub(super) async fn inconsistency_proof(
    State(inconsistencies): State<Arc<Inconsistencies>>,
    path: PathParts,
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
    let body = read_body(body, limit).await?;
    let attested = inconsistencies.attest(blob_id, sliver_type, body).await?;
    Ok(Answer::json(200, attested))
}

/// The BCS of a value.
fn bcs<T: Serialize>(value: &T) -> Result<Answer, Refusal> {
    bcs::to_bytes(value).map(Answer::binary).map_err(internal)
}
