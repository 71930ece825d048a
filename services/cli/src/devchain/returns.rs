//! Values that a call returns, for people and programs.

use std::fmt::Write as _;

use prost_types::{Value, value::Kind};
use serde::Serialize;
use sui_rpc::proto::sui::rpc::v2::CommandOutput;

use super::short_addresses::short_addresses;

/// The type of texts that are shown in quotes.
const TEXTS: [&str; 2] = ["::string::String", "::ascii::String"];

/// A value that a function returned.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Returned {
    #[serde(rename = "type")]
    value_type: String,
    /// As the chain renders it; `null` if it does not.
    value: serde_json::Value,
    /// `0x` and hexadecimal digits.
    bcs: String,
    /// The same of a vector of bytes alone, as an argument is written. Chains render those in base64.
    #[serde(skip)]
    bytes: Option<String>,
}

impl Returned {
    pub(super) fn new(output: &CommandOutput) -> Self {
        let bytes = output.value().value();
        let vector: Option<Vec<u8>> = match output.value().name() {
            "vector<u8>" => bcs::from_bytes(bytes).ok(),
            _ => None,
        };
        Self {
            value_type: output.value().name().to_owned(),
            value: output.json_opt().map_or(serde_json::Value::Null, plain),
            bcs: hexadecimal(bytes),
            bytes: vector.as_deref().map(hexadecimal),
        }
    }

    /// Whether it is an option without a value.
    fn is_none(&self) -> bool {
        short_addresses(&self.value_type).starts_with("0x1::option::Option<") && self.bcs == "0x00"
    }

    /// Type and value in one line.
    pub(super) fn line(&self) -> String {
        let short = short_addresses(&self.value_type);
        if let Some(bytes) = &self.bytes {
            return format!("{short} {bytes}");
        }
        let is_text = TEXTS.iter().any(|end| self.value_type.ends_with(end));
        let value = match &self.value {
            // As an argument is written. Chains render it as nothing.
            serde_json::Value::Null if self.is_none() => "none".to_owned(),
            serde_json::Value::Null => format!("{} (BCS)", self.bcs),
            // Numbers that do not fit into those of JSON, and addresses.
            serde_json::Value::String(text) if !is_text && is_tame(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{short} {value}")
    }
}

/// Whether a text needs no quotes.
fn is_tame(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = "0x".to_owned();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The same value in the types of `serde_json`. How deep it is, the decoder of the message has bounded.
fn plain(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(value)) => (*value).into(),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        // Those of the chain have at most 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
            (*number as i64).into()
        }
        Some(Kind::NumberValue(number)) => (*number).into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(plain).collect(),
        Some(Kind::StructValue(fields)) => fields
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use sui_rpc::proto::sui::rpc::v2::Bcs;

    use super::*;

    fn returned(value_type: &str, bytes: &[u8], kind: Option<Kind>) -> Returned {
        let mut output = CommandOutput::default();
        let mut bcs = Bcs::default();
        bcs.name = Some(value_type.to_owned());
        bcs.value = Some(bytes.to_vec().into());
        output.value = Some(bcs);
        output.json = kind.map(|kind| Box::new(Value { kind: Some(kind) }));
        Returned::new(&output)
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        let text = |text: &str| Some(Kind::StringValue(text.to_owned()));
        let line = |value_type, bytes: &[u8], kind| returned(value_type, bytes, kind).line();
        assert_eq!(line("u64", &[6], text("6")), "u64 6");
        assert_eq!(line("u8", &[6], Some(Kind::NumberValue(6.0))), "u8 6");
        assert_eq!(line("bool", &[1], Some(Kind::BoolValue(true))), "bool true");
        assert_eq!(line("u16", &[1, 2], None), "u16 0x0102 (BCS)");
        assert_eq!(
            line("vector<u8>", b"\x02hi", text("aGk=")),
            "vector<u8> 0x6869"
        );
        let option = format!("0x{}1::option::Option<u32>", "0".repeat(63));
        assert_eq!(line(&option, &[0], None), "0x1::option::Option<u32> none");
        let null = Some(Kind::NullValue(0));
        assert_eq!(line(&option, &[0], null), "0x1::option::Option<u32> none");
        let other = format!("0x{}::option::Option<u32>", "1".repeat(64));
        let shown = format!("{other} 0x00 (BCS)");
        assert_eq!(line(&other, &[0], None), shown);
        let string = format!("0x{}1::string::String", "0".repeat(63));
        assert_eq!(
            line(&string, &[], text("\u{1b}5")),
            "0x1::string::String \"\\u001b5\""
        );
        assert_eq!(line("a::b::C", &[], text("\u{1b}")), "a::b::C \"\\u001b\"");
    }
}
