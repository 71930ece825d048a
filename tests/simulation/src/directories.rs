//! Directories of a node: its disks, and what faults do to the files on them while it is down.

use std::{
    fmt, fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use walrus_core::{Epoch, ShardIndex};

use crate::{
    platter::Platter,
    sparse::{copy_tree, remove},
};

/// Where slivers are on a disk.
const SHARDS: &str = "shards";

/// The disks of a node, below one directory whose platter knows what is durable.
#[derive(Debug)]
pub(crate) struct Directories {
    pub(crate) platter: Arc<Platter>,
    /// The first has the tables as well.
    disks: Vec<PathBuf>,
    /// What is out of the node's reach.
    aside: PathBuf,
}

/// A further disk that is not mounted, or the copy of all disks.
#[derive(Debug)]
pub(crate) struct Aside(PathBuf);

/// A file that should have gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LeftOver {
    /// The end of what it holds has come.
    Ended(PathBuf),
    /// It is of a shard that the node has not had for an epoch or longer.
    Foreign(PathBuf),
}

impl Directories {
    /// So many disks, below `site`; everything that is there is taken for durable.
    pub(crate) fn new(site: &Path, node: u16, disks: usize, seed: u64) -> anyhow::Result<Self> {
        let node = node.to_string();
        let root = site.join("nodes").join(&node);
        let of_disk = |disk| root.join(format!("disk-{disk}"));
        // As a machine has the directories that its disks are mounted on.
        for disk in 0..disks {
            fs::create_dir_all(of_disk(disk))?;
        }
        let platter = Platter::new(root.clone(), site.join("platters").join(&node), seed)?;
        Ok(Self {
            disks: (0..disks).map(of_disk).collect(),
            aside: site.join("aside").join(&node),
            platter: Arc::new(platter),
        })
    }

    /// The disk that has the tables.
    pub(crate) fn first(&self) -> &Path {
        self.disks
            .first()
            .map_or(self.platter.root(), PathBuf::as_path)
    }

    /// The other disks.
    pub(crate) fn further(&self) -> &[PathBuf] {
        self.disks.get(1..).unwrap_or_default()
    }

    /// Where the database has its lock when the power has failed.
    pub(crate) fn lock_without_power(&self) -> PathBuf {
        let first = self.first().strip_prefix(self.platter.root());
        let first = first.unwrap_or(Path::new(""));
        self.platter.without_power().join(first).join("db/lock")
    }

    /// The end of what was being written when the node was killed: bytes that are no record, behind the last of some segment.
    pub(crate) fn tear(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(segment) = self.segments()?.pop() else {
            return Ok(());
        };
        let mut file = fs::OpenOptions::new().append(true).open(segment)?;
        Ok(file.write_all(bytes)?)
    }

    /// Loses all slivers, as disks that are replaced have.
    pub(crate) fn lose_slivers(&self) -> anyhow::Result<()> {
        for disk in &self.disks {
            remove(&disk.join(SHARDS))?;
        }
        self.settle()
    }

    /// Takes the last disk away; its directory is that which it was mounted on.
    pub(crate) fn unmount(&self) -> anyhow::Result<Aside> {
        let disk = self.further().last().context("it has one disk")?;
        let aside = self.aside.join("disk");
        remove(&aside)?;
        fs::create_dir_all(&self.aside)?;
        fs::rename(disk, &aside)?;
        fs::create_dir(disk)?;
        self.settle()?;
        Ok(Aside(aside))
    }

    /// The disk that was taken away is there again.
    pub(crate) fn mount(&self, disk: Aside) -> anyhow::Result<()> {
        let place = self.further().last().context("it has one disk")?;
        fs::remove_dir_all(place)?;
        fs::rename(disk.0, place)?;
        self.settle()
    }

    /// A copy of all that there is.
    pub(crate) fn back_up(&self) -> anyhow::Result<Aside> {
        let aside = self.aside.join("backup");
        remove(&aside)?;
        copy_tree(self.platter.root(), &aside)?;
        Ok(Aside(aside))
    }

