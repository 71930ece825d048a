//! Invocation: how this program is called from any folder, for commands that are printed to be tried.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The name of the program.
const NAME: &str = "walrus";

/// `walrus` if a shell finds this very program under that name, else its path.
pub(crate) fn program() -> String {
    let found = env::var_os("PATH").and_then(|path| first_in(env::split_paths(&path)));
    match env::current_exe().and_then(|path| path.canonicalize()) {
        Ok(this) if found.as_deref() != Some(&this) => quoted(&this),
        _ => NAME.to_owned(),
    }
}

/// The program that a shell takes, from folders that are the same ones everywhere.
fn first_in(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let mut candidates = folders
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(NAME));
    let found = candidates.find(|candidate| candidate.is_file())?;
    found.canonicalize().ok()
}

/// A path as one word of a POSIX shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if text.chars().all(is_plain) && !text.is_empty() {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn paths_are_one_word_each() {
        for (path, word) in [
            ("/usr/bin/walrus", "/usr/bin/walrus"),
            ("/home/a b/net", "'/home/a b/net'"),
            ("/it's", r"'/it'\''s'"),
            ("/$HOME", "'/$HOME'"),
            ("/größe", "'/größe'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }

    #[test]
    fn the_first_of_the_absolute_folders_counts() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str| {
            let folder = folder.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(NAME), b"").unwrap();
            folder.canonicalize().unwrap()
        };
        let (one, other) = (program("one"), program("other"));
        let absent = folder.path().join("absent");
        let path = |folders: &[&Path]| {
            let folders: Vec<_> = folders.iter().map(|folder| folder.to_path_buf()).collect();
            first_in(folders.into_iter())
        };
        assert_eq!(path(&[&absent, &other, &one]), Some(other.join(NAME)));
        assert_eq!(path(&[Path::new("."), &one]), Some(one.join(NAME)));
        assert_eq!(path(&[&absent]), None);
    }
}
