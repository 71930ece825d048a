//! Reason codes of storage nodes. Node spec 1.3 and 1.2 (for requests refused before a handler runs).

use crate::{TransportStatus, envelope::STORAGE_DOMAIN};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident;)*) => {
        /// Why a node refused a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The status name that goes with the reason.
            pub fn status(self) -> TransportStatus {
                match self { $(Self::$name => TransportStatus::$status,)* }
            }
        }
    };
}

reasons! {
    /// A body that is not an octet stream, cannot be read, or is not valid BCS.
    InvalidContentType = "INVALID_CONTENT_TYPE", InvalidArgument;
    /// The sliver pair belongs to a shard that this node does not hold.
    ShardNotAssigned = "SHARD_NOT_ASSIGNED", FailedPrecondition;
    /// An index is not below the number of shards.
    IndexOutOfRange = "INDEX_OUT_OF_RANGE", InvalidArgument;
    /// A limiter tripped; retry later.
    Unavailable = "UNAVAILABLE", Unavailable;
    /// Metadata absent, on a read.
    MetadataNotFound = "METADATA_NOT_FOUND", NotFound;
    /// Metadata absent, where an upload or a proof needs it.
    MetadataRequired = "METADATA_NOT_FOUND", FailedPrecondition;
    /// The blob is on the node's block list.
    ForbiddenBlob = "FORBIDDEN_BLOB", UnavailableForLegalReasons;
    /// The sliver is absent, or its blob is not registered or has expired.
    SliverNotFound = "SLIVER_NOT_FOUND", NotFound;
    /// The blob is not registered as far as this node has seen the chain.
    NotRegistered = "NOT_REGISTERED", FailedPrecondition;
    /// A confirmation was asked for but a shard of the node lacks a sliver.
    MissingSlivers = "MISSING_SLIVERS", FailedPrecondition;
    /// The cache for uploads before registration is full or disabled.
    CacheSaturated = "CACHE_SATURATED", FailedPrecondition;
    /// The metadata does not belong to the blob ID, or has the wrong number of hashes.
    InvalidMetadata = "INVALID_METADATA", InvalidArgument;
    /// The blob ID was marked invalid on chain.
    InvalidBlob = "INVALID_BLOB", FailedPrecondition;
    /// The encoding is not supported.
    UnsupportedEncodingType = "UNSUPPORTED_ENCODING_TYPE", InvalidArgument;
    /// The sliver does not match the metadata.
    InvalidSliver = "INVALID_SLIVER", InvalidArgument;
    /// The sliver's own index is not the one that the path implies.
    SliverIndexMismatch = "SLIVER_INDEX_MISMATCH", InvalidArgument;
    /// None of the node's shards can produce the symbol.
    SymbolNotPresentAtShards = "SYMBOL_NOT_PRESENT_AT_SHARDS", FailedPrecondition;
    /// No symbol was asked for.
    NoSymbolsSpecified = "NO_SYMBOLS_SPECIFIED", FailedPrecondition;
    /// No target sliver was asked for.
    NoTargetSliversSpecified = "NO_TARGET_SLIVERS_SPECIFIED", FailedPrecondition;
    /// A decoding symbol was asked for a sliver that is not a source sliver.
    RecoverySymbolOutOfRange = "RECOVERY_SYMBOL_OUT_OF_RANGE", InvalidArgument;
    /// The inconsistency proof does not verify.
    InvalidProof = "INVALID_PROOF", InvalidArgument;
    /// The caller may not synchronize this shard.
    RequestUnauthorized = "REQUEST_UNAUTHORIZED", PermissionDenied;
    /// More slivers were asked for than the node sends at once.
    SliverCountExceedsLimit = "SLIVER_COUNT_EXCEEDS_LIMIT", InvalidArgument;
    /// A signed request does not verify.
    MessageVerificationFailed = "MESSAGE_VERIFICATION_FAILED", InvalidArgument;
    /// The request's epoch is not the node's.
    InvalidEpoch = "INVALID_EPOCH", InvalidArgument;
    /// Something unexpected on the node.
    InternalError = "INTERNAL_ERROR", Internal;
    /// There is no such path.
    RouteNotFound = "ROUTE_NOT_FOUND", NotFound;
    /// The path exists, but not for this method. HTTP status 405.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", InvalidArgument;
    /// A part of the path is malformed.
    InvalidPath = "INVALID_PATH", InvalidArgument;
    /// The query is malformed.
    InvalidQuery = "INVALID_QUERY", InvalidArgument;
    /// The `Authorization` header is missing.
    Unauthenticated = "UNAUTHENTICATED", Unauthenticated;
    /// The `Authorization` header is malformed.
    InvalidAuthorization = "INVALID_AUTHORIZATION", InvalidArgument;
    /// The node's disks are full, or hold as much as they may. HTTP status 507. An extension.
    StorageFull = "STORAGE_FULL", Unavailable;
    /// The node offers no snapshot, or that of another epoch. An extension.
    SnapshotNotFound = "SNAPSHOT_NOT_FOUND", NotFound;
    /// The body is larger than the route allows. HTTP status 413.
    BodyTooLarge = "BODY_TOO_LARGE", InvalidArgument;
}

impl Reason {
    /// The HTTP status of an answer with this reason.
    pub fn http_status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge => 413,
            Self::StorageFull => 507,
            other => other.status().http_status(),
        }
    }

    /// The error domain: `global` for what is refused before a handler runs.
    pub fn domain(self) -> &'static str {
        match self {
            Self::RouteNotFound
            | Self::MethodNotAllowed
            | Self::InvalidPath
            | Self::InvalidQuery
            | Self::Unauthenticated
            | Self::InvalidAuthorization
            | Self::BodyTooLarge => "global",
            _ => STORAGE_DOMAIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_but_for_the_two_meanings_of_missing_metadata() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len() - 1);
    }

    #[test]
    fn the_two_statuses_without_a_name_keep_their_http_code() {
        assert_eq!(Reason::MethodNotAllowed.http_status(), 405);
        assert_eq!(Reason::BodyTooLarge.http_status(), 413);
        assert_eq!(Reason::ForbiddenBlob.http_status(), 451);
        assert_eq!(Reason::MetadataRequired.http_status(), 400);
    }
}
