//! Reed-Solomon engine that keeps the error locator of the last decoding.
//!
//! Where symbols are missing determines the values that decoding multiplies symbols with; computing them
//! takes as long as decoding a short codeword. All codewords of a blob miss the same symbols.

use std::cell::Cell;

use reed_solomon_simd::engine::{DefaultEngine, Engine, GF_ORDER, GfElement, ShardsRefMut};

/// Erasures and what became of them.
#[derive(Default)]
struct Located {
    erasures: Vec<GfElement>,
    size: usize,
    values: Vec<GfElement>,
}

/// What a decoder has found out about missing symbols.
#[derive(Default)]
pub(crate) struct Locator(Option<Box<Located>>);

thread_local! {
    /// The locator of the decoder that is at work on this thread: the engine's function has no receiver.
    static AT_WORK: Cell<Option<Box<Located>>> = const { Cell::new(None) };
}

impl Locator {
    /// Calls `decode`, in which the engine uses this locator.
    pub(crate) fn during<T>(&mut self, decode: impl FnOnce() -> T) -> T {
        let outer = AT_WORK.replace(Some(self.0.take().unwrap_or_default()));
        let result = decode();
        self.0 = AT_WORK.replace(outer);
        result
    }
}

/// An engine, by default the fastest of this CPU, that computes a locator only if it is not the last one.
#[derive(Default)]
pub(crate) struct LocatingEngine<E = DefaultEngine>(pub(crate) E);

impl<E: Engine> Engine for LocatingEngine<E> {
    fn fft(
        &self,
        data: &mut ShardsRefMut<'_>,
        pos: usize,
        size: usize,
        truncated_size: usize,
        skew_delta: usize,
    ) {
        self.0.fft(data, pos, size, truncated_size, skew_delta);
    }

    fn ifft(
        &self,
        data: &mut ShardsRefMut<'_>,
        pos: usize,
        size: usize,
        truncated_size: usize,
        skew_delta: usize,
    ) {
        self.0.ifft(data, pos, size, truncated_size, skew_delta);
    }

    fn mul(&self, x: &mut [[u8; 64]], log_m: GfElement) {
        self.0.mul(x, log_m);
    }

    fn eval_poly(erasures: &mut [GfElement; GF_ORDER], truncated_size: usize) {
        let Some(mut located) = AT_WORK.take() else {
            return E::eval_poly(erasures, truncated_size);
        };
        if located.size == truncated_size && located.erasures == erasures[..] {
            erasures.copy_from_slice(&located.values);
        } else {
            located.size = truncated_size;
            located.erasures.clear();
            located.erasures.extend_from_slice(&erasures[..]);
            E::eval_poly(erasures, truncated_size);
            located.values.clear();
            located.values.extend_from_slice(&erasures[..]);
        }
        AT_WORK.set(Some(located));
    }
}
