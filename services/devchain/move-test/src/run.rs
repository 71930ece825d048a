//! Test runner.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use sui_devchain_vm::{
    Argument, Linkage, NativeTable, NoObjects, Session, SessionConfig, TxContext, Value, Vm,
    VmError,
};
use sui_sdk_types::{Address, Digest};

use crate::{
    arguments::Random,
    bytecode::{Packages, Test, TestPackage},
    expectation,
};

/// Calls of a random test.
const RANDOM_CALLS: u64 = 10;

pub(crate) type CallResult<T> = Result<T, VmError>;

/// A test package, ready to run: the machine remembers which instructions ran.
pub struct Program {
    pub(crate) tests: TestPackage,
    pub(crate) packages: Packages,
    pub(crate) linkage: Linkage,
    pub(crate) vm: Vm,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `package::module::function`.
    pub name: String,
    /// Why it failed; `None`: it passed.
    pub failure: Option<String>,
    /// Whether the official machine cannot run it.
    pub own_only: bool,
}

impl Program {
    /// Links a test package against the framework.
    ///
    /// # Errors
    /// Bytecode that does not parse.
    pub fn new(framework: &Packages, tests: TestPackage) -> Result<Self> {
        let packages = framework.with(&tests)?;
        let linkage = Linkage(packages.0.keys().map(|id| (*id, *id)).collect());
        Ok(Self {
            tests,
            packages,
            linkage,
            vm: Vm::new(NativeTable::unit_tests()),
        })
    }

    /// Name of the package.
    pub fn name(&self) -> &str {
        &self.tests.name
    }

    /// Runs the tests whose full name contains `filter`, on all cores; the results are in the order of the sources.
    pub fn run(&self, filter: &str) -> Vec<Outcome> {
        let selected: Vec<_> = self
            .tests
            .tests
            .iter()
            .filter(|test| self.full_name(test).contains(filter))
            .collect();
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::new());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(selected.len()) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(test) = selected.get(index) else {
                            return;
                        };
                        let outcome = self.run_one(test);
                        if let Ok(mut outcomes) = outcomes.lock() {
                            outcomes.push((index, outcome));
                        }
                    }
                });
            }
        });
        let mut outcomes = outcomes.into_inner().unwrap_or_default();
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn full_name(&self, test: &Test) -> String {
        format!("{}::{}::{}", self.name(), test.module, test.function)
    }

    fn run_one(&self, test: &Test) -> Outcome {
        let name = self.full_name(test);
        let calls = if test.random { RANDOM_CALLS } else { 1 };
        let failure = (0..calls).find_map(|call| {
            let mut random = Random::new(&name, call);
            let result = match self.call(test, &mut random) {
                Ok(result) => result,
                Err(error) => return Some(error.to_string()),
            };
            expectation::check(&self.packages, test.expected.as_ref(), &result).err()
        });
        Outcome {
            name,
            failure,
            own_only: test.own_only,
        }
    }

    /// One call in a fresh session; the outer error is about arguments that cannot be made.
    fn call(&self, test: &Test, random: &mut Random) -> Result<CallResult<Vec<Value>>> {
        let mut session = Session::new(
            &self.vm,
            &self.packages,
            &NoObjects,
            TxContext {
                sender: Address::ZERO,
                digest: Digest::new([0; 32]),
                epoch: 0,
                epoch_timestamp_ms: 0,
                reference_gas_price: 0,
                gas_price: 0,
                gas_budget: 0,
                sponsor: None,
            },
            SessionConfig {
                gas_limit: None,
                system: true,
                features: BTreeSet::new(),
            },
        );
        let (package, module) = (Address::ZERO, test.module.as_str());
        let info = session.function(&self.linkage, package, module, &test.function)?;
        let mut arguments = Vec::new();
        for parameter in &info.parameters {
            arguments.push(Argument::Value(random.value(parameter)?));
        }
        Ok(session.call(
            &self.linkage,
            package,
            module,
            &test.function,
            &[],
            arguments,
        ))
    }
}
