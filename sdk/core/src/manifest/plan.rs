//! Part plan: where a body that is too large for one blob is cut (manifest spec 3).

use std::ops::Range;

use super::{HEAD_BYTES, MAX_BODY_LENGTH, MAX_PARTS, PART_BYTES};
use crate::parameters::EncodingConfig;

/// Length of parts where the network's blobs can be larger, in bytes: what one part takes on disk while it is stored stays within some
/// gigabytes, and its copies of the metadata are 1.4 % of it on 1000 shards.
pub const USUAL_PART_LENGTH: u64 = 1 << 30;

/// Where the parts of a body begin and end. All but the last are equally long, a power of two, whatever the length of the body: a body that
/// grows at its end keeps the blobs of its first parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    length: u64,
    part: u64,
}

impl PartPlan {
    /// The plan for a body of `length` bytes; `None` if it is longer than [`max_body_length`].
    ///
    /// A body that fits one blob needs none; if it has one part only, there is no manifest of it.
    pub fn new(config: &EncodingConfig, length: u64) -> Option<Self> {
        if length > max_body_length(config) {
            return None;
        }
        let largest = largest_part(config);
        let mut part = largest.min(USUAL_PART_LENGTH);
        while length.div_ceil(part) > max_parts(config) && part < largest {
            part = part.saturating_mul(2);
        }
        Some(Self { length, part })
    }

    /// Bytes of the body.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of every part but the last.
    pub fn part_length(&self) -> u64 {
        self.part
    }

    /// How many parts there are.
    pub fn count(&self) -> u64 {
        self.length.div_ceil(self.part)
    }

    /// The lengths of all blobs that the body becomes: of the parts in order, and of the manifest.
    pub fn blob_lengths(self) -> impl Iterator<Item = u64> {
        let entries = self.count().saturating_mul(PART_BYTES as u64);
        let manifest = entries.saturating_add(HEAD_BYTES as u64);
        let parts = self
            .ranges()
            .map(|part| part.end.saturating_sub(part.start));
        parts.chain([manifest])
    }

    /// The bytes of the body that each part is, in order.
    pub fn ranges(self) -> impl Iterator<Item = Range<u64>> {
        (0..self.count()).map(move |number| {
            let start = number.saturating_mul(self.part);
            start..start.saturating_add(self.part).min(self.length)
        })
    }
}

/// The longest body that can be stored under a manifest, in bytes: as many parts as its own blob has room for, as large as they may be.
pub fn max_body_length(config: &EncodingConfig) -> u64 {
    max_parts(config)
        .saturating_mul(largest_part(config))
        .min(MAX_BODY_LENGTH)
}

/// The largest power of two that fits one blob.
fn largest_part(config: &EncodingConfig) -> u64 {
    1 << config.max_blob_size().ilog2()
}

/// The manifest is a blob as well.
fn max_parts(config: &EncodingConfig) -> u64 {
    let room = config.max_blob_size().saturating_sub(HEAD_BYTES as u64) / PART_BYTES as u64;
    room.min(MAX_PARTS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(n_shards: u16, length: u64) -> Option<PartPlan> {
        PartPlan::new(&EncodingConfig::new(n_shards).unwrap(), length)
    }

    #[test]
    fn parts_are_powers_of_two_that_fit_the_network() {
        for (n_shards, length, part, count) in [
            (100, 500 << 20, 128 << 20, 4),
            (100, (500 << 20) + 1, 128 << 20, 4),
            (100, (512 << 20) + 1, 128 << 20, 5),
            (1000, 20 << 30, 1 << 30, 20),
            (1000, 16_384 << 30, 1 << 30, 16_384),
            (1000, (16_384 << 30) + 1, 2 << 30, 8193),
            (10, 3_000_000, 1 << 20, 3),
        ] {
            let plan = plan(n_shards, length).unwrap();
            assert_eq!((plan.part_length(), plan.count()), (part, count));
            let lengths: Vec<u64> = plan.blob_lengths().collect();
            let ranges: Vec<_> = plan.ranges().collect();
            assert_eq!(lengths.len() as u64, count + 1);
            assert_eq!(lengths[lengths.len() - 1], 64 + 40 * count);
            assert_eq!(lengths[..lengths.len() - 1].iter().sum::<u64>(), length);
            assert_eq!(ranges.len() as u64, count);
            assert_eq!(ranges.first().unwrap().start, 0);
            assert_eq!(ranges.last().unwrap().end, length);
            for both in ranges.windows(2) {
                assert_eq!(both[0].end, both[1].start);
                assert_eq!(both[0].end - both[0].start, part);
            }
        }
    }

    #[test]
    fn the_longest_body_has_a_plan_and_a_longer_one_has_none() {
        for n_shards in [4, 7, 10, 100, 1000, 49_155] {
            let config = EncodingConfig::new(n_shards).unwrap();
            let longest = max_body_length(&config);
            assert!(longest > config.max_blob_size());
            let plan = PartPlan::new(&config, longest).unwrap();
            assert!(plan.part_length() <= config.max_blob_size());
            let manifest = HEAD_BYTES as u64 + plan.count() * PART_BYTES as u64;
            assert!(manifest <= config.max_blob_size() && plan.count() <= MAX_PARTS as u64);
            assert_eq!(PartPlan::new(&config, longest + 1), None);
        }
    }
}
