//! Arguments of a call: text, read by the type of the parameter.

use anyhow::{Context, bail, ensure};
use sui_rpc::proto::sui::rpc::v2::{OpenSignatureBody, open_signature_body::Type};
use walrus_sui::{Address, StructTag, TypeTag};

use super::short_addresses::short_addresses;

/// Longest list of an argument.
const MAX_ELEMENTS: usize = 10_000;
/// Deepest nesting of vectors and options.
const MAX_DEPTH: usize = 8;

/// An argument as a transaction takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// BCS.
    Pure(Vec<u8>),
    /// An object.
    Object(Address),
    /// A vector of objects.
    Objects(Vec<Address>),
}

/// Reads an argument for a parameter of a type, type parameters replaced by `type_arguments`.
///
/// # Errors
/// A sentence that names the text and the type.
pub(crate) fn read(
    text: &str,
    parameter: &OpenSignatureBody,
    type_arguments: &[TypeTag],
) -> anyhow::Result<Value> {
    let tag = instantiate(parameter, type_arguments, 0)?;
    if let TypeTag::Vector(element) = &tag
        && is_object(element)
    {
        let parts = elements(text).with_context(|| format!("`{text}` is not a list"))?;
        let objects = parts
            .into_iter()
            .map(address)
            .collect::<anyhow::Result<_>>();
        return Ok(Value::Objects(objects?));
    }
    if is_object(&tag) {
        return Ok(Value::Object(address(text)?));
    }
    let mut bytes = Vec::new();
    encode(text, &tag, &mut bytes, 0).with_context(|| format!("`{text}` is not of type {tag}"))?;
    Ok(Value::Pure(bytes))
}

/// The type of a parameter, for people.
///
/// # Errors
/// As [`read`].
pub(crate) fn type_name(
    parameter: &OpenSignatureBody,
    type_arguments: &[TypeTag],
) -> anyhow::Result<String> {
    let tag = instantiate(parameter, type_arguments, 0)?;
    Ok(short_addresses(&tag.to_string()))
}

/// The type of the objects that a parameter takes, one or a vector of them; `None` if it takes plain values.
///
/// # Errors
/// As [`read`].
pub(crate) fn object_type(
    parameter: &OpenSignatureBody,
    type_arguments: &[TypeTag],
) -> anyhow::Result<Option<StructTag>> {
    let tag = match instantiate(parameter, type_arguments, 0)? {
        TypeTag::Vector(element) => *element,
        tag => tag,
    };
    let is_object = is_object(&tag);
    Ok(match tag {
        TypeTag::Struct(tag) if is_object => Some(*tag),
        _ => None,
    })
}

/// The closed type of a declared one.
fn instantiate(
    body: &OpenSignatureBody,
    type_arguments: &[TypeTag],
    depth: usize,
) -> anyhow::Result<TypeTag> {
    ensure!(depth <= MAX_DEPTH, "the type is nested too deeply");
    let inner = || {
        body.type_parameter_instantiation
            .iter()
            .map(|one| instantiate(one, type_arguments, depth + 1))
            .collect::<anyhow::Result<Vec<_>>>()
    };
    Ok(match body.r#type() {
        Type::Address => TypeTag::Address,
        Type::Bool => TypeTag::Bool,
        Type::U8 => TypeTag::U8,
        Type::U16 => TypeTag::U16,
        Type::U32 => TypeTag::U32,
        Type::U64 => TypeTag::U64,
        Type::U128 => TypeTag::U128,
        Type::U256 => TypeTag::U256,
        Type::Vector => {
            let element = inner()?.pop().context("a vector of nothing")?;
            TypeTag::Vector(Box::new(element))
        }
        Type::Datatype => {
            let mut name = body.type_name().to_owned();
            let arguments: Vec<_> = inner()?.iter().map(ToString::to_string).collect();
            if !arguments.is_empty() && !name.contains('<') {
                name = format!("{name}<{}>", arguments.join(", "));
            }
            name.parse()
                .map_err(|error| anyhow::anyhow!("the chain names a type {name}: {error}"))?
        }
        Type::Parameter => {
            let index = usize::try_from(body.type_parameter())?;
            let given = type_arguments.get(index).cloned();
            given.with_context(|| {
                format!("type argument {index} is missing; give it with --type-arg")
            })?
        }
        other => bail!("the chain names an unknown type {other:?}"),
    })
}

/// The types of the framework that are values although they are structs.
#[derive(Clone, Copy)]
enum Plain {
    Text,
    Id,
    Option,
}

fn plain(tag: &TypeTag) -> Option<Plain> {
    let TypeTag::Struct(tag) = tag else {
        return None;
    };
    let (one, two) = (Address::from_static("0x1"), Address::TWO);
    let (address, module, name) = (*tag.address(), tag.module().as_str(), tag.name().as_str());
    match (module, name) {
        ("string" | "ascii", "String") if address == one => Some(Plain::Text),
        ("option", "Option") if address == one => Some(Plain::Option),
        ("object", "ID") if address == two => Some(Plain::Id),
        _ => None,
    }
}

fn is_object(tag: &TypeTag) -> bool {
    matches!(tag, TypeTag::Struct(_)) && plain(tag).is_none()
}

fn address(text: &str) -> anyhow::Result<Address> {
    text.trim()
        .parse()
        .map_err(|_| anyhow::anyhow!("`{text}` is not an object ID or address"))
}

