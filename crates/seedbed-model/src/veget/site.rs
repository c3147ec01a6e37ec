//! The static inputs of a strip of pixels, as the day needs them.

use super::parameters::Rules;
use super::spec::fixed;
use crate::reference_et::Latitude;
use crate::{ModelError, ModelSpec, Statics};
use seedbed_block::Real;

/// The sites of a strip.
#[derive(Debug)]
pub struct Sites<T> {
    /// Pixel after pixel, the last lane filled up with zeros.
    pub lanes: Vec<Lane<T>>,
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
        let of_pixel = |i: usize| {
            let parts = [field_capacity[i], saturation[i], interception[i]];
            let missing = |v: f64| v.is_nan() || v < 0.0;
            let water_missing = water.is_some_and(|w| missing(w[i]));
            let masked = whc[i].is_nan() || whc[i] <= 0.0 || water_missing || parts.into_iter().any(missing);
            Site {
                whc: T::of(whc[i]),
                capacity: T::of(unless_negative(whc[i])),
                gap: T::of(unless_negative(saturation[i])) - T::of(unless_negative(field_capacity[i])),
                kept: T::of(interception[i] / 100.0),
                water: T::of(water.map_or(0.0, |w| w[i])),
                open: if rules.hold_missing && masked { T::NAN } else { T::ZERO },
            }
        };
        let mut lanes = vec![Lane::default(); statics.pixels.div_ceil(LANE)];
        for i in 0..statics.pixels {
            lanes[i / LANE].set(i % LANE, of_pixel(i));
        }
        Ok(Self {
            lanes,
            latitude: statics
                .get(spec, fixed::LATITUDE)?
                .map(|list| list.iter().map(|v| Latitude::of_degrees(*v)).collect()),
        })
    }
}

/// Pixels computed together: arrays of a fixed length, whose loop becomes vector code.
pub const LANE: usize = 64;

/// The sites of a lane.
#[derive(Debug, Clone)]
pub struct Lane<T> {
    /// `WHC` in mm.
    pub whc: [T; LANE],
    capacity: [T; LANE],
    gap: [T; LANE],
    kept: [T; LANE],
    water: [T; LANE],
    open: [T; LANE],
}

impl<T: Real> Default for Lane<T> {
    fn default() -> Self {
        let zero = [T::ZERO; LANE];
        Self { whc: zero, capacity: zero, gap: zero, kept: zero, water: zero, open: zero }
    }
}

impl<T: Real> Lane<T> {
    fn set(&mut self, l: usize, site: Site<T>) {
        self.whc[l] = site.whc;
        self.capacity[l] = site.capacity;
        self.gap[l] = site.gap;
        self.kept[l] = site.kept;
        self.water[l] = site.water;
        self.open[l] = site.open;
    }

    /// One pixel's.
    #[inline(always)]
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
