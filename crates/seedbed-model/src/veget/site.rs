//! The static inputs of a strip of pixels, as the day needs them.

use super::parameters::Rules;
use super::spec::fixed;
use crate::reference_et::Latitude;
use crate::{ModelError, ModelSpec, Statics};
use seedbed_block::Real;

/// One vector a quantity, one value a pixel.
#[derive(Debug)]
pub struct Sites<T> {
    /// `WHC` in mm, as given.
    pub whc: Vec<T>,
    /// `WHCn`: the same, NaN where negative.
    pub capacity: Vec<T>,
    /// `D = SATn − FCn` in mm.
    pub gap: Vec<T>,
    /// `I/100`.
    pub kept: Vec<T>,
    /// 1 where the pixel is inland water.
    pub water: Vec<T>,
    /// 0, or NaN where the pixel is masked.
    pub open: Vec<T>,
    /// Latitude, where it is given.
    pub latitude: Option<Vec<Latitude>>,
}

/// One pixel's.
#[derive(Debug, Clone, Copy)]
pub struct Site<T> {
    pub whc: T,
    pub capacity: T,
    pub gap: T,
    pub kept: T,
    pub water: T,
    pub open: T,
}

fn unless_negative(v: f64) -> f64 {
    if v < 0.0 { f64::NAN } else { v }
}

impl<T: Real> Sites<T> {
    /// The sites of a strip.
    pub fn new(spec: &ModelSpec, rules: Rules, statics: &Statics<'_>) -> Result<Self, ModelError> {
        let required = |index: usize| {
            let missing =
                ModelError::Missing { model: spec.name, kind: "static", name: spec.statics[index].name };
            statics.get(spec, index)?.ok_or(missing)
        };
        let whc = required(fixed::WHC)?;
        let field_capacity = required(fixed::FIELD_CAPACITY)?;
        let saturation = required(fixed::SATURATION)?;
        let interception = required(fixed::INTERCEPTION)?;
        let water = statics.get(spec, fixed::WATER)?;
        let of = |values: &[f64]| values.iter().map(|v| T::of(*v)).collect::<Vec<T>>();
        let gap = saturation
            .iter()
            .zip(field_capacity)
            .map(|(s, f)| T::of(unless_negative(*s)) - T::of(unless_negative(*f)))
            .collect();
        let open = (0..statics.pixels)
            .map(|i| {
                let parts = [field_capacity[i], saturation[i], interception[i]];
                let missing = |v: f64| v.is_nan() || v < 0.0;
                let water_missing = water.is_some_and(|w| missing(w[i]));
                let masked =
                    whc[i].is_nan() || whc[i] <= 0.0 || water_missing || parts.into_iter().any(missing);
                if rules.hold_missing && masked { T::NAN } else { T::ZERO }
            })
            .collect();
        Ok(Self {
            whc: of(whc),
            capacity: whc.iter().map(|v| T::of(unless_negative(*v))).collect(),
            gap,
            kept: interception.iter().map(|v| T::of(*v / 100.0)).collect(),
            water: water.map_or_else(|| vec![T::ZERO; statics.pixels], of),
            open,
            latitude: statics
                .get(spec, fixed::LATITUDE)?
                .map(|list| list.iter().map(|v| Latitude::of_degrees(*v)).collect()),
        })
    }

    /// The sites of the pixels computed together from `start` on.
    pub fn lane(&self, start: usize, width: usize) -> Lane<T> {
        let of = |values: &[T]| lane(values, start, width);
        Lane {
            whc: of(&self.whc),
            capacity: of(&self.capacity),
            gap: of(&self.gap),
            kept: of(&self.kept),
            water: of(&self.water),
            open: of(&self.open),
        }
    }
}

/// Pixels computed together: arrays of a fixed length, whose loop becomes vector code.
pub const LANE: usize = 64;

/// `width` values from `start` on, and zeros up to the lane's length.
pub fn lane<T: Real>(values: &[T], start: usize, width: usize) -> [T; LANE] {
    let mut lane = [T::ZERO; LANE];
    lane[..width].copy_from_slice(&values[start..start + width]);
    lane
}

/// The sites of a lane.
#[derive(Debug)]
pub struct Lane<T> {
    whc: [T; LANE],
    capacity: [T; LANE],
    gap: [T; LANE],
    kept: [T; LANE],
    water: [T; LANE],
    open: [T; LANE],
}

impl<T: Real> Lane<T> {
    /// One pixel's.
    #[inline]
    pub fn at(&self, l: usize) -> Site<T> {
        Site {
            whc: self.whc[l],
            capacity: self.capacity[l],
            gap: self.gap[l],
            kept: self.kept[l],
            water: self.water[l],
            open: self.open[l],
        }
    }
}
