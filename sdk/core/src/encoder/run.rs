//! Encoding context: what all parts of a running encoding share.

use crate::{
    encoder::{error::EncodeError, sink::SliverSink},
    hashing::Lanes,
    sliver::SliverId,
    threads::Threads,
    work::Running,
};

/// A running encoding.
pub(crate) struct Run<'a> {
    pub(crate) running: Running<'a>,
    /// Those of the work, or fewer where there is little of it.
    pub(crate) threads: &'a Threads,
    pub(crate) lanes: Lanes,
    pub(crate) sink: Option<&'a dyn SliverSink>,
}

impl Run<'_> {
    /// Ends the work if the caller has cancelled.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        Ok(self.running.check()?)
    }

    /// So many more bytes went through the code.
    pub(crate) fn advance(&self, bytes: u64) {
        self.running.advance(bytes);
    }

    /// A piece of a sliver for the sink, if there is one.
    pub(crate) fn emit(
        &self,
        sliver: SliverId,
        offset: usize,
        data: &[u8],
    ) -> Result<(), EncodeError> {
        let Some(sink) = self.sink else {
            return Ok(());
        };
        sink.write(sliver, offset, data)
            .map_err(|error| EncodeError::Sink {
                sliver,
                error: error.into(),
            })
    }

    /// A sliver is complete.
    pub(crate) fn complete(&self, sliver: SliverId) -> Result<(), EncodeError> {
        let Some(sink) = self.sink else {
            return Ok(());
        };
        sink.complete(sliver).map_err(|error| EncodeError::Sink {
            sliver,
            error: error.into(),
        })
    }
}
