//! The Walrus protocol without I/O: encoding, commitments, blob IDs, messages and certificates.
#![warn(missing_docs)]
