//! What a store is asked for in the query. Client spec 3.5.

use walrus_sdk::{Address, EncodingType};
use walrus_service::{
    envelope::Refusal,
    request::{QueryPairs, invalid_query},
};

use super::{AfterStore, UploadOptions};
use crate::reason::GatewayReason;

const KNOWN: [&str; 9] = [
    "epochs",
    "deletable",
    "permanent",
    "send_object_to",
    "share",
    "force",
    "reuse_resources",
    "encoding_type",
    "quilt_version",
];

/// The options of a store.
pub(super) fn options(query: &QueryPairs) -> Result<UploadOptions, Refusal> {
    query.only(&KNOWN)?;
    let flag = |name| Ok::<_, Refusal>(query.one::<bool>(name)?.unwrap_or_default());
    let epochs = query.one::<u32>("epochs")?.unwrap_or(1);
    if epochs == 0 {
        return Err(invalid_query("blobs are stored for at least one epoch"));
    }
    // There is one, and it is what the network takes.
    query.one::<EncodingType>("encoding_type")?;
    query.one::<String>("quilt_version")?;
    let (deletable, permanent) = (flag("deletable")?, flag("permanent")?);
    if deletable && permanent {
        let message = "a blob cannot be both deletable and permanent";
        return Err(Refusal::new(GatewayReason::InvalidBlobPersistence, message));
    }
    let after = match (query.one::<Address>("send_object_to")?, query.one("share")?) {
        (Some(_), Some(_)) => {
            return Err(invalid_query(
                "`send_object_to` and `share` cannot be given together",
            ));
        }
        (Some(owner), None) => AfterStore::SendTo(owner),
        (None, Some(true)) => AfterStore::Share,
        (None, Some(false) | None) => AfterStore::Default,
    };
    if after == AfterStore::Share && !permanent {
        // A shared object has no owner who could delete it.
        let message = "a blob that is shared has to be permanent";
        return Err(Refusal::new(GatewayReason::InvalidBlobPersistence, message));
    }
    Ok(UploadOptions {
        epochs,
        permanent,
        force: flag("force")?,
        reuse_resources: flag("reuse_resources")?,
        after,
    })
}

#[cfg(test)]
mod tests {
    use axum::{
        extract::FromRequestParts as _,
        http::{Request, Uri},
    };
    use walrus_service::envelope::RequestReason;

    use super::*;

    async fn parse(query: &str) -> Result<UploadOptions, Refusal> {
        let uri: Uri = format!("/v1/blobs?{query}").parse().unwrap();
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        let Ok(query) = QueryPairs::from_request_parts(&mut parts, &()).await;
        options(&query)
    }

    #[tokio::test]
    async fn what_is_not_said_is_as_ever() {
        let default = UploadOptions {
            epochs: 1,
            permanent: false,
            force: false,
            reuse_resources: false,
            after: AfterStore::Default,
        };
        for query in [
            "",
            "deletable=true",
            "share=false",
            "encoding_type=RS2",
            "quilt_version=x",
        ] {
            assert_eq!(parse(query).await, Ok(default.clone()), "{query}");
        }
        let owner = format!("0x{}", "0a".repeat(32));
        let all = format!(
            "epochs=5&permanent=true&force=true&reuse_resources=true&send_object_to={owner}"
        );
        let expected = UploadOptions {
            epochs: 5,
            permanent: true,
            force: true,
            reuse_resources: true,
            after: AfterStore::SendTo(Address::new([10; 32])),
        };
        assert_eq!(parse(&all).await, Ok(expected));
        let shared = parse("share=true&permanent=true").await.unwrap();
        assert_eq!(shared.after, AfterStore::Share);
    }

    #[tokio::test]
    async fn what_contradicts_itself_or_is_unknown_is_refused() {
        for query in [
            "epochs=0",
            "epochs=-1",
            "epochs=1&epochs=2",
            "permanent=1",
            "x=1",
            "send_object_to=zz",
            "share=true&send_object_to=0x1",
            "encoding_type=RS3",
        ] {
            let refused = parse(query).await.unwrap_err();
            assert!(refused.is(RequestReason::InvalidQuery), "{query}");
        }
        let both = parse("deletable=true&permanent=true").await.unwrap_err();
        assert!(both.is(GatewayReason::InvalidBlobPersistence));
        let shared = parse("share=true").await.unwrap_err();
        assert!(shared.is(GatewayReason::InvalidBlobPersistence));
    }
}