    /// What was copied, in place of all that there is.
    pub(crate) fn restore(&self, backup: Aside) -> anyhow::Result<()> {
        remove(self.platter.root())?;
        fs::rename(backup.0, self.platter.root())?;
        self.settle()
    }

    /// Not even a failure of power brings back what is gone.
    fn settle(&self) -> anyhow::Result<()> {
        Ok(self.platter.settle()?)
    }

    /// All files of slivers, in order.
    fn segments(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut segments = Vec::new();
        for disk in &self.disks {
            find_files(&disk.join(SHARDS), &mut segments)?;
        }
        segments.sort();
        Ok(segments)
    }

    /// A file of slivers that should have gone by now; `own` are the shards that the node may have.
    pub(crate) fn left_over(
        &self,
        epoch: Epoch,
        own: &[ShardIndex],
    ) -> anyhow::Result<Option<LeftOver>> {
        let segments = self.segments()?.into_iter();
        Ok(segments
            .filter_map(|segment| LeftOver::of(segment, epoch, own))
            .next())
    }
}

impl fmt::Display for LeftOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(file) => write!(f, "{}, whose end has come", file.display()),
            Self::Foreign(file) => write!(f, "{}, of a shard of others", file.display()),
        }
    }
}

impl LeftOver {
    /// The directory of a file is named by the shard, and the file by its number, the first epoch without what it holds, and its salt.
    fn of(segment: PathBuf, epoch: Epoch, own: &[ShardIndex]) -> Option<Self> {
        let name = segment.file_name()?.to_str()?;
        let class: Epoch = name.split('-').nth(1)?.parse().ok()?;
        let shard = segment.parent()?.file_name()?.to_str()?.parse().ok()?;
        if class > 0 && class <= epoch {
            return Some(Self::Ended(segment));
        }
        (!own.contains(&ShardIndex(shard))).then_some(Self::Foreign(segment))
    }
}

/// All files below a directory.
fn find_files(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::scratch;

    /// Two disks with a file of slivers each.
    fn directories(site: &Path) -> Directories {
        let directories = Directories::new(site, 3, 2, 1).unwrap();
        for (disk, name) in directories.disks.iter().zip(["1-0-0a", "2-7-0b"]) {
            let shard = disk.join(SHARDS).join("5");
            fs::create_dir_all(&shard).unwrap();
            fs::write(shard.join(format!("{name}.slivers")), name).unwrap();
        }
        directories
    }

    #[test]
    fn a_disk_that_was_away_and_a_backup_are_as_they_were() {
        let site = scratch().unwrap();
        let directories = directories(site.path());
        let before = directories.segments().unwrap();
        let backup = directories.back_up().unwrap();

        let disk = directories.unmount().unwrap();
        assert_eq!(directories.segments().unwrap(), before[..1]);
        directories.tear(b"torn").unwrap();
        directories.mount(disk).unwrap();
        assert_eq!(directories.segments().unwrap(), before);
        assert_eq!(fs::read(&before[0]).unwrap(), b"1-0-0atorn");

        directories.lose_slivers().unwrap();
        assert!(directories.segments().unwrap().is_empty());
        directories.restore(backup).unwrap();
        assert_eq!(directories.segments().unwrap(), before);
        assert_eq!(fs::read(&before[0]).unwrap(), b"1-0-0a");
    }

    #[test]
    fn files_whose_end_has_come_and_those_of_others_shards_are_left_over() {
        let site = scratch().unwrap();
        let directories = directories(site.path());
        let segments = directories.segments().unwrap();
        let left_over = |epoch, shard| directories.left_over(epoch, &[ShardIndex(shard)]).unwrap();
        assert_eq!(left_over(6, 5), None);
        assert_eq!(left_over(7, 5), Some(LeftOver::Ended(segments[1].clone())));
        assert_eq!(
            left_over(6, 4),
            Some(LeftOver::Foreign(segments[0].clone()))
        );
    }
}
