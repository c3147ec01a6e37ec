//! What a model says of itself.

use crate::ModelError;
use crate::nearest::nearest;
use seedbed_block::{Date, Unit};
use serde::{Deserialize, Serialize};

/// A model's description: everything a caller must know to feed it.
#[derive(Debug, Clone, Serialize)]
pub struct ModelSpec {
    /// The name it is asked for by.
    pub name: &'static str,
    /// A title of a few words.
    pub title: &'static str,
    /// Goes up whenever the same inputs would give other numbers.
    pub revision: u32,
    /// How often it has something to say.
    pub cadence: Cadence,
    /// Numbers a pixel that a simulation keeps, its statics apart: what a caller
    /// reckons memory by.
    pub stores: usize,
    /// The variants, the first of which is taken where none is named.
    pub variants: &'static [VariantSpec],
    /// Daily inputs, in the order of [`Forcing`](crate::Forcing).
    pub inputs: Vec<InputSpec>,
    /// One value a pixel, in the order of [`Statics`](crate::Statics).
    pub statics: Vec<InputSpec>,
    /// Pairs of inputs, of statics or of parameters by name: the first may not exceed the second.
    pub orders: &'static [(&'static str, &'static str)],
    /// Numbers that hold for the whole run.
    pub parameters: Vec<ParameterSpec>,
    /// Choices that a variant makes and a setting can unmake.
    pub switches: Vec<SwitchSpec>,
    /// Outputs, in the order of [`Outputs`](crate::Outputs).
    pub outputs: Vec<OutputSpec>,
    /// Papers and code the equations come from.
    pub references: &'static [&'static str],
}

/// How often a model has a value of each output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cadence {
    /// One a day.
    #[default]
    Daily,
    /// One a calendar year: what is known of the year at the last of its days
    /// that were simulated.
    Yearly,
}

/// One of a model's variants.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct VariantSpec {
    /// Its name.
    pub name: &'static str,
    /// What sets it apart.
    pub doc: &'static str,
    /// Whether it reproduces another program down to that program's treatment
    /// of stored nodata values, so that single values out of range must pass.
    pub lenient: bool,
    /// Whether the first day of a run counts in sums over months and years.
    pub sums_first_day: bool,
}

/// What to do where an optional input or static isn't given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The mean of `tmin` and `tmax` of the day; the model computes it.
    MeanOfTminTmax,
    /// Hargreaves–Samani from `tmin`, `tmax` and the static `latitude`; the
    /// model computes it where that static is given.
    HargreavesSamani,
    /// The day's length from its date and the static `latitude`; the model
    /// computes it where that static is given.
    DayLength,
    /// The model's own estimate, which this tells in a few words.
    Own(&'static str),
    /// Of a static: latitude of the pixel's centre; whoever knows the grid gives it.
    Latitude,
    /// This value everywhere.
    Value(f64),
    /// Nothing takes its place: what needs it must be given itself.
    Nothing,
}

impl Fallback {
    /// Whether it takes the static `latitude`.
    #[must_use]
    pub fn needs_latitude(self) -> bool {
        matches!(self, Self::HargreavesSamani | Self::DayLength)
    }
}

/// A daily input or a static one.
#[derive(Debug, Clone, Serialize)]
pub struct InputSpec {
    /// The name.
    pub name: &'static str,
    /// Other names it is known by in tables.
    pub aliases: &'static [&'static str],
    /// The unit the model wants.
    pub unit: Unit,
    /// Values outside are no such quantity in that unit.
    pub range: (f64, f64),
    /// Whether it is a mask: 0 or 1, and nothing between.
    pub mask: bool,
    /// Whether the model can't do without it.
    pub required: bool,
    /// What takes its place where it isn't required and not given.
    pub fallback: Fallback,
    /// The variants that use it; empty where all do.
    pub used_in: &'static [&'static str],
    /// What it is.
    pub doc: &'static str,
}

impl InputSpec {
    /// An input that the model can't do without.
    #[must_use]
    pub fn new(name: &'static str, unit: Unit, range: (f64, f64), doc: &'static str) -> Self {
        let (required, fallback) = (true, Fallback::Nothing);
        Self { name, aliases: &[], unit, range, mask: false, required, fallback, used_in: &[], doc }
    }

    /// The same, with what takes its place where it isn't given.
    #[must_use]
    pub fn or(self, fallback: Fallback) -> Self {
        Self { required: false, fallback, ..self }
    }

    /// Whether a variant computes it where it isn't given.
    #[must_use]
    pub fn is_computed_in(&self, variant: &str) -> bool {
        let used = self.used_in.is_empty() || self.used_in.contains(&variant);
        used && !self.required && self.fallback != Fallback::Nothing
    }

    /// How many of the values that are not missing lie outside the range, how
    /// many are not missing, and the first outside.
    #[must_use]
    pub fn outside(&self, values: impl IntoIterator<Item = f64>) -> (usize, usize, Option<f64>) {
        let (mut outside, mut there, mut first) = (0, 0, None);
        for v in values.into_iter().filter(|v| !v.is_nan()) {
            there += 1;
            if v < self.range.0 || v > self.range.1 {
                outside += 1;
                first.get_or_insert(v);
            }
        }
        (outside, there, first)
    }

    /// Of pairs of its values with those of `greater`, which they may not exceed: how many do,
    /// in how many both values are there and in range, and the place of the first that does.
    #[must_use]
    pub fn exceeding(
        &self,
        greater: &Self,
        pairs: impl IntoIterator<Item = (f64, f64)>,
    ) -> (usize, usize, Option<usize>) {
        let holds = |spec: &Self, v: f64| spec.range.0 <= v && v <= spec.range.1;
        let (mut exceeding, mut there, mut first) = (0, 0, None);
        for (place, (a, b)) in pairs.into_iter().enumerate() {
            if holds(self, a) && holds(greater, b) {
                there += 1;
                if a > b {
                    exceeding += 1;
                    first.get_or_insert(place);
                }
            }
        }
        (exceeding, there, first)
    }

