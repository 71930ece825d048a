//! Exports: the C interface of the module. What a caller may rely on is in the crate's README.
// A module has no other interface than that of C, whose functions are named by hand and reached by addresses.
#![allow(unsafe_code)]

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use walrus_core::{BlobId, blob_source::BlobSource, proof::MAX_RANGE_PROOF_BYTES, work::Progress};

use crate::Body;

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

/// What the embedding program has put in: the 32 bytes of a blob ID, and a proof.
static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Longest input, in bytes: a proof of some hundred parts.
const MAX_INPUT: usize = 4 * MAX_RANGE_PROOF_BYTES;

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
    tell(result.map(|blob_id| blob_id.to_string()))
}

/// Makes room for an input of `length` bytes, and tells where; null if that is too long.
#[unsafe(no_mangle)]
pub extern "C" fn walrus_input(length: usize) -> *mut u8 {
    if length > MAX_INPUT {
        return std::ptr::null_mut();
    }
    let mut input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    *input = vec![0; length];
    input.as_mut_ptr()
}

/// Verifies that what `blob.read` gives, `length` bytes, are those from `start` on of a body of `body_length`. The input is the 32 bytes of its
/// blob ID and a proof. 1 if it holds, 0 if the text says why not.
#[unsafe(no_mangle)]
pub extern "C" fn walrus_verify_range(
    n_shards: u32,
    body_length: u64,
    start: u64,
    length: u64,
) -> u32 {
    let input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((blob_id, proof)) = input.split_first_chunk::<{ BlobId::LENGTH }>() else {
        return tell(Err("the input has no blob ID"));
    };
    let body = Body {
        blob_id: BlobId(*blob_id),
        n_shards: u16::try_from(n_shards).unwrap_or(u16::MAX),
        length: body_length,
    };
    let result = crate::verify_range(&body, start, &Embedder { length }, proof);
    tell(result.map(|()| String::new()))
}

/// Keeps the text of a result; 1 if it is one, 0 if it is an error.
fn tell(result: Result<String, impl std::fmt::Display>) -> u32 {
    let is_good = result.is_ok();
    let text = result.unwrap_or_else(|error| error.to_string());
    *TEXT.lock().unwrap_or_else(PoisonError::into_inner) = text;
    u32::from(is_good)
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
