//! Parameters of requests, as the document has them. What a handler takes beside these it refuses.

use serde_json::{Value, json};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, RefOr, Required, Schema, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::limits;

/// Of a blob ID that is one; the last character has two bits that are zero.
const BLOB_ID: &str = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$";
/// Of a patch: the blob ID of its quilt, a version, and two columns.
const PATCH_ID: &str = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]B[A-Za-z0-9_-]{5}[AQgw]$";
/// Of an object ID or an address.
const OBJECT_ID: &str = "^0x[0-9a-f]{64}$";

/// The shape of a value.
type Shape = ObjectBuilder;

fn text() -> Shape {
    ObjectBuilder::new().schema_type(Type::String)
}

fn matching(pattern: &str) -> Shape {
    text().pattern(Some(pattern))
}

fn integer(least: u64, most: u64) -> Shape {
    // Bounds are numbers of JSON, which has them exactly up to here.
    let number = |value: u64| u32::try_from(value).map_or(9_007_199_254_740_991.0, f64::from);
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(number(least)))
        .maximum(Some(number(most)))
}

fn flag() -> Shape {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .default(Some(Value::Bool(false)))
}

fn parameter(place: ParameterIn, name: &str, about: &str, shape: Shape) -> ParameterBuilder {
    let schema: RefOr<Schema> = shape.build().into();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(about))
        .schema(Some(schema))
}

/// A part of the path.
pub(crate) fn of_path(name: &str, about: &str, shape: Shape) -> Parameter {
    parameter(ParameterIn::Path, name, about, shape)
        .required(Required::True)
        .build()
}

/// A part of the query that may be left out.
pub(crate) fn of_query(name: &str, about: &str, shape: Shape) -> Parameter {
    parameter(ParameterIn::Query, name, about, shape)
        .required(Required::False)
        .build()
}

/// A part of the query that has to be there.
pub(crate) fn of_query_required(name: &str, about: &str, shape: Shape) -> Parameter {
    parameter(ParameterIn::Query, name, about, shape)
        .required(Required::True)
        .build()
}

/// A flag that is a number, or the words of one.
fn number_flag(name: &str, about: &str) -> Parameter {
    let words = text().enum_values(Some(["0", "1", "false", "true"]));
    of_query(name, about, words.default(Some(json!("0"))))
}

/// A header that may be left out.
pub(crate) fn of_headers(name: &str, about: &str) -> Parameter {
    // Without a pattern: a value that is none is refused or means nothing, as HTTP has it.
    parameter(ParameterIn::Header, name, about, text())
        .required(Required::False)
        .build()
}

/// A header that has to be there.
fn of_headers_required(name: &str, about: &str, shape: Shape) -> Parameter {
    parameter(ParameterIn::Header, name, about, shape)
        .required(Required::True)
        .build()
}

/// The version of the protocol of uploads.
fn of_tus() -> Parameter {
    let about = "The version of tus, of which there is one.";
    of_headers_required("Tus-Resumable", about, text().enum_values(Some(["1.0.0"])))
}

/// Parameters that go together: a name for a list of them.
macro_rules! parameters {
    ($($(#[$about:meta])* $name:ident => [$($parameter:expr),* $(,)?];)*) => {$(
        $(#[$about])*
        pub(crate) enum $name {}

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter),*]
            }
        }
    )*};
}

