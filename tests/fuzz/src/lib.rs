//! Fuzzing inputs: what a fuzzer's bytes mean to a target that reads structured data.
//!
//! Random bytes never get past a magic number. A target therefore has valid inputs, its *seeds*, and a fuzzer's bytes are edits of
//! one of them: few bytes reach deep, and a corpus stays small.

use rand::{RngCore as _, SeedableRng as _, rngs::SmallRng};

/// Bytes of one edit: what, where (three), with what.
const EDIT: usize = 5;
/// Names the input itself in place of a seed.
const RAW: u8 = u8::MAX;
/// Longest input of the fixed sample, in bytes.
const SAMPLE_BYTES: u32 = 64;
/// Seed of the fixed sample.
const SAMPLE_SEED: u64 = 0x5eed;

/// The input that `bytes` stand for: the first byte chooses a seed, each five of the rest change it. A first byte of 255, or no seed,
/// means the rest itself.
pub fn edited(seeds: &[Vec<u8>], bytes: &[u8]) -> Vec<u8> {
    let Some((&choice, edits)) = bytes.split_first() else {
        return Vec::new();
    };
    let seed = usize::from(choice).checked_rem(seeds.len());
    let Some(seed) = seed
        .and_then(|index| seeds.get(index))
        .filter(|_| choice != RAW)
    else {
        return edits.to_vec();
    };
    let mut data = seed.clone();
    for edit in edits.chunks_exact(EDIT) {
        if let [what, high, middle, low, value] = *edit {
            let position = u32::from_be_bytes([0, high, middle, low]) as usize;
            apply(&mut data, what, position, value);
        }
    }
    data
}

fn apply(data: &mut Vec<u8>, what: u8, position: usize, value: u8) {
    let at = position.checked_rem(data.len()).unwrap_or(0);
    let end = at.saturating_add(usize::from(value)).min(data.len());
    match what % 7 {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = value;
            }
        }
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << (value % 8);
            }
        }
        2 => data.insert(at, value),
        3 => drop(data.drain(at..end)),
        4 => {
            let chunk: Vec<u8> = data.drain(at..end).collect();
            data.splice(at..at, chunk.iter().chain(&chunk).copied());
        }
        5 => data.truncate(at),
        _ => {
            let large = [u8::MAX; 8];
            let width = usize::from(value % 8).saturating_add(1);
            let end = at.saturating_add(width).min(data.len());
            data.splice(at..end, large.into_iter().take(width));
        }
    }
}

/// Runs `target` on `count` inputs, the same ones each time.
pub fn sample(count: usize, mut target: impl FnMut(&[u8])) {
    let mut random = SmallRng::seed_from_u64(SAMPLE_SEED);
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.resize((random.next_u32() % SAMPLE_BYTES) as usize, 0);
        random.fill_bytes(&mut bytes);
        target(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_edits_of_a_seed_or_the_input_itself() {
        let seeds = [b"abcdef".to_vec(), b"xyz".to_vec()];
        assert_eq!(edited(&seeds, &[0]), b"abcdef");
        assert_eq!(edited(&seeds, &[3]), b"xyz");
        assert_eq!(edited(&seeds, &[255, 1, 2]), [1, 2]);
        assert_eq!(edited(&[], &[0, 1, 2]), [1, 2]);
        assert_eq!(edited(&seeds, &[0, 0, 0, 0, 2, b'!']), b"ab!def");
        assert_eq!(edited(&seeds, &[0, 3, 0, 0, 4, 9]), b"abcd");
        assert_eq!(edited(&seeds, &[0, 4, 0, 0, 0, 2]), b"ababcdef");
        assert_eq!(edited(&seeds, &[1, 5, 0, 0, 0, 0, 2, 0, 0, 0, 7]), [7]);
    }

    #[test]
    fn no_edit_panics() {
        let seeds = [Vec::new(), vec![1], vec![2; 300]];
        sample(10_000, |bytes| drop(edited(&seeds, bytes)));
    }
}
