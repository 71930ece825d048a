//! Pace: what is measured of the events, one after the other. Node spec 5.8 and 6.4.

use std::time::Instant;

use walrus_service::follow::{Cursor, Event};

use crate::{
    metrics::{Metrics, event_type},
    snapshots::BeginningOfEpoch,
    storage::event_name::EventName,
};

/// Where the events are that are measured.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The event that is worked on: its label, and since when.
    current: Option<(&'static str, Instant)>,
    /// Element index of the next element.
    next_index: u64,
    /// The contract's events so far of the checkpoint; unknown when the node began in its middle.
    in_checkpoint: Option<u64>,
}

impl Pace {
    /// Events from `cursor` on.
    pub(crate) fn at(cursor: &Cursor) -> Self {
        // Events of which is known which one of the checkpoint is next are read from its beginning.
        let (next, processed) = cursor.resume();
        let at_beginning = next.transaction_index == 0 && next.event_index == 0;
        Self {
            current: None,
            next_index: cursor.next_index,
            in_checkpoint: at_beginning.then_some(u64::from(processed)),
        }
    }

    /// The place of the event that is worked on, which begins an epoch.
    pub(crate) fn beginning_of_epoch(&self, event: &Event) -> BeginningOfEpoch {
        BeginningOfEpoch {
            event: EventName {
                tx_digest: event.tx_digest,
                event_seq: event.sequence,
            },
            index: self.next_index,
            checkpoint: event.position.checkpoint,
            events_before: self.in_checkpoint,
        }
    }

    /// An event is begun with.
    pub(crate) fn begin(&mut self, metrics: &Metrics, event: &Event) {
        self.current = Some((event_type(&event.event), Instant::now()));
        let checkpoint = event.position.checkpoint;
        metrics.events.begun(checkpoint, self.next_index);
    }

    /// An event is done with, or the end of a checkpoint is reached while the chain is at `latest`.
    pub(crate) fn moved(&mut self, metrics: &Metrics, cursor: &Cursor, latest: Option<u64>) {
        let (label, begun) = match (self.current.take(), latest) {
            (Some((label, begun)), None) => (label, begun),
            _ => ("end-of-checkpoint", Instant::now()),
        };
        metrics.events.done(label, begun.elapsed());
        metrics.events.moved(cursor);
        let checkpoint = match latest {
            // The cursor is behind the end of the checkpoint.
            Some(_) => cursor.next.checkpoint.saturating_sub(1),
            None => cursor.next.checkpoint,
        };
        if let Some(counter) = self.in_checkpoint {
            let index = cursor.next_index.saturating_sub(1);
            metrics.checks.element(index, checkpoint, counter);
        }
        self.next_index = cursor.next_index;
        match latest {
            Some(latest) => {
                metrics.events.checkpoint(checkpoint, latest);
                self.in_checkpoint = Some(0);
            }
            None => self.in_checkpoint = self.in_checkpoint.map(|count| count.saturating_add(1)),
        }
    }
}
