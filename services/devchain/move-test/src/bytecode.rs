//! Bytecode of tests: the files that `scripts/build-move test-bytecode` writes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sui_devchain_vm::{Package, PackageStore, error::VmResult, package::Module};
use sui_sdk_types::Address;

/// Name of the file that holds the framework.
pub const FRAMEWORK: &str = "framework";

/// One package's tests and their bytecode.
#[derive(Deserialize)]
pub struct TestPackage {
    /// Name of the package.
    pub name: String,
    packages: Vec<walrus_artifacts::Package>,
    /// The tests, in the order of the sources.
    pub tests: Vec<Test>,
    /// What coverage counts: the package's own code, test code left out.
    pub measured: Vec<MeasuredModule>,
}

/// One test function.
#[derive(Clone, Debug, Deserialize)]
pub struct Test {
    /// Its module.
    pub module: String,
    /// Its name.
    pub function: String,
    /// Whether it is called several times with random arguments.
    pub random: bool,
    /// Whether only this machine runs it: it needs real answers about BLS signatures.
    pub own_only: bool,
    /// How it must fail; `None`: it must return.
    pub expected: Option<Expected>,
}

/// What `#[expected_failure(…)]` said.
#[derive(Clone, Debug, Deserialize)]
pub struct Expected {
    /// Which failures are meant.
    pub class: FailureClass,
    /// The abort code, in decimal digits.
    pub code: Option<String>,
    /// Name of the error constant (`#[error]`).
    pub error: Option<String>,
    /// The minor status of a class of errors, if it has one (vector errors: 1 index, 2 pop, 3 unpack).
    pub minor: Option<u64>,
    /// `address::module` where it must happen.
    pub location: Option<String>,
}

/// Classes of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Any failure.
    Any,
    /// An abort.
    Abort,
    /// Overflow, division by zero, lossy cast, shift too far.
    ArithmeticError,
    /// Index out of range, pop from an empty vector, unpacking another length.
    VectorError,
    /// The gas is used up.
    OutOfGas,
    /// A numbered status of the machine: not supported here, such a test fails.
    MajorStatus,
}

/// A module whose coverage is of interest.
#[derive(Clone, Debug, Deserialize)]
pub struct MeasuredModule {
    /// Its name.
    pub module: String,
    /// Its source file, relative to the package.
    pub file: String,
    /// The functions that are not for tests only (macros among them, which have no bytecode of their own).
    pub functions: Vec<MeasuredFunction>,
}

/// A function whose coverage is of interest.
#[derive(Clone, Debug, Deserialize)]
pub struct MeasuredFunction {
    /// Its name.
    pub name: String,
    /// Line of its declaration.
    pub line: u32,
}

/// Packages by address.
#[derive(Clone, Default)]
pub struct Packages(pub(crate) BTreeMap<Address, Arc<Package>>);

impl PackageStore for Packages {
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>> {
        Ok(self.0.get(&storage_id).cloned())
    }
}

/// Reads `DIR/NAME.json`.
///
/// # Errors
/// The file cannot be read or has another shape.
pub fn read_tests(dir: &Path, name: &str) -> Result<TestPackage> {
    let (file, text) = read(dir, name)?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))
}

/// Reads the framework of `DIR`, test code included.
///
/// # Errors
/// The file cannot be read, has another shape, or holds bytecode that does not parse.
pub fn read_framework(dir: &Path) -> Result<Packages> {
    let (file, text) = read(dir, FRAMEWORK)?;
    let framework =
        walrus_artifacts::parse(&text).with_context(|| format!("reading {}", file.display()))?;
    let mut packages = Packages::default();
    packages.add(&framework)?;
    Ok(packages)
}

fn read(dir: &Path, name: &str) -> Result<(PathBuf, String)> {
    let file = dir.join(format!("{name}.json"));
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok((file, text))
}

impl Packages {
    /// These packages and those of a test package.
    ///
    /// # Errors
    /// Bytecode that does not parse, or an address that is taken.
    pub fn with(&self, tests: &TestPackage) -> Result<Self> {
        let mut packages = self.clone();
        packages.add(&tests.packages)?;
        Ok(packages)
    }

    fn add(&mut self, packages: &[walrus_artifacts::Package]) -> Result<()> {
        for one in packages {
            let id = one.address;
            let modules = one.modules.iter().map(|(_, bytes)| Module::parse(bytes));
            let modules = modules.collect::<VmResult<Vec<_>>>()?;
            let package = Package::first_version(id, &modules, one.dependencies.clone());
            if self.0.insert(id, Arc::new(package)).is_some() {
                bail!("two packages at {id}");
            }
        }
        Ok(())
    }
}