    /// Of a mask's values, how many are between 0 and 1, how many there are, and the first
    /// of the former; of what is no mask, none.
    #[must_use]
    pub fn fractions(&self, values: impl IntoIterator<Item = f64>) -> (usize, usize, Option<f64>) {
        let (mut fractions, mut there, mut first) = (0, 0, None);
        for v in values.into_iter().filter(|v| self.mask && !v.is_nan()) {
            there += 1;
            if v > 0.0 && v < 1.0 {
                fractions += 1;
                first.get_or_insert(v);
            }
        }
        (fractions, there, first)
    }
}

/// A number that holds for the whole run.
#[derive(Debug, Clone, Serialize)]
pub struct ParameterSpec {
    /// The name.
    pub name: &'static str,
    /// Its value where none is set; without one it must be set.
    pub default: Option<f64>,
    /// Smallest and largest value.
    pub range: (f64, f64),
    /// The unit, as text: composite units such as mm/degC² occur only here.
    pub unit: &'static str,
    /// The input the default was calibrated for: where that input is computed
    /// by its [`Fallback`], the parameter must be set.
    pub calibrated_for: Option<&'static str>,
    /// What it is.
    pub doc: &'static str,
}

impl ParameterSpec {
    /// A parameter with a value where none is set.
    #[must_use]
    pub fn new(
        name: &'static str,
        default: f64,
        range: (f64, f64),
        unit: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, default: Some(default), range, unit, calibrated_for: None, doc }
    }
}

/// A choice that a variant makes and a setting can unmake.
#[derive(Debug, Clone, Serialize)]
pub struct SwitchSpec {
    /// The name.
    pub name: &'static str,
    /// The variants in which it is on.
    pub on_in: &'static [&'static str],
    /// What it does when on.
    pub doc: &'static str,
}

/// How daily values become a month's or a year's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// The sum of the days.
    #[default]
    Sum,
    /// The mean of the days that have a value.
    Mean,
    /// The last day's value.
    State,
}

/// An output.
#[derive(Debug, Clone, Serialize)]
pub struct OutputSpec {
    /// The name.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// Whether its values are whole numbers in every variant, such as days of the year.
    pub whole: bool,
    /// How it is gathered over a period.
    pub aggregation: Aggregation,
    /// Whether a month's value is among the usual products.
    pub monthly: bool,
    /// Whether a year's value is among the usual products.
    pub yearly: bool,
    /// Variants that don't have it.
    pub absent_in: &'static [&'static str],
    /// What it is.
    pub doc: &'static str,
}

impl OutputSpec {
    /// An output of every variant, whose months and years are among the usual products.
    #[must_use]
    pub fn new(name: &'static str, unit: Unit, aggregation: Aggregation, doc: &'static str) -> Self {
        Self { name, unit, whole: false, aggregation, monthly: true, yearly: true, absent_in: &[], doc }
    }
}

impl ModelSpec {
    /// A daily model of one variant, still without inputs and outputs.
    #[must_use]
    pub fn new(name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            revision: 1,
            cadence: Cadence::Daily,
            stores: 0,
            variants: const {
                &[VariantSpec { name: "default", doc: "the only one", lenient: false, sums_first_day: true }]
            },
            inputs: Vec::new(),
            statics: Vec::new(),
            orders: &[],
            parameters: Vec::new(),
            switches: Vec::new(),
            outputs: Vec::new(),
            references: &[],
        }
    }

    /// The variant of that name.
    ///
    /// # Errors
    /// [`ModelError::UnknownVariant`].
    pub fn variant(&self, name: &str) -> Result<&'static VariantSpec, ModelError> {
        self.variants.iter().find(|v| v.name == name).ok_or_else(|| ModelError::UnknownVariant {
            model: self.name,
            name: name.to_owned(),
            nearest: nearest(name, self.variants.iter().map(|v| v.name)),
        })
    }

    /// The position of an input, by its name or an alias.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<usize> {
        position(&self.inputs, name)
    }

    /// The position of a static input, by its name or an alias.
    #[must_use]
    pub fn static_input(&self, name: &str) -> Option<usize> {
        position(&self.statics, name)
    }

    /// The pairs of `orders` that are inputs, by position.
    pub fn input_orders(&self) -> impl Iterator<Item = (usize, usize)> {
        self.orders.iter().filter_map(|(a, b)| Some((self.input(a)?, self.input(b)?)))
    }

    /// The pairs of `orders` that are static inputs, by position.
    pub fn static_orders(&self) -> impl Iterator<Item = (usize, usize)> {
        self.orders.iter().filter_map(|(a, b)| Some((self.static_input(a)?, self.static_input(b)?)))
    }

    /// The position of an output.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|o| o.name == name)
    }

    /// Rows that [`Outputs`](crate::Outputs) have for such days.
    #[must_use]
    pub fn rows(&self, dates: &[Date]) -> usize {
        match self.cadence {
            Cadence::Daily => dates.len(),
            Cadence::Yearly => crate::years(dates).len(),
        }
    }

    /// The outputs a variant has, with their positions.
    pub fn outputs_of(&self, variant: &str) -> impl Iterator<Item = (usize, &OutputSpec)> {
        self.outputs.iter().enumerate().filter(move |(_, o)| !o.absent_in.contains(&variant))
    }
}

fn position(list: &[InputSpec], name: &str) -> Option<usize> {
    list.iter().position(|i| i.name == name || i.aliases.contains(&name))
}
