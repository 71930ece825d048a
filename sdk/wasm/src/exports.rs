//! Exports: the C interface of the module. What a caller may rely on is in the crate's README.
// A module has no other interface than that of C, whose functions are named by hand and reached by addresses.
#![allow(unsafe_code)]

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use walrus_core::{blob_source::BlobSource, work::Progress};

#[link(wasm_import_module = "blob")]
unsafe extern "C" {
    /// Writes `length` bytes of the blob from `offset` on to the memory at `to`; 0 if it has.
    #[link_name = "read"]
    fn read_blob(offset: u64, to: *mut u8, length: usize) -> i32;
    /// So many of all bytes are done.
    #[link_name = "progress"]
    fn tell_progress(done: u64, total: u64);
}

/// The text of the last computation: a blob ID, or why there is none.
static TEXT: Mutex<String> = Mutex::new(String::new());

/// A blob whose bytes the embedding program has.
struct Embedder {
    length: u64,
}

impl BlobSource for Embedder {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        // SAFETY: the buffer is writable for its length, and nothing else uses it during the call.
        match unsafe { read_blob(offset, buffer.as_mut_ptr(), buffer.len()) } {
            0 => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Computes the blob ID of the `length` bytes that `blob.read` gives. 1 if the text is the ID, 0 if it says why there is none.
#[unsafe(no_mangle)]
pub extern "C" fn walrus_blob_id(n_shards: u32, length: u64) -> u32 {
    let progress = |progress: Progress| {
        // SAFETY: numbers go out, nothing comes back.
        unsafe { tell_progress(progress.done, progress.total) };
    };
    // A number beyond is refused like any other that is too large.
    let n_shards = u16::try_from(n_shards).unwrap_or(u16::MAX);
    let result = crate::blob_id(n_shards, &Embedder { length }, &progress);
    let is_computed = result.is_ok();
    let text = match result {
        Ok(blob_id) => blob_id.to_string(),
        Err(error) => error.to_string(),
    };
    *TEXT.lock().unwrap_or_else(PoisonError::into_inner) = text;
    u32::from(is_computed)
}

/// Where the text of the last computation is, in UTF-8, until the next one.
#[unsafe(no_mangle)]
pub extern "C" fn walrus_text() -> *const u8 {
    TEXT.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
}

/// Bytes of that text.
#[unsafe(no_mangle)]
pub extern "C" fn walrus_text_length() -> usize {
    TEXT.lock().unwrap_or_else(PoisonError::into_inner).len()
}
