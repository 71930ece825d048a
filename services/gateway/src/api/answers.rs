//! Answers, as the document has them.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{
        ContentBuilder, Header, HeaderBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Response,
        ResponseBuilder, SchemaFormat, Type,
    },
};

/// Responses by their status.
pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

/// Bytes of which nobody says what they are.
const ANY_TYPE: &str = "*/*";

fn header(about: &str) -> Header {
    HeaderBuilder::new()
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}

fn bytes(about: &str, media_type: &str) -> ResponseBuilder {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
    let content = ContentBuilder::new().schema(Some(schema.build()));
    ResponseBuilder::new()
        .description(about)
        .content(media_type, content.build())
}

fn tagged(response: ResponseBuilder) -> ResponseBuilder {
    response
        .header(
            "ETag",
            header("The strong entity tag: what is under it never changes."),
        )
        .header("Cache-Control", header("For how long caches may keep it."))
}

/// Headers of uploads.
const VERSIONS: (&str, &str) = ("Tus-Version", "The versions of the protocol.");
const OFFSET: (&str, &str) = ("Upload-Offset", "Bytes that are there.");
const LENGTH: (&str, &str) = ("Upload-Length", "Bytes of the whole body.");
const EXPIRES: (&str, &str) = (
    "Upload-Expires",
    "When it is forgotten unless a byte comes.",
);

/// An answer about an upload, with these headers.
fn upload(response: ResponseBuilder, headers: &[(&str, &str)]) -> Response {
    let all = headers.iter();
    let response = all.fold(response, |response, (name, about)| {
        response.header(*name, header(about))
    });
    let version = header("The version of the protocol.");
    response.header("Tus-Resumable", version).build()
}

/// JSON of a schema of the document.
pub(crate) fn json(about: &str, schema: &str) -> Response {
    let schema = Ref::from_schema_name(schema);
    ResponseBuilder::new()
        .description(about)
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build()
}

fn responses<const N: usize>(all: [(u16, Response); N]) -> Responses {
    let all = all.into_iter();
    all.map(|(status, response)| (status.to_string(), response.into()))
        .collect()
}

fn blob(about: &str) -> Responses {
    let of_range = header("Which bytes these are, and of how many.");
    responses([
        (
            200,
            tagged(bytes(about, ANY_TYPE))
                .header("Accept-Ranges", header("`bytes`."))
                .build(),
        ),
        (
            206,
            tagged(bytes(
                "What the range asks for; several ranges as `multipart/byteranges`.",
                ANY_TYPE,
            ))
            .header("Content-Range", of_range)
            .build(),
        ),
        (
            304,
            tagged(ResponseBuilder::new().description("The client has it.")).build(),
        ),
    ])
}

/// Answers that go together: a name for a map of them.
macro_rules! answers {
    ($($(#[$about:meta])* $name:ident => $responses:expr;)*) => {$(
        $(#[$about])*
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> Responses {
                $responses
            }
        }
    )*};
}

answers! {
    /// Bytes of a blob.
    BlobAnswer => blob("All bytes. Their type is the one that `Accept` names, or that an attribute of the blob object says; otherwise nobody knows it.");

    /// Bytes of a patch.
    PatchAnswer => blob("All bytes of the patch. `X-Quilt-Patch-Identifier` has its name, tags that are allowed are headers.");

    /// The patches of a quilt.
    PatchesAnswer => responses([(200, json("The patches.", "Patches"))]);

    /// All patches as an archive.
    ArchiveAnswer => responses([
        (200, tagged(bytes("The archive. Its length is not known beforehand.", "application/x-tar")).build()),
        (304, tagged(ResponseBuilder::new().description("The client has it.")).build()),
    ]);

    /// How a blob was stored.
    StoreAnswer => responses([(200, json("The blob is stored.", "StoreResult"))]);

    /// How a quilt was stored.
    QuiltAnswer => responses([(200, json("The quilt is stored.", "QuiltStoreResult"))]);

    /// What can be done with uploads.
    DescribedAnswer => responses([(200, upload(ResponseBuilder::new().description("What can be done, in headers."), &[VERSIONS]))]);

    /// An upload that was begun.
    CreatedAnswer => responses([(201, upload(
        ResponseBuilder::new().description("It was begun, or is stored already if it is empty."),
        &[("Location", "The path of the upload."), OFFSET, LENGTH, EXPIRES],
    ))]);

    /// Where an upload is.
    OffsetAnswer => responses([(200, upload(
        ResponseBuilder::new().description("Where the next part begins, in headers."),
        &[OFFSET, LENGTH, EXPIRES],
    ))]);

    /// A part that was taken.
    PartAnswer => responses([(204, upload(
        ResponseBuilder::new().description("It was taken. After the last one, `X-Walrus-Blob-Id` has the blob ID if it is known by then."),
        &[OFFSET, LENGTH, EXPIRES],
    ))]);

    /// An upload that is over.
    EndedAnswer => responses([(204, ResponseBuilder::new().description("It is over, or its answer is forgotten. What is stored stays stored.").build())]);

    /// How far a store is.
    StatusAnswer => responses([(200, json("How far it is, and its answer once there is one.", "UploadStatus"))]);

    /// How a store goes on.
    EventsAnswer => responses([(200, bytes(
        "Server-sent events: `progress`, and at the end `stored` or `failed`, each with an `UploadStatus`.",
        "text/event-stream",
    ).build())]);

    /// What wallets have.
    HealthAnswer => responses([(200, json("The wallets of the publisher as they were last looked at.", "Health"))]);

    /// What a key may have.
    QuotaAnswer => responses([(200, json("What the key may have, and has had.", "Quota"))]);

    /// Objects of a key.
    ObjectsAnswer => responses([(200, json("A page of the objects that the key stored.", "StoredObjects"))]);

    /// An object of a key.
    ObjectAnswer => responses([(200, json("The object, and who else stores the blob.", "StoredObject"))]);

    /// An object that is gone.
    DeletedAnswer => responses([(200, json("It is deleted; whether the blob is stored all the same.", "DeletedObject"))]);

    /// An object that lasts longer.
    ExtendedAnswer => responses([(200, json("It lasts longer.", "ExtendedObject"))]);

    /// An object whose attributes were set.
    AttributesAnswer => responses([(200, json("They are set.", "SetAttributes"))]);

    /// What uploads cost.
    TipAnswer => responses([(200, json("The tip.", "TipConfig"))]);

    /// A certificate.
    RelayAnswer => responses([(200, json("The nodes have the blob: their certificate, for the transaction that certifies it.", "Relayed"))]);

    /// The limits.
    LimitsAnswer => responses([(200, json("The limits.", "Limits"))]);
}
