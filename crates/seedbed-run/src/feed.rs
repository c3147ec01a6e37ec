//! A tile's inputs, read a piece of time ahead of the model.

use crate::input_reader::InputReader;
use crate::orders::{Disorder, exceeds, join};
use crate::{RunError, Runner};
use rayon::prelude::*;
use seedbed_block::{Date, Real};

/// Reads the inputs of a tile, on all threads of rayon's pool.
pub(crate) struct Feed<'r, T> {
    runner: &'r Runner<'r>,
    inputs: Vec<InputReader<'r, T>>,
    tile: &'r str,
    pixels: usize,
    /// Day × pixel of each input, of the piece read last.
    ahead: Vec<Vec<T>>,
    /// What was out of order in too few pixels to be an error.
    pub(crate) disorders: Vec<Disorder>,
}

impl<'r, T: Real> Feed<'r, T> {
    /// Of a tile of so many pixels.
    pub(crate) fn new(
        runner: &'r Runner<'r>,
        inputs: Vec<InputReader<'r, T>>,
        (tile, pixels): (&'r str, usize),
    ) -> Self {
        Self { runner, inputs, tile, pixels, ahead: Vec::new(), disorders: Vec::new() }
    }

    /// The inputs' places among the model's, in the order of the arrays.
    pub(crate) fn indices(&self) -> Vec<usize> {
        self.inputs.iter().map(|input| input.index).collect()
    }

    /// Arrays for so many days. Of zeros: the system gives these pages only when they are written
    /// to, which many threads do.
    pub(crate) fn room(&self, days: usize) -> Vec<Vec<T>> {
        self.inputs.iter().map(|_| vec![T::ZERO; days * self.pixels]).collect()
    }

    /// Makes room to read so many days at once.
    pub(crate) fn make_room(&mut self, days: usize) {
        self.ahead = self.room(days);
    }

    /// Reads the days of a piece.
    ///
    /// # Errors
    /// [`RunError::Input`] with the input; [`RunError::Order`] where one exceeds another, which
    /// it may not exceed, in more than half of a day's pixels.
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
        read.into_iter().collect::<Result<(), _>>()?;
        self.hold_to_orders(dates)
    }

    /// Looks at every day for what exceeds that which it may not exceed.
    fn hold_to_orders(&mut self, dates: &[Date]) -> Result<(), RunError> {
        let spec = self.runner.model.spec();
        let place = |index: usize| self.inputs.iter().position(|input| input.index == index);
        for (lesser, greater) in spec.input_orders() {
            let (Some(a), Some(b)) = (place(lesser), place(greater)) else { continue };
            let day = |n: usize| {
                let pixels = n * self.pixels..(n + 1) * self.pixels;
                (&self.ahead[a][pixels.clone()], &self.ahead[b][pixels])
            };
            let suspect = dates.par_iter().enumerate().filter(|(n, _)| {
                let (below, above) = day(*n);
                exceeds(below, above)
            });
            for (n, date) in suspect.collect::<Vec<_>>() {
                let (below, above) = day(n);
                let pairs = below.iter().zip(above).map(|(below, above)| (below.to_f64(), above.to_f64()));
                let (pixels, of, _) = spec.inputs[lesser].exceeding(&spec.inputs[greater], pairs);
                let [lesser, greater] = [a, b].map(|input| format!("inputs.{}", self.inputs[input].name()));
                let (tile, date) = (self.tile.to_owned(), *date);
                if 2 * pixels > of {
                    let path = self.runner.project.path.clone();
                    return Err(RunError::Order { path, lesser, greater, pixels, of, tile, date });
                }
                if pixels > 0 {
                    let more = Disorder { lesser, greater, pixels, tile, date: Some(date) };
                    join(&mut self.disorders, more);
                }
            }
        }
        Ok(())
    }

    /// Gives what was read for arrays that may be read into.
    pub(crate) fn hand_over(&mut self, arrays: &mut Vec<Vec<T>>) {
        std::mem::swap(&mut self.ahead, arrays);
    }
}
