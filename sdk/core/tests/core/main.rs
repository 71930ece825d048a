//! Tests of the protocol library, one module for each behaviour: public vectors, an oracle that encodes the slow way, properties.
#![allow(clippy::unwrap_used)]

mod against_oracle;
#[cfg(feature = "bls")]
mod bls_vectors;
mod codec_properties;
mod decoding;
mod encoding_vectors;
mod engines;
mod manifests;
mod oracle;
mod protocol_rules;
mod quilt_properties;
mod quilt_vectors;
mod range_proofs;
mod recovery_vectors;
mod selected;
mod spool;
mod streaming;
mod vector_files;
