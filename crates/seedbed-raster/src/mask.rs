//! Pixels that a file takes out beside its nodata: by a mask in it or in a file beside it, or
//! by their transparency.

use gdal::Dataset;
use gdal::errors::GdalError;
use gdal::raster::RasterBand;
use seedbed_block::{PixelRange, Real};

/// What takes pixels of a band out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// Nothing, or its nodata alone.
    None,
    /// Numbers of which zero stands for a pixel without data.
    Band,
    /// The dataset's last band, which says how opaque a pixel is; zero is no data.
    Alpha,
}

impl Mask {
    /// Of a band.
    ///
    /// # Errors
    /// GDAL's reason.
    pub fn of(band: &RasterBand<'_>) -> Result<Self, GdalError> {
        let flags = band.mask_flags()?;
        Ok(if flags.is_alpha() {
            Self::Alpha
        } else if flags.is_per_dataset() || !flags.is_all_valid() && !flags.is_nodata() {
            Self::Band
        } else {
            Self::None
        })
    }

    /// Makes NaN of the values of a band's window that are taken out.
    ///
    /// # Errors
    /// GDAL's reason.
    pub fn apply<T: Real>(
        self,
        dataset: &Dataset,
        band: usize,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), GdalError> {
        if self == Self::None {
            return Ok(());
        }
        let (shape, corner) = (window.shape(), (window.col0, window.row0));
        let corner = (isize::try_from(corner.0)?, isize::try_from(corner.1)?);
        let size = (shape.cols, shape.rows);
        let valid = dataset.rasterband(band)?.open_mask_band()?.read_as::<u8>(corner, size, size, None)?;
        for (value, valid) in out.iter_mut().zip(valid.data()) {
            if *valid == 0 {
                *value = T::NAN;
            }
        }
        Ok(())
    }
}
