//! A strip of pixels on its way through time.

use super::books;
use super::day::{OUTPUTS, Stores, day};
use super::parameters::{Parameters, Rules};
use super::site::{LANE, Lane, Sites};
use super::spec::{fixed, input};
use super::weather::{Fields, Weathers, put};
use crate::reference_et::{SolarDay, hargreaves_samani};
use crate::values::Number;
use crate::{Balance, Forcing, ModelError, ModelSpec, Outputs, Simulation, State, Statics};
use seedbed_block::Date;
use seedbed_block::simd::{Level, Work};
use std::collections::BTreeMap;

/// A simulation of VegET.
#[derive(Debug)]
pub struct Strip<T> {
    spec: &'static ModelSpec,
    variant: String,
    parameters: Parameters<T>,
    rules: Rules,
    sites: Sites<T>,
    pixels: usize,
    /// `SWf`, pixel after pixel, the last lane filled up.
    soil: Vec<[T; LANE]>,
    /// `SNWPK` likewise.
    pack: Vec<[f64; LANE]>,
    level: Level,
    last: Option<Date>,
    /// The balances of days that nobody has asked for, where books are kept.
    books: Option<Vec<Balance>>,
}

impl<T: Number> Strip<T> {
    /// A strip, half full and without snow, or as a state has it.
    pub fn new(
        spec: &'static ModelSpec,
        variant: &str,
        parameters: Parameters<T>,
        rules: Rules,
        level: Level,
        statics: &Statics<'_>,
        from: Option<&State>,
    ) -> Result<Self, ModelError> {
        let sites = Sites::new(spec, rules, statics)?;
        let pixels = statics.pixels;
        let mut strip = Self {
            spec,
            variant: variant.to_owned(),
            parameters,
            rules,
            pixels,
            soil: sites.lanes.iter().map(|site| site.whc.map(|w| T::of(0.5) * w)).collect(),
            pack: vec![[0.0; LANE]; sites.lanes.len()],
            sites,
            level,
            last: None,
            books: None,
        };
        if let Some(state) = from {
            state.check(spec)?;
            let soil = strip.soil.as_flattened_mut().iter_mut().zip(state.vector("swf", pixels)?);
            soil.for_each(|(to, from)| *to = T::of(*from));
            let pack = strip.pack.as_flattened_mut().iter_mut().zip(state.vector("snwpk", pixels)?);
            pack.for_each(|(to, from)| *to = *from);
            strip.last = state.last;
        }
        Ok(strip)
    }

    /// Reference ET by Hargreaves–Samani, for a run that is given none.
    fn compute_eto(&self, dates: &[Date], tmin: &[T], tmax: &[T]) -> Result<Vec<T>, ModelError> {
        let latitude = self.sites.latitude.as_ref().ok_or(ModelError::Missing {
            model: self.spec.name,
            kind: "input `eto` or static",
            name: self.spec.statics[fixed::LATITUDE].name,
        })?;
        let n = self.pixels;
        let mut eto = Vec::with_capacity(tmin.len());
        for (d, date) in dates.iter().enumerate() {
            let sun = SolarDay::new(*date);
            let today = d * n..(d + 1) * n;
            let pairs = tmin[today.clone()].iter().zip(&tmax[today]);
            eto.extend(pairs.zip(latitude).map(|((low, high), phi)| {
                T::of(hargreaves_samani(low.to_f64(), high.to_f64(), sun.radiation(*phi)))
            }));
        }
        Ok(eto)
    }
}

/// Lanes that go through all days of a call before the next ones do: their stores and
/// statics stay in the cache, and the inputs are read in long runs.
const BLOCK: usize = 16;

/// A call's work.
struct Advance<'a, 'b, T> {
    parameters: &'a Parameters<T>,
    rules: Rules,
    sites: &'a Sites<T>,
    soil: &'a mut [[T; LANE]],
    pack: &'a mut [[f64; LANE]],
    pixels: usize,
    /// Whether its first day is the run's.
    fresh: bool,
    days: usize,
    fields: Fields<'a, T>,
    outputs: &'a mut [(usize, &'b mut [T])],
    /// One a day, where books are kept.
    books: Option<&'a mut [Balance]>,
}

