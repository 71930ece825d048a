//! Reading of event blobs, element by element, in little memory.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::{
    Element, HEADER_BYTES, Header, MAX_EVENT_BLOB_BYTES, TRAILER_BYTES,
    format::{FormatError, checkpoints, entry_head},
};

/// Why an event blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventBlobError {
    /// The bytes are not to be had.
    #[error("cannot read the event blob: {0}")]
    Io(#[from] io::Error),
    /// They are no event blob.
    #[error("at byte {offset}: {source}")]
    Format {
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: FormatError,
    },
    /// Shorter than any.
    #[error("{bytes} bytes are no event blob, which has {} at least", HEADER_BYTES + TRAILER_BYTES)]
    TooShort {
        /// How long.
        bytes: u64,
    },
    /// Longer than any.
    #[error("an event blob of {bytes} bytes, of at most {MAX_EVENT_BLOB_BYTES}")]
    TooLong {
        /// How long.
        bytes: u64,
    },
    /// Its elements do not follow each other.
    #[error(
        "element {index} of checkpoint {checkpoint} does not follow {expected_index} in checkpoints {first} to {last}"
    )]
    OutOfOrder {
        /// The element.
        index: u64,
        /// Its checkpoint.
        checkpoint: u64,
        /// The element that should have come.
        expected_index: u64,
        /// The first checkpoint that the blob may speak of here.
        first: u64,
        /// The last.
        last: u64,
    },
    /// It ends before its last checkpoint does.
    #[error("the event blob ends before checkpoint {last} does")]
    Unfinished {
        /// The last checkpoint that it names.
        last: u64,
    },
}

/// An event blob. Iterating gives its elements in order; what is wrong with one is given in its place, as the last item.
#[derive(Debug)]
pub struct EventBlob<R> {
    header: Header,
    first_checkpoint: u64,
    last_checkpoint: u64,
    reader: BufReader<R>,
    /// Where the next entry is.
    offset: u64,
    /// Where the entries end.
    end: u64,
    /// Index, checkpoint and counter of the next element, once one was read; and whether it may be of a later checkpoint.
    next: Option<Next>,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Next {
    index: u64,
    checkpoint: u64,
    counter: u64,
}

impl<R: Read + Seek> EventBlob<R> {
    /// Reads what is before and behind the elements.
    ///
    /// # Errors
    /// [`EventBlobError`].
    pub fn open(mut source: R) -> Result<Self, EventBlobError> {
        let bytes = source.seek(SeekFrom::End(0))?;
        if bytes > MAX_EVENT_BLOB_BYTES {
            return Err(EventBlobError::TooLong { bytes });
        }
        let end = bytes
            .checked_sub(TRAILER_BYTES as u64)
            .filter(|end| *end >= HEADER_BYTES as u64)
            .ok_or(EventBlobError::TooShort { bytes })?;
        let at = |offset| move |source| EventBlobError::Format { offset, source };
        let mut trailer = [0; TRAILER_BYTES];
        source.seek(SeekFrom::Start(end))?;
        source.read_exact(&mut trailer)?;
        let (first_checkpoint, last_checkpoint) = checkpoints(&trailer).map_err(at(end))?;
        let mut header = [0; HEADER_BYTES];
        source.seek(SeekFrom::Start(0))?;
        source.read_exact(&mut header)?;
        Ok(Self {
            header: Header::from_bytes(&header).map_err(at(0))?,
            first_checkpoint,
            last_checkpoint,
            reader: BufReader::new(source),
            offset: HEADER_BYTES as u64,
            end,
            next: None,
            failed: false,
        })
    }

    /// What it begins with.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The first checkpoint of which it has the elements, as it says.
    pub fn first_checkpoint(&self) -> u64 {
        self.first_checkpoint
    }

    /// The last.
    pub fn last_checkpoint(&self) -> u64 {
        self.last_checkpoint
    }

    fn read(&mut self) -> Result<Option<Element>, EventBlobError> {
        let left = self.end.saturating_sub(self.offset);
        if left == 0 {
            return self.finished();
        }
        let offset = self.offset;
        let at = |source| EventBlobError::Format { offset, source };
        let truncated = || at(FormatError::Truncated { what: "an entry" });
        let mut head = Vec::with_capacity(4);
        let (length, head_bytes) = loop {
            if let Some(known) = entry_head(&head).map_err(at)? {
                break known;
            }
            if head.len() as u64 >= left {
                return Err(truncated());
            }
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        };
        let entry_bytes = (head_bytes as u64).saturating_add(length as u64);
        if entry_bytes > left {
            return Err(truncated());
        }
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes)?;
        let element = Element::from_bytes(&bytes).map_err(|error| at(error.into()))?;
        self.follows(&element)?;
        self.offset = offset.saturating_add(entry_bytes);
        Ok(Some(element))
    }

    /// Makes sure that nothing is left out, or there twice.
    fn follows(&mut self, element: &Element) -> Result<(), EventBlobError> {
        let expected = self.next.unwrap_or(Next {
            index: element.index,
            checkpoint: self.first_checkpoint,
            counter: 0,
        });
        let follows = element.index == expected.index
            && element.checkpoint == expected.checkpoint
            && element.counter == expected.counter
            && element.checkpoint <= self.last_checkpoint;
        if !follows {
            return Err(EventBlobError::OutOfOrder {
                index: element.index,
                checkpoint: element.checkpoint,
                expected_index: expected.index,
                first: expected.checkpoint,
                last: self.last_checkpoint,
            });
        }
        let index = element.index.saturating_add(1);
        self.next = Some(if element.is_boundary() {
            Next {
                index,
                checkpoint: element.checkpoint.saturating_add(1),
                counter: 0,
            }
        } else {
            Next {
                index,
                checkpoint: element.checkpoint,
                counter: element.counter.saturating_add(1),
            }
        });
        Ok(())
    }

    fn finished(&self) -> Result<Option<Element>, EventBlobError> {
        let last = self.last_checkpoint;
        match self.next {
            Some(next) if next.counter == 0 && next.checkpoint == last.saturating_add(1) => {
                Ok(None)
            }
            _ => Err(EventBlobError::Unfinished { last }),
        }
    }
}

impl<R: Read + Seek> Iterator for EventBlob<R> {
    type Item = Result<Element, EventBlobError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read();
        self.failed = !matches!(item, Ok(Some(_)));
        item.transpose()
    }
}
