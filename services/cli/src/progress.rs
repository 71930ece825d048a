//! The progress of a store or a read as bars.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use walrus_sdk::{Progress, ProgressEvent};

use crate::report::{Reporter, duration};

/// Shows the events of one store or read.
pub(crate) struct Bars {
    reporter: Reporter,
    /// Whether transaction digests and phases are printed as lines.
    verbose: bool,
    current: Mutex<Option<ProgressBar>>,
}

impl Bars {
    /// Bars only.
    pub(crate) fn new(reporter: Reporter) -> Self {
        Self {
            reporter,
            verbose: false,
            current: Mutex::new(None),
        }
    }

    /// Bars, and a line for each phase and transaction.
    pub(crate) fn verbose(reporter: Reporter) -> Self {
        Self {
            reporter,
            verbose: true,
            current: Mutex::new(None),
        }
    }

    /// Takes the last bar away.
    pub(crate) fn finish(&self) {
        self.replace(None);
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = current.take() {
            old.finish_and_clear();
        }
        *current = bar;
    }

    fn advance(&self, position: u16, total: u16) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = current.as_ref() {
            bar.set_length(u64::from(total));
            bar.set_position(u64::from(position));
        }
    }
}

impl Progress for Bars {
    fn on_event(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::Started(phase) => {
                self.replace(Some(self.reporter.spinner(phase.label())));
            }
            ProgressEvent::Finished(phase, time) => {
                self.replace(None);
                if self.verbose {
                    self.reporter.field(phase.label(), duration(time));
                }
            }
            ProgressEvent::Registered { digest, .. } if self.verbose => {
                self.reporter.field("transaction", digest);
            }
            ProgressEvent::Certified { digest } if self.verbose => {
                self.reporter.field("transaction", digest);
            }
            ProgressEvent::Uploaded { weight, total, .. } => self.advance(weight, total),
            ProgressEvent::Confirmed { weight, needed, .. } => self.advance(weight, needed),
            ProgressEvent::SliversRead { got, needed } => self.advance(got, needed),
            _ => {}
        }
    }
}
