//! Fault: the kinds of what goes wrong, and with whom.

use std::fmt;

use rand::{
    rngs::StdRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};

use crate::{victims::Wanted, wire::Lie};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Ended where it stands; what was being written may be torn.
    Killed { torn: bool },
    /// Its machine loses power, in the middle of whatever it writes, and perhaps once more while it starts.
    PowerFails,
    /// Stopped in order, and started again.
    Restarted,
    /// Reaches nobody, and nobody reaches it, the chain included.
    CutOff,
    /// Some reach each other and nobody else.
    Parted(Parting),
    /// Answers falsely.
    Lies(Lie),
    /// Takes long for everything.
    SlowDisk,
    /// Has no room for slivers.
    FullDisk,
    /// Killed, and all slivers are gone.
    LostSlivers,
    /// Killed, and one of its disks never comes back.
    LosesDisk,
    /// Killed, and one of its disks is away for a while.
    DiskAway,
    /// All that it has becomes what it was some time ago.
    OldBackup,
    /// Its clock is some minutes ahead or behind.
    WrongClock,
    /// It changes its protocol key, with an epoch.
    ChangesKey,
    /// What is sent to it breaks off in the middle.
    BreaksUploads,
    /// A node more, from the next committee on.
    Joins,
    /// A node less.
    Leaves,
}

/// Between whom the network is parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// Some nodes and everybody else.
    Few,
    /// Nodes and nodes: clients and chain reach all of them.
    AmongNodes,
    /// Two sides of nodes, clients on either, the chain on one: more than the protocol bears.
    Sides,
}

const FAULTS: [Fault; 27] = [
    Fault::Killed { torn: false },
    Fault::Killed { torn: true },
    Fault::Killed { torn: true },
    Fault::PowerFails,
    Fault::PowerFails,
    Fault::Restarted,
    Fault::CutOff,
    Fault::CutOff,
    Fault::Parted(Parting::Few),
    Fault::Parted(Parting::AmongNodes),
    Fault::Parted(Parting::Sides),
    Fault::Lies(Lie::FlippedBytes),
    Fault::Lies(Lie::NothingThere),
    Fault::Lies(Lie::CutOff),
    Fault::SlowDisk,
    Fault::FullDisk,
    Fault::LostSlivers,
    Fault::LosesDisk,
    Fault::DiskAway,
    Fault::OldBackup,
    Fault::WrongClock,
    Fault::WrongClock,
    Fault::ChangesKey,
    Fault::BreaksUploads,
    Fault::BreaksUploads,
    Fault::Joins,
    Fault::Leaves,
];

/// What happens to every network, if so many faults happen at all.
const SURE: [Fault; 12] = [
    Fault::Killed { torn: true },
    Fault::PowerFails,
    Fault::Parted(Parting::Few),
    Fault::Parted(Parting::AmongNodes),
    Fault::Parted(Parting::Sides),
    Fault::FullDisk,
    Fault::LostSlivers,
    Fault::LosesDisk,
    Fault::OldBackup,
    Fault::ChangesKey,
    Fault::Joins,
    Fault::Leaves,
];

/// The faults of a network, in the order in which they happen.
pub(crate) fn sequence(count: u32, draw: &mut StdRng) -> Vec<Fault> {
    let mut sure = SURE.to_vec();
    sure.shuffle(draw);
    let mut faults: Vec<_> = (0..count)
        .filter_map(|_| sure.pop().or_else(|| FAULTS.choose(draw).copied()))
        .collect();
    faults.shuffle(draw);
    // It may take until the epoch after the next.
    faults.sort_by_key(|fault| *fault != Fault::ChangesKey);
    faults
}

impl Fault {
    /// With whom it happens.
    pub(crate) fn wants(self) -> Wanted {
        match self {
            Self::Joins => Wanted::Spare,
            Self::Leaves => Wanted::Leaver,
            Self::Parted(Parting::Few) => Wanted::Group,
            Self::Parted(Parting::AmongNodes | Parting::Sides) => Wanted::Side,
            Self::LosesDisk | Self::DiskAway => Wanted::ManyDisks,
            Self::ChangesKey => Wanted::Stayer,
            _ => Wanted::Member,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed { torn: false } => "is killed",
            Self::Killed { torn: true } => "is killed while it writes",
            Self::PowerFails => "loses power",
            Self::Restarted => "is restarted",
            Self::CutOff => "is cut off",
            Self::Parted(Parting::Few) => "are cut off together",
            Self::Parted(Parting::AmongNodes) => "and the other nodes are parted",
            Self::Parted(Parting::Sides) => "are one side of the network",
            Self::Lies(Lie::FlippedBytes) => "lies in a byte",
            Self::Lies(Lie::NothingThere) => "denies everything",
            Self::Lies(Lie::CutOff) => "cuts answers off",
            Self::SlowDisk => "has a slow disk",
            Self::FullDisk => "has a full disk",
            Self::LostSlivers => "loses all slivers",
            Self::LosesDisk => "loses a disk",
            Self::DiskAway => "misses a disk",
            Self::OldBackup => "goes back to a backup",
            Self::WrongClock => "has a wrong clock",
            Self::ChangesKey => "changes its key",
            Self::BreaksUploads => "breaks uploads off",
            Self::Joins => "joins",
            Self::Leaves => "leaves",
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn so_many_faults_are_all_kinds_that_matter_most() {
        for seed in 0..20 {
            let faults = sequence(16, &mut StdRng::seed_from_u64(seed));
            assert_eq!(faults.len(), 16);
            assert!(SURE.iter().all(|fault| faults.contains(fault)));
        }
        assert_eq!(sequence(2, &mut StdRng::seed_from_u64(1)).len(), 2);
    }
}
