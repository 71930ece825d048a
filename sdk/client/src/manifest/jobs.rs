//! Jobs of a store: blobs that are stored together, and bodies that are cut first.

use walrus_core::{
    EncodingConfig,
    manifest::{PartPlan, max_body_length},
};

use crate::{BlobToStore, ClientError};

/// One after the other a store does these, in the order of what it was given.
pub(crate) enum Job {
    /// Blobs that are encoded at the same time.
    Blobs(Vec<BlobToStore>),
    /// A body that becomes several blobs.
    Body(BlobToStore, PartPlan),
    /// One that has no room even so.
    TooLong(BlobToStore, ClientError),
}

impl Job {
    /// What the caller calls them.
    pub(crate) fn labels(&self) -> Vec<String> {
        match self {
            Self::Blobs(blobs) => blobs.iter().map(|blob| blob.label.clone()).collect(),
            Self::Body(blob, _) | Self::TooLong(blob, _) => vec![blob.label.clone()],
        }
    }
}

/// The jobs that store `blobs`, at most `at_once` of them at the same time. There is at least one.
pub(crate) fn jobs(blobs: Vec<BlobToStore>, config: &EncodingConfig, at_once: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut together = Vec::new();
    for blob in blobs {
        // What cannot be read is told where it is read.
        let length = blob.data.length().unwrap_or_default();
        if length <= config.max_blob_size() {
            together.push(blob);
            if together.len() >= at_once {
                jobs.push(Job::Blobs(std::mem::take(&mut together)));
            }
            continue;
        }
        if !together.is_empty() {
            jobs.push(Job::Blobs(std::mem::take(&mut together)));
        }
        jobs.push(match PartPlan::new(config, length) {
            Some(plan) => Job::Body(blob, plan),
            None => {
                let max = max_body_length(config);
                let error = ClientError::BlobTooLarge { size: length, max };
                Job::TooLong(blob, error)
            }
        });
    }
    if !together.is_empty() || jobs.is_empty() {
        jobs.push(Job::Blobs(together));
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of what is stored together; of a body with the number of its parts.
    fn jobs_of(lengths: &[usize], at_once: usize) -> Vec<(Vec<String>, u64)> {
        let config = EncodingConfig::new(4).unwrap();
        let blobs = lengths
            .iter()
            .map(|length| BlobToStore::new(length.to_string(), vec![0; *length]));
        let jobs = jobs(blobs.collect(), &config, at_once);
        let described = jobs.iter().map(|job| {
            let parts = match job {
                Job::Blobs(_) => 1,
                Job::Body(_, plan) => plan.count(),
                Job::TooLong(..) => 0,
            };
            (job.labels(), parts)
        });
        described.collect()
    }

    #[test]
    fn the_order_stays_and_large_ones_stand_alone() {
        let expected = |jobs: &[(&[usize], u64)]| -> Vec<(Vec<String>, u64)> {
            let text = |lengths: &[usize]| lengths.iter().map(usize::to_string).collect();
            jobs.iter().map(|(l, parts)| (text(l), *parts)).collect()
        };
        assert_eq!(jobs_of(&[], 2), expected(&[(&[], 1)]));
        assert_eq!(
            jobs_of(&[1, 2, 3, 393_205, 4, 800_000, 393_204], 2),
            expected(&[
                (&[1, 2], 1),
                (&[3], 1),
                (&[393_205], 2),
                (&[4], 1),
                (&[800_000], 4),
                (&[393_204], 1),
            ])
        );
    }

    #[test]
    fn what_no_manifest_can_name_is_told_with_the_longest_body() {
        let config = EncodingConfig::new(4).unwrap();
        let file = tempfile::tempfile().unwrap();
        let length = max_body_length(&config) + 1;
        file.set_len(length).unwrap();
        let blob = BlobToStore::new("long", std::sync::Arc::new(file));
        let jobs = jobs(vec![blob], &config, 1);
        assert!(matches!(
            &jobs[..],
            [Job::TooLong(_, ClientError::BlobTooLarge { size, max })] if *size == length && *max == length - 1
        ));
    }
}
