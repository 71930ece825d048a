//! Store and read blobs: the client side of the Walrus protocol.
#![warn(missing_docs)]
