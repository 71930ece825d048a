//! `~` in paths that no shell has seen: those of configuration files, of wallets and of commands given as JSON.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A path begins with `~`, and nobody knows where the home directory is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no home directory for {path}: set HOME, or write the path in full", path = path.display())]
pub struct NoHome {
    /// The path as it was written.
    pub path: PathBuf,
}

/// Paths, and what holds them.
pub trait Expand: Sized {
    /// The same with `~` and `~/…` in the home directory. A name that merely begins with `~` stays what it is.
    ///
    /// # Errors
    /// [`NoHome`].
    fn expand(self) -> Result<Self, NoHome>;
}

impl Expand for PathBuf {
    fn expand(self) -> Result<Self, NoHome> {
        let Ok(below) = self.strip_prefix("~") else {
            return Ok(self);
        };
        match std::env::home_dir().filter(|home| !home.as_os_str().is_empty()) {
            // Joining nothing would add a separator.
            Some(home) if below.as_os_str().is_empty() => Ok(home),
            Some(home) => Ok(home.join(below)),
            None => Err(NoHome { path: self }),
        }
    }
}

impl<T: Expand> Expand for Option<T> {
    fn expand(self) -> Result<Self, NoHome> {
        self.map(T::expand).transpose()
    }
}

impl<T: Expand> Expand for Vec<T> {
    fn expand(self) -> Result<Self, NoHome> {
        self.into_iter().map(T::expand).collect()
    }
}

/// Reads a path of a file: for `#[serde(deserialize_with = …)]` on every field that holds one.
///
/// # Errors
/// Those of the deserializer, and [`NoHome`].
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Expand + Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer)?
        .expand()
        .map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tilde_of_its_own_is_the_home_directory() {
        let home = std::env::home_dir().unwrap();
        let expanded = |text: &str| PathBuf::from(text).expand().unwrap();
        assert_eq!(expanded("~/a/b"), home.join("a/b"));
        assert_eq!(expanded("~"), home);
        assert_eq!(expanded("~/"), home);
        for same in ["", "a/~/b", "~user/a", "~a", "/~", "./~", "a~"] {
            assert_eq!(expanded(same), PathBuf::from(same));
        }
        assert_eq!(None::<PathBuf>.expand(), Ok(None));
    }
}
