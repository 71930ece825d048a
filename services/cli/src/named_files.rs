//! Files of a quilt on their way in and out: what they are called, and where a name may lead.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail, ensure};

use crate::{
    args::QuiltBlob,
    report::{count, say},
};

/// Most files of a directory that are stored at once.
const MAX_FILES: usize = 10_000;

/// A file that is to be a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) path: PathBuf,
    pub(crate) identifier: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Files by their names, and those in directories by their paths below them; at most so many.
///
/// # Errors
/// If something cannot be read, or there are more.
pub(crate) fn of_paths(paths: &[PathBuf], most: usize) -> anyhow::Result<Vec<NamedFile>> {
    let mut files = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path);
        let metadata = metadata.with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            walk(path, path, most, &mut files)?;
        } else {
            let name = path.file_name().map(Path::new);
            add(&mut files, path, name.unwrap_or(path), most)?;
        }
    }
    ensure!(!files.is_empty(), "there are no files in the directories");
    Ok(files)
}

/// Files, and those in directories, in the order of their names; whatever is no directory as it was given.
///
/// # Errors
/// If a directory cannot be read, or has more files than are stored at once.
pub(crate) fn below(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut below = Vec::new();
            walk(path, path, MAX_FILES, &mut below)?;
            files.extend(below.into_iter().map(|file| file.path));
        } else {
            files.push(path.clone());
        }
    }
    ensure!(!files.is_empty(), "there are no files in the directories");
    Ok(files)
}

/// Files that were given with names and tags.
pub(crate) fn of_blobs(blobs: Vec<QuiltBlob>) -> Vec<NamedFile> {
    let named = blobs.into_iter().enumerate();
    named
        .map(|(index, blob)| {
            let name = blob.path.file_name().map(Path::new);
            let identifier = blob.identifier;
            NamedFile {
                identifier: identifier
                    .unwrap_or_else(|| name_of(name.unwrap_or(&blob.path), index)),
                path: blob.path,
                tags: blob.tags,
            }
        })
        .collect()
}

/// Adds all files below a directory, in the order of their names.
fn walk(
    top: &Path,
    directory: &Path,
    most: usize,
    files: &mut Vec<NamedFile>,
) -> anyhow::Result<()> {
    let unreadable = || format!("cannot read {}", directory.display());
    let entries = fs::read_dir(directory).with_context(unreadable)?;
    let entries: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut entries = entries.with_context(unreadable)?;
    entries.sort();
    for path in entries {
        let unreadable = || format!("cannot read {}", path.display());
        let is_link = fs::symlink_metadata(&path)
            .with_context(unreadable)?
            .is_symlink();
        let is_directory = fs::metadata(&path).with_context(unreadable)?.is_dir();
        match (is_directory, is_link) {
            (true, true) => say(format_args!(
                "Note: {} is a link to a directory and left out",
                path.display()
            )),
            (true, false) => walk(top, &path, most, files)?,
            (false, _) => {
                let below = path.strip_prefix(top).unwrap_or(&path);
                add(files, &path, below, most)?;
            }
        }
    }
    Ok(())
}

fn add(files: &mut Vec<NamedFile>, path: &Path, name: &Path, most: usize) -> anyhow::Result<()> {
    let index = files.len();
    ensure!(
        index < most,
        "there are more than {}, the most that are stored together; name directories with fewer",
        count(most as u64, "file")
    );
    files.push(NamedFile {
        path: path.to_owned(),
        identifier: name_of(name, index),
        tags: BTreeMap::new(),
    });
    Ok(())
}

/// What a file is called; one whose name is no text, by its number.
fn name_of(path: &Path, index: usize) -> String {
    let parts: Option<Vec<_>> = path.iter().map(|part| part.to_str()).collect();
    parts.map_or_else(|| format!("unnamed-blob-{index}"), |parts| parts.join("/"))
}

/// A directory into which patches are written. No name leads out of it, and no two patches are one file: as in an archive, what comes
/// later gets a number where the earlier ones are in its way.
#[derive(Debug)]
pub(crate) struct PatchDirectory {
    root: PathBuf,
    /// What is to be written, and the directories above it.
    files: BTreeSet<PathBuf>,
    directories: BTreeSet<PathBuf>,
    /// How often a name was wanted.
    wanted: BTreeMap<PathBuf, u32>,
}

