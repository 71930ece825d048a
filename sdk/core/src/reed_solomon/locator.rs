//! Error locator: how far each position of a codeword is, in logarithms, from all that are missing.
//!
//! With the field's elements numbered as they are, differences of positions below a power of two `w` are below `w` again. So the
//! sums are a convolution over a group of `w` elements: two Walsh transforms, with the logarithms' own made once for each `w`.

use std::sync::OnceLock;

use super::{FIELD, MODULUS, field};

/// What sums are counted modulo.
const ORDER: i64 = MODULUS as i64;

/// For each position the sum of the logarithms of its differences to the marked ones (but to itself), modulo 65 535.
///
/// The number of positions is a power of two, at most 65 536.
pub(crate) fn distances(is_marked: &[bool]) -> Vec<u16> {
    let width = is_marked.len();
    let mut sums: Vec<i64> = is_marked.iter().map(|marked| i64::from(*marked)).collect();
    walsh(&mut sums);
    for (sum, factor) in sums.iter_mut().zip(log_walsh(width)) {
        // At most 2^16 times 2^16: twice 2^32 of sums of them stay far below 2^63.
        *sum = (*sum * factor).rem_euclid(ORDER);
    }
    walsh(&mut sums);
    let reduced = sums.into_iter().map(|sum| sum.rem_euclid(ORDER));
    reduced.map(|sum| sum.try_into().unwrap_or(0)).collect()
}

/// For each position the sum of the logarithms of its differences to all elements of the field that are not marked.
///
/// The logarithms of all elements but zero sum up to nothing, so it is what is missing to the marked ones' sum.
pub(crate) fn distances_to_rest(is_marked: &[bool]) -> Vec<u16> {
    let distances = distances(is_marked).into_iter();
    distances.map(negative).collect()
}

/// The logarithm of one over an element.
pub(crate) fn negative(log: u16) -> u16 {
    match log {
        0 => 0,
        _ => MODULUS - log,
    }
}

/// The Walsh transform of the first logarithms, divided by their number.
fn log_walsh(width: usize) -> &'static [i64] {
    static OF_POWER: [OnceLock<Vec<i64>>; 17] = [const { OnceLock::new() }; 17];
    let power = width.trailing_zeros() as usize;
    OF_POWER[power.min(16)].get_or_init(|| {
        let mut logs: Vec<_> = (0..width)
            .map(|element| i64::from(field::logarithm(element)))
            .collect();
        walsh(&mut logs);
        // 2^16 is 1 modulo 65 535.
        let inverse = (FIELD / width) as i64;
        let divided = logs.iter().map(|log| (log * inverse).rem_euclid(ORDER));
        divided.collect()
    })
}

/// The Walsh transform: sums and differences, over all distances.
fn walsh(data: &mut [i64]) {
    let mut distance = 1;
    while distance < data.len() {
        for group in data.chunks_exact_mut(2 * distance) {
            let (front, back) = group.split_at_mut(distance);
            for (a, b) in front.iter_mut().zip(back) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        distance *= 2;
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng, rngs::SmallRng};
    use reed_solomon_simd::engine::{GF_ORDER, utils};

    use super::*;
    use crate::{EncodingConfig, reed_solomon::rate::Layout};

    /// The same over the whole field, as the library does it.
    fn of_library(is_erased: impl Fn(usize) -> bool) -> Vec<u16> {
        let mut values: Box<[u16; GF_ORDER]> = vec![0; GF_ORDER].try_into().unwrap();
        for (position, value) in values.iter_mut().enumerate() {
            *value = u16::from(is_erased(position));
        }
        utils::eval_poly(&mut values, GF_ORDER);
        // Of the two ways to write nothing the library has both.
        values.iter().map(|value| value % MODULUS).collect()
    }

    #[test]
    fn sums_are_those_over_the_whole_field() {
        let mut random = SmallRng::seed_from_u64(1);
        for power in 0..=16 {
            let width = 1 << power;
            for share in [0.02, 0.4, 0.97] {
                let marked: Vec<_> = (0..width).map(|_| random.random_bool(share)).collect();
                let expected = of_library(|position| marked.get(position) == Some(&true));
                assert!(distances(&marked) == expected[..width], "{width}");
                let expected = of_library(|position| marked.get(position) != Some(&true));
                assert!(distances_to_rest(&marked) == expected[..width], "{width}");
            }
        }
    }

    /// Erasures as they are in codewords of the shard counts that there are.
    #[test]
    fn codewords_of_networks_are_located() {
        let mut random = SmallRng::seed_from_u64(2);
        for n in [4, 7, 10, 13, 31, 100, 101, 301, 1000] {
            let config = EncodingConfig::new(n).unwrap();
            for originals in [
                config.primary_source_symbols(),
                config.secondary_source_symbols(),
            ] {
                let layout = Layout::new(originals.into(), (n - originals).into()).unwrap();
                let width = layout.end().next_power_of_two();
                for _ in 0..3 {
                    let erased: Vec<_> = (0..width)
                        .map(|position| match layout.is_high_rate {
                            true => position < layout.end() && random.random_bool(0.4),
                            false => position >= layout.end() || random.random_bool(0.6),
                        })
                        .collect();
                    let found = match layout.is_high_rate {
                        true => distances(&erased),
                        false => distances_to_rest(&erased.iter().map(|e| !e).collect::<Vec<_>>()),
                    };
                    let beyond = !layout.is_high_rate;
                    let expected = of_library(|position| *erased.get(position).unwrap_or(&beyond));
                    assert!(found == expected[..width], "{n} {originals}");
                }
            }
        }
    }
}
