//! Archive of patches: POSIX tar, as a stream.
//!
//! Whatever patches are called, nothing in the archive leads out of the directory that it is unpacked into: names go through
//! [`ArchiveNames`], and there are no links. The same patches are the same bytes: there are no times and no owners.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use tar::{Builder, EntryType, Header};

/// Bytes of a block.
const BLOCK: usize = 512;
/// Most parts of a name; the last one then has the rest.
const DEPTH: usize = 64;
/// Longest name that the plain head has, in bytes; a longer one, or one of other characters, is an extended record (POSIX.1-2001).
const PLAIN_NAME: usize = 100;
/// The extended record of what a patch is called whose name is another in the archive, percent-encoded.
const IDENTIFIER: &str = "WALRUS.identifier";

/// A patch that goes into an archive.
pub struct ArchivedPatch<E> {
    /// Its name.
    pub identifier: String,
    /// Its bytes.
    pub length: u64,
    /// These; exactly so many.
    pub bytes: BoxStream<'static, Result<Bytes, E>>,
}

/// What patches are called in an archive.
///
/// A name is kept if it is a relative path without `.`, `..`, empty parts, backslashes, control characters and drive letters. Otherwise
/// these are percent-encoded. Where a name, or a directory above it, was that of a file before, it gets a number.
#[derive(Debug, Default)]
pub struct ArchiveNames {
    /// Hashes of names of files, and of directories above them. A collision costs a name its looks.
    files: HashSet<u64>,
    directories: HashSet<u64>,
    /// How often a name was wanted.
    wanted: HashMap<u64, u32>,
}

impl ArchiveNames {
    /// What the next patch is called, which is `identifier`.
    pub fn name(&mut self, identifier: &str) -> String {
        let mut parts: Vec<_> = identifier
            .splitn(DEPTH, '/')
            .enumerate()
            .map(part)
            .collect();
        let last = parts.pop().unwrap_or_default();
        let mut name = String::new();
        for part in parts {
            let start = name.len();
            name.push_str(&part);
            let mut times: u32 = 1;
            while self.files.contains(&hash(&name)) {
                times = times.saturating_add(1);
                name.truncate(start);
                name.push_str(&format!("{part}%{times}"));
            }
            self.directories.insert(hash(&name));
            name.push('/');
        }
        let start = name.len();
        name.push_str(&last);
        let times = self.wanted.entry(hash(&name)).or_insert(1);
        while self.directories.contains(&hash(&name)) || !self.files.insert(hash(&name)) {
            *times = times.saturating_add(1);
            name.truncate(start);
            name.push_str(&format!("{last}%{times}"));
        }
        name
    }
}

/// The same for the same text, always.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A part of a name that is one below a directory.
fn part((place, part): (usize, &str)) -> String {
    if part.is_empty() {
        return "%2F".to_owned();
    }
    if matches!(part, "." | "..") {
        return part.replace('.', "%2E");
    }
    let is_drive = place == 0 && part.as_bytes().get(1) == Some(&b':');
    percent_encoded(part, |character| {
        character.is_control() || matches!(character, '\\' | '/') || (is_drive && character == ':')
    })
}

/// A text with some of its characters percent-encoded.
fn percent_encoded(text: &str, is_encoded: impl Fn(char) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        if is_encoded(character) {
            let mut utf8 = [0; 4];
            for byte in character.encode_utf8(&mut utf8).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        } else {
            encoded.push(character);
        }
    }
    encoded
}

/// An archive of patches, in their order. An error of one ends it.
pub fn archive<E: From<io::Error> + Send + 'static>(
    patches: impl Stream<Item = Result<ArchivedPatch<E>, E>> + Send + 'static,
) -> BoxStream<'static, Result<Bytes, E>> {
    let mut names = ArchiveNames::default();
    let entries = patches.map(move |patch| {
        let patch = patch?;
        let name = names.name(&patch.identifier);
        let head = head(&patch.identifier, &name, patch.length)?;
        Ok::<_, E>(entry(head, patch))
    });
    let end = stream::iter([Ok(Bytes::from_static(&[0; 2 * BLOCK]))]);
    entries.try_flatten().chain(end).boxed()
}

/// Head, bytes, and what fills the last block.
fn entry<E: From<io::Error> + Send + 'static>(
    head: Bytes,
    patch: ArchivedPatch<E>,
) -> impl Stream<Item = Result<Bytes, E>> + Send {
    let ArchivedPatch {
        identifier,
        length,
        bytes,
    } = patch;
    let counted = stream::try_unfold((bytes, length), move |(mut bytes, left)| {
        let identifier = identifier.clone();
        async move {
            let Some(piece) = bytes.try_next().await? else {
                return match left {
                    0 => Ok(None),
                    _ => Err(changed(&identifier).into()),
                };
            };
            match left.checked_sub(piece.len() as u64) {
                Some(left) => Ok(Some((piece, (bytes, left)))),
                None => Err(changed(&identifier).into()),
            }
        }
    });
    let over = usize::try_from(length % BLOCK as u64).unwrap_or_default();
    let filling = Bytes::from_static(&[0; BLOCK]).slice(..(BLOCK - over) % BLOCK);
    let filling = stream::iter((!filling.is_empty()).then_some(Ok(filling)));
    stream::iter([Ok(head)]).chain(counted).chain(filling)
}

fn changed(identifier: &str) -> io::Error {
    io::Error::other(format!(
        "the patch {identifier:?} has another length than its head says"
    ))
}

