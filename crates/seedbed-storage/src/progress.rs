//! Who is told how far a transfer has come.

/// Told by a transfer how far it is; from any thread, and often.
pub trait Progress: Send + Sync {
    /// Counting starts, at 0 of `total` bytes where that is known. Called again if a transfer starts over.
    fn started(&self, total: Option<u64>);

    /// So many more bytes are there: from the network, or found where an earlier transfer left them.
    fn advanced(&self, bytes: u64);
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _total: Option<u64>) {}
    fn advanced(&self, _bytes: u64) {}
}
