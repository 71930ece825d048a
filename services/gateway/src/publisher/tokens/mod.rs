//! Tokens that let others store: JSON web tokens that somebody else gives out. Client spec 3.7.
//!
//! Of the claims, `exp` and `jti` are required: a token is good for one store until it expires, also if the publisher starts again in
//! between. One whose store was refused, broke off, or failed before anything was paid is good again. The algorithm is the one that the
//! publisher was started with, whatever the token says.

mod claims;
mod used;

use std::{fmt, path::PathBuf, sync::Arc};

use axum::http::HeaderMap;
use jsonwebtoken::{DecodingKey, Validation, decode, errors::ErrorKind};
use walrus_service::tables::TableError;

pub use jsonwebtoken::Algorithm;

use self::{claims::Claims, used::UsedTokens};
use super::{UploadOptions, admission::bearer};

/// How signatures of tokens are checked.
#[derive(Clone, PartialEq, Eq)]
pub enum Signature {
    /// With this key: the secret of an HMAC, or a public key in DER.
    Checked {
        /// The key.
        key: Vec<u8>,
        /// Of which algorithm.
        algorithm: Algorithm,
    },
    /// Not at all: whoever stands before the publisher has done it.
    Trusted,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checked { algorithm, .. } => write!(f, "Signature::Checked({algorithm:?})"),
            Self::Trusted => f.write_str("Signature::Trusted"),
        }
    }
}

/// How tokens are checked. Client spec 3.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOptions {
    /// Their signatures.
    pub signature: Signature,
    /// Seconds from `iat` to `exp`; 0 for any.
    pub expiring_sec: u64,
    /// Whether what a token says of the store is checked before the body is read.
    pub verify_upload: bool,
    /// Tokens that are remembered until they expire; with more nobody is let in.
    pub cache_size: usize,
    /// Where they are.
    pub directory: PathBuf,
}

/// Why tokens cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The tokens that were used cannot be remembered.
    #[error("used tokens cannot be kept: {0}")]
    Used(#[from] TableError),
}

