//! Sliver sinks: where slivers go.

use std::io;

use crate::sliver::SliverId;

/// Takes slivers as they are computed, piece by piece, from several threads at once.
///
/// The pieces of a sliver do not overlap and together are its data: the concatenated symbols, without the
/// framing of BCS. They come in any order: columns about from left to right, with each group of columns a
/// piece of every recovery row, and source rows before or with them. The last third of the columns of a large
/// blob comes strip by strip. What a sink has got is worth nothing until the encoder returns the metadata:
/// after an error it must be thrown away.
pub trait SliverSink: Sync {
    /// Takes the bytes of `sliver` from `offset` on.
    ///
    /// # Errors
    /// Any error ends the encoding.
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()>;

    /// Every byte of `sliver` has been written. Called once for each sliver; by default does nothing.
    ///
    /// # Errors
    /// Any error ends the encoding.
    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        let _ = sliver;
        Ok(())
    }

    /// Whether pieces of about 1 KiB are as good as large ones. If not, which is the default, the encoder
    /// collects pieces of recovery rows until several columns are complete.
    fn takes_small_pieces(&self) -> bool {
        false
    }
}

impl<S: SliverSink + ?Sized> SliverSink for &S {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        (**self).write(sliver, offset, data)
    }

    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        (**self).complete(sliver)
    }

    fn takes_small_pieces(&self) -> bool {
        (**self).takes_small_pieces()
    }
}
