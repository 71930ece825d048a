//! Place in the event stream: what comes next, by position and by index.

use walrus_service::follow::Cursor;
use walrus_sui::{event_blobs::Element, event_stream::StreamItem, events::EventPosition};

/// Where the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The next position.
    pub(super) next: EventPosition,
    /// The index of the next element.
    pub(super) index: u64,
    /// How many of the next events count already.
    repeated: u32,
    /// Whether nothing was processed yet, so that the beginning may be left out.
    pub(super) is_fresh: bool,
    /// Whether the last element was one of an event blob, and not the end of its checkpoint.
    pub(super) is_inside_checkpoint: bool,
}

impl Place {
    /// Behind what is processed, or where a node begins that has processed nothing.
    pub(crate) fn at(processed: Option<&Cursor>, begin: &Cursor) -> Self {
        let cursor = processed.unwrap_or(begin);
        let (next, repeated) = cursor.resume();
        Self {
            next,
            index: cursor.next_index,
            repeated,
            is_fresh: processed.is_none(),
            is_inside_checkpoint: false,
        }
    }

    /// Goes on behind an element of an event blob.
    pub(super) fn behind_element(&mut self, element: &Element) {
        self.index = element.index.saturating_add(1);
        self.repeated = 0;
        self.is_fresh = false;
        self.is_inside_checkpoint = !element.is_boundary();
        if element.is_boundary() {
            self.next = EventPosition::after_checkpoint(element.checkpoint);
        }
    }

    /// Goes on with a later element, the first of a checkpoint.
    pub(super) fn leave_out(&mut self, index: u64, checkpoint: u64) {
        self.index = index;
        self.next = EventPosition::at_checkpoint(checkpoint);
    }

    /// Goes on behind what came from the chain.
    pub(super) fn behind(&mut self, item: &StreamItem) {
        match item {
            StreamItem::Event { position, .. } => {
                self.next = position.next();
                if self.repeated > 0 {
                    self.repeated = self.repeated.saturating_sub(1);
                    return;
                }
            }
            StreamItem::Watermark { checkpoint, .. } => {
                self.next = EventPosition::after_checkpoint(*checkpoint);
                self.repeated = 0;
            }
            _ => return,
        }
        self.index = self.index.saturating_add(1);
        self.is_fresh = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(checkpoint: u64, event_index: u32) -> StreamItem {
        StreamItem::Malformed {
            position: EventPosition {
                checkpoint,
                transaction_index: 0,
                event_index,
            },
            reason: String::new(),
        }
    }

    fn watermark(checkpoint: u64) -> StreamItem {
        StreamItem::Watermark {
            checkpoint,
            timestamp_ms: 0,
            latest: checkpoint,
        }
    }

    #[test]
    fn a_place_moves_with_what_counts() {
        let begin = Cursor::at_checkpoint(7);
        let mut place = Place::at(None, &begin);
        assert!(place.is_fresh);
        place.behind(&event(7, 0));
        assert_eq!(place.index, 0, "what cannot be processed does not count");
        place.behind(&watermark(7));
        assert_eq!(
            (place.index, place.next),
            (1, EventPosition::at_checkpoint(8))
        );
        assert!(!place.is_fresh);
    }

    #[test]
    fn what_was_replayed_in_part_is_read_again_and_counts_once() {
        let cursor = Cursor {
            next_index: 40,
            ..Cursor::at_checkpoint(9)
        };
        let cursor = cursor.behind_element(9, 0).behind_element(9, 1);
        let mut place = Place::at(Some(&cursor), &Cursor::default());
        assert_eq!(place.next, EventPosition::at_checkpoint(9));
        assert_eq!((place.index, place.repeated), (42, 2));
        place.behind(&watermark(9));
        assert_eq!((place.index, place.repeated), (43, 0));
    }
}
