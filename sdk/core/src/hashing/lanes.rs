//! BLAKE2b on eight inputs at once: one kernel for AVX-512, one for AVX2, one without SIMD.
//!
//! The only module with `unsafe`: loads and stores of vectors, and the calls of functions that need CPU
//! features, each behind a check that the features are there.
#![allow(unsafe_code)]

/// Inputs hashed at once.
pub(crate) const LANES: usize = 8;
/// Bytes that one compression takes.
pub(crate) const BLOCK: usize = 128;

/// One block of each input.
pub(crate) type Blocks = [[u8; BLOCK]; LANES];

const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The state of unkeyed BLAKE2b-256 before any input: digest length 32, fan-out and depth 1.
const START: [u64; 8] = {
    let mut words = IV;
    words[0] ^= 0x0101_0020;
    words
};

/// The chaining values of eight hashes, word by word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct States([[u64; LANES]; 8]);

impl States {
    /// Before any input.
    pub(crate) const START: Self = {
        let mut words = [[0; LANES]; 8];
        let mut i = 0;
        while i < 8 {
            words[i] = [START[i]; LANES];
            i += 1;
        }
        Self(words)
    };

    /// The first 32 bytes of each state: the digests, after the last block.
    fn digests(&self) -> [[u8; 32]; LANES] {
        let mut digests = [[0; 32]; LANES];
        for (lane, digest) in digests.iter_mut().enumerate() {
            for (word, bytes) in self.0.iter().zip(digest.as_chunks_mut::<8>().0) {
                *bytes = word[lane].to_le_bytes();
            }
        }
        digests
    }
}

/// Which instructions hash. All kernels give the same digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashKernel {
    /// No SIMD: one input after the other.
    Portable,
    /// Twice four inputs at once.
    Avx2,
    /// Eight inputs at once.
    Avx512,
}

impl HashKernel {
    /// The fastest that this CPU has.
    pub fn detect() -> Self {
        [Self::Avx512, Self::Avx2]
            .into_iter()
            .find(|kernel| kernel.is_available())
            .unwrap_or(Self::Portable)
    }

    /// Those that this CPU has.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|kernel| kernel.is_available())
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// A kernel that is known to run on this CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes(HashKernel);

impl Lanes {
    /// The kernel asked for, or the portable one if this CPU does not have it.
    pub(crate) fn new(kernel: HashKernel) -> Self {
        match kernel.is_available() {
            true => Self(kernel),
            false => Self(HashKernel::Portable),
        }
    }

    /// Compresses the blocks of each input, none of them the last; `before` bytes were compressed already.
    /// The inputs have the same number of blocks.
    pub(crate) fn update(self, states: &mut States, inputs: &[&[[u8; BLOCK]]; LANES], before: u64) {
        match self.0 {
            // SAFETY: `new` checked that the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            HashKernel::Avx512 => unsafe { avx512::update(&mut states.0, inputs, before) },
            // SAFETY: `new` checked that the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            HashKernel::Avx2 => unsafe { avx2::update(&mut states.0, inputs, before) },
            _ => portable::update(&mut states.0, inputs, before),
        }
    }

    /// Compresses the last block of each input, padded with zeros, of `total` bytes; gives the digests.
    pub(crate) fn finish(self, mut states: States, last: &Blocks, total: u64) -> [[u8; 32]; LANES] {
        match self.0 {
            // SAFETY: `new` checked that the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            HashKernel::Avx512 => unsafe { avx512::finish(&mut states.0, last, total) },
            // SAFETY: `new` checked that the CPU has the features.
            #[cfg(target_arch = "x86_64")]
            HashKernel::Avx2 => unsafe { avx2::finish(&mut states.0, last, total) },
            _ => portable::finish(&mut states.0, last, total),
        }
        states.digests()
    }

