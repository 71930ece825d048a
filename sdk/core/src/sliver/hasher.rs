//! Sliver hasher, which does not keep the expansion (encoding spec 3.3).

use crate::{
    codec::{CodecError, LinearCode},
    hashing::{self, Digest, Folder, LANES, Lanes, LeafGroup},
    parameters::EncodingConfig,
    reed_solomon::{CodeEngine, Encoder, FastestEngine, Layout},
    sliver_type::SliverType,
    workspaces::Workspaces,
};

/// Bytes of the work area of the code.
const WORK_BYTES: usize = 1 << 20;
/// Fewest and most bytes of a row of the work area.
const STRIP_BYTES: [usize; 2] = [1 << 10, 1 << 16];
/// Strips are multiples of this many bytes: whole blocks of the code (64) and of the hash (128).
const STRIP_UNIT: usize = 128;

/// Idle hashers of calls that have none of their own.
static IDLE: Workspaces<SliverHasher> = Workspaces::new();

/// Hashes slivers of one type and symbol size: expands them strip by strip in the cache.
pub(crate) struct SliverHasher {
    code: LinearCode,
    encoder: Encoder,
    /// Row of the work area at present.
    shard: usize,
    strip: usize,
    lanes: Lanes,
    /// States of eight leaves each, while strips are missing.
    groups: Vec<LeafGroup>,
    digests: Vec<Digest>,
    folder: Folder,
    zero: Option<Digest>,
}

impl SliverHasher {
    /// For slivers of this type.
    pub(crate) fn new(
        config: &EncodingConfig,
        sliver_type: SliverType,
        symbol_size: u16,
    ) -> Result<Self, CodecError> {
        let code = LinearCode::of_type(config, sliver_type.orthogonal(), symbol_size)?;
        let n = code.originals() + code.recoveries();
        let [least, most] = STRIP_BYTES;
        let strip = (WORK_BYTES / n.next_power_of_two()).clamp(least, most);
        let strip = match code.symbol_size() {
            symbol if symbol <= strip + strip / 4 => symbol,
            _ => strip / STRIP_UNIT * STRIP_UNIT,
        };
        let groups = code.originals().div_ceil(LANES) + code.recoveries().div_ceil(LANES);
        let layout = Layout::new(code.originals(), code.recoveries())?;
        let engine = FastestEngine::new(layout.positions());
        Ok(Self {
            code,
            encoder: Encoder::new(engine, layout, strip)?,
            shard: strip,
            strip,
            lanes: hashing::fastest(),
            groups: vec![
                LeafGroup::START;
                if strip < code.symbol_size() {
                    groups
                } else {
                    0
                }
            ],
            digests: vec![[0; 32]; n],
            folder: Folder::default(),
            zero: None,
        })
    }

    /// Lends a hasher to a caller that has none.
    pub(crate) fn borrowed<R>(
        config: &EncodingConfig,
        sliver_type: SliverType,
        symbol_size: u16,
        work: impl FnOnce(&mut Self) -> Result<R, CodecError>,
    ) -> Result<R, CodecError> {
        let code = LinearCode::of_type(config, sliver_type.orthogonal(), symbol_size)?;
        let mut hasher = match IDLE.take(|idle| idle.is_for(&code)) {
            Some(idle) => idle,
            None => Self::new(config, sliver_type, symbol_size)?,
        };
        // After an error the encoder may have symbols in it.
        let result = work(&mut hasher)?;
        IDLE.give(hasher);
        Ok(result)
    }

    /// Whether this is the code, and the engine is that in use.
    fn is_for(&self, code: &LinearCode) -> bool {
        self.code == *code && self.encoder.engine().kind() == CodeEngine::in_use()
    }

    /// The Merkle root over the expanded symbols of a sliver.
    pub(crate) fn hash(&mut self, sliver: &[u8]) -> Result<Digest, CodecError> {
        let is_zero = sliver.iter().fold(0, |all, byte| all | byte) == 0;
        if let (true, Some(zero)) = (is_zero, self.zero) {
            return Ok(zero);
        }
        self.run(sliver, None)?;
        let root = self.folder.fold_down(self.lanes, &self.digests, 1);
        let root = root.first().copied().unwrap_or_default();
        if is_zero {
            self.zero = Some(root);
        }
        Ok(root)
    }

