//! Seeds that once failed: each found a bug, and is run with every change.

/// A seed that found a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// The seed.
    pub seed: u64,
    /// What it found.
    pub found: &'static str,
}

const LIST: &str = include_str!("../seeds.txt");

/// Those of `seeds.txt`: a seed and a sentence a line; lines that begin with `#` are for people.
pub fn remembered() -> impl Iterator<Item = Remembered> {
    let lines = LIST.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| {
        let (seed, found) = line.split_once(' ')?;
        Some(Remembered {
            seed: seed.parse().ok()?,
            found: found.trim(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_a_seed_with_a_sentence() {
        let lines = LIST
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        assert_eq!(remembered().count(), lines.count());
        assert!(remembered().all(|seed| !seed.found.is_empty()));
    }
}
