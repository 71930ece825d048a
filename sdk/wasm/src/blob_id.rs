//! Blob ID of bytes that are read by position, in bounded memory (encoding spec 3.5).

use walrus_core::{
    BlobId, EncodingConfig, Work,
    blob_source::BlobSource,
    encoder::{EncodeError, StreamEncoder},
    work::Progress,
};

/// Bytes of memory that a computation works in, about; a blob of up to a quarter of it is read once, a larger one in pieces.
pub const MEMORY: usize = 96 << 20;

/// The blob ID of all that `source` has, on a network of `n_shards` shards, on the calling thread. `progress` is called now and then.
///
/// # Errors
/// [`EncodeError`]: the network has too few or too many shards, the blob is too large for it, or the source cannot be read.
pub fn blob_id(
    n_shards: u16,
    source: &dyn BlobSource,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<BlobId, EncodeError> {
    let config = EncodingConfig::new(n_shards)?;
    let work = Work::new().with_memory(MEMORY).with_progress(progress);
    let encoder = StreamEncoder::new(config, source)?.with_work(work);
    Ok(*encoder.compute_metadata()?.blob_id())
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex};

    use walrus_core::encoder::BlobEncoder;

    use super::*;

    /// Bytes that are not in memory all at once, as those of a file in a browser.
    struct Pieces<'a>(&'a [u8]);

    impl BlobSource for Pieces<'_> {
        fn length(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            self.0.read_at(offset, buffer)
        }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * i % 251) as u8).collect()
    }

    #[test]
    fn it_is_the_one_of_the_encoder_and_tells_how_far_it_is() {
        for (n_shards, length) in [(4, 0), (13, 1), (100, 70_001), (100, 3_000_000)] {
            let blob = bytes(length);
            let told = Mutex::new(Vec::new());
            let watch = |progress: Progress| told.lock().unwrap().push(progress);
            let found = blob_id(n_shards, &Pieces(&blob), &watch).unwrap();
            let config = EncodingConfig::new(n_shards).unwrap();
            let expected = BlobEncoder::new(config, &blob).unwrap().compute_blob_id();
            assert_eq!(
                found,
                expected.unwrap(),
                "{length} bytes, {n_shards} shards"
            );
            let told = told.into_inner().unwrap();
            assert!(told.is_sorted_by_key(|progress| progress.done));
            let last = told.last().unwrap();
            assert_eq!(last.done, last.total);
        }
    }

    #[test]
    fn what_cannot_be_is_an_error_with_numbers() {
        let shards = blob_id(3, &Pieces(&[]), &|_| ()).unwrap_err();
        assert!(shards.to_string().contains('3'), "{shards}");
        struct Short;
        impl BlobSource for Short {
            fn length(&self) -> u64 {
                10
            }
            fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        let short = blob_id(13, &Short, &|_| ()).unwrap_err();
        assert!(short.to_string().contains("10"), "{short}");
    }
}
