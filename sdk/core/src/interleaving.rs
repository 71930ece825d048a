//! Symbol interleaving, so that many codewords are encoded or decoded in one pass.
//!
//! The code works on each 16-bit element position independently (encoding spec 2.4), so the same
//! position of many codewords may be handled as one long codeword. Elements of a symbol are spread as low
//! and high bytes over 64-byte blocks with a shorter tail; full blocks are taken over as they are, and the
//! tails of all symbols are packed densely into blocks of their own.

/// Bytes of a block of the code: 32 low bytes, then 32 high bytes.
const BLOCK: usize = 64;
const HALF: usize = BLOCK / 2;

/// The packed form of `count` symbols of `symbol_size` bytes (even, not 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interleaving {
    symbol_size: usize,
    count: usize,
    /// Whether a tail that is alone gets a block as well.
    in_blocks: bool,
}

impl Interleaving {
    pub(crate) fn new(symbol_size: usize, count: usize) -> Self {
        Self {
            symbol_size,
            count,
            in_blocks: false,
        }
    }

    /// The same, but the packed form has whole blocks in any case.
    pub(crate) fn in_blocks(symbol_size: usize, count: usize) -> Self {
        Self {
            symbol_size,
            count,
            in_blocks: true,
        }
    }

    /// Bytes of a symbol that fill whole blocks.
    fn full(&self) -> usize {
        self.symbol_size / BLOCK * BLOCK
    }

    /// Elements of a symbol in its tail.
    fn tail_elements(&self) -> usize {
        (self.symbol_size % BLOCK) / 2
    }

    /// Length of the packed form in bytes: a multiple of 64, or that of the one symbol.
    pub(crate) fn packed_len(&self) -> usize {
        if self.is_identity() {
            return self.symbol_size * self.count;
        }
        self.full() * self.count + (self.tail_elements() * self.count).div_ceil(HALF) * BLOCK
    }

    /// Whether the packed form is the plain one: there are no tails, or one, which the code handles itself.
    pub(crate) fn is_identity(&self) -> bool {
        self.tail_elements() == 0 || self.count == 1 && !self.in_blocks
    }

    /// Packs `count` consecutive symbols into `packed`, which has [`Self::packed_len`].
    pub(crate) fn pack(&self, symbols: &[u8], packed: &mut [u8], planes: &mut Planes) {
        if self.is_identity() {
            packed.copy_from_slice(symbols);
            return;
        }
        let (full, tail) = (self.full(), self.tail_elements());
        let (heads, blocks) = packed.split_at_mut(full * self.count);
        if full > 0 {
            let symbols = symbols.chunks_exact(self.symbol_size);
            for (symbol, head) in symbols.zip(heads.chunks_exact_mut(full)) {
                head.copy_from_slice(&symbol[..full]);
            }
        }
        planes.resize(self.count * tail);
        for i in 0..self.count {
            let (from, to) = (i * self.symbol_size + full, i * tail);
            copy_half(symbols, from, &mut planes.low, to, tail);
            copy_half(symbols, from + tail, &mut planes.high, to, tail);
        }
        let halves = planes.low.as_chunks::<HALF>().0.iter();
        let halves = halves.zip(planes.high.as_chunks::<HALF>().0);
        for (block, (low, high)) in blocks.chunks_exact_mut(BLOCK).zip(halves) {
            block[..HALF].copy_from_slice(low);
            block[HALF..].copy_from_slice(high);
        }
    }

    /// Reverses [`Self::pack`] into `symbols` of `count * symbol_size` bytes.
    pub(crate) fn unpack(&self, packed: &[u8], symbols: &mut [u8], planes: &mut Planes) {
        if self.is_identity() {
            symbols.copy_from_slice(packed);
            return;
        }
        let (full, tail) = (self.full(), self.tail_elements());
        let (heads, blocks) = packed.split_at(full * self.count);
        planes.resize(self.count * tail);
        let low = planes.low.as_chunks_mut::<HALF>().0.iter_mut();
        let high = planes.high.as_chunks_mut::<HALF>().0.iter_mut();
        for (block, (low, high)) in blocks.chunks_exact(BLOCK).zip(low.zip(high)) {
            low.copy_from_slice(&block[..HALF]);
            high.copy_from_slice(&block[HALF..]);
        }
        // What a copy writes too much is written again by the next one.
        for i in 0..self.count {
            let at = i * self.symbol_size;
            symbols[at..at + full].copy_from_slice(&heads[i * full..(i + 1) * full]);
            copy_half(&planes.low, i * tail, symbols, at + full, tail);
            copy_half(&planes.high, i * tail, symbols, at + full + tail, tail);
        }
    }
}

/// Room for the low and the high bytes of all tails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Planes {
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Planes {
    /// Room for `elements`, rounded up to whole halves of blocks, and for what a copy writes too much.
    fn resize(&mut self, elements: usize) {
        let length = elements.next_multiple_of(HALF) + HALF;
        self.low.resize(length, 0);
        self.high.resize(length, 0);
    }
}

/// Copies `length < 32` bytes, or 32 where both sides have room: a copy of fixed length is much faster.
#[inline]
fn copy_half(source: &[u8], from: usize, target: &mut [u8], to: usize, length: usize) {
    let wide_source = source
        .get(from..)
        .and_then(|rest| rest.first_chunk::<HALF>());
    let wide_target = target
        .get_mut(to..)
        .and_then(|rest| rest.first_chunk_mut::<HALF>());
    match (wide_source, wide_target) {
        (Some(source), Some(target)) => *target = *source,
        _ => target[to..to + length].copy_from_slice(&source[from..from + length]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_reverses_packing() {
        for symbol_size in [2, 4, 6, 30, 62, 64, 66, 100, 128, 190] {
            for count in [1, 2, 5, 31, 33] {
                let symbols: Vec<u8> = (0..symbol_size * count)
                    .map(|i| (i * 31 % 251) as u8)
                    .collect();
                for in_blocks in [false, true] {
                    let interleaving = Interleaving {
                        symbol_size,
                        count,
                        in_blocks,
                    };
                    let mut packed = vec![0; interleaving.packed_len()];
                    let mut back = vec![0; symbols.len()];
                    let mut planes = Planes::default();
                    interleaving.pack(&symbols, &mut packed, &mut planes);
                    assert!(!in_blocks && count == 1 || packed.len().is_multiple_of(BLOCK));
                    interleaving.unpack(&packed, &mut back, &mut planes);
                    assert_eq!(back, symbols, "{symbol_size} {count}");
                }
            }
        }
    }
}
