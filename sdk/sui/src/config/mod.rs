//! Configuration files: what those of nodes and of clients have in common.

mod document;
mod text_or_map;
mod unread;
mod written;

pub use document::{DocumentError, parse_document, read_document, read_part};
pub use text_or_map::TextOrMap;
pub use unread::{warn_of_unread_keys, with_unread_keys};
pub use written::is_default;
