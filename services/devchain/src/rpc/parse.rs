//! Request fields, read lenient in form, strict in meaning (devchain spec 1.1).

use prost_types::FieldMask;
use sui_rpc::field::{FieldMaskTree, FieldMaskUtil, MessageFields};
use sui_sdk_types::{Address, Digest, Identifier, StructTag, TypeTag};
use tonic::Status;

use super::error::{invalid, missing};
use crate::history::Path;
use crate::limits::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, MAX_PAGE_TOKEN_BYTES};

/// An address or object id, short or full, in any case, with or without `0x`.
pub(crate) fn address(field: &str, text: Option<&str>) -> Result<Address, Status> {
    let text = text.ok_or_else(|| missing(field))?;
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    if digits.is_empty() || digits.len() > 64 {
        return Err(invalid(field, format!("`{text}` is not an address")));
    }
    Address::from_hex(format!("0x{:0>64}", digits.to_ascii_lowercase()))
        .map_err(|error| invalid(field, error))
}

/// A base58 digest.
pub(crate) fn digest(field: &str, text: Option<&str>) -> Result<Digest, Status> {
    Digest::from_base58(text.ok_or_else(|| missing(field))?).map_err(|error| invalid(field, error))
}

/// A type.
pub(crate) fn type_tag(field: &str, text: Option<&str>) -> Result<TypeTag, Status> {
    text.ok_or_else(|| missing(field))?
        .parse()
        .map_err(|error| invalid(field, error))
}

/// A module, function or datatype name.
pub(crate) fn identifier(field: &str, text: Option<&str>) -> Result<Identifier, Status> {
    Identifier::new(text.ok_or_else(|| missing(field))?).map_err(|error| invalid(field, error))
}

/// Which objects of an owner are wanted: a prefix of their canonical type, possibly exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeFilter {
    prefix: String,
    exact: bool,
}

impl TypeFilter {
    /// Reads a full type, a struct name without type arguments, `pkg::module` or `pkg`.
    pub(crate) fn parse(field: &str, text: &str) -> Result<Self, Status> {
        let parts: Vec<&str> = text.splitn(3, "::").collect();
        let package = address(field, parts.first().copied())?;
        match parts.as_slice() {
            [_] => Ok(Self::prefix(format!("{package}::"))),
            [_, module] => {
                let module = identifier(field, Some(module))?;
                Ok(Self::prefix(format!("{package}::{module}::")))
            }
            _ => {
                let tag: StructTag = text.parse().map_err(|error| invalid(field, error))?;
                Ok(Self {
                    prefix: tag.to_string(),
                    exact: !tag.type_params().is_empty(),
                })
            }
        }
    }

    fn prefix(prefix: String) -> Self {
        Self {
            prefix,
            exact: false,
        }
    }

    /// What it is about, without type arguments.
    pub(crate) fn path(&self) -> Option<Path<'_>> {
        let plain = self.prefix.split('<').next()?;
        let mut parts = plain.split("::");
        Some(Path {
            package: parts.next()?.parse().ok()?,
            module: parts.next().filter(|part| !part.is_empty()),
            name: parts.next().filter(|part| !part.is_empty()),
        })
    }

    /// The text that every matching type starts with.
    pub(crate) fn start(&self) -> &str {
        &self.prefix
    }

    /// Whether a canonical type is wanted.
    pub(crate) fn matches(&self, object_type: &str) -> bool {
        match object_type.strip_prefix(self.prefix.as_str()) {
            Some("") => true,
            Some(rest) => !self.exact && (self.prefix.ends_with("::") || rest.starts_with('<')),
            None => false,
        }
    }
}

/// The read mask of a request; an invalid path is refused, an absent mask is the default.
pub(crate) fn mask<M: MessageFields>(
    requested: Option<FieldMask>,
    default: &str,
) -> Result<FieldMaskTree, Status> {
    let mask = requested.unwrap_or_else(|| FieldMask::from_str(default));
    mask.validate::<M>()
        .map_err(|path| invalid("read_mask", format!("unknown path `{path}`")))?;
    Ok(FieldMaskTree::from(mask))
}

/// The clamped page size.
pub(crate) fn page_size(requested: Option<u32>) -> usize {
    requested.map_or(DEFAULT_PAGE_SIZE, |size| {
        usize::try_from(size)
            .unwrap_or(MAX_PAGE_SIZE)
            .clamp(1, MAX_PAGE_SIZE)
    })
}

/// Decodes a page token; an empty one is none.
pub(crate) fn page_token<T: serde::de::DeserializeOwned>(
    token: Option<&[u8]>,
) -> Result<Option<T>, Status> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    if token.len() > MAX_PAGE_TOKEN_BYTES {
        return Err(invalid("page_token", "too long"));
    }
    bcs::from_bytes(token)
        .map(Some)
        .map_err(|_| invalid("page_token", "not a token of this list"))
}
