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
        self.0.ifft(&mut shards(area), source, size, used, position);
        if source != target {
            let (source, target) = two_ranges(area, source, target, size);
            add(target, source);
        }
    }

    fn scale(&self, area: &mut Area, row: usize, factor: &Factor) {
        self.0.mul(area.row_mut(row), factor.log);
    }

    fn add_scaled(
        &self,
        area: &mut Area,
        source: usize,
        target: usize,
        rows: usize,
        factor: &Factor,
    ) {
        let (source, target) = two_ranges(area, source, target, rows);
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

    fn with_derivative(&self, area: &mut Area, source: usize, target: usize, size: usize) {
        let (from, to) = two_ranges(area, source, target, size);
        to.copy_from_slice(from);
        // The coefficient of a product of subspace polynomials comes from those of one factor more.
        for row in 1..size {
            let width = 1 << row.trailing_zeros();
            let (to, from) = two_of(area, target + row - width, target + row, width);
            add(to, from);
        }
    }
}

/// Rows to be changed, and as many after them.
fn two_of(area: &mut Area, front: usize, back: usize, rows: usize) -> (&mut [Block], &[Block]) {
    let (back, front) = two_ranges(area, back, front, rows);
    (front, back)
}
