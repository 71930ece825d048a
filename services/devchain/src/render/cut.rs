//! Read masks: cutting a message to one, however deep the mask reaches.
//!
//! The conversions of `sui-rpc` look one level deep in places: a mask below `kind` gives the whole kind. Here the
//! encoded message is walked by field numbers, which works for every message and every path.

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use sui_rpc::field::{FieldMaskTree, MessageField, MessageFields};

/// Leaves what the mask names. A message that does not follow the wire format, which no conversion makes, stays whole.
pub(super) fn cut<M>(message: M, mask: &FieldMaskTree) -> M
where
    M: Message + MessageFields + Default,
{
    if !reaches_below(M::FIELDS, mask) {
        return message;
    }
    prune(&message.encode_to_vec(), M::FIELDS, mask)
        .and_then(|bytes| M::decode(bytes.as_slice()).ok())
        .unwrap_or(message)
}

/// Whether the mask names a part of a field and not the whole of it.
fn reaches_below(fields: &[&MessageField], mask: &FieldMaskTree) -> bool {
    fields
        .iter()
        .filter_map(|field| mask.subtree(field.name))
        .any(|submask| !is_everything(&submask))
}

/// No field has this name, so only a wildcard contains it.
fn is_everything(mask: &FieldMaskTree) -> bool {
    mask.contains("*")
}

fn prune(mut bytes: &[u8], fields: &[&MessageField], mask: &FieldMaskTree) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(bytes.len());
    while bytes.has_remaining() {
        let start = bytes;
        let (number, wire) = decode_key(&mut bytes).ok()?;
        let content = value(&mut bytes, wire)?;
        let whole = start.get(..start.len().checked_sub(bytes.len())?)?;
        let field = fields
            .iter()
            .find(|field| u32::try_from(field.number) == Ok(number));
        let Some((field, submask)) =
            field.and_then(|field| Some((field, mask.subtree(field.name)?)))
        else {
            continue;
        };
        match field.message_fields {
            Some(inner) if wire == WireType::LengthDelimited && !is_everything(&submask) => {
                let part = prune(content, inner, &submask)?;
                encode_key(number, wire, &mut kept);
                encode_varint(part.len() as u64, &mut kept);
                kept.extend_from_slice(&part);
            }
            _ => kept.extend_from_slice(whole),
        }
    }
    Some(kept)
}

/// Steps over one value; the content of a length-delimited one.
fn value<'b>(bytes: &mut &'b [u8], wire: WireType) -> Option<&'b [u8]> {
    let length = match wire {
        WireType::Varint => {
            decode_varint(bytes).ok()?;
            0
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => usize::try_from(decode_varint(bytes).ok()?).ok()?,
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(content)
}
