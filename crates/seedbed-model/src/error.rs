//! What a model can refuse.

use seedbed_block::{Date, Precision, unit_suffix};

/// What is wrong with a model's settings or data.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No model of that name.
    #[error("no model `{name}`; nearest: {nearest}")]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// A model there is.
        nearest: String,
    },
    /// No variant of that name.
    #[error("model {model} has no variant `{name}`; nearest: {nearest}")]
    UnknownVariant {
        /// The model.
        model: &'static str,
        /// The name asked for.
        name: String,
        /// A variant there is.
        nearest: String,
    },
    /// No parameter, switch or static of that name.
    #[error("model {model} has no setting `{name}`; nearest: {nearest}")]
    UnknownSetting {
        /// The model.
        model: &'static str,
        /// The name asked for.
        name: String,
        /// A setting there is.
        nearest: String,
    },
    /// A setting's value has the wrong kind.
    #[error("setting `{name}` is `{value}`, but must be {expected}")]
    SettingKind {
        /// The setting.
        name: String,
        /// What was written.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A setting or input out of its range.
    #[error("`{name}` is {value}, outside {low} to {high}{} ({doc})", unit_suffix(unit))]
    OutOfRange {
        /// The setting or input, with its day where it has one.
        name: String,
        /// The value.
        value: f64,
        /// Smallest value allowed.
        low: f64,
        /// Largest value allowed.
        high: f64,
        /// The unit.
        unit: String,
        /// What it is.
        doc: &'static str,
    },
    /// A parameter or static exceeds one that it may not exceed.
    #[error(
        "`{lesser}` is {value}{}, more than `{greater}`, which is {limit}; are the two swapped?",
        unit_suffix(unit)
    )]
    Disorder {
        /// What exceeds.
        lesser: &'static str,
        /// Its value.
        value: f64,
        /// What is exceeded.
        greater: &'static str,
        /// Its value.
        limit: f64,
        /// The unit of both.
        unit: String,
    },
    /// On most days a column exceeds one that it may not exceed.
    #[error("`{lesser}` exceeds `{greater}` on {count} of {of} days, first on {first}; are the two swapped?")]
    DisorderedDays {
        /// The column that exceeds.
        lesser: &'static str,
        /// The column that is exceeded.
        greater: &'static str,
        /// On how many days.
        count: usize,
        /// Days that have both.
        of: usize,
        /// The first of them.
        first: Date,
    },
    /// A mask's value is a fraction.
    #[error("`{name}` is {value}, but it is a mask: 0 or 1, and nothing between")]
    Fraction {
        /// The mask.
        name: &'static str,
        /// The value.
        value: f64,
    },
    /// A parameter without default isn't set.
    #[error("parameter `{0}` must be set")]
    Unset(&'static str),
    /// A parameter's default doesn't suit an input computed in place of a given one.
    #[error(
        "parameter `{parameter}` must be set where `{input}` is computed: its default belongs to another source of `{input}`"
    )]
    Uncalibrated {
        /// The parameter.
        parameter: &'static str,
        /// The computed input.
        input: &'static str,
    },
    /// A required input isn't given.
    #[error("model {model} needs {kind} `{name}`")]
    Missing {
        /// The model.
        model: &'static str,
        /// `input` or `static`.
        kind: &'static str,
        /// Its name.
        name: &'static str,
    },
    /// A variant lacks a requested output.
    #[error("variant {variant} of model {model} has no output `{name}`")]
    NoOutput {
        /// The model.
        model: &'static str,
        /// The variant.
        variant: String,
        /// The output.
        name: &'static str,
    },
    /// An array has the wrong length.
    #[error("`{what}` has {got} values, but {expected} are needed")]
    Length {
        /// The array.
        what: String,
        /// Values needed.
        expected: usize,
        /// Values there.
        got: usize,
    },
    /// An array has the other precision.
    #[error("`{what}` is in {got:?} precision, the run in {expected:?}")]
    Precision {
        /// The array.
        what: String,
        /// The run's precision.
        expected: Precision,
        /// The array's.
        got: Precision,
    },
    /// Days repeat or run backwards, within a call or from one call to the next.
    #[error("days must increase: {after} comes after {before}")]
    Order {
        /// The earlier entry.
        before: Date,
        /// The entry that follows it.
        after: Date,
    },
    /// A table skips days.
    #[error("the rows between {after} and {before} are missing; give them, with empty cells")]
    Gap {
        /// The last day before the gap.
        after: Date,
        /// The first day behind it.
        before: Date,
    },
    /// A state of another model, revision or strip.
    #[error("the state is of {found}, but {expected} is needed")]
    State {
        /// What the state says.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// What runs a user's own model failed.
    #[error("model {model} failed")]
    Guest {
        /// The model.
        model: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ModelError {
    /// Whether settings or data are at fault rather than the model's own work.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Guest { .. })
    }
}