fn encode(text: &str, tag: &TypeTag, into: &mut Vec<u8>, depth: usize) -> anyhow::Result<()> {
    ensure!(depth <= MAX_DEPTH, "it is nested too deeply");
    let text = text.trim();
    match tag {
        TypeTag::Bool => into.push(u8::from(text.parse::<bool>()?)),
        TypeTag::U8 => into.extend(integer::<1>(text)?),
        TypeTag::U16 => into.extend(integer::<2>(text)?),
        TypeTag::U32 => into.extend(integer::<4>(text)?),
        TypeTag::U64 => into.extend(integer::<8>(text)?),
        TypeTag::U128 => into.extend(integer::<16>(text)?),
        TypeTag::U256 => into.extend(integer::<32>(text)?),
        TypeTag::Address => into.extend(address(text)?.as_ref() as &[u8]),
        TypeTag::Vector(element) => return encode_vector(text, element, into, depth),
        TypeTag::Struct(of) => match plain(tag) {
            Some(Plain::Text) => into.extend(bcs::to_bytes(text)?),
            Some(Plain::Id) => into.extend(address(text)?.as_ref() as &[u8]),
            Some(Plain::Option) => {
                let inner = of.type_params().first().context("an option of nothing")?;
                match text.strip_prefix("some:") {
                    Some(value) => {
                        into.push(1);
                        encode(value, inner, into, depth + 1)?;
                    }
                    None if text == "none" => into.push(0),
                    None => bail!("an option is `none` or `some:VALUE`"),
                }
            }
            None => bail!("objects cannot be inside other values"),
        },
        _ => bail!("values of this type cannot be given"),
    }
    Ok(())
}

fn encode_vector(
    text: &str,
    element: &TypeTag,
    into: &mut Vec<u8>,
    depth: usize,
) -> anyhow::Result<()> {
    if *element == TypeTag::U8 && !text.starts_with('[') {
        let bytes = match text.strip_prefix("0x") {
            Some(digits) => hex::decode(digits).context("an odd or wrong number of digits")?,
            None => text.as_bytes().to_vec(),
        };
        into.extend(bcs::to_bytes(&bytes)?);
        return Ok(());
    }
    let parts = elements(text)?;
    let mut length = u32::try_from(parts.len())?;
    // ULEB128.
    loop {
        let low = u8::try_from(length & 0x7f)?;
        length >>= 7;
        if length == 0 {
            into.push(low);
            break;
        }
        into.push(low | 0x80);
    }
    for part in parts {
        encode(part, element, into, depth + 1)?;
    }
    Ok(())
}

/// The elements of `[a, b, c]`; those of lists inside stay together.
fn elements(text: &str) -> anyhow::Result<Vec<&str>> {
    let text = text.trim();
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .context("a list is written as [a, b, c]")?;
    if inside.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut depth = 0_usize;
    let parts: Vec<_> = inside
        .split(|character| {
            match character {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        })
        .collect();
    ensure!(
        parts.len() <= MAX_ELEMENTS,
        "more than {MAX_ELEMENTS} elements"
    );
    Ok(parts)
}

/// A decimal or hexadecimal number as `N` little-endian bytes.
fn integer<const N: usize>(text: &str) -> anyhow::Result<[u8; N]> {
    let digits = text.replace('_', "");
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (&*digits, 10),
    };
    ensure!(!digits.is_empty(), "it is empty");
    let mut value = [0_u8; N];
    for digit in digits.chars() {
        let mut carry = digit.to_digit(radix).context("it is not a number")?;
        for byte in &mut value {
            let next = u32::from(*byte) * radix + carry;
            *byte = u8::try_from(next & 0xff)?;
            carry = next >> 8;
        }
        ensure!(carry == 0, "it does not fit {} bits", 8 * N);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, tag: &str) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        encode(text, &tag.parse().unwrap(), &mut bytes, 0)?;
        Ok(bytes)
    }

    #[test]
    fn numbers_have_their_width() {
        assert_eq!(encoded("258", "u64").unwrap(), 258_u64.to_le_bytes());
        assert_eq!(encoded("0xff", "u8").unwrap(), [255]);
        let largest = u128::MAX.to_string();
        assert_eq!(encoded(&largest, "u128").unwrap(), [255; 16]);
        assert_eq!(encoded("1_000", "u256").unwrap().len(), 32);
        for (text, tag) in [
            ("256", "u8"),
            ("-1", "u64"),
            ("", "u8"),
            ("1.5", "u32"),
            ("yes", "bool"),
        ] {
            assert!(encoded(text, tag).is_err(), "{text} {tag}");
        }
    }

    #[test]
    fn vectors_texts_and_options_are_those_of_bcs() {
        assert_eq!(encoded("[1, 2]", "vector<u16>").unwrap(), [2, 1, 0, 2, 0]);
        assert_eq!(
            encoded("[[1],[]]", "vector<vector<u8>>").unwrap(),
            [2, 1, 1, 0]
        );
        assert_eq!(encoded("0x0a0b", "vector<u8>").unwrap(), [2, 10, 11]);
        assert_eq!(encoded("hi", "vector<u8>").unwrap(), [2, b'h', b'i']);
        assert_eq!(
            encoded("hi", "0x1::string::String").unwrap(),
            [2, b'h', b'i']
        );
        assert_eq!(
            encoded("some:7", "0x1::option::Option<u8>").unwrap(),
            [1, 7]
        );
        assert_eq!(encoded("none", "0x1::option::Option<u8>").unwrap(), [0]);
        assert_eq!(encoded("0x5", "0x2::object::ID").unwrap().len(), 32);
        let many = format!("[{}]", vec!["true"; 200].join(","));
        assert_eq!(encoded(&many, "vector<bool>").unwrap()[..3], [0xc8, 1, 1]);
        let deep = format!("{}{}", "[".repeat(20), "]".repeat(20));
        let tag = format!("{}u8{}", "vector<".repeat(20), ">".repeat(20));
        assert!(encoded(&deep, &tag).is_err());
    }
}
