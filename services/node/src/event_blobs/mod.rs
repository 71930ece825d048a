//! Event blobs: the contract's events as blobs, which the nodes write together and a node that has fallen behind reads. Node spec 2.6
//! and 5.7.
//!
//! * [`Recorder`] writes every element of the event stream down, in the batch of its event, and decides where a blob ends. All nodes
//!   do so from the same events by the same rule, and so have the same bytes.
//! * [`EventBlobWriter`] makes blobs of what is recorded: it encodes the oldest one that is not certified, stores the slivers of its
//!   own shards, and votes for it on chain. The votes of a quorum certify the blob.
//!
//! * [`CatchUp`] is the event stream of a node that may have been away: what the chain has no more it reads in event blobs.
//!
//! What other nodes certified is what counts. A node whose blobs are others, or that has seen too little of the events, begins
//! again behind the newest certified one.

mod catch_up;
mod encode;
mod recorder;
#[cfg(test)]
mod tests;
mod vote;
mod writer;

pub(crate) use self::{
    catch_up::{CatchUp, LagChecks, Place},
    recorder::{CutRule, Recorder},
    writer::EventBlobWriter,
};
