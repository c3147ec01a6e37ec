//! Models, the simulations they start, and the arrays these eat and fill.

use crate::values::{Number, checked, checked_mut, length};
use crate::{Balance, BalanceRule, ModelError, ModelSpec, Settings, State, Values, ValuesMut};
use seedbed_block::{Date, Precision};

/// A model.
pub trait Model: Send + Sync {
    /// Its description.
    fn spec(&self) -> &ModelSpec;

    /// The digest of the program behind it, for a model whose code is not in this
    /// one: other bytes, other results.
    fn program(&self) -> Option<&str> {
        None
    }

    /// Starts a simulation of one strip of pixels, cold or from a state that
    /// another simulation of the same strip left.
    ///
    /// # Errors
    /// [`ModelError`] for statics that are absent or of the wrong length, or a
    /// state of another model.
    fn begin(
        &self,
        settings: &Settings,
        statics: &Statics<'_>,
        precision: Precision,
        from: Option<&State>,
    ) -> Result<Box<dyn Simulation>, ModelError>;

    /// What its outputs must add up to; most models have no such rule.
    fn balance(&self) -> Option<&'static BalanceRule> {
        None
    }
}

/// A model on its way through time on one strip of pixels.
pub trait Simulation: Send {
    /// Simulates the forcing's days and writes the outputs asked for.
    ///
    /// # Errors
    /// [`ModelError`] for arrays that are absent, of the wrong length or of the
    /// wrong precision, and for days that don't follow those before. Nothing is
    /// simulated then.
    fn advance(&mut self, forcing: &Forcing<'_>, out: &mut Outputs<'_>) -> Result<(), ModelError>;

    /// What to begin from to go on behind the last day.
    ///
    /// # Errors
    /// [`ModelError`] where the model can't stop here.
    fn checkpoint(&self) -> Result<State, ModelError>;

    /// From here on holds every day to the model's [`Model::balance`]; gives whether it
    /// can. Outputs stay the same to the last bit.
    fn keep_books(&mut self) -> bool {
        false
    }

    /// The balances of the days since it was asked last, one a day in order; none of a
    /// simulation that keeps no books.
    fn take_balances(&mut self) -> Vec<Balance> {
        Vec::new()
    }
}

/// One value a pixel for each static input.
#[derive(Debug, Clone, Default)]
pub struct Statics<'a> {
    /// Number of pixels in the strip.
    pub pixels: usize,
    /// In the spec's order; NaN is missing.
    pub values: Vec<Option<&'a [f64]>>,
}

/// Days × pixels of each input.
#[derive(Debug, Clone, Default)]
pub struct Forcing<'a> {
    /// The days, strictly increasing.
    pub dates: &'a [Date],
    /// In the spec's order, each day × pixel; NaN is missing.
    pub inputs: Vec<Option<Values<'a>>>,
}

/// Rows × pixels of each output that is wanted.
#[derive(Debug, Default)]
pub struct Outputs<'a> {
    /// In the spec's order, each row × pixel. A model of
    /// [`Cadence::Daily`](crate::Cadence) fills a row a day; one of
    /// `Cadence::Yearly` a row for each calendar year that the forcing's days touch
    /// ([`years`]), and again, with what it knows by then, when the year goes on in
    /// a later call.
    pub values: Vec<Option<ValuesMut<'a>>>,
}

impl<'a> Statics<'a> {
    /// The values of a static input, `None` where it isn't given.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if it is required, [`ModelError::Length`].
    pub fn get(&self, spec: &ModelSpec, index: usize) -> Result<Option<&'a [f64]>, ModelError> {
        let input = &spec.statics[index];
        match self.values.get(index).copied().flatten() {
            Some(v) => length(input.name, v.len(), self.pixels).map(|()| Some(v)),
            None if input.required => {
                Err(ModelError::Missing { model: spec.name, kind: "static", name: input.name })
            }
            None => Ok(None),
        }
    }
}

impl<'a> Forcing<'a> {
    /// The values of an input, `None` where it isn't given.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if it is required, [`ModelError::Length`],
    /// [`ModelError::Precision`].
    pub fn get<T: Number>(
        &self,
        spec: &ModelSpec,
        index: usize,
        pixels: usize,
    ) -> Result<Option<&'a [T]>, ModelError> {
        let input = &spec.inputs[index];
        match self.inputs.get(index).copied().flatten() {
            Some(v) => checked(input.name, &v, self.dates.len() * pixels).map(Some),
            None if input.required => {
                Err(ModelError::Missing { model: spec.name, kind: "input", name: input.name })
            }
            None => Ok(None),
        }
    }

    /// Refuses days that repeat, run backwards, or don't follow `last`.
    ///
    /// # Errors
    /// [`ModelError::Order`].
    pub fn check_order(&self, last: Option<Date>) -> Result<(), ModelError> {
        let order = |before, after| ModelError::Order { before, after };
        if let (Some(last), Some(first)) = (last, self.dates.first())
            && *first <= last
        {
            return Err(order(last, *first));
        }
        match self.dates.windows(2).find(|w| w[0] >= w[1]) {
            Some(w) => Err(order(w[0], w[1])),
            None => Ok(()),
        }
    }
}

/// The calendar years that days in increasing order touch.
///
/// # Examples
/// ```
/// use seedbed_block::date;
/// assert_eq!(seedbed_model::years(&[date(2003, 12, 31), date(2004, 1, 1)]), [2003, 2004]);
/// ```
#[must_use]
pub fn years(dates: &[Date]) -> Vec<i16> {
    let mut years: Vec<i16> = dates.iter().map(|day| day.year()).collect();
    years.dedup();
    years
}

impl Outputs<'_> {
    /// The arrays that are wanted, with their positions, for such days of a strip.
    ///
    /// # Errors
    /// [`ModelError::NoOutput`] for one that the variant hasn't, [`ModelError::Length`],
    /// [`ModelError::Precision`].
    pub fn get<T: Number>(
        &mut self,
        spec: &ModelSpec,
        variant: &str,
        dates: &[Date],
        pixels: usize,
    ) -> Result<Vec<(usize, &mut [T])>, ModelError> {
        let expected = spec.rows(dates) * pixels;
        let wanted = self.values.iter_mut().zip(&spec.outputs).enumerate();
        wanted
            .filter_map(|(i, (v, o))| Some((i, o, v.as_mut()?)))
            .map(|(i, output, values)| {
                if output.absent_in.contains(&variant) {
                    return Err(ModelError::NoOutput {
                        model: spec.name,
                        variant: variant.to_owned(),
                        name: output.name,
                    });
                }
                Ok((i, checked_mut(output.name, values, expected)?))
            })
            .collect()
    }
}
