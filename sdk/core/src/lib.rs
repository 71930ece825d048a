#![doc = include_str!("../README.md")]
// No number from outside is cut short.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

pub mod blob_id;
pub mod blob_source;
#[cfg(feature = "bls")]
pub mod bls;
pub mod bls_bytes;
pub mod bounded_bcs;
mod byte_string;
pub mod certificate;
pub mod codec;
mod decimal;
pub mod decoder;
pub mod encoder;
pub mod encoding_type;
#[cfg(feature = "files")]
mod files;
pub mod hashing;
pub mod inconsistency;
pub mod index;
mod interleaving;
pub mod io_failure;
pub mod key_text;
pub mod manifest;
pub mod merkle;
pub mod messages;
pub mod metadata;
pub mod network_key;
pub mod parameters;
pub mod pricing;
pub mod proof;
pub mod quilt;
pub mod quorum;
pub mod recovery;
pub mod reed_solomon;
pub mod shard_mapping;
pub mod signed_message;
pub mod sliver;
pub mod sliver_type;
pub mod symbol;
pub mod threads;
pub mod work;
mod workspaces;

pub use blob_id::BlobId;
pub use bls_bytes::{BlsPublicKey, BlsSignature};
pub use encoding_type::EncodingType;
#[cfg(feature = "files")]
pub use files::spool;
pub use index::{Epoch, ShardIndex, SliverIndex, SliverPairIndex};
pub use metadata::{BlobMetadata, UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId};
pub use parameters::EncodingConfig;
pub use sliver::{PrimarySliver, SecondarySliver, Sliver, SliverData, SliverPair};
pub use sliver_type::{Axis, Primary, Secondary, SliverType};
pub use symbol::SymbolId;
pub use threads::Threads;
pub use work::Work;
