//! Move values as `google.protobuf.Value` (devchain spec 1.8).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use sui_devchain_executor::ObjectStore;
use sui_devchain_vm::declarations::{DeclaredBody, FieldDeclaration};
use sui_sdk_types::{Address, ObjectData, StructTag, TypeTag};

use crate::abi;
use crate::indexes::Indexes;
use crate::limits::{MAX_JSON_DEPTH, MAX_JSON_NODES};

/// Renders a struct from its BCS form. `None` if its type is unknown, the bytes do not fit the
/// type, or the value is too large.
pub(crate) fn render_struct(indexes: &Indexes, tag: &StructTag, contents: &[u8]) -> Option<Value> {
    render(indexes, &TypeTag::Struct(Box::new(tag.clone())), contents)
}

/// Renders a value of any type from its BCS form, as [`render_struct`].
pub(crate) fn render(indexes: &Indexes, tag: &TypeTag, contents: &[u8]) -> Option<Value> {
    let mut renderer = Renderer::new(indexes, contents);
    let value = renderer.value(tag, 0)?;
    renderer.rest.is_empty().then_some(value)
}

/// The length of the BCS value of this type at the start of some bytes.
pub(crate) fn encoded_length(indexes: &Indexes, tag: &TypeTag, bytes: &[u8]) -> Option<usize> {
    let mut renderer = Renderer::new(indexes, bytes);
    renderer.value(tag, 0)?;
    bytes.len().checked_sub(renderer.rest.len())
}

struct Renderer<'a> {
    indexes: &'a Indexes,
    rest: &'a [u8],
    nodes: usize,
    /// Datatypes that were looked up already: a value may hold thousands of one type.
    layouts: HashMap<StructTag, Option<Arc<Layout>>>,
}

/// Names and closed types of fields.
type Fields = Vec<(String, TypeTag)>;

/// The fields of a closed datatype.
enum Layout {
    Struct(Fields),
    /// Per variant its name and fields.
    Enum(Vec<(String, Fields)>),
}

fn text(text: impl Into<String>) -> Value {
    Value {
        kind: Some(Kind::StringValue(text.into())),
    }
}

fn number(number: impl Into<f64>) -> Value {
    Value {
        kind: Some(Kind::NumberValue(number.into())),
    }
}

impl<'a> Renderer<'a> {
    fn new(indexes: &'a Indexes, rest: &'a [u8]) -> Self {
        Self {
            indexes,
            rest,
            nodes: 0,
            layouts: HashMap::new(),
        }
    }

    fn layout(&mut self, tag: &StructTag) -> Option<Arc<Layout>> {
        if let Some(known) = self.layouts.get(tag) {
            return known.clone();
        }
        let found = layout(self.indexes, tag).map(Arc::new);
        self.layouts.insert(tag.clone(), found.clone());
        found
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?.first().copied()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return usize::try_from(value).ok();
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.length()?;
        self.take(length).map(<[u8]>::to_vec)
    }

    fn value(&mut self, tag: &TypeTag, depth: usize) -> Option<Value> {
        self.nodes = self.nodes.checked_add(1)?;
        if depth > MAX_JSON_DEPTH || self.nodes > MAX_JSON_NODES {
            return None;
        }
        Some(match tag {
            TypeTag::Bool => Value {
                kind: Some(Kind::BoolValue(self.array::<1>()? != [0])),
            },
            TypeTag::U8 => number(u8::from_le_bytes(self.array()?)),
            TypeTag::U16 => number(u16::from_le_bytes(self.array()?)),
            TypeTag::U32 => number(u32::from_le_bytes(self.array()?)),
            TypeTag::U64 => text(u64::from_le_bytes(self.array()?).to_string()),
            TypeTag::U128 => text(u128::from_le_bytes(self.array()?).to_string()),
            TypeTag::U256 => text(decimal(self.array()?)),
            TypeTag::Address | TypeTag::Signer => text(Address::new(self.array()?).to_string()),
            TypeTag::Vector(element) if **element == TypeTag::U8 => {
                text(STANDARD.encode(self.bytes()?))
            }
            TypeTag::Vector(element) => {
                let length = self.length()?;
                let mut values = Vec::new();
                for _ in 0..length {
                    values.push(self.value(element, depth.checked_add(1)?)?);
                }
                Value {
                    kind: Some(Kind::ListValue(ListValue { values })),
                }
            }
            TypeTag::Struct(tag) => self.datatype(tag, depth)?,
        })
    }

