//! Whole runs of a model over arrays, and seeded random weather.

use seedbed_block::{Date, Precision, date};
use seedbed_model::{
    Cadence, Forcing, Model, ModelError, Outputs, SettingValue, Settings, State, Statics, Values, ValuesMut,
};
use std::path::PathBuf;

/// The folder of real files, or a printed line that says it isn't there.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDBED_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: SEEDBED_REAL_DATA is not set");
    }
    folder
}

/// A linear congruential generator: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    /// A number from 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// Statics and forcing of a strip, in 64 bits.
#[derive(Clone)]
pub struct Case {
    pub pixels: usize,
    pub dates: Vec<Date>,
    pub statics: Vec<Option<Vec<f64>>>,
    pub inputs: Vec<Option<Vec<f64>>>,
}

/// Consecutive days.
pub fn days(first: Date, count: usize) -> Vec<Date> {
    first.series(jiff::Span::new().days(1)).take(count).collect()
}

/// Weather with seasons, snow and dry spells, over soils of many kinds.
pub fn weather(seed: u64, pixels: usize, count: usize) -> Case {
    let mut r = Random(seed);
    let dates = days(date(2003, 10, 1), count);
    let mut draw = |low, high| (0..pixels).map(|_| r.between(low, high)).collect::<Vec<f64>>();
    let (whc, fc) = (draw(5.0, 300.0), draw(100.0, 400.0));
    let sat = fc.iter().map(|f| f + 50.0).collect();
    let statics = vec![Some(whc), Some(fc), Some(sat), Some(draw(0.0, 60.0)), Some(vec![0.0; pixels]), None];
    let mut inputs = vec![Vec::new(); 6];
    for d in 0..count {
        // A triangle from −1 to 1 over the year: no function of the platform's mathematics library.
        let season = 1.0 - 4.0 * ((d as f64 / 365.0).fract() - 0.5).abs();
        for _ in 0..pixels {
            let wet = r.unit() < 0.3;
            let rain = if wet { r.between(0.0, 80.0) * r.unit() } else { 0.0 };
            let tmin = -season * 12.0 + r.between(-8.0, 8.0);
            let tmax = tmin + r.between(0.0, 18.0);
            let drawn = [rain, tmin, tmax, 0.5 * (tmin + tmax), r.between(0.0, 0.95), r.between(0.0, 9.0)];
            for (list, value) in inputs.iter_mut().zip(drawn) {
                list.push(value);
            }
        }
    }
    Case { pixels, dates, statics, inputs: inputs.into_iter().map(Some).collect() }
}

/// Settings from text pairs.
pub fn settings(model: &dyn Model, pairs: &[(&str, &str)]) -> Settings {
    let pairs = pairs.iter().map(|(k, v)| (*k, SettingValue::Text((*v).to_owned())));
    Settings::new(model.spec(), pairs).unwrap()
}

/// All outputs of a variant, day × pixel in 64 bits, in the spec's order.
pub type Run = Vec<Option<Vec<f64>>>;

/// Runs a case in pieces that end before the given days, through a checkpoint
/// (and its JSON form) after each.
pub fn run_in_pieces(
    model: &dyn Model,
    settings: &Settings,
    case: &Case,
    precision: Precision,
    cuts: &[usize],
) -> Result<Run, ModelError> {
    let (spec, n, total) = (model.spec(), case.pixels, case.dates.len());
    let mut whole: Run = vec![None; spec.outputs.len()];
    for (i, _) in spec.outputs_of(settings.variant()) {
        whole[i] = Some(Vec::new());
    }
    let statics = Statics { pixels: n, values: case.statics.iter().map(|v| v.as_deref()).collect() };
    let mut state: Option<State> = None;
    let mut from = 0;
    for to in cuts.iter().copied().chain([total]) {
        let mut simulation = model.begin(settings, &statics, precision, state.as_ref())?;
        let part = |v: &Vec<f64>| v[from * n..to * n].to_vec();
        let inputs: Vec<Option<Vec<f64>>> = case.inputs.iter().map(|v| v.as_ref().map(part)).collect();
        let single: Vec<Option<Vec<f32>>> =
            inputs.iter().map(|v| v.as_ref().map(|v| v.iter().map(|x| *x as f32).collect())).collect();
        let rows = spec.rows(&case.dates[from..to]);
        let size = rows * n;
        let mut doubles: Vec<_> = whole.iter().map(|v| v.as_ref().map(|_| vec![0.0_f64; size])).collect();
        let mut singles: Vec<_> = whole.iter().map(|v| v.as_ref().map(|_| vec![0.0_f32; size])).collect();
        let (given, wanted) = match precision {
            Precision::Double => (
                inputs.iter().map(|v| v.as_deref().map(Values::F64)).collect(),
                doubles.iter_mut().map(|v| v.as_deref_mut().map(ValuesMut::F64)).collect(),
            ),
            Precision::Single => (
                single.iter().map(|v| v.as_deref().map(Values::F32)).collect(),
                singles.iter_mut().map(|v| v.as_deref_mut().map(ValuesMut::F32)).collect(),
            ),
        };
        let forcing = Forcing { dates: &case.dates[from..to], inputs: given };
        simulation.advance(&forcing, &mut Outputs { values: wanted })?;
        // Of a year that goes on, what is known by now takes the place of what was.
        let goes_on = spec.cadence == Cadence::Yearly && from > 0 && rows > 0;
        let known = if goes_on && case.dates[from - 1].year() == case.dates[from].year() { n } else { 0 };
        for (i, list) in whole.iter_mut().enumerate() {
            if let Some(list) = list {
                list.truncate(list.len() - known);
                match precision {
                    Precision::Double => list.extend(doubles[i].as_ref().unwrap()),
                    Precision::Single => {
                        list.extend(singles[i].as_ref().unwrap().iter().map(|v| f64::from(*v)));
                    }
                }
            }
        }
        let text = serde_json::to_string(&simulation.checkpoint()?).unwrap();
        state = Some(serde_json::from_str(&text).unwrap());
        from = to;
    }
    Ok(whole)
}

/// Runs a case in one piece.
pub fn run(model: &dyn Model, settings: &Settings, case: &Case, precision: Precision) -> Run {
    run_in_pieces(model, settings, case, precision, &[]).unwrap()
}

/// Bits that tell any two different numbers apart, all NaNs being one.
pub fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// FNV-1a over the bits of every output of a run.
pub fn fingerprint(model: &dyn Model, variant: &str, case: &Case, precision: Precision) -> u64 {
    let out = run(model, &settings(model, &[("variant", variant)]), case, precision);
    let bytes = out.iter().flatten().flatten().flat_map(|v| bits(*v).to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
