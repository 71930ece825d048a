//! Storage left alone: what is owned and not used where buying costs nothing more.
//!
//! A started MiB is paid for as a whole, so that what the wallet owns serves only where it saves one: in some epochs of a layer and
//! not in others, and not with all of its bytes.

use walrus_core::Epoch;

use super::mixing::{Cover, Gap, Layer, Purchases};
use crate::limits;

/// Bytes of a layer that save something in a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    start: Epoch,
    end: Epoch,
    height: u64,
}

impl<'a> Cover<'a> {
    /// Takes less of what is owned where more is bought for the same price; the smallest layers first, which may vanish.
    pub(super) fn spare(&mut self, purchases: &Purchases) {
        let mut layers = std::mem::take(&mut self.layers);
        layers.sort_by_key(Layer::area);
        let mut waiting = layers.len();
        for layer in layers {
            waiting = waiting.saturating_sub(1);
            let needed = self.needed(&layer, purchases);
            let before = self.price(purchases);
            let shapes = [
                slabs(&layer, &needed),
                hull(&layer, &needed),
                lowered(&layer, &needed),
            ];
            let fitting = shapes.into_iter().find_map(|shape| {
                let cover = self.with(&layer, shape)?;
                let pieces = cover.count().saturating_add(waiting);
                let fits = cover.price(purchases) <= before && pieces <= limits::PIECES_PER_BLOB;
                fits.then_some(cover)
            });
            match fitting {
                Some(cover) => *self = cover,
                None => self.layers.push(layer),
            }
        }
    }

    /// What of a layer saves something, over all of its time.
    fn needed(&self, layer: &Layer<'_>, purchases: &Purchases) -> Vec<Step> {
        let bought = self.bought();
        // A period is paid for as a whole.
        let period = |gap: &Gap| {
            let mut bought = bought.iter();
            let whole = bought.find(|whole| whole.start <= gap.start && gap.end <= whole.end);
            whole.unwrap_or(gap).period()
        };
        let covered = self.gaps.iter().filter(|gap| layer.covers(gap));
        let step = |gap: &Gap| Step {
            start: gap.start,
            end: gap.end,
            height: layer
                .size
                .saturating_sub(purchases.slack(period(gap), gap.missing)),
        };
        covered.map(step).collect()
    }

    /// The same with another shape of a layer; `None` if its resource has not as many bytes side by side.
    fn with(&self, layer: &Layer<'a>, shape: Vec<Layer<'a>>) -> Option<Self> {
        let taken: u64 = shape.iter().map(|slab| slab.size).sum();
        if taken > layer.owned.storage.storage_size {
            return None;
        }
        let mut cover = self.clone();
        for gap in cover.gaps.iter_mut().filter(|gap| layer.covers(gap)) {
            let there = shape.iter().filter(|slab| slab.covers(gap));
            let height: u64 = there.map(|slab| slab.size).sum();
            gap.missing = gap
                .missing
                .saturating_add(layer.size.saturating_sub(height));
        }
        cover.layers.extend(shape);
        Some(cover)
    }

    fn count(&self) -> usize {
        self.layers.len().saturating_add(self.bought().len())
    }
}

/// Exactly what is needed, as slabs that lie on each other, each as long as possible.
fn slabs<'a>(layer: &Layer<'a>, needed: &[Step]) -> Vec<Layer<'a>> {
    let mut slabs = Vec::new();
    let mut open = vec![needed.to_vec()];
    while let Some(steps) = open.pop() {
        for run in steps.split(|step| step.height == 0) {
            let (Some(slab), Some(height)) = (hull(layer, run).pop(), lowest(run)) else {
                continue;
            };
            slabs.push(Layer {
                size: height,
                ..slab
            });
            let above = run.iter().map(|step| Step {
                height: step.height.saturating_sub(height),
                ..*step
            });
            open.push(above.collect());
        }
    }
    slabs
}

fn lowest(steps: &[Step]) -> Option<u64> {
    steps.iter().map(|step| step.height).min()
}

/// What is needed most, from the first epoch to the last in which anything is.
fn hull<'a>(layer: &Layer<'a>, needed: &[Step]) -> Vec<Layer<'a>> {
    let mut used = needed.iter().filter(|step| step.height > 0);
    let Some(first) = used.next() else {
        return Vec::new();
    };
    let (mut end, mut size) = (first.end, first.height);
    for step in used {
        (end, size) = (step.end, size.max(step.height));
    }
    vec![Layer {
        start: first.start,
        end,
        size,
        ..*layer
    }]
}

/// What is needed most, in all epochs.
fn lowered<'a>(layer: &Layer<'a>, needed: &[Step]) -> Vec<Layer<'a>> {
    let highest = needed.iter().map(|step| step.height).max();
    let size = highest.unwrap_or(layer.size);
    let lowered = (size > 0).then_some(Layer { size, ..*layer });
    lowered.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples::owned;

    fn shapes(heights: &[u64]) -> Vec<(u64, u32, u32)> {
        let owned = owned(1, 0, 9, 9);
        let layer = Layer {
            owned: &owned,
            start: 0,
            end: 9,
            size: 9,
        };
        let steps: Vec<Step> = (0..)
            .zip(heights)
            .map(|(start, height)| Step {
                start,
                end: start + 1,
                height: *height,
            })
            .collect();
        let short = |slab: &Layer<'_>| (slab.size, slab.start, slab.end);
        let mut slabs: Vec<_> = slabs(&layer, &steps).iter().map(short).collect();
        slabs.sort();
        slabs
    }

    #[test]
    fn a_shape_is_put_together_from_slabs() {
        assert_eq!(shapes(&[0, 0]), []);
        assert_eq!(shapes(&[0, 3, 3, 0]), [(3, 1, 3)]);
        assert_eq!(shapes(&[1, 3, 1]), [(1, 0, 3), (2, 1, 2)]);
        assert_eq!(shapes(&[2, 0, 1]), [(1, 2, 3), (2, 0, 1)]);
    }
}
