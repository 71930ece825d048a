//! In-memory chain, with a clock that is moved by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::de::DeserializeOwned;
use sui_devchain_executor::genesis::{self, Allocation, GenesisOptions};
use sui_devchain_executor::{
    ChainParams, Executor, MemoryStore, Mode, ObjectStore as _, Outcome, system,
};
use sui_sdk_types::{
    Address, Digest, GasPayment, Object, Owner, SignedTransaction, StructTag, Transaction,
    TransactionExpiration, TransactionKind,
};
use walrus_sui::objects::decode;

use crate::ptb::reference;
use crate::{Account, Executed, Ptb};

/// Timestamp of genesis in milliseconds since 1970.
const START_MS: u64 = 1_700_000_000_000;
/// MIST per gas unit.
const GAS_PRICE: u64 = 1000;
/// MIST that [`Chain::fund`] gives an account.
const FUNDS: u64 = 1_000_000_000_000;
/// Budget of every transaction in MIST: the largest computation (5 000 000 units) and as much for storage.
const BUDGET: u64 = 10_000_000_000;

/// A chain with one thread: it executes a transaction when it is asked to and keeps every object version.
#[derive(Debug)]
pub struct Chain {
    executor: Executor,
    store: MemoryStore,
    params: ChainParams,
    now_ms: u64,
    ticks: u64,
    owned: BTreeMap<Address, BTreeSet<Address>>,
    bank: Account,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// A new chain with the framework and one rich account, which [`Chain::fund`] gives from.
    #[must_use]
    pub fn new() -> Self {
        let bank = Account::named("bank");
        let packages = walrus_artifacts::framework().expect("the embedded framework");
        let options = GenesisOptions {
            chain_start_ms: START_MS,
            allocations: vec![Allocation {
                address: bank.address,
                coins: 1,
                amount_per_coin: 1_000_000_000_000_000_000,
            }],
            seed: Digest::new([7; 32]),
        };
        let genesis = genesis::build(&packages, &options).expect("genesis");
        let mut chain = Self {
            executor: Executor::new(),
            store: MemoryStore::new(),
            params: ChainParams {
                chain_id: Digest::new([9; 32]),
                epoch: 0,
                epoch_start_ms: START_MS,
                reference_gas_price: GAS_PRICE,
            },
            now_ms: START_MS,
            ticks: 0,
            owned: BTreeMap::new(),
            bank,
        };
        chain.apply(&genesis.outcome);
        chain.advance(Duration::ZERO);
        chain
    }

    /// The time of the chain's clock, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Moves the clock forward, as the transaction does that begins a checkpoint.
    pub fn advance(&mut self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("a duration in u64 milliseconds");
        self.set_time(self.now_ms.checked_add(by).expect("a time in u64"));
    }

    /// Sets the clock to a time in milliseconds since 1970; the past is refused by a panic.
    pub fn set_time(&mut self, now_ms: u64) {
        assert!(now_ms >= self.now_ms, "time does not run backwards");
        self.now_ms = now_ms;
        let tick = system::consensus_commit_prologue(self.params.epoch, self.ticks, now_ms);
        self.ticks += 1;
        let outcome = self
            .executor
            .execute(&self.store, &self.params, &tick, Mode::System)
            .expect("a clock tick");
        assert!(outcome.is_success(), "{:?}", outcome.error_message);
        self.apply(&outcome);
    }

    /// The account with this name; it gets SUI if it has none.
    pub fn account(&mut self, name: &str) -> Account {
        let account = Account::named(name);
        if self.coins(account.address, &StructTag::sui()).is_empty() {
            self.fund(account.address);
        }
        account
    }

    /// Sends 1000 SUI in one new coin.
    pub fn fund(&mut self, recipient: Address) {
        let mut ptb = Ptb::new();
        let coin = ptb.split(sui_sdk_types::Argument::Gas, FUNDS);
        ptb.transfer(vec![coin], recipient);
        let bank = self.bank.clone();
        let _ = self.run(&bank, &ptb).expect_success();
    }

    /// Signs, admits, executes and commits a transaction. The largest SUI coin of the sender pays. A transaction that
    /// aborts is a result; one that may not enter the chain is a panic.
    #[track_caller]
    pub fn run(&mut self, sender: &Account, ptb: &Ptb) -> Executed {
        match self.try_run(sender, ptb) {
            Ok(executed) => executed,
            Err(error) => panic!("the transaction is not admitted: {error}"),
        }
    }

    /// As [`Chain::run`]; a transaction that may not enter the chain is an error and nothing happens.
    ///
    /// # Errors
    /// The broken rule of admission (devchain spec 2.3).
    pub fn try_run(
        &mut self,
        sender: &Account,
        ptb: &Ptb,
    ) -> Result<Executed, sui_devchain_executor::AdmissionError> {
        let transaction = self.transaction(sender.address, ptb);
        let signatures = vec![sender.sign(&transaction)];
        let signed = SignedTransaction {
            transaction,
            signatures,
        };
        self.executor.admit(&self.store, &self.params, &signed)?;
        let outcome =
            self.executor
                .execute(&self.store, &self.params, &signed.transaction, Mode::Normal)?;
        self.apply(&outcome);
        Ok(Executed { outcome })
    }

