//! Coverage: which bytecode instructions of a package the tests ran.

use std::{collections::BTreeMap, fmt::Write};

use sui_devchain_vm::{error::VmResult, testing::FunctionCoverage};
use sui_sdk_types::Address;

use crate::{bytecode::MeasuredModule, run::Program};

/// Coverage of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// `module::function`.
    pub name: String,
    /// `file:line` of its declaration.
    pub place: String,
    /// Instructions that ran.
    pub ran: usize,
    /// All its instructions.
    pub total: usize,
    /// First and last offset of each stretch of instructions that did not run.
    pub missed: Vec<(usize, usize)>,
}

/// Coverage of a package's own functions, test code left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Per function, in the order of the sources.
    pub functions: Vec<Covered>,
}

impl Program {
    /// What the tests run so far covered.
    ///
    /// # Errors
    /// A module that cannot be loaded.
    pub fn coverage(&self) -> VmResult<Coverage> {
        let mut functions = Vec::new();
        for measured in &self.tests.measured {
            let all = self.vm.coverage(
                &self.packages,
                &self.linkage,
                Address::ZERO,
                &measured.module,
            )?;
            functions.extend(module_coverage(measured, &all));
        }
        Ok(Coverage { functions })
    }
}

fn module_coverage<'a>(
    measured: &'a MeasuredModule,
    all: &'a [FunctionCoverage],
) -> impl Iterator<Item = Covered> + 'a {
    let by_name: BTreeMap<_, _> = all.iter().map(|one| (one.name.as_str(), one)).collect();
    measured.functions.iter().filter_map(move |function| {
        let executed = &by_name.get(function.name.as_str())?.executed;
        Some(Covered {
            name: format!("{}::{}", measured.module, function.name),
            place: format!("{}:{}", measured.file, function.line),
            ran: executed.iter().filter(|ran| **ran).count(),
            total: executed.len(),
            missed: stretches(executed),
        })
    })
}

fn stretches(executed: &[bool]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (offset, ran) in executed.iter().enumerate() {
        match found.last_mut() {
            _ if *ran => {}
            Some((_, last)) if *last + 1 == offset => *last = offset,
            _ => found.push((offset, offset)),
        }
    }
    found
}

impl Coverage {
    /// Instructions that ran, and all.
    pub fn totals(&self) -> (usize, usize) {
        let functions = self.functions.iter();
        functions.fold((0, 0), |(ran, total), one| {
            (ran + one.ran, total + one.total)
        })
    }

    /// Share of the instructions that ran, in percent (100 when there are none).
    pub fn percent(&self) -> f64 {
        match self.totals() {
            (_, 0) => 100.0,
            (ran, total) => ran as f64 * 100.0 / total as f64,
        }
    }

    /// What did not run: a line per function that did not run whole.
    pub fn missed(&self) -> String {
        let mut text = String::new();
        for one in self.functions.iter().filter(|one| one.ran < one.total) {
            let stretches: Vec<_> = one
                .missed
                .iter()
                .map(|(first, last)| match first == last {
                    true => first.to_string(),
                    false => format!("{first}-{last}"),
                })
                .collect();
            let what = match one.ran {
                0 => "never called".to_owned(),
                _ => format!("not run: {}", stretches.join(" ")),
            };
            let (ran, total) = (one.ran, one.total);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:<34} {:<52} {ran:>4}/{total:<4} {what}",
                one.place, one.name
            );
        }
        text
    }
}
