//! Free space: whether the disks of a node can hold what it offers.

use std::path::Path;

use super::doctor::Finding;

/// Room on the disks of a node, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    /// What is free.
    pub(super) free: u64,
    /// What the file systems hold at most.
    pub(super) all: u64,
    /// What slivers take already.
    pub(super) used: u64,
}

impl Room {
    /// Whether the node can store what it offers, and a sentence.
    pub(super) fn judge(self, offered: u64) -> (Finding, String) {
        let Self { free, all, used } = self;
        let lacking = offered.saturating_sub(used);
        let says = format!(
            "{} of {} are free, slivers take {}, and the node offers {} (voting_params.node_capacity)",
            in_words(free),
            in_words(all),
            in_words(used),
            in_words(offered)
        );
        let (finding, what_to_do) = if free < offered / 100 {
            // Also of a node that holds all it offers: the database needs room as well.
            let what =
                "less than a hundredth of that is free; make room, or let it store elsewhere";
            (Finding::Problem, what)
        } else if free >= lacking {
            return (Finding::Fine, says);
        } else if all < offered {
            let what = "the disks cannot hold what the node offers; offer less, or add disks";
            (Finding::Warning, what)
        } else {
            let what = "less is free than may come; make room, offer less, or add disks";
            (Finding::Warning, what)
        };
        (finding, format!("{says}: {what_to_do}"))
    }
}

/// Bytes, in the largest unit of which there is one.
fn in_words(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let one = 1_u64 << shift;
        if bytes >= one {
            let tenths = (bytes % one).saturating_mul(10) >> shift;
            return format!("{}.{tenths} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}

/// What the segments of a disk take. Those that go meanwhile, or cannot be looked at, do not count.
pub(super) fn bytes_of_slivers(disk: &Path) -> u64 {
    let shards = std::fs::read_dir(disk.join("shards"));
    let shards = shards.into_iter().flatten().flatten();
    let files = shards.filter_map(|shard| std::fs::read_dir(shard.path()).ok());
    let files = files.flatten().flatten();
    let lengths = files.filter_map(|file| Some(file.metadata().ok()?.len()));
    lengths.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_and_not_used_has_to_be_free() {
        const GB: u64 = 1_000_000_000;
        for (free, all, used, finding) in [
            (27, 270, 0, Finding::Warning),
            (27, 270, 223, Finding::Fine),
            (27, 200, 0, Finding::Warning),
            (250, 270, 0, Finding::Fine),
            (1, 270, 0, Finding::Problem),
            (0, 270, 250, Finding::Problem),
            (20, 270, 250, Finding::Fine),
        ] {
            let room = Room {
                free: free * GB,
                all: all * GB,
                used: used * GB,
            };
            let (found, says) = room.judge(250 * GB);
            assert_eq!(found, finding, "{says}");
            assert!(says.contains("232.8 GiB"), "{says}");
        }
    }
}