    /// `H(0x01 ‖ pair)` of each pair of digests.
    pub(crate) fn nodes(self, pairs: &[[u8; 64]; LANES]) -> [[u8; 32]; LANES] {
        #[cfg(target_arch = "x86_64")]
        if self.0 == HashKernel::Avx512 {
            let mut states = States::START;
            // SAFETY: `new` checked that the CPU has the features.
            unsafe { avx512::nodes(&mut states.0, pairs) };
            return states.digests();
        }
        let mut blocks = [[0; BLOCK]; LANES];
        for (block, pair) in blocks.iter_mut().zip(pairs) {
            block[0] = super::INNER_PREFIX;
            block[1..65].copy_from_slice(pair);
        }
        self.finish(States::START, &blocks, 65)
    }
}

macro_rules! mix {
    ($v:ident, $a:literal, $b:literal, $c:literal, $d:literal, $x:expr, $y:expr) => {
        $v[$a] = add(add($v[$a], $x), $v[$b]);
        $v[$d] = ror32(xor($v[$d], $v[$a]));
        $v[$c] = add($v[$c], $v[$d]);
        $v[$b] = ror24(xor($v[$b], $v[$c]));
        $v[$a] = add(add($v[$a], $y), $v[$b]);
        $v[$d] = ror16(xor($v[$d], $v[$a]));
        $v[$c] = add($v[$c], $v[$d]);
        $v[$b] = ror63(xor($v[$b], $v[$c]));
    };
}

macro_rules! round {
    ($v:ident, $m:ident, $($s:literal)*) => { round!(@ $v, $m, [$($s)*]) };
    (@ $v:ident, $m:ident, [$a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal
        $h:literal $i:literal $j:literal $k:literal $l:literal $o:literal $p:literal $q:literal $r:literal]) => {
        mix!($v, 0, 4, 8, 12, $m[$a], $m[$b]);
        mix!($v, 1, 5, 9, 13, $m[$c], $m[$d]);
        mix!($v, 2, 6, 10, 14, $m[$e], $m[$f]);
        mix!($v, 3, 7, 11, 15, $m[$g], $m[$h]);
        mix!($v, 0, 5, 10, 15, $m[$i], $m[$j]);
        mix!($v, 1, 6, 11, 12, $m[$k], $m[$l]);
        mix!($v, 2, 7, 8, 13, $m[$o], $m[$p]);
        mix!($v, 3, 4, 9, 14, $m[$q], $m[$r]);
    };
}

/// The compression function: state words `$h`, message words `$m`, counter and finalization word. Unrolled
/// in place, so that message words known to be zero cost nothing.
macro_rules! compress {
    ($h:ident, $m:ident, $counter:expr, $last:expr) => {
        let mut v = [splat(0); 16];
        v[..8].copy_from_slice($h);
        for (word, iv) in v[8..].iter_mut().zip(IV) {
            *word = splat(iv);
        }
        v[12] = splat(IV[4] ^ $counter);
        v[14] = splat(IV[6] ^ $last);
        round!(v, $m, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        round!(v, $m, 14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3);
        round!(v, $m, 11 8 12 0 5 2 15 13 10 14 3 6 7 1 9 4);
        round!(v, $m, 7 9 3 1 13 12 11 14 2 6 5 10 4 0 15 8);
        round!(v, $m, 9 0 5 7 2 4 10 15 14 1 11 12 6 8 3 13);
        round!(v, $m, 2 12 6 10 0 11 8 3 4 13 7 5 15 14 1 9);
        round!(v, $m, 12 5 1 15 14 13 4 10 0 7 6 3 9 2 8 11);
        round!(v, $m, 13 11 7 14 12 1 3 9 5 0 15 4 8 6 2 10);
        round!(v, $m, 6 15 14 9 11 3 0 8 12 2 13 7 1 4 10 5);
        round!(v, $m, 10 2 8 4 7 6 1 5 15 11 9 14 3 12 13 0);
        round!(v, $m, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        round!(v, $m, 14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3);
        for i in 0..8 {
            $h[i] = xor($h[i], xor(v[i], v[i + 8]));
        }
    };
}

mod portable {
    use super::{BLOCK, Blocks, IV, LANES};

    fn splat(word: u64) -> u64 {
        word
    }
    fn add(a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }
    fn xor(a: u64, b: u64) -> u64 {
        a ^ b
    }
    fn ror32(a: u64) -> u64 {
        a.rotate_right(32)
    }
    fn ror24(a: u64) -> u64 {
        a.rotate_right(24)
    }
    fn ror16(a: u64) -> u64 {
        a.rotate_right(16)
    }
    fn ror63(a: u64) -> u64 {
        a.rotate_right(63)
    }

    fn compress(h: &mut [u64; 8], block: &[u8; BLOCK], counter: u64, last: u64) {
        let mut m = [0; 16];
        for (word, bytes) in m.iter_mut().zip(block.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        compress!(h, m, counter, last);
    }

    /// Runs one lane of the states.
    fn lane(states: &mut [[u64; LANES]; 8], lane: usize, run: impl FnOnce(&mut [u64; 8])) {
        let mut h = states.map(|word| word[lane]);
        run(&mut h);
        for (word, new) in states.iter_mut().zip(h) {
            word[lane] = new;
        }
    }

    pub(super) fn update(
        states: &mut [[u64; LANES]; 8],
        inputs: &[&[[u8; BLOCK]]; LANES],
        before: u64,
    ) {
        for (index, blocks) in inputs.iter().enumerate() {
            lane(states, index, |h| {
                let mut counter = before;
                for block in *blocks {
                    counter += BLOCK as u64;
                    compress(h, block, counter, 0);
                }
            });
        }
    }

    pub(super) fn finish(states: &mut [[u64; LANES]; 8], last: &Blocks, total: u64) {
        for (index, block) in last.iter().enumerate() {
            lane(states, index, |h| compress(h, block, total, u64::MAX));
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{BLOCK, Blocks, IV, LANES};

    macro_rules! primitive {
        ($name:ident($($argument:ident),*) $body:expr) => {
            #[target_feature(enable = "avx512f")]
            #[inline]
            fn $name($($argument: __m512i),*) -> __m512i {
                $body
            }
        };
    }
    primitive!(add(a, b) _mm512_add_epi64(a, b));
    primitive!(xor(a, b) _mm512_xor_si512(a, b));
    primitive!(ror32(a) _mm512_ror_epi64::<32>(a));
    primitive!(ror24(a) _mm512_ror_epi64::<24>(a));
    primitive!(ror16(a) _mm512_ror_epi64::<16>(a));
    primitive!(ror63(a) _mm512_ror_epi64::<63>(a));

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn splat(word: u64) -> __m512i {
        _mm512_set1_epi64(word as i64)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load(bytes: &[u8; 64]) -> __m512i {
        // SAFETY: the reference is to 64 readable bytes; the load needs no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load_states(states: &[[u64; LANES]; 8]) -> [__m512i; 8] {
        let mut h = [splat(0); 8];
        for (h, words) in h.iter_mut().zip(states) {
            // SAFETY: the reference is to eight words; the load needs no alignment.
            *h = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        }
        h
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn store_states(states: &mut [[u64; LANES]; 8], h: &[__m512i; 8]) {
        for (words, h) in states.iter_mut().zip(h) {
            // SAFETY: the reference is to eight words; the store needs no alignment.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), *h) };
        }
    }

    /// Rows to columns.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn transpose(rows: [__m512i; 8]) -> [__m512i; 8] {
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
        let half = |a, b, c, d| {
            let (u0, u1) = (
                _mm512_shuffle_i64x2::<0x88>(a, b),
                _mm512_shuffle_i64x2::<0xdd>(a, b),
            );
            let (u2, u3) = (
                _mm512_shuffle_i64x2::<0x88>(c, d),
                _mm512_shuffle_i64x2::<0xdd>(c, d),
            );
            [
                _mm512_shuffle_i64x2::<0x88>(u0, u2),
                _mm512_shuffle_i64x2::<0x88>(u1, u3),
                _mm512_shuffle_i64x2::<0xdd>(u0, u2),
                _mm512_shuffle_i64x2::<0xdd>(u1, u3),
            ]
        };
        let [c0, c2, c4, c6] = half(
            _mm512_unpacklo_epi64(r0, r1),
            _mm512_unpacklo_epi64(r2, r3),
            _mm512_unpacklo_epi64(r4, r5),
            _mm512_unpacklo_epi64(r6, r7),
        );
        let [c1, c3, c5, c7] = half(
            _mm512_unpackhi_epi64(r0, r1),
            _mm512_unpackhi_epi64(r2, r3),
            _mm512_unpackhi_epi64(r4, r5),
            _mm512_unpackhi_epi64(r6, r7),
        );
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }

    /// The 16 message words of a block of each input.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn message(blocks: [&[u8; BLOCK]; LANES]) -> [__m512i; 16] {
        let mut low = [splat(0); 8];
        let mut high = [splat(0); 8];
        for (lane, block) in blocks.iter().enumerate() {
            if let [first, second] = block.as_chunks::<64>().0 {
                low[lane] = load(first);
                high[lane] = load(second);
            }
        }
        let mut m = [splat(0); 16];
        m[..8].copy_from_slice(&transpose(low));
        m[8..].copy_from_slice(&transpose(high));
        m
    }

    #[target_feature(enable = "avx512f")]
    fn compress(h: &mut [__m512i; 8], m: &[__m512i; 16], counter: u64, last: u64) {
        compress!(h, m, counter, last);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn update(
        states: &mut [[u64; LANES]; 8],
        inputs: &[&[[u8; BLOCK]]; LANES],
        before: u64,
    ) {
        let blocks = inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        let inputs = inputs.map(|input| &input[..blocks]);
        let mut h = load_states(states);
        let mut counter = before;
        for block in 0..blocks {
            counter += BLOCK as u64;
            let m = message(inputs.map(|input| &input[block]));
            compress(&mut h, &m, counter, 0);
        }
        store_states(states, &h);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn finish(states: &mut [[u64; LANES]; 8], last: &Blocks, total: u64) {
        let mut h = load_states(states);
        compress(&mut h, &message(last.each_ref()), total, u64::MAX);
        store_states(states, &h);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn nodes(states: &mut [[u64; LANES]; 8], pairs: &[[u8; 64]; LANES]) {
        let mut rows = [splat(0); 8];
        for (row, pair) in rows.iter_mut().zip(pairs) {
            *row = load(pair);
        }
        // The prefix byte moves everything up by one byte.
        let words = transpose(rows);
        let mut m = [splat(0); 16];
        m[0] = splat(u64::from(super::super::INNER_PREFIX));
        for (i, word) in words.iter().enumerate() {
            m[i] = _mm512_or_si512(m[i], _mm512_slli_epi64::<8>(*word));
            m[i + 1] = _mm512_srli_epi64::<56>(*word);
        }
        let mut start = load_states(states);
        let h = &mut start;
        compress!(h, m, 65, u64::MAX);
        store_states(states, h);
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{BLOCK, Blocks, IV, LANES};

    macro_rules! primitive {
        ($name:ident($($argument:ident),*) $body:expr) => {
            #[target_feature(enable = "avx2")]
            #[inline]
            fn $name($($argument: __m256i),*) -> __m256i {
                $body
            }
        };
    }
    primitive!(add(a, b) _mm256_add_epi64(a, b));
    primitive!(xor(a, b) _mm256_xor_si256(a, b));
    primitive!(ror32(a) _mm256_shuffle_epi32::<0b10_11_00_01>(a));
    primitive!(ror24(a) _mm256_shuffle_epi8(a, bytes(3)));
    primitive!(ror16(a) _mm256_shuffle_epi8(a, bytes(2)));
    primitive!(ror63(a) _mm256_or_si256(_mm256_srli_epi64::<63>(a), _mm256_add_epi64(a, a)));

    /// The byte order of words rotated right by this many bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn bytes(by: u32) -> __m256i {
        let rotated = 0x0706_0504_0302_0100u64.rotate_right(8 * by) as i64;
        let second = rotated + 0x0808_0808_0808_0808;
        _mm256_setr_epi64x(rotated, second, rotated, second)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn splat(word: u64) -> __m256i {
        _mm256_set1_epi64x(word as i64)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: the reference is to 32 readable bytes; the load needs no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    /// Lanes `4 * half` to `4 * half + 3` of the states.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn load_states(states: &[[u64; LANES]; 8], half: usize) -> [__m256i; 8] {
        let mut h = [splat(0); 8];
        for (h, words) in h.iter_mut().zip(states) {
            let words = words.as_chunks::<4>().0[half];
            // SAFETY: the array has four words; the load needs no alignment.
            *h = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
        }
        h
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store_states(states: &mut [[u64; LANES]; 8], half: usize, h: &[__m256i; 8]) {
        for (words, h) in states.iter_mut().zip(h) {
            let words = &mut words.as_chunks_mut::<4>().0[half];
            // SAFETY: the reference is to four words; the store needs no alignment.
            unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), *h) };
        }
    }

    /// Four message words of four blocks.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn transpose([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
        let (t0, t1) = (_mm256_unpacklo_epi64(r0, r1), _mm256_unpackhi_epi64(r0, r1));
        let (t2, t3) = (_mm256_unpacklo_epi64(r2, r3), _mm256_unpackhi_epi64(r2, r3));
        [
            _mm256_permute2x128_si256::<0x20>(t0, t2),
            _mm256_permute2x128_si256::<0x20>(t1, t3),
            _mm256_permute2x128_si256::<0x31>(t0, t2),
            _mm256_permute2x128_si256::<0x31>(t1, t3),
        ]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn message(blocks: [&[u8; BLOCK]; 4]) -> [__m256i; 16] {
        let mut m = [splat(0); 16];
        for (quarter, m) in m.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *m = transpose(blocks.map(|block| load(&block.as_chunks::<32>().0[quarter])));
        }
        m
    }

    #[target_feature(enable = "avx2")]
    fn compress(h: &mut [__m256i; 8], m: &[__m256i; 16], counter: u64, last: u64) {
        compress!(h, m, counter, last);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn update(
        states: &mut [[u64; LANES]; 8],
        inputs: &[&[[u8; BLOCK]]; LANES],
        before: u64,
    ) {
        let blocks = inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        for (half, inputs) in inputs.as_chunks::<4>().0.iter().enumerate() {
            let inputs = inputs.map(|input| &input[..blocks]);
            let mut h = load_states(states, half);
            let mut counter = before;
            for block in 0..blocks {
                counter += BLOCK as u64;
                let m = message(inputs.map(|input| &input[block]));
                compress(&mut h, &m, counter, 0);
            }
            store_states(states, half, &h);
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn finish(states: &mut [[u64; LANES]; 8], last: &Blocks, total: u64) {
        for (half, last) in last.as_chunks::<4>().0.iter().enumerate() {
            let mut h = load_states(states, half);
            compress(&mut h, &message(last.each_ref()), total, u64::MAX);
            store_states(states, half, &h);
        }
    }
}
