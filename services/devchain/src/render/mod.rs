//! Chain data as gRPC messages, cut to a read mask (devchain spec 1.2).

pub(crate) mod checkpoint;
mod clever;
pub(crate) mod epoch;
pub(crate) mod json;
pub(crate) mod object;
pub(crate) mod package;
pub(crate) mod transaction;
pub(crate) mod type_text;
