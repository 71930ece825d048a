//! Configuration files: what those of nodes and of clients have in common.

mod text_or_map;
mod unread;

pub use text_or_map::TextOrMap;
pub use unread::{warn_of_unread_keys, with_unread_keys};
