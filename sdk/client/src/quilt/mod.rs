//! Quilts: many named pieces in one blob. Client spec 6, encoding spec 6.
//!
//! [`StoreQuilt`] packs patches and stores the blob; [`Quilt`] reads the index and patches of one, [`PatchBody`] is a patch as its
//! bytes come.

mod ahead;
mod archive;
mod columns;
mod error;
mod open;
mod pack;
mod patch_body;
mod store;

pub use self::{
    archive::{ArchiveNames, ArchivedPatch, archive},
    error::QuiltProblem,
    open::Quilt,
    pack::{PackedQuilt, PatchToStore, QUILT_ATTRIBUTE},
    patch_body::PatchBody,
    store::{QuiltPlan, QuiltReport, StoreQuilt, StoredPatch},
};