    /// Expands a sliver into `data`, replacing its content, and hashes its symbols.
    pub(crate) fn expand(&mut self, sliver: &[u8], data: &mut Vec<u8>) -> Result<(), CodecError> {
        data.clear();
        data.reserve_exact(
            (self.code.originals() + self.code.recoveries()) * self.code.symbol_size(),
        );
        data.extend_from_slice(sliver);
        self.run(sliver, Some(data))
    }

    /// The hashes of the expanded symbols of a sliver.
    pub(crate) fn symbol_hashes(&mut self, sliver: &[u8]) -> Result<&[Digest], CodecError> {
        self.run(sliver, None)?;
        Ok(&self.digests)
    }

    /// The hashes of the symbols of the sliver that was expanded last.
    pub(crate) fn leaf_hashes(&self) -> &[Digest] {
        &self.digests
    }

    fn run(&mut self, sliver: &[u8], mut data: Option<&mut Vec<u8>>) -> Result<(), CodecError> {
        let (symbol, originals) = (self.code.symbol_size(), self.code.originals());
        let expected = originals * symbol;
        if sliver.len() != expected {
            let length = sliver.len();
            return Err(CodecError::WrongLength { length, expected });
        }
        if let Some(data) = &mut data {
            data.resize((originals + self.code.recoveries()) * symbol, 0);
        }
        for offset in (0..symbol).step_by(self.strip) {
            let width = self.strip.min(symbol - offset);
            if width != self.shard {
                self.encoder.reset(width)?;
                self.shard = width;
            }
            let recovered = data.as_deref_mut().map(|data| &mut data[expected..]);
            self.strip(sliver, offset, width, recovered)?;
        }
        Ok(())
    }

    /// One strip of every symbol.
    fn strip(
        &mut self,
        sliver: &[u8],
        offset: usize,
        width: usize,
        mut recovered: Option<&mut [u8]>,
    ) -> Result<(), CodecError> {
        let (symbol, originals) = (self.code.symbol_size(), self.code.originals());
        let mut leaves = Leaves {
            lanes: self.lanes,
            offset,
            is_end: offset + width == symbol,
            groups: &mut self.groups,
            digests: &mut self.digests,
        };
        for (group, symbols) in sliver.chunks(LANES * symbol).enumerate() {
            let mut strips: [&[u8]; LANES] = [&[]; LANES];
            let count = symbols.len() / symbol;
            for (strip, symbol) in strips.iter_mut().zip(symbols.chunks_exact(symbol)) {
                *strip = &symbol[offset..offset + width];
                self.encoder.add(strip)?;
            }
            leaves.absorb(group, group * LANES, count, strips);
        }
        self.encoder.encode()?;
        let first_group = originals.div_ceil(LANES);
        for (group, first) in (0..self.code.recoveries()).step_by(LANES).enumerate() {
            let mut strips: [&[u8]; LANES] = [&[]; LANES];
            let count = LANES.min(self.code.recoveries() - first);
            for (lane, strip) in strips.iter_mut().enumerate().take(count) {
                *strip = self.encoder.recovery(first + lane).unwrap_or_default();
                if let Some(recovered) = &mut recovered {
                    let at = (first + lane) * symbol + offset;
                    recovered[at..at + width].copy_from_slice(strip);
                }
            }
            leaves.absorb(first_group + group, originals + first, count, strips);
        }
        Ok(())
    }
}

/// The leaf hashes while strips come in.
struct Leaves<'a> {
    lanes: Lanes,
    offset: usize,
    is_end: bool,
    groups: &'a mut [LeafGroup],
    digests: &'a mut [Digest],
}

impl Leaves<'_> {
    /// Strips of `count` symbols, the first with index `first`.
    fn absorb(&mut self, group: usize, first: usize, count: usize, mut strips: [&[u8]; LANES]) {
        let filler = strips[0];
        strips[count..].fill(filler);
        let before = self.offset as u64;
        let mut state = match self.offset {
            0 => LeafGroup::START,
            _ => self.groups[group],
        };
        if self.is_end {
            let digests = state.finish(self.lanes, &strips, before);
            self.digests[first..first + count].copy_from_slice(&digests[..count]);
        } else {
            state.update(self.lanes, &strips, before);
            self.groups[group] = state;
        }
    }
}
