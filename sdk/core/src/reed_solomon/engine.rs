//! Code engine: which instructions transform and multiply.

use std::sync::atomic::{AtomicU8, Ordering};

use reed_solomon_simd::engine::DefaultEngine;

#[cfg(target_arch = "x86_64")]
use super::gfni::Gfni;
use super::{area::Area, field::Factor, library::Library};

/// Which instructions compute the Reed-Solomon code. All engines give the same symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CodeEngine {
    /// Table look-ups: the fastest engine that the crate `reed-solomon-simd` has for this CPU.
    Library = 1,
    /// Bit matrices, on 16 registers of 256 bits (GFNI with AVX2).
    Gfni,
    /// Bit matrices, on 32 registers (GFNI with AVX-512).
    GfniAvx512,
}

/// The engine that [`CodeEngine::force`] was called with; 0 for none.
static FORCED: AtomicU8 = AtomicU8::new(0);

impl CodeEngine {
    const ALL: [Self; 3] = [Self::Library, Self::Gfni, Self::GfniAvx512];

    /// Those that this CPU has.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|engine| engine.is_available())
    }

    /// The one that codes: the fastest that this CPU has, unless another one is forced.
    pub fn in_use() -> Self {
        let forced = FORCED.load(Ordering::Relaxed);
        let forced = Self::available().find(|engine| *engine as u8 == forced);
        forced.unwrap_or_else(Self::detect)
    }

    /// The fastest that this CPU has.
    pub fn detect() -> Self {
        Self::available().next_back().unwrap_or(Self::Library)
    }

    /// Makes whatever codes from now on in this process do it with this engine, or with the fastest again if this CPU does
    /// not have it. For measuring and testing: results do not depend on it.
    pub fn force(self) {
        FORCED.store(self as u8, Ordering::Relaxed);
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Library => true,
            #[cfg(target_arch = "x86_64")]
            Self::Gfni => is_x86_feature_detected!("gfni") && is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::GfniAvx512 => {
                is_x86_feature_detected!("gfni")
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// A transform of consecutive rows, as many as a power of two: coefficients to values, or back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transform {
    /// First row of what goes in.
    pub(crate) source: usize,
    /// First row of what comes out.
    pub(crate) target: usize,
    /// Number of rows.
    pub(crate) size: usize,
    /// Rows that count: values that are there, before rows of zeros, or values that are wanted.
    pub(crate) used: usize,
    /// The position, an element of the field, of the first value.
    pub(crate) position: usize,
}

/// Transforms rows of an [`Area`] and multiplies them.
///
/// Rows that are a source, a target or both are whole and either the same or apart.
pub(crate) trait Engine {
    /// Blocks from one row to the next, for rows of so many.
    fn pitch(&self, length: usize) -> usize {
        length
    }

    /// Values from coefficients. Target rows beyond `used` get anything,
    /// or nothing. Source rows stay if they are not the target.
    fn forward(&self, area: &mut Area, transform: Transform);

    /// Coefficients from values; source rows beyond `used` count as zeros, whatever is in them. If the target is not the source,
    /// coefficients are added to it, and the source gets anything.
    fn inverse(&self, area: &mut Area, transform: Transform);

    /// Coefficients from multiples of values, of `size` rows from `first` on, which is their position as well. Rows without a factor,
    /// and those beyond all factors, count as zeros.
    fn interpolate(&self, area: &mut Area, first: usize, size: usize, scales: &[Option<Factor>]);

    /// Multiplies a row.
    fn scale(&self, area: &mut Area, row: usize, factor: &Factor);

    /// Adds a multiple of `size` rows to as many others.
    fn add_multiple(
        &self,
        area: &mut Area,
        source: usize,
        target: usize,
        size: usize,
        factor: &Factor,
    );

    /// The sum of the polynomial whose coefficients are at `own`, of its derivative, and of multiples of others: `size` rows, apart
    /// from all others.
    fn combine(
        &self,
        area: &mut Area,
        own: Option<usize>,
        others: &[(usize, Factor)],
        target: usize,
        size: usize,
    );
}

/// The engine in use.
pub(crate) enum FastestEngine {
    Library(Library<DefaultEngine>),
    #[cfg(target_arch = "x86_64")]
    Gfni(Gfni),
}

impl FastestEngine {
    /// The one in use, for codewords of so many positions.
    pub(crate) fn new(positions: usize) -> Self {
        Self::of(CodeEngine::in_use(), positions)
    }

    /// A given one, or the library's if this CPU does not have that.
    pub(crate) fn of(engine: CodeEngine, positions: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(gfni) = Gfni::new(engine, positions) {
            return Self::Gfni(gfni);
        }
        let _ = (engine, positions);
        Self::Library(Library(DefaultEngine::new()))
    }

    /// Which one it is.
    pub(crate) fn kind(&self) -> CodeEngine {
        match self {
            Self::Library(_) => CodeEngine::Library,
            #[cfg(target_arch = "x86_64")]
            Self::Gfni(gfni) => gfni.kind(),
        }
    }
}

macro_rules! of_either {
    ($self:ident, $engine:ident => $call:expr) => {
        match $self {
            Self::Library($engine) => $call,
            #[cfg(target_arch = "x86_64")]
            Self::Gfni($engine) => $call,
        }
    };
}

impl Engine for FastestEngine {
    fn pitch(&self, length: usize) -> usize {
        of_either!(self, engine => engine.pitch(length))
    }

    fn forward(&self, area: &mut Area, transform: Transform) {
        of_either!(self, engine => engine.forward(area, transform));
    }

    fn inverse(&self, area: &mut Area, transform: Transform) {
        of_either!(self, engine => engine.inverse(area, transform));
    }

    fn interpolate(&self, area: &mut Area, first: usize, size: usize, scales: &[Option<Factor>]) {
        of_either!(self, engine => engine.interpolate(area, first, size, scales));
    }

    fn scale(&self, area: &mut Area, row: usize, factor: &Factor) {
        of_either!(self, engine => engine.scale(area, row, factor));
    }

    fn add_multiple(
        &self,
        area: &mut Area,
        source: usize,
        target: usize,
        size: usize,
        factor: &Factor,
    ) {
        of_either!(self, engine => engine.add_multiple(area, source, target, size, factor));
    }

    fn combine(
        &self,
        area: &mut Area,
        own: Option<usize>,
        others: &[(usize, Factor)],
        target: usize,
        size: usize,
    ) {
        of_either!(self, engine => engine.combine(area, own, others, target, size));
    }
}
