//! Columns fetched ahead of whoever reads them, each once there is room for it in a budget of bytes.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::JoinHandle;

use super::columns::Columns;
use crate::{ClientError, range::Share};

/// A task that ends when nobody waits for it any more.
struct Fetch(JoinHandle<Result<Bytes, ClientError>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What is left of a row of columns.
pub(super) struct Ahead {
    columns: Arc<Columns>,
    /// Columns that are not asked for yet.
    wanted: Range<u16>,
    on_their_way: VecDeque<(Fetch, Share)>,
    /// Room for the column that was handed out last.
    held: Option<Share>,
}

impl Ahead {
    pub(super) fn new(columns: Arc<Columns>, wanted: Range<u16>) -> Self {
        Self {
            columns,
            wanted,
            on_their_way: VecDeque::new(),
            held: None,
        }
    }

    /// The columns in order. One counts until the next is asked for.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
        stream::try_unfold(self, Self::next)
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ClientError> {
        // Nobody waits for room who holds some.
        self.held = None;
        self.fill().await;
        let Some((mut fetch, share)) = self.on_their_way.pop_front() else {
            return Ok(None);
        };
        let column = (&mut fetch.0).await;
        let column = column.map_err(|error| ClientError::Interrupted(error.to_string()))??;
        self.held = Some(share);
        Ok(Some((column, self)))
    }

    /// Waits for room for one column, and takes what room there is for more.
    async fn fill(&mut self) {
        let budget = self.columns.budget.clone();
        let length = self.columns.geometry.column_size();
        while self.on_their_way.len() < self.columns.at_once() && !self.wanted.is_empty() {
            let share = if self.on_their_way.is_empty() {
                budget.take(length).await
            } else {
                budget.try_take(length)
            };
            let Some(share) = share else {
                return;
            };
            // Only now: what there is no room for is asked for later.
            let Some(column) = self.wanted.next() else {
                return;
            };
            let columns = Arc::clone(&self.columns);
            // A task, so that a reader who pauses does not keep a node waiting.
            let fetch = tokio::spawn(async move { columns.get(column).await });
            self.on_their_way.push_back((Fetch(fetch), share));
        }
    }
}