impl PatchDirectory {
    /// Makes the directory, unless it is there. It may be behind a link; whoever named it chose that.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(crate) fn create(root: &Path) -> anyhow::Result<Self> {
        let unwritable = || format!("cannot write to {}", root.display());
        fs::create_dir_all(root).with_context(unwritable)?;
        Ok(Self {
            root: root.canonicalize().with_context(unwritable)?,
            files: BTreeSet::new(),
            directories: BTreeSet::new(),
            wanted: BTreeMap::new(),
        })
    }

    /// Where the patch of this name is to be written. Of a name that comes again the next ones get a number, and so does a directory that
    /// is called like a patch before it. Nothing is written yet.
    ///
    /// # Errors
    /// If the name is none of a file below the directory, or a link or a file is in the way.
    pub(crate) fn place(&mut self, identifier: &str) -> anyhow::Result<PathBuf> {
        let parts = parts(identifier)?;
        let (name, above) = parts.split_last().context("it is no name of a file")?;
        let mut directory = self.root.clone();
        let mut directories = Vec::with_capacity(above.len());
        for part in above {
            directory = self.free(&directory, part, |path| !self.files.contains(path));
            look_at_directory(&directory)?;
            directories.push(directory.clone());
        }
        let wanted = directory.join(name);
        let times = self.wanted.get(&wanted).copied().unwrap_or(0);
        let is_free = |path: &Path| !self.files.contains(path) && !self.directories.contains(path);
        let (path, times) = numbers_from(times.saturating_add(1))
            .map(|times| (directory.join(numbered(name, times)), times))
            .find(|(path, _)| is_free(path))
            .context("there are too many patches of this name")?;
        if let Ok(found) = fs::symlink_metadata(&path)
            && !found.is_file()
        {
            bail!("{} is there and no file", path.display());
        }
        self.wanted.insert(wanted, times);
        self.directories.extend(directories);
        self.files.insert(path.clone());
        Ok(path)
    }

    /// The first of `name`, `name_2` … in a directory that is free.
    fn free(&self, directory: &Path, name: &str, is_free: impl Fn(&Path) -> bool) -> PathBuf {
        let mut paths = numbers_from(1).map(|times| directory.join(numbered(name, times)));
        let found = paths.find(|path| is_free(path));
        found.unwrap_or_else(|| directory.join(name))
    }

    /// Makes the directories above a place.
    ///
    /// # Errors
    /// If something else is in the way, or whatever the system says.
    pub(crate) fn make_way(&self, place: &Path) -> anyhow::Result<()> {
        let below = place.strip_prefix(&self.root)?;
        let mut directory = self.root.clone();
        let parts = below.parent().into_iter().flat_map(Path::components);
        for part in parts {
            directory.push(part);
            make_directory(&directory)?;
        }
        Ok(())
    }
}

fn numbers_from(first: u32) -> impl Iterator<Item = u32> {
    first..=u32::MAX
}

/// The parts of a name, if each of them is one below a directory.
fn parts(identifier: &str) -> anyhow::Result<Vec<&str>> {
    let parts: Vec<&str> = identifier.split('/').collect();
    for part in &parts {
        let mut components = Path::new(part).components();
        let is_name = matches!(components.next(), Some(Component::Normal(name)) if name == *part);
        ensure!(
            is_name && components.next().is_none() && !part.contains('\0'),
            "the name {identifier:?} leads out of the directory or is none of a file"
        );
    }
    Ok(parts)
}

