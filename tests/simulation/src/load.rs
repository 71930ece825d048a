//! Load: clients that store, read, extend and delete while everything else happens.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use rand::{Rng as _, rngs::StdRng};
use tokio::time::Instant;
use walrus_sdk::Client;

use crate::{
    model::{Blob, Content, Model},
    network::Network,
};

/// Of so many steps, one extends a blob, and one deletes one.
const STEPS_PER_CHANGE: u32 = 6;
/// Of so many stores one is broken off, and begun anew.
const STORES_PER_BREAK: u32 = 10;
/// When a store is broken off that is.
const BREAK: std::ops::Range<Duration> = Duration::from_millis(1)..Duration::from_millis(600);
/// Longest time of a store or a read, with everything that faults do to it.
const LONGEST: Duration = Duration::from_secs(180);

/// One client at work.
pub(crate) struct Worker {
    pub(crate) network: Arc<Network>,
    pub(crate) model: Arc<Model>,
    pub(crate) client: Client,
    pub(crate) number: u16,
    pub(crate) draw: StdRng,
}

impl Worker {
    /// Stores blobs with these numbers, spread over `span`, and reads what anybody has stored.
    pub(crate) async fn run(mut self, numbers: Vec<u32>, span: Duration) -> anyhow::Result<()> {
        let count = u32::try_from(numbers.len().max(1))?;
        let pause = span / count;
        for number in numbers {
            let pause = pause.mul_f64(self.draw.random_range(0.0..1.6));
            tokio::time::sleep(pause).await;
            self.store(number).await?;
            self.read_any().await?;
            match self.draw.random_range(0..STEPS_PER_CHANGE) {
                0 => self.extend().await?,
                1 => self.delete().await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn store(&mut self, number: u32) -> anyhow::Result<()> {
        let content = Content::draw(&mut self.draw);
        let epochs: u32 = self.draw.random_range(1..=3);
        let deletable = self.draw.random_bool(0.5);
        let store = || {
            let store = self.client.store(content.bytes()).epochs(epochs);
            match deletable {
                true => store,
                false => store.permanent(),
            }
        };
        let begun = Instant::now();
        let is_broken_off = self.draw.random_ratio(1, STORES_PER_BREAK);
        if is_broken_off {
            // As a client that dies in the middle of it; nobody knows how far it came.
            let dies_after = self.draw.random_range(BREAK);
            let _ = tokio::time::timeout(dies_after, store().start()).await;
        }
        let stored = tokio::time::timeout(LONGEST, store().start()).await;
        let stored = stored.with_context(|| format!("store {number} hangs"))?;
        let journal = &self.network.journal;
        match stored {
            Ok(stored) => {
                journal.note(format_args!(
                    "store {number}{}: {} bytes until epoch {}, {} {}",
                    if is_broken_off { " again" } else { "" },
                    content.length(),
                    stored.end_epoch(),
                    if deletable { "deletable" } else { "permanent" },
                    stored.blob_id(),
                ));
                let mut blob = Blob::new(number, stored.blob_id(), stored.end_epoch(), content);
                blob.object_id = stored.object_id();
                blob.owner = self.number;
                blob.deletable = deletable;
                blob.uncertain = is_broken_off;
                self.model.add(blob);
                Ok(())
            }
            Err(error) => {
                journal.note(format_args!("store {number} fails: {error}"));
                match self.network.clients_in_trouble.since(begun) {
                    true => Ok(()),
                    false => Err(error).with_context(|| format!("store {number}")),
                }
            }
        }
    }

    /// Reads some blob, whoever has stored it.
    pub(crate) async fn read_any(&mut self) -> anyhow::Result<()> {
        let (epoch, _) = self.network.epoch().await?;
        match self.model.choose(epoch, &mut self.draw) {
            Some(blob) => self.read(&blob).await,
            None => Ok(()),
        }
    }

    /// Reads a blob that was live a moment ago.
    pub(crate) async fn read(&self, blob: &Blob) -> anyhow::Result<()> {
        let (number, begun) = (blob.number, Instant::now());
        let reading = self.client.read(blob.blob_id).start();
        let read = tokio::time::timeout(LONGEST, reading).await;
        let read = read.with_context(|| format!("the read of blob {number} hangs"))?;
        match read {
            Ok(bytes) => {
                ensure!(blob.is(&bytes), "blob {number} is read with wrong bytes");
                self.network.journal.note(format_args!("read {number}"));
                Ok(())
            }
            Err(error) => {
                let (epoch, _) = self.network.epoch().await?;
                let is_live = self
                    .model
                    .get(number)
                    .is_some_and(|blob| blob.is_live(epoch));
                self.network
                    .journal
                    .note(format_args!("read {number} fails: {error}"));
                ensure!(
                    !is_live || self.network.clients_in_trouble.since(begun),
                    "blob {number} is live and cannot be read: {error}"
                );
                Ok(())
            }
        }
    }

    async fn extend(&mut self) -> anyhow::Result<()> {
        let Some((blob, object)) = self.choose_own(|_| true).await? else {
            return Ok(());
        };
        let (more, number) = (self.draw.random_range(1..=2), blob.number);
        let extended = self.client.writer()?.extend_blob(object, more).await;
        match extended {
            Ok(_) => {
                self.model.change(object, |blob| blob.end_epoch += more);
                self.network
                    .journal
                    .note(format_args!("extend {number} by {more}"));
            }
            // It may have ended meanwhile; or the chain has done it, and the answer was lost.
            Err(error) => {
                self.model.change(object, |blob| blob.uncertain = true);
                let journal = &self.network.journal;
                journal.note(format_args!("extend {number} fails: {error}"));
            }
        }
        Ok(())
    }

    async fn delete(&mut self) -> anyhow::Result<()> {
        let Some((blob, object)) = self.choose_own(|blob| blob.deletable).await? else {
            return Ok(());
        };
        let number = blob.number;
        // From now on nobody may rely on it.
        self.model.change(object, |blob| blob.deleted = true);
        let deleted = self.client.writer()?.delete_blobs(&[object]).await;
        match deleted {
            Ok(_) => self.network.journal.note(format_args!("delete {number}")),
            // The chain may have done it, and the answer was lost.
            Err(error) => {
                self.model.change(object, |blob| blob.uncertain = true);
                let journal = &self.network.journal;
                journal.note(format_args!("delete {number} fails: {error}"));
            }
        }
        Ok(())
    }

    /// A live blob of this client.
    async fn choose_own(
        &mut self,
        wanted: impl Fn(&Blob) -> bool,
    ) -> anyhow::Result<Option<(Blob, walrus_sui::Address)>> {
        let (epoch, _) = self.network.epoch().await?;
        let mut own = self.model.live(epoch);
        own.retain(|blob| blob.owner == self.number && wanted(blob));
        if own.is_empty() {
            return Ok(None);
        }
        let blob = own.swap_remove(self.draw.random_range(0..own.len()));
        let object = blob.object_id;
        Ok(object.map(|object| (blob, object)))
    }
}
