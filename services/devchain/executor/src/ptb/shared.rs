//! Shared inputs that a command took by value, and cliques: what it leaves behind besides its results (devchain spec 2.4,
//! 2.6).

use sui_sdk_types::{Address, Command, ExecutionError};

use super::Ptb;
use super::arguments::{Place, named_place};
use crate::failure::Failure;

/// A shared input that MakeMoveVec put into a vector: whoever takes the vector answers for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collected {
    id: Address,
    /// The command whose result the vector is.
    vector: usize,
}

impl Ptb<'_> {
    /// Brings the places of a command together, and checks what became of the shared objects that it took.
    pub(super) fn close_command(&mut self, index: usize, command: &Command) -> Result<(), Failure> {
        let own = Place::Result(index, 0);
        for argument in crate::commands::arguments(command) {
            self.cliques.join(own, named_place(argument));
        }
        let hot = self.results.get(index).map_or(0, |results| {
            results.iter().filter(|result| result.is_hot()).count()
        });
        for _ in 0..hot {
            self.cliques.warm(own);
        }
        let taken = std::mem::take(&mut self.taken);
        if !taken.is_empty() {
            self.cliques.heat_for_good(own);
        }
        let collects = matches!(command, Command::MakeMoveVector(_));
        let due = self.objects_due(index, collects, taken);
        self.check_due(&due)
    }

    /// The shared objects that have to be shared again or deleted by now. MakeMoveVec passes its share on.
    fn objects_due(&mut self, index: usize, collects: bool, taken: Vec<Address>) -> Vec<Address> {
        let mut moved = taken;
        let results = &self.results;
        self.collected.retain(|one| {
            let vector = results.get(one.vector).and_then(|results| results.first());
            let kept = vector.is_some_and(|vector| !vector.is_taken());
            if !kept {
                moved.push(one.id);
            }
            kept
        });
        if !collects {
            return moved;
        }
        self.collected
            .extend(moved.into_iter().map(|id| Collected { id, vector: index }));
        Vec::new()
    }

    fn check_due(&self, due: &[Address]) -> Result<(), Failure> {
        let kept_back = due.iter().find(|id| !self.session.is_shared_or_deleted(id));
        let given_away = || {
            let collected = self.collected.iter().map(|one| &one.id);
            collected
                .filter(|id| self.session.is_transferred(id))
                .find(|id| !self.session.is_shared_or_deleted(id))
        };
        match kept_back.or_else(given_away) {
            None => Ok(()),
            Some(id) => Err(Failure::new(
                ExecutionError::ConsensusObjectOperationNotAllowed,
                format!("shared object {id} is neither shared again nor deleted"),
            )),
        }
    }
}
