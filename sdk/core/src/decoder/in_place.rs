//! Decoding of primary slivers in their own memory.
//!
//! A sliver that is no source row gives its place to a missing one, symbol by symbol as they are decoded. Then the rows are put
//! together, each let go as soon as it is copied: beside the slivers there is never much of the blob.

use std::sync::{Mutex, PoisonError};

use crate::{
    decoder::{
        assembly::Assembly,
        error::DecodeError,
        tile::{DecodeTiling, TileDecoder},
    },
    work::Running,
};

/// The same piece of each sliver.
type Pieces<'a> = Vec<&'a mut [u8]>;

/// Decodes the chosen slivers of an assembly of primary ones, given in that order.
pub(crate) fn decode(
    assembly: &Assembly,
    run: &Running<'_>,
    mut slivers: Vec<Vec<u8>>,
) -> Result<Vec<u8>, DecodeError> {
    let rows = rows_of(assembly);
    if !assembly.is_systematic() {
        restore(assembly, run, &rows, &mut slivers)?;
    }
    join(assembly, run, &rows, slivers)
}

/// The row that the place of each chosen sliver is for: its own, or one that is missing.
fn rows_of(assembly: &Assembly) -> Vec<usize> {
    let count = assembly.code.originals();
    let mut is_present = vec![false; count];
    for index in &assembly.chosen {
        if let Some(present) = is_present.get_mut(index.as_usize()) {
            *present = true;
        }
    }
    let mut missing = (0..count).filter(|row| !is_present[*row]);
    let chosen = assembly.chosen.iter().map(|index| index.as_usize());
    chosen
        .map(|index| match index < count {
            true => index,
            false => missing.next().unwrap_or_default(),
        })
        .collect()
}

/// Puts the missing rows into the places of the slivers that are none.
fn restore(
    assembly: &Assembly,
    run: &Running<'_>,
    rows: &[usize],
    slivers: &mut [Vec<u8>],
) -> Result<(), DecodeError> {
    let (code, threads) = (&assembly.code, run.threads());
    let symbol = code.symbol_size();
    let tiling = DecodeTiling::new(code, assembly.positions.div_ceil(threads.count()));
    let tiles = assembly.positions.div_ceil(tiling.count);
    let mut pieces: Vec<Pieces<'_>> = Vec::new();
    pieces.resize_with(tiles, || Vec::with_capacity(slivers.len()));
    for sliver in slivers {
        for (tile, piece) in pieces
            .iter_mut()
            .zip(sliver.chunks_mut(tiling.count * symbol))
        {
            tile.push(piece);
        }
    }
    let pieces: Vec<_> = pieces.into_iter().map(Mutex::new).collect();
    let mut places = vec![0; code.originals()];
    for (place, row) in rows.iter().enumerate() {
        places[*row] = place;
    }
    let state = || Ok(TileDecoder::new(code, tiling.count, tiling.width)?);
    let work = |decoder: &mut TileDecoder, index: usize| {
        let mut pieces = pieces[index].lock().unwrap_or_else(PoisonError::into_inner);
        restore_tile(assembly, run, tiling, &places, decoder, &mut pieces)
    };
    threads.for_each(tiles, state, work, drop)
}

/// One tile: symbols of all slivers at some positions.
fn restore_tile(
    assembly: &Assembly,
    run: &Running<'_>,
    tiling: DecodeTiling,
    places: &[usize],
    decoder: &mut TileDecoder,
    pieces: &mut Pieces<'_>,
) -> Result<(), DecodeError> {
    let symbol = assembly.code.symbol_size();
    let length = pieces.first().map_or(0, |piece| piece.len());
    for (strip, width) in tiling.strips(symbol) {
        run.check()?;
        let count = length / symbol;
        decoder.reshape(count, width)?;
        let range = strip..strip + count * width;
        for (index, piece) in assembly.chosen.iter().zip(&*pieces) {
            decoder.add(index.as_usize(), &piece[range.clone()])?;
        }
        decoder.decode(|row, symbols| {
            pieces[places[row]][range.clone()].copy_from_slice(symbols);
        })?;
    }
    run.advance((length * pieces.len()) as u64);
    Ok(())
}

/// The blob, of rows in any order.
fn join(
    assembly: &Assembly,
    run: &Running<'_>,
    rows: &[usize],
    mut slivers: Vec<Vec<u8>>,
) -> Result<Vec<u8>, DecodeError> {
    let mut blob = vec![0; assembly.blob_length()?];
    let mut places = vec![0; rows.len()];
    for (place, row) in rows.iter().enumerate() {
        places[*row] = place;
    }
    let parts: Vec<_> = blob
        .chunks_mut(assembly.row_length())
        .zip(places)
        .map(|(part, place)| Mutex::new((part, std::mem::take(&mut slivers[place]))))
        .collect();
    let work = |(): &mut (), index: usize| {
        let mut part = parts[index].lock().unwrap_or_else(PoisonError::into_inner);
        let (part, sliver) = &mut *part;
        part.copy_from_slice(&sliver[..part.len()]);
        *sliver = Vec::new();
        Ok::<_, DecodeError>(())
    };
    run.threads().for_each(parts.len(), || Ok(()), work, drop)?;
    drop(parts);
    Ok(blob)
}
