//! Tokens that were used, until they expire. On disk before their bearers are let in: a restart forgets none.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};
use walrus_service::{
    clock::Clock,
    tables::{Database, Format, Options, Table, TableError},
};

use super::TokenError;

/// Tokens that are looked through at once for those that have expired.
const PAGE: usize = 1000;

/// A table by the digest of the token's ID, which may be of any length; its value is when the token expires, in seconds since 1970.
type Expiries = Table<[u8; 32], u64>;

/// Tokens that were used.
pub(super) struct UsedTokens {
    database: Database,
    expiries: Expiries,
    most: usize,
    clock: Clock,
    /// How many there are. Held while one is looked up and added.
    count: Mutex<usize>,
}

impl UsedTokens {
    /// Opens the table in `directory`, which holds at most `most` tokens.
    pub(super) fn open(directory: &Path, most: usize) -> Result<Self, TableError> {
        let options = Options {
            format: Format::FIRST,
            cache_bytes: 1 << 20,
            memtable_bytes: 1 << 20,
            journal_bytes: 64 << 20,
        };
        let database = Database::open(directory, &options)?;
        let expiries: Expiries = database.table("used_tokens")?;
        let count = usize::try_from(expiries.count(PAGE)?).unwrap_or(usize::MAX);
        Ok(Self {
            database,
            expiries,
            most,
            clock: Clock::system(),
            count: Mutex::new(count),
        })
    }

    /// Marks a token as used.
    pub(super) fn use_up(&self, jti: &str, exp: i64) -> Result<(), TokenError> {
        let key: [u8; 32] = Sha256::digest(jti).into();
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if self.expiries.contains(&key)? {
            return Err(TokenError::Used);
        }
        if *count >= self.most {
            *count = count.saturating_sub(self.forget_expired()?);
        }
        if *count >= self.most {
            return Err(TokenError::Full);
        }
        let mut batch = self.database.batch();
        batch.insert(
            &self.expiries,
            &key,
            &u64::try_from(exp).unwrap_or_default(),
        )?;
        batch.commit_durably()?;
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Forgets that a token was used. After the death of the machine it may be remembered all the same.
    pub(super) fn give_back(&self, jti: &str) -> Result<(), TableError> {
        let key: [u8; 32] = Sha256::digest(jti).into();
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have expired, and be forgotten.
        if !self.expiries.contains(&key)? {
            return Ok(());
        }
        let mut batch = self.database.batch();
        batch.remove(&self.expiries, &key);
        batch.commit()?;
        *count = count.saturating_sub(1);
        Ok(())
    }

    /// Forgets tokens that have expired; how many.
    fn forget_expired(&self) -> Result<usize, TableError> {
        let now = self.clock.unix_ms() / 1000;
        let mut batch = self.database.batch();
        for page in self.expiries.pages(PAGE) {
            for (key, exp) in page? {
                if exp < now {
                    batch.remove(&self.expiries, &key);
                }
            }
        }
        let forgotten = batch.len();
        batch.commit_durably()?;
        Ok(forgotten)
    }
}
