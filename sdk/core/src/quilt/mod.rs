//! Quilts: many named pieces in one blob, each readable without the others (encoding spec 6).
//!
//! A *patch* takes whole columns of the message matrix, so that the systematic secondary slivers of its columns are its bytes, one after
//! the other: whoever wants one patch fetches no other sliver. The first columns hold the *index*: names, tags and ends of all patches.
//!
//! * Writing: [`QuiltLayout::plan`] decides where everything goes from names and lengths alone, [`QuiltLayout::assemble_in_memory`] puts the bytes
//!   there, one patch at a time.
//! * Reading from slivers: [`IndexReader`] takes columns until the index is complete, [`PatchReader`] gives the bytes of a patch column by
//!   column.
//! * Reading from the whole blob: [`WholeQuilt`].
//!
//! Writers are strict about identifiers, readers bear what others wrote: order and rules of identifiers are not checked when reading, bounds
//! are.

mod assembly;
mod error;
mod geometry;
mod identifier;
mod index;
mod index_reader;
mod layout;
mod patch;
mod patch_id;
mod patch_reader;
mod tags;
mod whole;

pub use assembly::AssembleError;
pub use error::QuiltError;
pub use geometry::Geometry;
pub use identifier::{Identifier, IdentifierError, MAX_IDENTIFIER_BCS};
pub use index::{QuiltIndex, QuiltPatch};
pub use index_reader::IndexReader;
pub use layout::{LayoutError, MAX_INDEX_COLUMNS, NewPatch, QuiltLayout};
pub use patch::{MAX_PATCH_HEAD, PatchHead};
pub use patch_id::{PatchColumns, PatchIdError, QuiltPatchId};
pub use patch_reader::PatchReader;
pub use tags::{MAX_TAGS_BCS, Tags, TagsError};
pub use whole::WholeQuilt;

/// The only version of quilts.
pub const QUILT_VERSION: u8 = 1;
