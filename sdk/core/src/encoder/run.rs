//! Encoding context: the threads, sink, progress and cancellation that all parts of a running encoding share.

use std::sync::{Mutex, PoisonError};

use crate::{
    encoder::{
        control::{Cancellation, Progress},
        error::EncodeError,
        sink::SliverSink,
    },
    hashing::Lanes,
    sliver::SliverId,
    threads::Threads,
};

/// A running encoding.
pub(crate) struct Run<'a> {
    pub(crate) threads: &'a Threads,
    pub(crate) lanes: Lanes,
    pub(crate) sink: Option<&'a dyn SliverSink>,
    pub(crate) cancellation: &'a Cancellation,
    pub(crate) progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    pub(crate) done: Mutex<Progress>,
}

impl Run<'_> {
    /// Ends the work if the caller has cancelled.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        match self.cancellation.is_cancelled() {
            true => Err(EncodeError::Cancelled),
            false => Ok(()),
        }
    }

    /// So many more bytes went through the code. Calls back in order: `done` never falls.
    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(progress) = self.progress {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.done += bytes;
            progress(*done);
        }
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
