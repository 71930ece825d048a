//! File I/O: blobs and slivers in files, the only part of this crate that opens any.

mod blob_file;
mod decode;
mod directory_sink;
mod directory_source;
mod open_files;
mod positional;
pub mod spool;
mod staged;

pub use blob_file::FileSource;
pub use directory_sink::DirectorySink;
pub use directory_source::DirectorySource;
pub(crate) use positional::PositionalFile;
