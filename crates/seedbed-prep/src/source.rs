//! One asset of an input, and what item and file say of its values.

use crate::group::RemoteGroup;
use crate::remote::Remote;
use crate::windows::FileVariable;
use crate::{Ancillary, PrepError, Rules, SourceAsset};
use seedbed_block::{Calendar, Conversion, Date, Unit};
use seedbed_grid::GeoBox;
use seedbed_raster::{DType, Raster, RasterError, RasterSource};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// An asset whose file can be read.
pub(crate) struct Source {
    pub(crate) asset: Arc<SourceAsset>,
    /// Where it is on the local disk; its address, if it is read by ranges.
    pub(crate) path: PathBuf,
    /// What isn't fetched but read where it lies.
    pub(crate) remote: Option<Bytes>,
    pub(crate) facts: Arc<Facts>,
    /// Its quality layer, where one is asked for.
    pub(crate) quality: Option<Box<Source>>,
    /// The layer of the days on which its pixels were observed, where that is asked for.
    pub(crate) composite_day: Option<Box<Source>>,
}

/// The bytes of an asset that is read where it lies.
#[derive(Clone)]
pub(crate) enum Bytes {
    /// Of a file, by ranges.
    File(Arc<Remote>),
    /// Of a Zarr group, by its objects.
    Group(Arc<RemoteGroup>),
}

/// What a file says of itself besides its values; the same for every tile.
pub(crate) struct Facts {
    /// Where it lies.
    pub(crate) geobox: GeoBox,
    /// The layers' dates, where it has a clock.
    pub(crate) dates: Vec<Option<Date>>,
    /// The calendar of 365 days that its clock goes by.
    pub(crate) calendar: Option<Calendar>,
    /// Unit of the values.
    pub(crate) unit: Option<String>,
    /// How its numbers are stored.
    pub(crate) stored: Stored,
    /// The least and the greatest value that stand for an observation, scaled.
    pub(crate) valid_range: Option<[f64; 2]>,
    /// Why some values were read by the netCDF library, once that is known.
    pub(crate) by_library: OnceLock<String>,
}

/// How a file's numbers stand for values: value = number × scale + offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stored {
    pub(crate) dtype: DType,
    pub(crate) scale: f64,
    pub(crate) offset: f64,
    /// The number of a missing value.
    pub(crate) nodata: Option<f64>,
}

/// Opens an asset's file, its values scaled and its nodata known by the file's
/// word or, where it has none, the item's.
///
/// The vegetation indices of MOD13 carry their scale upside down in some
/// files (10000 for 0.0001): where file and item are each other's inverse the
/// item's is taken. Any other disagreement is an error.
pub(crate) fn open(asset: &SourceAsset, path: &Path, remote: Option<&Bytes>) -> Result<Raster, PrepError> {
    let source = RasterSource {
        path: path.to_owned(),
        variable: asset.variable.clone(),
        claimed: asset.claim.clone(),
    };
    let open = |source: &RasterSource| match remote {
        Some(Bytes::File(remote)) => Raster::open_at(remote.clone(), source),
        Some(Bytes::Group(group)) => Raster::open_group(group.clone(), source),
        None => Raster::open(source),
    };
    let mut raster = match open(&source) {
        // Bands without names of their own have those that the item gives them, in its order.
        Err(RasterError::Variable { wanted: Some(_), available, .. })
            if available.len() == asset.bands
                && available.iter().zip(1..).all(|(name, n)| *name == format!("band {n}")) =>
        {
            open(&RasterSource { variable: Some("band 1".to_owned()), ..source.clone() })
        }
        opened => opened,
    }?;
    if asset.scale.is_some() || asset.offset.is_some() {
        let (scale, offset) = (asset.scale.unwrap_or(1.0), asset.offset.unwrap_or(0.0));
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        let silent = raster.scale() == 1.0 && raster.offset() == 0.0;
        if silent || near(raster.scale() * scale, 1.0) {
            raster.set_scaling(scale, offset);
        } else if !near(raster.scale(), scale) || !near(raster.offset(), offset) {
            return Err(PrepError::Scaling {
                path: path.to_owned(),
                found: (raster.scale(), raster.offset()),
                item: asset.item.clone(),
                stated: (scale, offset),
            });
        }
    }
    match (raster.nodata(), asset.nodata) {
        (None, by_item) => raster.set_nodata(by_item),
        // Either's word makes a value missing.
        (Some(own), Some(by_item)) if own != by_item && !by_item.is_nan() => raster.add_nodata(by_item),
        _ => {}
    }
    Ok(raster)
}

impl Facts {
    /// What a raster says of itself, and its item of it.
    pub(crate) fn of(asset: &SourceAsset, raster: &Raster) -> Self {
        let valid_range = asset.valid_range.or(raster.valid_range()).map(|[low, high]| {
            let slack = if raster.data_type().is_integer() { 0.5 } else { 0.0 };
            let scaled = |stored: f64| stored * raster.scale() + raster.offset();
            let (a, b) = (scaled(low - slack), scaled(high + slack));
            [a.min(b), a.max(b)]
        });
        Self {
            geobox: raster.geobox().clone(),
            dates: raster.layers().iter().map(|l| l.date).collect(),
            calendar: raster.calendar(),
            valid_range,
            stored: Stored {
                dtype: raster.data_type(),
                scale: raster.scale(),
                offset: raster.offset(),
                nodata: raster.nodata(),
            },
            unit: raster.unit().filter(|unit| !unit.is_empty()).map(str::to_owned),
            by_library: OnceLock::new(),
        }
    }

    /// Notes whether a library read the values.
    pub(crate) fn note(&self, raster: &Raster) {
        if let Some(reason) = raster.by_library() {
            // The first reason stands.
            let _ = self.by_library.set(reason.to_owned());
        }
    }

