//! Abort explanation, in the words of the package that aborted.

use std::{fmt::Write as _, path::Path};

use sui_devchain_move_build::PackageSources;
use sui_devchain_vm::{declarations::Signature, package::Module};
use sui_rpc::proto::sui::rpc::v2 as proto;
use walrus_sui::{
    Address,
    money::Coin,
    transactions::{MoveAbort, TransactionError},
};

use super::{short_addresses::short_addresses, sources::ModuleSource, target::Target};

/// What is at hand for naming an abort.
pub(crate) struct Evidence<'a> {
    /// Sources of the package and its local dependencies.
    pub(crate) sources: &'a [PackageSources],
    /// Modules that are not on chain yet: names and bytecode.
    pub(crate) modules: &'a [(String, Vec<u8>)],
}

/// A code made by `#[error]` constants and by `assert!` without a code (devchain spec 2.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CleverCode {
    line: u16,
    /// Constant pool index of the constant's name.
    name: Option<u16>,
    /// Constant pool index of its value.
    value: Option<u16>,
}

impl CleverCode {
    fn parse(code: u64) -> Option<Self> {
        if !matches!(code >> 60, 0x8 | 0xC) {
            return None;
        }
        let part = |shift: u32| u16::try_from((code >> shift) & 0xffff).unwrap_or(u16::MAX);
        let index = |shift: u32| Some(part(shift)).filter(|index| *index != u16::MAX);
        Some(Self {
            line: part(32),
            name: index(16),
            value: index(0),
        })
    }
}

/// Turns a transaction's failure into words; one that is no abort stays what it is.
pub(crate) async fn explain(
    error: TransactionError,
    target: &Target,
    evidence: &Evidence<'_>,
) -> anyhow::Error {
    if let TransactionError::InsufficientFunds {
        coin: Coin::Sui, ..
    }
    | TransactionError::NoGas { .. } = &error
    {
        return anyhow::Error::new(error).context(
            "the signer cannot pay for gas: ask the faucet for SUI, or name another signer with --private-key or --wallet",
        );
    }
    let Some(abort) = error.move_abort() else {
        return failure(&error);
    };
    let module = match module_on_chain(target, abort).await {
        Some(module) => Some(module),
        None => evidence
            .modules
            .iter()
            .find(|(name, _)| *name == abort.module)
            .and_then(|(_, bytes)| Module::parse(bytes).ok()),
    };
    anyhow::anyhow!(describe(abort, evidence.sources, module.as_ref()))
}

/// What the chain says of a failure that is no abort, and what can be done about it here.
fn failure(error: &TransactionError) -> anyhow::Error {
    let text = short_addresses(&error.to_string());
    match ADVICE.iter().find(|(kind, _)| text.contains(kind)) {
        Some((_, advice)) => anyhow::anyhow!("{text}; {advice}"),
        None => anyhow::anyhow!(text),
    }
}

/// Kinds of failures, and what is meant.
const ADVICE: [(&str, &str); 2] = [
    (
        "MOVE_PRIMITIVE_RUNTIME_ERROR",
        "that is no abort, but an overflow, a division by zero, a wrong cast, index or shift in the code",
    ),
    (
        "UNUSED_VALUE_WITHOUT_DROP",
        "a value that the function returns can neither be dropped nor go to the sender: another call of the same transaction has \
         to take it, in a function of a module of yours or in a transaction that an SDK builds",
    ),
];

/// The module as it is published; `None` if it is not, or cannot be had.
async fn module_on_chain(target: &Target, abort: &MoveAbort) -> Option<Module> {
    let package = abort.package?.to_string();
    let request = proto::GetPackageRequest::default().with_package_id(package);
    let mut rpc = target.executor.chain().rpc();
    let response = rpc.package_client().get_package(request).await.ok()?;
    let response = response.into_inner();
    let modules = response.package().modules();
    let module = modules.iter().find(|one| one.name() == abort.module)?;
    Module::parse(module.contents()).ok()
}

/// Several lines: where, with what, and how sure that is.
fn describe(abort: &MoveAbort, sources: &[PackageSources], module: Option<&Module>) -> String {
    let mut text = format!("the Move code aborted in {}", abort.module);
    if let Some(function) = &abort.function {
        let _ = write!(text, "::{function}");
    }
    if let Some(package) = abort.package {
        let _ = write!(text, " of package {package}");
    }
    let source = find_module(sources, abort);
    let clever = CleverCode::parse(abort.code);
    match clever {
        Some(code) => clever_details(&mut text, code, module, source.as_ref()),
        None => plain_details(&mut text, abort, source.as_ref()),
    }
    if source.is_none() {
        text.push_str("\n  sources: not at hand for this module");
    }
    text
}

fn find_module<'a>(sources: &'a [PackageSources], abort: &MoveAbort) -> Option<ModuleSource<'a>> {
    let framework = [
        Address::from_static("0x1"),
        Address::TWO,
        Address::from_static("0x3"),
    ];
    if abort.package.is_some_and(|id| framework.contains(&id)) {
        return None;
    }
    let named = sources
        .iter()
        .find(|one| one.id.is_some() && one.id == abort.package);
    // The package itself has no ID yet when it is being published.
    let package = named.or_else(|| sources.iter().find(|one| one.id.is_none()))?;
    ModuleSource::find(&package.files, &abort.module)
}