/// Why a token does not let its bearer store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("a token is needed: `Authorization: Bearer …`")]
    Missing,
    #[error("the token is malformed: {0}")]
    Malformed(String),
    #[error("the signature of the token is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is to live for {wanted} seconds and says {found}")]
    Lifetime { wanted: u64, found: i64 },
    #[error("the token does not say since when it is valid (`iat`)")]
    NoTimestamp,
    #[error("the token names both `{0}` and `max_{0}`")]
    Inconsistent(&'static str),
    #[error("the token is for {wanted}, and the store for {found}")]
    Epochs { wanted: String, found: u32 },
    #[error("the token is for {wanted}, and the body has {found} bytes")]
    Size { wanted: String, found: u64 },
    #[error("the token is for blobs that are sent to {0}")]
    Owner(String),
    #[error("the token was used before")]
    Used,
    #[error("as many tokens as can be remembered were used and have not expired")]
    Full,
    #[error("used tokens cannot be looked up: {0}")]
    Table(#[from] TableError),
}

/// Checks tokens.
pub(crate) struct Tokens {
    key: DecodingKey,
    validation: Validation,
    options: TokenOptions,
    used: Arc<UsedTokens>,
}

/// A token that lets its bearer store once. It is good again when this is dropped, until there is a job for it.
pub(crate) struct Ticket {
    claims: Claims,
    used: Arc<UsedTokens>,
    has_job: bool,
}

impl Tokens {
    /// Opens the memory of used tokens.
    pub(crate) fn open(options: TokenOptions) -> Result<Self, TokensError> {
        let (key, algorithm) = match &options.signature {
            Signature::Checked { key, algorithm } => (decoding_key(key, *algorithm), *algorithm),
            Signature::Trusted => (DecodingKey::from_secret(&[]), Algorithm::HS256),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        if options.signature == Signature::Trusted {
            validation.insecure_disable_signature_validation();
        }
        Ok(Self {
            key,
            validation,
            used: Arc::new(UsedTokens::open(&options.directory, options.cache_size)?),
            options,
        })
    }

    /// Lets in a store whose head says that its body has `length` bytes, if it says so. The token lets nobody else in while the ticket is there.
    pub(crate) fn admit(
        &self,
        headers: &HeaderMap,
        store: &UploadOptions,
        length: Option<u64>,
    ) -> Result<Ticket, TokenError> {
        let token = bearer(headers).ok_or(TokenError::Missing)?;
        let claims = self.decode(token)?;
        claims.check_lifetime(self.options.expiring_sec)?;
        claims.check_consistency(self.options.verify_upload)?;
        if self.options.verify_upload {
            claims.check_store(store)?;
            if let Some(length) = length {
                claims.check_size(length)?;
            }
        }
        self.used.use_up(&claims.jti, claims.exp)?;
        Ok(Ticket {
            claims,
            used: Arc::clone(&self.used),
            has_job: false,
        })
    }

    fn decode(&self, token: &str) -> Result<Claims, TokenError> {
        let mut validation = self.validation.clone();
        if self.options.signature == Signature::Trusted {
            // Whoever has checked it knows which it should be.
            let header = jsonwebtoken::decode_header(token);
            let header = header.map_err(|error| TokenError::Malformed(error.to_string()))?;
            validation.algorithms = vec![header.alg];
        }
        let decoded = decode::<Claims>(token, &self.key, &validation);
        decoded
            .map(|data| data.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                ErrorKind::InvalidSignature => TokenError::Signature,
                _ => TokenError::Malformed(error.to_string()),
            })
    }
}

impl Ticket {
    /// Whether the body is as long as the token says.
    pub(crate) fn check_size(&self, bytes: u64) -> Result<(), TokenError> {
        self.claims.check_size(bytes)
    }

    /// Whom the token is for, as far as it says.
    pub(crate) fn subject(&self) -> &str {
        self.claims.subject()
    }

    /// There is a job for it, which may be paid whatever becomes of this process.
    pub(crate) fn of_job(mut self) -> Self {
        self.has_job = true;
        self
    }

    /// Makes it good again.
    pub(crate) fn give_back(mut self) {
        self.has_job = false;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.has_job {
            return;
        }
        if let Err(error) = self.used.give_back(&self.claims.jti) {
            tracing::warn!(%error, "a token stays used though nothing was paid with it");
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

fn decoding_key(key: &[u8], algorithm: Algorithm) -> DecodingKey {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => DecodingKey::from_secret(key),
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_der(key),
        Algorithm::EdDSA => DecodingKey::from_ed_der(key),
        _ => DecodingKey::from_rsa_der(key),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;
    use crate::publisher::AfterStore;

    const SECRET: &[u8] = b"secret";
    /// Far away.
    const EXP: i64 = 4_000_000_000;

    struct Door {
        tokens: Tokens,
        directory: tempfile::TempDir,
    }

    fn options(directory: &tempfile::TempDir) -> TokenOptions {
        TokenOptions {
            signature: Signature::Checked {
                key: SECRET.to_vec(),
                algorithm: Algorithm::HS256,
            },
            expiring_sec: 0,
            verify_upload: true,
            cache_size: 3,
            directory: directory.path().join("used"),
        }
    }

    fn door(change: impl FnOnce(&mut TokenOptions)) -> Door {
        let directory = tempfile::tempdir().unwrap();
        let mut options = options(&directory);
        change(&mut options);
        let tokens = Tokens::open(options).unwrap();
        Door { tokens, directory }
    }

    fn signed(algorithm: Algorithm, secret: &[u8], claims: &Value) -> HeaderMap {
        let key = EncodingKey::from_secret(secret);
        let token = encode(&Header::new(algorithm), claims, &key).unwrap();
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    fn store() -> UploadOptions {
        UploadOptions {
            epochs: 5,
            permanent: false,
            force: false,
            reuse_resources: false,
            after: AfterStore::SendTo(walrus_sdk::Address::new([1; 32])),
        }
    }

    impl Door {
        fn admit(&self, claims: &Value) -> Result<Ticket, TokenError> {
            let headers = signed(Algorithm::HS256, SECRET, claims);
            self.tokens.admit(&headers, &store(), Some(10))
        }
    }

    #[test]
    fn a_token_is_good_once_also_after_a_restart() {
        let door = door(|_| {});
        let claims = json!({"exp": EXP, "jti": "one"});
        let ticket = door.admit(&claims).unwrap();
        assert!(matches!(door.admit(&claims), Err(TokenError::Used)));
        // What was to be stored with it was refused.
        drop(ticket);
        drop(door.admit(&claims).unwrap().of_job());
        assert!(matches!(door.admit(&claims), Err(TokenError::Used)));
        let Door { tokens, directory } = door;
        drop(tokens);
        let tokens = Tokens::open(options(&directory)).unwrap();
        let door = Door { tokens, directory };
        assert!(matches!(door.admit(&claims), Err(TokenError::Used)));
        // A failed check does not use it up.
        let wrong = json!({"exp": EXP, "jti": "two", "epochs": 6});
        assert!(matches!(door.admit(&wrong), Err(TokenError::Epochs { .. })));
        let second = door.admit(&json!({"exp": EXP, "jti": "two", "epochs": 5}));
        let third = door.admit(&json!({"exp": EXP, "jti": "three"}));
        let fourth = json!({"exp": EXP, "jti": "four"});
        assert!(matches!(door.admit(&fourth), Err(TokenError::Full)));
        second.unwrap().of_job().give_back();
        door.admit(&fourth).unwrap();
        drop(third);
    }

    #[test]
    fn only_the_algorithm_and_the_key_of_the_publisher_count() {
        let door = door(|_| {});
        let claims = json!({"exp": EXP, "jti": "one"});
        let admit = |headers: &HeaderMap| door.tokens.admit(headers, &store(), None);
        let other_key = signed(Algorithm::HS256, b"other", &claims);
        assert!(matches!(admit(&other_key), Err(TokenError::Signature)));
        let other_algorithm = signed(Algorithm::HS512, SECRET, &claims);
        assert!(matches!(
            admit(&other_algorithm),
            Err(TokenError::Malformed(_))
        ));
        // {"alg":"none"}
        let none = HeaderValue::from_static(
            "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDAsImp0aSI6Im9uZSJ9.",
        );
        let none = HeaderMap::from_iter([(header::AUTHORIZATION, none)]);
        assert!(matches!(admit(&none), Err(TokenError::Malformed(_))));
        assert!(matches!(admit(&HeaderMap::new()), Err(TokenError::Missing)));
        let basic = HeaderValue::from_static("Basic YTpi");
        let basic = HeaderMap::from_iter([(header::AUTHORIZATION, basic)]);
        assert!(matches!(admit(&basic), Err(TokenError::Missing)));
        admit(&signed(Algorithm::HS256, SECRET, &claims)).unwrap();
    }

    #[test]
    fn what_a_token_says_of_time_has_to_hold() {
        let door = door(|options| options.expiring_sec = 60);
        let claims = |iat: Value, exp: i64| json!({"iat": iat, "exp": exp, "jti": "one"});
        for (claims, expected) in [
            (claims(json!(1), 61), "expired"),
            (claims(Value::Null, EXP), "since when"),
            (claims(json!(EXP - 59), EXP), "60 seconds and says 59"),
            (json!({"iat": 1, "jti": "one"}), "malformed"),
            (json!({"iat": EXP - 60, "exp": EXP}), "malformed"),
        ] {
            let refused = door.admit(&claims).unwrap_err().to_string();
            assert!(refused.contains(expected), "{claims}: {refused}");
        }
        door.admit(&claims(json!(EXP - 60), EXP)).unwrap();
    }

    #[test]
    fn what_a_token_says_of_the_store_has_to_hold() {
        let door = door(|options| options.cache_size = 100);
        let claims = |key: &str, value: Value| {
            let mut claims = json!({"exp": EXP, "jti": format!("{key}{value}")});
            claims[key] = value;
            claims
        };
        let (owner, other) = (
            format!("0x{}", "01".repeat(32)),
            format!("0x{}", "02".repeat(32)),
        );
        for (key, good, bad) in [
            ("epochs", json!(5), json!(4)),
            ("max_epochs", json!(5), json!(4)),
            ("size", json!(10), json!(11)),
            ("max_size", json!(10), json!(9)),
            ("send_object_to", json!(owner), json!(other)),
        ] {
            assert!(door.admit(&claims(key, bad)).is_err(), "{key}");
            assert!(door.admit(&claims(key, good)).is_ok(), "{key}");
        }
        for (one, other) in [("size", "max_size"), ("epochs", "max_epochs")] {
            let mut both = claims(one, json!(10));
            both[other] = json!(10);
            let refused = door.admit(&both);
            assert!(matches!(refused, Err(TokenError::Inconsistent(_))), "{one}");
        }
        let ten = claims("max_size", json!(10));
        let ticket = door.admit(&ten).unwrap();
        assert!(matches!(door.admit(&ten), Err(TokenError::Used)));
        assert!(ticket.check_size(10).is_ok() && ticket.check_size(11).is_err());
    }

    #[test]
    fn without_a_key_what_stands_before_the_publisher_is_trusted() {
        let door = door(|options| options.signature = Signature::Trusted);
        let headers = signed(Algorithm::HS512, b"any", &json!({"exp": EXP, "jti": "one"}));
        door.tokens.admit(&headers, &store(), None).unwrap();
        let expired = signed(Algorithm::HS256, b"any", &json!({"exp": 1, "jti": "two"}));
        let expired = door.tokens.admit(&expired, &store(), None);
        assert!(matches!(expired, Err(TokenError::Expired)));
    }
}