    /// Runs a transaction without committing it and without rules about visibility or gas: results of commands
    /// are in `outcome.command_outputs`.
    #[must_use]
    pub fn inspect(&self, sender: Address, ptb: &Ptb) -> Executed {
        let mut transaction = self.transaction(self.bank.address, ptb);
        transaction.sender = sender;
        transaction.gas_payment.objects.clear();
        transaction.gas_payment.owner = sender;
        let outcome = self
            .executor
            .execute(&self.store, &self.params, &transaction, Mode::DevInspect)
            .expect("an inspection");
        Executed { outcome }
    }

    /// A live object.
    #[must_use]
    pub fn object(&self, id: Address) -> Option<Object> {
        self.store.latest(&id).map(|object| Object::clone(&object))
    }

    /// The address that owns an object; panics when none does.
    #[track_caller]
    #[must_use]
    pub fn owner(&self, id: Address) -> Address {
        match self.store.latest(&id).map(|object| *object.owner()) {
            Some(Owner::Address(owner)) => owner,
            other => panic!("{id} is not owned by an address: {other:?}"),
        }
    }

    /// The one live shared object of a type with this name that `package` defines.
    #[track_caller]
    #[must_use]
    pub fn shared(&self, package: Address, name: &str) -> Address {
        let mut found = self.store.live().filter(|object| {
            let tag = object.as_struct().map(|value| value.object_type());
            matches!(object.owner(), Owner::Shared(_))
                && tag.is_some_and(|tag| *tag.address() == package && tag.name().as_str() == name)
        });
        let object = found.next().expect("a shared object of that type");
        assert!(found.next().is_none(), "several objects of type {name}");
        object.object_id()
    }

    /// The contents of a live object (or dynamic field), decoded; panics when there is none or the layout
    /// differs.
    #[track_caller]
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, id: Address) -> T {
        self.try_read(id)
            .unwrap_or_else(|| panic!("object {id} is not live"))
    }

    /// As [`Chain::read`]; `None` when there is no such object.
    #[track_caller]
    #[must_use]
    pub fn try_read<T: DeserializeOwned>(&self, id: Address) -> Option<T> {
        let object = self.store.latest(&id)?;
        let value = object.as_struct().expect("a Move object");
        Some(decode(value.contents()).expect("the layout of T"))
    }

    /// IDs of the objects of type `module::name` that an address owns, in ID order.
    #[must_use]
    pub fn owned(&self, owner: Address, module: &str, name: &str) -> Vec<Address> {
        self.owned_where(owner, |tag| {
            tag.module().as_str() == module && tag.name().as_str() == name
        })
    }

    /// Coins of the type `coin` that an address owns, with their values, largest first.
    #[must_use]
    pub fn coins(&self, owner: Address, coin: &StructTag) -> Vec<(Address, u64)> {
        let tag = StructTag::coin(coin.clone().into());
        let mut coins: Vec<_> = self
            .owned_where(owner, |found| *found == tag)
            .into_iter()
            .map(|id| (id, self.coin_value(id)))
            .collect();
        coins.sort_by_key(|(id, value)| (std::cmp::Reverse(*value), *id));
        coins
    }

    /// Sum of the coins of type `coin` of an address.
    #[must_use]
    pub fn balance(&self, owner: Address, coin: &StructTag) -> u64 {
        self.coins(owner, coin).iter().map(|(_, value)| value).sum()
    }

    fn coin_value(&self, id: Address) -> u64 {
        let (_, value): (Address, u64) = self.read(id);
        value
    }

    fn owned_where(&self, owner: Address, wanted: impl Fn(&StructTag) -> bool) -> Vec<Address> {
        let ids = self.owned.get(&owner).into_iter().flatten();
        ids.filter(|id| {
            let object = self.store.latest(id);
            let value = object.as_ref().and_then(|object| object.as_struct());
            value.is_some_and(|value| wanted(value.object_type()))
        })
        .copied()
        .collect()
    }

    fn transaction(&self, sender: Address, ptb: &Ptb) -> Transaction {
        let coins = self.coins(sender, &StructTag::sui());
        let payment = coins.first().map(|(id, _)| reference(&self.store, *id));
        Transaction {
            kind: TransactionKind::ProgrammableTransaction(ptb.resolve(&self.store)),
            sender,
            gas_payment: GasPayment {
                objects: payment.into_iter().collect(),
                owner: sender,
                price: GAS_PRICE,
                budget: BUDGET,
            },
            expiration: TransactionExpiration::None,
        }
    }

    fn apply(&mut self, outcome: &Outcome) {
        let touched = outcome.written.keys().chain(&outcome.removed);
        for id in touched {
            let before = self.store.latest(id);
            if let Some(Owner::Address(owner)) = before.map(|object| *object.owner())
                && let Some(ids) = self.owned.get_mut(&owner)
            {
                ids.remove(id);
            }
        }
        for (id, object) in &outcome.written {
            if let Owner::Address(owner) = object.owner() {
                self.owned.entry(*owner).or_default().insert(*id);
            }
        }
        self.store.apply(outcome);
    }
}
