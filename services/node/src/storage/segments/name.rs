//! Names of segment files: number, class and salt. All that is needed to read a file again without the index is in its name.

use walrus_core::Epoch;

use super::{class::NO_KNOWN_END, record::Salt};

const SUFFIX: &str = ".slivers";

/// What the name of a segment file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentName {
    /// Its number, which is unique within the shard.
    pub(crate) number: u32,
    /// Its expiry class.
    pub(crate) class: Epoch,
    /// Its salt; `None` for a file of the first format.
    pub(crate) salt: Option<Salt>,
}

impl SegmentName {
    /// The name: `0000000012-57-0123456789abcdef.slivers`, or `0000000012.slivers` in the first format.
    pub(crate) fn file_name(&self) -> String {
        let number = self.number;
        match self.salt {
            None => format!("{number:010}{SUFFIX}"),
            Some(salt) => {
                let salt = u64::from_be_bytes(salt);
                format!("{number:010}-{}-{salt:016x}{SUFFIX}", self.class)
            }
        }
    }

    /// What a name tells; `None` if it is not one of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(SUFFIX)?.splitn(3, '-');
        let number = parts.next()?.parse().ok()?;
        let parsed = match (parts.next(), parts.next()) {
            (None, _) => Self {
                number,
                class: NO_KNOWN_END,
                salt: None,
            },
            (Some(class), Some(salt)) => Self {
                number,
                class: class.parse().ok()?,
                salt: Some(u64::from_str_radix(salt, 16).ok()?.to_be_bytes()),
            },
            (Some(_), None) => return None,
        };
        // Others that would mean the same, as `1.slivers`, are not ours.
        (parsed.file_name() == name).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_not_ours() {
        let names = [
            SegmentName {
                number: 12,
                class: 57,
                salt: Some([0xa5; 8]),
            },
            SegmentName {
                number: u32::MAX,
                class: NO_KNOWN_END,
                salt: None,
            },
        ];
        for name in names {
            assert_eq!(SegmentName::parse(&name.file_name()), Some(name));
        }
        for other in [
            "1.slivers",
            "0000000001-5.slivers",
            "0000000001",
            "x.slivers",
            "0000000001-5-zz.slivers",
            "lost+found",
        ] {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
    }
}
