//! Lines: who reaches whom, and what breaks when that ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use tokio_util::sync::CancellationToken;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Party {
    /// The chain.
    Chain,
    /// A storage node, by its number.
    Node(u16),
    /// A client, by its number.
    Client(u16),
    /// The simulation itself, which nothing cuts off.
    Observer,
}

/// A cut through the network: nobody of the one side reaches anybody of the other, in either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    one: BTreeSet<Party>,
    /// All others, if it is `None`.
    other: Option<BTreeSet<Party>>,
}

impl Cut {
    /// Between these and everybody else.
    pub(crate) fn off(one: impl IntoIterator<Item = Party>) -> Self {
        Self {
            one: one.into_iter().collect(),
            other: None,
        }
    }

    /// Between these and those; whoever is neither reaches both.
    pub(crate) fn between(
        one: impl IntoIterator<Item = Party>,
        other: impl IntoIterator<Item = Party>,
    ) -> Self {
        Self {
            other: Some(other.into_iter().collect()),
            ..Self::off(one)
        }
    }

    fn separates(&self, a: Party, b: Party) -> bool {
        if a == Party::Observer || b == Party::Observer {
            return false;
        }
        let on_other_side = |party: Party| match &self.other {
            Some(other) => other.contains(&party),
            None => !self.one.contains(&party),
        };
        let leads = |from: Party, to: Party| self.one.contains(&from) && on_other_side(to);
        leads(a, b) || leads(b, a)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut between {:?} and ", self.one)?;
        match &self.other {
            Some(other) => write!(f, "{other:?}"),
            None => f.write_str("all others"),
        }
    }
}

/// Names a cut, so that it can be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CutId(u64);

/// All lines between two parties, and what cuts them.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    cuts: BTreeMap<CutId, Cut>,
    made: u64,
    /// Those that were used, none of which is cut; cancelled when it is.
    whole: BTreeMap<(Party, Party), CancellationToken>,
}

impl Lines {
    /// Cuts lines; what is under way on them breaks.
    pub(crate) fn cut(&mut self, cut: Cut) -> CutId {
        self.whole.retain(|(a, b), line| {
            let separated = cut.separates(*a, *b);
            if separated {
                line.cancel();
            }
            !separated
        });
        let id = CutId(self.made);
        self.made = self.made.saturating_add(1);
        self.cuts.insert(id, cut);
        id
    }

    /// Ends a cut. Other ones may still be between the same parties.
    pub(crate) fn mend(&mut self, id: CutId) {
        self.cuts.remove(&id);
    }

    /// The line between two parties; it is cancelled as soon as it is cut, perhaps already.
    pub(crate) fn between(&mut self, a: Party, b: Party) -> CancellationToken {
        if self.cuts.values().any(|cut| cut.separates(a, b)) {
            let line = CancellationToken::new();
            line.cancel();
            return line;
        }
        self.whole.entry((a.min(b), a.max(b))).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Party::{Chain, Client, Node, Observer};

    #[test]
    fn a_side_reaches_itself_and_not_the_other() {
        let mut lines = Lines::default();
        let before = lines.between(Node(3), Node(1));
        let spared = lines.between(Node(1), Node(2));
        let cut = lines.cut(Cut::off([Node(1), Node(2), Client(0)]));
        assert!(before.is_cancelled() && !spared.is_cancelled());
        for (a, b) in [(Node(1), Node(3)), (Chain, Client(0)), (Client(1), Node(2))] {
            assert!(lines.between(a, b).is_cancelled() && lines.between(b, a).is_cancelled());
        }
        for (a, b) in [(Node(1), Client(0)), (Node(3), Chain), (Observer, Node(1))] {
            assert!(!lines.between(a, b).is_cancelled());
        }
        lines.mend(cut);
        assert!(!lines.between(Node(1), Node(3)).is_cancelled());
        assert!(before.is_cancelled(), "what broke is broken");
    }

    #[test]
    fn whoever_is_on_neither_side_reaches_both() {
        let mut lines = Lines::default();
        lines.cut(Cut::between([Node(1)], [Node(2), Node(3)]));
        assert!(lines.between(Node(3), Node(1)).is_cancelled());
        for other in [Chain, Client(0), Node(4)] {
            assert!(!lines.between(Node(1), other).is_cancelled());
            assert!(!lines.between(Node(2), other).is_cancelled());
        }
    }

    #[test]
    fn a_line_is_whole_when_the_last_of_its_cuts_is_mended() {
        let mut lines = Lines::default();
        let [first, second] = [[Node(1)], [Node(2)]].map(|side| lines.cut(Cut::off(side)));
        lines.mend(first);
        assert!(lines.between(Node(1), Node(2)).is_cancelled());
        assert!(!lines.between(Node(1), Node(3)).is_cancelled());
        lines.mend(second);
        assert!(!lines.between(Node(1), Node(2)).is_cancelled());
    }
}
