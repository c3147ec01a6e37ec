//! How COGs are compressed and their overviews made, as `prep`, `composite` and `mosaic` take it.

use crate::failure::{usage, usage_hint};
use seedbed_raster::cog::{Compress, Overview};

/// Compression and overviews.
#[derive(Debug, Clone, clap::Args)]
pub struct EncodingArgs {
    /// deflate, zstd, lerc, lerc-zstd, lerc-deflate or none.
    #[arg(long, default_value = "deflate")]
    pub compress: Compress,
    /// The compression's level, more being smaller and slower: deflate 1 to 12, zstd 1 to 22.
    #[arg(long, value_name = "N")]
    level: Option<u8>,
    /// How far a value that LERC stores may be from the true one, in the values' unit: for
    /// floating types, and 0 if not given.
    #[arg(long, value_name = "ERROR")]
    max_z_error: Option<f64>,
    /// How overviews are made: average, nearest or mode. If not given: nearest for classes, which
    /// are values in an integer type without scale, resampled by nearest or mode; else average. A
    /// mosaic makes them as its tiles have them.
    #[arg(long, value_name = "HOW")]
    pub overviews: Option<Overview>,
}

impl EncodingArgs {
    /// The level.
    ///
    /// # Errors
    /// A usage error for one that the compression doesn't have.
    pub fn level(&self) -> anyhow::Result<Option<u8>> {
        self.compress.check_level(self.level).map_err(usage)?;
        Ok(self.level)
    }

    /// The error bound, which goes with LERC and with nothing else.
    ///
    /// # Errors
    /// A usage error for one without LERC, or that is no bound.
    pub fn max_z_error(&self) -> anyhow::Result<Option<f64>> {
        match (self.max_z_error, self.compress.is_lerc()) {
            (Some(_), false) => Err(usage_hint(
                format!("--max-z-error is for lerc, and --compress is {}", self.compress),
                "add --compress lerc-zstd",
            )),
            (Some(error), true) if !(error.is_finite() && error >= 0.0) => {
                Err(usage_hint(format!("--max-z-error {error} is no bound"), "give one such as 0.01"))
            }
            (error, _) => Ok(error),
        }
    }
}
