//! One day of one pixel.
//!
//! Comparisons with NaN are false, and each branch is written so that the value
//! a NaN leads to is the reference's: that is why several say "if greater then
//! this, else 0" where a maximum would seem to do.

use super::parameters::{Melt, Parameters, Rules};
use super::site::Site;
use seedbed_block::Real;

/// The number of outputs.
pub const OUTPUTS: usize = 13;

/// Places of outputs that the water balance is made of.
pub mod output {
    pub const INTERCEPT: usize = 1;
    pub const SRF: usize = 7;
    pub const DD: usize = 8;
    pub const ETASW: usize = 10;
}

/// The day's inputs: mm, degC, degC, degC, –, mm.
#[derive(Debug, Clone, Copy)]
pub struct Weather<T> {
    pub ppt: T,
    pub tmin: T,
    pub tmax: T,
    pub tavg: T,
    pub ndvi: T,
    pub eto: T,
}

/// A pixel's stores at the end of a day, in mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stores<T> {
    /// `SWf`, soil water.
    pub soil: T,
    /// `SNWPK`, snow as water. In 64 bits whatever the others are: it grows for months by what is
    /// thousands of times less, so that in 32 bits it drifts by 2e-3 mm a winter.
    pub pack: f64,
}

/// Temperatures at or below this are nodata that slipped through, in degC.
const COLDEST: f64 = -100.0;

/// The NDVI above which the landscape coefficient has its intercept.
const GREEN: f64 = 0.4;

/// Takes a pixel through a day.
///
/// Gives the outputs in the order of the spec, in mm, and the stores after it.
/// `first` is true on the first day of a run; before it the soil is half full
/// (`0.5·WHC`) and there is no snow.
///
/// Symbols: `P` ppt, `I` interception in percent, `E` eto, `W` water; `Tl`, `Th`,
/// `s`, `mf`, `cr`, `k`, `n0`, `b`, `wf`, `a` the parameters in the spec's order
/// (`cr` is `rf_coeff`, then `k_factor`, `ndvi_factor`).
///
/// ```text
/// Pe = P·(1 − I/100)            Int = P·(I/100)
/// f  = 0 | s·Tavg | 1           Mp  = mf·(Tmax² − Tmax·max(Tmin, 0)) if Tavg > Tl
/// RAIN = f·Pe                   SWE = (1 − f)·Pe
/// MELT = min(Mp, SWE + SNWPK')  SNWPK = SNWPK' + SWE − MELT
/// SWi = SWf' + RAIN + MELT      Rf = max(SWi − WHC, 0)
/// SRf = cr·Rf or (Rf − D) + cr·D                      DD = Rf − SRf
/// A = (k·NDVI + n0)·(E·b)       B = k·NDVI·(E·b)      e = A if NDVI > 0.4 else B
/// ETASW5 = min(e·min(1, SWi/(WHC/2)), SWi, WHC)
/// ETASW = E·((wf·b)·a) if W = 1 or NDVI < 0, else ETASW5
/// SWf = WHC − ETASW if SWi > WHC, else max(SWi − ETASW, 0)
/// ```
#[inline(always)]
pub fn day<T: Real>(
    p: &Parameters<T>,
    rules: Rules,
    site: Site<T>,
    before: Stores<T>,
    first: bool,
    w: Weather<T>,
) -> ([T; OUTPUTS], Stores<T>) {
    let coldest = T::of(COLDEST);
    let kept_warm = |t: T| if t <= coldest { T::NAN } else { t };
    let (tmin, tmax, tavg) = (kept_warm(w.tmin), kept_warm(w.tmax), kept_warm(w.tavg));
    let is_water = site.water == T::ONE;
    let ndvi = if rules.negative_is_land && !is_water && w.ndvi < T::ZERO { T::ZERO } else { w.ndvi };

    // Interception, and rain against snow.
    let effective = w.ppt * (T::ONE - site.kept);
    let intercept = w.ppt * site.kept;
    let from_low = if rules.clamp_rain { tavg - p.low } else { tavg };
    let ramp = p.slope * from_low;
    let ramp = if rules.clamp_rain && ramp > T::ONE { T::ONE } else { ramp };
    let between = if tavg > p.low && tavg < p.high { ramp } else { T::ZERO };
    let f = if tavg >= p.high { T::ONE } else { between };
    let rain = f * effective;

    // Snow.
    let possible = match rules.melt {
        Melt::Warm => {
            let floor = if tmin < T::ZERO { T::ZERO } else { tmin };
            let melt = p.melt * (tmax * tmax - tmax * floor);
            if tavg > p.low { melt } else { T::ZERO }
        }
        Melt::Unmasked => p.melt * (tmax * tmax - (tmax - tmin)),
    };
    let into_soil = first && !rules.first_day_to_pack;
    let snowfall = (T::ONE - f) * effective;
    let available = snowfall.to_f64() + before.pack;
    let melt = if possible.to_f64() <= available { possible.to_f64() } else { available };
    let left = before.pack + snowfall.to_f64() - melt;
    let pack = if left >= 0.0 { left } else { 0.0 };
    let melt = T::of(melt);
    let ordinary = before.soil + rain + melt;
    let cold_start = before.soil + effective;
    let cold_start = if cold_start < T::ZERO { T::NAN } else { cold_start };
    let swe = if into_soil { T::ZERO } else { snowfall };
    let melt = if into_soil { T::ZERO } else { melt };
    let pack = if into_soil { 0.0 } else { pack };
    let swi = if into_soil { cold_start } else { ordinary };

    // Runoff.
    let excess = swi - site.capacity;
    let rf = if excess > T::ZERO { excess } else { T::ZERO };
    let srf = if rf <= site.gap { p.surface * rf } else { (rf - site.gap) + p.surface * site.gap };
    let dd = rf - srf;

    // Evapotranspiration.
    let biased = w.eto * p.bias;
    let etc = (p.k * ndvi + p.n0) * biased;
    let sparse = p.k * ndvi * biased;
    let demand = if ndvi > T::of(GREEN) { etc } else { sparse };
    let half = T::of(0.5) * site.whc;
    let stressed = (swi / half) * demand;
    let e3 = if swi > half { demand } else { stressed };
    let e4 = if e3 > swi { swi } else { e3 };
    let etasw5 = if e4 > site.whc { site.whc } else { e4 };
    let etasw = if is_water || ndvi < T::ZERO { w.eto * p.open_water } else { etasw5 };
    let deficit = etc - etasw;
    let netet = if deficit > T::ZERO { deficit } else { T::ZERO };

    // Soil water at the end of the day.
    let dried = swi - etasw;
    let below = if dried < T::ZERO { T::ZERO } else { dried };
    let soil = if swi > site.whc { site.whc - etasw } else { below };

    let daily = [rain, intercept, swe, melt, T::of(pack), swi, soil, srf, dd, etasw5, etasw, etc, netet];
    // A sum is NaN if any of its parts is; infinities never get here.
    let any = site.open + w.ppt + tmin + tmax + tavg + w.ndvi + w.eto;
    if rules.hold_missing && any.is_missing() {
        ([T::NAN; OUTPUTS], before)
    } else {
        (daily, Stores { soil, pack })
    }
}