    fn datatype(&mut self, tag: &StructTag, depth: usize) -> Option<Value> {
        let one = Address::from_static("0x1");
        let is = |address: Address, module: &str, name: &str| {
            *tag.address() == address
                && tag.module().as_str() == module
                && tag.name().as_str() == name
        };
        if is(one, "string", "String") || is(one, "ascii", "String") {
            return String::from_utf8(self.bytes()?).ok().map(text);
        }
        if is(Address::TWO, "url", "Url") || is(one, "type_name", "TypeName") {
            return String::from_utf8(self.bytes()?).ok().map(text);
        }
        if is(Address::TWO, "object", "ID") || is(Address::TWO, "object", "UID") {
            return Some(text(Address::new(self.array()?).to_string()));
        }
        if is(one, "option", "Option") {
            let element = tag.type_params().first()?;
            return match self.length()? {
                0 => Some(Value {
                    kind: Some(Kind::NullValue(0)),
                }),
                1 => self.value(element, depth.checked_add(1)?),
                _ => None,
            };
        }
        self.declared(tag, depth)
    }

    fn declared(&mut self, tag: &StructTag, depth: usize) -> Option<Value> {
        let layout = self.layout(tag)?;
        let mut fields = std::collections::BTreeMap::new();
        let list = match &*layout {
            Layout::Struct(list) => list,
            Layout::Enum(variants) => {
                let (name, list) = variants.get(self.length()?)?;
                fields.insert("@variant".to_owned(), text(name.as_str()));
                list
            }
        };
        for (name, type_) in list {
            fields.insert(name.clone(), self.value(type_, depth.checked_add(1)?)?);
        }
        Some(Value {
            kind: Some(Kind::StructValue(Struct {
                fields: fields.into_iter().collect(),
            })),
        })
    }
}

fn layout(indexes: &Indexes, tag: &StructTag) -> Option<Layout> {
    let object = indexes.latest(tag.address())?;
    let ObjectData::Package(package) = object.data() else {
        return None;
    };
    let module = indexes.declared().of(package, tag.module())?;
    let datatype = module.datatype(tag.name().as_str())?;
    let defining_id = |original: Address, module: &str, name: &str| {
        abi::defining_id(indexes, package, original, module, name)
    };
    let closed = |list: &[FieldDeclaration]| -> Option<Fields> {
        list.iter()
            .map(|FieldDeclaration { name, signature }| {
                let type_ = signature.close(tag.type_params(), &defining_id)?;
                Some((name.clone(), type_))
            })
            .collect()
    };
    Some(match &datatype.body {
        DeclaredBody::Struct(list) => Layout::Struct(closed(list)?),
        DeclaredBody::Enum(variants) => Layout::Enum(
            variants
                .iter()
                .map(|variant| Some((variant.name.clone(), closed(&variant.fields)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

/// A 256-bit little-endian number in decimal.
fn decimal(bytes: [u8; 32]) -> String {
    let mut rest = bytes;
    let mut digits = Vec::new();
    while rest.iter().any(|byte| *byte != 0) {
        let mut remainder = 0u16;
        for byte in rest.iter_mut().rev() {
            let current = (remainder << 8) | u16::from(*byte);
            *byte = u8::try_from(current / 10).unwrap_or_default();
            remainder = current % 10;
        }
        digits.push(char::from(
            b'0'.wrapping_add(u8::try_from(remainder).unwrap_or_default()),
        ));
    }
    if digits.is_empty() {
        return "0".into();
    }
    digits.iter().rev().collect()
}
