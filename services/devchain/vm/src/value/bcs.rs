//! BCS of values. Encoding needs only the value, decoding goes by type (devchain spec 3.4).

use ethnum::U256;
use sui_sdk_types::Address;

use super::Value;
use crate::{
    error::{VmError, VmResult},
    limits,
    types::{DatatypeBody, Field, Type},
    uleb::write as uleb,
};

/// Encodes a value; a reference is encoded as its target.
pub(crate) fn encode(value: &Value) -> VmResult<Vec<u8>> {
    let mut out = Vec::new();
    encode_into(value, &mut out, 0)?;
    Ok(out)
}

fn encode_into(value: &Value, out: &mut Vec<u8>, depth: usize) -> VmResult<()> {
    if depth >= limits::VALUE_DEPTH {
        return Err(VmError::primitive("value is nested too deeply"));
    }
    match value {
        Value::Invalid => return Err(VmError::invariant("encoding of a moved value")),
        Value::Bool(value) => out.push(u8::from(*value)),
        Value::U8(value) => out.push(*value),
        Value::U16(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::U32(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::U64(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::U128(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::U256(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::Address(value) => out.extend_from_slice(value.as_bytes()),
        Value::Bytes(bytes) => {
            uleb(out, bytes.len());
            out.extend_from_slice(bytes);
        }
        Value::Vector(items) => {
            uleb(out, items.len());
            for item in items {
                encode_into(item, out, depth + 1)?;
            }
        }
        Value::Struct(items) => {
            for item in items {
                encode_into(item, out, depth + 1)?;
            }
        }
        Value::Variant(tag, items) => {
            uleb(out, usize::from(*tag));
            for item in items {
                encode_into(item, out, depth + 1)?;
            }
        }
        Value::Reference(reference) => {
            reference.look(|value| encode_into(value, out, depth + 1))?
        }
    }
    Ok(())
}

/// Decodes a value of a closed type; all bytes must be consumed.
pub(crate) fn decode(ty: &Type, bytes: &[u8]) -> VmResult<Value> {
    let mut reader = Reader { bytes };
    let value = reader.value(ty, &[], 0)?;
    if reader.bytes.is_empty() {
        Ok(value)
    } else {
        Err(bad("trailing bytes"))
    }
}

fn bad(text: &str) -> VmError {
    VmError::InvalidBcs(text.to_owned())
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> VmResult<&'a [u8]> {
        if count > self.bytes.len() {
            return Err(bad("unexpected end"));
        }
        let (head, tail) = self.bytes.split_at(count);
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> VmResult<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| bad("unexpected end"))
    }

    fn uleb(&mut self) -> VmResult<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                if shift > 0 && byte == 0 {
                    return Err(bad("ULEB128 is not minimal"));
                }
                return u32::try_from(value).map_err(|_| bad("ULEB128 too large"));
            }
        }
        Err(bad("ULEB128 too long"))
    }

    fn value(&mut self, ty: &Type, environment: &[Type], depth: usize) -> VmResult<Value> {
        if depth >= limits::VALUE_DEPTH {
            return Err(bad("value is nested too deeply"));
        }
        Ok(match ty {
            Type::Bool => match self.array()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return Err(bad("bool")),
            },
            Type::U8 => Value::U8(u8::from_le_bytes(self.array()?)),
            Type::U16 => Value::U16(u16::from_le_bytes(self.array()?)),
            Type::U32 => Value::U32(u32::from_le_bytes(self.array()?)),
            Type::U64 => Value::U64(u64::from_le_bytes(self.array()?)),
            Type::U128 => Value::U128(u128::from_le_bytes(self.array()?)),
            Type::U256 => Value::U256(U256::from_le_bytes(self.array()?)),
            Type::Address => Value::Address(Address::new(self.array()?)),
            Type::Vector(inner) => return self.vector(inner, environment, depth),
            Type::Datatype(datatype, arguments) => {
                let closed: Vec<Type>;
                let arguments: &[Type] = if environment.is_empty() || arguments.is_empty() {
                    arguments
                } else {
                    closed = arguments
                        .iter()
                        .map(|ty| ty.substitute(environment))
                        .collect::<VmResult<_>>()?;
                    &closed
                };
                match &datatype.body {
                    DatatypeBody::Struct(fields) => {
                        Value::Struct(self.fields(fields, arguments, depth)?)
                    }
                    DatatypeBody::Enum(variants) => {
                        let unknown = || bad("unknown variant");
                        let tag = u16::try_from(self.uleb()?).map_err(|_| unknown())?;
                        let variant = variants.get(usize::from(tag)).ok_or_else(unknown)?;
                        Value::Variant(tag, self.fields(&variant.fields, arguments, depth)?)
                    }
                }
            }
            Type::Param(index) => {
                let ty = environment
                    .get(usize::from(*index))
                    .ok_or_else(|| bad("open type"))?;
                return self.value(ty, &[], depth);
            }
            Type::Signer | Type::Reference(_) | Type::MutableReference(_) => {
                return Err(bad("type has no BCS form"));
            }
        })
    }

    fn fields(
        &mut self,
        fields: &[Field],
        environment: &[Type],
        depth: usize,
    ) -> VmResult<Vec<Value>> {
        let mut values = Vec::with_capacity(fields.len());
        for field in fields {
            values.push(self.value(&field.ty, environment, depth + 1)?);
        }
        Ok(values)
    }

    fn vector(&mut self, inner: &Type, environment: &[Type], depth: usize) -> VmResult<Value> {
        let inner = match inner {
            Type::Param(index) => environment
                .get(usize::from(*index))
                .ok_or_else(|| bad("open type"))?,
            inner => inner,
        };
        let count = self.uleb()? as usize;
        if *inner == Type::U8 {
            return Ok(Value::Bytes(self.take(count)?.to_vec()));
        }
        // Every element takes at least one byte (structs have at least one field).
        if count > self.bytes.len() {
            return Err(bad("unexpected end"));
        }
        let mut items = Vec::with_capacity(count.min(limits::VECTOR_LENGTH));
        for _ in 0..count {
            items.push(self.value(inner, environment, depth + 1)?);
        }
        Ok(Value::Vector(items))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A number inside of so many vectors.
    fn nested(vectors: usize) -> (Type, Value) {
        (0..vectors).fold((Type::U64, Value::U64(7)), |(ty, value), _| {
            (Type::Vector(ty.into()), Value::Vector(vec![value]))
        })
    }

    #[test]
    fn a_value_nests_as_deep_as_its_limit() {
        let (ty, value) = nested(limits::VALUE_DEPTH - 1);
        let bytes = encode(&value).unwrap();
        assert!(decode(&ty, &bytes).unwrap().equals(&value).unwrap());
        let (ty, value) = nested(limits::VALUE_DEPTH);
        assert!(encode(&value).is_err());
        assert!(value.equals(&value.clone()).is_err());
        let deeper = [vec![1], bytes].concat();
        assert!(decode(&ty, &deeper).is_err());
    }
}
