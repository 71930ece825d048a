//! Bodies in several blobs under a manifest: what is too large for one blob is stored and read as if it were none. Manifest spec.
//!
//! Stores cut it, store the parts a few at a time and the manifest last. Reads recognize a manifest by its bytes and give the body in its place.

mod body;
mod checked;
mod dry_run;
mod identify;
mod jobs;
mod problem;
mod read;
mod remote;
mod shared_parts;
mod store;

pub use self::{
    identify::Identity,
    problem::ManifestProblem,
    remote::{PartOpener, RemoteBody},
    shared_parts::{SHARED_PARTS_ATTRIBUTE, SharedParts},
};
pub(crate) use self::{
    jobs::{Job, jobs},
    read::{opener, read_body},
    shared_parts::is_of_shared_parts,
    store::Means,
};

/// The attribute of blob objects that are manifests, key and value. A hint: the bytes decide.
pub const MANIFEST_ATTRIBUTE: (&str, &str) = ("_walrusBlobType", "manifest");
