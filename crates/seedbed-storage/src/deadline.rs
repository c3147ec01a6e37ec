//! How long one transfer may take.

use crate::{Location, Settings, StorageError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The end of a transfer's time, if it has one.
///
/// It is kept where bytes are waited for, not around the whole, so that what has begun in a remote store is taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    pub(crate) const NONE: Self = Self(None);

    /// Of a transfer that begins now.
    pub(crate) fn of(settings: &Settings) -> Self {
        // A time that no clock reaches is none.
        let end = |longest| Some((Instant::now().checked_add(longest)?, longest));
        Self(settings.transfer_timeout.and_then(end))
    }

    /// Does the work, or gives it up when the time is over; `from` is what is transferred.
    pub(crate) async fn keeps<T, E: From<StorageError>>(
        self,
        from: &Location,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some((end, longest)) = self.0 else { return work.await };
        let late = |_| Err(StorageError::Slow { at: from.shown(), longest }.into());
        timeout_at(end, work).await.unwrap_or_else(late)
    }
}
