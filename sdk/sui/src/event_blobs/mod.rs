//! Event blobs: the contract's events as blobs, by which a node catches up when no full node has them any more. Node spec 2.3 and 5.7.
//!
//! Every node derives the same bytes from the same events, and they are certified by a quorum of nodes that did: what is written
//! here is a matter of consensus.
//!
//! ```text
//! event-blob = magic version epoch previous-blob previous-event *entry first-checkpoint last-checkpoint
//! magic      = %x00.5E.A1.CE
//! version    = u32-be                         ; 1
//! epoch      = u32-be                         ; that of the events when the blob was begun
//! previous-blob  = 32OCTET                    ; zeros before the first
//! previous-event = 32OCTET u64-be             ; zeros: blobs end with the end of a checkpoint
//! entry      = uleb128 %x01 element           ; the length is that of the element
//! element    = BCS of an indexed stream event
//! first-checkpoint = u64-be
//! last-checkpoint  = u64-be
//! ```

mod element;
mod format;
mod read;
mod wire;

pub use element::{Content, Element, ElementError, EventName};
pub use format::{FormatError, HEADER_BYTES, Header, TRAILER_BYTES, entry, entry_bytes, trailer};
pub use read::{EventBlob, EventBlobError};

/// Longest element, in bytes; events of the chain have at most 250 KiB.
pub const MAX_ELEMENT_BYTES: usize = 512 * 1024;
/// Longest event blob that is read. They are cut after the checkpoint with which they exceed [`MAX_PAYLOAD_BYTES`].
pub const MAX_EVENT_BLOB_BYTES: u64 = 256 * 1024 * 1024;
/// A blob with more bytes than that, the header counted, is cut at the end of the checkpoint.
pub const MAX_PAYLOAD_BYTES: u64 = 100 * 1024 * 1024;
/// A blob with so many checkpoints is cut.
pub const MAX_CHECKPOINTS: u64 = 216_000;
