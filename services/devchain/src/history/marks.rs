//! Marks of a checkpoint: what is certainly not in it, for scans with a filter (a Bloom filter of 256 bits, two for each thing).
//!
//! A scan reads from the log only the checkpoints whose marks allow a match. They are part of snapshots: what is marked, and how, is
//! as fixed as the format.

use sui_sdk_types::{
    Address, ChangedObject, Command, ObjectIn, ObjectOut, Owner, StructTag, TransactionEffects,
    TransactionKind,
};

use super::{Checkpoint, Executed};

/// The marks of all transactions of a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(pub(super) [u64; 4]);

/// Something that may be in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u64);

/// A package, or a module of one, or a name in that: as much as is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'a> {
    pub(crate) package: Address,
    pub(crate) module: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

impl Key {
    /// The sender of a transaction or an event.
    pub(crate) fn sender(address: &Address) -> Self {
        Self::new(1, &[address.as_bytes()])
    }

    /// An address that signed or paid, or whose balance or objects changed.
    pub(crate) fn affected_address(address: &Address) -> Self {
        Self::new(2, &[address.as_bytes()])
    }

    /// An object that was changed, or read through consensus.
    pub(crate) fn affected_object(id: &Address) -> Self {
        Self::new(3, &[id.as_bytes()])
    }

    /// A function that was called.
    pub(crate) fn call(path: Path<'_>) -> Self {
        Self::path(4, path)
    }

    /// A module that emitted an event.
    pub(crate) fn emitter(path: Path<'_>) -> Self {
        Self::path(5, path)
    }

    /// The type of an event, whatever its type arguments.
    pub(crate) fn event_type(path: Path<'_>) -> Self {
        Self::path(6, path)
    }

    /// A package that was published or upgraded.
    pub(crate) fn package_write() -> Self {
        Self::new(7, &[])
    }

    fn path(kind: u8, path: Path<'_>) -> Self {
        let (module, name) = (
            path.module.unwrap_or_default(),
            path.name.unwrap_or_default(),
        );
        Self::new(
            kind,
            &[path.package.as_bytes(), module.as_bytes(), name.as_bytes()],
        )
    }

    /// FNV-1a over words; its upper bits are mixed into the lower ones.
    fn new(kind: u8, parts: &[&[u8]]) -> Self {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ u64::from(kind);
        for part in parts {
            for chunk in part.chunks(8) {
                let mut word = [0; 8];
                for (to, from) in word.iter_mut().zip(chunk) {
                    *to = *from;
                }
                hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(PRIME);
                hash ^= hash >> 29;
            }
            hash = (hash ^ part.len() as u64).wrapping_mul(PRIME);
        }
        Self((hash ^ (hash >> 32)).wrapping_mul(PRIME))
    }

    /// Its two bits, as words of marks.
    fn bits(self) -> [(usize, u64); 2] {
        let at = |bits: u64| {
            let [word, bit, ..] = (bits >> 8).to_le_bytes();
            (usize::from(word & 3), 1 << (bit & 63))
        };
        [at(self.0 >> 8), at(self.0 >> 32)]
    }
}

impl Marks {
    /// The marks of a checkpoint.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Self {
        let mut marks = Self::default();
        for executed in &checkpoint.transactions {
            marks.transaction(executed);
        }
        marks
    }

    /// Whether this may be in the checkpoint; what is in it always may.
    pub(crate) fn may_have(&self, key: Key) -> bool {
        key.bits()
            .iter()
            .all(|(word, bit)| self.0.get(*word).is_some_and(|word| word & bit != 0))
    }

    fn add(&mut self, key: Key) {
        for (word, bit) in key.bits() {
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// All that a path begins with, and itself.
    fn add_path(&mut self, key: impl Fn(Path<'_>) -> Key, package: Address, names: [&str; 2]) {
        let [module, name] = names;
        let whole = Path {
            package,
            module: Some(module),
            name: Some(name).filter(|name| !name.is_empty()),
        };
        self.add(key(whole));
        self.add(key(Path {
            name: None,
            ..whole
        }));
        self.add(key(Path {
            module: None,
            name: None,
            ..whole
        }));
    }

    fn transaction(&mut self, executed: &Executed) {
        let record = &executed.record;
        let transaction = &record.transaction;
        self.add(Key::sender(&transaction.sender));
        self.add(Key::affected_address(&transaction.sender));
        self.add(Key::affected_address(&transaction.gas_payment.owner));
        for change in &record.balance_changes {
            self.add(Key::affected_address(&change.address));
        }
        if let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind {
            for command in &programmable.commands {
                if let Command::MoveCall(call) = command {
                    let names = [call.module.as_str(), call.function.as_str()];
                    self.add_path(Key::call, call.package, names);
                }
            }
        }
        for event in record.events.iter().flat_map(|events| &events.0) {
            self.add(Key::sender(&event.sender));
            self.add_path(Key::emitter, event.package_id, [event.module.as_str(), ""]);
            let tag: &StructTag = &event.type_;
            let names = [tag.module().as_str(), tag.name().as_str()];
            self.add_path(Key::event_type, *tag.address(), names);
        }
        if let TransactionEffects::V2(effects) = &record.effects {
            for changed in &effects.changed_objects {
                self.changed(changed);
            }
            for read in &effects.unchanged_consensus_objects {
                self.add(Key::affected_object(&read.object_id));
            }
        }
    }

    fn changed(&mut self, changed: &ChangedObject) {
        self.add(Key::affected_object(&changed.object_id));
        let before = match &changed.input_state {
            ObjectIn::Exist { owner, .. } => Some(owner),
            _ => None,
        };
        let after = match &changed.output_state {
            ObjectOut::ObjectWrite { owner, .. } => Some(owner),
            ObjectOut::PackageWrite { .. } => {
                self.add(Key::package_write());
                None
            }
            _ => None,
        };
        for owner in [before, after].into_iter().flatten() {
            match owner {
                Owner::Address(owner)
                | Owner::Object(owner)
                | Owner::ConsensusAddress { owner, .. } => {
                    self.add(Key::affected_address(owner));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sui_sdk_types::Address;

    use super::{Key, Marks, Path};

    fn address(number: u64) -> Address {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&number.to_be_bytes());
        Address::new(bytes)
    }

    #[test]
    fn what_was_added_may_be_there_and_most_else_is_not() {
        let mut marks = Marks::default();
        for number in 0..20 {
            marks.add(Key::sender(&address(number)));
        }
        marks.add_path(Key::call, address(7), ["shop", "buy"]);
        assert!((0..20).all(|number| marks.may_have(Key::sender(&address(number)))));
        let others = (20..1020).filter(|number| marks.may_have(Key::sender(&address(*number))));
        let others = others.count();
        assert!(others < 100, "{others} of 1000");
        for (module, name) in [
            (None, None),
            (Some("shop"), None),
            (Some("shop"), Some("buy")),
        ] {
            let package = address(7);
            assert!(marks.may_have(Key::call(Path {
                package,
                module,
                name
            })));
        }
    }
}
