//! Progress display of a store or a read: bars on a terminal, a line now and then otherwise.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use indicatif::ProgressBar;
use tracing::Span;
use walrus_core::BlobId;
use walrus_sdk::{Phase, Progress, ProgressEvent, journal::UploadStage};

use crate::{
    commands::store::time,
    report::{Reporter, count, duration, say, size, wal},
};

/// Pause between two lines where there are no bars. What takes less time needs none.
const PAUSE_BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shows the events of one store or read.
pub(crate) struct Bars {
    reporter: Reporter,
    /// Whether transaction digests and phases are printed as lines.
    verbose: bool,
    shown: Mutex<Shown>,
}

/// What is shown now.
struct Shown {
    phase: Option<Phase>,
    /// The phase in a trace.
    span: Option<Span>,
    bar: Option<ProgressBar>,
    /// Whether the bar counts bytes.
    counts_bytes: bool,
    /// Bytes that nodes have of each blob, and bytes of all its slivers.
    sent: HashMap<BlobId, (u64, u64)>,
    last_line: Instant,
    /// Whether something may have been paid.
    paid: bool,
}

impl Bars {
    /// Bars only.
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self::with(reporter, false)
    }

    /// Bars, and a line for each phase and transaction.
    #[cfg(feature = "dev")]
    pub(crate) fn verbose(reporter: Reporter) -> Self {
        Self::with(reporter, true)
    }

    fn with(reporter: Reporter, verbose: bool) -> Self {
        let shown = Shown {
            phase: None,
            span: None,
            bar: None,
            counts_bytes: false,
            sent: HashMap::new(),
            last_line: Instant::now(),
            paid: false,
        };
        Self {
            reporter,
            verbose,
            shown: Mutex::new(shown),
        }
    }

    /// Takes the last bar away.
    pub(crate) fn finish(&self) {
        self.shown().replace(None);
    }

    /// The error of a store that somebody ended.
    pub(crate) fn interrupted(&self) -> anyhow::Error {
        let mut shown = self.shown();
        shown.replace(None);
        match shown.paid {
            false => anyhow::anyhow!("interrupted; nothing was paid"),
            true => anyhow::anyhow!(
                "interrupted; what was paid for is kept: the same command again goes on with it, and pays nothing twice"
            ),
        }
    }

    /// Says that a store goes on where an earlier one was cut off.
    fn resume(&self, blob_id: &BlobId, begun: SystemTime, stage: UploadStage) {
        self.shown().paid = true;
        let paid = match stage {
            UploadStage::Paying => "whether it was paid is looked up",
            _ => "it is paid already",
        };
        let begun = time(begun);
        say(format_args!(
            "Going on with the upload of {blob_id} that was begun {begun}; {paid}"
        ));
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a phase.
    pub(crate) fn start(&self, phase: Phase) {
        let spinner = self.reporter.spinner(phase.label());
        let mut shown = self.shown();
        shown.replace(Some(spinner));
        shown.phase = Some(phase);
        shown.span = Some(tracing::info_span!("phase", label = phase.label()));
        shown.paid |= phase == Phase::Register;
        shown.last_line = Instant::now();
    }

    /// Shards or slivers, unless bytes are counted.
    fn advance(&self, position: u16, total: u16) {
        let shown = self.shown();
        if let Some(bar) = shown.bar.as_ref().filter(|_| !shown.counts_bytes) {
            bar.set_length(u64::from(total));
            bar.set_position(u64::from(position));
        }
    }

    /// Bytes of a phase, if it is the one that is going on.
    fn advance_bytes(&self, shown: &mut Shown, phase: Phase, done: u64, total: u64) {
        if shown.phase != Some(phase) {
            return;
        }
        if self.reporter.shows_bars() {
            if !shown.counts_bytes {
                shown.replace(Some(self.reporter.byte_bar(phase.label())));
                shown.counts_bytes = true;
            }
            if let Some(bar) = &shown.bar {
                bar.set_length(total);
                bar.set_position(done);
            }
        } else if shown.last_line.elapsed() >= PAUSE_BETWEEN_LINES {
            shown.last_line = Instant::now();
            say(so_far(phase.label(), done, total));
        }
    }

    fn sent(&self, blob_id: BlobId, done: u64, total: u64) {
        let mut shown = self.shown();
        shown.sent.insert(blob_id, (done, total));
        let sums = |(a, b): (u64, u64), (done, total): &(u64, u64)| {
            (a.saturating_add(*done), b.saturating_add(*total))
        };
        let (done, total) = shown.sent.values().fold((0, 0), sums);
        self.advance_bytes(&mut shown, Phase::Upload, done, total);
    }
}

impl Shown {
    fn replace(&mut self, bar: Option<ProgressBar>) {
        if let Some(old) = self.bar.take() {
            old.finish_and_clear();
        }
        self.bar = bar;
        self.counts_bytes = false;
    }
}

impl Progress for Bars {
    fn on_event(&self, event: ProgressEvent) {
        let bytes = |phase, done, total| {
            self.advance_bytes(&mut self.shown(), phase, done, total);
        };
        match event {
            ProgressEvent::Started(phase) => self.start(phase),
            ProgressEvent::Finished(phase, time) => {
                self.finish();
                self.shown().span = None;
                if self.verbose {
                    self.reporter.field(phase.label(), duration(time));
                }
            }
            ProgressEvent::Resumed {
                blob_id,
                begun,
                stage,
            } => self.resume(&blob_id, begun, stage),
            ProgressEvent::Paying { blobs, cost }
                if !self.verbose && !self.reporter.is_for_programs() =>
            {
                let blobs = count(blobs as u64, "blob");
                say(format_args!("Paying {} for {blobs}", wal(cost)));
            }
            ProgressEvent::Registered { digest, .. } if self.verbose => {
                self.reporter.field("transaction", digest);
            }
            ProgressEvent::Certified { digest } if self.verbose => {
                self.reporter.field("transaction", digest);
            }
            ProgressEvent::Encoding { done, total } => bytes(Phase::Encode, done, total),
            ProgressEvent::Sent {
                blob_id,
                done,
                total,
            } => self.sent(blob_id, done, total),
            ProgressEvent::Received { done, total } => bytes(Phase::FetchSlivers, done, total),
            ProgressEvent::Decoding { done, total } => bytes(Phase::Decode, done, total),
            ProgressEvent::Parts { stored, total } => {
                say(format_args!("Parts stored: {stored} of {total}"));
            }
            ProgressEvent::Uploaded { weight, total, .. } => self.advance(weight, total),
            ProgressEvent::Confirmed { weight, needed, .. } => self.advance(weight, needed),
            ProgressEvent::SliversRead { got, needed } => self.advance(got, needed),
            _ => {}
        }
    }
}

/// How much of some bytes is done: `upload: 74 % of 300 KiB`.
fn so_far(label: &str, done: u64, total: u64) -> String {
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    format!("{label}: {percent} % of {}", size(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_blobs_have_a_size_as_well() {
        assert_eq!(
            so_far("upload", 227_328, 307_200),
            "upload: 74 % of 300 KiB"
        );
        assert_eq!(so_far("upload", 0, 0), "upload: 0 % of 0 bytes");
        assert_eq!(
            so_far("decode", u64::MAX, u64::MAX),
            "decode: 100 % of 16.0 EiB"
        );
    }
}
