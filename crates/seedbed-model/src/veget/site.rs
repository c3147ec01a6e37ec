//! The static inputs of a strip of pixels, as the day needs them.

use super::parameters::Rules;
use super::spec::fixed;
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
    /// Latitude in radians, where it is given.
    pub latitude: Option<Vec<f64>>,
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
            latitude: statics.get(spec, fixed::LATITUDE)?.map(|l| l.iter().map(|v| v.to_radians()).collect()),
        })
    }

    /// One pixel's.
    #[inline]
    pub fn at(&self, i: usize) -> Site<T> {
        Site {
            whc: self.whc[i],
            capacity: self.capacity[i],
            gap: self.gap[i],
            kept: self.kept[i],
            water: self.water[i],
            open: self.open[i],
        }
    }
}
