//! Layers that say something of each pixel of another layer, read on that one's grid.

use crate::reader::held;
use crate::source::Source;
use crate::{PrepError, SourceAsset};
use seedbed_block::{Index, PixelRange};
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::{Raster, Resampling, WarpPlan};
use std::ops::Range;
use std::sync::Arc;

/// A layer that says something of each pixel: how good it is, or when it was observed.
#[derive(Debug, Clone)]
pub enum Ancillary {
    /// An asset of the same item.
    Asset(Arc<SourceAsset>),
    /// A variable of the same file.
    Variable(String),
}

/// Reads layers of one kind beside their sources' own, on the sources' grids; of another grid
/// by the nearest pixel.
#[derive(Default)]
pub(crate) struct AncillaryReader {
    /// The file last read, by the number of its source.
    open: Option<(usize, Raster)>,
    /// Plans from other grids.
    plans: Vec<(GeoBox, GeoBox, Arc<WarpPlan>)>,
}

impl AncillaryReader {
    /// What `said` says of `layers` of `source`, which is number `number`, in a window of its
    /// grid: layer, row, column; one layer where there is one for all.
    pub(crate) fn read(
        &mut self,
        (number, source): (usize, &Source),
        said: &Source,
        layers: Range<usize>,
        window: PixelRange,
        projections: &dyn Projections,
    ) -> Result<Vec<f64>, PrepError> {
        let (there, needed) = (said.facts.dates.len(), source.facts.dates.len());
        let layers = match there {
            1 => 0..1,
            _ if there == needed => layers,
            _ => {
                return Err(PrepError::Document {
                    path: said.path.clone(),
                    what: "layer beside its item's",
                    reason: format!("it has {there} layers for {needed}"),
                });
            }
        };
        let raster = held(&mut self.open, number, || said.open())?;
        let (ours, theirs) = (&source.facts.geobox, &said.facts.geobox);
        if ours == theirs {
            return Ok(raster.read_layers(layers, window)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "pixel numbers are far below 2^52")]
        let affine = ours.affine.shifted(window.row0 as f64, window.col0 as f64);
        let part = GeoBox { affine, shape: window.shape(), ..ours.clone() };
        let made = self.plans.iter().find(|(from, to, _)| from == theirs && *to == part);
        let plan = if let Some((_, _, plan)) = made {
            plan.clone()
        } else {
            let anchor = Index { row: window.row0, col: window.col0 };
            let plan = Arc::new(WarpPlan::new(theirs, &part, anchor, Resampling::Nearest, projections)?);
            self.plans.push((theirs.clone(), part, plan.clone()));
            plan
        };
        let pixels = window.shape().len();
        let mut out = vec![f64::NAN; layers.len() * pixels];
        let Some(from) = plan.source_window() else { return Ok(out) };
        let read: Vec<f64> = raster.read_layers(layers, from)?;
        for (read, out) in read.chunks_exact(from.shape().len()).zip(out.chunks_exact_mut(pixels)) {
            plan.apply(read, out);
        }
        Ok(out)
    }
}
