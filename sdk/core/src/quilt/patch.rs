//! Head of a patch: what stands before its data (encoding spec 6.2).

use super::{Identifier, QUILT_VERSION, QuiltError, Tags};
use crate::bounded_bcs;

/// Bytes before the body: version, length of the body and mask.
pub(super) const HEADER: usize = 6;
/// Bytes of a length in the body.
const LENGTH: usize = 2;
/// The bit of the mask that says that there are tags.
const HAS_TAGS: u8 = 1;

/// Most bytes before the data of a patch.
pub const MAX_PATCH_HEAD: usize = HEADER + 2 * (LENGTH + 65_535);

/// What a patch says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchHead {
    /// Its name.
    pub identifier: String,
    /// Its tags.
    pub tags: Tags,
    /// Where the data begin, in bytes from the start of the patch.
    pub data_offset: usize,
    /// Length of the data in bytes.
    pub data_length: u64,
}

/// What was found out from the first bytes of a patch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The head.
    Head(PatchHead),
    /// It takes more bytes than there are.
    NeedsMore,
}

/// The bytes before `data_length` bytes of data; `None` if the body has more bytes than 32 bits can say.
pub(super) fn write(identifier: &Identifier, tags: &Tags, data_length: u64) -> Option<Vec<u8>> {
    let mut parts = vec![bounded_bcs::to_bytes(&identifier.as_str())];
    if !tags.is_empty() {
        parts.push(tags.to_bcs());
    }
    let mut fields = Vec::new();
    for part in &parts {
        fields.extend_from_slice(&u16::try_from(part.len()).ok()?.to_le_bytes());
        fields.extend_from_slice(part);
    }
    let body = u32::try_from(data_length.checked_add(fields.len() as u64)?).ok()?;
    let mask = if tags.is_empty() { 0 } else { HAS_TAGS };
    Some([&[QUILT_VERSION], &body.to_le_bytes()[..], &[mask], &fields].concat())
}

/// Reads the head from the first bytes of a patch in columns of `available` bytes.
pub(super) fn parse(bytes: &[u8], available: u64) -> Result<Parsed, QuiltError> {
    let Some(([version, length @ .., mask], body)) = bytes.split_first_chunk::<HEADER>() else {
        return match bytes.first() {
            Some(version) if *version != QUILT_VERSION => Err(wrong_version(*version)),
            _ => Ok(Parsed::NeedsMore),
        };
    };
    if *version != QUILT_VERSION {
        return Err(wrong_version(*version));
    }
    let length = u64::from(u32::from_le_bytes(*length));
    let whole = length.saturating_add(HEADER as u64);
    if whole > available {
        return Err(QuiltError::PatchTooLong {
            length: whole,
            available,
        });
    }
    let mut fields = Fields {
        body,
        at: 0,
        length,
    };
    let Some(identifier) = fields.next("identifier")? else {
        return Ok(Parsed::NeedsMore);
    };
    let tags = match mask & HAS_TAGS {
        0 => Tags::default(),
        _ => match fields.next("tags")? {
            Some(tags) => tags,
            None => return Ok(Parsed::NeedsMore),
        },
    };
    Ok(Parsed::Head(PatchHead {
        identifier,
        tags,
        data_offset: HEADER.saturating_add(fields.at),
        data_length: length.saturating_sub(fields.at as u64),
    }))
}

fn wrong_version(version: u8) -> QuiltError {
    QuiltError::Version {
        part: "patch",
        version,
    }
}

/// Fields of a body, each with its length before it.
struct Fields<'a> {
    /// As much of the body as there is.
    body: &'a [u8],
    at: usize,
    /// Bytes of the whole body.
    length: u64,
}

impl Fields<'_> {
    /// The next field; `None` if there are not enough bytes yet.
    fn next<T: serde::de::DeserializeOwned>(
        &mut self,
        part: &'static str,
    ) -> Result<Option<T>, QuiltError> {
        let start = self.at.saturating_add(LENGTH);
        self.fits(part, start)?;
        let rest = self.body.get(self.at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes(*length));
        let end = start.saturating_add(length);
        self.fits(part, end)?;
        let Some(bytes) = rest.get(..length) else {
            return Ok(None);
        };
        self.at = end;
        bounded_bcs::from_bytes_exact(bytes, length)
            .map(Some)
            .map_err(|error| QuiltError::PatchHead { part, error })
    }

    fn fits(&self, part: &'static str, end: usize) -> Result<(), QuiltError> {
        let (end, length) = (end as u64, self.length);
        match end <= length {
            true => Ok(()),
            false => Err(QuiltError::PatchHeadTooLong { part, end, length }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn head(tags: &[(&str, &str)], data_length: u64) -> Vec<u8> {
        let tags: BTreeMap<_, _> = tags
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        write(
            &Identifier::new("name").unwrap(),
            &Tags::new(tags).unwrap(),
            data_length,
        )
        .unwrap()
    }

    #[test]
    fn every_shorter_prefix_needs_more() {
        let bytes = head(&[("k", "v")], 10);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end], 1_000), Ok(Parsed::NeedsMore), "{end}");
        }
        let Ok(Parsed::Head(found)) = parse(&bytes, 1_000) else {
            panic!("no head");
        };
        assert_eq!(
            (found.identifier.as_str(), found.tags.get("k")),
            ("name", Some("v"))
        );
        assert_eq!((found.data_offset, found.data_length), (bytes.len(), 10));
    }

    #[test]
    fn a_body_that_does_not_fit_32_bits_is_none() {
        let (name, tags) = (Identifier::new("name").unwrap(), Tags::default());
        let most = u64::from(u32::MAX) - 7;
        assert!(write(&name, &tags, most).is_some());
        assert!(write(&name, &tags, most + 1).is_none());
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        let bytes = head(&[("k", "v")], 0);
        let whole = bytes.len() as u64;
        assert!(matches!(parse(&bytes, whole), Ok(Parsed::Head(_))));
        let too_long = QuiltError::PatchTooLong {
            length: whole,
            available: whole - 1,
        };
        assert_eq!(parse(&bytes, whole - 1), Err(too_long));
        for (place, value) in [(0, 2), (1, 4), (1, 9), (6, 40), (6, 4), (8, 200), (13, 9)] {
            let mut changed = bytes.clone();
            changed[place] = value;
            assert!(parse(&changed, 1_000).is_err(), "byte {place} = {value}");
        }
        // Bits of the mask that nobody knows yet are none of ours.
        let mut newer = bytes;
        newer[5] |= 0xfe;
        assert!(matches!(parse(&newer, 1_000), Ok(Parsed::Head(_))));
    }
}
