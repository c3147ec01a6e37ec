//! What a guest is asked, and where its answer goes.

use seedbed_block::{Date, Unit};
use seedbed_model::{Settings, Values, ValuesMut};

/// An array that a guest is given.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The name of the input, static or state.
    pub name: &'static str,
    /// Its unit; states have none.
    pub unit: Option<Unit>,
    /// Row × pixel, or only pixels where there are no rows.
    pub rows: Option<usize>,
    /// The numbers; NaN is missing.
    pub values: Values<'a>,
}

/// An array that a guest fills.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The name of the output or state.
    pub name: &'static str,
    /// Its unit; states have none.
    pub unit: Option<Unit>,
    /// Row × pixel, or only pixels where there are no rows.
    pub rows: Option<usize>,
    /// Where the numbers go; NaN is missing.
    pub values: ValuesMut<'a>,
}

/// One call: days that follow each other, for pixels that don't know of each other.
#[derive(Debug)]
pub struct Call<'a> {
    /// The model's name.
    pub model: &'static str,
    /// Variant, parameters and switches.
    pub settings: &'a Settings,
    /// Pixels of the strip.
    pub pixels: usize,
    /// The days.
    pub dates: &'a [Date],
    /// Statics, inputs, and what was kept; nothing kept before the first day.
    pub given: Vec<Given<'a>>,
    /// Outputs, then what is to be kept.
    pub wanted: Vec<Wanted<'a>>,
}

/// The arrays that an answer still owes.
pub(crate) struct Owed(Vec<&'static str>);

impl Owed {
    /// All that is wanted.
    pub(crate) fn of(wanted: &[Wanted<'_>]) -> Self {
        Self(wanted.iter().map(|w| w.name).collect())
    }

    /// Where an array of the answer goes; or what is wrong with there being one of this name.
    pub(crate) fn place<'w, 'a>(
        &mut self,
        wanted: &'w mut [Wanted<'a>],
        name: &str,
    ) -> Result<&'w mut Wanted<'a>, String> {
        let Some(slot) = wanted.iter_mut().find(|w| w.name == name) else {
            return Err(format!("`{name}`, which was not asked for"));
        };
        let Some(at) = self.0.iter().position(|owed| *owed == name) else {
            return Err(format!("`{name}` twice"));
        };
        self.0.remove(at);
        Ok(slot)
    }

    /// What is wrong where something is still owed at the answer's end.
    pub(crate) fn settled(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("no `{}`", self.0.join("`, `"))) }
    }
}
