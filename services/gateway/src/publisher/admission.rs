//! Admission: who may store, at whose expense, and how far. Client spec 3.7 and 3.12.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use walrus_service::envelope::Refusal;

use super::{
    Access, Publisher, UploadOptions,
    account::{Account, Allowance, Caller},
    keys::{Holder, is_key},
    refusal::WriteReason,
    tokens::{Ticket, Tokens},
};
use crate::reason::GatewayReason;

/// What was shown at the door.
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    /// The token, which is good again unless something is paid with it.
    pub(crate) ticket: Option<Ticket>,
}

impl Admitted {
    /// That a body of `length` bytes is what was let in.
    ///
    /// # Errors
    /// A refusal.
    pub(crate) fn check_size(&self, length: u64) -> Result<(), Refusal> {
        match &self.ticket {
            Some(ticket) => Ok(ticket.check_size(length)?),
            None => Ok(()),
        }
    }
}

/// The token of a bearer, whatever it is.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl Publisher {
    /// Lets in a store whose head says that its body has `length` bytes, if it says so. A token lets nobody else in then.
    ///
    /// # Errors
    /// A refusal.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        wanted: &UploadOptions,
        length: Option<u64>,
    ) -> Result<Admitted, Refusal> {
        if let Some(holder) = self.holder(headers)? {
            let caller = holder.caller();
            return Ok(Admitted {
                caller,
                ticket: None,
            });
        }
        if let Some(tokens) = &self.tokens {
            let ticket = use_token(Arc::clone(tokens), headers, wanted.clone(), length).await?;
            let caller = Caller {
                account: Account::of_bearer(ticket.subject()),
                allowance: Allowance::default(),
            };
            return Ok(Admitted {
                caller,
                ticket: Some(ticket),
            });
        }
        match self.options.access {
            Access::Keys => Err(missing_key()),
            _ => Ok(Admitted {
                caller: self.everybody(),
                ticket: None,
            }),
        }
    }

    /// Who shows a key.
    ///
    /// # Errors
    /// A refusal if it is none.
    pub(crate) fn holder(&self, headers: &HeaderMap) -> Result<Option<Holder>, Refusal> {
        match bearer(headers).filter(|bearer| is_key(bearer)) {
            Some(bearer) => self.keys.admit(bearer).map(Some),
            None => Ok(None),
        }
    }

    /// Who must show one.
    ///
    /// # Errors
    /// A refusal.
    pub(crate) fn require_holder(&self, headers: &HeaderMap) -> Result<Holder, Refusal> {
        self.holder(headers)?.ok_or_else(missing_key)
    }

    pub(crate) fn everybody(&self) -> Caller {
        Caller::everybody(Allowance {
            frost: self.options.budget,
            bytes: None,
        })
    }

    /// At whose expense an account stores, with what it may have now.
    pub(crate) fn caller_of(&self, account: Account) -> Caller {
        if account == Account::EVERYBODY {
            return self.everybody();
        }
        Caller {
            account,
            allowance: self.keys.allowance_of(account).unwrap_or_default(),
        }
    }
}

fn missing_key() -> Refusal {
    let message = "a key is needed: `Authorization: Bearer wk_…`; whoever runs the publisher makes them with `walrus gateway key create`";
    Refusal::new(WriteReason::MissingKey, message)
}

/// Lets a bearer of a token in, which is on disk as used then.
async fn use_token(
    tokens: Arc<Tokens>,
    headers: &HeaderMap,
    wanted: UploadOptions,
    length: Option<u64>,
) -> Result<Ticket, Refusal> {
    let headers = headers.clone();
    let admitted = tokio::task::spawn_blocking(move || tokens.admit(&headers, &wanted, length));
    match admitted.await {
        Ok(admitted) => Ok(admitted?),
        Err(error) => Err(Refusal::internal(GatewayReason::Internal, error)),
    }
}