/// Whether a directory is there, and not over a link.
fn look_at_directory(directory: &Path) -> anyhow::Result<bool> {
    match fs::symlink_metadata(directory) {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(_) => bail!("{} is there and no directory", directory.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", directory.display())),
    }
}

/// A directory that is there, and not over a link.
fn make_directory(directory: &Path) -> anyhow::Result<()> {
    if look_at_directory(directory)? {
        return Ok(());
    }
    fs::create_dir(directory).with_context(|| format!("cannot make {}", directory.display()))
}

/// `photo.jpg`, then `photo_2.jpg`.
fn numbered(name: &str, times: u32) -> String {
    let path = Path::new(name);
    match (
        times,
        path.file_stem().and_then(|stem| stem.to_str()),
        path.extension(),
    ) {
        (1, _, _) => name.to_owned(),
        (times, Some(stem), Some(extension)) => {
            format!("{stem}_{times}.{}", extension.display())
        }
        (times, _, _) => format!("{name}_{times}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_by_their_path_below_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let photos = home.path().join("photos");
        fs::create_dir_all(photos.join("2024/summer")).unwrap();
        for name in ["sea.jpg", "2024/sea.jpg", "2024/summer/sea.jpg"] {
            fs::write(photos.join(name), name).unwrap();
        }
        fs::write(home.path().join("note"), "note").unwrap();
        std::os::unix::fs::symlink(&photos, photos.join("again")).unwrap();
        let paths = [photos.clone(), home.path().join("note")];
        let names = |most| {
            let files = of_paths(&paths, most);
            files.map(|files| {
                files
                    .into_iter()
                    .map(|file| file.identifier)
                    .collect::<Vec<_>>()
            })
        };
        let expected = ["2024/sea.jpg", "2024/summer/sea.jpg", "sea.jpg", "note"];
        assert_eq!(names(4).unwrap(), expected);
        assert!(names(3).unwrap_err().to_string().contains("3 files"));
        let absent = of_paths(&[home.path().join("absent")], 4).unwrap_err();
        assert!(absent.to_string().contains("absent"));
        let empty = tempfile::tempdir().unwrap();
        assert!(of_paths(&[empty.path().to_owned()], 4).is_err());
    }

    #[test]
    fn a_name_that_is_no_text_is_a_number() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let name = Path::new(OsStr::from_bytes(b"\xff.jpg"));
        assert_eq!(name_of(name, 7), "unnamed-blob-7");
        let blob = QuiltBlob {
            path: "dir/a.txt".into(),
            identifier: None,
            tags: BTreeMap::new(),
        };
        let letter = QuiltBlob {
            identifier: Some("letter".to_owned()),
            ..blob.clone()
        };
        let named = of_blobs(vec![blob, letter]);
        assert_eq!(
            (named[0].identifier.as_str(), named[1].identifier.as_str()),
            ("a.txt", "letter")
        );
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let outside = home.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "untouched").unwrap();
        let mut directory = PatchDirectory::create(&home.path().join("made/out")).unwrap();
        let root = directory.root.clone();
        std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
        std::os::unix::fs::symlink(outside.join("file"), root.join("file")).unwrap();
        fs::write(root.join("taken"), "").unwrap();
        for name in [
            "..",
            ".",
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./x",
            "a//b",
            "a/",
            "/",
            "link/x",
            "link",
            "file",
            "taken/x",
            "a\0b",
        ] {
            assert!(directory.place(name).is_err(), "{name:?}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(
            fs::read_to_string(outside.join("file")).unwrap(),
            "untouched"
        );
        for name in [
            "x",
            "2024/summer/sea.jpg",
            "..x",
            "a\\b",
            "taken",
            " x",
            "x\n",
        ] {
            let path = directory.place(name).unwrap();
            assert_eq!(path, root.join(name));
            directory.make_way(&path).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn a_name_that_comes_again_gets_a_number() {
        let home = tempfile::tempdir().unwrap();
        let mut directory = PatchDirectory::create(home.path()).unwrap();
        let mut place = |name: &str| {
            let path = directory.place(name).unwrap();
            path.strip_prefix(&directory.root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let placed = ["a.tar.gz", "a.tar.gz", "d/b", "d/b", "d/b", ".c", ".c"].map(&mut place);
        assert_eq!(
            placed,
            [
                "a.tar.gz",
                "a.tar_2.gz",
                "d/b",
                "d/b_2",
                "d/b_3",
                ".c",
                ".c_2"
            ]
        );
    }

    #[test]
    fn no_two_patches_are_one_file_and_nothing_is_written_until_then() {
        let home = tempfile::tempdir().unwrap();
        let mut directory = PatchDirectory::create(home.path()).unwrap();
        for (name, place) in [
            ("a", "a"),
            ("a/b", "a_2/b"),
            ("a/c", "a_2/c"),
            ("x/y", "x/y"),
            ("x", "x_2"),
            ("n", "n"),
            ("n", "n_2"),
            ("n_2", "n_2_2"),
            ("n", "n_3"),
            ("a_2", "a_2_2"),
        ] {
            let path = directory.place(name).unwrap();
            assert_eq!(path, directory.root.join(place), "{name}");
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        for place in ["a", "a_2/b", "x/y", "x_2"] {
            let path = directory.root.join(place);
            directory.make_way(&path).unwrap();
            fs::write(path, "").unwrap();
        }
        // Somebody was quicker.
        fs::write(home.path().join("z"), "").unwrap();
        assert!(directory.make_way(&directory.root.join("z/y")).is_err());
    }
}
