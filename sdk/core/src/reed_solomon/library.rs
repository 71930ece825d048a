//! Engine of the library: tables of products, with the instructions that the crate `reed-solomon-simd` uses.

use reed_solomon_simd::engine::{self, ShardsRefMut};

use super::{
    BLOCK, Block,
    area::Area,
    engine::{Engine, Transform},
    field::Factor,
};

/// Blocks that are multiplied apart before they are added.
const PIECE: usize = 16;

/// Any engine of the library.
pub(crate) struct Library<E>(pub(crate) E);

/// The rows as the library knows them.
fn shards(area: &mut Area) -> ShardsRefMut<'_> {
    let (rows, pitch) = (area.rows(), area.pitch());
    ShardsRefMut::new(rows, pitch, area.blocks_mut())
}

/// Rows, and as many others apart from them.
fn two_ranges(
    area: &mut Area,
    source: usize,
    target: usize,
    rows: usize,
) -> (&[Block], &mut [Block]) {
    let pitch = area.pitch();
    let (source, target, length) = (source * pitch, target * pitch, rows * pitch);
    let blocks = area.blocks_mut();
    match source < target {
        true => {
            let (front, back) = blocks.split_at_mut(target);
            (&front[source..source + length], &mut back[..length])
        }
        false => {
            let (front, back) = blocks.split_at_mut(source);
            (&back[..length], &mut front[target..target + length])
        }
    }
}

fn add(target: &mut [Block], source: &[Block]) {
    for (target, source) in target.iter_mut().zip(source) {
        for (target, source) in target.iter_mut().zip(source) {
            *target ^= source;
        }
    }
}

impl<E: engine::Engine> Engine for Library<E> {
    fn forward(&self, area: &mut Area, transform: Transform) {
        let Transform {
            source,
            target,
            size,
            used,
            position,
        } = transform;
        if source != target {
            let (source, target) = two_ranges(area, source, target, size);
            target.copy_from_slice(source);
        }
        self.0.fft(&mut shards(area), target, size, used, position);
    }

    fn inverse(&self, area: &mut Area, transform: Transform) {
        let Transform {
            source,
            target,
            size,
            used,
            position,
        } = transform;
        area.clear(source + used..source + size);
        self.0.ifft(&mut shards(area), source, size, used, position);
        if source != target {
            let (source, target) = two_ranges(area, source, target, size);
            add(target, source);
        }
    }

    fn scale(&self, area: &mut Area, row: usize, factor: &Factor) {
        self.0.mul(area.row_mut(row), factor.log);
    }

    fn interpolate(&self, area: &mut Area, first: usize, size: usize, scales: &[Option<Factor>]) {
        for row in 0..size {
            match scales.get(row) {
                Some(Some(factor)) => self.scale(area, first + row, factor),
                _ => area.clear(first + row..first + row + 1),
            }
        }
        let used = scales.iter().rposition(Option::is_some);
        let transform = Transform {
            source: first,
            target: first,
            size,
            used: used.map_or(0, |last| last + 1),
            position: first,
        };
        self.inverse(area, transform);
    }

    fn add_multiple(
        &self,
        area: &mut Area,
        source: usize,
        target: usize,
        size: usize,
        factor: &Factor,
    ) {
        let (source, target) = two_ranges(area, source, target, size);
        self.add_product(target, source, factor);
    }

    fn combine(
        &self,
        area: &mut Area,
        own: Option<usize>,
        others: &[(usize, Factor)],
        target: usize,
        size: usize,
    ) {
        match own {
            Some(own) => {
                let (source, target) = two_ranges(area, own, target, size);
                target.copy_from_slice(source);
            }
            None => area.clear(target..target + size),
        }
        // The coefficient of a product of subspace polynomials gets those of the products with one factor more.
        for row in 1..size {
            let (width, row) = (1 << row.trailing_zeros(), target + row);
            let (source, target) = two_ranges(area, row, row - width, width);
            add(target, source);
        }
        for (other, factor) in others {
            self.add_multiple(area, *other, target, size, factor);
        }
    }
}

impl<E: engine::Engine> Library<E> {
    fn add_product(&self, target: &mut [Block], source: &[Block], factor: &Factor) {
        if factor.log == 0 {
            return add(target, source);
        }
        let mut piece = [[0; BLOCK]; PIECE];
        for (target, source) in target.chunks_mut(PIECE).zip(source.chunks(PIECE)) {
            let piece = &mut piece[..source.len()];
            piece.copy_from_slice(source);
            self.0.mul(piece, factor.log);
            add(target, piece);
        }
    }
}