impl<T: Number> Work for Advance<'_, '_, T> {
    #[inline(always)]
    fn run(mut self) {
        let (n, p) = (self.pixels, self.parameters);
        let mut daily = [[T::ZERO; LANE]; OUTPUTS];
        let mut room = [[T::ZERO; LANE]; 6];
        let tolerance = T::of(books::RULE.tolerance(T::PRECISION));
        // Rules that the compiler knows leave no choices in the loop over pixels: those
        // of the two usual variants, on all days but the first, have a loop of their own.
        let kind = [Rules::REFERENCE, Rules::DEFAULT].iter().position(|usual| *usual == self.rules);
        for block in (0..self.soil.len()).step_by(BLOCK) {
            let lanes = block..self.soil.len().min(block + BLOCK);
            for d in 0..self.days {
                let mut book = self.books.is_some().then(|| books::Day::new(tolerance));
                for k in lanes.clone() {
                    let width = LANE.min(n - k * LANE);
                    let (first, at) = (self.fresh && d == 0, d * n + k * LANE);
                    let weather = self.fields.lane(at, width, &mut room);
                    let site = &self.sites.lanes[k];
                    let (soil, pack) = (&mut self.soil[k], &mut self.pack[k]);
                    let before = book.is_some().then_some((*soil, *pack));
                    let stores = (&mut *soil, &mut *pack);
                    match kind {
                        Some(0) if !first => {
                            pass(p, Rules::REFERENCE, site, stores, false, &weather, &mut daily);
                        }
                        Some(1) if !first => {
                            pass(p, Rules::DEFAULT, site, stores, false, &weather, &mut daily);
                        }
                        _ => pass(p, self.rules, site, stores, first, &weather, &mut daily),
                    }
                    if let (Some(book), Some(before)) = (&mut book, &before) {
                        let lane = books::Booked {
                            site,
                            before: (&before.0, &before.1),
                            after: (soil, pack),
                            weather: &weather,
                            daily: &daily,
                            first: k * LANE,
                            width,
                        };
                        book.book(self.rules, &lane);
                    }
                    for (index, values) in self.outputs.iter_mut() {
                        put(&daily[*index], &mut values[at..][..width]);
                    }
                }
                if let (Some(book), Some(books)) = (book, &mut self.books) {
                    books[d].join(&book.finish());
                }
            }
        }
    }
}

/// Takes a lane through a day.
#[inline(always)]
fn pass<T: Number>(
    p: &Parameters<T>,
    rules: Rules,
    site: &Lane<T>,
    (soil, pack): (&mut [T; LANE], &mut [f64; LANE]),
    first: bool,
    weather: &Weathers<'_, T>,
    daily: &mut [[T; LANE]; OUTPUTS],
) {
    for l in 0..LANE {
        let before = Stores { soil: soil[l], pack: pack[l] };
        let (values, after) = day(p, rules, site.at(l), before, first, weather.at(l));
        for (output, value) in daily.iter_mut().zip(values) {
            output[l] = value;
        }
        (soil[l], pack[l]) = (after.soil, after.pack);
    }
}

impl<T: Number> Simulation for Strip<T> {
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError> {
        forcing.check_order(self.last)?;
        let n = self.pixels;
        let get = |index| forcing.get::<T>(self.spec, index, n);
        let required = |index: usize| {
            let name = self.spec.inputs[index].name;
            get(index)?.ok_or(ModelError::Missing { model: self.spec.name, kind: "input", name })
        };
        let ppt = required(input::PPT)?;
        let (tmin, tmax) = (required(input::TMIN)?, required(input::TMAX)?);
        let tavg = get(input::TAVG)?;
        let ndvi = required(input::NDVI)?;
        let mut outputs = out.get::<T>(self.spec, &self.variant, forcing.dates, n)?;
        let computed;
        let eto = if let Some(given) = get(input::ETO)? {
            given
        } else {
            computed = self.compute_eto(forcing.dates, tmin, tmax)?;
            &computed
        };

        let fields = Fields { ppt, tmin, tmax, tavg, ndvi, eto };
        let books = self.books.as_mut().map(|books| {
            let before = books.len();
            books.resize(before + forcing.dates.len(), Balance::default());
            &mut books[before..]
        });
        self.level.run(Advance {
            parameters: &self.parameters,
            rules: self.rules,
            sites: &self.sites,
            soil: &mut self.soil,
            pack: &mut self.pack,
            pixels: n,
            fresh: self.last.is_none(),
            days: forcing.dates.len(),
            fields,
            outputs: &mut outputs,
            books,
        });
        self.last = forcing.dates.last().copied().or(self.last);
        Ok(())
    }

    fn keep_books(&mut self) -> bool {
        self.books.get_or_insert_default();
        true
    }