/// The code itself says line and constant: all of it is exact.
fn clever_details(
    text: &mut String,
    code: CleverCode,
    module: Option<&Module>,
    source: Option<&ModuleSource<'_>>,
) {
    let constant = |index: Option<u16>| module.zip(index).and_then(|(one, at)| one.constant(at));
    match (code.name, constant(code.name)) {
        (None, _) => text.push_str("\n  error:   an assertion without a code failed"),
        (Some(index), None) => {
            let _ = write!(text, "\n  error:   constant {index} of the module's pool");
        }
        (Some(_), Some(name)) => {
            let name = value(&name.signature, name.bytes);
            let _ = write!(text, "\n  error:   {}", name.trim_matches('"'));
        }
    }
    if let Some(message) = constant(code.value) {
        let _ = write!(text, " = {}", value(&message.signature, message.bytes));
    }
    let _ = match source {
        Some(source) => write!(
            text,
            "\n  line:    {}:{} (exact: the abort code carries it)",
            shown(source.path()),
            code.line
        ),
        None => write!(
            text,
            "\n  line:    {} of the module's file (exact: the abort code carries it)",
            code.line
        ),
    };
}

/// A number, of which the sources know the meaning.
fn plain_details(text: &mut String, abort: &MoveAbort, source: Option<&ModuleSource<'_>>) {
    let code = abort.code;
    let Some(source) = source else {
        let _ = write!(text, "\n  error:   code {code}");
        return;
    };
    let function = abort.function.as_deref();
    let uses = source.uses(function, code);
    let _ = match uses.constants.as_slice() {
        [] => write!(
            text,
            "\n  error:   code {code}, of which the module has no constant"
        ),
        [name] => write!(
            text,
            "\n  error:   {name} (code {code}; the only constant that fits)"
        ),
        several => write!(
            text,
            "\n  error:   one of {} (code {code}; all have this value)",
            several.join(", ")
        ),
    };
    let path = shown(source.path());
    let lines: Vec<_> = uses.lines.iter().map(ToString::to_string).collect();
    let _ = match uses.lines.as_slice() {
        [line] => write!(
            text,
            "\n  line:    {path}:{line} (the only place in the function that aborts with it)"
        ),
        [] => match function.and_then(|name| source.function_line(name)) {
            Some(line) => write!(
                text,
                "\n  line:    unknown; the function begins at {path}:{line} and does not name the code"
            ),
            None => write!(text, "\n  line:    unknown, in {path}"),
        },
        _ => write!(
            text,
            "\n  line:    one of {path}:{} (the chain does not say which)",
            lines.join(", ")
        ),
    };
}

/// Relative to where the user is, if it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|dir| dir.canonicalize());
    let relative = here.ok().and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).display().to_string()
}

/// A constant for people: text in quotes, numbers in decimal, anything else in hexadecimal.
fn value(signature: &Signature, bytes: &[u8]) -> String {
    let number = |bytes: &[u8]| {
        let mut wide = [0; 16];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(u128::from_le_bytes(wide).to_string())
    };
    let hexadecimal = || {
        bytes
            .iter()
            .fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    };
    match signature {
        Signature::Bool => (bytes == [1]).to_string(),
        Signature::U8 | Signature::U16 | Signature::U32 | Signature::U64 | Signature::U128 => {
            number(bytes).unwrap_or_else(hexadecimal)
        }
        Signature::Vector(element) if **element == Signature::U8 => {
            let content: Option<Vec<u8>> = bcs::from_bytes(bytes).ok();
            content
                .and_then(|content| String::from_utf8(content).ok())
                .map_or_else(hexadecimal, |text| format!("{text:?}"))
        }
        _ => hexadecimal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clever_codes_are_taken_apart() {
        let code = CleverCode::parse(13_906_834_225_882_988_545);
        let expected = CleverCode {
            line: 12,
            name: Some(0),
            value: Some(1),
        };
        assert_eq!(code, Some(expected));
        let code = CleverCode::parse(13_906_834_234_472_923_135);
        let expected = CleverCode {
            line: 13,
            name: None,
            value: None,
        };
        assert_eq!(code, Some(expected));
        assert_eq!(CleverCode::parse(7), None);
        assert_eq!(CleverCode::parse(1 << 62), None);
    }

    #[test]
    fn values_are_readable() {
        let bytes = Signature::Vector(Box::new(Signature::U8));
        assert_eq!(value(&bytes, b"\x03low"), "\"low\"");
        assert_eq!(value(&bytes, b"\x02\xff\xfe"), "0x02fffe");
        assert_eq!(value(&Signature::U64, &[5, 1, 0, 0, 0, 0, 0, 0]), "261");
        assert_eq!(value(&Signature::Bool, &[1]), "true");
        assert_eq!(value(&Signature::Address, &[0xab]), "0xab");
    }
}