parameters! {
    /// A blob in the path.
    BlobPath => [of_path("blob_id", "A blob ID: 32 bytes in URL-safe base64 without padding.", matching(BLOB_ID))];

    /// An object in the path.
    ObjectPath => [of_path("object_id", "The ID of a blob object, owned or shared.", matching(OBJECT_ID))];

    /// An object of a key in the path.
    OwnObject => [of_path("object_id", "The ID of an object that the key stored.", matching(OBJECT_ID))];

    /// A page of the objects of a key.
    PageOfObjects => [
        of_query("limit", "Objects of a page.", integer(1, limits::OBJECTS_PAGE as u64)),
        of_query("after", "The last object ID of the page before.", matching(OBJECT_ID)),
    ];

    /// For how much longer an object is stored.
    HowLonger => [of_query_required("epochs", "How many epochs more.", integer(1, u32::MAX.into()))];

    /// A quilt in the path.
    QuiltPath => [of_path("quilt_id", "The blob ID of a quilt.", matching(BLOB_ID))];

    /// A patch in the path.
    PatchPath => [of_path("patch_id", "The ID of a patch: its quilt and its place there.", matching(PATCH_ID))];

    /// A quilt and a name in it, in the path.
    NamePath => [
        of_path("quilt_id", "The blob ID of a quilt.", matching(BLOB_ID)),
        of_path("identifier", "The name of a patch, percent-encoded where it is no part of a path.", text().min_length(Some(1))),
    ];

    /// How a blob is read.
    HowToRead => [
        of_query("strict_consistency_check", "Decode and encode the whole blob before its first byte is sent. Of a range it means nothing.", flag()),
        of_query("skip_consistency_check", "Has no effect: slivers are always verified. Not together with the strict check.", flag()),
        number_flag("raw", "The bytes of the blob itself, also if it is a manifest, which stands for a longer body."),
        number_flag("proof", "In place of the bytes, a proof that the range is one of the blob."),
        of_query("wait", "Seconds to wait for the blob to be certified.", integer(0, limits::WAIT_SECONDS)),
    ];

    /// Conditions, and a part of what is there.
    Conditions => [
        of_headers("range", "`bytes=A-B`, `bytes=A-` or `bytes=-N`, or several of them: only that is sent."),
        of_headers("if-range", "An entity tag: a range is sent only of what has it, and the whole otherwise."),
        of_headers("if-none-match", "Entity tags: 304 if one of them is that of the blob."),
        of_headers("if-match", "Entity tags: 412 unless one of them is that of the blob."),
    ];

    /// Conditions of what has no parts.
    WholeConditions => [
        of_headers("if-none-match", "Entity tags: 304 if one of them is that of the answer."),
        of_headers("if-match", "Entity tags: 412 unless one of them is that of the answer."),
    ];

    /// Patches by a tag.
    WhichPatches => [
        of_query("tag", "Only patches that have this tag.", text()),
        of_query("value", "And have it with this value.", text()),
    ];

    /// A part of a blob, by the query.
    PartQuery => [
        of_query_required("start", "The first byte, counted from 0.", integer(0, u64::MAX)),
        of_query_required("length", "How many bytes.", integer(1, u64::MAX)),
        number_flag("raw", "Of the bytes of the blob itself, also if it is a manifest, which stands for a longer body."),
        number_flag("proof", "In place of the bytes, a proof that they are those of the blob."),
    ];

    /// Several blobs.
    ConcatQuery => [
        of_query_required("ids", "Blob IDs, or IDs of blob objects, with commas between them.", text().min_length(Some(1))),
        of_query("strict_consistency_check", "Decode and encode each blob before its first byte is sent.", flag()),
        of_query("skip_consistency_check", "Has no effect: slivers are always verified. Not together with the strict check.", flag()),
    ];

    /// How a blob is stored.
    HowToStore => [
        of_query("epochs", "For how many epochs, counted from the current one.", integer(1, u32::MAX.into()).default(Some(json!(1)))),
        of_query("permanent", "Nobody can delete it before its end.", flag()),
        of_query("deletable", "Accepted; a blob is deletable unless it is permanent.", flag()),
        of_query("send_object_to", "Who gets the blob object.", matching(OBJECT_ID)),
        of_query("share", "Make the blob object a shared one, whose blob has to be permanent. Not together with `send_object_to`.", flag()),
        of_query("force", "Store it though it is stored already.", flag()),
        of_query("reuse_resources", "Use storage that the publisher's wallets own.", flag()),
        of_query("encoding_type", "There is one.", text().enum_values(Some(["RS2"]))),
        of_query("quilt_version", "Accepted; there is one.", text()),
    ];

    /// An upload in the path.
    UploadPath => [of_path("id", "The ID of an upload, or of a store that was not waited for.", text().min_length(Some(1)))];

    /// What an upload says at its beginning.
    NewUploadHeaders => [
        of_tus(),
        of_headers_required("Upload-Length", "Bytes of the whole body.", integer(0, limits::UPLOAD_BODY)),
        of_headers("Upload-Metadata", "Keys, each with a value in base64, with commas between them. `sha256` promises the digest of the whole body, 64 hexadecimal digits."),
    ];

    /// What each request to an upload says.
    UploadHeaders => [of_tus()];

    /// What a part says.
    PartHeaders => [
        of_tus(),
        of_headers_required("Upload-Offset", "Where the part begins: where the one before ended.", integer(0, limits::UPLOAD_BODY)),
        of_headers("Upload-Checksum", "`sha1`, `sha256` or `sha512`, a blank, and the digest of the part in base64: a part with another one is forgotten."),
    ];

    /// What is relayed, and what paid for it.
    HowToRelay => [
        of_query_required("blob_id", "The blob ID of the body.", matching(BLOB_ID)),
        of_query("deletable_blob_object", "The blob object, if the blob is a deletable one.", matching(OBJECT_ID)),
        of_query("tx_id", "The digest of the transaction that paid the tip, if there is one to pay.", text()),
        of_query("nonce", "The 32 bytes, in URL-safe base64, whose hash that transaction names.", text()),
        of_query("encoding_type", "There is one.", text().enum_values(Some(["RS2"]))),
    ];
}