/// The head of an entry, with extended records if it needs them.
fn head(identifier: &str, name: &str, length: u64) -> io::Result<Bytes> {
    let mut builder = Builder::new(Vec::new());
    let is_plain = name.len() <= PLAIN_NAME && name.is_ascii();
    // Without line ends: some readers take a record for a line.
    let original = percent_encoded(identifier, |character| {
        character.is_control() || character == '%'
    });
    let mut records = Vec::new();
    if !is_plain {
        records.push(("path", name.as_bytes()));
    }
    if identifier != name {
        records.push((IDENTIFIER, original.as_bytes()));
    }
    if !records.is_empty() {
        builder.append_pax_extensions(records)?;
    }
    let mut header = Header::new_ustar();
    if is_plain {
        header.set_path(name)?;
    } else {
        // For who does not know extended records: what there is room for, as one name.
        let letters = name.chars().map(|character| match character {
            '0'..='9' | 'A'..='Z' | 'a'..='z' => character,
            _ => '_',
        });
        header.set_path(letters.take(PLAIN_NAME).collect::<String>())?;
    }
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(length);
    header.set_cksum();
    builder.get_mut().extend_from_slice(header.as_bytes());
    let mut bytes = builder.into_inner()?;
    // Its end is that of the whole archive.
    bytes.truncate(bytes.len().saturating_sub(2 * BLOCK));
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn patch(identifier: &str, content: &[u8]) -> ArchivedPatch<io::Error> {
        let pieces: Vec<_> = content
            .chunks(7)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        ArchivedPatch {
            identifier: identifier.to_owned(),
            length: content.len() as u64,
            bytes: stream::iter(pieces).boxed(),
        }
    }

    async fn archived(patches: Vec<ArchivedPatch<io::Error>>) -> io::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = archive(stream::iter(patches.into_iter().map(Ok)))
            .try_collect()
            .await?;
        Ok(pieces.concat())
    }

    /// Names, contents, and what the patches were called.
    fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>, Option<String>)> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().entry_type(), EntryType::Regular);
            let mut identifier = None;
            if let Some(records) = entry.pax_extensions().unwrap() {
                for record in records.map(Result::unwrap) {
                    if record.key() == Ok(IDENTIFIER) {
                        identifier = Some(record.value().unwrap().to_owned());
                    }
                }
            }
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content, identifier)
        });
        entries.collect()
    }

    #[tokio::test]
    async fn patches_come_back_from_an_archive() {
        let long = format!("{}/{}", "d".repeat(200), "f".repeat(300));
        let names = ["a.txt", "d/b.txt", "größe", &long, "empty"];
        let contents = [&b"one"[..], &[7; 512], &[8; 513], &[9; 1000], b""];
        let patches = names
            .iter()
            .zip(contents)
            .map(|(name, content)| patch(name, content));
        let bytes = archived(patches.collect()).await.unwrap();
        assert_eq!(bytes.len() % BLOCK, 0);
        let expected: Vec<_> = names
            .iter()
            .zip(contents)
            .map(|(name, content)| ((*name).to_owned(), content.to_vec(), None))
            .collect();
        assert_eq!(unpacked(&bytes), expected);
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_directory() {
        let hostile = [
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            "a/../../b",
            "a//b",
            "a/",
            ".",
            "",
            "c:\\windows",
            "..\\x",
            "two\nlines",
            "nul\0",
            "same%2",
            "same",
            "same",
            "same/below",
            "a",
        ];
        let patches = hostile.iter().map(|name| patch(name, name.as_bytes()));
        let bytes = archived(patches.collect()).await.unwrap();
        let found = unpacked(&bytes);
        let names: Vec<_> = found.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "%2E%2E",
                "%2E%2E%2/%2E%2E/etc/passwd",
                "%2F/etc/passwd",
                "a/%2E%2E/%2E%2E/b",
                "a/%2F/b",
                "a/%2F%2",
                "%2E",
                "%2F%2",
                "c%3A%5Cwindows",
                "..%5Cx",
                "two%0Alines",
                "nul%00",
                "same%2",
                "same",
                "same%3",
                "same%4/below",
                "a%2",
            ]
        );
        for ((_, content, identifier), name) in found.iter().zip(hostile) {
            assert_eq!(content, name.as_bytes());
            let original = name
                .replace('%', "%25")
                .replace('\n', "%0A")
                .replace('\0', "%00");
            match identifier {
                Some(identifier) => assert_eq!(*identifier, original),
                None => assert!(matches!(name, "same" | "same%2")),
            }
        }
        // Unpacked, they are all below the directory, and nothing is beside it.
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        tar::Archive::new(&bytes[..]).unpack(&root).unwrap();
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
        assert!(root.join("%2F/etc/passwd").is_file());
    }

    #[test]
    fn a_name_of_many_parts_has_as_many_as_there_may_be() {
        let mut names = ArchiveNames::default();
        let name = names.name(&"/".repeat(65_000));
        assert_eq!(name.split('/').count(), DEPTH);
        assert_eq!(names.directories.len(), DEPTH - 1);
    }

    #[tokio::test]
    async fn a_patch_of_another_length_ends_the_archive() {
        for length in [2, 4] {
            let patch = ArchivedPatch {
                length,
                ..patch("a", b"one")
            };
            let error = archived(vec![patch]).await.unwrap_err().to_string();
            assert!(error.contains("\"a\""), "{error}");
        }
    }
}
