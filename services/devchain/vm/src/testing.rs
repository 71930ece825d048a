//! Coverage and names of errors, as a runner of unit tests asks for them (feature `coverage`): which instructions ran,
//! and names of error constants.

use std::sync::atomic::Ordering;

use sui_sdk_types::Address;

use crate::{
    Linkage, PackageStore, Vm,
    error::{VmError, VmResult},
    package::Module,
};

/// Which instructions of a function ran, in all sessions of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCoverage {
    /// Name of the function.
    pub name: String,
    /// Per instruction, whether it ran.
    pub executed: Vec<bool>,
}

impl Vm {
    /// Coverage of a module's functions (natives left out), in the order of their definitions.
    ///
    /// # Errors
    /// `FunctionNotFound` if there is no such module, loading errors.
    pub fn coverage(
        &self,
        packages: &dyn PackageStore,
        linkage: &Linkage,
        original_id: Address,
        module: &str,
    ) -> VmResult<Vec<FunctionCoverage>> {
        let loader = self.loader(packages);
        let context = loader.context(linkage);
        let linked = loader.module(&context, original_id, module)?;
        let linked = linked.ok_or_else(|| VmError::FunctionNotFound {
            package: original_id,
            module: module.to_owned(),
            function: String::new(),
        })?;
        let mut functions = Vec::new();
        for def in &linked.compiled.function_defs {
            if def.code.is_none() {
                continue;
            }
            let name = linked.compiled.function_name(def);
            let Some(function) = loader.function(&context, &linked, name)? else {
                continue;
            };
            let executed = function.executed.iter();
            functions.push(FunctionCoverage {
                name: name.to_owned(),
                executed: executed.map(|ran| ran.load(Ordering::Relaxed)).collect(),
            });
        }
        Ok(functions)
    }
}

impl Module {
    /// The name of the error constant in a clever abort code of this module; `None` for plain codes, and for
    /// assertions without a constant.
    pub fn error_constant(&self, code: u64) -> Option<&str> {
        let name = u16::try_from((code >> 16) & 0xffff).ok()?;
        if code >> 63 == 0 || name == u16::MAX {
            return None;
        }
        // The name is a constant of the module: a length (one byte, names are short) and the text.
        let constant = self.0.constants.get(usize::from(name))?;
        std::str::from_utf8(constant.bytes.get(1..)?).ok()
    }
}
