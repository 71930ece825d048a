//! Packs symbols so that many codewords are encoded or decoded in one pass.
//!
//! The code works on each 16-bit element position independently (encoding spec 2.4), so the same
//! position of many codewords may be handled as one long codeword. Elements of a symbol are spread as low
//! and high bytes over 64-byte blocks with a shorter tail; full blocks are taken over as they are, and the
//! tails of all symbols are packed densely into blocks of their own.

/// Bytes of a block of the code: 32 low bytes, then 32 high bytes.
const BLOCK: usize = 64;
const HALF: usize = BLOCK / 2;

/// The packed form of `count` symbols of `symbol_size` bytes (even, not 0).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interleaving {
    symbol_size: usize,
    count: usize,
}

impl Interleaving {
    pub(crate) fn new(symbol_size: usize, count: usize) -> Self {
        Self { symbol_size, count }
    }

    /// Bytes of a symbol that fill whole blocks.
    fn full(&self) -> usize {
        self.symbol_size / BLOCK * BLOCK
    }

    /// Elements of a symbol in its tail.
    fn tail_elements(&self) -> usize {
        (self.symbol_size % BLOCK) / 2
    }

    /// Length of the packed form in bytes: a multiple of 64.
    pub(crate) fn packed_len(&self) -> usize {
        self.full() * self.count + (self.tail_elements() * self.count).div_ceil(HALF) * BLOCK
    }

    /// Packs `count` consecutive symbols into `packed`, replacing its content.
    pub(crate) fn pack(&self, symbols: &[u8], packed: &mut Vec<u8>) {
        let (full, tail) = (self.full(), self.tail_elements());
        packed.clear();
        for symbol in symbols.chunks_exact(self.symbol_size) {
            packed.extend_from_slice(&symbol[..full]);
        }
        packed.resize(self.packed_len(), 0);
        if tail == 0 {
            return;
        }
        let blocks = &mut packed[full * self.count..];
        for (i, symbol) in symbols.chunks_exact(self.symbol_size).enumerate() {
            let (low, high) = symbol[full..].split_at(tail);
            for_each_run(i * tail, tail, |element, at, length| {
                blocks[at..at + length].copy_from_slice(&low[element..element + length]);
                blocks[at + HALF..at + HALF + length]
                    .copy_from_slice(&high[element..element + length]);
            });
        }
    }

    /// Reverses [`Self::pack`] into `symbols` of `count * symbol_size` bytes.
    pub(crate) fn unpack(&self, packed: &[u8], symbols: &mut [u8]) {
        let (full, tail) = (self.full(), self.tail_elements());
        let blocks = &packed[full * self.count..];
        for (i, symbol) in symbols.chunks_exact_mut(self.symbol_size).enumerate() {
            let (head, rest) = symbol.split_at_mut(full);
            head.copy_from_slice(&packed[i * full..(i + 1) * full]);
            let (low, high) = rest.split_at_mut(tail);
            for_each_run(i * tail, tail, |element, at, length| {
                low[element..element + length].copy_from_slice(&blocks[at..at + length]);
                high[element..element + length]
                    .copy_from_slice(&blocks[at + HALF..at + HALF + length]);
            });
        }
    }
}

/// Splits `count` dense elements from position `start` at block borders: calls back with the offset among
/// the `count`, the byte position of the low bytes and the number of elements.
fn for_each_run(start: usize, count: usize, mut run: impl FnMut(usize, usize, usize)) {
    let mut done = 0;
    while done < count {
        let position = start + done;
        let in_block = position % HALF;
        let length = (HALF - in_block).min(count - done);
        run(done, position / HALF * BLOCK + in_block, length);
        done += length;
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
                let interleaving = Interleaving::new(symbol_size, count);
                let (mut packed, mut back) = (Vec::new(), vec![0; symbols.len()]);
                interleaving.pack(&symbols, &mut packed);
                assert_eq!(packed.len() % BLOCK, 0);
                interleaving.unpack(&packed, &mut back);
                assert_eq!(back, symbols, "{symbol_size} {count}");
            }
        }
    }
}