    /// The layers from the first day to the last, and what lies between; all
    /// of a file without a clock.
    pub(crate) fn layers(&self, from: Date, to: Date) -> Range<usize> {
        let wanted = |date: &Option<Date>| date.is_none_or(|date| date >= from && date <= to);
        let first = self.dates.iter().position(wanted).unwrap_or(0);
        first..self.dates.iter().rposition(wanted).map_or(first, |last| last + 1)
    }
}

impl SourceAsset {
    /// The asset as which a layer beside its own is read.
    pub(crate) fn layer(&self, beside: &Ancillary) -> Arc<Self> {
        match beside {
            Ancillary::Asset(asset) => asset.clone(),
            Ancillary::Variable(name) => Arc::new(Self {
                variable: Some(name.clone()),
                nodata: None,
                scale: None,
                offset: None,
                unit: None,
                valid_range: None,
                quality: None,
                composite_day: None,
                ..self.clone()
            }),
        }
    }
}

impl Source {
    /// Its file, and the variable inside.
    pub(crate) fn variable(&self) -> FileVariable {
        (self.path.clone(), self.asset.variable.clone())
    }

    /// Bytes that a layer takes while it is warped, of a window of so many pixels: its
    /// values, once more as the warp lays them out, and its quality and its pixels' days, which
    /// are read as 64-bit numbers on their own grids and brought onto this one; the days are
    /// warped as well.
    pub(crate) fn layer_bytes<T>(&self, window: usize) -> usize {
        let values = 2 * size_of::<T>();
        let beside = |layer: &Source| 8 + 8 * finer(&self.facts.geobox, &layer.facts.geobox);
        let quality = self.quality.as_deref().map_or(0, beside);
        let days = self.composite_day.as_deref().map_or(0, |layer| values + beside(layer));
        window * (values + quality + days)
    }

    /// Opens its file.
    pub(crate) fn open(&self) -> Result<Raster, PrepError> {
        open(&self.asset, &self.path, self.remote.as_ref())
    }

    /// Whether its only day is the item's word, whatever the file's clock says.
    pub(crate) fn is_dated_by_item(&self) -> bool {
        self.asset.undated || (self.asset.dated_by_item && self.asset.period.len() == 1)
    }

    /// The day of a layer: the file's, which must lie in the item's time, or the
    /// item's first where the file has no clock or the item's word counts.
    pub(crate) fn day(&self, layer: usize) -> Result<Date, PrepError> {
        let period = self.asset.period;
        if self.is_dated_by_item() && self.facts.dates.len() == 1 {
            return Ok(period.start);
        }
        match self.facts.dates[layer] {
            None if layer == 0 => Ok(period.start),
            None => Err(PrepError::dateless(self.path.clone(), layer, self.facts.dates.len())),
            Some(day) if period.contains(day) => Ok(day),
            Some(day) => Err(PrepError::Clock {
                path: self.path.clone(),
                layer,
                found: day,
                item: self.asset.item.clone(),
                start: period.start,
                end: period.end,
            }),
        }
    }

    /// From the raster's values by the project's scale and offset, which are for numbers that
    /// nothing else is said of, to their unit, and from there to the wanted one.
    pub(crate) fn conversion(&self, input: &str, rules: &Rules) -> Result<Conversion, PrepError> {
        let Stored { scale, offset, .. } = self.facts.stored;
        let (stated, given) = (Conversion { scale, offset }, rules.adjust);
        if rules.classes.is_none() && stated != Conversion::IDENTITY && given != Conversion::IDENTITY {
            return Err(PrepError::Scaled {
                input: input.to_owned(),
                path: self.path.clone(),
                stated: (scale, offset),
                given: (given.scale, given.offset),
            });
        }
        let failed = |source| PrepError::Unit { input: input.to_owned(), path: self.path.clone(), source };
        let parse = |text: &str| text.parse::<Unit>().map_err(failed);
        let (by_item, by_file) = (self.asset.unit.as_deref(), self.facts.unit.as_deref());
        if let (None, Some(item), Some(file)) = (rules.unit, by_item, by_file)
            && let (Ok(stated), Ok(found)) = (item.parse::<Unit>(), file.parse::<Unit>())
            && stated.to(found) != Ok(Conversion::IDENTITY)
        {
            return Err(PrepError::Units {
                input: input.to_owned(),
                path: self.path.clone(),
                found: file.to_owned(),
                item: self.asset.item.clone(),
                stated: item.to_owned(),
            });
        }
        let Some(wanted) = rules.wanted else { return Ok(given) };
        let unit = match (rules.unit, by_item, by_file) {
            (Some(unit), _, _) => unit,
            (None, Some(item), Some(file)) => {
                parse(file)?;
                parse(item)?
            }
            (None, Some(text), None) | (None, None, Some(text)) => parse(text)?,
            (None, None, None) => {
                return Err(PrepError::NoUnit {
                    input: input.to_owned(),
                    item: self.asset.item.clone(),
                    path: self.path.clone(),
                });
            }
        };
        let to = unit.to(wanted).map_err(failed)?;
        Ok(Conversion { scale: given.scale * to.scale, offset: given.offset * to.scale + to.offset })
    }
}

/// How many pixels of another grid lie in one of `ours`, at least 1; beside an edge
/// there may be some more.
fn finer(ours: &GeoBox, theirs: &GeoBox) -> usize {
    let area = |g: &GeoBox| (g.affine.a * g.affine.e - g.affine.b * g.affine.d).abs();
    let ratio = if ours.crs == theirs.crs { area(ours) / area(theirs) } else { 1.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of pixels"
    )]
    let whole = ratio.ceil().clamp(1.0, 1e6) as usize;
    whole
}
