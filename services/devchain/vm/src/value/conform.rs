//! Type conformance: whether a value has the shape of a type.

use super::Value;
use crate::types::{DatatypeBody, Field, Type};

impl Value {
    /// Whether this is a value of the closed type `ty`, all the way down. References and open types are of no shape.
    pub(crate) fn conforms(&self, ty: &Type) -> bool {
        conforms(self, ty, &[])
    }
}

fn conforms(value: &Value, ty: &Type, environment: &[Type]) -> bool {
    match (value, ty) {
        (_, Type::Param(index)) => environment
            .get(usize::from(*index))
            .is_some_and(|ty| conforms(value, ty, &[])),
        (Value::Bool(_), Type::Bool)
        | (Value::U8(_), Type::U8)
        | (Value::U16(_), Type::U16)
        | (Value::U32(_), Type::U32)
        | (Value::U64(_), Type::U64)
        | (Value::U128(_), Type::U128)
        | (Value::U256(_), Type::U256)
        | (Value::Address(_), Type::Address) => true,
        (Value::Bytes(_), Type::Vector(element)) => is_u8(element, environment),
        (Value::Vector(items), Type::Vector(element)) => {
            !is_u8(element, environment)
                && items
                    .iter()
                    .all(|item| conforms(item, element, environment))
        }
        (Value::Struct(items), Type::Datatype(datatype, arguments)) => match &datatype.body {
            DatatypeBody::Struct(fields) => all(items, fields, arguments, environment),
            DatatypeBody::Enum(_) => false,
        },
        (Value::Variant(tag, items), Type::Datatype(datatype, arguments)) => match &datatype.body {
            DatatypeBody::Enum(variants) => variants
                .get(usize::from(*tag))
                .is_some_and(|variant| all(items, &variant.fields, arguments, environment)),
            DatatypeBody::Struct(_) => false,
        },
        _ => false,
    }
}

fn is_u8(element: &Type, environment: &[Type]) -> bool {
    match element {
        Type::U8 => true,
        Type::Param(index) => environment.get(usize::from(*index)) == Some(&Type::U8),
        _ => false,
    }
}

fn all(items: &[Value], fields: &[Field], arguments: &[Type], environment: &[Type]) -> bool {
    let closed: Option<Vec<Type>>;
    let arguments = if environment.is_empty() || arguments.is_empty() {
        arguments
    } else {
        closed = arguments
            .iter()
            .map(|ty| ty.substitute(environment).ok())
            .collect();
        match &closed {
            Some(closed) => closed,
            None => return false,
        }
    };
    items.len() == fields.len()
        && items
            .iter()
            .zip(fields)
            .all(|(item, field)| conforms(item, &field.ty, arguments))
}
