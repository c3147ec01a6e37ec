//! A tile's inputs, read a piece of time ahead of the model.

use crate::input_reader::InputReader;
use crate::{RunError, Runner};
use rayon::prelude::*;
use seedbed_block::{Date, Real};

/// Reads the inputs of a tile, on all threads of rayon's pool.
pub(crate) struct Feed<'r, T> {
    runner: &'r Runner<'r>,
    inputs: Vec<InputReader<'r, T>>,
    pixels: usize,
    /// Day × pixel of each input, of the piece read last.
    ahead: Vec<Vec<T>>,
}

impl<'r, T: Real> Feed<'r, T> {
    pub(crate) fn new(runner: &'r Runner<'r>, inputs: Vec<InputReader<'r, T>>, pixels: usize) -> Self {
        Self { runner, inputs, pixels, ahead: Vec::new() }
    }

    /// The inputs' places among the model's, in the order of the arrays.
    pub(crate) fn indices(&self) -> Vec<usize> {
        self.inputs.iter().map(|input| input.index).collect()
    }

    /// Arrays for so many days.
    pub(crate) fn room(&self, days: usize) -> Vec<Vec<T>> {
        self.inputs.iter().map(|_| vec![T::NAN; days * self.pixels]).collect()
    }

    /// Makes room to read so many days at once.
    pub(crate) fn make_room(&mut self, days: usize) {
        self.ahead = self.room(days);
    }

    /// Reads the days of a piece.
    ///
    /// # Errors
    /// [`RunError::Input`] with the input.
    pub(crate) fn read(&mut self, dates: &[Date]) -> Result<(), RunError> {
        let (runner, count) = (self.runner, dates.len() * self.pixels);
        let inputs = self.inputs.par_iter_mut().zip(&mut self.ahead);
        let read: Vec<Result<(), RunError>> = inputs
            .map(|(input, values)| {
                let read = input.read_into(dates, &mut values[..count]);
                read.map_err(|source| runner.input_error("inputs", input.name(), source))
            })
            .collect();
        // The first in the model's order, whichever came to its end first.
        read.into_iter().collect()
    }

    /// Gives what was read for arrays that may be read into.
    pub(crate) fn hand_over(&mut self, arrays: &mut Vec<Vec<T>>) {
        std::mem::swap(&mut self.ahead, arrays);
    }
}
