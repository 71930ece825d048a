//! Cliques: which values a command has brought together, and which groups of them are hot (devchain spec 2.4).
//!
//! A result that can be neither dropped nor stored forces the transaction to call whatever takes it. A private entry
//! function must not be part of such a chain: it would see values that somebody has made only for as long as it runs, say
//! borrowed money. So all arguments and results of a command form one clique with everything those belonged to before, a
//! clique is hot as long as such a result lives in it, and private entry functions take no argument out of a hot clique.

use super::arguments::Place;

/// Cliques of all places of a transaction. Every input starts in one of its own; the results of a command share one.
#[derive(Debug)]
pub(super) struct Cliques {
    inputs: usize,
    /// Per node the next one towards the root of its clique; a root names itself.
    next: Vec<usize>,
    /// Per root what heats the clique.
    heat: Vec<Heat>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heat {
    /// Live results that can be neither dropped nor stored.
    results: usize,
    /// A shared object was taken by value: the clique never cools down.
    lasting: bool,
}

impl Cliques {
    pub(super) fn new(inputs: usize, commands: usize) -> Self {
        let nodes = 1 + inputs + commands;
        Self {
            inputs,
            next: (0..nodes).collect(),
            heat: vec![Heat::default(); nodes],
        }
    }

    fn node(&self, place: Place) -> usize {
        match place {
            Place::Gas => 0,
            Place::Input(input) => 1 + input,
            Place::Result(command, _) => 1 + self.inputs + command,
        }
    }

    /// The root of a place's clique; shortens the way there.
    fn root(&mut self, place: Place) -> usize {
        let mut node = self.node(place);
        while let Some(next) = self.next.get(node).copied().filter(|next| *next != node) {
            let after = self.next.get(next).copied().unwrap_or(next);
            if let Some(way) = self.next.get_mut(node) {
                *way = after;
            }
            node = after;
        }
        node
    }

    fn heat(&mut self, place: Place) -> Option<&mut Heat> {
        let root = self.root(place);
        self.heat.get_mut(root)
    }

    /// Puts two places, and all that belongs to them, into one clique.
    pub(super) fn join(&mut self, one: Place, other: Place) {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return;
        }
        let moved = self
            .heat
            .get_mut(other)
            .map(std::mem::take)
            .unwrap_or_default();
        if let (Some(next), Some(heat)) = (self.next.get_mut(other), self.heat.get_mut(one)) {
            *next = one;
            heat.results += moved.results;
            heat.lasting |= moved.lasting;
        }
    }

    /// A result that can be neither dropped nor stored came into being here.
    pub(super) fn warm(&mut self, place: Place) {
        if let Some(heat) = self.heat(place) {
            heat.results += 1;
        }
    }

    /// Such a result was taken.
    pub(super) fn cool(&mut self, place: Place) {
        if let Some(heat) = self.heat(place) {
            heat.results = heat.results.saturating_sub(1);
        }
    }

    /// A shared object was taken by value in this clique.
    pub(super) fn heat_for_good(&mut self, place: Place) {
        if let Some(heat) = self.heat(place) {
            heat.lasting = true;
        }
    }

    pub(super) fn is_hot(&mut self, place: Place) -> bool {
        self.heat(place)
            .is_some_and(|heat| heat.lasting || heat.results > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_belongs_to_the_whole_clique_and_goes_with_the_result() {
        let (input, other) = (Place::Input(0), Place::Input(1));
        let (result, later) = (Place::Result(0, 0), Place::Result(1, 0));
        let mut cliques = Cliques::new(2, 2);
        cliques.join(result, input);
        cliques.warm(result);
        cliques.warm(result);
        assert!(cliques.is_hot(input) && !cliques.is_hot(other));
        cliques.join(later, other);
        assert!(!cliques.is_hot(later));
        cliques.join(later, input);
        assert!(cliques.is_hot(other));
        cliques.cool(later);
        assert!(cliques.is_hot(input));
        cliques.cool(result);
        assert!(!cliques.is_hot(other) && !cliques.is_hot(Place::Gas));
    }

    #[test]
    fn a_consumed_shared_object_leaves_its_clique_hot() {
        let mut cliques = Cliques::new(1, 2);
        cliques.heat_for_good(Place::Input(0));
        cliques.join(Place::Result(1, 0), Place::Input(0));
        cliques.cool(Place::Result(1, 3));
        assert!(cliques.is_hot(Place::Result(1, 0)));
        assert!(!cliques.is_hot(Place::Result(0, 0)));
    }
}