    fn take_balances(&mut self) -> Vec<Balance> {
        self.books.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn checkpoint(&self) -> Result<State, ModelError> {
        let soil = self.soil.as_flattened()[..self.pixels].iter().map(|x| x.to_f64()).collect();
        let pack = self.pack.as_flattened()[..self.pixels].to_vec();
        Ok(State {
            model: self.spec.name.to_owned(),
            revision: self.spec.revision,
            last: self.last,
            vectors: BTreeMap::from([("swf".to_owned(), soil), ("snwpk".to_owned(), pack)]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::veget::SPEC;
    use crate::{Settings, Values, ValuesMut};
    use seedbed_block::Period;

    /// Outputs of seeded weather, some of it missing, by the instructions of a level.
    fn outputs<T: Number>(
        level: Level,
        pairs: &[(&str, bool)],
        given: impl Fn(&[T]) -> Values<'_>,
        wanted: impl Fn(&mut [T]) -> ValuesMut<'_>,
    ) -> Vec<u64> {
        const PIXELS: usize = 150;
        let dates: Vec<Date> = Period::year(2003).days().take(90).collect();
        let mut seed = 7_u32;
        let mut draw = move |low: f64, high: f64| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = f64::from(seed >> 8) / f64::from(1 << 24);
            if unit < 0.002 { f64::NAN } else { low + (high - low) * unit }
        };
        let statics: Vec<Vec<f64>> =
            [(0.0, 200.0), (100.0, 300.0), (300.0, 500.0), (0.0, 60.0), (0.0, 1.0), (0.0, 60.0)]
                .iter()
                .map(|(low, high)| (0..PIXELS).map(|_| draw(*low, *high)).collect())
                .collect();
        let mut inputs: Vec<Vec<T>> = vec![Vec::new(); 6];
        for _ in 0..dates.len() * PIXELS {
            let (low, swing) = (draw(-15.0, 18.0), draw(0.0, 15.0));
            let day =
                [draw(-60.0, 60.0), low, low + swing, low + swing / 2.0, draw(-0.1, 0.9), draw(0.0, 8.0)];
            inputs.iter_mut().zip(day).for_each(|(list, v)| list.push(T::of(v)));
        }
        let pairs = pairs.iter().map(|(name, on)| (*name, crate::SettingValue::Flag(*on)));
        let settings = Settings::new(&SPEC, pairs).unwrap();
        let statics = Statics { pixels: PIXELS, values: statics.iter().map(|v| Some(&v[..])).collect() };
        let rules = Rules::new(&settings);
        let parameters = Parameters::new(&settings);
        let mut strip = Strip::<T>::new(&SPEC, "default", parameters, rules, level, &statics, None).unwrap();
        let mut made = vec![vec![T::ZERO; dates.len() * PIXELS]; OUTPUTS];
        let forcing = Forcing { dates: &dates, inputs: inputs.iter().map(|v| Some(given(v))).collect() };
        let values = made.iter_mut().map(|v| Some(wanted(v))).collect();
        strip.advance(&forcing, &mut Outputs { values }).unwrap();
        made.into_iter()
            .flatten()
            .map(|v| if v.is_missing() { f64::NAN.to_bits() } else { v.to_f64().to_bits() })
            .collect()
    }

    #[test]
    fn every_set_of_instructions_gives_the_same_bits() {
        let all_off: Vec<(&str, bool)> = SPEC.switches.iter().map(|s| (s.name, false)).collect();
        let melting = [("melt_every_day", true), ("hold_missing", false)];
        for pairs in [&[][..], &all_off[..], &melting[..]] {
            let single = |level| outputs::<f32>(level, pairs, |v| Values::F32(v), |v| ValuesMut::F32(v));
            let double = |level| outputs::<f64>(level, pairs, |v| Values::F64(v), |v| ValuesMut::F64(v));
            let base = Level::all()[0];
            let (f32s, f64s) = (single(base), double(base));
            for level in Level::all() {
                assert!(single(level) == f32s && double(level) == f64s, "{level:?} {pairs:?}");
            }
        }
    }

    /// The pack behind a winter on which some snow falls each day.
    fn winter<T: Number>(given: impl Fn(&[T]) -> Values<'_>) -> f64 {
        let dates: Vec<Date> = Period::year(2003).days().collect();
        let settings = Settings::new(&SPEC, []).unwrap();
        let rules = Rules::new(&settings);
        let statics: Vec<[f64; 1]> = [100.0, 200.0, 300.0, 7.0, 0.0].map(|value| [value]).to_vec();
        let statics = Statics { pixels: 1, values: statics.iter().map(|v| Some(&v[..])).collect() };
        let strip = |from: Option<&State>| {
            let level = Level::best();
            Strip::<T>::new(&SPEC, "default", Parameters::new(&settings), rules, level, &statics, from)
                .unwrap()
        };
        let mut state = strip(None).checkpoint().unwrap();
        state.vectors.insert("snwpk".to_owned(), vec![2306.4]);
        let mut strip = strip(Some(&state));
        let each = [0.37, -12.3, -4.1, -8.2, 0.2, 1.0].map(|v| vec![T::of(v); dates.len()]);
        let forcing = Forcing { dates: &dates, inputs: each.iter().map(|v| Some(given(v))).collect() };
        strip.advance(&forcing, &mut Outputs { values: (0..OUTPUTS).map(|_| None).collect() }).unwrap();
        strip.checkpoint().unwrap().vectors["snwpk"][0]
    }

    #[test]
    fn a_deep_pack_does_not_drift_in_32_bits() {
        let (single, double) = (winter::<f32>(|v| Values::F32(v)), winter::<f64>(|v| Values::F64(v)));
        assert!(double > 2400.0, "{double}");
        assert!((single - double).abs() < 1e-5, "{single} {double}");
    }
}
